"""Bytes of memory that graphs read and write, before fusion and after."""

from collections.abc import Mapping, Sequence

from penstock.ir.dims import evaluate_dim
from penstock.ir.graph.value import Function, Value
from penstock.ir.ops.families import Elementwise, Movement, Reduction
from penstock.ir.types import TensorType

_VIEWS = frozenset({"slice", "transpose", "broadcast_to", "reshape"})


class Traffic:
    """Counts bytes for some sizes; single elements count for nothing."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes

    def bytes_of(self, type_: TensorType) -> int:
        if all(size == 1 for size in type_.shape):
            return 0
        return evaluate_dim(type_.size, self.sizes) * type_.dtype.itemsize

    def fused(self, function: Function) -> int:
        """What the clusters of a fused Function read and write."""
        total = 0
        for value in function.values:
            if value.is_op("cluster"):
                (body,) = value.regions
                total += sum(self.bytes_of(result.tensor) for result in body.results)
                total += self.read(body)
        return total

    def read(self, body: Function) -> int:
        """What a cluster reads: of an array seen through slices, only these."""
        uses = body.uses()
        demand: dict[Value, int] = {}
        for value in [*reversed(body.values), *body.parameters]:
            whole = self.bytes_of(value.tensor)
            users = uses[value]
            views = all(user.op.name in _VIEWS for user in users)
            if value in body.results or not views:
                demand[value] = whole
            else:
                demand[value] = min(whole, sum(demand[user] for user in users))
        return sum(demand[parameter] for parameter in body.parameters)

    def unfused(self, function: Function) -> int:
        """What it takes if each Value is stored, shapes and constants apart."""
        total = 0
        for value in function.values:
            if value.op.name in ("const", "reshape"):
                continue
            own = self.bytes_of(value.tensor)
            total += own
            for operand in dict.fromkeys(value.operands):
                whole = self.bytes_of(operand.tensor)
                total += min(whole, own) if value.op.name in _VIEWS else whole
        return total + self.copies(function.results)

    def copies(self, results: Sequence[Value]) -> int:
        """What it takes to give each result memory of its own."""
        total = 0
        taken: set[Value] = set()
        for result in results:
            base = result
            while base.is_op("reshape"):
                (base,) = base.operands
            if base in taken or base.op.name in ("parameter", "const"):
                total += 2 * self.bytes_of(result.tensor)
            taken.add(base)
        return total


def broken_rule(cluster: Value) -> str | None:
    """What makes a cluster one that no loops can compute, if anything does."""
    from penstock.ir.graph.mapping import operand_mappings

    (body,) = cluster.regions
    loops = cluster.attributes["loops"]
    inner = set(cluster.attributes["inner"])
    for value in body.values:
        if not issubclass(value.op, (Elementwise, Movement)):
            continue
        for operand, mapping in zip(value.operands, operand_mappings(value),
                                    strict=True):  # fmt: skip
            is_array = operand.shape != () and operand.op.family != "create"
            is_view = operand.op.name in (*_VIEWS, "parameter")
            if mapping is None and is_array and not is_view:
                return f"{value} reads {operand} of the same cluster elsewhere"
    reductions = [v for v in body.values if issubclass(v.op, Reduction)]
    lanes = [
        *zip(body.results, cluster.attributes["results"], strict=True),
        *zip((r.operands[0] for r in reductions), cluster.attributes["reductions"],
             strict=True),
    ]  # fmt: skip
    for value, lane in lanes:
        for size, loop in zip(value.shape, lane, strict=True):
            if (size == 1) != (loop is None) or (loop is not None
                                                 and loops[loop] != size):  # fmt: skip
                return f"{value} does not lie along {lane} of {loops}"
    for reduction, lane in zip(
        reductions, cluster.attributes["reductions"], strict=True
    ):
        axes = reduction.attributes["axes"]
        if {lane[axis] for axis in axes} - {None} != inner:
            return f"{reduction} does not reduce the inner loops"
    return None
