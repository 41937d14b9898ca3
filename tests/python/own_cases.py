"""Cases of our own: operators and attributes without a conformance case, old operator sets, shapes that are not known."""
import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from conformance_cases import differentiable
from gradient_checker import Case

TYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int64): TensorProto.INT64,
         np.dtype(np.bool_): TensorProto.BOOL, np.dtype(np.float64): TensorProto.DOUBLE}
rng = np.random.default_rng(7)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def positive(*shape):
    return rng.uniform(0.5, 2, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def described(name, value, know):
    """What the model file says of a shape: everything, symbols, only the rank, or nothing."""
    return {"static": list(value.shape), "dynamic": [f"{name}{i}" for i in range(value.ndim)],
            "batch": ["N", *value.shape[1:]][:value.ndim], "rank": [None] * value.ndim, "nothing": None}[know]


def case(name, op, *inputs, opset=18, domain="", constant=(), know="static", wrt=None, outputs=1, of=0, **attributes):
    """One node. Inputs at `constant` positions are initializers; None leaves an input out."""
    names = [f"x{i}" if value is not None else "" for i, value in enumerate(inputs)]
    makes = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, makes, domain=domain, **attributes)
    fed = {n: v for i, (n, v) in enumerate(zip(names, inputs)) if v is not None and i not in constant}
    fixed = [numpy_helper.from_array(inputs[i], names[i]) for i in constant]
    graph = helper.make_graph(
        [node], "case", [helper.make_tensor_value_info(n, TYPES[v.dtype], described(n, v, know)) for n, v in fed.items()],
        [helper.make_tensor_value_info(makes[of], TensorProto.FLOAT, None)], fixed)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])],
                              ir_version=8)
    return Case(f"own-{op.lower()}-{name}", model, fed, [names[i] for i in wrt] if wrt else differentiable(node, fed))


# --- convolutions --------------------------------------------------------------------------------

# name: input, weights, attributes
CONVOLUTIONS = {
    "1d-stride2-odd": ((2, 3, 11), (4, 3, 3), dict(strides=[2], pads=[1, 1])),
    "1d-stride3-beyond-kernel": ((1, 2, 12), (3, 2, 2), dict(strides=[3])),
    "1d-dilated": ((1, 2, 12), (3, 2, 3), dict(dilations=[3], pads=[2, 0])),
    "1d-1x1-stride2": ((1, 4, 9), (3, 4, 1), dict(strides=[2])),
    "2d-3x3": ((2, 3, 5, 6), (4, 3, 3, 3), dict(pads=[1, 1, 1, 1])),
    "2d-no-pads": ((1, 2, 6, 5), (3, 2, 3, 2), {}),
    "2d-asymmetric": ((1, 2, 6, 7), (3, 2, 3, 3), dict(pads=[0, 2, 1, 0])),
    "2d-pads-beyond-kernel": ((1, 2, 4, 4), (2, 2, 2, 2), dict(pads=[3, 3, 3, 3])),
    "2d-same-upper": ((1, 2, 7, 6), (3, 2, 4, 3), dict(auto_pad="SAME_UPPER", strides=[2, 3])),
    "2d-same-lower": ((1, 2, 7, 6), (3, 2, 4, 3), dict(auto_pad="SAME_LOWER", strides=[2, 1])),
    "2d-valid": ((1, 2, 7, 6), (3, 2, 3, 3), dict(auto_pad="VALID", strides=[2, 2])),
    "2d-stride2-even": ((1, 5, 8, 8), (6, 5, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1])),
    "2d-stride2-odd": ((2, 5, 9, 7), (4, 5, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1])),
    "2d-stride-beyond-kernel": ((1, 5, 9, 10), (4, 5, 2, 2), dict(strides=[3, 3])),
    "2d-strides-differ": ((1, 5, 9, 10), (4, 5, 3, 3), dict(strides=[1, 2], pads=[1, 0, 1, 1])),
    "2d-1x1-stride2": ((1, 6, 8, 7), (5, 6, 1, 1), dict(strides=[2, 2])),
    "2d-1x1-stride3": ((1, 6, 9, 9), (5, 6, 1, 1), dict(strides=[3, 3])),
    "2d-depthwise": ((1, 4, 6, 6), (4, 1, 3, 3), dict(group=4, pads=[1, 1, 1, 1])),
    "2d-depthwise-stride2": ((2, 4, 8, 8), (4, 1, 3, 3), dict(group=4, strides=[2, 2], pads=[1, 1, 1, 1])),
    "2d-depthwise-stride2-odd": ((1, 4, 7, 9), (8, 1, 3, 3), dict(group=4, strides=[2, 2], pads=[1, 1, 1, 1])),
    "2d-grouped": ((1, 4, 6, 5), (6, 2, 3, 3), dict(group=2, pads=[1, 1, 1, 1])),
    "2d-grouped-stride2": ((1, 4, 8, 6), (6, 2, 3, 3), dict(group=2, strides=[2, 2], pads=[1, 1, 1, 1])),
    "2d-dilated": ((1, 2, 9, 9), (3, 2, 3, 3), dict(dilations=[2, 3], pads=[2, 3, 2, 3])),
    "2d-dilated-stride2": ((1, 2, 9, 9), (3, 2, 3, 3), dict(dilations=[2, 2], strides=[2, 2], pads=[2, 2, 2, 2])),
    "2d-stem-stride2": ((2, 3, 12, 12), (4, 3, 7, 7), dict(strides=[2, 2], pads=[3, 3, 3, 3])),
    "2d-stem-stride2-odd": ((1, 3, 11, 13), (4, 3, 5, 5), dict(strides=[2, 2], pads=[2, 2, 2, 2])),
    "2d-stem-stride4": ((1, 3, 19, 16), (4, 3, 8, 8), dict(strides=[4, 4], pads=[2, 2, 2, 2])),
    "2d-patches": ((2, 3, 8, 8), (5, 3, 4, 4), dict(strides=[4, 4])),
    "2d-patches-odd": ((1, 3, 9, 11), (5, 3, 4, 4), dict(strides=[4, 4])),
    "2d-patches-many-channels": ((1, 6, 6, 6), (5, 6, 2, 2), dict(strides=[2, 2])),
    "2d-rest-unreached": ((1, 5, 10, 10), (4, 5, 3, 3), dict(strides=[4, 4])),
    "3d": ((1, 2, 4, 5, 4), (3, 2, 3, 2, 3), dict(pads=[1, 0, 1, 1, 1, 1])),
    "3d-stride2": ((1, 2, 5, 6, 5), (3, 2, 3, 3, 3), dict(strides=[2, 2, 2], pads=[1] * 6)),
    "3d-grouped-strides-differ": ((1, 4, 5, 4, 6), (4, 2, 2, 3, 2), dict(group=2, strides=[1, 2, 3])),
}


