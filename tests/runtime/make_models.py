#!/usr/bin/env python3
"""Writes tests/runtime/models: models with subgraphs, which the tests cannot build by themselves.

Made with onnx 1.23.2. Usage: build/venv/bin/python tests/runtime/make_models.py
"""
import pathlib

import numpy
from onnx import TensorProto, checker, helper, numpy_helper, save

FOLDER = pathlib.Path(__file__).parent / "models"


def constant(name, value):
    return numpy_helper.from_array(numpy.array(value), name)


def loop(name, rounds):
    """y = x * 1.0000001 as many times as `rounds` says; counted for ever, it never ends."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["again"], ["again_out"]),
            helper.make_node("Mul", ["state", "factor"], ["state_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("again", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_out", TensorProto.FLOAT, None),
        ],
        [constant("factor", numpy.float32(1.0000001))],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["rounds", "yes", "x"], ["y"], name="forever", body=body)],
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [constant("rounds", numpy.int64(rounds)), constant("yes", True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    checker.check_model(model)
    save(model, FOLDER / f"{name}.onnx")


def main():
    FOLDER.mkdir(exist_ok=True)
    loop("endless_loop", 2**62)
    loop("short_loop", 3)


if __name__ == "__main__":
    main()
