"""The subcommands that look at programs: dump, opt, run, explain and bench."""

import re

import numpy as np
import pytest

import penstock as ps
from penstock.driver import STAGES
from penstock.ir.graph.text_parse import parse_function


@pytest.mark.parametrize("stage", STAGES)
def test_dump_prints_what_lower_gives(command, folder, stage):
    status, out, err = command(
        "dump", "model.py:gelu", "--arg", "f32[4]", "--stage", stage
    )
    assert (status, err) == (0, "")
    names = {}
    exec(compile((folder / "model.py").read_text(), "model.py", "exec"), names)
    lowered = ps.compile(names["gelu"]).lower(np.zeros(4, np.float32))
    assert out == lowered.text(stage).rstrip() + "\n"


def test_dump_of_methods_of_nested_arguments_and_of_what_is_compiled(command):
    out = command("dump", "model.py:Model.double", "--arg", "f64[3].T").out
    assert out.startswith("func @double(%x: f64[n]) -> f64[n] {\n")
    out = command("dump", "model.py:compiled", "--arg", "f64[3,2].T").out
    assert out.startswith("func @compiled(%x: f64[n,m]) -> f64[n,m] {\n")
    out = command(
        "dump", "model.py:layer", "--arg", "{'w': f32[4]}", "--arg", "x=f32[3,4]"
    ).out
    assert out.startswith("func @layer(%params_w: f32[n], %x: f32[m,k], %scale: f64[])")


def test_dump_of_a_function_of_nothing(command):
    assert command("dump", "model.py:nothing").out.startswith("func @nothing() -> ")


def test_dump_with_fastmath(command, folder):
    (folder / "zero.py").write_text("def f(x):\n    return x + 0.0\n")
    plain = command("dump", "zero.py:f", "--arg", "f32[4]").out
    fast = command("dump", "zero.py:f", "--arg", "f32[4]", "--fastmath").out
    assert "add" in plain and "add" not in fast
    status, _, err = command("dump", "model.py:compiled", "--arg", "3", "--fastmath")
    assert status == 2
    assert err == "penstock dump: error: compiled is compiled in model.py: ask there\n"


def test_dump_of_a_graph(command, folder):
    status, out, _ = command("dump", "gelu.pir", "--stage", "plan")
    assert status == 0
    assert out.startswith("plan @gelu(%x: f32[n]) -> (%result0: f32[n]) {\n")
    text = (folder / "gelu.pir").read_text()
    assert command("dump", "-", "--stage", "plan", text=text).out == out


SOFTMAX = """
import numpy as np
import penstock as ps

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True), x.sum()

derivative = ps.compile(ps.grad(lambda x: (x * np.sin(x)).sum()))
"""


def test_the_fused_stage_is_a_graph_like_any_other(command, folder):
    (folder / "softmax.py").write_text(SOFTMAX)
    fused = command("dump", "softmax.py:softmax", "--arg", "f32[4,8]", "--stage",
                    "fused").out  # fmt: skip
    assert "cluster" in fused
    (folder / "fused.pir").write_text(fused)
    again = command("dump", "fused.pir", "--stage", "fused").out
    assert re.sub("#.*", "", again) == re.sub("#.*", "", fused)
    evaluated, native = (
        command("run", "fused.pir", "--arg", "[[1.0, 2.0, 4.0]]", *compiled).out
        for compiled in ((), ("--compiled",))
    )
    assert evaluated == native != ""
    # What its clusters say of loops is worked out again.
    (folder / "fused.pir").write_text(
        fused.replace("reductions=((", "reductions=((7, ")
    )
    assert command("run", "fused.pir", "--arg", "[[1.0, 2.0, 4.0]]",
                   "--compiled").out == native  # fmt: skip


def test_a_graph_with_transforms_is_evaluated(command, folder):
    (folder / "softmax.py").write_text(SOFTMAX)
    trace = command("dump", "softmax.py:derivative", "--arg", "f64[3]", "--stage",
                    "trace").out  # fmt: skip
    assert "vjp" in trace
    (folder / "trace.pir").write_text(trace)
    for compiled in ((), ("--compiled",)):
        out = command("run", "trace.pir", "--arg", "[0.0, 1.0]", *compiled).out
        assert out.startswith("result: f64[2] [")
        y = [float(part) for part in re.findall(r"[-.\d]+", out)[2:]]
        assert np.allclose(y, [0.0, np.sin(1) + np.cos(1)], atol=1e-5)


