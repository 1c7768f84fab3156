r"""Statements of NumPy code with places to fill.

Each line is an expression or a statement. A place ``{x}`` is filled by its kind, the
same wherever the line repeats it; digits tell two places of one kind apart:

    x n f i b u     an array: any, numeric, float, integer, bool, integer or bool
    w wi t p        one that may be written to, with integers; a rounded one; one that
                    broadcasts with the first array of the line
    s h bit few off a scalar, a host integer, 0 or 1, 1 or 2, -2 to 2
    d di            a dtype, an integer dtype
    ax axis one     an axis; axis= and keepdims=; axis= of one axis or nothing
    axes shape      a permutation; a shape to reshape to
    key index       a basic index; an index of integers or bools
    pad             a mode of np.pad
    E               another expression
    v               a name that the line assigns to
"""

from __future__ import annotations

__all__ = ["BLOCKS", "EXACT", "FORBIDDEN", "ROUNDED", "WRITES"]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.strip().split("\n") if line)


# Results are NumPy's to the bit. A line that stands here twice is written twice as often.
_ELEMENTWISE = r"""
-{n}
+{n}
abs({n})
np.abs({x})
~{u}
np.sign({n})
np.floor({x})
np.ceil({x})
np.trunc({x})
np.rint({f})
np.sqrt({x})
np.square({n})
np.reciprocal({f})
np.isnan({x})
np.isfinite({x})
np.isinf({f})
np.signbit({f})
np.negative({n})
np.positive({n})
np.logical_not({x})
np.fabs({f})
np.conj({x})
{x} + {p}
{x} + {p}
{x} - {p}
{x} * {p}
{x} * {p}
{x} / {p}
{x} // {p}
{x} % {p}
divmod({x}, {p})[{bit}]
np.divmod({x}, {s})[{bit}]
np.fmod({x}, {p})
{x} ** 2
{x} ** {bit}
{i} ** 3
{f} ** 0.5
{f} ** -1
{i} ** {p}
2 ** {i}
{x} + {s}
{s} - {x}
{x} * {s}
{s} / {x}
{x} / {s}
{x} // {s}
{s} // {x}
{x} % {s}
{s} % {x}
{x} + {h}
{x} * {h}
{h} - {x}
{x} / {h}
{x} // {h}
{x} % {h}
{x} == {p}
{x} != {p}
{x} < {p}
{x} <= {p}
{x} > {p}
{x} >= {s}
{x} == {s}
{s} < {x}
{x} == {h}
{x} > {h}
{u} & {p}
{u} | {p}
{u} ^ {p}
{u} & {bit}
{i} << {few}
{i} >> {few}
{i} << {p}
np.maximum({x}, {p})
np.minimum({x}, {p})
np.fmax({x}, {p})
np.fmin({x}, {p})
np.maximum({x}, {s})
np.minimum({s}, {x})
np.clip({x}, {s}, {s2})
np.clip({x}, {p}, None)
{x}.clip({bit}, {s})
np.copysign({f}, {p})
np.heaviside({f}, {p})
np.nextafter({f}, {p})
np.ldexp({f}, {few})
np.logical_and({x}, {p})
np.logical_or({x}, {p})
np.logical_xor({x}, {p})
np.add({x}, {p}, dtype={d})
np.multiply({x}, {p}, dtype=np.float32)
np.subtract({x}, {p}, out=np.empty({x}.shape, {x}.dtype))
np.add({x}, 1, out=np.zeros({x}.shape), where={x} > 0)
np.where({b}, {x}, {p})
np.where({x} > {s}, {x}, {p})
np.where({x} > {s}, {s2}, {x})
np.where({x}, {p}, {s})
np.where({x} == {x}, 1, 0.5)
np.select([{x} > {s}, {x} < {bit}], [{x}, {p}], {bit})
np.choose({bit}, [{x}, {p}])
{x}.astype({d})
{x}.astype({d})
{i}.astype({d})
{x}.astype(bool)
{x}.astype("f4").astype({x}.dtype)
np.clip(np.nan_to_num({f}), -100, 100).astype({di})
np.float32({s}) * {x}
np.float64({s}) + {x}
np.float16({bit}) - {x}
np.int8({bit}) * {x}
np.int64(2) * {x}
np.uint8(3) + {x}
np.bool_({bit}) | {u}
{x} * True
{x} + {x}.dtype.type(1)
np.nan_to_num({x})
np.isclose({x}, {p})
np.array_equal({x}, {p})
np.allclose({x}, {p})
np.isin({x}, [0, 1])
{x}.round()
np.round({x})
np.around({x}, {bit})
{x}.real
{x}.conj()
np.isreal({x})
np.add.outer({x}, {p})
np.multiply.outer({i}, {i2})
np.subtract({x}, {p}, casting="unsafe")
"""

