"""Checks the gradient graph of an ONNX model against finite differences, in float64 and in float32."""
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

import reference_repairs

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("WHENCE_GRADIENT_TOOL", ROOT / "build/release/tests/graph/gradient_tool"))

# The gradient graph is evaluated in float64, but its constants are float32: some of them in a product.
TOLERANCE = 16 * 2.0**-24
# The same graph in float32: sums of up to a thousand terms, each rounded once.
FLOAT32_TOLERANCE = 1024 * 2.0**-24
# Step of the central differences, for inputs of size 1. Extrapolated from h and h/2 they are off by
# h^4 = 1e-16 and by rounding, 2^-53 / h = 1e-12: both far below the tolerance.
STEP = 1e-4
# Slopes from h and h/2 differ by h^2 = 1e-8 where the function is smooth, by about 1 across a kink.
KINK = 1e-5
# Every component is checked up to this many, beyond that some of them, and random directions.
COMPONENTS = 48
# Inputs are moved by so much (relative to their size) until no kink is near.
NUDGES = (0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.1)

# Operators that changed since, and whose older forms onnx.reference lacks or gets wrong.
OLD_FORMS = {"Softmax", "LogSoftmax", "Upsample", "Resize", "BatchNormalization", "Scatter"}


@dataclass
class Case:
    name: str
    model: onnx.ModelProto
    inputs: dict  # name -> array: a point to start from
    wrt: list  # names of the inputs to differentiate by
    of: str = ""  # the model's first output if empty

    def __post_init__(self):
        self.of = self.of or self.model.graph.output[0].name


class Mismatch(AssertionError):
    """The gradient is not that of the function."""


class Tool:
    """The process that writes gradient graphs."""

    def __init__(self):
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def gradient(self, model, of, wrt, folder, rules=""):
        """The gradient graph as a model, or the error line."""
        given, made = Path(folder) / "model.onnx", Path(folder) / "gradient.onnx"
        onnx.save(model, given)
        answer = self.answer(f"{given} {made} {of} {','.join(wrt)} {rules}")
        return onnx.load(made) if answer == "ok" else answer

    def answer(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip() or "error: the tool died"

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def ask(option):
    return subprocess.run([TOOL, option], capture_output=True, text=True, check=True).stdout


def operators():
    """Names of the operators with a rule."""
    return ask("--list").split()


# --- float64 -------------------------------------------------------------------------------------

def wide(tensor):
    if tensor.data_type != TensorProto.FLOAT:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)


def to_float64(model):
    """The model with every float32 made float64. ONNX Runtime could not run it; the reference evaluator can."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    widen(model.graph)
    return model


def widen(graph):
    for info in [*graph.input, *graph.output, *graph.value_info]:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT:
            info.type.tensor_type.elem_type = TensorProto.DOUBLE
    for constant in graph.initializer:
        constant.CopyFrom(wide(constant))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                attribute.t.CopyFrom(wide(attribute.t))
            if attribute.type == onnx.AttributeProto.GRAPH:
                widen(attribute.g)
            if attribute.name == "value_float":
                attribute.CopyFrom(onnx.helper.make_attribute("value", numpy_helper.from_array(np.float64(attribute.f))))
            if attribute.name in ("to", "dtype", "stash_type") and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE


def uses(graph):
    """Names that the nodes of a graph read, also in graphs inside."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from uses(attribute.g)
                yield from (output.name for output in attribute.g.output)


