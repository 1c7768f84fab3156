"""Random statements of NumPy code."""

from __future__ import annotations

import re
import numpy as np
from tests.system.arguments import DTYPES, FLOATS, INTEGERS

EXACT = """
-{n}
+{n}
abs({n})
np.abs({n})
~{bi}
np.sign({n})
np.floor({f})
np.ceil({x})
np.trunc({f})
np.rint({f})
np.sqrt({x})
np.square({n})
np.reciprocal({f})
np.isnan({f})
np.isfinite({x})
np.isinf({f})
np.signbit({f})
np.negative({n})
np.positive({n})
np.logical_not({x})
np.fabs({f})
{x}.copy()
{x} + {p}
{x} + {p}
{x} - {p}
{x} * {p}
{x} * {p}
{x} / {p}
{x} // {p}
{x} % {p}
divmod({x}, {p})[{01}]
np.fmod({x}, {p})
{x} ** 2
{i} ** {01}
{n} ** 3
{f} ** 0.5
{f} ** -1
{i} ** {p}
2 ** {i}
{x} + {s}
{s} - {x}
{x} * {s}
{s} / {x}
{x} // {s}
{x} % {s}
{s} % {x}
{x} + {h}
{x} * {h}
{h} - {x}
{x} / {h}
{x} // {h}
{x} == {p}
{x} != {p}
{x} < {p}
{x} <= {p}
{x} > {p}
{x} >= {s}
{x} == {h}
{x} > {h}
{bi} & {p}
{bi} | {p}
{bi} ^ {p}
{bi} & {01}
{i} << {01}
{i} >> {01}
np.maximum({x}, {p})
np.minimum({x}, {p})
np.fmax({x}, {p})
np.fmin({x}, {p})
np.maximum({x}, {s})
np.minimum({s}, {x})
np.clip({x}, {s}, {s})
{x}.clip({01}, {s})
np.copysign({f}, {p})
np.logical_and({x}, {p})
np.logical_or({x}, {p})
np.logical_xor({x}, {p})
np.add({x}, {p}, dtype={d})
np.multiply({x}, {p}, dtype=np.float32)
np.subtract({x}, {p}, out=np.empty({x}.shape, {x}.dtype))
np.where({b}, {x}, {p})
np.where({p} > {s}, {x}, {p})
np.where({x}, {p}, {s})
np.select([{x} > {s}, {x} < {01}], [{x}, {p}], {01})
{f}.astype({d})
{x}.astype({d})
{x}.astype({d})
{x}.astype(bool)
np.clip(np.nan_to_num({f}), -100, 100).astype({id})
np.float32({s}) * {x}
np.float64({s}) + {x}
np.int8({01}) * {x}
np.array({x})
np.asarray({x})
np.array([{s}, {s}, {s}])
np.array([{x}, {x}])
{x}[{key}]
{x}[{key}]
{x}[{key}]
{x}[{key}]
{x}.T
{x}.transpose({axes})
np.transpose({x}, {axes})
{x}.swapaxes({ax}, {ax})
np.moveaxis({x}, {ax}, {ax})
{x}.reshape(-1)
{x}.reshape({shape})
{x}.reshape({shape})
np.reshape({x}, {shape})
{x}.ravel()
{x}.flatten()
{x}.T.ravel()
{x}.T.reshape({shape})
{x}[None]
{x}[..., None]
{x}[:, None]
np.expand_dims({x}, {ax})
np.squeeze({x})
{x}.squeeze()
np.flip({x})
np.flip({x}, {ax})
np.roll({x}, {s1})
np.roll({x}, {s1}, {ax})
np.broadcast_to({x}, (2,) + {x}.shape)
np.broadcast_to({x}, ({h}, *{x}.shape))
np.tile({x}, {12})
np.repeat({x}, {12})
np.repeat({x}, {12}, {ax})
np.diagonal({x})
np.diag({x})
np.tril({x})
np.triu({x}, {s1})
np.trace({bi})
np.concatenate([{x}, {p}])
np.concatenate(({x}, {x}), axis={ax})
np.stack([{x}, {x}])
np.stack([{x}, {p}], axis=-1)
np.vstack([{x}, {p}])
np.hstack([{x}, {p}])
np.split({x}, 2)[{01}]
np.array_split({x}, 2, {ax})[{01}]
np.pad({x}, 1)
np.pad({x}, (1, 2), mode="edge")
np.pad({x}, 1, mode="{padmode}")
np.zeros(({h}, {h}))
np.zeros_like({x})
np.ones_like({x}, dtype={d})
np.full({x}.shape, {s})
np.full_like({x}, {s})
np.ones({x}.shape, {d})
np.arange({h})
np.arange({h}, dtype={d})
np.arange({h}, {h})
np.arange({h}, {h}, {s1})
np.arange({x}.shape[{ax}]) * {s}
np.linspace(0, 1, {h})
np.eye({h})
np.identity({h}, {d})
{bi}.sum()
{bi}.sum({axis})
np.sum({bi}, {axis})
np.sum({bi}, {axis}, dtype={id})
np.sum({bi}, {axis}, dtype=np.float64)
{bi}.prod({axis})
{x}.max()
{x}.max({axis})
np.min({x}, {axis})
{x}.min({axis})
np.amax({x}, {axis})
np.ptp({n}, {axis})
np.any({x}, {axis})
{x}.all({axis})
(({x} > {s}) & ({x} < 2)).sum({axis})
np.count_nonzero({x})
np.count_nonzero({x}, {axis})
{x}.argmax({axis1})
np.argmin({x}, {axis1})
np.cumsum({bi}, {axis1})
np.max({x}, {axis}, initial={01})
np.sum({bi}, where={b})
np.maximum.reduce({x}, axis={ax})
np.add.reduce({bi}, axis={ax})
np.logical_and.reduce({x}, axis={ax})
np.sort({x})
np.sort({x}, {ax})
np.diff({x})
np.diff({x}, axis={ax})
np.median({bi})
{x}[{index}]
{x}[{index}]
{x}[{index}, {index}]
{x}[:, {index}]
{x}[..., {index}]
{x}[[0, -1, 0]]
{x}[-1]
{x}[{h}]
{x}[{i}]
{x}[{i} % {x}.shape[0]]
np.take({x}, {index}, axis=0)
np.take({x}, {i}, axis=0, mode="clip")
np.take_along_axis({x}, np.argmax({x}, axis=0, keepdims=True), axis=0)
np.searchsorted(np.sort({x}.ravel()), {p})
{x}.any() or {01}
{x}.shape[{ax}]
len({x})
{x}.size // {12}
{x}.ndim
max({h}, {h})
{h} + {h}
{h} * {h}
{h} // {12}
{h} % 3
{h} / {12}
{h} ** 2
int({h} > 2)
min({x}.shape)
sum({x}.shape)
{i} @ {i}
np.dot({i}, {i})
np.matmul({i}, {i}.T)
np.outer({i}, {i})
np.inner({i}, {i})
np.einsum("ij,kj->ik", {i}, {i})
np.einsum("ij->j", {i})
np.einsum("ii->i", {x})
np.kron({i}, {i})
np.add.outer({x}, {p})
np.multiply.outer({i}, {i})
np.nansum({i})
np.nanmax({f}, {axis})
np.nan_to_num({x})
np.isclose({x}, {p})
np.array_equal({x}, {x})
np.heaviside({f}, {p})
np.tri({h})
np.meshgrid({x}, {p})[{01}]
np.swapaxes({x}, 0, -1)
np.rollaxis({x}, {ax})
np.atleast_2d({x})
np.column_stack([{x}, {x}])
np.append({x}, {p})
np.rot90({x})
np.fliplr({x})
{x}.round()
np.round({x})
{x}.real
{x}.conj()
{x}.mT
{x}.nbytes
{x}.item()
[row for row in {x}][-1]
sum(row for row in {x})
[{x}[j] for j in range(len({x}))][0]
np.stack([row * j for j, row in enumerate({x})])
({x} if {h} > 2 else {x} + 1)
(lambda y, z=2: y * z)({x})
np.float16({s}) * {x}
{x} is {x}
isinstance({x}, np.ndarray)
{x}.dtype == np.float64
{x}.dtype.kind in "iu"
{x} + {x}.dtype.type(1)
{x} * True
np.int64(2) * {x}
np.uint8(3) + {x}
{x}.dot({x}.T)
np.minimum.accumulate({x})
np.add.accumulate({bi})
np.interp({f}, [0.0, 1.0, 2.0], [1.0, 0.0, 4.0]) > 100
np.digitize({x}, np.array([0, 1, 2]))
np.choose({01}, [{x}, {p}])
np.delete({x}, 0, {ax})
np.unravel_index(0, {x}.shape)[0]
np.fill_diagonal({x}.copy(), 0)
np.isin({x}, [0, 1])
np.cross({i}, {i})
np.triu_indices(3)[0]
np.indices((2, {h}))
np.copy({x})
np.prod({x}.shape)
np.size({x})
np.ndim({x})
np.shape({x})[-1]
""".strip().split("\n")

