"""numexpr, on the function as one expression."""

from collections.abc import Callable
from typing import Any

import numexpr
import numpy as np

from benchmarks.peers import Prepared
from benchmarks.peers.record import in_order, record, spell


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Check the expression once, and then call numexpr's quickest entry."""
    parameters, result = record(function)
    dtype = arguments[0].dtype
    values = {p.name: a for p, a in zip(parameters, arguments, strict=True)}
    texts: dict[int, str] = {}
    for expression in in_order(result):
        if expression.constant is not None:
            # A literal would be a float64, and make everything one.
            text = f"c{len(values)}"
            values[text] = dtype.type(expression.constant)
        elif not expression.operands:
            text = expression.name
        else:
            operands = [texts[id(operand)] for operand in expression.operands]
            text = spell(expression, operands)
        texts[id(expression)] = text
    numexpr.evaluate(texts[id(result)], local_dict=values, global_dict={})

    def call(*_: np.ndarray) -> Any:
        return numexpr.re_evaluate(local_dict=values)

    return Prepared(call, arguments)
