"""Lists and dicts of the caller: the traced program may read them, not write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from penstock.frontend.host_numbers import HostInteger
from penstock.ir.errors import TraceError
from penstock.ir.location import user_location
from penstock.runtime.readers import ItemReader, Reader

if TYPE_CHECKING:
    from penstock.frontend.captured import Capture

__all__ = [
    "CapturedCounter",
    "CapturedDict",
    "CapturedList",
    "FrozenDict",
    "FrozenList",
    "FrozenSet",
]


def _refuse_write(owner: str, copy: str) -> NoReturn:
    raise TraceError(
        user_location(),
        f"cannot change {owner}: it belongs to the caller",
        code="write-to-state",
        hint=f"change a copy, {copy}, and return it",
    )


class FrozenList(list[Any]):
    """A list of the caller.

    Args:
        items: its items, as the traced program sees them.
        owner: what messages call it.
    """

    __slots__ = ("owner",)

    outside_type = list
    """What ``type`` says of it."""

    def __init__(self, items: Any, owner: str) -> None:
        super().__init__(items)
        self.owner = owner

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_write(self.owner, "list(x)")

    append = clear = extend = insert = pop = remove = reverse = sort = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __copy__(self) -> list[Any]:
        return [*self]

    def __deepcopy__(self, memo: Any) -> list[Any]:
        import copy

        return [copy.deepcopy(item, memo) for item in self]

    def __reduce__(self) -> Any:
        return (list, ([*self],))


class FrozenDict(dict[Any, Any]):
    """A dict of the caller.

    Args:
        items: its items, as the traced program sees them.
        owner: what messages call it.
    """

    __slots__ = ("owner",)

    def __init__(self, items: Any, owner: str) -> None:
        super().__init__(items)
        self.owner = owner

    @property
    def outside_type(self) -> type[Any]:
        """What ``type`` says of it."""
        return dict

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_write(self.owner, "dict(x)")

    clear = pop = popitem = setdefault = update = _refuse
    __setitem__ = __delitem__ = __ior__ = _refuse

    def __copy__(self) -> dict[Any, Any]:
        return dict(self.items())

    copy = __copy__

    def __deepcopy__(self, memo: Any) -> dict[Any, Any]:
        import copy

        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> Any:
        return (dict, ([*self.items()],))


class FrozenSet(set[Any]):
    """A set of the caller.

    Args:
        members: its members.
        owner: what messages call it.
    """

    __slots__ = ("owner",)

    outside_type = set
    """What ``type`` says of it."""

    def __init__(self, members: Any, owner: str) -> None:
        super().__init__(members)
        self.owner = owner

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse_write(self.owner, "set(x)")

    add = clear = discard = pop = remove = update = _refuse
    difference_update = intersection_update = symmetric_difference_update = _refuse
    __iand__ = __ior__ = __isub__ = __ixor__ = _refuse

    # Those of `set` would make what they return of this class.

    def __copy__(self) -> set[Any]:
        return {*self}

    copy = __copy__

    def __deepcopy__(self, memo: Any) -> set[Any]:
        return {*self}

    def __and__(self, other: Any) -> Any:
        return {*self} & other

    def __or__(self, other: Any) -> Any:
        return {*self} | other

    def __sub__(self, other: Any) -> Any:
        return {*self} - other

    def __xor__(self, other: Any) -> Any:
        return {*self} ^ other

    def difference(self, *others: Any) -> set[Any]:
        return {*self}.difference(*others)

    def intersection(self, *others: Any) -> set[Any]:
        return {*self}.intersection(*others)

    def symmetric_difference(self, other: Any) -> set[Any]:
        return {*self}.symmetric_difference(other)

    def union(self, *others: Any) -> set[Any]:
        return {*self}.union(*others)

    def __reduce__(self) -> Any:
        return (set, ([*self],))


class CapturedList(FrozenList):
    """A captured list: what is read of it is recorded, item by item.

    Its own storage stays empty until all items are asked for.
    """

    __slots__ = ("_capture", "_reader", "_source")

    def __init__(self, capture: Capture, source: list[Any], reader: Reader) -> None:
        super().__init__((), reader.describe())
        self._capture = capture
        self._source = source
        self._reader = reader

    def __len__(self) -> int:
        return self._capture.length(self._source, self._reader)

    def _item(self, index: int) -> Any:
        return self._capture.wrap(self._source[index], ItemReader(self._reader, index))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(len(self)))]
        if type(index) is HostInteger or type(index) is not int:
            index = index.__index__()
        if not -len(self._source) <= index < len(self._source):
            len(self)
            raise IndexError("list index out of range")
        return self._item(index)

    def __iter__(self) -> Iterator[Any]:
        return (self._item(i) for i in range(len(self)))

    def __reversed__(self) -> Any:
        return reversed([*self])

    def __contains__(self, value: object) -> bool:
        return any(item is value or item == value for item in self)

    def index(self, value: Any, *bounds: Any) -> int:
        return [*self].index(value, *bounds)

    def count(self, value: Any) -> int:
        return [*self].count(value)

    def copy(self) -> list[Any]:
        return [*self]

    def __add__(self, other: Any) -> Any:
        return [*self, *other]

    def __radd__(self, other: Any) -> Any:
        return [*other, *self]

    def __mul__(self, count: Any) -> Any:
        return [*self] * count

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and [*self] == [*other]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return repr([*self])

    __hash__ = None  # type: ignore[assignment]


class CapturedDict(FrozenDict):
    """A captured dict: what is read of it is recorded, key by key."""

    __slots__ = ("_capture", "_reader", "_source")

    def __init__(
        self, capture: Capture, source: dict[Any, Any], reader: Reader
    ) -> None:
        super().__init__((), reader.describe())
        self._capture = capture
        self._source = source
        self._reader = reader

    @property
    def outside_type(self) -> type[Any]:
        """What ``type`` says of it."""
        return type(self._source)

    def _keys(self) -> tuple[Any, ...]:
        return self._capture.keys(self._source, self._reader)

    def _outside(self, key: Any) -> Any:
        """A key as it is in the dict itself, where a view may stand for it."""
        if self._capture.original(key) is key:
            return key
        for place, seen in zip(self._source, self._keys(), strict=True):
            if seen is key or seen == key:
                return place
        return key

    def __getitem__(self, key: Any) -> Any:
        key = self._outside(int(key) if type(key) is HostInteger else key)
        if key not in self._source:
            self._keys()
            return self._absent(key)
        return self._capture.wrap(self._source[key], ItemReader(self._reader, key))

    def _absent(self, key: Any) -> Any:
        if hasattr(type(self._source), "__missing__"):
            self._refuse()
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        key = self._outside(key)
        if key in self._source:
            # Reading the value records that the key is there.
            self[key]
            return True
        self._keys()
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys())

    def __reversed__(self) -> Any:
        return reversed(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def keys(self) -> Any:
        return dict.fromkeys(self._keys()).keys()

    def _plain(self) -> dict[Any, Any]:
        return {key: self[key] for key in self._keys()}

    def values(self) -> Any:
        return self._plain().values()

    def items(self) -> Any:
        return self._plain().items()

    def __or__(self, other: Any) -> Any:
        return self._plain() | dict(other)

    def __ror__(self, other: Any) -> Any:
        return dict(other) | self._plain()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and self._plain() == dict(other.items())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return repr(self._plain())

    __hash__ = None  # type: ignore[assignment]


class CapturedCounter(CapturedDict):
    """A captured ``collections.Counter``, which counts what is missing as 0."""

    __slots__ = ()

    def _absent(self, key: Any) -> Any:
        return 0

    def _plain(self) -> Counter[Any]:
        return Counter(super()._plain())

    def get(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            return default
        return self[key]

    def copy(self) -> Any:
        return self._plain()

    def most_common(self, n: int | None = None) -> list[tuple[Any, Any]]:
        return self._plain().most_common(n)

    def elements(self) -> Iterator[Any]:
        return self._plain().elements()

    def total(self) -> Any:
        return self._plain().total()

    def __add__(self, other: Any) -> Any:
        return self._plain() + _as_counter(other)

    def __sub__(self, other: Any) -> Any:
        return self._plain() - _as_counter(other)

    def __and__(self, other: Any) -> Any:
        return self._plain() & _as_counter(other)

    def __or__(self, other: Any) -> Any:
        return self._plain() | _as_counter(other)

    def __radd__(self, other: Any) -> Any:
        return other + self._plain()

    def __rsub__(self, other: Any) -> Any:
        return other - self._plain()

    def __rand__(self, other: Any) -> Any:
        return other & self._plain()

    def __ror__(self, other: Any) -> Any:
        return other | self._plain()

    def __pos__(self) -> Any:
        return +self._plain()

    def __neg__(self) -> Any:
        return -self._plain()

    def subtract(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._refuse()


def _as_counter(other: Any) -> Any:
    return other.copy() if type(other) is CapturedCounter else other


# Python names these in its own errors, such as those of operators.
for _kind, _name in (
    (FrozenList, "list"),
    (CapturedList, "list"),
    (FrozenDict, "dict"),
    (CapturedDict, "dict"),
    (CapturedCounter, "Counter"),
    (FrozenSet, "set"),
):
    _kind.__name__ = _kind.__qualname__ = _name