ROUNDED = [
    line.rsplit(" # ", 1)
    for line in """
np.exp({f}) # ulps({r}, 4)
np.exp({f}) # ulps({r}, 4)
np.log({f}) # ulps({r}, 4)
np.log1p({f}) # ulps({r}, 4)
np.expm1({f}) # ulps({r}, 4)
np.sin({f}) # ulps({r}, 4)
np.cos({f}) # ulps({r}, 4)
np.tan({f}) # ulps({r}, 6)
np.tanh({f}) # ulps({r}, 4)
np.sinh({f}) # ulps({r}, 6)
np.cosh({f}) # ulps({r}, 6)
np.arctan({f}) # ulps({r}, 6)
np.arcsinh({f}) # ulps({r}, 6)
np.exp2({f}) # ulps({r}, 4)
np.log2({f}) # ulps({r}, 4)
np.log10({f}) # ulps({r}, 4)
np.cbrt({f}) # ulps({r}, 4)
np.hypot({f}, {p}) # ulps({r}, 4)
np.arctan2({f}, {p}) # ulps({r}, 6)
np.logaddexp({f}, {p}) # ulps({r}, 8)
{f} ** {p} # ulps({r}, 4)
{f} ** 1.5 # ulps({r}, 4)
{f} ** {p} # ulps({r}, 4)
2.0 ** {f} # ulps({r}, 4)
np.exp({i}) # ulps({r}, 4)
np.deg2rad({f}) # ulps({r}, 2)
{f}.sum() # sum_bound({r}, {f})
{f}.sum({axis}) # sum_bound({r}, {f}, {axis})
np.sum({f}, {axis}) # sum_bound({r}, {f}, {axis})
np.sum({f}, {axis}, dtype=np.float64) # sum_bound({r}, {f}, {axis})
{x}.mean({axis}) # sum_bound({r}, {x}, {axis}) / max({x}.size // max({r}.size, 1), 1) + ulps({r}, 2)
np.cumsum({f}) # sum_bound({r}, {f})
np.sum({f} * {f}, {axis}) # sum_bound({r}, {f} * {f}, {axis})
({f} - {p}).sum() # sum_bound({r}, {f} - {p})
{f}.prod() # ulps({r}, {f}.size + 2)
{f} @ {f} # np.asarray(np.abs({f}.astype("f8")) @ np.abs({f}.astype("f8"))) * ulps({r} * 0 + 1, 4 + {f}.size)
{f} @ {f}.T # np.asarray(np.abs({f}.astype("f8")) @ np.abs({f}.T.astype("f8"))) * ulps({r} * 0 + 1, 4 + {f}.size)
{t}[{key}] # {t}_tolerance[{key}]
{t}.T # {t}_tolerance.T
{t}.reshape(-1) # {t}_tolerance.reshape(-1)
{t}[..., None] # {t}_tolerance[..., None]
-{t} # {t}_tolerance
{t} * 2 # {t}_tolerance * 2 + ulps({r}, 2)
{t} + {p} # {t}_tolerance + ulps({r}, 1) + ulps({t}, 1)
{t} * {p} # {t}_tolerance * np.abs({p}.astype("f8")) + ulps({r}, 1)
{t}.sum({axis}) # np.sum({t}_tolerance, {axis}) + sum_bound({r}, {t}, {axis})
{t}.max({axis}) # np.max({t}_tolerance, {axis})
np.maximum({t}, {p}) # {t}_tolerance + 0 * np.abs({p}.astype("f8"))
{t}.copy() # {t}_tolerance
{t}.astype(np.float64) # {t}_tolerance
""".strip().split("\n")
]

