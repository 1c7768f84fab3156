"""The native dispatcher: callables whose calls run no Python code.

A callable is an object of a type made here through CPython's C API, with functions that
the support object brings. It holds the Python dispatcher, which makes the variants and
serves what is out of the ordinary, and a table that says how to serve the rest.

The table is replaced as a whole when the variants change. A call under way holds the
owner of the table it began with, and so every dtype, key and shared object in it.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from penstock.runtime import layout
from penstock.runtime.dispatch import Dispatcher
from penstock.runtime.native_table import SCALAR_CLASSES, build_table
from penstock.runtime.support import Support
from penstock.runtime.tracebacks import hide_own_frames

__all__ = ["new_callable", "self_check"]

_types: dict[tuple[type[Any], int], type[Any]] = {}


def new_callable(
    base: type[Any], dispatcher: Dispatcher, support: Support | None
) -> Any:
    """Make a callable that serves calls through a dispatcher.

    Args:
        base: the class that its type derives from, for further methods; it has
            ``__slots__ = ()`` and its ``__init__`` is not called.
        dispatcher: serves what the native dispatcher does not.
        support: where the native dispatcher is; ``None`` for none.

    Returns:
        The callable. It has a ``__dict__``, binds as a method (by the ``__get__`` of
        ``base``, if it has one), and its attribute ``dispatcher`` is the dispatcher.
    """
    if support is None or self_check() is not None:
        return _python_callable(base, dispatcher)
    key = (base, id(support))
    if key not in _types:
        _types[key] = _make_type(base, support)
    made = object.__new__(_types[key])
    _Connection(made, dispatcher, support)
    return made


def _python_callable(base: type[Any], dispatcher: Dispatcher) -> Any:
    key = (base, 0)
    if key not in _types:
        names: dict[str, Any] = {
            "__slots__": (),
            "__module__": base.__module__,
            "__doc__": base.__doc__,
        }
        if hasattr(base, "__get__"):
            names["__get__"] = base.__get__
        _types[key] = type(base.__name__, (_PythonCallable, base), names)
    made = object.__new__(_types[key])
    object.__setattr__(made, "dispatcher", dispatcher)
    return made


class _PythonCallable:
    """What the native type does, in Python."""

    __slots__ = ("__dict__", "__weakref__", "dispatcher")

    dispatcher: Dispatcher

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.dispatcher.call(args, kwargs)
        except Exception as error:
            hide_own_frames(error)
            raise

    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)


class _Connection:
    """Keeps the table of a native callable up with its dispatcher's variants."""

    def __init__(self, made: Any, dispatcher: Dispatcher, support: Support) -> None:
        self._made = weakref.ref(made)
        self._dispatcher = weakref.ref(dispatcher)
        self._support = support
        address = id(made)
        _increment(dispatcher)
        _word(address + layout.Callable.SLOW).value = id(dispatcher)
        _word(address + layout.Callable.VECTORCALL).value = support.address(
            "penstock_vectorcall"
        )
        dispatcher.on_change = self.update
        self.update()

    def update(self) -> None:
        """Make a new table and put it in place."""
        made, dispatcher = self._made(), self._dispatcher()
        if made is None or dispatcher is None:
            return
        owner, table = build_table(dispatcher, self._support)
        _increment(owner)
        place = (ctypes.c_int64 * 2).from_address(id(made) + layout.Callable.OWNER)
        before = place[0]
        # One statement of C: no other thread sees the new owner with the old table.
        place[:] = [id(owner), table]
        if before:
            _decrement(before)


# Functions of our own: attributes of ctypes.pythonapi belong to everybody.
def _python(name: str, result: Any, *parameters: Any) -> Callable[..., Any]:
    return ctypes.PYFUNCTYPE(result, *parameters)((name, ctypes.pythonapi))


_increment = _python("Py_IncRef", None, ctypes.py_object)
_decrement = _python("Py_DecRef", None, ctypes.c_void_p)
_make_from_spec = _python(
    "PyType_FromSpecWithBases", ctypes.py_object, ctypes.c_void_p, ctypes.py_object
)
_this_interpreter = _python("PyInterpreterState_Get", ctypes.c_void_p)
_main_interpreter = _python("PyInterpreterState_Main", ctypes.c_void_p)


def _word(address: int) -> ctypes.c_int64:
    return ctypes.c_int64.from_address(address)


class _Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("pointer", ctypes.c_void_p)]


