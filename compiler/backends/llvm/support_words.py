"""What the functions of the support object are written with.

Structures are read and written by byte offset (``penstock.runtime.layout``), and
functions of CPython and NumPy are called through a table of addresses that is filled
when the object is loaded: it is linked against neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.backends.llvm.emitter import Emitter, Operand, Parameter
from penstock.runtime.layout import FUNCTIONS, NUMPY_FUNCTIONS, OBJECTS

__all__ = [
    "API_NAMES",
    "api_entry",
    "call_own",
    "call_python",
    "integer",
    "leave",
    "load_element",
    "load_word",
    "null_pointer",
    "null_word",
    "pointers",
    "require",
    "stack_words",
    "store_element",
    "store_word",
    "word_address",
]

API_NAMES = (*FUNCTIONS, *NUMPY_FUNCTIONS, *OBJECTS)
"""What the table of addresses holds, in order."""

_PLACES = {name: 8 * place for place, name in enumerate(API_NAMES)}


def load_word(f: Emitter, base: Operand, offset: int, element: str = "ptr") -> Operand:
    """Load a field of a structure."""
    address = f.offset(base, offset) if offset else base
    return f.load(address, element, align=4 if element == "i32" else 8)


def store_word(f: Emitter, value: Operand, base: Operand, offset: int) -> None:
    """Store a field of a structure."""
    f.store(value, f.offset(base, offset) if offset else base, align=8)


def word_address(f: Emitter, base: Operand, index: Operand) -> Operand:
    """The address of a word of an array."""
    return f.element_address(base, index, "ptr")


def load_element(
    f: Emitter, base: Operand, index: Operand, element: str = "ptr"
) -> Operand:
    """Load a word of an array."""
    return f.load(word_address(f, base, index), element, align=8)


def store_element(f: Emitter, value: Operand, base: Operand, index: Operand) -> None:
    """Store a word of an array."""
    f.store(value, word_address(f, base, index), align=8)


def api_entry(f: Emitter, name: str) -> Operand:
    """The address of a function or object of CPython's or NumPy's."""
    return load_word(f, Operand("@penstock_api", "ptr"), _PLACES[name])


def call_python(
    f: Emitter, name: str, arguments: Sequence[Operand], result: str | None = None
) -> Operand:
    """Call a function of CPython or NumPy."""
    return f.call(api_entry(f, name), arguments, result)


def call_own(
    f: Emitter, name: str, arguments: Sequence[Operand], result: str | None = None
) -> Operand:
    """Call a function of the support object."""
    return f.call(name, arguments, result)


def null_pointer(f: Emitter) -> Operand:
    """No address."""
    return f.constant(0, "ptr")


def null_word(f: Emitter) -> Operand:
    """The address of a word that holds no address."""
    return f.module.constant_data("null_word", "ptr null", 8)


def integer(f: Emitter, value: int) -> Operand:
    """An ``i64``."""
    return f.constant(value, "i64")


def require(f: Emitter, condition: Operand, otherwise: str) -> None:
    """Go on where a condition holds, and to a label where it does not."""
    label = f.label("ok")
    f.branch_if(condition, label, otherwise, likely=True)
    f.begin(label)


def pointers(*names: str) -> list[Parameter]:
    """Parameters that are addresses."""
    return [Parameter(name, "ptr") for name in names]


def stack_words(f: Emitter, count: Operand) -> Operand:
    """Memory on the stack, for as many words."""
    return f.instruction(f"alloca i64, {count.typed}, align 16", "ptr")


def leave(f: Emitter, value: Operand | None = None) -> None:
    """Return in the middle of a structured body; what follows is never reached."""
    f.ret(value)
    f.begin(f.label("unreached"))