_MOVEMENT = r"""
{x}.copy()
np.copy({x})
np.array({x})
np.asarray({x})
np.asarray({x}, {d})
np.ascontiguousarray({x})
np.array([{s}, {s2}, {bit}])
np.array([{x}, {x}])
np.array([{x}.shape, {x}.shape])
{x}[{key}]
{x}[{key}]
{x}[{key}]
{x}[{key}]
{x}[{key}]
{x}[{key}][{bit}]
{x}.T
{x}.T
{x}.mT
{x}.transpose({axes})
np.transpose({x}, {axes})
{x}.swapaxes({ax}, {ax2})
np.swapaxes({x}, 0, -1)
np.moveaxis({x}, {ax}, {ax2})
np.rollaxis({x}, {ax})
{x}.reshape(-1)
{x}.reshape({shape})
{x}.reshape({shape})
np.reshape({x}, {shape})
{x}.ravel()
{x}.flatten()
{x}.T.ravel()
{x}.T.reshape({shape})
{x}[{key}].reshape(-1)
{x}[None]
{x}[..., None]
{x}[:, None]
np.expand_dims({x}, {ax})
np.squeeze({x})
{x}.squeeze()
{x}.squeeze({ax})
np.atleast_1d({x})
np.atleast_2d({x})
np.atleast_3d({x})
np.flip({x})
np.flip({x}, {ax})
np.fliplr({x})
np.flipud({x})
np.rot90({x})
np.rot90({x}, {off})
np.roll({x}, {off})
np.roll({x}, {off}, {ax})
np.roll({x}, {h}, {ax})
np.broadcast_to({x}, (2,) + {x}.shape)
np.broadcast_to({x}, ({h}, *{x}.shape))
np.broadcast_arrays({x}, {p})[{bit}]
np.tile({x}, {few})
np.tile({x}, (2, {few}))
np.tile({x}, {h})
np.repeat({x}, {few})
np.repeat({x}, {few}, {ax})
np.repeat({x}, {h}, axis={ax})
np.diagonal({x})
np.diagonal({x}, {off})
np.diag({x})
np.tril({x})
np.triu({x}, {off})
np.concatenate([{x}, {p}])
np.concatenate(({x}, {x}), axis={ax})
np.concatenate([{x}, {p}], axis=None)
np.concatenate([{x}, {x}], dtype={d})
np.stack([{x}, {x}])
np.stack([{x}, {p}], axis=-1)
np.vstack([{x}, {p}])
np.hstack([{x}, {p}])
np.dstack([{x}, {x}])
np.column_stack([{x}, {x}])
np.split({x}, 2)[{bit}]
np.split({x}, [1], {ax})[{bit}]
np.array_split({x}, 2, {ax})[{bit}]
np.pad({x}, 1)
np.pad({x}, {few}, constant_values={s})
np.pad({x}, (1, 2), mode="edge")
np.pad({x}, 1, mode="{pad}")
np.append({x}, {p})
np.delete({x}, 0, {ax})
np.meshgrid({x}, {p})[{bit}]
[row for row in {x}][-1]
sum(row for row in {x})
[{x}[j] for j in range(len({x}))][0]
np.stack([row * j for j, row in enumerate({x})])
np.array([row for row in {x}])
({x} if {h} > 2 else {x} + 1)
({x} if {h} == {h2} else -{n})
(lambda y, z=2: y * z)({x})
np.zeros(({h}, {h2}))
np.zeros({h}, {d})
np.zeros_like({x})
np.ones_like({x}, dtype={d})
np.full({x}.shape, {s})
np.full(({h}, 2), {s})
np.full_like({x}, {s})
np.ones({x}.shape, {d})
np.arange({h})
np.arange({h}, dtype={d})
np.arange({h}, {h2})
np.arange({h}, {h2}, {off})
np.arange(0, {h}, {few})
np.arange(0.0, {h}, 0.5)
np.arange({x}.shape[{ax}]) * {s}
np.eye({h})
np.eye({h}, {h2}, {off})
np.identity({h}, {d})
np.tri({h})
np.indices((2, {h}))
"""

