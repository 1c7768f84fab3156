"""How the arguments of a call become one flat list of leaves."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

from penstock.ir.errors import ArtifactError, StructureError
from penstock.ir.location import hide_directory, user_location
from penstock.runtime.constants import Reference
from penstock.runtime.leaves import normalize
from penstock.runtime.pytree import Structure, flatten

__all__ = ["Binder", "Call", "Parameter", "signature_of"]

hide_directory(os.path.dirname(__file__))

_MISSING = inspect.Parameter.empty
_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD
_VARIADIC = inspect.Parameter.VAR_POSITIONAL
_KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
_KEYWORDS = inspect.Parameter.VAR_KEYWORD
_STARS: dict[Any, str] = {_VARIADIC: "*", _KEYWORDS: "**"}


class Parameter:
    """One parameter of a function.

    Attributes:
        name: its name.
        kind: one of ``inspect.Parameter``'s kinds.
        has_default: whether calls may omit it.
    """

    __slots__ = ("_default", "_function", "_position", "has_default", "kind", "name")

    def __init__(
        self,
        name: str,
        kind: inspect._ParameterKind,
        default: Any = _MISSING,
        function: FunctionType | None = None,
        position: int = 0,
    ) -> None:
        self.name = name
        self.kind = kind
        self.has_default = default is not _MISSING
        self._default = default
        self._function = function
        # Position from the end of the function's defaults, which is how Python
        # pairs them with parameters.
        self._position = position

    @property
    def is_fixed(self) -> bool:
        """Whether it has a default that cannot be rebound."""
        is_found = type(self._default) is not Reference
        return self.has_default and self._function is None and is_found

    def default(self) -> Any:
        """The default now: that of a Python function can be rebound.

        Raises:
            LookupError: it was taken away, or is not imported.
        """
        if self._function is None:
            if type(self._default) is Reference:
                # Read from a file: what it names may be imported by now.
                return self._default.resolve()
            return self._default
        if self.kind is _KEYWORD_ONLY:
            return (self._function.__kwdefaults__ or {})[self.name]
        return (self._function.__defaults__ or ())[self._position]


def code_of(function: object) -> object:
    """The code of a Python function or method; ``None`` for others."""
    return getattr(function, "__code__", None)


def signature_of(function: Any) -> inspect.Signature | None:
    """What a function takes: that of a wrapper is its own; ``None`` if it says not.

    Functions of NumPy say it of what they wrap alone.
    """
    for follow in (False, True):
        try:
            return inspect.signature(function, follow_wrapped=follow)
        except (TypeError, ValueError):
            continue
    return None


class Call:
    """The arguments of one call, bound to parameters and flattened.

    Attributes:
        names: the parameters' names, in the order of the signature.
        values: what each was given (or its default): a tuple for ``*args``, a dict
            for ``**kwargs``.
        leaves: the leaves of all values in order, normalized (see
            ``penstock.runtime.leaves.normalize``).
        structure: the structure of the tuple of values.
    """

    __slots__ = ("leaves", "names", "structure", "values")

    def __init__(self, names: tuple[str, ...], values: Sequence[Any]) -> None:
        self.names = names
        self.values = tuple(values)
        leaves, self.structure = flatten(self.values)
        self.leaves = [normalize(leaf) for leaf in leaves]

    def leaf_names(self) -> tuple[str, ...]:
        """What messages call each leaf: ``x``, ``params['w']``."""
        return leaf_names(self.names, self.structure)


def leaf_names(names: Sequence[str], structure: Structure) -> tuple[str, ...]:
    """What messages call each leaf of parameters with these names."""
    return tuple(
        name + path
        for name, child in zip(names, structure.children, strict=True)
        for path in child.paths()
    )


class Binder:
    """Binds arguments to the parameters of one function, as Python does.

    Args:
        name: the function's name, for messages.
        parameters: its parameters.
        function: the function, if it is one of Python's own: it has the defaults.

    Example:
        >>> def f(x, scale=2.0, *rest): pass
        >>> call = Binder.of(f).bind((1, 3.0, 4), {})
        >>> call.values, call.leaf_names()
        ((1, 3.0, (4,)), ('x', 'scale', 'rest[0]'))
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[Parameter],
        function: FunctionType | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.parameters = tuple(parameters)
        self.names = tuple(parameter.name for parameter in parameters)
        # What the parameters were read from: `function`, or another callable.
        self.source: Any = function
        self._code = code_of(function)
        self.positional = tuple(
            p for p in parameters if p.kind in (_POSITIONAL_ONLY, _POSITIONAL)
        )
        # The number of arguments that bind one to one, without any of the rest.
        self._plain_count = (
            len(parameters) if len(self.positional) == len(self.parameters) else -1
        )

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Binder:
        """The binder of a callable.

        Raises:
            StructureError: the callable does not say what it takes.
        """
        name = getattr(function, "__qualname__", None) or type(function).__name__
        signature = signature_of(function)
        if signature is None:
            raise StructureError(
                None,
                f"{name} does not say what parameters it takes",
                code="no-signature",
                hint="wrap it in a Python function, e.g. lambda x: ...",
            )
        given = list(signature.parameters.values())
        plain = function if type(function) is FunctionType else None
        defaulted = [p.name for p in given if _is_positional(p) and _has_default(p)]
        made = cls(
            name,
            [
                Parameter(
                    p.name,
                    p.kind,
                    p.default,
                    plain if _has_default(p) else None,
                    defaulted.index(p.name) - len(defaulted)
                    if p.name in defaulted
                    else 0,
                )
                for p in given
            ],
            plain,
        )
        made.source, made._code = function, code_of(function)
        return made

    def is_current(self) -> bool:
        """Whether the function still has the code of which these are parameters."""
        return code_of(self.source) is self._code

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        """Bind the arguments of a call.

        Raises:
            StructureError: they do not fit the parameters.
        """
        if not kwargs and len(args) == self._plain_count:
            return Call(self.names, args)
        return Call(self.names, self._bind(args, dict(kwargs)))

    def _bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
        values: list[Any] = []
        rest = list(args)
        if kwargs:
            self._require_known(kwargs)
        for parameter in self.parameters:
            name, kind = parameter.name, parameter.kind
            if kind is _VARIADIC:
                values.append(tuple(rest))
                rest = []
            elif kind is _KEYWORDS:
                values.append(kwargs)
                kwargs = {}
            elif rest and kind is not _KEYWORD_ONLY:
                if kind is _POSITIONAL and name in kwargs:
                    raise self._error(f"got multiple values for argument {name!r}")
                values.append(rest.pop(0))
            elif name in kwargs and kind is not _POSITIONAL_ONLY:
                values.append(kwargs.pop(name))
            else:
                values.append(self._default(parameter))
        if rest:
            count = len(self.positional)
            raise self._error(
                f"takes {count} positional argument{'s' * (count != 1)} "
                f"but {len(args)} were given"
            )
        self._require_none(kwargs)
        return values

    def _require_known(self, names: Iterable[str]) -> None:
        """Raise for a misspelt keyword, which says more than that one is missing."""
        if all(parameter.kind is not _KEYWORDS for parameter in self.parameters):
            self._require_none({*names} - {one.name for one in self.parameters})

    def _require_none(self, unknown: Collection[str]) -> None:
        if unknown:
            raise self._error(f"got an unexpected keyword argument {min(unknown)!r}")

    def _default(self, parameter: Parameter) -> Any:
        if parameter.has_default:
            try:
                return parameter.default()
            except LookupError:
                pass
        raise self._error(f"missing the argument {parameter.name!r}")

    def _error(self, message: str) -> StructureError:
        return StructureError(
            user_location(),
            f"{self.name}() {message}",
            code="bad-call",
            hint=f"it takes ({self._text()})",
        )

    def _text(self) -> str:
        """The parameters as in the function's own text, each default as ``...``."""
        texts: list[str] = []
        before: Any = None
        for parameter in self.parameters:
            kind = parameter.kind
            if before is _POSITIONAL_ONLY and kind is not _POSITIONAL_ONLY:
                texts.append("/")
            if kind is _KEYWORD_ONLY and before not in (_VARIADIC, _KEYWORD_ONLY):
                texts.append("*")
            texts.append(
                _STARS.get(kind, "") + parameter.name + "=..." * parameter.has_default
            )
            before = kind
        if before is _POSITIONAL_ONLY:
            texts.append("/")
        return ", ".join(texts)

    def to_json(self, encode: Callable[[str, Any], Any]) -> Any:
        """The parameters as JSON.

        Args:
            encode: gives the JSON form of a parameter's default.
        """
        return {
            "name": self.name,
            "parameters": [
                {
                    "name": p.name,
                    "kind": p.kind.name,
                    "default": [encode(p.name, p.default())] if p.has_default else [],
                }
                for p in self.parameters
            ],
        }

    @classmethod
    def from_json(cls, form: Any, decode: Callable[[Any], Any]) -> Binder:
        """Read what ``to_json`` wrote.

        Args:
            form: the JSON.
            decode: gives back a default from its JSON form.

        Raises:
            ArtifactError: the form is not one that ``to_json`` writes.
        """
        try:
            parameters = [
                Parameter(
                    str(p["name"]),
                    _KINDS[p["kind"]],
                    decode(p["default"][0]) if p["default"] else _MISSING,
                )
                for p in form["parameters"]
            ]
            return cls(str(form["name"]), parameters)
        except (LookupError, TypeError, ValueError) as error:
            raise ArtifactError(
                None,
                "cannot read the parameters of the function",
                code="artifact-damaged",
            ) from error


_KINDS = {
    kind.name: kind
    for kind in (_POSITIONAL_ONLY, _POSITIONAL, _VARIADIC, _KEYWORD_ONLY, _KEYWORDS)
}


def _is_positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (_POSITIONAL_ONLY, _POSITIONAL)


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not _MISSING
