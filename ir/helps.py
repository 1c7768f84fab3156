"""What to do about an error whose code always asks for the same.

A message whose help hangs on more than its code passes that as ``hint``.
"""

from __future__ import annotations

__all__ = ["HELPS"]

HELPS = {
    "artifact": "save the compiled function itself: f.save(path, *args)",
    "artifact-damaged": "save it again, or copy it again from where it is whole",
    "artifact-machine": "save it again on a machine of this kind",
    "artifact-version": "save it again with this one",
    "bad-threads": "give 1 or more, or leave it out",
    "bad-setting": "leave it out for the default",
    "batching": "go along the axis in a loop: ps.scan",
    "derivative": "give the function around it a rule: ps.custom_jvp",
    "forked": "end the child within the handler: os._exit(0), or os.execv",
    "index-out-of-bounds": "check indices before, or clip them: np.clip(i, 0, n - 1)",
    "integer-power": "make the base floating: x.astype(float)",
    "load": "run `penstock doctor`, which says what this machine lacks",
    "negative-size": "make sure that sizes and counts are 0 or more: max(n, 0)",
    "no-elements": "give the result of no elements: initial=0",
    "not-an-artifact": "f.save(path, *args) writes one, of a compiled function f",
    "not-compiled": "without native code: `penstock run` of its text",
    "not-on-cuda": "run it on the CPU",
    "out-of-memory": "use fewer turns, or checkpoint=True of the loop",
    "params-damaged": "save it again with ps.save_params, or copy it again",
    "params-mismatch": "pass parameters nested, shaped and typed as those in the file",
    "thread-count": "give 1 or more, or leave it out for all processors",
    "unknown-option": "leave it out",
    "unset-field": "set it before the call",
    "unsupported-argument": "leave it out, or compute that outside and pass it in",
    "unsupported-function": (
        "compute it outside the compiled function and pass the result in"
    ),
    "unsupported-builtin": "write the code itself into the function",
    "unsupported-class": "leave out __slots__, or pass what it holds as arguments",
    "wrong-result": "please report it, with the program",
}
"""By code, in the words that users read after ``help:`` and in docs/errors.md."""
