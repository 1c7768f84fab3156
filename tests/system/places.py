"""Fills the places of a statement with what there is where it is written."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from tests.system.arguments import DTYPES
from tests.system.templates import EXACT

__all__ = ["Discarded", "Scope", "fill"]

_SCALARS = (
    "0", "1", "2", "-1", "3", "0.5", "-2.5", "True", "100", "300", "1e10", "-7",
    "np.inf", "np.nan", "-0.0",
)  # fmt: skip
_KINDS = {"x": "biuf", "n": "iuf", "f": "f", "i": "iu", "b": "b", "u": "biu"}
_PLACE = re.compile(r"\{([a-zA-Z]+)(\d?)\}")


class Discarded(Exception):  # noqa: N818 - not an error
    """A statement for which there is nothing at hand."""


class Scope(Protocol):
    """What a statement may use: the names there are, with their values."""

    rng: random.Random
    integers: list[str]
    reals: list[str]

    def value(self, name: str) -> Any: ...
    def arrays(self, *, rounded: bool = False) -> list[str]: ...
    def is_writable(self, name: str) -> bool: ...


def fill(scope: Scope, template: str, known: dict[str, str] | None = None) -> str:
    """A template with all places filled.

    Args:
        scope: what there is.
        template: the template.
        known: how places are filled already, by kind and digit; receives the others.

    Raises:
        Discarded: nothing fits.
    """
    known = {} if known is None else known

    def place(match: re.Match[str]) -> str:
        name = match[1] + match[2]
        if name not in known:
            known[name] = _choose(scope, match[1], known)
        return known[name]

    return _PLACE.sub(place, template)


def _choose(scope: Scope, kind: str, known: dict[str, str]) -> str:
    subject = next((known[n] for n in known if n.rstrip("2") in _SUBJECTS), None)
    if kind in _KINDS:
        return _array(scope, kind, subject)
    if kind in _CHOICES:
        return scope.rng.choice(_CHOICES[kind])
    return _FILLERS[kind](scope, subject)


_SUBJECTS = frozenset((*_KINDS, "w", "wi", "t"))
_CHOICES: dict[str, tuple[str, ...]] = {
    "bit": ("0", "1"),
    "few": ("1", "2"),
    "off": ("-2", "-1", "1", "2"),
    "pad": ("reflect", "wrap", "symmetric", "constant", "edge", "maximum"),
    "d": tuple(f"np.{np.dtype(one).name}" for one in DTYPES),
    "di": ("np.int8", "np.int16", "np.int32", "np.int64"),
}


def _pick(scope: Scope, accept: Callable[[Any], bool], *, rounded: bool = False) -> str:
    names = scope.arrays(rounded=rounded)
    found = [name for name in names if accept(scope.value(name))]
    if not found:
        raise Discarded
    recent = found[-5:] if scope.rng.random() < 0.7 else found
    return scope.rng.choice(recent)


def _array(scope: Scope, kind: str, subject: str | None) -> str:
    shape = None if subject is None or kind != "b" else scope.value(subject).shape

    def fits(array: Any) -> bool:
        return array.dtype.kind in _KINDS[kind] and shape in (None, array.shape)

    return _pick(scope, fits)


def _partner(scope: Scope, subject: str | None) -> str:
    shape = () if subject is None else scope.value(subject).shape

    def fits(array: Any) -> bool:
        try:
            np.broadcast_shapes(array.shape, shape)
        except ValueError:
            return False
        return True

    return _pick(scope, fits if scope.rng.random() < 0.97 else lambda array: True)


def _writable(scope: Scope, kinds: str) -> str:
    found = [
        name
        for name in scope.arrays()
        if scope.is_writable(name) and scope.value(name).dtype.kind in kinds
    ]
    if not found:
        raise Discarded
    return scope.rng.choice(found[-4:])


def _scalar(scope: Scope, subject: str | None) -> str:
    return scope.rng.choice((*_SCALARS, *(scope.reals + scope.integers) * 3))


def _host(scope: Scope, subject: str | None) -> str:
    sizes = [
        f"{name}.shape[{scope.rng.randrange(-rank, rank)}]"
        for name in scope.arrays()[:4]
        if (rank := scope.value(name).ndim)
    ]
    return scope.rng.choice(["2", "3", *scope.integers * 2, *sizes * 2])


def _rank(scope: Scope, subject: str | None) -> int:
    return 2 if subject is None else int(scope.value(subject).ndim)


def _axis(scope: Scope, subject: str | None) -> str:
    rank = max(_rank(scope, subject), 1)
    return str(scope.rng.randrange(-rank, rank))


def _axes(scope: Scope, subject: str | None) -> str:
    order = list(range(_rank(scope, subject)))
    scope.rng.shuffle(order)
    return str(tuple(order))


def _one_axis(scope: Scope, subject: str | None) -> str:
    if scope.rng.random() < 0.2:
        return "axis=None"
    return f"axis={_axis(scope, subject)}"


def _axis_options(scope: Scope, subject: str | None) -> str:
    rng, rank = scope.rng, _rank(scope, subject)
    if rank > 1 and rng.random() < 0.25:
        axes = tuple(rng.sample(range(rank), rng.randint(0, rank)))
        text = f"axis={axes}"
    else:
        text = _one_axis(scope, subject)
    return text + ", keepdims=True" * (rank > 0 and rng.random() < 0.4)


def _shape(scope: Scope, subject: str | None) -> str:
    choices = ["-1", "(-1, 1)", "(1, -1)", "(-1,)"]
    if subject is not None:
        array = scope.value(subject)
        choices += [f"({subject}.size,)", f"({subject}.size, 1)"]
        if array.ndim > 1:
            choices += [
                f"({subject}.shape[0], -1)",
                f"(-1, {subject}.shape[-1])",
                f"({subject}.shape[0] * {subject}.shape[1], -1)",
                f"{subject}.shape[::-1]",
                f"({subject}.shape[-1], -1)",
                f"{subject}.shape[0], {subject}.size // {subject}.shape[0]",
            ]
        if array.size % 2 == 0:
            choices += ["(2, -1)", "(-1, 2)"]
    return scope.rng.choice(choices)


def _index(scope: Scope, subject: str | None) -> str:
    choices = [
        "[0]", "[0, -1]", "np.array([0, 0, -1])", "np.array([[0], [-1]])",
        "np.arange(2)", "[True, False]", "[]", "np.array(-1)",
    ]  # fmt: skip
    if subject is not None and scope.value(subject).ndim:
        size = f"{subject}.shape[0]"
        choices += [f"np.arange({size})[::-1]", f"np.arange({size} - 1)"]
        for name in scope.arrays():
            if scope.value(name).dtype.kind in "iu":
                choices += [f"{name} % {size}", name]
    return scope.rng.choice(choices)


def _key(scope: Scope, subject: str | None) -> str:
    """A basic index of what the subject's rank allows."""
    rng = scope.rng
    shape = () if subject is None else scope.value(subject).shape
    if subject is not None and not shape:
        # NumPy makes a view of an array without axes, and a copy of a scalar.
        raise Discarded
    parts: list[str] = []
    axes = list(shape)
    if rng.random() < 0.15:
        parts.append("...")
        axes = axes[max(len(axes) - rng.randint(0, 1), 0) :]
    while axes and (rng.random() < 0.75 or not parts):
        if rng.random() < 0.1:
            parts.append("None")
        parts.append(_key_part(scope, axes.pop(0)))
    if rng.random() < 0.1 and "..." not in parts:
        parts.append("...")
    if rng.random() < 0.1:
        parts.append("None")
    return ", ".join(parts) or "..."


