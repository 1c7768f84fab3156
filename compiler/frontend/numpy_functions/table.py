"""Which function stands for which NumPy callable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from penstock.frontend.numpy_functions import (
    applying,
    contraction,
    convolving,
    creation,
    cumulative,
    filling,
    joining,
    nan_functions,
    nan_ranking,
    norms,
    numerics,
    of_sizes,
    padding,
    ranges,
    ranking,
    reductions,
    selecting,
    shaping,
    sorting,
    statistics,
)
from penstock.ir.location import is_user_code

__all__ = ["ALWAYS", "FUNCTIONS", "implementation_of"]

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.array: creation.array,
    np.asarray: creation.asarray,
    np.asanyarray: creation.asanyarray,
    np.ascontiguousarray: creation.ascontiguousarray,
    np.copy: creation.copy,
    np.zeros: creation.zeros,
    np.ones: creation.ones,
    np.empty: creation.empty,
    np.full: creation.full,
    np.zeros_like: creation.zeros_like,
    np.ones_like: creation.ones_like,
    np.empty_like: creation.empty_like,
    np.full_like: creation.full_like,
    np.arange: ranges.arange,
    np.linspace: ranges.linspace,
    np.logspace: ranges.logspace,
    np.eye: creation.eye,
    np.identity: creation.identity,
    np.tri: creation.tri,
    np.tril: creation.tril,
    np.triu: creation.triu,
    np.diag: creation.diag,
    np.diagflat: creation.diagflat,
    np.diagonal: creation.diagonal,
    np.linalg.diagonal: lambda x, /, *, offset=0: creation.diagonal(x, offset, -2, -1),
    np.meshgrid: creation.meshgrid,
    np.indices: creation.indices,
    np.fromfunction: creation.fromfunction,
    np.vander: creation.vander,
    np.reshape: shaping.reshape,
    np.ravel: shaping.ravel,
    np.transpose: shaping.transpose,
    np.matrix_transpose: shaping.matrix_transpose,
    np.linalg.matrix_transpose: shaping.matrix_transpose,
    np.swapaxes: shaping.swapaxes,
    np.moveaxis: shaping.moveaxis,
    np.rollaxis: shaping.rollaxis,
    np.expand_dims: shaping.expand_dims,
    np.squeeze: shaping.squeeze,
    np.broadcast_to: shaping.broadcast_to,
    np.broadcast_arrays: shaping.broadcast_arrays,
    np.concatenate: joining.concatenate,
    np.stack: joining.stack,
    np.vstack: joining.vstack,
    np.hstack: joining.hstack,
    np.dstack: joining.dstack,
    np.column_stack: joining.column_stack,
    np.atleast_1d: shaping.atleast_1d,
    np.atleast_2d: shaping.atleast_2d,
    np.atleast_3d: shaping.atleast_3d,
    np.split: joining.split,
    np.array_split: joining.array_split,
    np.hsplit: joining.hsplit,
    np.vsplit: joining.vsplit,
    np.dsplit: joining.dsplit,
    np.flip: joining.flip,
    np.fliplr: joining.fliplr,
    np.flipud: joining.flipud,
    np.rot90: joining.rot90,
    np.roll: joining.roll,
    np.tile: joining.tile,
    np.repeat: joining.repeat,
    np.append: joining.append,
    np.delete: joining.delete,
    np.copyto: shaping.copyto,
    np.put: filling.put,
    np.putmask: filling.putmask,
    np.place: filling.place,
    np.resize: filling.resize,
    np.apply_along_axis: applying.apply_along_axis,
    np.apply_over_axes: applying.apply_over_axes,
    np.unwrap: numerics.unwrap,
    np.shape: shaping.shape,
    np.ndim: shaping.ndim,
    np.size: shaping.size,
    np.sum: reductions.sum_,
    np.prod: reductions.prod,
    np.max: reductions.max_,
    np.min: reductions.min_,
    np.any: reductions.any_,
    np.all: reductions.all_,
    np.argmax: reductions.argmax,
    np.argmin: reductions.argmin,
    np.cumsum: cumulative.cumsum,
    np.mean: reductions.mean,
    np.var: reductions.var,
    np.std: reductions.std,
    np.quantile: ranking.quantile,
    np.percentile: ranking.percentile,
    np.lib.stride_tricks.sliding_window_view: ranking.sliding_window_view,
    np.average: reductions.average,
    np.ptp: reductions.ptp,
    np.count_nonzero: reductions.count_nonzero,
    np.median: ranking.median,
    np.where: selecting.where,
    np.select: selecting.select,
    np.choose: selecting.choose,
    np.piecewise: selecting.piecewise,
    np.clip: selecting.clip,
    np.take: selecting.take,
    np.take_along_axis: selecting.take_along_axis,
    np.put_along_axis: selecting.put_along_axis,
    np.sort: selecting.sort,
    np.argsort: sorting.argsort,
    np.lexsort: sorting.lexsort,
    np.partition: sorting.partition,
    np.argpartition: sorting.argpartition,
    np.bincount: sorting.bincount,
    np.histogram: sorting.histogram,
    np.histogram_bin_edges: sorting.histogram_bin_edges,
    np.searchsorted: sorting.searchsorted,
    np.digitize: sorting.digitize,
    np.interp: sorting.interp,
    np.isin: sorting.isin,
    np.isclose: selecting.isclose,
    np.allclose: selecting.allclose,
    np.array_equal: selecting.array_equal,
    np.nan_to_num: selecting.nan_to_num,
    np.fill_diagonal: selecting.fill_diagonal,
    np.isneginf: selecting.isneginf,
    np.isposinf: selecting.isposinf,
    np.isscalar: selecting.isscalar,
    np.dot: contraction.dot,
    np.vdot: contraction.vdot,
    np.inner: contraction.inner,
    np.outer: contraction.outer,
    np.linalg.outer: contraction.linalg_outer,
    np.linalg.matmul: contraction.matmul,
    np.linalg.vecdot: contraction.vecdot,
    np.tensordot: contraction.tensordot,
    np.linalg.tensordot: contraction.tensordot,
    np.kron: contraction.kron,
    np.trace: contraction.trace,
    np.linalg.trace: lambda x, /, *, offset=0, dtype=None: contraction.trace(
        x, offset, -2, -1, dtype
    ),
    np.cross: contraction.cross,
    np.linalg.cross: contraction.linalg_cross,
    np.einsum: contraction.einsum,
    np.convolve: convolving.convolve,
    np.correlate: convolving.correlate,
    np.pad: padding.pad,
    np.diff: numerics.diff,
    np.ediff1d: numerics.ediff1d,
    np.gradient: numerics.gradient,
    np.trapezoid: numerics.trapezoid,
    np.round: numerics.round_,
    np.fix: numerics.fix,
    np.sinc: numerics.sinc,
    np.real: numerics.real,
    np.imag: numerics.imag,
    np.angle: numerics.angle,
    np.isreal: numerics.isreal,
    np.iscomplex: numerics.iscomplex,
    np.isrealobj: numerics.isrealobj,
    np.iscomplexobj: numerics.iscomplexobj,
    np.nansum: nan_functions.nansum,
    np.nanprod: nan_functions.nanprod,
    np.nanmax: nan_functions.nanmax,
    np.nanmin: nan_functions.nanmin,
    np.nanmean: nan_functions.nanmean,
    np.nanvar: nan_functions.nanvar,
    np.nanstd: nan_functions.nanstd,
    np.nancumsum: nan_functions.nancumsum,
    np.nancumprod: cumulative.nancumprod,
    np.nanargmax: cumulative.nanargmax,
    np.nanargmin: cumulative.nanargmin,
    np.nanmedian: nan_ranking.nanmedian,
    np.nanquantile: nan_ranking.nanquantile,
    np.nanpercentile: nan_ranking.nanpercentile,
    np.cumprod: cumulative.cumprod,
    np.cov: statistics.cov,
    np.corrcoef: statistics.corrcoef,
    np.polyval: statistics.polyval,
    np.polyder: statistics.polyder,
    np.polyint: statistics.polyint,
    np.polymul: statistics.polymul,
    np.polyadd: statistics.polyadd,
    np.unravel_index: statistics.unravel_index,
    np.ravel_multi_index: statistics.ravel_multi_index,
    np.compress: statistics.compress,
    np.extract: statistics.extract,
    np.block: statistics.block,
    np.result_type: numerics.result_type,
    np.can_cast: numerics.can_cast,
    np.hanning: of_sizes.hanning,
    np.hamming: of_sizes.hamming,
    np.blackman: of_sizes.blackman,
    np.bartlett: of_sizes.bartlett,
    np.kaiser: of_sizes.kaiser,
    np.triu_indices: of_sizes.triu_indices,
    np.tril_indices: of_sizes.tril_indices,
    np.triu_indices_from: of_sizes.triu_indices_from,
    np.tril_indices_from: of_sizes.tril_indices_from,
    np.diag_indices: of_sizes.diag_indices,
    np.linalg.norm: norms.norm,
    np.linalg.vector_norm: norms.vector_norm,
    np.linalg.matrix_norm: norms.matrix_norm,
    np.linalg.matrix_power: norms.matrix_power,
    np.linalg.multi_dot: norms.multi_dot,
}

# What NumPy 2.0 has not.
for _name, _function in (
    ("astype", numerics.astype),
    ("cumulative_prod", cumulative.cumulative_prod),
    ("cumulative_sum", cumulative.cumulative_sum),
    ("unstack", joining.unstack),
):
    if hasattr(np, _name):
        FUNCTIONS[getattr(np, _name)] = _function

# Aliases that may be functions of their own.
for _alias, _name in (
    ("amax", "max"), ("amin", "min"), ("around", "round"), ("concat", "concatenate"),
    ("permute_dims", "transpose"),
):  # fmt: skip
    if hasattr(np, _alias):
        FUNCTIONS[getattr(np, _alias)] = FUNCTIONS[getattr(np, _name)]


def _is_numpys(function: Any) -> bool:
    """Whether a callable is NumPy's own: not one that was put into its place."""
    module = getattr(function, "__module__", None)
    code = getattr(function, "__code__", None)
    return (
        isinstance(module, str)
        and module.partition(".")[0] == "numpy"
        and (code is None or not is_user_code(code))
    )