def test_opt_runs_passes_in_order(command, folder):
    before = (folder / "gelu.pir").read_text()
    assert before.count("tanh") == 2
    assert command("opt", "--passes", "", "gelu.pir").out.count("tanh") == 1
    out = command("opt", "--passes", "cse,fuse", "gelu.pir").out
    function = parse_function(out)
    assert [value.op.name for value in function.values] == ["cluster"]
    lowered = command("opt", "--passes", "standard,lower", "gelu.pir").out
    assert lowered.startswith("plan @gelu(")
    again = command("opt", "--passes", "lower", "-", text=out).out
    assert again == lowered


@pytest.mark.parametrize("subcommand", ["run", "opt", "dump"])
def test_the_text_of_another_level_is_told_from_a_graph(command, folder, subcommand):
    plan = command("dump", "gelu.pir", "--stage", "plan").out
    (folder / "plan.pir").write_text(plan)
    status, _, err = command(subcommand, "plan.pir")
    assert status == 1
    first = plan.splitlines()[0]
    assert err == (
        f"penstock {subcommand}: plan.pir:1:1: error: this is the text of a plan, "
        "not of a graph [text]\n"
        "    |\n"
        f"  1 | {first}\n"
        "    | ^^^^\n"
        "  help: take that of the stage trace, graph or fused\n"
    )


def test_opt_reports_on_the_side(command):
    status, out, err = command("opt", "--report", "--passes", "fold,fast", "gelu.pir")
    assert status == 0
    assert "fold" not in out
    lines = re.sub(r"\d+\.\d\d", "#", err).splitlines()
    assert lines[0] == "fold: nothing to do, # ms"
    assert "simplify-fast" in err


def test_opt_reports_on_fusion_as_on_any_pass(command):
    status, out, err = command("opt", "--report", "--passes", "fuse,fuse", "gelu.pir")
    assert status == 0
    assert "cluster" in out
    lines = re.sub(r"\d+\.\d\d", "#", err).splitlines()
    assert lines == ["fuse: changed, # ms", "fuse: nothing to do, # ms"]


def test_opt_reports_what_changed(command):
    text = """
func @f(%x: f32[n]) -> f32[n] {
  %0 = const 1.0 : f32[]
  %1 = mul %x, %0 : f32[n]
  return %1
}"""
    status, out, err = command(
        "opt", "--report", "--passes", "simplify", "-", text=text
    )
    assert status == 0
    assert out == "func @f(%x: f32[n]) -> f32[n] {\n  return %x\n}\n"
    assert err.startswith("simplify: changed, ")


def test_opt_lists_passes(command):
    status, out, _ = command("opt", "--list")
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names == sorted(names)
    assert {"cse", "dce", "expand", "fold", "fuse", "shapes", "simplify"} <= set(names)
    assert all(len(line.split()) > 3 for line in out.splitlines())


def test_opt_on_text_that_is_none(command):
    status, out, err = command("opt", "-", text="func @f(%x: f32[n]) -> {")
    assert (status, out) == (1, "")
    assert err.startswith("penstock opt: <stdin>:1:")


def test_run_evaluates_and_runs_natively_alike(command):
    out = command("run", "gelu.pir", "--arg", "x.npy", "--save", "a.npy").out
    assert re.fullmatch(r"result: f32\[1024\] least -.*, mean .*, greatest .*\n", out)
    native = command(
        "run", "gelu.pir", "--arg", "x.npy", "--save", "b.npy", "--compiled"
    )
    assert native.out.startswith("result: f32[1024] least -")
    found, expected = np.load("b.npy"), np.load("a.npy")
    x = np.load("x.npy")
    np.testing.assert_allclose(expected, (0.5 * x + 1) * np.tanh(x), atol=1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("argument", "options", "message"),
    [
        ("1.5", (), "the argument x is f32[], not f32[n] [evaluate]"),
        ("1.5", ("--compiled",), "@gelu: x is f32[], not f32[n]"),
        ("f64[4]", (), "the argument x is f64[4], not f32[n] [evaluate]"),
        ("f64[4]", ("--compiled",), "@gelu: x is f64[4], not f32[n]"),
        ("'a'", (), "x is f32[n]: could not convert string to float: 'a'"),
    ],
)
def test_run_writes_types_as_the_text_does(command, argument, options, message):
    status, out, err = command("run", "gelu.pir", "--arg", argument, *options)
    assert (out, err) == ("", f"penstock run: error: {message}\n")
    assert status != 0


