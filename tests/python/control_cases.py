"""Operators that hold graphs. Names that begin with "computed": branch or number of steps is known to the run alone,
which no DeepLIFT multiplier passes."""
import numpy as np
from onnx import parser

from gradient_checker import Case

rng = np.random.default_rng(11)
X = rng.standard_normal((2, 3)).astype(np.float32)
SEQUENCE = rng.standard_normal((4, 2, 3)).astype(np.float32)
W = rng.standard_normal((3, 3)).astype(np.float32)
V = rng.standard_normal(3).astype(np.float32)


def case(name, text, opset=18, of="", wrt=None, **inputs):
    inputs = {key: np.asarray(value) for key, value in inputs.items()}
    header = f'<ir_version: 8, opset_import: ["" : {opset}]>'
    wrt = wrt or [key for key, value in inputs.items() if value.dtype == np.float32]
    return Case(name, parser.parse_model(header + text), inputs, wrt, of)


# --- If ------------------------------------------------------------------------------------------

BRANCHES = """
    y = If (c) <
        then_branch = taken () => (float[2, 3] a) { p = MatMul(x, w)  a = Tanh(p) },
        else_branch = other () => (float[2, 3] b) { q = Mul(x, x)  b = Mul(q, x) }>
}"""
COMPUTED_IF = "g (float[2, 3] x, float[3, 3] w) => (float[2, 3] y) { zero = Constant<value_float = 0.0>()  s = ReduceSum<keepdims = 0>(x)  c = Greater(s, zero)" + BRANCHES

# The second output ignores x in one branch, and the branches' results have shapes of their own.
TWO_OUTPUTS = """g (bool c, float[N, 3] x, float[3] v) => (float[RESULT] z) {
    a, n = If (c) <
        then_branch = taken () => (float[N, 3] p, float q) { p = Mul(x, v)  q = Constant<value_float = 2.0>() },
        else_branch = other () => (float[K, 2] r, float s) {
            two = Constant<value_ints = [2]>()  three = Constant<value_ints = [3]>()  one = Constant<value_ints = [1]>()
            cut = Slice(x, one, three, one)  r = Exp(cut)  s = ReduceMean<keepdims = 0>(x) }>
    z = Mul(a, n)
}"""

NESTED_IF = """g (bool c, bool d, float[2, 3] x, float[3] v) => (float[2, 3] y) {
    h = Sigmoid(x)
    y = If (c) <
        then_branch = taken () => (float[2, 3] p) {
            e = If (d) <
                then_branch = inner () => (float[2, 3] a) { hh = Mul(h, v)  a = Sin(hh) },
                else_branch = inner2 () => (float[2, 3] b) { hv = Add(h, v)  b = Exp(hv) }>
            p = Mul(e, x) },
        else_branch = other () => (float[2, 3] q) { q = Identity(h) }>
}"""


def branches():
    for sign in (1, -1):
        yield case(f"computed-if-{'then' if sign > 0 else 'else'}", COMPUTED_IF, x=sign * np.abs(X), w=W)
    for value in (0, 1):
        constant = f"g (float[2, 3] x, float[3, 3] w) => (float[2, 3] y) <bool c = {{{value}}}> {{ " + BRANCHES
        yield case(f"if-constant-{value}", constant, x=X, w=W, **({} if value else {"wrt": ["x"]}))
        wrt = ["x", "v"] if value else ["x"]
        text = TWO_OUTPUTS.replace("RESULT", "2, 3" if value else "2, 2")
        yield case(f"computed-if-two-outputs-{value}", text, c=np.bool_(value), x=X, v=V, wrt=wrt)
        yield case(f"computed-if-opset13-{value}", text.replace("ReduceMean<", "ReduceMean<axes = [0, 1], "), opset=13,
                   c=np.bool_(value), x=X, v=V, wrt=wrt)
        for other in (0, 1):
            yield case(f"computed-if-nested-{value}{other}", NESTED_IF, c=np.bool_(value), d=np.bool_(other), x=X, v=V)