WRITES = """
{w}[{key}] = {s}
{w}[{key}] = {h}
{w}[{key}] += {s}
{w}[{key}] += 1
{w}[{key}] *= 2
{w}[{key}] = {x}
{w}[{key}] -= {w}[{key}]
{w}[...] = {x}
{w}[{key}] = {w}[{key}] + 1
{w} += 1
{w} *= {s}
{w} += {p}
{w} -= {p}
{w} /= 2
{w} //= 2
{w} **= 2
{w} &= {01}
{w}[0] = {w}[-1]
{w}[1:] = {w}[:-1]
{w}[::-1] = {w}
{w}[...] = {w}[::-1]
{w}[1:] += {w}[:-1]
{w}.T[...] *= 2
{w}.T[...] = {s}
{w}.T[{key0}] = {s}
{w}.fill({01})
{w}.reshape(-1)[::2] = {s}
{w}.ravel()[0] = {s}
np.add({w}, {s}, out={w})
np.add({w}, {p}, out={w})
np.multiply({x}, {p}, out={w})
np.sqrt({w}, out={w})
np.negative({w}, out={w}, where={w} > 0)
np.add({w}, 1, out={w}[...])
np.maximum({w}[{key}], 0, out={w}[{key}])
np.copyto({w}, {s})
np.copyto({w}, {x}, casting="unsafe")
np.copyto({w}, 1, where={w} > {s})
{w}[{index}] = {s}
{w}[{index}] = {p}
{w}[{index}] += 1
{w}[{index}] *= {s}
{w}[{index}, {index}] = {s}
{w}[:, {index}] = {s}
{w}[{w} > {s}] = {s}
{w}[{w} > 0] += 1
{w}[{w} == {w}] *= 2
{w}[{b}] = {01}
{w}[~{b}] = {x}
{w}[{i}] = 1
np.add.at({w}, {index}, 1)
np.add.at({w}, {index}, {01})
{w}[{h}] = {s}
{w}.sort()
{w}.sort(axis=0)
np.sum({bi}, {axis}, out={w})
np.fill_diagonal({w}, {s})
np.put_along_axis({w}, np.argmax({w}, axis=0, keepdims=True), 1, axis=0)
row = {w}[{key}]; row += 1
row = {w}[{key}]; row[...] = {s}
for row in {w}: row += 1
for row in {w}: row[...] = row * 2
for j in range(len({w})): {w}[j] = {w}[j - 1] + j
for j in range({w}.shape[0]): {w}[j] = j
{w}[{h}:] = {s}
{w}[:{h}] += {s}
{w}[{h}::-1] = {01}
{w}.flat[0] = 1
{w}[0], {w}[-1] = {w}[-1], {w}[0]
{w}[0], {w}[-1] = {w}[-1].copy(), {w}[0].copy()
{w} -= {w}[0]
{w} += {w}.T
{w}[:] = {w}.T
{w}.shape = -1
""".strip().split("\n")

