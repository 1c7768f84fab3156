"""Constant folding."""

from penstock.passes.fold import LARGEST, fold
from tests.passes.text import lines, rewritten


def unchanged(text):
    assert rewritten(fold, text) == lines(text)


def test_constants_are_computed():
    before = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = const 2.0 : f32[]                       # a.py:1:5
      %1 = const 0.1 : f32[]                       # a.py:2:5
      %2 = mul %0, %1 : f32[]                      # a.py:3:5
      %3 = sqrt %2 : f32[]                         # a.py:4:5
      %4 = const 7 : i64[]
      %5 = astype %4 {dtype=f32} : f32[]
      %6 = add %3, %5 : f32[]
      %7 = mul %x, %6 : f32[n]
      return %7
    }"""
    after = """
    func @f(%x: f32[n]) -> f32[n] {
      %0 = const 7.4472136 : f32[]
      %1 = mul %x, %0 : f32[n]
      return %1
    }"""
    assert rewritten(fold, before) == lines(after)


def test_places_stay():
    before = """
    func @f() -> f32[] {
      %0 = const 4.0 : f32[]                       # a.py:1:5
      %1 = sqrt %0 : f32[]                         # a.py:2:5
      return %1
    }"""
    after = """
    func @f() -> f32[] {
      %0 = const 2.0 : f32[]                       # a.py:2:5
      return %0
    }"""
    assert rewritten(fold, before, locations=True) == lines(after)


def test_small_constants_are_moved():
    before = """
    func @f() -> (i64[2,3], i64[3,2], i64[2], i64[3], i64[]) {
      %0 = const [3, 1, 2, 6, 5, 4] : i64[6]
      %1 = reshape %0 {shape=(2, 3)} : i64[2,3]
      %2 = transpose %1 {permutation=(1, 0)} : i64[3,2]
      %3 = sum %1 {axes=(1,), keepdims=false} : i64[2]
      %4 = slice %0 {start=(5,), step=(-2,), size=(3,)} : i64[3]
      %5 = sort %4 {axis=0} : i64[3]
      %6 = const 1 : i32[]
      %7 = gather %4, %6 {axes=(0,)} : i64[]
      return %1, %2, %3, %5, %7
    }"""
    after = """
    func @f() -> (i64[2,3], i64[3,2], i64[2], i64[3], i64[]) {
      %0 = const [3, 1, 2, 6, 5, 4] : i64[2,3]
      %1 = const [3, 6, 1, 5, 2, 4] : i64[3,2]
      %2 = const [6, 15] : i64[2]
      %3 = const [1, 4, 6] : i64[3]
      %4 = const 6 : i64[]
      return %0, %1, %2, %3, %4
    }"""
    assert rewritten(fold, before) == lines(after)


def test_sizes_that_are_known():
    before = """
    func @f(%x: f32[n], %y: f32[m]) -> (i64[], i64[]) where m == 12 {
      %0 = dim {size=m} : i64[]
      %1 = dim {size=n} : i64[]
      %2 = add %0, %0 : i64[]
      return %2, %1
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[m]) -> (i64[], i64[]) where m == 12 {
      %0 = const 24 : i64[]
      %1 = dim {size=n} : i64[]
      return %0, %1
    }"""
    assert rewritten(fold, before) == lines(after)


def test_what_may_differ_in_the_last_bit_is_left_to_the_program():
    unchanged("""
    func @f() -> (f32[], f32[], f64[]) {
      %0 = const 2.0 : f32[]
      %1 = exp %0 : f32[]
      %2 = const [1.0, 2.0] : f32[2]
      %3 = sum %2 {axes=(0,), keepdims=false} : f32[]
      %4 = const 0.1 : f64[]
      %5 = pow %4, %4 : f64[]
      return %1, %3, %5
    }""")


def test_one_number_is_not_made_many():
    unchanged("""
    func @f() -> (f32[8], i64[4]) {
      %0 = const 2.0 : f32[]
      %1 = broadcast_to %0 {shape=(8,)} : f32[8]
      %2 = iota {shape=(4,), axis=0, dtype=i64} : i64[4]
      return %1, %2
    }""")


def test_constants_do_not_grow():
    size = LARGEST + 1
    numbers = ", ".join(["1"] * size)
    wide = f'hex"{"01000000" * size}"'
    unchanged(f"""
    func @f() -> i32[{size},{size}] {{
      %0 = const {wide} : i32[{size},1]
      %1 = const {wide} : i32[1,{size}]
      %2 = add %0, %1 : i32[{size},{size}]
      return %2
    }}""")
    before = f"""
    func @f() -> i32[{size}] {{
      %0 = const [{numbers}] : i32[{size}]
      %1 = add %0, %0 : i32[{size}]
      return %1
    }}"""
    after = f"""
    func @f() -> i32[{size}] {{
      %0 = const hex"{"02000000" * size}" : i32[{size}]
      return %0
    }}"""
    assert rewritten(fold, before) == lines(after)


def test_errors_of_the_run_stay_in_the_program():
    unchanged("""
    func @f() -> (i64[], i64[], i8[], i8[]) {
      %0 = const [3, 1] : i64[2]
      %1 = const 2 : i64[]
      %2 = gather %0, %1 {axes=(0,)} : i64[]
      %3 = const -1 : i64[]
      %4 = pow %1, %3 : i64[]
      %5 = const 128.0 : f32[]
      %6 = astype %5 {dtype=i8} : i8[]
      %7 = const nan : f32[]
      %8 = astype %7 {dtype=i8} : i8[]
      return %2, %4, %6, %8
    }""")


def test_floats_that_fit_are_converted():
    before = """
    func @f() -> (i8[], i64[], u8[]) {
      %0 = const -128.9 : f32[]
      %1 = astype %0 {dtype=i8} : i8[]
      %2 = const -9.223372036854776e+18 : f64[]
      %3 = astype %2 {dtype=i64} : i64[]
      %4 = const 255.5 : f64[]
      %5 = astype %4 {dtype=u8} : u8[]
      return %1, %3, %5
    }"""
    after = """
    func @f() -> (i8[], i64[], u8[]) {
      %0 = const -128 : i8[]
      %1 = const -9223372036854775808 : i64[]
      %2 = const 255 : u8[]
      return %0, %1, %2
    }"""
    assert rewritten(fold, before) == lines(after)


def test_known_branches_are_taken():
    before = """
    func @f(%x: f32[n]) -> (f32[n], f32[n]) {
      %0 = const true : bool[]
      %1 = if %0, %x : (f32[n], f32[n]) {
        then(%2: f32[n]) -> (f32[n], f32[n]) {
          %3 = exp %2 : f32[n]
          return %3, %2
        }
        else(%4: f32[n]) -> (f32[n], f32[n]) {
          return %4, %4
        }
      }
      %5 = get %1 {index=0} : f32[n]
      %6 = const 1 : i64[]
      %7 = const 2 : i64[]
      %8 = greater %6, %7 : bool[]
      %9 = if %8, %x : f32[n] {
        then(%10: f32[n]) -> f32[n] {
          return %10
        }
        else(%11: f32[n]) -> f32[n] {
          %12 = tanh %11 : f32[n]
          return %12
        }
      }
      return %5, %9
    }"""
    after = """
    func @f(%x: f32[n]) -> (f32[n], f32[n]) {
      %0 = exp %x : f32[n]
      %1 = tanh %x : f32[n]
      return %0, %1
    }"""
    assert rewritten(fold, before) == lines(after)


def test_loops_of_no_turns_vanish_with_their_effects():
    before = """
    func @f(%x: f32[n], k: int) -> f32[n] where k == 0 {
      %0 = token : token
      %1 = print %0, %x {text="before"} : token
      %2 = loop %1, %x {trip=k, carried=2, sliced=0, reverse=false} : (token, f32[n]) {
        body(%3: i64[], %4: token, %5: f32[n]) -> (token, f32[n]) {
          %6 = print %4, %5 {text="within"} : token
          return %6, %5
        }
      }
      %7 = get %2 {index=0} : token
      %8 = get %2 {index=1} : f32[n]
      return %8
      effects %7
    }"""
    after = """
    func @f(%x: f32[n], k: int) -> f32[n] where k == 0 {
      %0 = token : token
      %1 = print %0, %x {text="before"} : token
      return %x
      effects %1
    }"""
    assert rewritten(fold, before) == lines(after)