def only(model, output):
    """The part of the model that makes one output."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph, needed, kept = model.graph, {output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(uses(onnx.GraphProto(node=[node])))
            kept.insert(0, node)
    for field_, values in [("node", kept), ("input", [i for i in graph.input if i.name != "seed"]),
                           ("output", [o for o in graph.output if o.name == output])]:
        values = [type(v).FromString(v.SerializeToString()) for v in values]
        del getattr(graph, field_)[:]
        getattr(graph, field_).extend(values)
    return model


def evaluator(model):
    return ReferenceEvaluator(to_float64(model), new_ops=reference_repairs.OPERATORS)


# --- finite differences --------------------------------------------------------------------------

@dataclass
class Function:
    """t = sum(seed * of) as a function of the wrt inputs, laid out as one vector."""
    case: Case
    run64: ReferenceEvaluator  # of the forward graph alone
    point: dict
    seed: np.ndarray = None
    sizes: list = field(default_factory=list)

    def __post_init__(self):
        self.sizes = [self.point[name].size for name in self.case.wrt]

    def vector(self):
        return np.concatenate([self.point[name].ravel() for name in self.case.wrt]).astype(np.float64)

    def inputs(self, vector):
        feeds = {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in self.point.items()}
        parts = np.split(vector, np.cumsum(self.sizes)[:-1])
        for name, part in zip(self.case.wrt, parts):
            feeds[name] = part.reshape(self.point[name].shape)
        return feeds

    def output(self, vector):
        return np.asarray(self.run64.run(None, self.inputs(vector))[0])

    def __call__(self, vector):
        return float((self.output(vector) * self.seed).sum())


def slope(function, at, direction):
    """Derivative along the direction, and how far from smooth the function is there."""
    h, middle = STEP, function(at)
    outer = [function(at + h * direction), function(at - h * direction)]
    inner = [function(at + h / 2 * direction), function(at - h / 2 * direction)]
    coarse, fine = (outer[0] - outer[1]) / (2 * h), (inner[0] - inner[1]) / h
    # Second differences: a quarter at half the step where smooth, half at a kink exactly here.
    bend = (4 * (sum(inner) - 2 * middle) - (sum(outer) - 2 * middle)) / h
    return (4 * fine - coarse) / 3, max(abs(fine - coarse), abs(bend))


def directions(gradient, rng):
    """Unit vectors: along the gradient (where an error of scale shows best), random ones, the axes."""
    size = gradient.size
    vectors = [rng.standard_normal(size) for _ in range(3)]
    if np.any(gradient):
        vectors.append(gradient.astype(np.float64))
    vectors = [v / np.linalg.norm(v) for v in vectors]
    axes = range(size) if size <= COMPONENTS else rng.choice(size, 8, replace=False)
    return np.array(vectors + [np.eye(1, size, k=axis)[0] for axis in axes])


def check_slopes(gradient, vectors, slopes, tolerance):
    """Raises Mismatch unless the gradient explains every slope."""
    errors = np.abs(vectors @ gradient - slopes)
    scale = max(np.abs(slopes).max(), np.abs(gradient).max())
    if not errors.max() <= tolerance * scale:
        worst = int(errors.argmax())
        raise Mismatch(f"direction {worst}: gradient gives {vectors[worst] @ gradient:.9g}, finite differences "
                       f"{slopes[worst]:.9g}; error {errors.max() / scale:.2g} of the largest slope")


def check_close(got, wanted, tolerance, what):
    assert got.shape == wanted.shape, f"{what}: shape {got.shape}, not {wanted.shape}"
    scale = np.abs(wanted).max(initial=0)
    error = np.abs(got - wanted).max(initial=0)
    if not error <= tolerance * scale:
        raise Mismatch(f"{what}: off by {error / (scale or 1):.2g} of the largest value")


def refused(check):
    try:
        check()
    except Mismatch:
        return True
    return False


def check_negative_controls(gradient, vectors, slopes):
    """The checker must refuse a gradient that is off by twice the tolerance, and one wrong sign."""
    if not np.any(gradient):
        return
    flipped = gradient.copy()
    flipped[np.abs(gradient).argmax()] *= -1
    for wrong in (gradient * (1 + 2 * TOLERANCE), flipped):
        assert refused(lambda: check_slopes(wrong, vectors, slopes, TOLERANCE)), "a wrong gradient passed"


# --- one case ------------------------------------------------------------------------------------

def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def moved(case, nudge, rng):
    """The case's inputs, those differentiated by moved by `nudge`; float32, so that both precisions start alike."""
    point = dict(case.inputs)
    for name in case.wrt:
        value = case.inputs[name]
        size = max(np.sqrt(np.mean(np.square(value))), 0.1) if value.size else 1.0
        point[name] = np.asarray(value + nudge * size * rng.standard_normal(value.shape), np.float32)
    return point


def check_empty(case, made):
    """An input without elements: nothing to compare, but the gradient graph runs and shapes are right."""
    seed = np.zeros(session(case.model).run([case.of], case.inputs)[0].shape, np.float32)
    for name, part in zip(case.wrt, session(made).run(None, case.inputs | {"seed": seed})[1:]):
        assert part.shape == case.inputs[name].shape, f"the gradient of {name} has shape {part.shape}"