def convolutions():
    for name, (x, w, attributes) in CONVOLUTIONS.items():
        inputs = normal(*x), normal(*w), normal(w[0])
        yield case(name, "Conv", *inputs, constant=(1, 2), **attributes)
        yield case(name + "-free-batch", "Conv", *inputs, constant=(1, 2), know="batch", **attributes)
        if "auto_pad" not in attributes or attributes["auto_pad"] == "VALID":
            yield case(name + "-dynamic", "Conv", *inputs, constant=(1, 2), know="rank", **attributes)
        yield case(name + "-computed-weights", "Conv", *inputs, **attributes)
    for name, x, w, attributes in [
            ("stride2", (1, 3, 4, 5), (3, 2, 3, 3), dict(strides=[2, 2])),
            ("output-padding", (1, 3, 4, 5), (3, 2, 3, 3), dict(strides=[2, 2], pads=[1] * 4, output_padding=[1, 1])),
            ("grouped-dilated", (1, 4, 4, 4), (4, 3, 2, 2), dict(group=2, dilations=[2, 1], strides=[1, 2])),
            ("1d-same-upper", (1, 2, 5), (2, 3, 4), dict(strides=[3], auto_pad="SAME_UPPER")),
            ("2d-same-lower", (2, 4, 3, 4), (4, 1, 3, 2), dict(group=2, strides=[2, 2], auto_pad="SAME_LOWER")),
            ("output-shape", (2, 3, 3, 3), (3, 2, 3, 3), dict(strides=[2, 2], output_shape=[6, 5])),
            ("3d", (1, 2, 3, 2, 3), (2, 2, 2, 2, 2), dict(strides=[2, 1, 2], pads=[0, 0, 1, 1, 0, 0]))]:
        inputs = normal(*x), normal(*w), normal(w[1] * attributes.get("group", 1))
        yield case(name, "ConvTranspose", *inputs, constant=(1, 2), **attributes)
        yield case(name + "-computed-weights", "ConvTranspose", *inputs, **attributes)
        if not {"auto_pad", "output_shape"} & set(attributes):
            yield case(name + "-dynamic", "ConvTranspose", *inputs, constant=(1, 2), know="rank", **attributes)


# --- pools ---------------------------------------------------------------------------------------