@pytest.mark.parametrize("options", [(), ("--compiled",)])
def test_run_draws_what_is_not_given(command, options):
    status, out, _ = command("run", "pair.pir", *options)
    assert status == 0
    assert re.fullmatch(
        r"result 0: f64\[8\] .*\nresult 1: f64\[\] -?[\d.]+\nresult 2: i64\[\] 24\n",
        out,
    )
    assert command("run", "pair.pir", *options).out == out
    assert command("run", "pair.pir", "--seed", "1", *options).out != out
    # Sizes that a guard makes equal follow each other.
    arguments = (
        "--size",
        "m=3",
        "--arg",
        "random",
        "--arg",
        "rate=2.5",
        "--arg",
        "k=1",
    )
    out = command("run", "pair.pir", *arguments, *options).out
    assert out.startswith("result 0: f64[3] ")
    assert out.endswith("\nresult 1: f64[] 2.5\nresult 2: i64[] 7\n")
    out = command("run", "pair.pir", "--arg", "y=f64[5]", *options).out
    assert out.startswith("result 0: f64[5] ")


@pytest.mark.parametrize("options", [(), ("--compiled",)])
def test_run_of_what_the_guards_do_not_allow(command, options):
    status, out, err = command("run", "pair.pir", "--arg", "rate=-11", *options)
    assert (status, out) == (1, "")
    assert "rate > -10.0" in err
    status, _, err = command(
        "run", "pair.pir", "--size", "n=3", "--size", "m=4", *options
    )
    assert status == 1
    assert "n == m" in err


def test_run_saves_several_results_together(command):
    status, _, err = command("run", "pair.pir", "--save", "a.npy")
    assert status == 2
    assert err.endswith("write one result to .npy, several to .npz\n")
    assert command("run", "pair.pir", "--save", "a.npz").status == 0
    with np.load("a.npz") as results:
        assert {name: results[name].shape for name in results} == {
            "result0": (8,),
            "result1": (),
            "result2": (),
        }


def test_run_counts_nans(command, folder):
    np.save(folder / "nan.npy", np.full(9, np.nan, np.float32))
    assert command("run", "gelu.pir", "--arg", "nan.npy").out == (
        "result: f32[9] 9 nan of 9\n"
    )


def test_run_of_a_saved_program(command, saved):
    given = ("--arg", "{'w': f64[5]}", "--arg", "f64[2,5]")
    status, out, err = command("run", saved, *given)
    assert (status, err) == (0, "")
    assert re.fullmatch(r"result\[0\]: f64\[2\] .*\nresult\[1\]: f64\[2,5\] .*\n", out)
    status, out, _ = command("run", saved, "--size", "n=7")
    assert status == 0
    assert out.startswith("result[0]: f64[8] ")
    assert "result[1]: f64[8,7] " in out


def test_run_of_a_saved_program_for_what_it_is_not(command, saved):
    status, _, err = command(
        "run", saved, "--arg", "{'w': f32[5]}", "--arg", "f64[2,5]"
    )
    assert status == 1
    assert "params['w'] is f32[5], not f64[n]" in err
    status, _, err = command(
        "run", saved, "--arg", "{'w': f64[5]}", "--arg", "f64[2,4]"
    )
    assert status == 1
    assert "it does not hold that " in err
    assert command("run", saved, "--arg", "random").status == 2


