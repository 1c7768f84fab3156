"""Parameters in files, in the format of safetensors."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from penstock.ir.errors import ArtifactError, MissingPackageError, StructureError
from penstock.ir.location import user_location
from penstock.ir.wording import with_article
from penstock.runtime.pytree import Structure, flatten, unflatten
from penstock.runtime.writing import write_whole

__all__ = ["load_params", "save_params"]

# What the file says of how its arrays nest.
_STRUCTURE = "penstock.structure"


def save_params(path: str | os.PathLike[str], parameters: Any) -> None:
    """Write nested arrays to a file that other frameworks read too.

    The file is in the format of safetensors: names and numbers, nothing that runs.
    Nesting makes the names: ``{"first": {"bias": b}}`` is written as ``first.bias``.
    The file appears whole, or not at all. The package ``safetensors`` is needed, which
    ``pip install 'penstock[safetensors]'`` brings.

    Args:
        path: of the file.
        parameters: nested arrays and numbers.

    Raises:
        StructureError: a leaf is no array of numbers, or two have the same name.
        ImportError: the package is not there.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile, os
        >>> import numpy as np
        >>> import penstock as ps
        >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
        >>> ps.save_params(path, {"first": {"bias": np.zeros(2)}, "rate": [0.5]})
        >>> ps.load_params(path)
        {'first': {'bias': array([0., 0.])}, 'rate': [array(0.5)]}
    """
    safetensors = _package()
    leaves, structure = flatten(parameters)
    arrays: dict[str, np.ndarray] = {}
    for name, leaf in zip(_names(structure), leaves, strict=True):
        array = np.asarray(leaf)
        if array.dtype.kind not in "biuf" and array.dtype.name != "bfloat16":
            raise StructureError(
                user_location(),
                f"save_params: {name} is {with_article(type(leaf).__name__)} of "
                f"{array.dtype}, not an array of numbers",
                code="unsaved-leaf",
                hint="leave it out, or save it elsewhere",
            )
        if name in arrays:
            raise StructureError(
                user_location(),
                f"save_params: two arrays would have the name {name!r}",
                code="unsaved-leaf",
                hint="use keys without dots",
            )
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    try:
        form = structure.to_json()
    except ArtifactError:
        # Read back with like=.
        form = None
    metadata = {} if form is None else {_STRUCTURE: json.dumps(form)}
    write_whole(path, safetensors.numpy.save(arrays, metadata))


def load_params(path: str | os.PathLike[str], like: Any = None) -> Any:
    """Read nested arrays from a file: see ``save_params``.

    Args:
        path: of a file in the format of safetensors, by whomever it was written.
        like: nested arrays whose nesting, shapes and dtypes the file must have.

    Returns:
        The arrays, nested as they were saved or as ``like`` is; a dict from name to
        array if the file does not say how they nest. Numbers are arrays without axes.

    Raises:
        ArtifactError: the file is damaged, or not in this format.
        StructureError: it does not hold what ``like`` holds.
        OSError: it cannot be read.
    """
    safetensors = _package()
    with open(path, "rb"):
        pass  # what is wrong with the path is an OSError, not an error of the format
    try:
        with safetensors.safe_open(os.fspath(path), "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, TypeError, KeyError, ValueError) as error:
        raise ArtifactError(
            user_location(),
            f"{os.fspath(path)} is not a whole file of safetensors: {error}",
            code="params-damaged",
        ) from None
    if like is not None:
        return _like(arrays, like, path)
    if _STRUCTURE not in metadata:
        return arrays
    try:
        structure = Structure.from_json(json.loads(metadata[_STRUCTURE]))
    except (ArtifactError, ValueError, RecursionError):
        structure = None
    if structure is None or sorted(_names(structure)) != sorted(arrays):
        raise ArtifactError(
            user_location(),
            f"{os.fspath(path)} says of its arrays what does not hold",
            code="params-damaged",
            hint="pass like= with arrays nested as they should be",
        )
    return unflatten(structure, [arrays[name] for name in _names(structure)])


def _like(
    arrays: dict[str, np.ndarray], like: Any, path: str | os.PathLike[str]
) -> Any:
    leaves, structure = flatten(like)
    names = _names(structure)
    problems = [f"{name} is missing" for name in names if name not in arrays]
    problems += [f"{name} is not wanted" for name in arrays if name not in names]
    for name, leaf in zip(names, leaves, strict=True):
        have, want = arrays.get(name), np.asarray(leaf)
        # The file knows no byte order but its own, which loading undoes.
        want = want.astype(want.dtype.newbyteorder("="), copy=False)
        if have is not None and (have.shape, have.dtype) != (want.shape, want.dtype):
            wanted = f"{want.dtype}{[*want.shape]}"
            problems.append(f"{name} is {have.dtype}{[*have.shape]}, not {wanted}")
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise StructureError(
            user_location(),
            f"load_params: in {os.fspath(path)} {', '.join(problems[:3])}{more}",
            code="params-mismatch",
        )
    return unflatten(structure, [arrays[name] for name in names])


def _names(structure: Structure) -> list[str]:
    """A name for each leaf: the keys, fields and numbers on the way, with dots."""
    return [name or "value" for name in _paths(structure)]


def _paths(structure: Structure) -> list[str]:
    if structure.kind == "leaf":
        return [""]
    if structure.kind in ("tuple", "list", "none"):
        steps = [str(index) for index in range(len(structure.children))]
    else:
        steps = [str(key) for key in structure.keys]
    return [
        f"{step}.{rest}" if rest else step
        for step, child in zip(steps, structure.children, strict=True)
        for rest in _paths(child)
    ]


def _package() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise MissingPackageError(
            user_location(),
            "save_params and load_params need the package safetensors",
            hint="pip install 'penstock[safetensors]'",
        ) from None
    return safetensors