# --- Loop ----------------------------------------------------------------------------------------

# Two states, one of them counting; captured tensors; a slice of the states kept at each step.
STEPS = """
    last, count, kept = Loop <body = step (int64 i, bool go, float[2, 3] h, int64 k) => (bool on, float[2, 3] next, int64 more, float[2, 3] keep) {
        on = Identity(go)
        f = Cast<to = 1>(i)
        p = MatMul(h, w)  q = Tanh(p)  r = Mul(q, f)  s = Add(r, v)  next = Add(s, h)
        one = Constant<value_int = 1>()  more = Add(k, one)
        keep = Sin(h)
    }> (n, yes, x, start)
    sum = ReduceSum<keepdims = 0>(kept, axis)
    y = Mul(last, sum)
}"""
LOOP = "g ({inputs}float[2, 3] x, float[3, 3] w, float[3] v) => (float[2, 3] y) <bool yes = {{1}}, int64 start = {{0}}, int64[1] axis = {{0}}{constants}> {{ " + STEPS.replace("{", "{{").replace("}", "}}")

# Goes on until the state is large.
WHILE = """g (float[2, 3] x, float[3] v) => (float[2, 3] y) <bool yes = {1}, float limit = {40.0}> {
    y = Loop <body = step (int64 i, bool go, float[2, 3] h) => (bool on, float[2, 3] next) {
        next = Mul(h, v)
        square = Mul(next, next)  size = ReduceSum<keepdims = 0>(square)  on = Less(size, limit)
    }> (, yes, x)
}"""

# A branch that depends on the step, inside; what it captures is made inside, and outside.
LOOP_OF_IF = """g (float[2, 3] x, float[3] v) => (float[2, 3] y) <bool yes = {1}, int64 n = {3}, int64 one = {1}> {
    y = Loop <body = step (int64 i, bool go, float[2, 3] h) => (bool on, float[2, 3] next) {
        on = Identity(go)
        c = Equal(i, one)
        t = Mul(h, v)
        next = If (c) <
            then_branch = taken () => (float[2, 3] a) { a = Sin(t) },
            else_branch = other () => (float[2, 3] b) { u = Mul(t, h)  b = Add(u, x) }>
    }> (n, yes, x)
}"""

# As many steps inside as have been outside, which makes triangular numbers of products.
LOOP_OF_LOOP = """g (int64 n, float[2, 3] x, float[3] v) => (float[2, 3] y) <bool yes = {1}> {
    y = Loop <body = step (int64 i, bool go, float[2, 3] h) => (bool on, float[2, 3] next) {
        on = Identity(go)
        t = Tanh(h)
        next = Loop <body = inner (int64 j, bool gi, float[2, 3] s) => (bool oi, float[2, 3] z) {
            oi = Identity(gi)
            p = Mul(s, v)  z = Add(p, t)
        }> (i, yes, h)
    }> (n, yes, x)
}"""

# As PyTorch's exporter writes `for i in range(3): x = torch.relu(x @ w) + x; outs.append(x)`, operator set 13.
TORCH = """g (float[2, 3] x) => (float[3, 2, 3] y) <float[3, 3] w = {0.5, 0.1, -0.3, 0.2, 0.4, 0.6, -0.1, 0.7, 0.3}> {
    trips = Constant<value = int64 {3}>()
    cond = Constant<value = bool {1}>()
    h, y = Loop <body = torch_jit1 (int64 i, bool go, float[A, B] x11) => (bool go2, float[A, B] x7, float[A, B] o) {
        m = MatMul(x11, w)  r = Relu(m)  x7 = Add(r, x11)
        ax = Constant<value = int64[1] {0}>()
        un = Unsqueeze(x7, ax)  o = Squeeze(un, ax)
        go2 = Cast<to = 9>(cond)
    }> (trips, cond, x)
}"""

