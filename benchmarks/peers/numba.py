"""numba.vectorize, on a scalar function with constants of the arguments' dtype.

The plain source would be computed in float64, since numba takes each constant as
one; so the function is written out again, one operation a line.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks.peers import Prepared
from benchmarks.peers.record import in_order, record, spell


def prepare(
    function: Callable[..., Any], arguments: tuple[np.ndarray, ...]
) -> Prepared:
    """Compile a ufunc, in the dtype of the first argument."""
    parameters, result = record(function)
    dtype = arguments[0].dtype
    texts: dict[int, str] = {}
    lines = [f"def kernel({', '.join(p.name for p in parameters)}):"]
    for position, expression in enumerate(in_order(result)):
        if expression.constant is not None:
            text = f"np.{dtype}({expression.constant!r})"
        elif not expression.operands:
            text = expression.name
        else:
            text = f"v{position}"
            operands = [texts[id(operand)] for operand in expression.operands]
            lines.append(f"    {text} = {spell(expression, operands, 'np.')}")
        texts[id(expression)] = text
    lines.append(f"    return {texts[id(result)]}")
    names: dict[str, Any] = {"np": np}
    exec("\n".join(lines), names)
    kind = numba.from_dtype(dtype)
    signature = kind(*[kind] * len(parameters))
    return Prepared(numba.vectorize([signature])(names["kernel"]), arguments)
