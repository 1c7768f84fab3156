"""Random programs of NumPy code, as Python source.

A program is written statement by statement, and each statement is run as soon as it is
written, so that the next one can look at the arrays that there are.
"""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.system.arguments import DTYPES, LAYOUTS, array


@dataclass
class Variable:
    name: str
    tolerance: str | None = None


@dataclass
class Program:
    seed: int
    signature: str
    body: list[tuple[str, bool]]
    result: str
    tolerances: str
    calls: list[tuple[str, str]]  # (statements before, arguments)

    def source(self, name, shadows, returned):
        lines = [f"def {name}({self.signature}):"]
        for line, shadow in self.body:
            if shadows or not shadow:
                lines += ["    " + part for part in line.split("\n")]
        lines.append(f"    return {returned}")
        return "\n".join(lines) + "\n"

    @property
    def text(self):
        return self.source("f", False, self.result)

    @property
    def shadow(self):
        return self.source("f_tolerances", True, self.tolerances)


class Discarded(Exception):
    pass


class Writer:
    def __init__(self, seed: int, statements: int) -> None:
        self.rng = random.Random(seed)
        self.seed = seed
        self.body: list[tuple[str, bool]] = []
        self.count = 0
        self.names: list[Variable] = []
        self.ints: list[str] = []
        self.floats: list[str] = []
        self.sizes = {name: self.rng.choice((1, 2, 3, 3, 4, 5)) for name in "nmk"}
        self.header: list[str] = []
        self.env: dict[str, Any] = {}
        self.arguments()
        self.protected = [self.env[p] for p, _ in self.parameters]
        self.protected += [self.env[v.name] for v in self.names]
        self.raises = False
        tries = 0
        made = 0
        from tests.system import statements as s

        while made < statements and tries < statements * 6 and not self.raises:
            tries += 1
            try:
                s.write(self)
                made += 1
            except Discarded:
                pass

    # -- parameters and globals
    def arguments(self) -> None:
        rng = self.rng
        exec("import numpy as np\nfrom tests.system.tolerance import *", self.env)
        self.parameters: list[tuple[str, str]] = []
        main = rng.choice(DTYPES)
        for i in range(rng.randint(1, 3)):
            dtype = main if rng.random() < 0.5 else rng.choice(DTYPES)
            shape = rng.choice(
                (
                    "(n, m)",
                    "(n, m)",
                    "(n, m)",
                    "(m,)",
                    "(n, 1)",
                    "(n,)",
                    "()",
                    "(k, n, m)",
                    "(1, m)",
                    "(m, n)",
                    "(n, n)",
                    "(m, k)",
                    "(2, m)",
                )
            )
            name = "abc"[i]
            self.parameters.append(
                (name, f'array("{dtype}", {shape}, "{{layout}}", {{seed}})')
            )
            self.names.append(Variable(name))
        if rng.random() < 0.4:
            self.parameters.append(("k", "{k}"))
            self.ints.append("k")
        if rng.random() < 0.3:
            self.parameters.append(("r", rng.choice(("0.5", "-1.25", "2.0", "0.1"))))
            self.floats.append("r")
        self.globals_: list[tuple[str, str]] = []
        if rng.random() < 0.3:
            dtype = rng.choice(DTYPES)
            self.globals_.append(
                (
                    "W",
                    f'array("{dtype}", {rng.choice(("(4,)", "(2, 3)", "()", "(5, 1)"))}, "C", {{seed}})',
                )
            )
            self.names.append(Variable("W"))
        if rng.random() < 0.3:
            self.globals_.append(("SCALE", rng.choice(("2", "0.5", "-3"))))
            self.floats.append("SCALE")
        text = self.call_text(dict(self.sizes), ["C"], 2)
        self.env["array"] = array
        for name, value in zip([p for p, _ in self.parameters], text, strict=True):
            self.env[name] = eval(value, self.env)
        for name, value in self.globals_:
            self.env[name] = eval(value.format(seed=2), self.env)

    def call_text(self, sizes, layouts, seed):
        made = []
        for number, (_, text) in enumerate(self.parameters):
            filled = text.replace("{layout}", layouts[number % len(layouts)])
            filled = filled.replace("{seed}", str(seed + number * 2))
            filled = filled.replace("{k}", str(sizes["k"]))
            if "(" in filled and "array" in filled:
                start = filled.index(", (") + 2
                end = filled.index(")", start) + 1
                shape = eval(filled[start:end], {}, sizes)
                filled = filled[:start] + repr(shape) + filled[end:]
            made.append(filled)
        return made

    # -- writing
    def value(self, name):
        return self.env[name]

    def new(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def run(self, text: str) -> None:
        """Run a statement; discard it if it raises (or, rarely, end with it)."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=".*encountered in cast")
            try:
                exec(text, self.env)
            except Warning:
                raise Discarded from None
            except Exception:
                if self.rng.random() < 0.03:
                    self.raises = True
                else:
                    raise Discarded from None

    def statement(self, text: str) -> None:
        self.run(text)
        self.body.append((text, False))

    def shadow(self, text: str) -> None:
        if not self.raises:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(text, self.env)
        self.body.append((text, True))

    def assign(self, expression: str, tolerance: str | None = None) -> str:
        name = self.new()
        self.run(f"{name} = {expression}")
        if self.raises:
            self.body.append((f"{name} = {expression}", False))
            return name
        result = self.env[name]
        if isinstance(result, (np.ndarray, np.generic)):
            if (
                result.size > 3000
                or result.ndim > 4
                or result.dtype.kind not in "biuf"
                or result.dtype.itemsize > 8
            ):
                raise Discarded
        elif not isinstance(result, (bool, int, float)):
            raise Discarded
        self.body.append((f"{name} = {expression}", False))
        made = Variable(name)
        if (
            tolerance is not None
            and getattr(result, "dtype", np.dtype("?")).kind == "f"
        ):
            made.tolerance = f"{name}_tolerance"
            self.shadow(f"{made.tolerance} = {tolerance.replace('@r@', name)}")
        if isinstance(result, (np.ndarray, np.generic)):
            self.names.append(made)
        elif isinstance(result, int):
            self.ints.append(name)
        else:
            self.floats.append(name)
        return name

    def pick(self, accept=lambda v: True, *, rounded=False) -> str:
        found = [
            v.name
            for v in self.names
            if (v.tolerance is not None) == rounded and accept(self.env[v.name])
        ]
        if not found:
            raise Discarded
        recent = found[-5:] if self.rng.random() < 0.7 else found
        return self.rng.choice(recent)

    def writable(self) -> str:
        def accept(x):
            if not isinstance(x, np.ndarray) or not x.flags.writeable:
                return False
            base = x
            while isinstance(base.base, np.ndarray):
                base = base.base
            return not any(
                base is p or np.may_share_memory(base, p)
                for p in self.protected
                if isinstance(p, np.ndarray)
            )

        return self.pick(accept)

    # -- finishing
    def results(self) -> tuple[str, str]:
        rng = self.rng
        variables = self.names[-8:]
        parameters = {p for p, _ in self.parameters}
        chosen = rng.sample(variables, min(len(variables), rng.randint(1, 4)))
        if self.names[-1] not in chosen:
            chosen.append(self.names[-1])
        leaves = [(v.name, v.tolerance or "None") for v in chosen]
        if self.ints and rng.random() < 0.3:
            leaves.append((rng.choice(self.ints), "None"))
        if self.floats and rng.random() < 0.2:
            leaves.append((rng.choice(self.floats), "None"))
        form = rng.choice(("tuple", "tuple", "list", "dict", "nested"))
        if len(leaves) == 1 and rng.random() < 0.6:
            return leaves[0]

        def build(i):
            names = [leaf[i] for leaf in leaves]
            if form == "tuple":
                return f"({', '.join(names)},)"
            if form == "list":
                return f"[{', '.join(names)}]"
            if form == "dict":
                return (
                    "{" + ", ".join(f"'r{j}': {n}" for j, n in enumerate(names)) + "}"
                )
            return f"({names[0]}, {{'rest': [{', '.join(names[1:])}]}})"

        return build(0), build(1)

    def program(self) -> Program:
        result, tolerances = self.results()
        signature = ", ".join(p for p, _ in self.parameters)
        rng = self.rng
        calls = []
        hint = dict(self.sizes)
        plans = [(hint, ["C"], 2)]
        plans.append(({s: rng.choice((1, 2, 3, 5, 6, 9)) for s in "nmk"}, ["C"], 3))
        plans.append((hint, [rng.choice(LAYOUTS) for _ in self.parameters], 5))
        plans.append(
            (
                {s: rng.choice((0, 1, 2, 17)) for s in "nmk"},
                [rng.choice(("C", "C", "C", "strided"))],
                4,
            )
        )
        big = {s: rng.choice((2, 3, 4)) for s in "nmk"}
        big[rng.choice("nm")] = rng.choice((33, 65, 130))
        plans.append((big, ["C"], 7))
        plans.append((hint, ["C"], 9))
        for number, (sizes, layouts, seed) in enumerate(plans):
            before = ""
            if self.globals_ and number in (0, 3, 4):
                before = "\n".join(
                    f"{name} = {value.format(seed=seed)}"
                    for name, value in self.globals_
                )
            calls.append((before, ", ".join(self.call_text(sizes, layouts, seed))))
        return Program(self.seed, signature, self.body, result, tolerances, calls)


def program_of_seed(seed: int, statements: int = 9) -> Program:
    """The program of a seed."""
    return Writer(seed, statements).program()
