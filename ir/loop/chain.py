"""Loops within each other that go on with the same sums."""

from __future__ import annotations

from penstock.ir.loop.node import For, Let, Load

__all__ = ["chain_of"]


def chain_of(loop: For) -> list[For]:
    """Loops within each other that only combine into the same carried values.

    The innermost is a vector loop, whose lanes need to be joined only after the
    outermost. Empty where no such chain begins with the loop.
    """
    chain = [loop]
    while chain[-1].kind != "vector":
        outer = chain[-1]
        inner = [s for s in outer.body.statements if not isinstance(s, Let | Load)]
        following = inner[0] if len(inner) == 1 else None
        if not isinstance(following, For) or not _goes_on(outer, following):
            return []
        chain.append(following)
    return chain


def _goes_on(outer: For, inner: For) -> bool:
    return 0 < len(outer.carries) == len(inner.carries) and all(
        carry.combine is not None
        and carry.combine == following.combine
        and carry.parameter is following.initial
        and carry.update is following.result
        for carry, following in zip(outer.carries, inner.carries, strict=True)
    )
