"""Kernels that several tests read."""

from textwrap import dedent

SOFTMAX = dedent("""\
    kernel @softmax(%x: in f32[n,2*m+1] strided, %y: out f32[n,2*m+1], n: index, m: index) {  # model.py:12:9, model.py:13
      %0 = const -inf : f32
      %1 = const 0.0 : f32
      parallel %i = 0 to n {
        vector %j = 0 to (2*m + 1) unroll 2 carry (%2 = %0 maximum) -> (%3) {
          %4 = load %x[%i, %j] : f32
          %5 = maximum %2, %4 : f32
          yield %5
        }
        vector %k = 0 to (2*m + 1) carry (%6 = %1 add) -> (%7) {
          %8 = load %x[%i, %k] : f32
          %9 = sub %8, %3 : f32
          %10 = exp %9 : f32
          store %10, %y[%i, %k]
          %11 = add %6, %10 : f32
          yield %11
        }
        vector %k1 = 0 to (2*m + 1) {
          %12 = load %y[%i, %k1] : f32
          %13 = div %12, %7 : f32
          store %13, %y[%i, %k1]
        }
      }
    }""")  # noqa: E501

GATHER = dedent("""\
    kernel @gather(%x: in f64[n,3], %at: in i32[k], %y: out f64[k,3], n: index, k: index) {
      parallel %i = 0 to k {
        %0 = load %at[%i] : i32
        %1 = convert %0 : i64
        %2 = less %1, 0 : bool
        %3 = add %1, n : i64
        %4 = select %2, %3, %1 : i64
        %5 = greater_equal %4, 0 : bool
        %6 = less %4, n : bool
        %7 = and %5, %6 : bool
        check %7 error 3 detail %1
        vector %j = 0 to 3 {
          %8 = load %x[%4, %j] where %7 : f64
          store %8, %y[%i, %j]
        }
      }
    }""")  # noqa: E501

COLUMNS = dedent("""\
    kernel @columns(%x: in i16[4,n], %y: inout i16[n], %on: in bool[], n: index) {
      %0 = const 1 : i16
      %1 = load %on[] : bool
      if %1 {
        vector %j = 1 to n step 2 {
          serial %i = 0 to 4 carry (%2 = %0) -> (%3) {
            %4 = load %x[%i, %j] : i16
            %5 = mul %2, %4 : i16
            yield %5
          }
          %6 = load %y[%j] : i16
          %7 = add %6, %3 : i16
          store %7, %y[%j] where %1
        }
      }
    }""")

# Each pass of the outer loop is for two rows; the last may be for one.
ROWS = dedent("""\
    kernel @rows(%a: in f32[n,m], %v: in f32[m], %r: out f32[n], n: index, m: index) products (m*n) {
      %0 = const 0.0 : f32
      parallel %p = 0 to ((n + 1) // 2) {
        %1 = mul %p, 2 : i64
        %2 = add %1, 1 : i64
        %3 = less %2, n : bool
        %4 = minimum %2, (n - 1) : i64
        serial %k = 0 to m carry (%5 = %0, %6 = %0) -> (%7, %8) {
          %9 = load %a[%1, %k] : f32
          %10 = load %v[%k] : f32
          %11 = fma %9, %10, %5 : f32
          %12 = load %a[%4, %k] : f32
          %13 = fma %12, %10, %6 : f32
          yield %11, %13
        }
        %14 = exp %7 : f32
        store %14, %r[%1]
        if %3 {
          %15 = exp %8 : f32
          store %15, %r[%4]
        }
      }
    }""")  # noqa: E501

KERNELS = (SOFTMAX, GATHER, COLUMNS, ROWS)
NAMES = ("softmax", "gather", "columns", "rows")