POOLS = {
    "2x2": ((2, 2, 6, 6), dict(kernel_shape=[2, 2], strides=[2, 2])),
    "overlapping": ((1, 2, 7, 7), dict(kernel_shape=[3, 3], strides=[2, 2])),
    "overlapping-pads": ((1, 2, 8, 7), dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])),
    "ceil": ((1, 2, 8, 7), dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    "ceil-pads": ((1, 1, 8, 7), dict(kernel_shape=[3, 3], strides=[2, 3], pads=[1, 0, 1, 1], ceil_mode=1)),
    "stride1": ((1, 2, 5, 6), dict(kernel_shape=[3, 2])),
    "gaps": ((1, 2, 9, 9), dict(kernel_shape=[2, 2], strides=[3, 3])),
    "same-upper": ((1, 2, 7, 6), dict(kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER")),
    "same-lower": ((1, 2, 7, 6), dict(kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER")),
    "1d": ((2, 3, 11), dict(kernel_shape=[3], strides=[2], pads=[1, 0])),
    "3d": ((1, 2, 5, 4, 5), dict(kernel_shape=[2, 2, 3], strides=[2, 2, 1])),
    "dilated": ((1, 2, 9, 8), dict(kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1], pads=[1, 1, 1, 1])),
}


def pools():
    for name, (x, attributes) in POOLS.items():
        automatic = "auto_pad" in attributes
        for know in ("static", "batch") if automatic else ("static", "batch", "rank"):
            tail = "" if know == "static" else "-" + know
            yield case(name + tail, "MaxPool", normal(*x), know=know, **attributes)
            opset = 19 if "dilations" in attributes else 18
            yield case(name + tail, "AveragePool", normal(*x), know=know, opset=opset, **attributes)
            if "pads" in attributes:
                yield case(name + tail + "-counting-pads", "AveragePool", normal(*x), know=know, opset=opset,
                           count_include_pad=1, **attributes)
            if "same" not in name and "ceil" not in name:
                for p in (1, 2, 3):
                    yield case(f"{name}{tail}-p{p}", "LpPool", normal(*x), know=know, p=p, **attributes)
    for op, extra in (("GlobalAveragePool", {}), ("GlobalMaxPool", {}), ("GlobalLpPool", dict(p=2)), ("GlobalLpPool", dict(p=3))):
        for x, know in itertools.product([(2, 3, 4), (2, 3, 4, 5), (1, 2, 3, 2, 3)], ("static", "rank")):
            yield case(f"{len(x) - 2}d-{know}" + "".join(f"-p{p}" for p in extra.values()), op, normal(*x), know=know, **extra)


# --- broadcasting --------------------------------------------------------------------------------

def broadcasts():
    shapes = [((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 1, 4), (3, 1)), ((3,), (2, 3)), ((), (2, 3)), ((2, 3), ()),
              ((1, 1), (2, 3, 4)), ((2, 3, 4), (2, 3, 4)), ((2, 1), (1, 3))]
    for (a, b), know in itertools.product(shapes, ("static", "dynamic", "rank")):
        name = f"{'x'.join(map(str, a)) or 'scalar'}-{'x'.join(map(str, b)) or 'scalar'}-{know}"
        for op in ("Add", "Mul") if know == "static" else ("Div",):
            yield case(name, op, normal(*a), positive(*b), know=know)
    condition = np.array([[True], [False]])
    for know in ("static", "rank", "nothing"):
        yield case(f"broadcast-{know}", "Where", condition, normal(2, 3), normal(3), know=know)
        yield case(f"unknown-{know}", "Mul", normal(2, 3), positive(3), know=know)
        yield case(f"unknown-{know}", "Relu", normal(2, 3), know=know)
        yield case(f"unknown-{know}", "Pow", positive(2, 3), positive(1, 3), know=know)
        yield case(f"unknown-{know}", "Max", normal(2, 3), normal(3), normal(2, 1), know=know)
        yield case(f"rows-{know}", "PRelu", normal(2, 3, 4), positive(3, 1), know=know)
        yield case(f"to-shape-{know}", "Expand", normal(2, 1), ints(3, 2, 4), know=know)
    batches = [((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)),
               ((1, 3, 4), (2, 4, 2)), ((4,), (4, 3)), ((2, 3, 4), (4,)), ((4,), (4,)), ((4,), (2, 4, 3))]
    for (a, b), know in itertools.product(batches, ("static", "batch", "rank")):
        if know != "static" and 1 in (a[0], b[0]):
            continue
        name = f"{'x'.join(map(str, a))}-{'x'.join(map(str, b))}-{know}"
        yield case(name, "MatMul", normal(*a), normal(*b), know=know)
    for ta, tb in itertools.product((0, 1), (0, 1)):
        a, b = normal(*((4, 3) if ta else (3, 4))), normal(*((2, 4) if tb else (4, 2)))
        for bias in [(2,), (3, 1), (1,), (3, 2)]:
            yield case(f"{ta}{tb}-bias{'x'.join(map(str, bias))}", "Gemm", a, b, normal(*bias), transA=ta, transB=tb,
                       alpha=0.5, beta=-1.5)


# --- elements that move --------------------------------------------------------------------------

def moves():
    x = normal(4, 5, 3)
    slices = {"ends": ([1], [1000], [1], [1]), "backwards": ([-1], [-1000], [0], [-1]),
              "backwards-by-two": ([3, 4], [-6, 0], [0, 1], [-2, -3]), "negative": ([-3, -2], [-1, 5], [0, 1], [1, 1]),
              "steps": ([0, 1], [4, 5], [0, 1], [2, 3]), "plain": ([1, 0, 1], [3, 5, 2], [0, 1, 2], [1, 1, 1]),
              "empty": ([2], [2], [1], [1])}
    for (name, parts), know in itertools.product(slices.items(), ("static", "rank")):
        inputs = [ints(*part) for part in parts]
        if name == "empty":
            yield case(f"{name}-{know}", "Concat" if know == "x" else "Slice", np.zeros((4, 0, 3), np.float32), *inputs, constant=(1, 2, 3, 4), know=know)
            continue
        yield case(f"{name}-{know}", "Slice", x, *inputs, constant=(1, 2, 3, 4), know=know)
        yield case(f"{name}-{know}-computed", "Slice", x, *inputs, know=know)
    yield case("no-axes", "Slice", x, ints(1, 0), ints(3, 2), constant=(1, 2))
    for axis, know in itertools.product((0, 1, -1), ("static", "rank")):
        yield case(f"axis{axis}-negative-indices-{know}", "Gather", x, ints(-1, 0, -1), axis=axis, know=know)
        yield case(f"axis{axis}-scalar-{know}", "Gather", x, np.array(1, np.int64), constant=(1,), axis=axis, know=know)
        yield case(f"axis{axis}-matrix-{know}", "Gather", x, np.array([[0, 2], [-2, 0]]), axis=axis, know=know)
        yield case(f"axis{axis}-{know}", "Concat", normal(4, 5, 3), normal(4, 5, 3), normal(4, 5, 3), axis=axis, know=know)
        yield case(f"axis{axis}-{know}", "CumSum", x, np.array(axis), constant=(1,), know=know)
    yield case("negative", "GatherElements", x, rng.integers(-4, 4, (3, 5, 3)), axis=0)
    yield case("rows", "GatherND", x, np.array([[0, 1], [-1, 2], [0, 1]]))
    yield case("batched", "GatherND", x, rng.integers(0, 5, (4, 2, 1)), batch_dims=1)
    for reverse, exclusive in itertools.product((0, 1), (0, 1)):
        yield case(f"{reverse}{exclusive}", "CumSum", x, np.array(1), constant=(1,), reverse=reverse, exclusive=exclusive)
    for mode in ("constant", "reflect", "edge", "wrap"):
        for know in ("static", "rank"):
            opset = 19 if mode == "wrap" else 18
            yield case(f"{mode}-{know}", "Pad", x, ints(1, 0, 2, 2, 3, 1), constant=(1,), mode=mode, know=know, opset=opset)
            yield case(f"{mode}-{know}-axes", "Pad", x, ints(2, 1), None, ints(-2), constant=(1, 3), mode=mode, know=know, opset=opset)
    yield case("cut", "Pad", x, ints(-1, 0, -1, 0, -2, 1), constant=(1,))
    yield case("value", "Pad", x, ints(-1, 0, 1, 2, -2, 1), np.float32(0.7).reshape(()), constant=(1,))
    for know in ("static", "rank"):
        yield case(know, "Tile", normal(2, 3), ints(2, 3), constant=(1,), know=know)
        yield case(f"computed-{know}", "Tile", normal(2, 3), ints(2, 1), know=know)
        for block, mode in ((2, "DCR"), (2, "CRD"), (3, "CRD")):
            yield case(f"{mode}{block}-{know}", "DepthToSpace", normal(2, 2 * block * block, 2, 3), blocksize=block, mode=mode, know=know)
        yield case(know, "SpaceToDepth", normal(2, 3, 4, 6), blocksize=2, know=know)
        yield case(know, "Flatten", normal(2, 3, 4), axis=2, know=know)
        yield case(know, "Transpose", normal(2, 3, 4), perm=[1, 2, 0], know=know)
        yield case(f"uneven-{know}", "Split", normal(2, 6), ints(1, 2, 3), constant=(1,), outputs=3, of=1, axis=1, know=know)
        yield case(f"parts-{know}", "Split", normal(5, 2), outputs=2, of=1, num_outputs=2, know=know)
        yield case(f"middle-{know}", "Squeeze", normal(2, 1, 3, 1), ints(1, -1), constant=(1,), know=know)
        yield case(f"all-{know}", "Unsqueeze", normal(2, 3), ints(0, -1), constant=(1,), know=know)
        yield case(f"copy-{know}", "Reshape", normal(2, 3, 4), ints(0, -1), constant=(1,), know=know)
        yield case(f"allowzero-{know}", "Reshape", normal(2, 3, 4), ints(6, 4), constant=(1,), allowzero=1, know=know)
    for upper, k in ((0, 0), (1, 1), (0, -1)):
        yield case(f"{upper}-{k}", "Trilu", normal(2, 3, 4), np.array(k), constant=(1,), upper=upper)
    for largest, axis in ((1, -1), (0, 0)):
        yield case(f"{largest}-{axis}", "TopK", normal(4, 5), ints(2), constant=(1,), largest=largest, axis=axis, outputs=2)
    for reduction in ("none", "add", "mul", "max", "min"):
        yield case(reduction, "ScatterElements", normal(3, 4), np.array([[0, -1], [2, 1]]), normal(2, 2), axis=1, reduction=reduction)
        yield case(reduction, "ScatterND", normal(3, 4), np.array([[0, 1], [-1, 3]]), normal(2), reduction=reduction)
    yield case("repeated", "ScatterElements", normal(3, 4), np.array([[0, 0], [2, 2]]), normal(2, 2), axis=1, reduction="add")
    for reduction in ("mul", "max", "min"):
        yield case(f"repeated-{reduction}", "ScatterElements", normal(3, 4), np.array([[0, 0], [2, 2]]), normal(2, 2), axis=1, reduction=reduction)
        yield case(f"repeated-{reduction}", "ScatterND", normal(3, 4), np.array([[1], [-2], [0]]), normal(3, 4), reduction=reduction, know="rank")
    for zeros in (1, 2):
        updates = np.array([[0] * zeros + [2] * (3 - zeros)], np.float32)
        yield case(f"{zeros}-zeros", "ScatterElements", normal(3, 4), np.array([[1, 1, 1]]), updates, axis=1, reduction="mul")


def resizes():
    rules = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
    for mode, rule in itertools.product(("nearest", "linear", "cubic"), rules):
        for name, lengths in (("up", (7, 8)), ("down", (3, 2))):
            yield case(f"{mode}-{rule}-{name}", "Resize", normal(1, 2, 4, 5), None, None, ints(1, 2, *lengths), mode=mode,
                       coordinate_transformation_mode=rule, constant=(3,), opset=19)
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        scales = np.array([1, 1, 2, 3], np.float32)
        for know in ("static", "batch", "rank"):
            yield case(f"{nearest}-{know}", "Resize", normal(2, 2, 3, 2), None, scales, mode="nearest", constant=(2,), know=know,
                       nearest_mode=nearest, coordinate_transformation_mode="asymmetric")
    for know in ("static", "batch", "rank"):
        yield case(f"linear-{know}", "Resize", normal(2, 2, 3, 3), None, np.array([1, 1, 2, 1.5], np.float32), mode="linear",
                   constant=(2,), know=know)
        yield case(f"1d-{know}", "Resize", normal(2, 2, 5), None, np.array([1, 1, 2], np.float32), mode="linear",
                   constant=(2,), know=know)


def grid_samples():
    modes = {18: ("nearest", "bilinear", "bicubic"), 20: ("nearest", "linear", "cubic")}
    for opset, padding, corners in itertools.product((18, 20), ("zeros", "border", "reflection"), (0, 1)):
        for mode in modes[opset]:
            for know in ("static", "rank"):
                # Far outside, too.
                grid = rng.uniform(-1.6, 1.6, (2, 3, 2, 2)).astype(np.float32)
                yield case(f"{mode}{opset}-{padding}-{corners}-{know}", "GridSample", normal(2, 2, 4, 3), grid, opset=opset, know=know,
                           mode=mode, padding_mode=padding, align_corners=corners)
        if opset == 20:
            for mode in ("nearest", "linear"):  # ONNX Runtime has no cubic volumes
                grid = rng.uniform(-1.6, 1.6, (1, 2, 1, 3, 3)).astype(np.float32)
                yield case(f"3d-{mode}-{padding}-{corners}", "GridSample", normal(1, 2, 3, 2, 4), grid, opset=20, mode=mode,
                           padding_mode=padding, align_corners=corners)
    yield case("constant-grid", "GridSample", normal(2, 2, 4, 3), rng.uniform(-1, 1, (2, 3, 2, 2)).astype(np.float32), constant=(1,),
               mode="bicubic")
    yield case("one-pixel", "GridSample", normal(1, 2, 1, 1), rng.uniform(-2, 2, (1, 3, 2, 2)).astype(np.float32), wrt=[0],
               padding_mode="reflection", align_corners=1)


# --- the rest ------------------------------------------------------------------------------------

def reductions():
    for op in ("Sum", "Mean", "Max", "Min", "L1", "L2", "LogSum", "LogSumExp", "SumSquare", "Prod"):
        for (axes, keep), know in itertools.product(itertools.product((None, (1,), (-1, 0)), (0, 1)), ("static", "rank")):
            name = f"{'all' if axes is None else '_'.join(map(str, axes))}-keep{keep}-{know}"
            inputs = [positive(2, 3, 4)] + ([] if axes is None else [ints(*axes)])
            yield case(name, "Reduce" + op, *inputs, constant=(1,) if axes else (), keepdims=keep, know=know)
        yield case("noop", "Reduce" + op, positive(2, 3), noop_with_empty_axes=1)
    for zeros in (1, 2):
        x = normal(2, 4)
        x[0, :zeros] = 0
        # The zeros stay: only the rest is moved.
        yield case(f"{zeros}-zeros", "ReduceProd", x, ints(1), constant=(1,))


def equations():
    for equation, *shapes in [("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
                              ("i,i->", (3,), (3,)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)),
                              ("ij,k->jk", (2, 3), (4,)), ("bhqd,bhkd->bhqk", (1, 2, 3, 2), (1, 2, 4, 2)),
                              ("ij,ij,jk->ik", (2, 3), (2, 3), (3, 2)), ("ab -> ba", (2, 3)),
                              ("...ij,...jk->...ik", (2, 5, 3, 4), (2, 5, 4, 2)), ("...ij,...jk->...ik", (2, 1, 3, 4), (1, 5, 4, 2)),
                              ("...ij,jk", (2, 5, 3, 4), (4, 2)), ("b...ii->b...i", (2, 3, 4, 4)), ("...", (2, 3)),
                              ("i...->...", (2, 3, 4)), ("...,...->...", (2, 1), (2, 3)), ("ij,ij->ij", (2, 3), (1, 3))]:
        name = equation.replace(",", "_").replace("->", "=").replace(" ", "")
        for know in ("static", "rank"):
            yield case(f"{name}-{know}", "Einsum", *[normal(*shape) for shape in shapes], equation=equation, know=know)


def norms():
    channels = [positive(3), normal(3), normal(3), positive(3)]
    for x, know in itertools.product([(2, 3), (2, 3, 4), (2, 3, 2, 3)], ("static", "rank")):
        name = f"{len(x)}d-{know}"
        yield case(name, "BatchNormalization", normal(*x), *channels, know=know)
        if len(x) > 2:
            yield case(name, "InstanceNormalization", normal(*x), *channels[:2], know=know)
            yield case(name, "GroupNormalization", normal(x[0], 4, *x[2:]), positive(4), normal(4), opset=21, num_groups=2,
                       know=know, constant=(1, 2))
    for size, shape in ((3, (2, 5, 3, 2)), (1, (1, 6, 2, 2)), (5, (1, 3, 2, 4))):
        for know in ("static", "rank"):
            yield case(f"{size}-{know}", "LRN", normal(*shape), size=size, alpha=0.3, beta=0.6, bias=1.5, know=know)
    for p, axis in itertools.product((1, 2), (0, -1)):
        yield case(f"p{p}-axis{axis}", "LpNormalization", normal(3, 4), p=p, axis=axis)


def functions():
    x = normal(3, 4)
    for op in ("Softplus", "Softsign", "Mish", "HardSwish", "Elu", "Selu", "Celu", "LeakyRelu", "ThresholdedRelu", "HardSigmoid",
               "Sigmoid", "Tanh", "Erf", "Relu", "Abs", "Exp"):
        yield case("plain", op, x, know="rank")
    for op in ("Log", "Sqrt", "Reciprocal"):
        yield case("plain", op, positive(3, 4), know="rank")
    yield case("alpha", "Swish", x, opset=24, alpha=1.5)
    yield case("bias", "Shrink", x, lambd=0.4, bias=0.3)
    for approximate in ("none", "tanh"):
        yield case(approximate, "Gelu", x, opset=20, approximate=approximate)
    # Floats that pass through another type of float.
    yield case("to-double", "Cast", normal(3), to=TensorProto.FLOAT)
    yield case("like", "CastLike", normal(3), normal(1), opset=19, wrt=[0])
    yield case("exponent-int64", "Pow", positive(2, 3), np.array([2, -1, 3]))
    yield case("base-negative", "Pow", normal(2, 3), np.array([2, 3, 1], np.float32), constant=(1,))
    for bounds in ((-0.5, None), (None, 0.5), (-0.5, 0.5)):
        values = [None if b is None else np.float32(b).reshape(()) for b in bounds]
        yield case(f"{bounds[0]}-{bounds[1]}", "Clip", x, *values)
        yield case(f"{bounds[0]}-{bounds[1]}-constant", "Clip", x, *values, constant=[i + 1 for i in range(2) if bounds[i] is not None])


def old_operator_sets():
    x = normal(2, 3, 4)
    for op, opset, axis in itertools.product(("Softmax", "LogSoftmax"), (7, 11, 12), (0, 1, 2)):
        yield case(f"opset{opset}-axis{axis}", op, x, opset=opset, axis=axis)
    for know in ("rank", "batch"):
        yield case(f"opset11-axis1-{know}", "Softmax", x, opset=11, axis=1, know=know)
    for op, axis in itertools.product(("Softmax", "LogSoftmax"), (0, 1, -1)):
        yield case(f"axis{axis}", op, x, opset=13, axis=axis)
    yield case("opset6-bounds", "Clip", x, opset=7, min=-0.5, max=0.5)
    yield case("opset6-min", "Clip", x, opset=10, min=-0.5)
    yield case("opset6-none", "Clip", x, opset=7)
    for mode in ("constant", "reflect", "edge"):
        yield case(f"opset2-{mode}", "Pad", x, opset=7, mode=mode, pads=[0, 1, 2, 1, 0, 1], **(dict(value=1.5) if mode == "constant" else {}))
    yield case("opset1-axes", "Slice", x, opset=7, starts=[1, -3], ends=[3, 100], axes=[1, 2])
    yield case("opset1-no-axes", "Slice", x, opset=9, starts=[0, 1], ends=[2, 3])
    for opset, know in itertools.product((7, 8), ("static", "rank")):
        yield case(f"opset7-{opset}-{know}", "Upsample", normal(1, 2, 3, 2), opset=opset, mode="nearest", scales=[1.0, 1.0, 2.0, 3.0], know=know)
    for mode in ("nearest", "linear"):
        scales = np.array([1, 1, 2, 3], np.float32)
        yield case(f"opset9-{mode}", "Upsample", normal(1, 2, 3, 2), scales, opset=9, mode=mode, constant=(1,))
        yield case(f"opset10-{mode}", "Resize", normal(1, 2, 3, 2), scales, opset=10, mode=mode, constant=(1,))
    yield case("opset10-half", "Resize", normal(1, 2, 4, 6), np.array([1, 1, 0.5, 0.5], np.float32), opset=10, mode="linear", constant=(1,))
    yield case("opset11", "Resize", normal(1, 2, 3, 2), normal(0), np.array([1, 1, 2, 2], np.float32), opset=11, mode="linear", constant=(1, 2))
    yield case("opset1-axes", "Squeeze", normal(2, 1, 3), opset=11, axes=[1])
    yield case("opset1-all", "Squeeze", normal(2, 1, 3), opset=11)
    yield case("opset1", "Unsqueeze", normal(2, 3), opset=11, axes=[0, 2])
    yield case("opset2-lengths", "Split", normal(2, 6), opset=11, axis=1, split=[2, 4], outputs=2, of=1)
    yield case("opset2-equal", "Split", normal(2, 6), opset=7, axis=1, outputs=3)
    yield case("opset13-equal", "Split", normal(2, 6), opset=13, axis=1, outputs=3)
    for op in ("Sum", "Mean", "Max", "L2", "LogSumExp", "Prod"):
        for opset in (7, 11, 13, 17):
            if op == "Sum" and opset >= 13:
                continue
            yield case(f"opset{opset}", "Reduce" + op, positive(2, 3, 4), opset=opset, axes=[1, 2], keepdims=0)
            yield case(f"opset{opset}-all", "Reduce" + op, positive(2, 3, 4), opset=opset)
    for opset in (7, 9, 14):
        yield case(f"opset{opset}", "BatchNormalization", normal(2, 3, 2), positive(3), normal(3), normal(3), positive(3),
                   opset=opset, constant=(1, 2, 3, 4))
    for opset in (7, 10):
        yield case(f"opset{opset}", "Dropout", x, opset=opset, ratio=0.3)
    yield case("opset12", "Dropout", x, np.array(0.3, np.float32), opset=12, constant=(1,))
    yield case("opset1", "TopK", normal(3, 5), opset=7, k=2, outputs=2)
    yield case("opset10", "TopK", normal(3, 5), ints(2), opset=10, constant=(1,), outputs=2)
    yield case("opset9", "Scatter", normal(3, 4), np.array([[0, 1], [2, 1]]), normal(2, 2), opset=9, axis=1)
    yield case("opset7", "Gemm", normal(2, 3), normal(3, 2), normal(2), opset=7)
    yield case("opset7", "AveragePool", normal(1, 2, 5, 5), opset=7, kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1)
    yield case("opset8", "MaxPool", normal(1, 2, 5, 5), opset=8, kernel_shape=[2, 2], strides=[2, 2])


def attentions():
    for name, q, k, v, attributes in [
            ("plain", (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 4), {}),
            ("grouped", (1, 4, 3, 2), (1, 2, 5, 2), (1, 2, 5, 3), dict(is_causal=1)),
            ("flat", (2, 3, 8), (2, 4, 4), (2, 4, 6), dict(q_num_heads=4, kv_num_heads=2, scale=0.3, softcap=1.5))]:
        yield case(name, "Attention", normal(*q), normal(*k), normal(*v), opset=23, **attributes)
        yield case(name + "-mask", "Attention", normal(*q), normal(*k), normal(*v), normal(q[-2] if len(q) == 4 else q[1], k[-2] if len(k) == 4 else k[1]),
                   opset=23, **attributes)


def microsoft():
    """What ONNX Runtime's exporters leave. Weights far from zero: their normalisations take epsilon 1e-12."""
    x, skip = normal(2, 3, 4), normal(2, 3, 4)
    gamma, beta, bias = positive(4), normal(4), normal(4)

    def own(name, op, *inputs, **attributes):
        return case(name, op, *inputs, domain="com.microsoft", **attributes)

    yield own("plain", "Gelu", x)
    yield own("plain", "BiasGelu", x, bias)
    yield own("plain", "FastGelu", x)
    yield own("bias", "FastGelu", x, bias)
    yield own("alpha", "QuickGelu", x, alpha=1.5)
    yield own("plain", "QuickGelu", x)
    yield own("plain", "SkipLayerNormalization", x, skip, gamma, beta, bias, epsilon=1e-5)
    yield own("no-beta", "SkipLayerNormalization", x, skip, gamma)
    yield own("sum", "SkipLayerNormalization", x, skip, gamma, beta, None, outputs=4, of=3, wrt=[0, 1])
    yield own("plain", "SkipSimplifiedLayerNormalization", x, skip, gamma, epsilon=1e-5)
    yield own("bias", "SkipSimplifiedLayerNormalization", x, skip, gamma, bias)
    yield case("plain", "SimplifiedLayerNormalization", x, gamma, axis=-1, epsilon=1e-5, opset=18)
    q, k, v = normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 6)
    biases, added = normal(14), normal(2, 2, 3, 5)
    padding = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    each = rng.integers(0, 2, (2, 3, 5)).astype(np.int32)
    each[:, :, 0] = 1
    for name, inputs, options in [
            ("plain", (q, k, v), {}), ("scale", (q, k, v), dict(scale=0.3)), ("bias", (q, k, v, biases), {}),
            ("padding", (q, k, v, None, padding), {}), ("mask", (q, k, v, None, each), {}), ("added", (q, k, v, None, None, added), {}),
            ("added-to-all", (q, k, v, biases, padding, normal(1, 1, 3, 5)), {}), ("causal", (q, normal(2, 3, 4), normal(2, 3, 6)), dict(unidirectional=1))]:
        yield own(name, "MultiHeadAttention", *inputs, num_heads=2, **options)
    x4, w4, b4 = normal(2, 3, 4), normal(4, 12), normal(12)
    for name, inputs, options in [
            ("plain", (x4, w4, b4), {}), ("scale", (x4, w4, b4), dict(scale=0.3)), ("causal", (x4, w4, b4), dict(unidirectional=1)),
            ("padding", (x4, w4, b4, padding[:, 1:4]), {}), ("added", (x4, w4, b4, None, None, normal(2, 2, 3, 3)), {}),
            ("widths", (x4, normal(4, 14), normal(14)), dict(qkv_hidden_sizes=[4, 4, 6]))]:
        yield case("microsoft-" + name, "Attention", *inputs, domain="com.microsoft", num_heads=2, **options)
    ids, segments = rng.integers(0, 6, (2, 3)).astype(np.int32), rng.integers(0, 2, (2, 3)).astype(np.int32)
    tables = normal(6, 4), normal(5, 4), normal(2, 4)
    yield own("segments", "EmbedLayerNormalization", ids, segments, *tables, gamma, beta, outputs=2)
    yield own("positions", "EmbedLayerNormalization", ids, None, *tables[:2], None, gamma, beta, None, ids % 5, outputs=2)
    for ta, tb in itertools.product((0, 1), (0, 1)):
        a, b = normal(2, *((4, 3) if ta else (3, 4))), normal(2, *((5, 4) if tb else (4, 5)))
        yield own(f"{ta}{tb}", "FusedMatMul", a, b, transA=ta, transB=tb, alpha=0.5)


def recurrent():
    steps, rows, width, hidden = 4, 2, 3, 2
    for (op, gates), direction in itertools.product((("LSTM", 4), ("GRU", 3), ("RNN", 1)), ("forward", "reverse", "bidirectional")):
        d = 2 if direction == "bidirectional" else 1
        x, w, r = normal(steps, rows, width), normal(d, gates * hidden, width) / 2, normal(d, gates * hidden, hidden) / 2
        b, h = normal(d, 2 * gates * hidden), normal(d, rows, hidden)
        options = dict(direction=direction, hidden_size=hidden, outputs=3 if op == "LSTM" else 2)
        yield case(direction, op, x, w, r, **options)
        states = (h, normal(d, rows, hidden), normal(d, 3 * hidden)) if op == "LSTM" else (h,)
        for of in range(options["outputs"]):
            yield case(f"{direction}-all-{of}", op, x, w, r, b, None, *states, of=of, know="static", **options)
        yield case(f"{direction}-constants", op, x, w, r, b, constant=(1, 2, 3), **options)
        if op == "GRU":
            yield case(f"{direction}-linear", op, x, w, r, b, None, h, linear_before_reset=1, **options)
    yield case("relu", "RNN", normal(3, 2, 3), normal(1, 2, 3), normal(1, 2, 2), activations=["Relu"], hidden_size=2, outputs=2)
    yield case("one-step", "LSTM", normal(1, 2, 3), normal(1, 8, 3), normal(1, 8, 2), hidden_size=2, outputs=3)


def cases():
    return list(recurrent()) + list(attentions()) + list(microsoft()) + list(itertools.chain(convolutions(), pools(), broadcasts(), moves(), resizes(), grid_samples(), reductions(), equations(), norms(),
                                functions(), old_operator_sets()))
