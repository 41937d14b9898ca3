"""ONNX's own conformance cases of single operators: the newest from the package `onnx`, older forms of
operators from Debian's libonnx-testdata."""
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from gradient_checker import Case

DEBIAN = [Path("/usr/lib/python3/dist-packages/onnx/backend/test/data/node"),
          Path("/usr/share/libonnx-testdata/data/node")]
NEWEST_OPSET = 26  # of ONNX Runtime 1.30; operators that are newer have not changed since but in their types

# Float inputs by which an operator is not differentiated: it is not a function of them that anyone
# wants, or is piecewise constant in them.
NOT_DIFFERENTIABLE = {"DequantizeLinear": {1, 2}, "Resize": {1, 2}, "Upsample": {1}, "Dropout": {1, 2}, "CastLike": {1}}


def since(op, opset):
    return onnx.defs.get_schema(op, opset).since_version


def is_float(info):
    return info.type.tensor_type.elem_type == TensorProto.FLOAT


def is_tensor(info):
    return info.type.HasField("tensor_type")


# Cases that nobody can run, or that are refused with a reason.
LEFT_OUT = {
    "pow_types_float32_uint32": "ONNX Runtime has no kernel",
    "pow_types_float32_uint64": "ONNX Runtime has no kernel",
    "batchnorm_example_training_mode": "refused: statistics of the batch",
    "batchnorm_epsilon_training_mode": "refused: statistics of the batch",
    "dropout_random_old": "refused: dropout in training mode",
    "maxpool_with_argmax_2d_precomputed_strides": "refused: column-major storage order",
} | {f"training_dropout{rest}": "refused: dropout in training mode" for rest in
     ("", "_default", "_default_mask", "_mask", "_zero_ratio", "_zero_ratio_mask")} | {
    f"resize_{way}_sizes_nearest_not_{size}er": "refused: keep_aspect_ratio_policy"
    for way in ("upsample", "downsample") for size in ("small", "larg")} | {
    f"resize_downsample_scales_{mode}_align_corners":
        "ONNX Runtime rounds the new length before it aligns corners, the reference evaluator does not"
    for mode in ("linear", "cubic")} | {
    f"spacetodepth_{mode}_mode_example": "newer than ONNX Runtime" for mode in ("dcr", "crd")} | {
    "scan_sum": "refused: each row is scanned for itself"}


# Forms of Attention that stay without a gradient, rows of which every key is masked (no softmax exists; the operator
# answers zeros), and masks of -infinity as a variable.
ATTENTIONS_LEFT_OUT = ("qk_matmul", "nonpad", "padded_kv", "window", "fullymasked", "boolmask_nan", "neginf")


# Batch first, which ONNX Runtime does not run; weights so large that slopes are nothing but rounding.
RECURRENT_LEFT_OUT = ("batchwise", "gru_seq_length", "rnn_seq_length", "simple_rnn_bidirectional")


UNCONNECTED = {"initial_prod"}  # scan9_multi_state: a state that does not lead to the first output


def usable(model, operators):
    nodes = model.graph.node
    return (len(nodes) == 1 and nodes[0].op_type in operators and not nodes[0].domain
            and all(is_tensor(i) for i in [*model.graph.input, *model.graph.output])
            and any(is_float(i) for i in model.graph.input) and is_float(model.graph.output[0]))


def differentiable(node, inputs):
    """Names of the float inputs to differentiate by, in order."""
    skipped = NOT_DIFFERENTIABLE.get(node.op_type, set())
    if node.op_type == "GridSample" and any(a.name == "mode" and a.s == b"nearest" for a in node.attribute):
        skipped = {1}
    names = []
    for position, name in enumerate(node.input):
        if name in inputs and inputs[name].dtype == np.float32 and position not in skipped and name not in names:
            names.append(name)
    return names


def with_constants(model, inputs, but):
    """The model with all inputs but one made constants."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    kept = [info for info in model.graph.input if info.name == but]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    for name, value in inputs.items():
        if name != but:
            model.graph.initializer.append(numpy_helper.from_array(value, name))
    return model


def variants(name, model, inputs):
    """With every input computed, and with all but the first constant: rules take other ways then."""
    node = model.graph.node[0]
    wrt = [name for name in differentiable(node, inputs) if name not in UNCONNECTED]
    if wrt and "peepholes" not in name:  # lengths of sequences must be constant
        yield Case(name, model, inputs, wrt)
    if wrt and len(inputs) > 1 and wrt[0] == node.input[0]:
        yield Case(name + "-constants", with_constants(model, inputs, wrt[0]), {wrt[0]: inputs[wrt[0]]}, wrt[:1])


@lru_cache
def newest():
    from onnx.backend.test.case.node import collect_testcases
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return collect_testcases(None)


def newest_cases(operators):
    for case in newest():
        if not usable(case.model, operators):
            continue
        model = onnx.ModelProto.FromString(case.model.SerializeToString())
        # The oldest operator set with this form of the operator, which ONNX Runtime knows.
        opset = model.opset_import[0]
        if opset.version > 18:
            opset.version = min(max(18, since(model.graph.node[0].op_type, opset.version)), NEWEST_OPSET)
        model.ir_version = min(model.ir_version, 10)
        name = case.name.removeprefix("test_")
        if name in LEFT_OUT or (name.startswith("attention") and any(part in name for part in ATTENTIONS_LEFT_OUT)) or (
                any(part in name for part in RECURRENT_LEFT_OUT)):
            continue
        names = [info.name for info in model.graph.input]
        arrays = [np.asarray(value) for value in case.data_sets[0][0]]
        yield from variants(name, model, dict(zip(names, arrays)))


def read(path):
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def files():
    """Every conformance model that Debian installs."""
    return next((sorted(folder.glob("*/model.onnx")) for folder in DEBIAN if folder.is_dir()), [])


def data_set(path):
    """The inputs of the first data set; none where one is no plain tensor."""
    inputs = onnx.load(path).graph.input
    if not all(is_tensor(info) for info in inputs):
        return {}
    return {info.name: read(path.parent / f"test_data_set_0/input_{i}.pb") for i, info in enumerate(inputs)}


def older_cases(operators):
    for path in files():
        model, name = onnx.load(path), path.parent.name.removeprefix("test_")
        if not usable(model, operators) or name in LEFT_OUT:
            continue
        op, opset = model.graph.node[0].op_type, model.opset_import[0].version
        if opset in range(7, 18) and (op == "Upsample" or since(op, opset) != since(op, 18)):
            yield from variants(f"{name}-opset{opset}", model, data_set(path))


def cases(operators):
    operators = set(operators) | {"Upsample", "Scatter"}
    return [*newest_cases(operators), *older_cases(operators)]
