"""Every gradient rule against finite differences, over every conformance case and cases of our own."""
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import conformance_cases
import control_cases
import gradient_checker
import own_cases

if not gradient_checker.TOOL.exists():
    pytest.skip(f"{gradient_checker.TOOL.name} is not built", allow_module_level=True)

OPERATORS = gradient_checker.operators()
CASES = conformance_cases.cases(OPERATORS) + own_cases.cases() + control_cases.cases()


@pytest.fixture(scope="session")
def tool():
    tool = gradient_checker.Tool()
    yield tool
    tool.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_gradient(case, tool, tmp_path):
    gradient_checker.check(case, tool, tmp_path)


# Operators whose change nothing splits exactly, and those whose parameters must not follow the input.
UNSPLIT = {"GlobalLpPool", "LpPool", "LRN", "ReduceProd", "TopK"}
PARAMETERS = {"BatchNormalization", "Clip", "GridSample", "PRelu"}


def reduction(node):
    """Of a scatter."""
    return next((a.s.decode() for a in node.attribute if a.name == "reduction"), "none")


# A computed exponent is split by the logarithm of the base, which zero does not have (documented).
WITHOUT_LOGARITHM = {"pow"}


@pytest.mark.parametrize("case", [case for case in CASES if case.name not in WITHOUT_LOGARITHM], ids=lambda case: case.name)
def test_multipliers(case, tool, tmp_path):
    refusal = gradient_checker.check_multipliers(case, tool, tmp_path)
    node = case.model.graph.node[0]
    if case.name.startswith(("computed", "loop11")):
        assert re.search("no DeepLIFT multiplier through (If|Loop|Scan) node", refusal)
    elif node.op_type in UNSPLIT or reduction(node) in {"mul", "max", "min"} or (node.op_type in PARAMETERS | {"Einsum"} and refusal):
        assert refusal.startswith(f"error unsupported no DeepLIFT multiplier through {node.op_type} node")
        assert node.op_type not in PARAMETERS or len(case.wrt) > 1
        assert node.op_type != "Einsum" or len(node.input) > 2
    else:
        assert not refusal


# One of each form: less known shapes change the rules' first derivatives alone.
# Left out: too near the edge of the domain for differences of a slope; a product with a zero, whose rule sets the
# zeros apart and so loses how the other slopes depend on them.
SECOND_LEFT_OUT = {"acos", "asin", *(f"own-{op}-{zeros}-zeros" for op in ("reduceprod", "scatterelements") for zeros in (1, 2))}
# Also reductions whose axes are computed: the rank of their result is then not known.
SECOND_LEFT_OUT |= {case.name for case in CASES if case.model.graph.node[0].op_type.startswith("Reduce") and len(case.inputs) > 1}
SECOND_CASES = [case for case in CASES if case.name not in SECOND_LEFT_OUT and not re.search("-(constants|rank|batch|dynamic|nothing|free-batch|opset.*)$", case.name)]


@pytest.mark.parametrize("case", SECOND_CASES, ids=lambda case: case.name)
def test_second(case, tool, tmp_path):
    refusal = gradient_checker.check_second(case, tool, tmp_path)
    if case.name == "computed-loop-of-loop":  # nobody knows the ranks of what a Loop inside a Loop keeps
        assert refusal.startswith("error unsupported no gradient through Loop node") and refusal.endswith("is not known")
    else:
        assert not refusal


def test_document_lists_the_operators():
    made = gradient_checker.ask("--document")
    assert (gradient_checker.ROOT / "docs/operators.md").read_text() == made, "run gradient_tool --document > docs/operators.md"


@pytest.mark.parametrize("path", conformance_cases.files(), ids=lambda path: path.parent.name.removeprefix("test_"))
def test_model_survives_reading_and_writing(path, tool, tmp_path):
    gradient_checker.check_round_trip(path, conformance_cases.data_set(path), tool, tmp_path)


# A staircase has no slope to compare with: tests/runtime/onnx_rules_test.cpp tests these.
STRAIGHT_THROUGH = {"QuantizeLinear", "DequantizeLinear"}


@pytest.mark.parametrize("operator", [operator for operator in OPERATORS if operator not in STRAIGHT_THROUGH])
def test_every_operator_has_a_case(operator):
    assert any(operator == f"{node.domain}.{node.op_type}".removeprefix(".") for case in CASES for node in case.model.graph.node)
