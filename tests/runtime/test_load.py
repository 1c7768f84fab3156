"""Functions in files: saved here, run in a process that has no compiler."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import ArtifactError, StructureError
from penstock.ir.types import f64
from penstock.runtime.artifact import SUPPORT_OBJECT, Artifact
from penstock.runtime.binding import Binder
from penstock.runtime.load import load, pack, save
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    ArrayResult,
    Captured,
    ConstantResult,
    GlobalReader,
    IntegerResult,
    KeyLeaf,
    Signature,
)
from penstock.runtime.support import support_library


def _axpy(a, x, y):
    return a * x + y


def test_a_function_comes_back(saved, axpy):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    f = load(path)
    x = np.arange(5.0)
    for _ in range(3):
        assert f(2.0, x, y=x).tolist() == (3 * x).tolist()
    found = f.stats()
    assert (found.calls, found.compiles, found.variants) == (3, 0, 1)
    assert f.__name__ == "program"
    assert repr(f) == "<penstock.load program>"


def test_it_says_what_it_is(saved, axpy):
    f = load(saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2)))
    lines = f.explain().splitlines()
    assert lines[0] == "program(a: float, x: f64[_], y: f64[_])"
    assert lines[1].startswith("  made for: ")


def test_it_refuses_what_it_was_not_saved_for(saved, axpy):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    f = load(path)
    with pytest.raises(StructureError) as caught:
        f(1.0, np.ones(2), np.ones(2, "f4"))
    assert str(caught.value) == (
        f"error: {path} was saved for (a: float, x: f64[_], y: f64[_]), not for this "
        "call: y is f32[2], not f64[_] [not-served]\n"
        "  help: save it for these arguments too"
    )
    with pytest.raises(TypeError, match="missing the argument 'y'"):
        f(1.0, np.ones(2))
    # It serves as before.
    assert f(1.0, np.ones(2), np.ones(2)).tolist() == [2, 2]


def test_it_names_the_sizes_that_its_reason_speaks_of(tmp_path):
    path = tmp_path / "f.pns"
    f = ps.compile(lambda x, y: x + y[:, None])
    f.save(path, np.ones((4, 3)), np.ones(4))
    with pytest.raises(StructureError) as caught:
        load(path)(np.ones((4, 3)), np.ones(5))
    assert str(caught.value) == (
        f"error: {path} was saved for (x: f64[n,m], y: f64[k]), not for this call: "
        "it does not hold that n == k: 4 and 5 [not-served]\n"
        "  help: save it for these arguments too"
    )


def test_captured_state_is_stored(axpy, tmp_path, support):
    names = {"np": np, "w": np.arange(3.0), "params": {"b": np.float64(3)}}
    signature = Signature(
        ("a",),
        flat_tuple(1),
        (axpy.signature.leaves[0], KeyLeaf(np), *axpy.signature.leaves[1:]),
        (
            Captured(GlobalReader(names, "np")),
            Captured(GlobalReader(names, "w")),
            Captured(GlobalReader(names, "v")),
        ),
        (ArrayResult(f64, 1),),
    )
    names["v"] = np.full(3, 10.0)
    variant = axpy.variant(signature, artifact=axpy.artifact())

    def function(a=0.5):
        return a

    binder = Binder.of(function)
    path = tmp_path / "f.pns"
    save(path, pack(binder, variant, binder.bind((2.0,), {})))
    names.clear()
    f = load(path)
    assert f(2.0).tolist() == [10, 12, 14]
    assert f().tolist() == [10, 10.5, 11]
    assert "captured: global w: f64[_]" in f.explain()


def test_nested_arguments_and_results(axpy, tmp_path, support):
    params = {"a": 2.0, "xy": [np.arange(3.0), np.ones(3)]}
    signature = Signature(
        ("params",),
        flatten((params,))[1],
        axpy.signature.leaves,
        (),
        (ArrayResult(f64, 1), ConstantResult("done"), IntegerResult(2)),
        flatten({"z": 0, "rest": (0, 0)})[1],
    )
    variant = axpy.variant(signature, artifact=axpy.artifact())
    binder = Binder.of(lambda params: params)
    save(tmp_path / "f.pns", pack(binder, variant, binder.bind((params,), {})))
    result = load(tmp_path / "f.pns")(params)
    assert result["z"].tolist() == [1, 3, 5]
    assert result["rest"] == ("done", 3)


def test_keys_that_have_no_name(numbers, support):
    signature = numbers.signature.replace(
        parameters=("x", "k", "g"),
        structure=flat_tuple(3),
        leaves=(*numbers.signature.leaves, KeyLeaf(lambda x: x)),
    )
    variant = numbers.variant(signature, artifact=numbers.artifact())
    binder = Binder.of(lambda x, k, g: x)
    call = binder.bind((np.ones(1), 1, signature.leaves[2].value), {})
    with pytest.raises(ArtifactError) as caught:
        pack(binder, variant, call)
    assert caught.value.code == "unsaved-constant"


def test_defaults_that_cannot_be_stored(numbers, support):
    variant = numbers.variant(artifact=numbers.artifact())

    def function(x, k=lambda: 1):
        return x

    binder = Binder.of(function)
    with pytest.raises(ArtifactError) as caught:
        pack(binder, variant, binder.bind((np.ones(1), 1), {}))
    assert str(caught.value) == (
        "error: the default of k cannot be saved: a function has no name by which "
        "another program could find it [unsaved-constant]\n"
        "  help: use a constant, or something defined at the top level of a module"
    )


def test_equal_functions_make_equal_files(saved, axpy):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    first = path.read_bytes()
    assert saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2)).read_bytes() == first


def test_saving_where_one_cannot(axpy, tmp_path):
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "nowhere" / "f.pns", axpy.artifact())
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        save(folder, axpy.artifact())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder"]


def test_a_part_of_a_program_is_no_function(axpy, tmp_path):
    save(tmp_path / "f.pns", axpy.artifact())
    with pytest.raises(ArtifactError, match="holds a part of a program"):
        load(tmp_path / "f.pns")


@pytest.mark.parametrize("position", [100, 1000, -1])
def test_a_damaged_file(saved, axpy, position):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError) as caught:
        load(path)
    assert str(caught.value) == (
        f"error: {path} is damaged: its checksum is wrong [artifact-damaged]\n"
        "  help: save it again, or copy it again from where it is whole"
    )


_FRESH = """
import sys
import numpy as np
sys.modules["llvmlite"] = sys.modules["networkx"] = None
from penstock.runtime.load import load
f = load({path!r})
x = np.arange(4.0)
print(f(2.0, x, x).tolist(), f(2.0, x, x).tolist())
print(type(f).__mro__[1].__module__, f.dispatcher.variants[0].calls)
ours = sorted(m for m in sys.modules if m.split(".")[0] == "penstock")
print([m for m in ours if m.split(".")[1:2] not in ([], ["runtime"], ["ir"])])
print(sorted(set(m.split(".")[0] for m in sys.modules) & {{
    "llvmlite", "networkx", "hashlib", "pickle", "threading", "tempfile"
}} - before))
"""


def test_in_a_process_without_the_compiler(saved, axpy, fresh_python):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    code = "import sys, numpy\nbefore = {'llvmlite', 'networkx'} | set(sys.modules)\n"
    lines = fresh_python(code + _FRESH.format(path=str(path))).splitlines()
    assert lines == [
        "[0.0, 3.0, 6.0, 9.0] [0.0, 3.0, 6.0, 9.0]",
        "penstock.runtime.load 2",
        "[]",
        "[]",
    ]


def test_without_the_support_object(saved, axpy, fresh_python, tmp_path):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    artifact = Artifact.from_bytes(path.read_bytes())
    assert SUPPORT_OBJECT in artifact.parts
    parts = {k: v for k, v in artifact.parts.items() if k != SUPPORT_OBJECT}
    bare = tmp_path / "bare.pns"
    save(bare, artifact.replace(parts=parts))
    code = (
        "import numpy as np\n"
        "from penstock.runtime.load import load\n"
        "from penstock.runtime.support import support_library\n"
        f"f = load({str(bare)!r})\n"
        "x = np.arange(4.0)\n"
        "print(f(2.0, x, x).tolist(), support_library())\n"
    )
    output = fresh_python(code, PENSTOCK_CACHE="off")
    assert output == "[0.0, 3.0, 6.0, 9.0] None\n"


_TIMED = """
import time
import numpy as np
start = time.process_time()
from penstock.runtime.load import load
imported = time.process_time()
f = load({path!r})
x = np.arange(4.0)
f(2.0, x, x)
end = time.process_time()
print((imported - start) * 1e3, (end - imported) * 1e3)
"""


def test_loading_is_quick(saved, axpy, fresh_python):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    runs = [
        tuple(map(float, fresh_python(_TIMED.format(path=str(path))).split()))
        for _ in range(5)
    ]
    imported, loaded = (min(times) for times in zip(*runs, strict=True))
    print(f"\nimport {imported:.1f} ms, load and first call {loaded:.1f} ms")
    assert loaded < 200


def test_all_functions_share_one_support_object(saved, axpy, support):
    path = saved(axpy, _axpy, 1.0, np.ones(2), np.ones(2))
    one, other = load(path), load(path)
    assert type(one) is type(other)
    assert support_library() is support
