"""The machine's description: read without llvmlite, lowered on request."""

import subprocess
import sys
import textwrap

import pytest

from penstock.ir.errors import OptionError
from penstock.runtime.machine import host, machine_for, parse_features

ZEN_4 = (
    "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu sse2 pni ssse3 fma cx16 "
    "sse4_1 sse4_2 movbe popcnt xsave avx f16c lahf_lm abm bmi1 avx2 bmi2 avx512f "
    "avx512dq avx512ifma avx512cd avx512bw avx512vl avx512vbmi avx512_vbmi2 gfni "
    "avx512_vnni avx512_bf16\nbugs\t\t: none\n"
)


def test_cpuinfo_is_read_in_llvm_names():
    found = parse_features(ZEN_4)
    assert {"sse3", "sse4.1", "lzcnt", "bmi", "sahf", "avx512bf16"} <= found
    assert parse_features("processor\t: 0\n") == frozenset()
    arm = parse_features("processor : 0\nFeatures\t: fp asimd atomics asimdhp\n")
    assert arm == {"fp", "neon", "lse", "fullfp16"}


@pytest.mark.parametrize(
    ("level", "size", "fma", "half", "rounding"),
    [
        ("x86-64", 16, False, False, False),
        ("x86-64-v2", 16, False, False, True),
        ("x86-64-v3", 32, True, True, True),
        ("x86-64-v4", 64, True, True, True),
    ],
)
def test_levels(level, size, fma, half, rounding):
    machine = machine_for(level, parse_features(ZEN_4))
    assert machine.cpu == level
    assert machine.vector_bytes == size
    found = (machine.has_fma, machine.has_half, machine.has_rounding)
    assert found == (fma, half, rounding)
    assert ("avx512vbmi2" in machine.features) == (level == "x86-64-v4")


def test_llvm_agrees_with_the_host():
    """Every feature that we claim is one that LLVM finds too."""
    import llvmlite.binding as llvm

    present = llvm.get_host_cpu_features()
    assert [name for name in host().features if not present.get(name)] == []
    assert llvm.get_process_triple().startswith(host().triple.split("-")[0])


def test_target_is_lowered_by_the_environment(monkeypatch):
    if host().architecture != "x86_64":
        pytest.skip("only x86-64 has levels")
    monkeypatch.setenv("PENSTOCK_TARGET", "x86-64")
    assert host().cpu == "x86-64"
    assert host() is host()
    assert "sse2" in str(host())
    assert "avx" not in str(host())


def test_wrong_targets_are_refused(monkeypatch):
    if host().architecture != "x86_64":
        pytest.skip("only x86-64 has levels")
    monkeypatch.setenv("PENSTOCK_TARGET", "pentium")
    with pytest.raises(OptionError, match="'pentium' is not a target") as caught:
        host()
    assert "x86-64-v3" in str(caught.value)


def test_targets_beyond_the_host_are_refused(monkeypatch):
    from penstock.runtime import machine

    monkeypatch.setattr(
        machine, "_detected", lambda: machine_for("x86-64", frozenset())
    )
    monkeypatch.setenv("PENSTOCK_TARGET", "x86-64-v3")
    machine._lowered.cache_clear()
    try:
        with pytest.raises(OptionError, match=r"lacks: avx, avx2, bmi") as caught:
            host()
        assert "this machine reaches 'x86-64'" in str(caught.value)
    finally:
        machine._lowered.cache_clear()


def test_reading_the_machine_takes_no_time_and_no_llvm():
    code = """
        import sys, time
        from penstock.runtime.machine import host
        start = time.perf_counter()
        text = str(host())
        print(time.perf_counter() - start, "llvmlite" in sys.modules, text)
    """
    run = [sys.executable, "-c", textwrap.dedent(code)]
    output = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    seconds, has_llvm, text = output.split(maxsplit=2)
    assert float(seconds) < 0.5
    assert has_llvm == "False"
    assert text.strip() == str(host())
