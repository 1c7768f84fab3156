"""The message ``artifact-damaged``."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError
from penstock.runtime.artifact import Artifact


@pytest.fixture
def path(tmp_path):
    bias = np.ones(3)

    @ps.compile
    def f(params, mode="fast"):
        return params["w"] * 2 + bias

    path = tmp_path / "f.penstock"
    f.save(path, {"w": np.ones(3)})
    return path


def message(path):
    with pytest.raises(ArtifactError) as caught:
        ps.load(path)
    return str(caught.value)


def test_artifact_damaged(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert message(path) == (
        f"error: {path} is damaged: its checksum is wrong [artifact-damaged]\n"
        "  help: save it again, or copy it again from where it is whole"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda form: form["binder"]["parameters"][0].pop("kind"),
            "cannot read the parameters of the function",
        ),
        (
            lambda form: form["binder"]["parameters"][1].update(default=[{"set": 1}]),
            "cannot read the parameters of the function",
        ),
        (
            lambda form: form["captured"][0].update(value={"set": 1}),
            "cannot read the constant \"{'set': 1}\"",
        ),
        (
            lambda form: form["leaves"][0].update(kind="list"),
            "cannot read the signature of the function",
        ),
        (
            lambda form: form["structure"]["children"][0].update(kind="set"),
            "cannot read the signature of the function",
        ),
        (
            lambda form: form.update(parameters=1),
            "cannot read the signature of the function",
        ),
        (lambda form: form.pop("captured"), "a part of it is missing"),
        (
            lambda form: form["binder"]["parameters"].pop(),
            "its parameters are not those of its signature",
        ),
        (
            lambda form: form.update(captured=[]),
            "its code was made for another signature",
        ),
        (
            lambda form: form["leaves"][0].update(rank=2),
            "its code was made for another signature",
        ),
        (
            lambda form: form["results"].__setitem__(0, ["array", "f64", 2]),
            "its code was made for another signature",
        ),
        (
            lambda form: form["captured"][0]["leaf"].update(rank=2**62),
            "cannot read the signature of the function",
        ),
        (
            lambda form: form["leaves"][0].update(rank=10.0**300),
            "cannot read the signature of the function",
        ),
    ],
)
def test_a_whole_file_that_makes_no_sense(path, change, reason):
    artifact = Artifact.from_bytes(path.read_bytes(), str(path))
    form = artifact.signature
    change(form)
    path.write_bytes(artifact.replace(signature=form).to_bytes())
    assert message(path) == (
        f"error: {path} is damaged: {reason} [artifact-damaged]\n"
        "  help: save it again, or copy it again from where it is whole"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"symbols": {"n": [9, 0]}, "checked": []},
            "its sizes are none of its arguments",
        ),
        ({"symbols": {"n": [0, -1]}}, "its sizes are none of its arguments"),
        ({"symbols": {"n": "x"}}, "its sizes are none of its arguments"),
        ({"symbols": 3}, "its sizes are none of its arguments"),
        ({"symbols": {}}, "its guards ask about what it does not have"),
        ({"checked": ["q"]}, "its guards ask about what it does not have"),
        ({"checked": ["1 +"]}, "its guards ask about what it does not have"),
        ({"checked": 3}, "its guards ask about what it does not have"),
    ],
)
def test_facts_that_make_no_sense(path, change, reason):
    artifact = Artifact.from_bytes(path.read_bytes(), str(path))
    facts = {**artifact.facts, **change}
    path.write_bytes(artifact.replace(facts=facts).to_bytes())
    assert message(path) == (
        f"error: {path} is damaged: {reason} [artifact-damaged]\n"
        "  help: save it again, or copy it again from where it is whole"
    )


def test_guards_that_make_no_sense(path):
    artifact = Artifact.from_bytes(path.read_bytes(), str(path))
    for guard in ("q == 1", "n", "%q < 1.0"):
        path.write_bytes(artifact.replace(guards=(guard,)).to_bytes())
        assert message(path) == (
            f"error: {path} is damaged: its guards ask about what it does not have "
            "[artifact-damaged]\n"
            "  help: save it again, or copy it again from where it is whole"
        )
