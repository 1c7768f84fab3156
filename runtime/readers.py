"""Where captured state is read again at each call."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable, Sequence
from types import CellType, ModuleType
from typing import Any

from penstock.runtime.constants import constant_key, shown

__all__ = [
    "AbsenceReader",
    "ArgumentReader",
    "AttributeReader",
    "CellReader",
    "CodeReader",
    "DefaultReader",
    "GlobalReader",
    "ItemReader",
    "KeysReader",
    "LengthReader",
    "Reader",
    "SamenessReader",
    "ValueReader",
]


class Reader:
    """A place that holds a value. Readers of the same place are equal."""

    __slots__ = ()

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """What the place holds now.

        Args:
            arguments: the leaves of the call's arguments.

        Raises:
            Exception: whatever Python raises where there is nothing to read.
        """
        raise NotImplementedError

    def describe(self) -> str:
        """The place as messages show it: ``global W``, ``model.weights``."""
        raise NotImplementedError

    def bare(self) -> str:
        """The text without the word that says where its root was found: ``W``."""
        return self.describe()

    def place(self) -> Hashable:
        """What makes two readers the same; containers count by identity."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reader) or type(self) is not type(other):
            return False
        return self.place() == other.place()

    def __hash__(self) -> int:
        return hash(self.place())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()}>"


class GlobalReader(Reader):
    """A name in a module's namespace, or failing that a builtin.

    Args:
        namespace: a function's ``__globals__``.
        name: the name.
    """

    __slots__ = ("name", "namespace")

    def __init__(self, namespace: dict[str, Any], name: str) -> None:
        self.namespace = namespace
        self.name = name

    @property
    def builtin_names(self) -> dict[str, Any]:
        """The namespace that is looked in when the first lacks the name."""
        found = self.namespace.get("__builtins__", builtins)
        names = vars(found) if isinstance(found, ModuleType) else found
        return names if isinstance(names, dict) else vars(builtins)

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The value of the name now."""
        try:
            return self.namespace[self.name]
        except KeyError:
            pass
        try:
            return self.builtin_names[self.name]
        except KeyError:
            raise NameError(f"name {self.name!r} is not defined") from None

    def describe(self) -> str:
        """``global W``, or ``builtin zip``."""
        if self.name not in self.namespace and self.name in self.builtin_names:
            return f"builtin {self.name}"
        return f"global {self.name}"

    def bare(self) -> str:
        """``W``."""
        return self.name

    def place(self) -> Hashable:
        """The namespace's identity and the name."""
        return id(self.namespace), self.name


class CellReader(Reader):
    """A variable of an enclosing function.

    Args:
        cell: the cell of the closure.
        name: the variable's name.
    """

    __slots__ = ("cell", "name")

    def __init__(self, cell: CellType, name: str) -> None:
        self.cell = cell
        self.name = name

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """What the cell holds now."""
        return self.cell.cell_contents

    def describe(self) -> str:
        """``closure w``."""
        return f"closure {self.name}"

    def bare(self) -> str:
        """``w``."""
        return self.name

    def place(self) -> Hashable:
        """The cell's identity."""
        return id(self.cell)


class AttributeReader(Reader):
    """An attribute of what another reader reads.

    Args:
        parent: reads the object.
        name: the attribute's name.
    """

    __slots__ = ("name", "parent")

    def __init__(self, parent: Reader, name: str) -> None:
        self.parent = parent
        self.name = name

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The attribute now."""
        return getattr(self.parent.read(arguments), self.name)

    def describe(self) -> str:
        """``model.weights``."""
        return f"{self.parent.bare()}.{self.name}"

    def place(self) -> Hashable:
        """The parent and the name."""
        return self.parent, self.name


class ItemReader(Reader):
    """An item of what another reader reads.

    Args:
        parent: reads the container.
        key: the item's key or index, a constant.
    """

    __slots__ = ("key", "parent")

    def __init__(self, parent: Reader, key: Any) -> None:
        self.parent = parent
        self.key = key

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The item now."""
        return self.parent.read(arguments)[self.key]

    def describe(self) -> str:
        """``params['w']``."""
        return f"{self.parent.bare()}[{shown(self.key)}]"

    def place(self) -> Hashable:
        """The parent and the key."""
        return self.parent, constant_key(self.key)


