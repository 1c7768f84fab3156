"""Whether code asks with ``is`` for what tracing could answer wrongly.

An array or object is seen through a handle or view, and one that is read in two places
through two. Python has no hook for ``is``, so the code is looked at: where it compares
what may be arrays or objects, those that are one outside are made one within.
"""

from __future__ import annotations

import dis
from enum import Enum
from types import CodeType, ModuleType, NoneType
from typing import Any

__all__ = ["asks_identity"]

_IS = dis.opmap["IS_OP"]


def asks_identity(code: CodeType, namespace: dict[str, Any]) -> bool:
    """Whether code has an ``is`` whose right side may be an array or object.

    Args:
        code: the code of a function.
        namespace: the function's globals.
    """
    # Most code has none, and reading instructions takes long.
    if _IS not in code.co_code[::2]:
        return False
    found: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        if instruction.opcode == _IS and not _is_settled(found, namespace):
            return True
        found.append(instruction)
    return False


def _is_settled(before: list[dis.Instruction], namespace: dict[str, Any]) -> bool:
    """Whether the right side is a constant, a class, or an attribute of those."""
    names: list[str] = []
    for instruction in reversed(before):
        operation, value = instruction.opname, instruction.argval
        if operation == "LOAD_ATTR":
            names.append(value)
        elif operation == "LOAD_GLOBAL" and value in namespace:
            return _is_constant(namespace[value], names[::-1])
        else:
            return operation in _CONSTANTS or operation == "LOAD_GLOBAL"
    return False


_CONSTANTS = ("LOAD_CONST", "LOAD_COMMON_CONSTANT", "LOAD_SMALL_INT")


def _is_constant(value: Any, names: list[str]) -> bool:
    for name in names:
        if not isinstance(value, (type, ModuleType)):
            return False
        value = vars(value).get(name)
    return issubclass(type(value), (type, Enum)) or type(value) in (object, NoneType)
