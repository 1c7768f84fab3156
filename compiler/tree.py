"""Functions of nested data, one leaf at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock.frontend.tracer import current_tracer
from penstock.ir.errors import StructureError
from penstock.ir.location import user_location
from penstock.runtime.pytree import Structure, flatten, unflatten

__all__ = ["tree_leaves", "tree_map"]


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves of nested data, in order.

    Args:
        tree: tuples, lists, dicts, dataclass instances, NamedTuples and ``None``, in
            any nesting; whatever else there is, is a leaf.

    Example:
        >>> import penstock as ps
        >>> ps.tree_leaves({"w": 1, "rest": (2, None, [3])})
        [1, 2, 3]
    """
    return _taken_apart(tree)[0]


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Nested data with a function applied to each leaf.

    Args:
        function: of a leaf, or of one leaf of each tree.
        tree: nested data, as ``tree_leaves`` takes it.
        *others: more of them, nested as the first is.

    Returns:
        What the function returned, nested as ``tree`` is.

    Raises:
        StructureError: the trees are not nested alike.

    Example:
        >>> import penstock as ps
        >>> ps.tree_map(lambda p, g: p - g, {"w": 5, "b": (2,)}, {"w": 3, "b": (4,)})
        {'w': 2, 'b': (-2,)}
    """
    leaves, structure = _taken_apart(tree)
    columns = [leaves]
    for other in others:
        more, own = _taken_apart(other)
        if own != structure:
            raise StructureError(
                user_location(),
                f"tree_map: trees differ: {structure!r} and {own!r}",
                code="tree-mismatch",
                hint="all trees must have the same nesting, with the same keys in the "
                "same order",
            )
        columns.append(more)
    return unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def _taken_apart(tree: Any) -> tuple[list[Any], Structure]:
    tracer = current_tracer()
    return flatten(tree if tracer is None else tracer.plain(tree))
