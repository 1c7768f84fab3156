"""Random programs of NumPy code, as the source of a Python function.

    program = program_of_seed(17)
    print(program.script())

A program is written statement by statement. Each is run as soon as it is written, so
that the next one can look at the arrays that there are; one that raises is mostly
dropped, and else is the last. ``tests/system/templates.py`` has the statements.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.system import tolerance
from tests.system.arguments import DTYPES, LAYOUTS, array
from tests.system.places import Discarded, fill
from tests.system.templates import BLOCKS, EXACT, ROUNDED, WRITES

__all__ = ["Call", "Program", "Statement", "namespace", "program_of_seed"]

_LARGEST = 3000
_SHAPES = (
    "({n}, {m})", "({n}, {m})", "({n}, {m})", "({m},)", "({n}, 1)", "({n},)", "()",
    "({k}, {n}, {m})", "(1, {m})", "({m}, {n})", "({n}, {n})", "({m}, {k})", "(2, {m})",
)  # fmt: skip
_REALS = (0.5, -1.25, 2.0, 0.1)
_SCALES = (2, -3, 0.5)
_HELPER = """\
def helper(y, times=2):
    return y * times + SCALE
"""


@dataclass(frozen=True)
class Statement:
    """A statement; ``is_bound`` if it only says how far a result may be off."""

    text: str
    is_bound: bool = False


@dataclass(frozen=True)
class Call:
    """What is assigned before a call, and its arguments."""

    setup: str
    arguments: str


@dataclass(frozen=True)
class Program:
    """A function and calls of it.

    Attributes:
        name: what error messages call its file.
        parameters: of the function.
        body: its statements.
        result: what it returns.
        bounds: how far each of the results may be from NumPy's; ``None`` is not at all.
        calls: all are served by one compiled function.
    """

    name: str
    parameters: str
    body: tuple[Statement, ...]
    result: str
    bounds: str
    calls: tuple[Call, ...]

    def function(self) -> str:
        """The source of the function ``f``."""
        return self._source("f", self.result, with_bounds=False)

    def bounds_function(self) -> str:
        """The source of ``f_bounds``, which gives the bounds of the results."""
        return self._source("f_bounds", self.bounds, with_bounds=True)

    def _source(self, name: str, returned: str, *, with_bounds: bool) -> str:
        lines = [f"def {name}({self.parameters}):"]
        for statement in self.body:
            if with_bounds or not statement.is_bound:
                lines += ["    " + line for line in statement.text.split("\n")]
        return "\n".join([*lines, f"    return {returned}", ""])

    def script(self, last: int | None = None) -> str:
        """A script that runs the program, up to a call."""
        lines = [
            "from types import SimpleNamespace",
            "import numpy as np",
            "import penstock as ps",
            "from tests.system.arguments import array",
            "",
            _HELPER,
            self.function(),
            "g = ps.compile(f)",
        ]
        calls = self.calls[: None if last is None else last + 1]
        for number, call in enumerate(calls):
            lines += [call.setup] if call.setup else []
            of_numpy = f"print(f({call.arguments}))"
            lines += [of_numpy] if number == len(calls) - 1 else []
            lines.append(f"print(g({call.arguments}))")
        return "\n".join(lines) + "\n"


def namespace() -> dict[str, Any]:
    """The globals of a program."""
    found: dict[str, Any] = {
        "np": np,
        "array": array,
        "SimpleNamespace": SimpleNamespace,
    }
    found.update((name, getattr(tolerance, name)) for name in tolerance.__all__)
    exec(_HELPER, found)
    return found


class Writer:
    """Writes one program; a Scope for the places of its statements."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.values = namespace()
        self.body: list[Statement] = []
        self.integers: list[str] = []
        self.reals: list[str] = []
        # Names of arrays, with the names of their bounds.
        self.bounds: dict[str, str | None] = {}
        self.ended = False
        self._count = 0
        self._sizes = {name: self.rng.choice((1, 2, 3, 3, 4, 5)) for name in "nmk"}
        self._parameters: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._write_parameters()
        self._run(f"{self._setup(2)}\n{self._assigned_arguments()}")
        self._protected = [self.value(name) for name in self.bounds]

    def value(self, name: str) -> Any:
        return eval(name, self.values)

    def arrays(self, *, rounded: bool = False) -> list[str]:
        return [n for n, bound in self.bounds.items() if (bound is not None) == rounded]

    def is_writable(self, name: str) -> bool:
        found = self.value(name)
        return (
            isinstance(found, np.ndarray)
            and found.flags.writeable
            and not any(np.may_share_memory(found, one) for one in self._protected)
        )

    # What the function takes, and what it finds in its globals.

    def _write_parameters(self) -> None:
        rng = self.rng
        usual = rng.choice(DTYPES)
        for name in "abc"[: rng.randint(1, 3)]:
            dtype = usual if rng.random() < 0.5 else rng.choice(DTYPES)
            shape = rng.choice(_SHAPES)
            text = f'array("{dtype}", {shape}, "{{layout}}", {{seed}})'
            kind = rng.random()
            place = name
            if kind < 0.06:
                text = "{{'x': [" + text + "], 'k': {k}}}"
                place = f"{name}['x'][0]"
                self.integers.append(f"{name}['k']")
            elif kind < 0.1:
                text = f"({text}, 0.75)"
                place = f"{name}[0]"
                self.reals.append(f"{name}[1]")
            elif kind < 0.14:
                text = f"np.{np.dtype(dtype).name}({{k}})"
            self._parameters[name] = text
            self.bounds[place] = None
        if rng.random() < 0.4:
            self._parameters["k"] = "{k}"
            self.integers.append("k")
        if rng.random() < 0.3:
            self._parameters["r"] = "{real}"
            self.reals.append("r")
        if rng.random() < 0.2:
            self._parameters["flag"] = "{flag}"
        self._write_globals()

    def _write_globals(self) -> None:
        rng = self.rng
        self._globals["SCALE"] = "{scale}"
        self.reals.append("SCALE")
        shape = rng.choice(("(4,)", "(2, 3)", "()", "(5, 1)"))
        text = f'array("{rng.choice(DTYPES)}", {shape}, "C", {{seed}})'
        if rng.random() < 0.2:
            self._globals["W"] = text
            self.bounds["W"] = None
        elif rng.random() < 0.2:
            self._globals["state"] = f"SimpleNamespace(w={text}, count=3)"
            self.bounds["state.w"] = None
            self.integers.append("state.count")

    def _arguments(
        self, sizes: dict[str, int], layouts: Sequence[str], seed: int
    ) -> str:
        """The arguments of a call, with every number written out."""
        return ", ".join(
            text.format(
                **sizes,
                layout=layouts[number % len(layouts)],
                seed=seed + 2 * number,
                real=_REALS[seed % 4],
                flag=seed % 3 == 0,
            )
            for number, text in enumerate(self._parameters.values())
        )

    def _setup(self, seed: int) -> str:
        """Assigns the globals."""
        return "\n".join(
            f"{name} = {text.format(seed=seed, scale=_SCALES[seed % 3])}"
            for name, text in self._globals.items()
        )

    def _assigned_arguments(self) -> str:
        arguments = self._arguments(self._sizes, ["C"], 2)
        return f"{', '.join(self._parameters)}, = {arguments},"

    # Statements.

    def write(self, statements: int) -> None:
        """Write so many statements, fewer if one raises that is kept."""
        kinds = (self._exact, self._rounded, self._write, self._block)
        tries = statements * 8
        while statements and tries and not self.ended:
            tries -= 1
            (kind,) = self.rng.choices(kinds, (55, 14, 24, 8))
            try:
                kind()
            except Discarded:
                continue
            statements -= 1

    def _run(self, text: str) -> None:
        """Run a statement.

        Raises:
            Discarded: it raises, or has no meaning in NumPy.
        """
        with np.errstate(all="ignore", invalid="warn"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings(
                "error", message="invalid value encountered in cast"
            )
            try:
                exec(text, self.values)
            except (Warning, NameError):
                raise Discarded from None
            except Exception:  # noqa: BLE001
                if self.rng.random() > 0.03:
                    raise Discarded from None
                self.ended = True

    def _add(self, text: str, name: str | None = None, bound: str = "") -> None:
        """Run and add a statement, and the name that it assigns to."""
        self._run(text)
        if name is not None and not self.ended:
            self._check(self.values.get(name))
        self.body.append(Statement(text))
        if name is None or self.ended:
            return
        result = self.values[name]
        if isinstance(result, (np.ndarray, np.generic)):
            if bound and result.dtype.kind == "f":
                self._run(f"{name}_bound = {bound}")
                self.body.append(Statement(f"{name}_bound = {bound}", is_bound=True))
                self.bounds[name] = f"{name}_bound"
            else:
                self.bounds[name] = None
        elif isinstance(result, int):
            self.integers.append(name)
        else:
            self.reals.append(name)

    def _check(self, result: Any) -> None:
        """Raise Discarded for what no variable should be."""
        if isinstance(result, (np.ndarray, np.generic)):
            small = result.size <= _LARGEST and result.ndim <= 4
            if small and result.dtype.kind in "biuf" and result.dtype.itemsize <= 8:
                return
        elif isinstance(result, (bool, int, float)) and abs(result) < 1e6:
            return
        raise Discarded

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _exact(self) -> None:
        name = self._name()
        self._add(f"{name} = {fill(self, self.rng.choice(EXACT))}", name)

    def _rounded(self) -> None:
        name = self._name()
        expression, bound = self.rng.choice(ROUNDED)
        known = {"r": name}
        text = f"{name} = {fill(self, expression, known)}"
        self._add(text, name, fill(self, bound, known))

    def _write(self) -> None:
        if self.rng.random() < 0.3:
            name = self._name()
            self._add(f"{name} = {fill(self, '{x}.copy()')}", name)
        self._add(fill(self, self.rng.choice(WRITES)))

    def _block(self) -> None:
        name = self._name()
        text = fill(self, self.rng.choice(BLOCKS), {"v": name})
        self._add(text, name)

    # The whole.

    def program(self) -> Program:
        result, bounds = self._results()
        return Program(
            f"<program {self.seed}>",
            ", ".join(self._parameters),
            tuple(self.body),
            result,
            bounds,
            self._calls(),
        )

    def _results(self) -> tuple[str, str]:
        """What is returned, and the same tree of bounds."""
        rng = self.rng
        names = list(self.bounds)[-8:]
        chosen = rng.sample(names, min(len(names), rng.randint(1, 4)))
        leaves = [(name, self.bounds[name] or "None") for name in chosen]
        if rng.random() < 0.3:
            numbers = self.integers + self.reals
            leaves.append((rng.choice(numbers), "None"))
        form = rng.choice(("{}", "[{}]", "dict(a=({}), b=())", "(({}), [{}])"))
        if len(leaves) > 1 or form == "{}":
            form = form.replace("{}", "{},") if len(leaves) == 1 else form
        forms = [", ".join(leaf[part] for leaf in leaves) for part in (0, 1)]
        left, right = (form.replace("{}", text) for text in forms)
        return left, right

    def _calls(self) -> tuple[Call, ...]:
        """Calls with other numbers, sizes, layouts and globals."""
        rng, hint = self.rng, self._sizes
        large = {name: rng.choice((2, 3, 4)) for name in hint}
        large[rng.choice("nm")] = rng.choice((33, 65, 130))
        layouts = [rng.choice(LAYOUTS) for _ in self._parameters]
        other = {name: rng.choice((1, 2, 3, 5, 6, 9)) for name in hint}
        empty = {name: rng.choice((0, 1, 2, 17)) for name in hint}
        plans: list[tuple[dict[str, int], list[str], int]] = [
            (hint, ["C"], 2),
            (other, ["C"], 3),
            (hint, layouts, 5),
            (empty, [rng.choice(("C", "C", "strided"))], 4),
            (large, ["C"], 7),
            (hint, ["C"], 9),
        ]
        return tuple(
            Call(
                self._setup(seed) if number in (0, 3, 4) else "",
                self._arguments(sizes, layouts, seed),
            )
            for number, (sizes, layouts, seed) in enumerate(plans)
        )


def program_of_seed(seed: int, statements: int = 9) -> Program:
    """The program of a seed."""
    writer = Writer(seed)
    writer.write(statements)
    return writer.program()


def returning(program: Program, names: Sequence[str]) -> Program:
    """A program that returns these names instead, which are held to the bit."""
    result = "".join(f"{name}, " for name in names)
    return replace(program, result=f"({result})", bounds=f"({'None, ' * len(names)})")