_REDUCTIONS = r"""
{u}.sum()
{u}.sum({axis})
np.sum({u}, {axis})
np.sum({u}, {axis}, dtype={di})
np.sum({u}, {axis}, dtype=np.float64)
{u}.prod({axis})
np.prod({u}, {axis})
{x}.max()
{x}.max({axis})
np.min({x}, {axis})
{x}.min({axis})
np.amax({x}, {axis})
np.max({x}, {axis}, initial={bit})
np.min({x}, {axis}, initial=9, where={x} > 0)
np.sum({u}, where={b})
np.sum({u}, {axis}, initial={few})
np.ptp({n}, {axis})
np.any({x}, {axis})
{x}.all({axis})
{x}.any()
(({x} > {s}) & ({x} < 2)).sum({axis})
np.count_nonzero({x})
np.count_nonzero({x}, {axis})
{x}.argmax({one})
np.argmin({x}, {one})
np.argmax({x}, axis={ax}, keepdims=True)
np.cumsum({u}, {one})
np.cumprod({u}, {one})
np.maximum.reduce({x}, axis={ax})
np.add.reduce({u}, axis={ax})
np.add.reduce({u}, axis=None)
np.logical_and.reduce({x}, axis={ax})
np.bitwise_or.reduce({i}, axis={ax})
np.add.accumulate({u})
np.maximum.accumulate({x})
np.sort({i})
np.sort({i}, {ax})
np.diff({x})
np.diff({x}, axis={ax})
np.diff({x}, 2)
np.trace({i})
np.nansum({i})
np.nanmax({f}, {axis})
np.searchsorted(np.sort({i}.ravel()), {p})
np.digitize({x}, np.array([0, 1, 2]))
np.take_along_axis({x}, np.argmax({x}, axis=0, keepdims=True), axis=0)
np.bincount(abs({i}).ravel())
np.unique({x})
np.argsort({i})
np.nonzero({x})[0]
{i} @ {i2}
{i} @ {i}
np.dot({i}, {i2})
np.matmul({i}, {i}.T)
{i}.dot({i}.T)
np.outer({i}, {i2})
np.inner({i}, {i2})
np.tensordot({i}, {i}, 1)
np.vdot({i}, {i})
np.kron({i}, {i2})
np.einsum("ij,kj->ik", {i}, {i2})
np.einsum("ij->j", {i})
np.einsum("ij->ji", {x})
np.einsum("ii->i", {x})
np.einsum("i,j->ij", {i}, {i2})
np.einsum("...j->...", {i})
"""

_INDEXING = r"""
{x}[{index}]
{x}[{index}]
{x}[{index}, {index2}]
{x}[:, {index}]
{x}[..., {index}]
{x}[{index}, None]
{x}[{index}, :1]
{x}[[0, -1, 0]]
{x}[-1]
{x}[{h}]
{x}[{i}]
{x}[{i} % {x}.shape[0]]
{x}[{key}][{index}]
{x}[{x} > {s}]
np.take({x}, {index}, axis={ax})
np.take({x}, {i}, axis=0, mode="clip")
np.take({x}, {i}, axis={ax}, mode="wrap")
np.take({x}, {h})
"""

_HOST = r"""
{x}.shape[{ax}]
len({x})
{x}.size // {few}
{x}.ndim
{x}.nbytes
np.size({x})
np.ndim({x})
np.shape({x})[-1]
np.prod({x}.shape)
max({h}, {h2})
min({h}, 3)
abs({h} - 4)
{h} + {h2}
{h} * {h2}
{h} - {few}
{h} // {few}
{h} % 3
-{h} % 4
{h} / {few}
{h} ** 2
{h} << 1
{h} & 3
divmod({h}, 3)[{bit}]
int({h} > 2)
int({h} / 2)
round({h} / 3)
float({h})
({h} + 1) // 2 * 2
min({x}.shape)
sum({x}.shape)
max({x}.shape, default=0)
bool({h})
{h} == {h2}
{h} > 2 and {h2} < 3
{h} in (1, 2, 3)
sum(range({h}))
len(range(0, {h}, 2))
{x} is {x}
isinstance({x}, np.ndarray)
{x}.dtype == np.float64
{x}.dtype.kind in "iu"
{x}.shape == {p}.shape
"""

EXACT = _lines(_ELEMENTWISE + _MOVEMENT + _REDUCTIONS + _INDEXING + _HOST)

