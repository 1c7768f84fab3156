"""Functions of the user, run over views of what they read.

CPython honours ``__getitem__`` of a dict subclass that serves as a function's
globals, so a function made anew from the same code over such a view reads through
it; nothing that exists is changed. Closure cells and defaults are made anew too.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from penstock.frontend.identity import asks_identity
from penstock.frontend.libraries import is_library
from penstock.frontend.transformed import KEPT
from penstock.ir.errors import TraceError, UnsupportedError
from penstock.ir.location import Location, user_location
from penstock.ir.noted_errors import forget
from penstock.runtime.readers import (
    AbsenceReader,
    AttributeReader,
    CellReader,
    CodeReader,
    DefaultReader,
    GlobalReader,
    ItemReader,
    Reader,
    ValueReader,
)

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = ["FunctionViews", "GlobalsView", "place_of_return"]


class _Builtins(dict[str, Any]):
    """The builtins of a traced function, and for debuggers its globals.

    What ``eval`` is given, by ``pdb`` for one, looks for a name in the storage of the
    frame's globals, which does not have them, and then here.
    """

    def __init__(self, names: dict[str, Any], view: GlobalsView) -> None:
        super().__init__(names)
        self.view = view

    def __missing__(self, name: str) -> Any:
        return self.view[name]


class GlobalsView(dict[str, Any]):
    """The globals of a traced function: reads are recorded, writes are errors.

    A ``global`` statement's writes go past ``__setitem__`` into this dict's own
    storage; they are found at the next read or at the end of the trace.

    Args:
        capture: records reads.
        live: the globals themselves.
        builtins: the builtins of traced functions.
    """

    def __init__(
        self, capture: Capture, live: dict[str, Any], builtins: dict[str, Any]
    ) -> None:
        name = live.get("__name__", "__main__")
        # Python notes in the registry which warnings were shown for this module.
        super().__init__(
            __builtins__=_Builtins(builtins, self), __name__=name,
            __warningregistry__={},
        )  # fmt: skip
        self.capture = capture
        self.live = live
        self.builtins = builtins
        # What names were found to be: they do not change while tracing.
        self._found: dict[str, Any] = {}
        self._whole: GlobalsView | None = None
        # What is in the storage itself, where only a `global` statement adds more.
        self.stored = set(dict.keys(self))

    def __getitem__(self, name: str) -> Any:
        if dict.__len__(self) != len(self.stored):
            self.check_unchanged()
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> Any:
        live = self.live
        reader = GlobalReader(live, name)
        if name in live:
            return self.capture.wrap(live[name], reader)
        if name not in self.builtins:
            self.capture.wrap(True, AbsenceReader(reader))
            raise KeyError(name)
        if name in reader.builtin_names:
            self.capture.wrap(reader.read(), reader)
        return self.builtins[name]

    def __missing__(self, name: str) -> Any:
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            place = ItemReader(ValueReader(self.live, "globals()"), name)
            self.capture.wrap(name not in self.live, AbsenceReader(place))
        return name in self.live

    def __setitem__(self, name: str, value: Any) -> None:
        raise self.capture.tracer.fail(
            f"cannot set the global {name} in a compiled function",
            code="write-to-state",
            hint="return the new value and set the global outside",
        )

    def __delitem__(self, name: str) -> None:
        self[name] = None

    # What dicts do in C looks past the methods above, at the storage.

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name in self.stored:  # Python's own, as the registry of warnings.
            return dict.__getitem__(self, name)
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name: str, *default: Any) -> Any:
        if name in self or not default:
            del self[name]
        return default[0]

    def update(self, *others: Any, **items: Any) -> None:
        for name, value in dict(*others, **items).items():
            self[name] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc, override]
        self.update(other)
        return self

    def lend(self, names: tuple[str, ...]) -> list[str]:
        """Put names into the storage itself, where class bodies look for them."""
        lent = [name for name in names if name in self.live and name not in self.stored]
        for name in lent:
            value = self[name]
            self.stored.add(name)
            dict.__setitem__(self, name, value)
        return lent

    def take_back(self, lent: list[str]) -> None:
        """Undo ``lend``."""
        for name in lent:
            dict.__delitem__(self, name)
            self.stored.remove(name)

    def check_unchanged(self) -> None:
        """Raise a TraceError if a ``global`` statement has written to the storage."""
        for name in dict.keys(self):
            if name not in self.stored:
                raise TraceError(
                    self.capture.functions.place_of_write(name),
                    f"cannot set the global {name} in a compiled function",
                    code="write-to-state",
                    hint="return the new value and set the global outside",
                )

    def whole(self) -> dict[str, Any]:
        """What ``globals()`` gives: the same names, but only one by one."""
        if self._whole is None:
            self._whole = GlobalsByName(self.capture, self.live, self.builtins)
        return self._whole

    # Debuggers and what prints tracebacks look at the globals of a frame, also when the
    # trace is over: they find those that the function has.

    def __len__(self) -> int:
        return len(self.live)

    def __iter__(self) -> Iterator[str]:
        return iter(self.live)

    def keys(self) -> Any:
        return self.live.keys()

    def values(self) -> Any:
        return self.live.values()

    def items(self) -> Any:
        return self.live.items()

    def copy(self) -> dict[str, Any]:
        return self.live.copy()


class GlobalsByName(GlobalsView):
    """What ``globals()`` gives in a traced function: asking for all is an error."""


def _as_whole(*_: Any) -> NoReturn:
    raise UnsupportedError(
        user_location(),
        "globals() as a whole is not supported in a compiled function",
        code="unsupported-builtin",
        hint="ask for the names that it needs: globals()['name']",
    )


for _name in (
    "__eq__", "__iter__", "__len__", "__ne__", "__or__", "__reversed__", "__ror__",
    "clear", "copy", "items", "keys", "popitem", "values",
):  # fmt: skip
    setattr(GlobalsByName, _name, _as_whole)

_OF_THEMSELVES = (
    "__annotations__", "__doc__", "__module__", "__name__", "__qualname__",
)  # fmt: skip


class _Attributes(NamedTuple):
    """A view of a function, and the attributes that it began with."""

    # As Any: FunctionType is a descriptor, to a type checker.
    view: Any
    function: Any
    reader: Reader
    before: dict[str, Any]


class FunctionViews:
    """The views of functions in one trace."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._views: dict[int, tuple[FunctionType, FunctionType]] = {}
        self._globals: dict[int, GlobalsView] = {}
        self._cells: list[tuple[CellType, Any, str, CodeType]] = []
        # By the identity of the view.
        self._attributes: dict[int, _Attributes] = {}
        self._codes: list[tuple[CodeType, dict[str, Any]]] = []
        self._builtins: dict[str, Any] | None = None

    def globals_view(self, live: dict[str, Any]) -> GlobalsView:
        """The view of a function's globals."""
        found = self._globals.get(id(live))
        if found is None:
            if self._builtins is None:
                from penstock.frontend.builtin_names import traced_builtins

                self._builtins = traced_builtins(self.capture)
            found = GlobalsView(self.capture, live, self._builtins)
            self._globals[id(live)] = found
        return found

    def view(self, function: FunctionType, reader: Reader) -> Any:
        """A function that runs the same code over views of what it reads."""
        known = self._views.get(id(function))
        if known is not None:
            return known[1]
        live = function.__globals__
        if type(live) is GlobalsView:
            return function
        library = is_library(live.get("__name__"))
        if library and not function.__closure__:
            return function
        if library and hasattr(function, "registry"):
            raise UnsupportedError(
                user_location(),
                f"{function.__name__} is a functools.singledispatch function, which is "
                "not supported in compiled functions",
                code="unsupported-function",
                hint="call the function for the type itself",
            )
        self.capture.record_once(CodeReader(reader), function.__code__)
        cells, view = self._blank(function, live if library else None)
        self._views[id(function)] = (function, view)
        self._fill_cells(function, cells, reader)
        self._set_defaults(function, view)
        view.__qualname__ = function.__qualname__
        view.__module__ = function.__module__
        view.__doc__ = function.__doc__
        view.__annotations__ = dict(function.__annotations__)
        for name, value in vars(function).items():
            if name == KEPT:
                continue
            try:
                place = AttributeReader(reader, name)
                vars(view)[name] = self.capture.wrap(value, place)
            except UnsupportedError as error:
                # What has no view is left out: reading it is an AttributeError.
                forget(error)
        self._attributes[id(view)] = _Attributes(
            view, function, reader, dict(vars(view))
        )
        return view

    def record_absence(self, view: FunctionType, name: str) -> None:
        """Note that the traced program found that a function lacks an attribute."""
        if id(view) in self._attributes:
            place = AttributeReader(self._attributes[id(view)].reader, name)
            self.capture.wrap(True, AbsenceReader(place))

    def original(self, view: FunctionType) -> FunctionType:
        """The function that a view shows; others are themselves."""
        known = self._attributes.get(id(view))
        found: FunctionType = view if known is None else known.function
        return found

    def record_names(self) -> None:
        """Make part of the signature what functions are called and say of themselves.

        Few programs ask that; those whose code does not name it cannot.
        """
        asked = {
            name
            for code, _ in self._codes
            for part in _all_code(code)
            for name in (*part.co_names, *part.co_consts)
            if name in _OF_THEMSELVES
        }
        for entry in [*self._attributes.values()]:
            for name in sorted(asked):
                place = AttributeReader(entry.reader, name)
                try:
                    seen = self.capture.wrap(getattr(entry.function, name), place)
                    if isinstance(seen, dict):
                        # Of the annotations too all was copied.
                        dict(seen.items())
                except UnsupportedError as error:
                    # What has no view was copied as it is.
                    forget(error)

    def ask_identity(self) -> bool:
        """Whether the code asks with ``is`` for what may be an array or object."""
        return any(
            asks_identity(part, namespace)
            for code, namespace in self._codes
            for part in _all_code(code)
        )

    def entry(self, function: FunctionType) -> Any:
        """The view of the traced function itself, for a call with every argument.

        Its defaults are arguments of that call, so that they are no captured state.
        """
        reader = ValueReader(function, function.__name__)
        self.capture.record_once(CodeReader(reader), function.__code__)
        cells, view = self._blank(function)
        self._fill_cells(function, cells, reader)
        return view

    def _blank(
        self, function: FunctionType, namespace: dict[str, Any] | None = None
    ) -> tuple[tuple[CellType, ...], FunctionType]:
        """The same code over the view of its globals, and with cells still empty."""
        if namespace is None:
            namespace = self.globals_view(function.__globals__)
        code = function.__code__
        cells = tuple(CellType() for _ in function.__closure__ or ())
        self._codes.append((code, function.__globals__))
        name = function.__name__
        return cells, FunctionType(code, namespace, name, None, cells or None)

    def _fill_cells(
        self, function: FunctionType, cells: tuple[CellType, ...], reader: Reader
    ) -> None:
        names = function.__code__.co_freevars
        for name, cell, new in zip(
            names, function.__closure__ or (), cells, strict=True
        ):
            try:
                value = cell.cell_contents
            except ValueError:
                # Not assigned yet: reading it raises as it would outside.
                self.capture.wrap(True, AbsenceReader(CellReader(cell, name)))
                continue
            if name == "__class__":
                new.cell_contents = value
                continue
            wrapped = self.capture.wrap(value, CellReader(cell, name))
            new.cell_contents = wrapped
            self._cells.append((new, wrapped, name, function.__code__))

    def _set_defaults(self, function: FunctionType, view: FunctionType) -> None:
        code, wrap = function.__code__, self.capture.wrap
        defaults = function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount]
        if defaults:
            view.__defaults__ = tuple(
                wrap(value, DefaultReader(function, name))
                for name, value in zip(names[-len(defaults) :], defaults, strict=True)
            )
        if function.__kwdefaults__:
            view.__kwdefaults__ = {
                name: wrap(value, DefaultReader(function, name))
                for name, value in function.__kwdefaults__.items()
            }

    def check_unchanged(self) -> None:
        """Raise a TraceError if the traced program wrote to globals or closures."""
        for namespace in self._globals.values():
            namespace.check_unchanged()
        for entry in self._attributes.values():
            self._check_attributes(entry.view, entry.before)
        for cell, original, name, code in self._cells:
            try:
                unchanged = cell.cell_contents is original
            except ValueError:
                unchanged = False
            if not unchanged:
                raise TraceError(
                    _place_of(code, name, ("STORE_DEREF", "DELETE_DEREF")),
                    f"cannot set {name}, a variable of the enclosing function, in a "
                    "compiled function",
                    code="write-to-state",
                    hint="return the new value and set the variable outside",
                )

    def _check_attributes(self, view: FunctionType, before: dict[str, Any]) -> None:
        now = vars(view)
        for name in [*before, *now]:
            if name not in now or name not in before or now[name] is not before[name]:
                raise TraceError(
                    self.place_of_write(name, ("STORE_ATTR", "DELETE_ATTR")),
                    f"cannot set {view.__name__}.{name} in a compiled function: it "
                    "belongs to the caller",
                    code="write-to-state",
                    hint="return the new value from the function and set it outside",
                )

    def place_of_write(
        self, name: str, operations: tuple[str, ...] = ("STORE_GLOBAL", "DELETE_GLOBAL")
    ) -> Location | None:
        """The line of the ``global`` write to a name, for the message.

        Args:
            name: the name.
            operations: the instructions that write to it.
        """
        for code, _ in self._codes:
            found = _place_of(code, name, operations)
            if found is not None:
                return found
        return None


