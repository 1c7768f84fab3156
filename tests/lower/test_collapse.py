"""Which loops become one, as texts of clusters before and after."""

from tests.lower.lowering import cluster_of, collapsed, loops_and_body
from tests.passes.text import lines


def test_arrays_of_one_shape_need_one_loop():
    graph = """
    func @f(%x: f32[a,b,c], %y: f32[d,e,g]) -> f32[a,b,c] where d == a, e == b, g == c {
      %0 = add %x, %y : f32[a,b,c]
      return %0
    }"""
    before = """
    loops a, b, c
    func @body(%a0: f32[a,b,c], %a1: f32[a,b,c]) -> f32[a,b,c] {
      %0 = add %a0, %a1 : f32[a,b,c]
      return %0
    }"""
    after = """
    loops a*b*c
    func @body(%a0: f32[a*b*c], %a1: f32[a*b*c]) -> f32[a*b*c] {
      %0 = add %a0, %a1 : f32[a*b*c]
      return %0
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_what_some_arrays_lack_stays_a_loop_of_its_own():
    graph = """
    func @f(%x: f32[a,b,c], %y: f32[d,e]) -> f32[a,b,c] where d == b, e == c {
      %0 = add %x, %y : f32[a,b,c]
      return %0
    }"""
    before = """
    loops a, b, c
    func @body(%a0: f32[a,b,c], %a1: f32[b,c]) -> f32[a,b,c] {
      %0 = add %a0, %a1 : f32[a,b,c]
      return %0
    }"""
    after = """
    loops a, b*c
    func @body(%a0: f32[a,b*c], %a1: f32[b*c]) -> f32[a,b*c] {
      %0 = reshape %a1 {shape=(1, b*c)} : f32[1,b*c]
      %1 = add %a0, %0 : f32[a,b*c]
      return %1
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_a_column_merges_the_outer_loops():
    graph = """
    func @f(%x: f32[a,b,c], %y: f32[d,e,1]) -> f32[a,b,c] where d == a, e == b {
      %0 = mul %x, %y : f32[a,b,c]
      return %0
    }"""
    before = """
    loops a, b, c
    func @body(%a0: f32[a,b,c], %a1: f32[a,b,1]) -> f32[a,b,c] {
      %0 = mul %a0, %a1 : f32[a,b,c]
      return %0
    }"""
    after = """
    loops a*b, c
    func @body(%a0: f32[a*b,c], %a1: f32[a*b]) -> f32[a*b,c] {
      %0 = reshape %a1 {shape=(a*b, 1)} : f32[a*b,1]
      %1 = mul %a0, %0 : f32[a*b,c]
      return %1
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_reduced_axes_merge_with_reduced_axes():
    graph = """
    func @f(%x: f32[a,b,c,d]) -> f32[a,b,1,1] {
      %0 = mul %x, %x : f32[a,b,c,d]
      %1 = sum %0 {axes=(2, 3), keepdims=true} : f32[a,b,1,1]
      return %1
    }"""
    before = """
    loops a, b, c inner, d inner
    func @body(%a0: f32[a,b,c,d]) -> f32[a,b,1,1] {
      %0 = mul %a0, %a0 : f32[a,b,c,d]
      %1 = sum %0 {axes=(2, 3), keepdims=true} : f32[a,b,1,1]
      return %1
    }"""
    after = """
    loops a*b, c*d inner
    func @body(%a0: f32[a*b,c*d]) -> f32[a*b] {
      %0 = mul %a0, %a0 : f32[a*b,c*d]
      %1 = sum %0 {axes=(1,), keepdims=true} : f32[a*b,1]
      %2 = reshape %1 {shape=(a*b,)} : f32[a*b]
      return %2
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_reduced_axes_do_not_merge_with_others():
    graph = """
    func @f(%x: f32[a,b,c]) -> f32[a,c] {
      %0 = sum %x {axes=(1,), keepdims=false} : f32[a,c]
      return %0
    }"""
    assert collapsed(graph) == loops_and_body(cluster_of(graph))


def test_a_slice_of_whole_rows_is_a_slice_of_elements():
    graph = """
    func @f(%x: f32[8,4,5]) -> f32[6,4,5] {
      %0 = slice %x {start=(2, 0, 0), step=(1, 1, 1), size=(6, 4, 5)} : f32[6,4,5]
      %1 = neg %0 : f32[6,4,5]
      return %1
    }"""
    before = """
    loops 6, 4, 5
    func @body(%a0: f32[8,4,5]) -> f32[6,4,5] {
      %0 = slice %a0 {start=(2, 0, 0), step=(1, 1, 1), size=(6, 4, 5)} : f32[6,4,5]
      %1 = neg %0 : f32[6,4,5]
      return %1
    }"""
    after = """
    loops 120
    func @body(%a0: f32[160]) -> f32[120] {
      %0 = slice %a0 {start=(40,), step=(1,), size=(120,)} : f32[120]
      %1 = neg %0 : f32[120]
      return %1
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_every_other_row_keeps_its_loop():
    graph = """
    func @f(%x: f32[8,4,5]) -> f32[4,4,5] {
      %0 = slice %x {start=(0, 0, 0), step=(2, 1, 1), size=(4, 4, 5)} : f32[4,4,5]
      %1 = neg %0 : f32[4,4,5]
      return %1
    }"""
    before = """
    loops 4, 4, 5
    func @body(%a0: f32[8,4,5]) -> f32[4,4,5] {
      %0 = slice %a0 {start=(0, 0, 0), step=(2, 1, 1), size=(4, 4, 5)} : f32[4,4,5]
      %1 = neg %0 : f32[4,4,5]
      return %1
    }"""
    after = """
    loops 4, 20
    func @body(%a0: f32[8,20]) -> f32[4,20] {
      %0 = slice %a0 {start=(0, 0), step=(2, 1), size=(4, 20)} : f32[4,20]
      %1 = neg %0 : f32[4,20]
      return %1
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_parts_of_rows_keep_their_loop():
    graph = """
    func @f(%x: f32[8,4,5]) -> f32[8,4,3] {
      %0 = slice %x {start=(0, 0, 1), step=(1, 1, 1), size=(8, 4, 3)} : f32[8,4,3]
      %1 = neg %0 : f32[8,4,3]
      return %1
    }"""
    before = """
    loops 8, 4, 3
    func @body(%a0: f32[8,4,5]) -> f32[8,4,3] {
      %0 = slice %a0 {start=(0, 0, 1), step=(1, 1, 1), size=(8, 4, 3)} : f32[8,4,3]
      %1 = neg %0 : f32[8,4,3]
      return %1
    }"""
    after = """
    loops 32, 3
    func @body(%a0: f32[32,5]) -> f32[32,3] {
      %0 = slice %a0 {start=(0, 1), step=(1, 1), size=(32, 3)} : f32[32,3]
      %1 = neg %0 : f32[32,3]
      return %1
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_a_steady_element_keeps_its_place():
    graph = """
    func @f(%x: f32[n,m], %b: f32[3]) -> f32[n,m] {
      %0 = slice %b {start=(1,), step=(1,), size=(1,)} : f32[1]
      %1 = reshape %0 {shape=()} : f32[]
      %2 = mul %x, %1 : f32[n,m]
      return %2
    }"""
    before = """
    loops n, m
    func @body(%a0: f32[n,m], %a1: f32[3]) -> f32[n,m] {
      %0 = slice %a1 {start=(1,), step=(1,), size=(1,)} : f32[1]
      %1 = reshape %0 {shape=()} : f32[]
      %2 = mul %a0, %1 : f32[n,m]
      return %2
    }"""
    after = """
    loops m*n
    func @body(%a0: f32[m*n], %a1: f32[3]) -> f32[m*n] {
      %0 = slice %a1 {start=(1,), step=(1,), size=(1,)} : f32[1]
      %1 = reshape %0 {shape=()} : f32[]
      %2 = mul %a0, %1 : f32[m*n]
      return %2
    }"""
    assert loops_and_body(cluster_of(graph)).strip() == lines(before)
    assert collapsed(graph).strip() == lines(after)


def test_axes_in_another_order_are_left_alone():
    graph = """
    func @f(%x: f32[a,b,c]) -> f32[b,c,a] {
      %0 = transpose %x {permutation=(1, 2, 0)} : f32[b,c,a]
      %1 = neg %0 : f32[b,c,a]
      return %1
    }"""
    assert collapsed(graph) == loops_and_body(cluster_of(graph))


def test_strided_memory_is_left_alone():
    graph = """
    func @f(%x: f32[a,b,c], %y: f32[d,e,g]) -> f32[a,b,c] where d == a, e == b, g == c {
      %0 = add %x, %y : f32[a,b,c]
      return %0
    }"""
    assert collapsed(graph, ("x",)) == loops_and_body(cluster_of(graph))


def test_constants_of_several_axes_follow_the_loops():
    graph = """
    func @f(%x: f32[a,b]) -> f32[a,b] {
      %0 = const [2.0] : f32[1,1]
      %1 = mul %x, %0 : f32[a,b]
      return %1
    }"""
    after = """
    loops a*b
    func @body(%a0: f32[a*b]) -> f32[a*b] {
      %0 = const [2.0] : f32[1,1]
      %1 = reshape %0 {shape=(1,)} : f32[1]
      %2 = mul %a0, %1 : f32[a*b]
      return %2
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_positions_in_a_table_are_a_flat_array():
    graph = """
    func @f(%x: f32[a], %i: i64[b,c,d]) -> f32[b,c,d] {
      %0 = gather %x, %i {axes=(0,)} : f32[b,c,d]
      %1 = exp %0 : f32[b,c,d]
      return %1
    }"""
    after = """
    loops b*c*d
    func @body(%a0: f32[a], %a1: i64[b*c*d]) -> f32[b*c*d] {
      %0 = gather %a0, %a1 {axes=(0,)} : f32[b*c*d]
      %1 = exp %0 : f32[b*c*d]
      return %1
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_what_is_picked_whole_keeps_its_loops():
    graph = """
    func @f(%x: f32[a,3,4], %i: i64[b,c]) -> f32[b,c,3,4] {
      %0 = gather %x, %i {axes=(0,)} : f32[b,c,3,4]
      return %0
    }"""
    after = """
    loops b*c, 3, 4
    func @body(%a0: f32[a,3,4], %a1: i64[b*c]) -> f32[b*c,3,4] {
      %0 = reshape %a1 {shape=(b*c, 1, 1)} : i64[b*c,1,1]
      %1 = reshape %0 {shape=(b*c,)} : i64[b*c]
      %2 = gather %a0, %1 {axes=(0,)} : f32[b*c,3,4]
      return %2
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_whole_rows_are_joined_as_elements():
    graph = """
    func @f(%x: f32[a,b,3], %y: f32[c,d,3]) -> f32[a+c,b,3] where d == b {
      %0 = concatenate %x, %y {axis=0} : f32[a+c,b,3]
      return %0
    }"""
    after = """
    loops 3*a*b + 3*b*c
    func @body(%a0: f32[3*a*b], %a1: f32[3*b*c]) -> f32[3*a*b+3*b*c] {
      %0 = concatenate %a0, %a1 {axis=0} : f32[3*a*b+3*b*c]
      return %0
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_rows_are_joined_within_planes():
    graph = """
    func @f(%x: f32[a,b,3], %y: f32[c,d,3]) -> f32[a,b+d,3] where c == a {
      %0 = concatenate %x, %y {axis=1} : f32[a,b+d,3]
      return %0
    }"""
    after = """
    loops a, 3*b + 3*d
    func @body(%a0: f32[a,3*b], %a1: f32[a,3*d]) -> f32[a,3*b+3*d] {
      %0 = concatenate %a0, %a1 {axis=1} : f32[a,3*b+3*d]
      return %0
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_planes_around_an_array_are_runs_of_memory():
    graph = """
    func @f(%x: f32[a,b,3]) -> f32[a+1,b,3] {
      %0 = const 0.0 : f32[]
      %1 = pad %x, %0 {low=(1, 0, 0), high=(0, 0, 0)} : f32[a+1,b,3]
      return %1
    }"""
    after = """
    loops 3*a*b + 3*b
    func @body(%a0: f32[3*a*b]) -> f32[3*a*b+3*b] {
      %0 = const 0.0 : f32[]
      %1 = pad %a0, %0 {low=(3*b,), high=(0,)} : f32[3*a*b+3*b]
      return %1
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_planes_that_are_replaced_are_runs_of_memory():
    graph = """
    func @f(%x: f32[a,b,3], %y: f32[2,c,3]) -> f32[a,b,3] where c == b, a >= 4 {
      %0 = update_slice %x, %y {start=(1, 0, 0), step=(1, 1, 1), size=(2, b, 3)} : \
f32[a,b,3]
      return %0
    }"""
    after = """
    loops 3*a*b
    func @body(%a0: f32[3*a*b], %a1: f32[6*b]) -> f32[3*a*b] {
      %0 = update_slice %a0, %a1 {start=(3*b,), step=(1,), size=(6*b,)} : f32[3*a*b]
      return %0
    }"""
    assert collapsed(graph).strip() == lines(after)


def test_joined_parts_of_rows_keep_their_loops():
    graph = """
    func @f(%x: f32[a,b], %y: f32[c,d]) -> f32[a,b+d] where c == a {
      %0 = concatenate %x, %y {axis=1} : f32[a,b+d]
      return %0
    }"""
    assert collapsed(graph).startswith("loops a, b + d\n")