# Results are rounded otherwise than NumPy's. After # stands how far {r}, the result,
# may be from NumPy's; t_bound is the same of a rounded array {t}.
ROUNDED = tuple(
    (expression.strip(), bound.strip())
    for expression, bound in (
        line.split("#")
        for line in _lines(r"""
np.exp({f})             # ulps({r}, 4)
np.exp({f})             # ulps({r}, 4)
np.exp({i})             # ulps({r}, 4)
np.log({f})             # ulps({r}, 4)
np.log(abs({x}))        # ulps({r}, 4)
np.log1p({f})           # ulps({r}, 4)
np.expm1({f})           # ulps({r}, 4)
np.sin({f})             # ulps({r}, 4)
np.cos({f})             # ulps({r}, 4)
np.tan({f})             # ulps({r}, 6)
np.tanh({f})            # ulps({r}, 4)
np.sinh({f})            # ulps({r}, 6)
np.cosh({f})            # ulps({r}, 6)
np.arctan({f})          # ulps({r}, 6)
np.arcsin({f} / 4)      # ulps({r}, 6)
np.arcsinh({f})         # ulps({r}, 6)
np.exp2({f})            # ulps({r}, 4)
np.log2({f})            # ulps({r}, 4)
np.log10({f})           # ulps({r}, 4)
np.cbrt({f})            # ulps({r}, 4)
np.hypot({f}, {p})      # ulps({r}, 4)
np.arctan2({f}, {p})    # ulps({r}, 6)
np.logaddexp({f}, {p})  # ulps({r}, 8)
{f} ** {p}              # ulps({r}, 4)
{f} ** 1.5              # ulps({r}, 4)
{f} ** 3                # ulps({r}, 4)
{f} ** r                # ulps({r}, 4)
2.0 ** {f}              # ulps({r}, 4)
np.power({f}, {p})      # ulps({r}, 4)
np.deg2rad({f})         # ulps({r}, 2)
np.linspace(0, 1, {h})  # ulps(1.0, 4)
np.linspace({s}, {h}, 5, axis=0) # ulps({r}, 4) + ulps(max(abs({s}), {h}), 4)
{f}.sum()               # sum_bound({r}, {f})
{f}.sum({axis})         # sum_bound({r}, {f}, {axis})
np.sum({f}, {axis})     # sum_bound({r}, {f}, {axis})
np.sum({f}, {axis}, dtype=np.float64) # sum_bound({r}, {f}, {axis})
np.sum({i}, {axis}, dtype=np.float32) # sum_bound({r}, {i}, {axis})
{x}.mean()              # mean_bound({r}, {x})
{x}.mean({axis})        # mean_bound({r}, {x}, {axis})
np.average({f})         # mean_bound({r}, {f})
{f}.var({axis})         # variance_bound({r}, {f}, {axis})
np.var({f})             # variance_bound({r}, {f})
np.cumsum({f}, axis={ax}) # sum_bound({r}, {f}, axis={ax}, keepdims=True) + 0 * {r}
np.sum({f} * {f}, {axis}) # sum_bound({r}, {f} * {f}, {axis})
({f} - {p}).sum()       # sum_bound({r}, {f} - {p})
np.trace({f})           # sum_bound({r}, {f})
np.prod({f})            # ulps({r}, {f}.size + 2)
{f} @ {f2}              # product_bound({r}, {f}, {f2})
{f} @ {f}.T             # product_bound({r}, {f}, {f}.T)
{f}.T @ {f}             # product_bound({r}, {f}.T, {f})
{f} @ {i}               # product_bound({r}, {f}, {i})
np.dot({f}, {f2})       # product_bound({r}, {f}, {f2})
np.einsum("ij,kj->ik", {f}, {f2}) # product_bound({r}, {f}, {f2}.T)
np.sort({f})            # 0 * np.isnan({r})
np.sort({f}, {ax})      # 0 * np.isnan({r})
np.median({x})          # ulps({r}, 1)
np.maximum.accumulate({f}) # 0 * np.isnan({r})
{t}[{key}]              # {t}_bound[{key}]
{t}.T                   # {t}_bound.T
{t}.reshape(-1)         # {t}_bound.reshape(-1)
{t}[..., None]          # {t}_bound[..., None]
{t}[::-1]               # {t}_bound[::-1]
{t}.copy()              # {t}_bound
-{t}                    # {t}_bound
abs({t})                # {t}_bound
{t} * 2                 # {t}_bound * 2 + ulps({r}, 2)
{t} + {p}               # {t}_bound + ulps({r}, 1) + ulps({t}, 1)
{p} - {t}               # {t}_bound + ulps({r}, 1) + ulps({t}, 1)
{t} * {p}               # {t}_bound * np.abs({p}.astype("f8")) + ulps({r}, 1)
{t} + {t}.T             # {t}_bound + {t}_bound.T + ulps({r}, 1)
{t}.sum({axis})         # np.sum({t}_bound, {axis}) + sum_bound({r}, {t}, {axis})
{t}.max({axis})         # np.max({t}_bound, {axis})
np.maximum({t}, {p})    # {t}_bound + 0 * np.abs({p}.astype("f8"))
np.where({b}, {t}, {p}) # {t}_bound + 0 * {b} + 0 * np.isnan({p})
{t}.astype(np.float64)  # {t}_bound
np.concatenate([{t}, {t}]) # np.concatenate([{t}_bound, {t}_bound])
np.exp({t} - {t}.max()) # np.abs({r}) * 2 * (np.max({t}_bound) + {t}_bound) + ulps({r}, 4) + ulps({t}, 1) + ulps({t}.max(), 1)
""")
    )
)