def check(case, tool, folder):
    """Finds a smooth point near the case's inputs and compares the gradient there with finite differences."""
    made = tool.gradient(case.model, case.of, case.wrt, folder)
    assert not isinstance(made, str), made
    if any(value.size == 0 for value in case.inputs.values()):
        return check_empty(case, made)
    gradient64, gradient32 = evaluator(made), session(made)
    # Forms of operators that the reference evaluator does not know any more: their upgraded form, which
    # is compared with the original on ONNX Runtime below.
    node = case.model.graph.node[0]
    old = (case.model.opset_import[0].version < 18 and node.op_type in OLD_FORMS) or node.domain == "com.microsoft" or (
        node.op_type == "SimplifiedLayerNormalization") or any(a.name == "activations" for a in node.attribute)
    forward64 = evaluator(only(made, made.graph.output[0].name) if old else only(case.model, case.of))
    rng = np.random.default_rng(len(case.name))
    for nudge in NUDGES:
        function = Function(case, forward64, moved(case, nudge, rng))
        at = function.vector()
        with np.errstate(all="ignore"):
            output = function.output(at)
            function.seed = rng.standard_normal(output.shape).astype(np.float32)
            results = gradient64.run(None, function.inputs(at) | {"seed": function.seed.astype(np.float64)})
            for name, part in zip(case.wrt, results[1:]):
                assert part.shape == function.point[name].shape, f"the gradient of {name} has shape {part.shape}"
            gradient = np.concatenate([np.ravel(part) for part in results[1:]])
            vectors = directions(gradient if np.isfinite(gradient).all() else np.zeros_like(gradient), rng)
            slopes, bends = np.array([slope(function, at, v) for v in vectors]).T
        scale = max(np.abs(slopes).max(), 1e-3 * np.abs(output).max(initial=0))
        if np.isfinite(slopes).all() and bends.max() <= KINK * scale:
            break
    else:
        raise AssertionError("no smooth point found: the case cannot be checked")
    check_close(np.asarray(results[0]), output, TOLERANCE, "forward in float64")
    check_slopes(gradient, vectors, slopes, TOLERANCE)
    check_negative_controls(gradient, vectors, slopes)

    feeds = dict(function.point)
    forward, *parts = gradient32.run(None, feeds | {"seed": function.seed})
    for name, got, wanted in zip(case.wrt, parts, results[1:]):
        check_close(got, np.asarray(wanted), FLOAT32_TOLERANCE, f"gradient of {name} in float32")
    check_close(forward, session(case.model).run([case.of], feeds)[0], FLOAT32_TOLERANCE, "forward in float32")
    check_close(forward, output, FLOAT32_TOLERANCE, "forward in float32, of the reference evaluator")


# --- multipliers ---------------------------------------------------------------------------------

# Attributions add up to the change of the target, relative to the sizes of both: in float64 but for constants in
# float32, as TOLERANCE; in float32 but for quotients of differences, which carry rounding on, as FLOAT32_TOLERANCE.
def check_sum(multipliers, changes, target, scale, tolerance):
    """Raises Mismatch unless the attributions add up to the change of the target."""
    # What has not changed contributes nothing, also where it has no slope.
    with np.errstate(invalid="ignore"):
        total = sum(float(np.where(c == 0, 0, m * c).sum()) for m, c in zip(multipliers, changes))
    if not abs(total - target) <= tolerance * scale:
        raise Mismatch(f"attributions add up to {total:.9g}, the target changes by {target:.9g}")


def references(case, rng, defined):
    """Where the input is compared: inputs elsewhere, in part the same, and the very same."""
    for same in (0, 0.5, 1):
        # Elsewhere: anywhere if the function is defined there, else nearer to zero, or further from it.
        for noise, low, high in ((1, -1, 1), (0, 0.3, 1), (0, 1, 1.5)):
            other = dict(case.inputs)
            for name in case.wrt:
                value = np.asarray(case.inputs[name])
                size = max(np.sqrt(np.mean(np.square(value))), 0.1)
                away = value * rng.uniform(low, high, value.shape) + noise * size * rng.standard_normal(value.shape)
                other[name] = np.asarray(np.where(rng.uniform(size=value.shape) < same, value, away), np.float32)
            if defined(other):
                break
        yield other


def check_multipliers(case, tool, folder):
    """Multipliers times changes add up to f(x) - f(x0). Returns the error line where they are refused."""
    inputs = {name: np.asarray(value) for name, value in case.inputs.items()}
    made = tool.gradient(case.model, case.of, case.wrt, folder, "deep-lift")
    if isinstance(made, str) or any(value.size == 0 for value in inputs.values()):
        return made if isinstance(made, str) else None
    rng = np.random.default_rng(len(case.name))
    runs = (evaluator(made), np.float64, TOLERANCE), (session(made), np.float32, FLOAT32_TOLERANCE)
    seed = rng.standard_normal(session(case.model).run([case.of], inputs)[0].shape).astype(np.float32)

    def feeds_for(other):
        feeds = inputs | {"seed": seed} | {f"whence/reference/{name}": other[name] for name in case.wrt}
        return {info.name: np.asarray(feeds[info.name]) for info in made.graph.input}

    for other in references(case, rng, lambda o: np.isfinite(session(made).run(None, feeds_for(o))[-1]).all()):
        feeds = feeds_for(other)
        changes = [inputs[name].astype(np.float64) - other[name] for name in case.wrt]
        for run, kind, tolerance in runs:
            with np.errstate(all="ignore"):
                y, *multipliers, y0 = run.run(None, {k: v.astype(kind) if v.dtype == np.float32 else v for k, v in feeds.items()})
            y, y0 = np.asarray(y, np.float64), np.asarray(y0, np.float64)
            target = float((seed * (y - y0)).sum())
            scale = float((np.abs(seed) * (np.abs(y) + np.abs(y0))).sum()) + sum(
                float(np.where(c == 0, 0, np.abs(m * c)).sum()) for m, c in zip(multipliers, changes))
            check_sum(multipliers, changes, target, scale, tolerance)
            check_sum_refuses(multipliers, changes, target, scale, tolerance)
    return None


