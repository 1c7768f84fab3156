"""A Plan as one CUDA translation unit: its kernels and the helpers that they call."""

from __future__ import annotations

from penstock.backends.cuda.helpers import HELPERS, with_needs
from penstock.backends.cuda.kernel import UnitContext, line_directive, print_kernel
from penstock.backends.cuda.launch import CudaLaunch, launch_of
from penstock.backends.cuda.threads import ThreadMap
from penstock.ir.loop.node import Kernel
from penstock.ir.plan.node import Plan
from penstock.ir.text import format_places, printable_function_name

__all__ = ["CUDA_OPTIONS", "cuda_launches", "emit_cuda"]

CUDA_OPTIONS = ("--std=c++17", "--fmad=false")
"""What a unit has to be compiled with: no operation of the user's is contracted.

The compiler's defaults do the rest: division and square roots rounded as IEEE 754
says, and denormals kept.
"""


def cuda_launches(plan: Plan) -> dict[Kernel, CudaLaunch]:
    """How each Kernel of a Plan is launched.

    Args:
        plan: its sizes are those of the launches' ``grid``.

    Raises:
        UnsupportedError: a Kernel has what CUDA text does not cover.

    Example:
        >>> from penstock.ir.loop.text_parse import parse_kernel
        >>> from penstock.ir.plan.node import Launch
        >>> kernel = parse_kernel('''
        ... kernel @double_0(%x: in f32[n], %y: out f32[n], n: index) {
        ...   vector %i = 0 to n {
        ...     %0 = load %x[%i] : f32
        ...     %1 = add %0, %0 : f32
        ...     store %1, %y[%i]
        ...   }
        ... }''')
        >>> plan = Plan("double", (), (), (), body=[Launch(kernel, ())])
        >>> launch = cuda_launches(plan)[kernel]
        >>> str(launch), [parameter.name for parameter in launch.parameters]
        ('1 block of 256 threads', ['x', 'y', 'n'])
    """
    return {kernel: launch for kernel, launch, _ in _launched(plan)}


def emit_cuda(plan: Plan, *, lines: bool = True) -> str:
    """The CUDA C of a Plan: a function for each of its Kernels.

    It needs no header, and no options but ``CUDA_OPTIONS``. ``cuda_launches`` says how
    the functions are launched, which stands in comments too.

    Args:
        plan: what to print.
        lines: whether ``#line`` directives lead from each line of code to the user's
            source, for the compiler's messages and profilers; without them the text is
            easier to read.

    Returns:
        One translation unit.

    Raises:
        UnsupportedError: a Kernel has what CUDA text does not cover, at the user's
            line.

    Example:
        >>> from penstock.ir.loop.text_parse import parse_kernel
        >>> from penstock.ir.plan.node import Launch
        >>> kernel = parse_kernel('''
        ... kernel @double_0(%x: in f32[n], %y: out f32[n], n: index) {
        ...   vector %i = 0 to n {
        ...     %0 = load %x[%i] : f32
        ...     %1 = add %0, %0 : f32
        ...     store %1, %y[%i]
        ...   }
        ... }''')
        >>> print(emit_cuda(Plan("double", (), (), (), body=[Launch(kernel, ())])))
        // double: compile with --std=c++17 --fmad=false
        <BLANKLINE>
        // launch: 1 block of 256 threads
        extern "C" __global__ void __launch_bounds__(256) double_0(
            const float* __restrict__ x,
            float* __restrict__ y,
            long long n) {
          for (long long i = threadIdx.x; i < n; i += blockDim.x) {
            const float v0 = x[i];
            const float v1 = v0 + v0;
            y[i] = v1;
          }
        }
        <BLANKLINE>
    """
    unit = UnitContext(plan, lines)
    printed = [
        (kernel, launch, print_kernel(kernel, launch, threads, unit))
        for kernel, launch, threads in _launched(plan)
    ]
    name = printable_function_name(plan.name)
    sections = [f"// {name}: compile with {' '.join(CUDA_OPTIONS)}\n"]
    sections += [HELPERS[name].text for name in with_needs(unit.expressions.helpers)]
    sections += unit.reductions.texts.values()
    directed = False
    for kernel, launch, code in printed:
        above = [f"// launch: {launch}"]
        if kernel.locations:
            places = dict.fromkeys(kernel.locations)
            above.insert(0, f"// {format_places(places)}")
            directed = lines
        elif directed:
            # What follows is no line of the user's, but one of this text.
            number = sum(text.count("\n") + 1 for text in sections) + len(above) + 2
            above.append(line_directive(number, f"{name}.cu"))
        sections.append("\n".join([*above, *code, ""]))
    return "\n".join(sections)


def _launched(plan: Plan) -> list[tuple[Kernel, CudaLaunch, ThreadMap]]:
    names: set[str] = set()
    found = []
    for kernel in plan.kernels:
        threads = ThreadMap(kernel)
        found.append((kernel, launch_of(kernel, threads, names), threads))
    return found