WRITES = _lines(r"""
{w}[{key}] = {s}
{w}[{key}] = {h}
{w}[{key}] += {s}
{w}[{key}] += 1
{w}[{key}] *= 2
{w}[{key}] = {x}
{w}[{key}] = {p}
{w}[{key}] -= {w}[{key}]
{w}[{key}] = {w}[{key}] + 1
{w}[{key}][...] = {bit}
{w}[{key}].T[...] += 1
{w}[...] = {x}
{w}[()] = {s}
{w} += 1
{w} *= {s}
{w} += {p}
{w} -= {p}
{w} *= {x}
{w} /= 2
{w} //= 2
{w} **= 2
{w} %= 3
{w} &= {bit}
{w} |= {p}
{w} <<= 1
{w}[0] = {w}[-1]
{w}[1:] = {w}[:-1]
{w}[:-1] = {w}[1:]
{w}[::-1] = {w}
{w}[...] = {w}[::-1]
{w}[...] = {w}.T
{w}[:] = {w}[:, ::-1]
{w}[1:] += {w}[:-1]
{w}[::2] = {w}[1::2]
{w}.T[...] *= 2
{w}.T[...] = {s}
{w}.T[0] = {s}
{w}.T[0] += {w}.T[-1]
{w}.fill({s})
{w}.reshape(-1)[::2] = {s}
{w}.ravel()[0] = {s}
{w}.flatten()[0] = {s}
np.add({w}, {s}, out={w})
np.add({w}, {p}, out={w})
np.multiply({x}, {p}, out={w})
np.subtract({w}[{key}], 1, out={w}[{key}])
np.sqrt({w}, out={w})
np.negative({w}, out={w}, where={w} > 0)
np.add({w}, 1, out={w}[...])
np.add({w}, {p}, {w})
np.maximum({w}[{key}], 0, out={w}[{key}])
np.copyto({w}, {s})
np.copyto({w}, {x})
np.copyto({w}, {p}, casting="unsafe")
np.copyto({w}, 1, where={w} > {s})
{w}[{index}] = {s}
{w}[{index}] = {p}
{w}[{index}] += 1
{w}[{index}] *= {s}
{w}[{index}, {index2}] = {s}
{w}[:, {index}] = {s}
{w}[{key}][{index}] = {s}
{w}[{w} > {s}] = {s2}
{w}[{w} > 0] += 1
{w}[{w} == {w}] *= 2
{w}[{w} != {w}] = 0
{w}[{b}] = {bit}
{w}[~{b}] = {s}
{w}[{b}] = {x}
{w}[{i}] = 1
{w}[{h}] = {s}
{w}[{h}:] = {s}
{w}[:{h}] += {s}
{w}[{h}::-1] = {bit}
{w}[-{h}:] = {bit}
{w}[{h}, ...] = {p}
np.add.at({w}, {index}, 1)
np.add.at({w}, {index}, {bit})
{wi}.sort()
{wi}.sort(axis=0)
{w}.clip(0, 1, out={w})
np.sum({i}, {axis}, out={w})
np.cumsum({wi}, out={wi})
np.fill_diagonal({w}, {s})
np.put_along_axis({w}, np.argmax({w}, axis=0, keepdims=True), 1, axis=0)
row = {w}[{key}]; row += 1
row = {w}[{key}]; row[...] = {s}
row = {w}[0]; {w}[0] = {s}; {w}[-1] = row
part = {w}[{key}].copy(); part += 1
part = {w}.reshape({shape}); part[...] = {bit}
for row in {w}: row += 1
for row in {w}: row[...] = row * 2
for row in {w}.T: row[...] = {bit}
for j in range(len({w})): {w}[j] = {w}[j - 1] + j
for j in range({w}.shape[0]): {w}[j] = j
for j in range(1, {h}): {w}[j % len({w})] += {w}[j - 1 if j < len({w}) else 0]
for j, row in enumerate({w}): row *= j
{w}[0], {w}[-1] = {w}[-1], {w}[0]
{w}[0], {w}[-1] = {w}[-1].copy(), {w}[0].copy()
{w} -= {w}[0]
{w} += {w}.T
{w} += {w}[::-1]
{w}.T[...] += {w}
{w}[:] = {w} if {h} > 2 else {bit}
if {h} > {few}: {w}[0] = {s}
if flag: {w} += 1
if {h} == 3: {w}[...] = {bit}
""")