BLOCKS = r"""
if {h} > {12}:\n    {v} = {E}\nelse:\n    {v} = {x}
if {h} == {h}:\n    {v} = {x}\nelse:\n    {v} = {E}
{v} = {x}\nfor j in range({12}):\n    {v} = {v} + {p} * j
{v} = {x}\nfor j in range({h}):\n    {v} = {v} * 2 - j
{v} = {x}.copy()\nfor j in range({h}):\n    {v}[j % {v}.shape[0]] += j
{v} = {x} * 0\nfor row in {x}:\n    {v} = {v} + row
def inner(y):\n    return y + {x}\n{v} = inner({p})
{v} = {x}\nwhile {v}.ndim < 3:\n    {v} = {v}[None]
try:\n    {v} = {E}\nexcept ValueError:\n    {v} = {x}
{v} = {x}\nj = 0\nwhile j < {h}:\n    {v} = {v} + j\n    j += {12}
{v} = np.zeros(({h}, {h}))\nfor j in range({v}.shape[0]):\n    {v}[j, :] = j
{v} = np.zeros_like({x})\nfor j in range(len({x})):\n    {v}[j] = {x}[len({x}) - 1 - j]
total = 0\nfor size in {x}.shape:\n    total += size\n{v} = {x} + total
{v} = {x}\nfor j in reversed(range(1, {h})):\n    {v} = {v} // j
parts = dict(p={x}, q=[{p}, {s}])\n{v} = parts['p'] + parts['q'][0] * parts['q'][1]
{v}, _ = {x}, {p}\n{v} = {v} + _
{v} = np.empty({x}.shape)\n{v}[...] = {x}\n{v}[::2] += 1
assert {h} >= 0\n{v} = {x}
{v} = [{x}, {p}]\n{v}.append({v}[0] + {v}[1])\n{v} = {v}[-1]
first, *rest = {x}\n{v} = first + len(rest)
""".strip().split("\n")


