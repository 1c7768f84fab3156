"""Writing to a part of an array where it lies: a Kernel that goes through that part."""

from __future__ import annotations

from penstock.ir.dims import product
from penstock.ir.graph.value import Value
from penstock.ir.loop.node import Scalar
from penstock.lower.cluster import Cluster, KernelLaunch, each_element
from penstock.lower.schedule import BLOCK, element_cost

__all__ = ["lower_update", "updated_array"]

_PART = ("start", "step", "size")


def updated_array(cluster: Value) -> Value | None:
    """The parameter of a cluster's body of which it only writes a part.

    Of that array it may read, beside, no more than the elements that it writes.
    """
    (body,) = cluster.regions
    if cluster.attributes["kind"] != "map" or len(body.results) != 1:
        return None
    (update,) = body.results
    if not update.is_op("update_slice"):
        return None
    array, new = update.operands
    if array not in body.parameters or new is array:
        return None
    users = [user for user in body.uses()[array] if user is not update]
    part = [update.attributes[name] for name in _PART]
    same = all(
        user.is_op("slice") and [user.attributes[name] for name in _PART] == part
        for user in users
    )
    return array if same else None


def lower_update(cluster: Cluster) -> KernelLaunch:
    """The Kernel that writes a part of its result, which lies where the array does.

    Args:
        cluster: of which ``updated_array`` finds an array.
    """
    (update,) = cluster.body.results
    array, new = update.operands
    writer = cluster.start()
    builder = writer.builder
    result = writer.result(0, "inout")
    writer.elements.buffers[array] = result
    start, step, shape = (update.attributes[name] for name in _PART)
    zero = builder.size(0)

    def store(loops: list[Scalar]) -> None:
        rest = iter(loops)
        indices = [zero if size == 1 else next(rest) for size in shape]
        (element,) = writer.elements.elements([(new, indices)])
        place = [
            index * builder.size(stride) + builder.size(first)
            for index, stride, first in zip(indices, step, start, strict=True)
        ]
        builder.store(result, place, element)

    loops = [size for size in shape if size != 1]
    each_element(builder, loops, BLOCK, store)
    each = element_cost(cluster.flops(), len(cluster.body.parameters) + 1)
    return writer.finish(each * BLOCK if loops else each, each * product(loops))
