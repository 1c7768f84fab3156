"""Plans that several tests read."""

from textwrap import dedent

COPY = dedent("""\
    kernel @copy(%a: in f32[n], %b: out f32[n], n: index) {
      parallel %i = 0 to n {
        %0 = load %a[%i] : f32
        store %0, %b[%i]
      }
    }""")

# y = x @ c * rate, by way of two temporaries, with a check and returned numbers.
WHOLE = (
    dedent("""\
    plan @f(%x: f32[n,2] strided, %rate: float, k: int) -> (%y: f32[n]) where n >= 2, %rate > 0.5, not k < 3 {
      arena (128*n)
      work (12*n)
      constant %c: f32[2] = [1.0, 2.0]
      error 0 IndexOutOfBoundsError "bad-row" "row {value} is \\"bad\\""  # model.py:12:9
      error 1 RunError "other" "nothing"
      %t = alloc f32[n] at 0
      launch @f_0(%x, %c, %t) chunk 16
      %u = alloc f32[n] at (64*n)
      launch @f_1(%t, %rate, %u) chunk (n // 4)
      free %t
      launch @copy(%u, %y)
      free %u
      return n, 2*k, (%rate * 0.5), 3.0
    }

    kernel @f_0(%x: in f32[n,2] strided, %c: in f32[2], %t: out f32[n], n: index) {
      %0 = load %c[0] : f32
      %1 = load %c[1] : f32
      parallel %i = 0 to n {
        %2 = load %x[%i, 0] : f32
        %3 = load %x[%i, 1] : f32
        %4 = mul %2, %0 : f32
        %5 = fma %3, %1, %4 : f32
        %6 = less %i, 5 : bool
        check %6 error 0 detail %i
        store %5, %t[%i]
      }
    }

    kernel @f_1(%t: in f32[n], %rate: in f64[], %u: out f32[n], n: index) {
      %0 = load %rate[] : f64
      %1 = convert %0 : f32
      parallel %i = 0 to n {
        %2 = load %t[%i] : f32
        %3 = mul %2, %1 : f32
        store %3, %u[%i]
      }
    }

    """)  # noqa: E501
    + COPY
)

# Doubles x while its first element is below 100, then negates it if it is above 150.
CONTROL = dedent("""\
    plan @g(%x: f32[n]) -> (%y: f32[n]) where n >= 1 {
      arena (4*n + 1)
      %more = alloc bool[] at (4*n)
      launch @copy(%x, %y)
      while %more {
        launch @below(%y, %more)
      } do {
        %t = alloc f32[n] at 0
        launch @twice(%y, %t)
        launch @copy(%t, %y)
        free %t
      }
      launch @above(%y, %more)
      if %more {
        %t1 = alloc f32[n] at 0
        launch @negate(%y, %t1)
        launch @copy(%t1, %y)
        free %t1
      } else {
      }
      free %more
    }

    """) + "\n\n".join(
    [
        COPY,
        dedent("""\
            kernel @below(%y: in f32[n], %more: out bool[], n: index) {
              %0 = load %y[0] : f32
              %1 = const 100.0 : f32
              %2 = less %0, %1 : bool
              store %2, %more[]
            }"""),
        dedent("""\
            kernel @twice(%y: in f32[n], %t: out f32[n], n: index) {
              parallel %i = 0 to n {
                %0 = load %y[%i] : f32
                %1 = add %0, %0 : f32
                store %1, %t[%i]
              }
            }"""),
        dedent("""\
            kernel @above(%y: in f32[n], %more: out bool[], n: index) {
              %0 = load %y[0] : f32
              %1 = const 150.0 : f32
              %2 = greater %0, %1 : bool
              store %2, %more[]
            }"""),
        dedent("""\
            kernel @negate(%y: in f32[n], %t: out f32[n], n: index) {
              parallel %i = 0 to n {
                %0 = load %y[%i] : f32
                %1 = neg %0 : f32
                store %1, %t[%i]
              }
            }"""),
    ]
)

# One Kernel for arrays of two sizes: y = x, z = w.
RENAMED = (
    dedent("""\
    plan @f(%x: f32[n], %w: f32[m]) -> (%y: f32[n], %z: f32[m]) {
      launch @copy(%x, %y) chunk 16
      launch @copy(%w, %z, n = m) chunk (m // 2)
    }

    """)
    + COPY
)

PLANS = (WHOLE, CONTROL, RENAMED)
