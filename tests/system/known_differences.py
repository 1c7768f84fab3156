"""Where compiled code is known to differ from NumPy, each with the reason.

Random programs pass over these differences and over no others. Each has an example,
which has to differ still: what is mended leaves the list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.random_numpy import Call, Program, Statement
from tests.system.holding import Difference

__all__ = ["KNOWN_DIFFERENCES", "KnownDifference", "is_known", "program_of"]


def program_of(lines: str, *arguments: str, result: str = "v") -> Program:
    """A program of a few lines, which are parted by ``;``, with one parameter ``a``.

    Args:
        lines: its statements; they assign to ``v``.
        arguments: what it is called with, one call each.
        result: what it returns.
    """
    return Program(
        "<program>",
        "a",
        tuple(Statement(line.strip()) for line in lines.split(";")),
        result,
        "None",
        tuple(Call("", argument) for argument in arguments),
    )


@dataclass(frozen=True)
class KnownDifference:
    """A difference that is expected.

    Attributes:
        reason: why it is so.
        kind: a regular expression that ``Difference.kind`` begins with.
        text: one that is found in the program or in the text of the Difference.
        lines: an example.
        argument: what it is called with.
    """

    reason: str
    kind: str
    text: str
    lines: str
    argument: str

    @property
    def example(self) -> Program:
        """The example as a program."""
        return program_of(self.lines, self.argument)


KNOWN_DIFFERENCES = (
    KnownDifference(
        "indices of rows that have no elements are not looked at",
        r"does not raise IndexError",
        r"(?s)compiled gives .*array\(\[\], ",
        "v = a[:, 3:][[0, -1]]",
        'array("i4", (0, 0))',
    ),
    KnownDifference(
        "NumPy takes a diagonal of axes of which one is empty and the other is not",
        r".*ShapeError einsum: sizes",
        r"np\.einsum\(",
        "v = np.einsum('ii->i', a)",
        'array("i4", (0, 2))',
    ),
    KnownDifference(
        "NumPy takes a mask without elements whatever its sizes",
        r"raises Index\w+ boolean index",
        r"\]",
        "v = a.copy(); v[np.zeros((2, 0), bool)] = 1",
        'array("i4", (2, 3))',
    ),
    KnownDifference(
        "arrays in foreign byte order are converted before the program sees them",
        r"value bool exact",
        r"dtype\(['\"]>",
        "v = np.full(2, a.dtype == np.dtype('>i4'))",
        'array("i4", (2,), "swapped")',
    ),
    KnownDifference(
        "a NumPy scalar among the arguments is an array of rank 0, and NumPy squares "
        "arrays of bools as int8, but scalars as int64",
        r"dtype or shape int",
        r"int8\(\) is not int64\(\)",
        "v = a ** 2",
        "np.bool_(True)",
    ),
)
"""All of them."""


def is_known(program: Program, difference: Difference) -> bool:
    """Whether a difference is listed."""
    text = f"{program.function()}\n{difference}"
    return any(
        re.match(known.kind, difference.kind) and re.search(known.text, text)
        for known in KNOWN_DIFFERENCES
    )