def write(w):
    kind = w.rng.random()
    if kind < 0.55:
        w.assign(fill(w, w.rng.choice(EXACT)))
    elif kind < 0.68:
        expression, tolerance = w.rng.choice(ROUNDED)
        known = {}
        text = fill(w, expression, known)
        w.assign(text, fill(w, tolerance, known))
    elif kind < 0.93:
        if w.rng.random() < 0.3:
            w.assign(fill(w, "{x}.copy()"))
        w.statement(fill(w, w.rng.choice(WRITES)))
    else:
        block = w.rng.choice(BLOCKS).replace("\\n", "\n")
        v = w.new()
        text = fill(w, block, {"v": v, "r": v})
        w.run(text)
        w.body.append((text, False))
        if not w.raises:
            result = w.env.get(v)
            if not isinstance(result, (np.ndarray, np.generic)) or result.size > 3000:
                w.body.pop()
                raise _discarded()
            from tests.random_numpy import Variable

            w.names.append(Variable(v))


def _discarded():
    from tests.random_numpy import Discarded

    return Discarded()


def fill(w, template, known=None):
    """Fill the places of a template; arrays are the same in all places of one letter."""
    known = {} if known is None else known
    text = template
    for _ in range(12):
        match = re.search(r"\{([A-Za-z0-9]+)\}", text)
        if match is None:
            return text
        kind = match.group(1)
        if kind == "r" and "r" not in known:
            # stays for later
            text = text.replace("{r}", "@r@")
            continue
        value = known.get(kind)
        if value is None:
            value = choose(w, kind, known)
            if kind in KEPT:
                known[kind] = value
        text = text[: match.start()] + value + text[match.end() :]
    while (match := re.search(r"\{([A-Za-z0-9]+)\}", text)) is not None:
        kind = match.group(1)
        if kind == "r" and "r" not in known:
            text = text.replace("{r}", "@r@")
            continue
        value = known.get(kind)
        if value is None:
            value = choose(w, kind, known)
            if kind in KEPT:
                known[kind] = value
        text = text[: match.start()] + value + text[match.end() :]
    return text


KEPT = {"f", "t", "p", "key", "axis", "x", "w", "v"}


def subject(w, known):
    for kind in ("w", "x", "t", "f", "i", "n", "bi", "b"):
        if kind in known:
            return w.value(known[kind])
    return None


