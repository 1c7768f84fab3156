"""Long programs are several modules, which are compiled while others are written."""

import subprocess
import sys

import numpy as np

from penstock.backends.llvm.plan import emit_modules
from tests.lower.lowering import plan_of

LONG = """
import numpy as np, penstock as ps

@ps.compile
def f(x, *weights):
    for number, w in enumerate(weights):
        x = np.sin(x @ w[:, ::-1] + number) if number % 2 else np.cos(w.T @ x - number)
    return x

weights = [np.eye(5) + number / 100 for number in range(8)]
x = np.linspace(0, 1, 25).reshape(5, 5)
wanted = f.__wrapped__(x, *weights)
"""


def test_a_long_program():
    names = {}
    exec(LONG, names)
    f, arguments = names["f"], (names["x"], *names["weights"])
    np.testing.assert_allclose(f(*arguments), names["wanted"], atol=1e-12)
    compilation = f.lower(*arguments).compilation
    modules = list(emit_modules(compilation.plan, compilation.order))
    assert len(modules) > 1
    whole = compilation.llvm
    for kernel in compilation.plan.kernels:
        assert sum(f" @{kernel.name}(ptr %frame" in module for module in modules) == 1
        assert f"define internal i64 @{kernel.name}(ptr %frame" in whole


def test_a_short_program_is_one_module():
    plan = plan_of("func @f(%x: f32[n]) -> f32[n] { %0 = exp %x : f32[n] return %0 }")
    assert len(list(emit_modules(plan, ["x"]))) == 1


def test_programs_compile_while_the_interpreter_ends():
    # No threads can be started then.
    code = LONG + (
        "import atexit\n"
        "atexit.register(lambda: print(np.allclose(f(x, *weights), wanted)))\n"
        "import concurrent.futures.thread\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (finished.stdout, finished.stderr) == ("True\n", "")