BLOCKS = tuple(
    block.strip("\n")
    for block in r"""
if {h} > {few}:
    {v} = {E}
else:
    {v} = {x}
---
if flag:
    {v} = {x} + 1
elif {h} > 2:
    {v} = {x}
else:
    {v} = {E}
---
if r > 0.25:
    {v} = {x} * r
else:
    {v} = {x} - r
---
{v} = {x}
for j in range({few}):
    {v} = {v} + {p} * j
---
{v} = {x}
for j in range({h}):
    {v} = {v} * 2 - j
---
{v} = {x}.copy()
for j in range({h}):
    {v}[j % {v}.shape[0]] += j
---
{v} = {x} * 0
for row in {x}:
    {v} = {v} + row
---
def inner(y, z={s}):
    return y + {x} * z
{v} = inner({p})
---
def inner(y):
    nonlocal_total = y + {x}
    def innermost():
        return nonlocal_total * 2
    return innermost()
{v} = inner({p})
---
{v} = {x}
while {v}.ndim < 3:
    {v} = {v}[None]
---
try:
    {v} = {E}
except ValueError:
    {v} = {x}
---
{v} = {x}
j = 0
while j < {h}:
    {v} = {v} + j
    j += {few}
---
{v} = np.zeros(({h}, {h2}))
for j in range({v}.shape[0]):
    {v}[j, :] = j
---
{v} = np.zeros_like({x})
for j in range(len({x})):
    {v}[j] = {x}[len({x}) - 1 - j]
---
total = 0
for size in {x}.shape:
    total += size
{v} = {x} + total
---
{v} = {x}
for j in reversed(range(1, {h})):
    {v} = {v} // j
---
parts = {'p': {x}, 'q': [{p}, {s}]}
{v} = parts['p'] + parts['q'][0] * parts['q'][1]
---
{v}, other = {x}, {p}
{v} = {v} + other
---
{v} = np.empty({x}.shape)
{v}[...] = {x}
{v}[::2] += 1
---
assert {h} >= 0
{v} = {x}
---
{v} = [{x}, {p}]
{v}.append({v}[0] + {v}[1])
{v} = {v}[-1]
---
first, *rest = {x}
{v} = first + len(rest)
---
{v} = helper({x})
---
{v} = helper({x}, {h}) + helper({p})
---
table = {j: {x} * j for j in range({few} + 1)}
{v} = sum(table.values())
---
{v} = np.zeros({x}.shape, {d})
with np.errstate(all="ignore"):
    {v}[...] = {x} > 0
---
{v} = {x}.copy()
view = {v}[{key}]
{v} += 1
view[...] = view * 2
---
{v} = {x}.copy()
left, right = {v}[: {h}], {v}[{h} :]
left += 1
right -= {few}
---
{v} = np.empty((3, *{x}.shape), {x}.dtype)
for j in range(3):
    np.add({x}, j, out={v}[j], casting="unsafe")
---
{v} = np.ones({h})
for j in range(1, len({v})):
    {v}[j] = {v}[j - 1] * 0.5 + {bit}
""".split("---")
)

# What NumPy leaves undefined.
FORBIDDEN = ("where={x} > 0",)