def check_sum_refuses(multipliers, changes, target, scale, tolerance):
    """The checker must refuse a multiplier that is off by so much that the sum is off by twice the tolerance."""
    first = int(np.argmax([np.abs(c).max(initial=0) for c in changes]))
    at = np.abs(changes[first]).argmax() if changes[first].size else 0
    if scale == 0 or changes[first].size == 0 or changes[first].flat[at] == 0:
        return
    wrong = [np.array(m, np.float64) for m in multipliers]
    for sign in (1, -1):
        wrong[first].flat[at] = multipliers[first].flat[at] + sign * 2.1 * tolerance * scale / changes[first].flat[at]
        assert refused(lambda: check_sum(wrong, changes, target, scale, tolerance)), "a wrong sum passed"


# --- second derivatives --------------------------------------------------------------------------

# Differences of a gradient whose constants are float32; the step as above.
SECOND_TOLERANCE = 64 * 2.0**-24


def check_second(case, tool, folder):
    """The gradient of direction * gradient against finite differences of the gradient. Returns an error line, if any."""
    made = tool.gradient(case.model, case.of, case.wrt, folder, "twice")
    if isinstance(made, str) or any(np.size(value) == 0 for value in case.inputs.values()):
        return made if isinstance(made, str) else None
    run64, count = evaluator(made), len(case.wrt)
    rng = np.random.default_rng(len(case.name))
    shape = session(case.model).run([case.of], {k: np.asarray(v) for k, v in case.inputs.items()})[0].shape
    seed, direction = rng.standard_normal(shape), rng.standard_normal(np.shape(case.inputs[case.wrt[0]]))
    known = {info.name for info in made.graph.input}
    for nudge in NUDGES:
        function = Function(case, run64, moved(case, nudge, rng))
        at = function.vector()

        def answers(vector):
            feeds = function.inputs(vector) | {"seed": seed, "direction": direction}
            with np.errstate(all="ignore"):
                return run64.run(None, {k: v for k, v in feeds.items() if k in known})

        def along(vector):
            return float((answers(vector)[1] * direction).sum())

        results = answers(at)
        products = np.concatenate([np.ravel(part) for part in results[1 + count:]])
        vectors = directions(products if np.isfinite(products).all() else np.zeros_like(products), rng)[2:6]
        slopes, bends = np.array([slope(along, at, v) for v in vectors]).T
        scale = max(np.abs(slopes).max(), 1e-3 * np.abs(results[1]).max(initial=0))
        if np.isfinite(slopes).all() and bends.max() <= KINK * scale:
            break
    else:
        return "no smooth point"
    errors = np.abs(vectors @ products - slopes)
    if not errors.max() <= SECOND_TOLERANCE * scale:
        raise Mismatch(f"second derivative {vectors[errors.argmax()] @ products:.9g}, finite differences {slopes[errors.argmax()]:.9g}")
    wrong = products + 2.1 * SECOND_TOLERANCE * scale * vectors[0]
    assert scale == 0 or (np.abs(vectors @ wrong - slopes)).max() > SECOND_TOLERANCE * scale, "a wrong product passed"
    return None


def check_round_trip(path, inputs, tool, folder):
    """A model that is read and written computes the same bits (where ONNX Runtime runs it at all)."""
    again = Path(folder) / "again.onnx"
    assert tool.answer(f"{path} {again}") == "ok"
    written = onnx.load(again)
    assert [node.op_type for node in written.graph.node] == [node.op_type for node in onnx.load(path).graph.node]
    try:
        wanted = session(onnx.load(path)).run(None, inputs)
    except Exception:
        pytest.skip("ONNX Runtime does not run it")
    for got, value in zip(session(written).run(None, inputs), wanted, strict=True):
        np.testing.assert_equal(got, value)
