"""The file format: what is written comes back, and nothing damaged is read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ir.errors import ArtifactError, IndexOutOfBoundsError, RunError
from penstock.ir.location import Location
from penstock.runtime import artifact as artifact_module
from penstock.runtime.artifact import (
    SHARED_OBJECT,
    Artifact,
    ErrorEntry,
    array_form,
    array_from_form,
    sha256,
)
from penstock.runtime.machine import Machine, host

_ENTRIES = (
    ErrorEntry(
        "index-out-of-bounds",
        "index {value} is out of bounds for axis 0 with size n",
        "IndexOutOfBoundsError",
        Location("elsewhere.py", 12, 4, 8),
        "check it",
    ),
    ErrorEntry("run", "it failed"),
)


def _artifact(**changes):
    parts = {
        "name": "gelu",
        "machine": host(),
        "errors": _ENTRIES,
        "guards": ("n == m", "n >= 2"),
        "signature": {"parameters": ["x"]},
        "facts": {"kernels": 1, "note": "äöü"},
        "parts": {SHARED_OBJECT: b"\x7fELF" + bytes(100), "captured.0": b"", "z": b"1"},
    }
    return Artifact(**parts | changes)


def test_an_artifact_comes_back_whole():
    assert Artifact.from_bytes(_artifact().to_bytes()) == _artifact()


def test_equal_artifacts_have_equal_bytes():
    one = _artifact()
    other = _artifact(
        parts=dict(reversed(one.parts.items())),
        facts=dict(reversed(one.facts.items())),
    )
    assert one.to_bytes() == other.to_bytes()


def test_the_digest_is_sha256():
    # FIPS 180-4, the example of one block.
    assert sha256(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_parts_are_aligned():
    data = _artifact().to_bytes()
    assert data.index(b"\x7fELF") % 64 == 0


_DATA = _artifact().to_bytes()


@given(st.integers(0, len(_DATA) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(position, difference):
    damaged = bytearray(_DATA)
    damaged[position] ^= difference
    with pytest.raises(ArtifactError):
        Artifact.from_bytes(bytes(damaged))


@given(st.integers(0, len(_DATA) - 1))
def test_any_shortened_file_is_noticed(length):
    with pytest.raises(ArtifactError):
        Artifact.from_bytes(_DATA[:length])


def test_a_lengthened_file_is_noticed():
    with pytest.raises(ArtifactError, match="damaged: it has"):
        Artifact.from_bytes(_DATA + b"\0")


def _forged(change):
    """A file with a right checksum whose description was changed."""
    length = int.from_bytes(_DATA[24:32], "little")
    description = json.loads(_DATA[64 : 64 + length])
    change(description)
    text = json.dumps(description).encode()
    text += b" " * (-(len(text) - length) % 64)
    rest = _DATA[64 + length :]
    total = 64 + len(text) + len(rest)
    head = _DATA[:16] + total.to_bytes(8, "little") + len(text).to_bytes(8, "little")
    body = text + rest
    return head + sha256(head + body) + body


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("name"),
        lambda d: d.update(parts=[["code", -1]]),
        lambda d: d.update(parts=[["code", 1 << 40]]),
        lambda d: d.update(parts=[["other", 104]]),
        lambda d: d.update(errors=[["code", "message"]]),
        lambda d: d.update(errors=[["code", "message", "SystemExit", None, None]]),
        lambda d: d.update(errors=[["code", "message", "TypeRuleError", None, None]]),
        lambda d: d.update(guards=3),
        lambda d: d.update(machine=None),
        lambda d: d.update(signature=1),
    ],
)
def test_a_description_that_makes_no_sense(change):
    with pytest.raises(ArtifactError) as caught:
        Artifact.from_bytes(_forged(change))
    assert caught.value.code == "artifact-damaged"


def test_a_forged_file_is_as_good_as_any():
    Artifact.from_bytes(_forged(lambda d: None))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", bytes(200), b"\x7fELF" * 50])
def test_other_files(data):
    with pytest.raises(ArtifactError) as caught:
        Artifact.from_bytes(data, "model.pns")
    assert str(caught.value) == (
        "error: model.pns is not a Penstock artifact [not-an-artifact]\n"
        "  help: f.save(path, *args) writes one, of a compiled function f"
    )


def test_the_message_of_damage():
    with pytest.raises(ArtifactError) as caught:
        Artifact.from_bytes(_DATA[:-1] + b"\xff", "model.pns")
    assert str(caught.value) == (
        "error: model.pns is damaged: its checksum is wrong [artifact-damaged]\n"
        "  help: save it again, or copy it again from where it is whole"
    )


def test_another_version(monkeypatch):
    monkeypatch.setattr(artifact_module, "ABI_VERSION", 99)
    data = _artifact().to_bytes()
    monkeypatch.undo()
    with pytest.raises(ArtifactError) as caught:
        Artifact.from_bytes(data, "model.pns")
    assert str(caught.value) == (
        "error: model.pns was made by another version of Penstock "
        "[artifact-version]\n  help: save it again with this one"
    )


def test_a_machine_with_other_features():
    here = host()
    machine = Machine(
        here.architecture, here.system, "x86-64-v9", here.features | {"avx9999"}
    )
    with pytest.raises(ArtifactError) as caught:
        Artifact.from_bytes(_artifact(machine=machine).to_bytes(), "model.pns")
    assert str(caught.value) == (
        "error: model.pns was made for x86-64-v9 and uses avx9999, which this "
        f"processor ({here.cpu}) lacks [artifact-machine]\n"
        "  help: save it under a lower PENSTOCK_TARGET, e.g. x86-64-v3"
    )


def test_another_architecture():
    machine = Machine("riscv64", "linux", "generic", frozenset())
    with pytest.raises(ArtifactError, match="made for riscv64 linux, and this is"):
        Artifact.from_bytes(_artifact(machine=machine).to_bytes())


def test_a_machine_with_fewer_features_is_served():
    here = host()
    machine = Machine(here.architecture, here.system, "lesser", frozenset())
    made = _artifact(machine=machine)
    assert Artifact.from_bytes(made.to_bytes()) == made


def test_errors_name_the_value_and_the_line():
    error = _ENTRIES[0].error(77)
    assert type(error) is IndexOutOfBoundsError
    assert str(error) == (
        "elsewhere.py:12:5: error: index 77 is out of bounds for axis 0 with size n "
        "[index-out-of-bounds]\n  help: check it"
    )
    assert type(_ENTRIES[1].error(0)) is RunError


def test_a_message_is_no_format():
    entry = ErrorEntry("run", "{value.__class__} {0}")
    assert entry.error(1).message == "{value.__class__} {0}"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(3, np.int8),
        np.zeros((0, 4), np.complex64),
    ],
    ids=str,
)
def test_arrays_in_parts(array):
    form = json.loads(json.dumps(array_form(array, "a")))
    back = array_from_form(form, {"a": array.tobytes()})
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)
    assert back.flags.aligned


@pytest.mark.parametrize(
    "form",
    [{}, {"dtype": "f64", "shape": [3], "part": "b"},
     {"dtype": "f64", "shape": [4], "part": "a"},
     {"dtype": "f64", "shape": "x", "part": "a"},
     {"dtype": "object", "shape": [3], "part": "a"}],
    ids=str,
)  # fmt: skip
def test_arrays_that_do_not_fit_their_bytes(form):
    with pytest.raises(ArtifactError):
        array_from_form(form, {"a": bytes(24)})