def choose(w, kind, known):
    rng = w.rng
    if kind == "x":
        return w.pick()
    if kind == "w":
        return w.writable()
    if kind == "t":
        return w.pick(rounded=True)
    if kind in ("n", "f", "i", "b", "bi"):
        kinds = {"n": "iuf", "f": "f", "i": "iu", "b": "b", "bi": "biu"}[kind]
        shape = getattr(subject(w, known), "shape", None)
        made = w.pick(
            lambda v: (
                v.dtype.kind in kinds
                and (kind != "b" or shape is None or v.shape == shape)
            )
        )
        known.setdefault("last", made)
        known.setdefault("w_", made)
        known["subject"] = made
        return made
    first = w.value(known["subject"]) if "subject" in known else subject(w, known)
    rank = getattr(first, "ndim", 2)
    shape = getattr(first, "shape", (2, 2))
    if kind == "p":

        def fits(v):
            try:
                np.broadcast_shapes(v.shape, shape)
            except ValueError:
                return False
            return True

        return w.pick(fits) if rng.random() < 0.95 else w.pick()
    if kind == "s":
        options = [
            "0",
            "1",
            "2",
            "-1",
            "3",
            "0.5",
            "-2.5",
            "True",
            "100",
            "300",
            "1e10",
            "-7",
            "np.inf",
        ]
        return rng.choice(options + (w.floats + w.ints) * 2)
    if kind == "h":
        options = ["2", "3", *w.ints]
        if shape:
            options += [
                f"{a}.shape[{rng.randrange(-w.value(a).ndim, w.value(a).ndim)}]"
                for a in [v.name for v in w.names[:4]]
                if w.value(a).ndim
            ] * 2
        return rng.choice(options)
    if kind in ("01", "12", "s1"):
        return rng.choice(
            {"01": ("0", "1"), "12": ("1", "2"), "s1": ("1", "-1", "2", "-2")}[kind]
        )
    if kind == "d":
        return "np." + np.dtype(rng.choice(DTYPES)).name
    if kind == "id":
        return "np." + np.dtype(rng.choice(("i1", "i2", "i4", "i8"))).name
    if kind == "ax":
        return str(rng.randrange(-max(rank, 1), max(rank, 1)))
    if kind == "axes":
        order = list(range(rank))
        rng.shuffle(order)
        return str(tuple(order))
    if kind == "axis1":
        parts = (
            [f"axis={rng.randrange(-max(rank, 1), max(rank, 1))}"]
            if rng.random() < 0.8
            else []
        )
        return ", ".join(parts)
    if kind == "axis":
        choice = rng.random()
        if choice < 0.6 or rank < 2:
            parts = [f"axis={rng.randrange(-max(rank, 1), max(rank, 1))}"]
        elif choice < 0.8:
            axes = rng.sample(range(rank), 2)
            parts = [f"axis={tuple(axes)}"]
        else:
            parts = ["axis=None"]
        if rng.random() < 0.4:
            parts.append("keepdims=True")
        return ", ".join(parts)
    if kind == "shape":
        size = int(np.prod(shape))
        options = ["-1", "(-1, 1)", "(1, -1)", "(-1,)"]
        name = known.get("x")
        if name:
            options += [f"({name}.size,)", f"({name}.size, 1)"]
            if rank > 1:
                options += [
                    f"({name}.shape[0], -1)",
                    f"(-1, {name}.shape[-1])",
                    f"({name}.shape[0] * {name}.shape[1], -1)",
                    f"{name}.shape[::-1]",
                    f"({name}.shape[-1], -1)",
                ]
        if size % 2 == 0:
            options += ["(2, -1)", "(-1, 2)"]
        return rng.choice(options)
    if kind == "index":
        n = shape[0] if shape else 1
        options = [
            "[0]",
            "[0, -1]",
            "np.array([0, 0, -1])",
            "np.array([[0], [-1]])",
            "np.arange(2)",
            "[True, False]",
        ]
        if shape:
            name = known.get("x") or known.get("w") or known.get("subject")
            options += [
                f"np.arange({name}.shape[0])[::-1]",
                f"np.arange({name}.shape[0] - 1)",
            ]
            ints = [
                v.name
                for v in w.names
                if not v.tolerance and w.value(v.name).dtype.kind in "iu"
            ]
            if ints:
                options += [f"{rng.choice(ints)} % {name}.shape[0]", rng.choice(ints)]
        return rng.choice(options)
    if kind == "padmode":
        return rng.choice(("reflect", "wrap", "symmetric", "constant", "edge"))
    if kind == "key0":
        return "0"
    if kind == "key":
        return basic_key(w, rank, shape)
    if kind == "E":
        return fill(w, rng.choice(EXACT[:120]))
    raise KeyError(kind)


def basic_key(w, rank, shape):
    rng = w.rng
    parts = []
    used_ellipsis = False
    axis = 0
    if rng.random() < 0.15:
        parts.append("...")
        axis = max(rank - rng.randint(0, 1), 0)
        used_ellipsis = True
    while axis < rank and (rng.random() < 0.75 or not parts):
        size = shape[axis]
        kind = rng.randrange(9)
        if kind == 0:
            parts.append(str(rng.randrange(-size, size)) if size else ":")
        elif kind == 1:
            parts.append("None")
            axis -= 1
        elif kind == 2:
            parts.append("::-1")
        elif kind == 3:
            parts.append(f"{rng.randint(0, 2)}:")
        elif kind == 4:
            parts.append(f":{rng.randint(-2, 4)}")
        elif kind == 5:
            parts.append(
                f"{rng.choice(('', '1', '-1', '-3'))}:{rng.choice(('', '0', '-1', '7'))}:{rng.choice((2, -2, 3, -1))}"
            )
        elif kind == 6:
            parts.append("::2")
        elif kind == 7 and w.ints:
            parts.append(
                rng.choice(
                    (
                        f"{rng.choice(w.ints)}:",
                        f":{rng.choice(w.ints)}",
                        rng.choice(w.ints),
                    )
                )
            )
        else:
            parts.append(":")
        axis += 1
    if rng.random() < 0.1 and not used_ellipsis:
        parts.append("...")
    if rng.random() < 0.1:
        parts.append("None")
    return ", ".join(parts) if parts else "..."