class LengthReader(Reader):
    """How many items a container has.

    Args:
        parent: reads the container.
    """

    __slots__ = ("parent",)

    def __init__(self, parent: Reader) -> None:
        self.parent = parent

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The number of items now."""
        return len(self.parent.read(arguments))

    def describe(self) -> str:
        """``len(layers)``."""
        return f"len({self.parent.bare()})"

    def place(self) -> Hashable:
        """The parent."""
        return self.parent


class KeysReader(Reader):
    """The keys of a dict, in their order; the members of a set.

    Args:
        parent: reads the dict or set.
    """

    __slots__ = ("parent",)

    def __init__(self, parent: Reader) -> None:
        self.parent = parent

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """A tuple of the keys now, or a frozenset of the members."""
        container = self.parent.read(arguments)
        if isinstance(container, (set, frozenset)):
            return frozenset(container)
        return tuple(container)

    def describe(self) -> str:
        """``keys of params``."""
        return f"keys of {self.parent.bare()}"

    def place(self) -> Hashable:
        """The parent."""
        return self.parent


class DefaultReader(Reader):
    """The default value of a function's parameter.

    Args:
        function: a Python function.
        name: the parameter's name; it has a default.
    """

    __slots__ = ("function", "name")

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name

    def as_item(self) -> Reader:
        """The same place as an item of what holds the defaults."""
        function: Any = self.function
        code = function.__code__
        positional = code.co_varnames[: code.co_argcount]
        if self.name not in positional:
            keywords = AttributeReader(ValueReader(function, ""), "__kwdefaults__")
            return ItemReader(keywords, self.name)
        # Defaults belong to the last of the positional parameters.
        place = positional.index(self.name) - len(positional)
        return ItemReader(
            AttributeReader(ValueReader(function, ""), "__defaults__"), place
        )

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The default now (``__defaults__`` can be rebound)."""
        return self.as_item().read(arguments)

    def describe(self) -> str:
        """``default of scale in layer``."""
        return f"default of {self.name} in {self.function.__name__}"

    def bare(self) -> str:
        """``scale``."""
        return self.name

    def place(self) -> Hashable:
        """The function's identity and the name."""
        return id(self.function), self.name


class CodeReader(Reader):
    """The code of a Python function, which tools that reload modules replace.

    Args:
        parent: reads the function.
    """

    __slots__ = ("parent",)

    def __init__(self, parent: Reader) -> None:
        self.parent = parent

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The code now."""
        return self.parent.read(arguments).__code__

    def describe(self) -> str:
        """``code of layer``."""
        return f"code of {self.parent.bare()}"

    def place(self) -> Hashable:
        """The parent."""
        return self.parent


class ArgumentReader(Reader):
    """A leaf of the call's arguments, as the root of readers of its state.

    Args:
        index: which leaf.
        name: how messages call it.
    """

    __slots__ = ("index", "name")

    def __init__(self, index: int, name: str) -> None:
        self.index = index
        self.name = name

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The leaf of this call."""
        return arguments[self.index]

    def describe(self) -> str:
        """``self``."""
        return self.name

    def place(self) -> Hashable:
        """The index."""
        return self.index


class ValueReader(Reader):
    """A value that stays: captured state of a function that was read from a file.

    Args:
        value: the value.
        text: where it was read when the function was saved.
    """

    __slots__ = ("text", "value")

    def __init__(self, value: Any, text: str) -> None:
        self.value = value
        self.text = text

    def read(self, arguments: Sequence[Any] = ()) -> Any:
        """The value."""
        return self.value

    def describe(self) -> str:
        """The text."""
        return self.text

    def place(self) -> Hashable:
        """The value's identity and the text."""
        return id(self.value), self.text


class AbsenceReader(Reader):
    """Whether there is nothing to read where another reader reads.

    Args:
        reader: reads a global, a variable or an attribute.
    """

    __slots__ = ("reader",)

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, arguments: Sequence[Any] = ()) -> bool:
        """Whether it is absent now."""
        reader = self.reader
        try:
            if isinstance(reader, AttributeReader):
                owner = reader.parent.read(arguments)
                # Not `getattr`: a class's __getattr__ makes up what is absent.
                kind = type if isinstance(owner, type) else object
                kind.__getattribute__(owner, reader.name)
            else:
                reader.read(arguments)
        except (AttributeError, LookupError, NameError, ValueError):
            return True
        return False

    def describe(self) -> str:
        """``absence of model.bias``."""
        return f"absence of {self.reader.describe()}"

    def place(self) -> Hashable:
        """The other reader."""
        return self.reader


class SamenessReader(Reader):
    """Which of several readers read the same object.

    Args:
        readers: the readers.
    """

    __slots__ = ("readers",)

    def __init__(self, *readers: Reader) -> None:
        self.readers = readers

    def read(self, arguments: Sequence[Any] = ()) -> tuple[int, ...]:
        """For each reader the first one that reads the same object."""
        objects = [reader.read(arguments) for reader in self.readers]
        first: dict[int, int] = {}
        return tuple(
            first.setdefault(id(value), index) for index, value in enumerate(objects)
        )

    def describe(self) -> str:
        """``identity of a, b``."""
        return f"identity of {', '.join(reader.bare() for reader in self.readers)}"

    def place(self) -> Hashable:
        """The readers."""
        return self.readers