class _Member(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


class _Property(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("get", ctypes.c_void_p),
        ("set", ctypes.c_void_p),
        ("doc", ctypes.c_char_p),
        ("closure", ctypes.c_void_p),
    ]


class _Spec(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    ]


# Numbers of CPython's stable ABI: Include/typeslots.h, descrobject.h, object.h.
_TP_CALL, _TP_CLEAR, _TP_DEALLOC, _TP_DESCR_GET = 50, 51, 52, 54
_TP_TRAVERSE, _TP_MEMBERS, _TP_GETSET = 71, 72, 73
_T_OBJECT_EX, _T_PYSSIZET, _READONLY = 16, 19, 1
_HAVE_VECTORCALL, _HAVE_GC, _METHOD_DESCRIPTOR = 1 << 11, 1 << 14, 1 << 17


def _make_type(base: type[Any], support: Support) -> type[Any]:
    fields = layout.Callable
    members = (_Member * 5)(
        _Member(b"__vectorcalloffset__", _T_PYSSIZET, fields.VECTORCALL, _READONLY),
        _Member(b"__dictoffset__", _T_PYSSIZET, fields.DICT, _READONLY),
        _Member(b"__weaklistoffset__", _T_PYSSIZET, fields.WEAKREFS, _READONLY),
        _Member(b"dispatcher", _T_OBJECT_EX, fields.SLOW, _READONLY),
        _Member(),
    )
    properties = (_Property * 2)(
        _Property(
            b"__dict__",
            _function("PyObject_GenericGetDict"),
            _function("PyObject_GenericSetDict"),
        ),
        _Property(),
    )
    bind = _Slot(_TP_DESCR_GET, support.address("penstock_bind"))
    slots = (_Slot * 8)(
        _Slot(_TP_CALL, _function("PyVectorcall_Call")),
        _Slot(_TP_TRAVERSE, support.address("penstock_traverse")),
        _Slot(_TP_CLEAR, support.address("penstock_clear")),
        _Slot(_TP_DEALLOC, support.address("penstock_dealloc")),
        _Slot(_TP_MEMBERS, ctypes.addressof(members)),
        _Slot(_TP_GETSET, ctypes.addressof(properties)),
        _Slot() if hasattr(base, "__get__") else bind,
        _Slot(),
    )
    name = f"{base.__module__}.{base.__qualname__}".encode()
    flags = _HAVE_VECTORCALL | _HAVE_GC | _METHOD_DESCRIPTOR
    spec = _Spec(name, fields.SIZE, 0, flags, slots)
    made: type[Any] = _make_from_spec(ctypes.addressof(spec), (base,))
    # CPython refers to the name and the tables for as long as the type lives.
    _kept.append((name, members, properties, slots, spec, support))
    return made


_kept: list[object] = []


def _function(name: str) -> int | None:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value


class _Check:
    """The answer of ``self_check``, once it is known."""

    done = False
    reason: str | None = None


def self_check() -> str | None:
    """Why the native dispatcher cannot work in this process; ``None`` if it can.

    It reads CPython's and NumPy's objects at fixed offsets. Those are looked at here,
    in objects whose content is known.
    """
    if not _Check.done:
        _Check.reason = _find_reason()
        _Check.done = True
    return _Check.reason


def _find_reason() -> str | None:
    if sys.implementation.name != "cpython" or sys.platform != "linux":
        return f"{sys.implementation.name} on {sys.platform} is not CPython on Linux"
    if sys.maxsize != (1 << 63) - 1 or sys.byteorder != "little":
        return "words are not 64 bits, little-endian"
    if (
        "t" in getattr(sys, "abiflags", "")
        or not getattr(sys, "_is_gil_enabled", lambda: True)()
    ):
        return "this interpreter has no global lock"
    if _this_interpreter() != _main_interpreter():
        return "this is a subinterpreter"
    checks = (_check_arrays, _check_numbers, _check_lists, _check_descriptors)
    for check in (*checks, _check_scalars):
        if not check():
            return f"objects are laid out otherwise ({check.__name__[7:]})"
    return None


def _check_arrays() -> bool:
    array = np.zeros((3, 5, 2), np.float32)[:, ::2]
    at, fields = id(array), layout.Array
    sizes = (ctypes.c_int64 * 3).from_address(_word(at + fields.SIZES).value)
    strides = (ctypes.c_int64 * 3).from_address(_word(at + fields.STRIDES).value)
    flags = ctypes.c_int32.from_address(at + fields.FLAGS).value
    contiguous = np.zeros(3)
    more = ctypes.c_int32.from_address(id(contiguous) + fields.FLAGS).value
    both = fields.C_CONTIGUOUS | fields.ALIGNED
    return (
        _word(at + layout.Callable.TYPE).value == id(np.ndarray)
        and _word(at + fields.DATA).value == array.ctypes.data
        and ctypes.c_int32.from_address(at + fields.RANK).value == 3
        and tuple(sizes) == array.shape
        and tuple(strides) == array.strides
        and _word(at + fields.DESCRIPTOR).value == id(array.dtype)
        and flags & both == fields.ALIGNED
        and more & both == both
    )


def _check_numbers() -> bool:
    number, pair = 1.25, (1.5, 2.5)
    items = (ctypes.c_int64 * 2).from_address(id(pair) + layout.TUPLE_ITEMS)
    return (
        ctypes.c_double.from_address(id(number) + layout.FLOAT_VALUE).value == 1.25
        and _word(id(pair) + layout.LENGTH).value == 2
        and tuple(items) == (id(pair[0]), id(pair[1]))
        and _word(id(number) + layout.Callable.TYPE).value == id(float)
    )


def _check_lists() -> bool:
    three = [1.5, 2.5, 3.5]
    address = _word(id(three) + layout.LIST_ITEMS).value
    items = (ctypes.c_int64 * 3).from_address(address)
    return (
        _word(id(three) + layout.LENGTH).value == 3
        and tuple(items) == tuple(map(id, three))
        and _word(id(three) + layout.Callable.TYPE).value == id(list)
    )


def _check_scalars() -> bool:
    for kind in SCALAR_CLASSES:
        value = kind(1)
        held = ctypes.string_at(id(value) + layout.SCALAR_VALUE, value.itemsize)
        if held != value.tobytes():
            return False
    return True


def _check_descriptors() -> bool:
    for dtype in (np.dtype("<i4"), np.dtype(">f8"), np.dtype("bool")):
        number = ctypes.c_int32.from_address(id(dtype) + layout.Descriptor.TYPE_NUMBER)
        order = ctypes.c_char.from_address(id(dtype) + layout.Descriptor.BYTE_ORDER)
        if number.value != dtype.num or order.value != dtype.byteorder.encode():
            return False
    return True
