"""Write the parts of docs/ that are taken from the code, so that they stay true.

Pages hold them between two comments, of which the first names the part:

    <!-- ops: written by tools/write_docs.py -->
    <!-- end -->

So is what to do about the errors whose help is always the same, in the rows of their
codes. The tests fail where a page differs from what this writes.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import penstock as ps
import penstock.ir.ops
from penstock.frontend.methods import names as method_names
from penstock.frontend.numpy_functions.table import FUNCTIONS
from penstock.frontend.ufuncs import ufunc_ops
from penstock.ir import errors
from penstock.ir.errors import PenstockError
from penstock.ir.helps import HELPS
from penstock.ir.loop.primitive import COMBINES, PRIMITIVES
from penstock.ir.op import OPS, Op, Operand

ROOT = Path(__file__).resolve().parent.parent

Rows = Iterable[Sequence[str]]

# What a parameter of NumPy's may be called in its place, or does not matter.
_IGNORED = {"like", "device", "subok", "kwargs", "start_or_stop", "x1", "x2"}
_KINDS = {
    "biuf": "any",
    "biufc": "any",
    "iuf": "number",
    "f": "float",
    "iu": "integer",
    "b": "bool",
    "biu": "bool or integer",
}


def table(head: Sequence[str], rows: Rows) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(names: Iterable[str]) -> str:
    """Names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def op_table() -> str:
    """Every op of the graph, by family."""
    families: dict[str, list[type[Op]]] = {}
    for op in OPS.values():
        families.setdefault(op.family, []).append(op)
    head = ("op", "operands", "attributes", "result", "meaning", "source")
    parts = []
    for family in sorted(families):
        rows = [_op_row(op) for op in families[family]]
        parts.append(f"### {family}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _op_row(op: type[Op]) -> Sequence[str]:
    paragraphs = inspect.cleandoc(op.__doc__ or "").split("\n\n")
    source = op.source
    if source.startswith("numpy.org"):
        source = f"[NumPy](https://{source})"
    return (
        f"`{op.name}`",
        ", ".join(map(_operand, op.operands)),
        code(op.attributes),
        _result(" ".join(paragraphs[1:2])),
        _plain(paragraphs[0]),
        source,
    )


def _operand(operand: Operand) -> str:
    dots = "..." * operand.variadic
    return f"{operand.name}{dots}: {_KINDS.get(operand.kinds, operand.noun)}"


def _result(text: str) -> str:
    """What a docstring says after its arrow, up to the end of the sentence."""
    _, _, after = " ".join(text.split("\n")).partition("->")
    return _plain(re.split(r"(?<!\.)\.(?![.\w])|;|:|   ", after.strip())[0].strip())


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def primitive_table() -> str:
    """Every scalar primitive of the loop level."""
    rows = [
        (
            f"`{primitive.name}`",
            str(primitive.arity),
            "any" if primitive.kinds == "biuf" else _KINDS[primitive.kinds],
            {"same": "the same", "given": "any"}.get(primitive.result, "bool"),
            "yes" if primitive.name in COMBINES else "",
        )
        for primitive in PRIMITIVES.values()
    ]
    return table(("primitive", "operands", "of dtype", "gives", "combines"), rows)


def function_table() -> str:
    """NumPy's functions, by the part of the frontend that has them."""
    groups: dict[str, list[str]] = {}
    for function, implementation in FUNCTIONS.items():
        group = implementation.__module__.rpartition(".")[2].replace("_", " ")
        group = "norms and others" if group in ("norms", "table") else group
        groups.setdefault(group, []).append(_numpy_name(function))
    rows = [(group, code(sorted(set(groups[group])))) for group in sorted(groups)]
    # Another NumPy has other names for some, and other parameters.
    minor = ".".join(np.__version__.split(".")[:2])
    return f"With NumPy {minor}:\n\n" + table(("group", "functions"), rows)


def _numpy_name(function: Any) -> str:
    module = function.__module__.removeprefix("numpy").removeprefix(".")
    return f"{module}.{function.__name__}".removeprefix(".")


def missing_parameters() -> str:
    """Parameters of NumPy's functions that there are not, if there are such."""
    rows = []
    for function, implementation in FUNCTIONS.items():
        own = set(inspect.signature(implementation).parameters)
        try:
            wanted = set(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            continue
        if missing := sorted(wanted - own - _IGNORED):
            rows.append((f"`{_numpy_name(function)}`", code(missing)))
    ignored = "`like=`, `subok=` and `device=`"
    if not rows:
        return f"They have all parameters that NumPy's have but {ignored}."
    heading = f"Parameters that there are not at all, besides {ignored}:\n\n"
    return heading + table(("function", "takes no"), sorted(rows))


# Why a ufunc is not there, or not on all that NumPy takes.
_UFUNC_NOTES = {
    "isnat": "dates are no numbers",
    "power": "of integers, a negative exponent raises, also one found while running",
    "reciprocal": "of integer 0 it is 0, where NumPy's is not defined",
}


def ufunc_table() -> str:
    """NumPy's ufuncs, one by one, and what becomes of them."""
    rows = []
    for name in sorted(n for n in dir(np) if isinstance(getattr(np, n), np.ufunc)):
        ufunc = getattr(np, name)
        # Aliases are listed under the name that the ufunc itself has.
        if ufunc.__name__ == name:
            rows.append((f"`{name}`", _becomes(ufunc), _UFUNC_NOTES.get(name, "")))
    return table(("ufunc", "becomes", "not, or not wholly, because"), rows)


def _becomes(ufunc: np.ufunc) -> str:
    """The op that a ufunc is, or that it is made of others, or nothing."""
    if _support(ufunc) == "no":
        return ""
    if ufunc.signature is not None:
        return "`contract`"
    op = ufunc_ops().get(ufunc)
    return "a formula" if op is None else f"`{op}`"


def _support(ufunc: np.ufunc) -> str:
    integers, floats = np.ones((2, 2), np.int64), np.ones((2, 2))
    if _traces(ufunc, floats) and not _traces(ufunc, integers):
        return "integers: constants" if ufunc.nin == 2 else "no"
    if _traces(ufunc, integers) or _traces(ufunc, floats):
        return "yes"
    if ufunc.nin == 2 and _traces(lambda x: ufunc(x, 2), integers, 1):
        return "integers: constants"
    return "no"


def _traces(
    function: Callable[..., Any], array: np.ndarray[Any, Any], count: int = 0
) -> bool:
    """Whether a function can be traced on so many equal arrays."""
    arrays = [array] * (count or getattr(function, "nin", 1))
    try:
        # A ufunc does not say what parameters it takes.
        ps.compile(lambda *given: function(*given)).lower(*arrays)  # noqa: PLW0108
    except PenstockError:
        return False
    return True


def class_table() -> str:
    """The classes of errors, and what else each of them is."""
    rows = []
    for name in errors.__all__:
        kind = getattr(errors, name)
        if issubclass(kind, PenstockError):
            also = code(
                base.__name__ for base in kind.__bases__ if base is not Exception
            )
            rows.append(
                (f"`{name}`", also, _plain((kind.__doc__ or "").split("\n")[0]))
            )
    return table(("class", "is also", "raised for"), rows)


def method_list() -> str:
    """The attributes and methods of arrays."""
    return code(name for name in method_names() if not name.startswith("_")) + "."


PARTS: dict[str, Callable[[], str]] = {
    "ops": op_table,
    "primitives": primitive_table,
    "functions": function_table,
    "parameters": missing_parameters,
    "ufuncs": ufunc_table,
    "methods": method_list,
    "classes": class_table,
}
"""What makes each part."""

_PART = re.compile(
    r"(<!-- (\w+): written by tools/write_docs\.py -->\n).*?(<!-- end -->)", re.DOTALL
)


# The row of one code that says what to do about it.
_HELP = re.compile(r"^(\| `([a-z-]+)` \| [^|\n]* \| )[^|\n]*( \|)$", re.MULTILINE)


def renewed(text: str) -> str:
    """A page with its parts as the code has them now."""
    text = _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", text)
    return _HELP.sub(_with_help, text)


def _with_help(row: re.Match[str]) -> str:
    """The row of a code whose help is always the same, with that help."""
    if row[2] not in HELPS:
        return row[0]
    text = HELPS[row[2]].replace("__", r"\_\_").replace("*", r"\*")
    return f"{row[1]}{text}{row[3]}"


def write_pages() -> list[Path]:
    """Renew all pages; those that changed."""
    changed = []
    for path in sorted((ROOT / "docs").glob("*.md")):
        text = path.read_text()
        if (new := renewed(text)) != text:
            path.write_text(new)
            changed.append(path)
    return changed


if __name__ == "__main__":
    for page in write_pages():
        print(page.relative_to(ROOT))