def test_run_of_a_damaged_program(command, saved):
    data = bytearray(saved.read_bytes())
    data[len(data) // 2] ^= 1
    saved.write_bytes(data)
    status, _, err = command("run", saved)
    assert status == 1
    assert "is damaged: its checksum is wrong" in err


def test_explain_prints_the_explanation_of_the_call(command):
    status, out, err = command("explain", "model.py:gelu", "--arg", "f32[1024,1024]")
    assert (status, err) == (0, "")
    assert out.startswith("gelu: 1 variant, 0 calls, 1 compiled, 0 from the cache, in ")
    assert "  takes     x: f32[n,m]\n" in out
    assert "  sizes     n = 1024, m = 1024\n" in out
    assert re.search(
        r"gelu_0: [\d.]+ Mflop, 8.389 MB, [\d.]+ flop/byte\n +model.py:8\n", out
    )
    again = command("explain", "model.py:gelu", "--arg", "f32[2,3]").out
    assert again.startswith(
        "gelu: 1 variant, 0 calls, 0 compiled, 1 from the cache, in "
    )


def test_explain_of_a_function_of_nothing(command):
    assert "  takes     nothing\n" in command("explain", "model.py:nothing").out


def test_explain_of_a_saved_program(command, saved):
    status, out, _ = command("explain", saved)
    assert status == 0
    target = f"{ps.config.target} "
    assert out.startswith(
        "layer(params: {'w': f64[_]}, x: f64[_,_], scale: float)\n"
        f"  made for: {target}"
    )
    assert out.endswith("  guard: m == n\n  kernels: 1\n") or "  guard: " in out
    assert "symbols" not in out
    status, _, err = command("explain", saved, "--arg", "3")
    assert status == 2
    assert "takes no --arg" in err


def test_bench_compares_with_numpy(command):
    status, out, err = command(
        "bench", "model.py:gelu", "--arg", "f32[1000]", "--seconds", "0.05"
    )
    assert (status, err) == (0, "")
    number = r" +\d+(\.\d\d)? (s |ms|us|ns)"
    assert re.fullmatch(
        rf"numpy     {number}\n"
        rf"penstock  {number}   \d+\.\d\d times as fast\n"
        rf"first call{number}   compiled\n"
        r"results differ by at most [\d.e-]+ of the largest\n",
        out,
    )
    difference = float(re.search(r"at most ([\d.e-]+)", out)[1])
    assert 0 <= difference < 1e-5


def test_bench_tells_results_that_differ(folder, command):
    (folder / "wrong.py").write_text("""
import numpy as np, penstock as ps

@ps.compile
def f(x):
    return x * 2

f.__wrapped__ = lambda x: x * 3
""")
    out = command("bench", "wrong.py:f", "--arg", "f64[10]", "--seconds", "0.01").out
    assert out.endswith("results differ by at most 0.33 of the largest\n")


def test_run_of_a_slice_that_lies_outside(command, folder):
    (folder / "outside.pir").write_text("""
    func @f(%x: f32[n], k: int) -> f32[4] {
      %0 = slice %x {start=(k,), step=(1,), size=(4,)} : f32[4]
      %1 = add %0, %0 : f32[4]
      return %1
    }""")
    arguments = ("run", "outside.pir", "--compiled", "--arg", "f32[8]")
    assert command(*arguments, "--size", "k=4").status == 0
    for k, reason in (
        (10**9, "-k + n - 4 >= 0: -k + n - 4 is -999999996"),
        (-1, "k >= 0: k is -1"),
    ):
        status, out, err = command(*arguments, "--size", f"k={k}")
        assert (status, out) == (1, "")
        assert err == f"penstock run: error: @f: it does not hold that {reason}\n"


def test_run_says_what_it_was_not_given(command, tmp_path):
    assert command("run", "pair.pir", "--arg", "y=f64[5]", "--size", "k=2").err == (
        "penstock run: x is not given: f64[5]\npenstock run: rate is not given: f64[]\n"
    )
    assert command("run", "gelu.pir", "--arg", "f32[5]").err == ""
    ps.compile(lambda x, n: x * n).save(tmp_path / "f.penstock", np.ones((2, 3)), 4)
    assert command("run", str(tmp_path / "f.penstock")).err == (
        "penstock run: x is not given: f64[8,8]\n"
        "penstock run: n is not given: int (8)\n"
    )