# What stands for functions in whose place there was another when this was imported,
# as while tests patch NumPy.
_FOREIGN = [key for key in FUNCTIONS if not _is_numpys(key)]
_REPLACED: dict[tuple[str, str], Callable[..., Any]] = {
    (module.__name__, name): FUNCTIONS[key]
    for key in _FOREIGN
    for module in (np, np.linalg, np.lib.stride_tricks)
    for name, function in vars(module).items()
    if function is key
}
for _key in _FOREIGN:
    del FUNCTIONS[_key]

ALWAYS: frozenset[Any] = frozenset(
    (
        np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.copy, np.zeros,
        np.ones, np.empty, np.full, np.arange, np.linspace, np.eye, np.identity,
        np.tri, np.indices, np.fromfunction, np.zeros_like, np.ones_like,
        np.empty_like, np.full_like, np.meshgrid,
    )
)  # fmt: skip
"""Functions that give traced arrays whatever they are given: arrays are written to."""

# SciPy is not imported for its functions: they are known by module and name.
_SCIPY: dict[tuple[str, str], Callable[..., Any]] = {
    ("scipy.signal", "convolve"): convolving.signal_convolve,
    ("scipy.signal", "correlate"): convolving.signal_correlate,
    ("scipy.special", "softmax"): norms.softmax,
    ("scipy.special", "log_softmax"): norms.log_softmax,
    ("scipy.special", "logsumexp"): norms.logsumexp,
}


def implementation_of(function: Any) -> Callable[..., Any] | None:
    """What stands for a callable of NumPy or SciPy, or ``None``."""
    try:
        found = FUNCTIONS.get(function)
    except TypeError:
        return None
    if found is None:
        module = getattr(function, "__module__", None) or ""
        if _REPLACED and _is_numpys(function):
            return _REPLACED.get((module, function.__name__))
        if module.startswith("scipy."):
            package = ".".join(module.split(".")[:2])
            return _SCIPY.get((package, function.__name__))
    return found