def _key_part(scope: Scope, size: int) -> str:
    rng = scope.rng
    kind = rng.randrange(9)
    if kind == 0 and size:
        return str(rng.randrange(-size, size))
    if kind == 1:
        return "::-1"
    if kind == 2:
        return f"{rng.randint(0, 2)}:"
    if kind == 3:
        return f":{rng.randint(-2, 4)}"
    if kind == 4:
        first, last = rng.choice(("", "1", "-1", "-3")), rng.choice(("", "0", "-1"))
        return f"{first}:{last}:{rng.choice((2, -2, 3, -1))}"
    if kind == 5:
        return "::2"
    if kind == 6 and scope.integers:
        number = rng.choice(scope.integers)
        return rng.choice((f"{number}:", f":{number}", f"-{number}:", number))
    return ":"


def _expression(scope: Scope, subject: str | None) -> str:
    return fill(scope, scope.rng.choice(EXACT))


_FILLERS: dict[str, Callable[[Scope, str | None], str]] = {
    "p": _partner,
    "w": lambda scope, subject: _writable(scope, "biuf"),
    "wi": lambda scope, subject: _writable(scope, "iu"),
    "t": lambda scope, subject: _pick(scope, lambda array: True, rounded=True),
    "s": _scalar,
    "h": _host,
    "ax": _axis,
    "axis": _axis_options,
    "one": _one_axis,
    "axes": _axes,
    "shape": _shape,
    "index": _index,
    "key": _key,
    "E": _expression,
}