# Nothing is handed on: each step makes a row.
ROWS = """g (int64 n, float[2, 3] x) => (float[K, 3] y) <bool yes = {1}> {
    y = Loop <body = step (int64 i, bool go) => (bool on, float[3] row) {
        on = Identity(go)
        zero = Constant<value_int = 0>()  r = Gather<axis = 0>(x, zero)  f = Cast<to = 1>(i)  s = Mul(r, f)  row = Exp(s)
    }> (n, yes)
}"""


def loops():
    for n in (1, 3):
        yield case(f"computed-loop-{n}", LOOP.format(inputs="int64 n, ", constants=""), n=n, x=X, w=W / 2, v=V)
        yield case(f"loop-{n}", LOOP.format(inputs="", constants=f", int64 n = {{{n}}}"), x=X, w=W / 2, v=V)
    yield case("computed-loop-first-axis-unknown", LOOP.format(inputs="int64 n, ", constants="").replace("float[2, 3]", "float[N, 3]"), n=2, x=X, w=W / 2, v=V)
    yield case("computed-loop-while", WHILE, x=X, v=1.5 + np.abs(V))
    yield case("computed-loop-of-if", LOOP_OF_IF, x=X, v=V)
    yield case("computed-loop-of-if-computed", LOOP_OF_IF.replace("g (", "g (int64 n, ").replace("int64 n = {3}, ", ""), n=3, x=X, v=V)
    yield case("computed-loop-of-loop", LOOP_OF_LOOP, n=3, x=X, v=V)
    yield case("loop-of-loop", LOOP_OF_LOOP.replace("int64 n, ", "").replace("bool yes = {1}", "bool yes = {1}, int64 n = {3}"), x=X, v=V, wrt=["x", "v"])
    yield case("loop-torch", TORCH, opset=13, x=X)
    yield case("computed-loop-rows", ROWS, n=2, x=X)


# --- Scan ----------------------------------------------------------------------------------------

# Two states, two sequences (one along another axis, read from its end), two results, one stacked from the end.
SCAN = """g (float[2, 3] h, float[2, 3] k, float[T, 2, 3] a, float[2, T, 3] b, float[3] v) => (float[2, 3] last, float[2, 3] sum, float[T, 2, 3] p, float[2, 3, T] q) {
    last, sum, p, q = Scan <num_scan_inputs = 2, scan_input_axes = [0, 1], scan_input_directions = [0, 1], scan_output_axes = [0, -1],
        scan_output_directions = [0, 1], body = step (float[2, 3] s, float[2, 3] u, float[2, 3] x, float[2, 3] z) =>
        (float[2, 3] s1, float[2, 3] u1, float[2, 3] out, float[2, 3] out2) {
            m = Mul(x, v)  n = Add(m, s)  s1 = Tanh(n)
            o = Mul(z, s1)  u1 = Add(u, o)
            out = Mul(s1, x)
            out2 = Sin(u1)
        }> (h, k, a, b)
}"""


def scans():
    inputs = dict(h=X, k=X[::-1].copy(), a=SEQUENCE, b=SEQUENCE[::-1].transpose(1, 0, 2).copy(), v=V)
    for of, wrt in [("last", ["h", "a", "v"]), ("sum", ["h", "k", "a", "b", "v"]), ("p", ["h", "a", "v"]), ("q", ["h", "k", "a", "b", "v"])]:
        yield case(f"computed-scan-{of}", SCAN, of=of, wrt=wrt, **inputs)
        yield case(f"scan-{of}", SCAN.replace("T", "4").replace("4anh", "Tanh"), of=of, wrt=wrt, **inputs)
    yield case("scan-opset11", SCAN.replace("T", "4").replace("4anh", "Tanh"), opset=11, of="q", **inputs)


def cases():
    return [*branches(), *loops(), *scans()]