def place_of_return(code: CodeType) -> Location | None:
    """The ``return`` statement of a function, or ``None`` if there are several."""
    returns = set(_places(code, ("RETURN_VALUE", "RETURN_CONST")))
    return returns.pop()[1] if len(returns) == 1 else None


def _place_of(
    code: CodeType, name: str, operations: tuple[str, ...]
) -> Location | None:
    """Where code, or code within it, has one of these instructions on a name."""
    for part in _all_code(code):
        for argument, loc in _places(part, operations):
            if argument == name:
                return loc
    return None


def _places(
    code: CodeType, operations: tuple[str, ...]
) -> Iterator[tuple[Any, Location]]:
    """What these instructions are about, and where they are.

    Code is read only here, to name the line of an error that was found otherwise.
    """
    for instruction in dis.get_instructions(code):
        if instruction.opname not in operations:
            continue
        position = instruction.positions
        if position is None or position.lineno is None:
            yield instruction.argval, Location(code.co_filename, code.co_firstlineno)
            continue
        one_line = position.lineno == position.end_lineno
        start = position.col_offset or 0
        end = (position.end_col_offset or 0) if one_line else 0
        loc = Location(code.co_filename, position.lineno, start, end)
        yield instruction.argval, loc


def _all_code(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _all_code(constant)
