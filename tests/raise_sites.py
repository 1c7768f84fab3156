"""Finds where errors are raised in the sources, and what their messages say there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from penstock.ir import errors
from penstock.ir.helps import HELPS

__all__ = [
    "RaiseSite",
    "help_lines",
    "hint_helpers_of",
    "raise_sites",
    "sites_without_help",
]

# The place of the message among the arguments of an error.
_MESSAGES = dict.fromkeys(errors.__all__, 1) | {"TypeRuleError": 0}


@dataclass(frozen=True)
class RaiseSite:
    """A message that is written in the sources.

    Attributes:
        line: where.
        parts: what is written of it, between what is put in.
    """

    line: int
    parts: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a whole text with this message has in it."""
        return re.compile(r"[^\n]*".join(map(re.escape, self.parts)))


def raise_sites(
    tree: ast.Module, helpers: dict[str, int] | None = None
) -> Iterator[RaiseSite]:
    """The sites of a module; ``helpers`` raise what they are told."""
    places = _MESSAGES | (helpers or {}) | helpers_of(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if name not in places:
            continue
        given = [k.value for k in node.keywords if k.arg == "message"]
        for message in [*node.args[places[name] : places[name] + 1], *given][:1]:
            for parts in _alternatives(message):
                if any(re.search(r"\w{3}", part) for part in parts):
                    yield RaiseSite(message.lineno, tuple(parts))


def help_lines(tree: ast.Module) -> Iterator[RaiseSite]:
    """The help that is written in a module: what is passed as ``hint``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            for parts in _alternatives(node.value):
                if any(re.search(r"\w{3}", part) for part in parts):
                    yield RaiseSite(node.value.lineno, tuple(parts))


def sites_without_help(tree: ast.Module, helpers: dict[str, int]) -> Iterator[int]:
    """The lines where an error is raised for which nobody says what to do.

    Args:
        tree: a module.
        helpers: functions that take a ``hint``, with its place among the others.
    """
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        # Mistakes in the IR itself: what it must be is what the message says.
        if name in ("TextError", "VerifyError"):
            continue
        if name not in _MESSAGES and name not in helpers:
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "kind" in given and _name(given["kind"]) == "VerifyError":
            continue
        place = helpers.get(name, len(node.args))
        hint = node.args[place] if place < len(node.args) else given.get("hint")
        if not _is_nothing(hint) or _code_of(name, given) in HELPS:
            continue
        yield node.lineno


def _code_of(name: str, given: dict[str | None, ast.expr]) -> str | None:
    code = given.get("code")
    if isinstance(code, ast.Constant):
        return str(code.value)
    return getattr(getattr(errors, name, None), "default_code", None)


def _is_nothing(hint: ast.expr | None) -> bool:
    """Whether a hint is, or may be, ``None`` as it is written."""
    if isinstance(hint, ast.IfExp):
        return _is_nothing(hint.body) or _is_nothing(hint.orelse)
    if isinstance(hint, ast.Call):
        return _name(hint.func) == "get" and len(hint.args) == 1
    return hint is None or (isinstance(hint, ast.Constant) and hint.value is None)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def hint_helpers_of(tree: ast.Module) -> dict[str, int]:
    """Functions that pass ``hint`` to an error, and its place among the others."""
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("__"):
            continue
        names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
        if "hint" in names and any(map(_passes_hint, ast.walk(node))):
            found[node.name] = names.index("hint")
    return found


def _passes_hint(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and _name(node.func) in _MESSAGES.keys() - {"TextError", "VerifyError"}
        and any(k.arg == "hint" and _name(k.value) == "hint" for k in node.keywords)
    )


def helpers_of(tree: ast.Module) -> dict[str, int]:
    """Functions with a parameter ``message``, and its place among the others."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            names = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
            if "message" in names:
                found[node.name] = names.index("message")
    return found


def _alternatives(message: ast.expr) -> list[list[str]]:
    """The literal parts of a message, for each branch that is written in it."""
    match message:
        case ast.Constant(value=str(text)):
            return [[text]]
        case ast.JoinedStr(values=values):
            found: list[list[str]] = [[""]]
            for value in values:
                if isinstance(value, ast.Constant):
                    found = [[*p[:-1], p[-1] + str(value.value)] for p in found]
                else:
                    found = [[*p, ""] for p in found]
            return found
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return [
                [*first[:-1], first[-1] + second[0], *second[1:]]
                for first in _alternatives(left)
                for second in _alternatives(right)
            ]
        case ast.IfExp(body=body, orelse=orelse):
            return _alternatives(body) + _alternatives(orelse)
    return [["", ""]]
