"""onnxruntime, on the function as a model of ONNX operators."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime

from benchmarks.peers import Prepared
from benchmarks.peers.record import Expression, in_order, record

OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
}


def build_model(
    parameters: list[Expression], result: Expression, dtype: np.dtype[Any]
) -> onnx.ModelProto:
    """Write one node for each operation."""
    names = {id(parameter): parameter.name for parameter in parameters}
    nodes, constants = [], []
    for position, expression in enumerate(in_order(result)):
        name = names.setdefault(id(expression), f"v{position}")
        if expression.constant is not None:
            value = np.array(expression.constant, dtype)
            constants.append(onnx.numpy_helper.from_array(value, name))
        elif expression.operands:
            inputs = [names[id(operand)] for operand in expression.operands]
            operator = OPERATORS[expression.name]
            nodes.append(onnx.helper.make_node(operator, inputs, [name]))
    kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    graph = onnx.helper.make_graph(
        nodes,
        "function",
        [onnx.helper.make_tensor_value_info(p.name, kind, ["n"]) for p in parameters],
        [onnx.helper.make_tensor_value_info(names[id(result)], kind, ["n"])],
        constants,
    )
    opset = onnx.helper.make_opsetid("", 18)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Build and optimize the model; threads as many as the process may use."""
    parameters, result = record(function)
    model = build_model(parameters, result, arguments[0].dtype)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [parameter.name for parameter in parameters]

    def call(*values: np.ndarray) -> Any:
        return session.run(None, dict(zip(names, values, strict=True)))[0]

    return Prepared(call, arguments)
