"""Random programs print, read back, verify and run the same."""

from collections import Counter

from hypothesis import given, settings

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.verify import verify
from penstock.ir.op import OPS
from tests.random_programs import assert_same_results, program_of_seed, programs


def check_round_trip(program):
    verify(program.function)
    text = print_function(program.function)
    again = parse_function(text)
    assert print_function(again) == text
    assert again.key == program.function.key
    canonical = parse_function(program.function.key)
    assert canonical.key == program.function.key
    results, written = run(program, program.function)
    results_again, written_again = run(program, again)
    assert_same_results(results, results_again)
    assert written == written_again


def run(program, function):
    written = []
    results = evaluate(
        function,
        program.arguments,
        program.integers,
        write=lambda text, array: written.append((text, array.tobytes())),
    )
    return results, written


@settings(max_examples=50)
@given(programs())
def test_programs_read_back(program):
    check_round_trip(program)


def test_many_programs_read_back():
    for seed in range(300):
        check_round_trip(program_of_seed(seed))


def count_ops(function, counts):
    for value in function.values:
        counts[value.op.name] += 1
        for region in value.regions:
            count_ops(region, counts)


# Their kernels agree with their references up to rounding, not to the bit, as random
# programs are held to.
ROUNDED = {
    "logaddexp", "logaddexp2", "expit", "logit", "xlogy", "xlog1py", "gammaln",
    "digamma", "polygamma",
}  # fmt: skip


def test_programs_hold_every_op():
    counts = Counter()
    for seed in range(1500):
        count_ops(program_of_seed(seed).function, counts)
    # Parameters are no part of `values`; clusters are for fusion to make. Transforms
    # have no meaning of their own until a pass has put something in their place.
    transforms = {n for n, op in OPS.items() if op.family in ("transform", "custom")}
    # Only derivatives have a use for these.
    transforms |= {"scale", "segmented", "stop_gradient"}
    # Random bits have tests of their own.
    transforms |= {"philox"}
    # What selects by a mask alone.
    transforms |= {"require"}
    assert set(OPS) - set(counts) == {"parameter", "cluster"} | transforms | ROUNDED
