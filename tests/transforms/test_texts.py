"""The texts of Functions before and after derivatives and batches are put in place."""

# ruff: noqa: E501

import pytest

from penstock.ir.errors import UnsupportedError
from penstock.ir.op import OPS
from penstock.passes.drop_custom import drop_custom
from penstock.passes.transforms import transforms
from tests.passes.text import lines, rewritten

PAIRS = {
    "jvp of product": (
        """
        func @f(%x0: f32[n], %x1: f32[m], %d0: f32[k], %d1: f32[p]) -> (f32[n], f32[n]) where n == m, n == k, n == p {
          %0 = jvp %x0, %x1, %d0, %d1 {wrt=(0, 1)} : (f32[n], f32[n]) {
            body(%a: f32[n], %b: f32[n]) -> f32[n] {
              %c = mul %a, %b : f32[n]
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %x1: f32[m], %d0: f32[k], %d1: f32[p]) -> (f32[n], f32[n]) where n == m, n == k, n == p {
          %0 = mul %x0, %x1 : f32[n]
          %1 = scale %d0, %x1 : f32[n]
          %2 = scale %d1, %x0 : f32[n]
          %3 = add %1, %2 : f32[n]
          return %0, %3
        }
        """,
    ),
    "jvp of if": (
        """
        func @f(%x0: bool[], %x1: f32[n], %d1: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %x1, %d1 {wrt=(1,)} : (f32[n], f32[n]) {
            body(%p: bool[], %a: f32[n]) -> f32[n] {
              %c = if %p, %a : f32[n] {
                then(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                else(%f: f32[n]) -> f32[n] { return %f }
              }
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: bool[], %x1: f32[n], %d1: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = if %x0, %x1 : f32[n] {
            then(%1: f32[n]) -> f32[n] {
              %2 = exp %1 : f32[n]
              return %2
            }
            else(%3: f32[n]) -> f32[n] {
              return %3
            }
          }
          %4 = if %x0, %x1, %d1 : f32[n] {
            then(%5: f32[n], %6: f32[n]) -> f32[n] {
              %7 = exp %5 : f32[n]
              %8 = scale %6, %7 : f32[n]
              return %8
            }
            else(%9: f32[n], %10: f32[n]) -> f32[n] {
              return %10
            }
          }
          return %0, %4
        }
        """,
    ),
    "jvp of recompute": (
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %d0 {wrt=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = recompute %a {serial=1} : f32[n] {
                body(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
              }
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = recompute %x0 {serial=1} : f32[n] {
            body(%1: f32[n]) -> f32[n] {
              %2 = exp %1 : f32[n]
              return %2
            }
          }
          %3 = recompute %x0, %d0 {serial=1} : f32[n] {
            body(%4: f32[n], %5: f32[n]) -> f32[n] {
              %6 = exp %4 : f32[n]
              %7 = scale %5, %6 : f32[n]
              return %7
            }
          }
          return %0, %3
        }
        """,
    ),
    "jvp of loop": (
        """
        func @f(%x0: f32[n], %x1: f32[5,m], %d0: f32[k], %d1: f32[5,p]) -> (f32[n], f32[n]) where n == m, n == k, n == p {
          %0 = jvp %x0, %x1, %d0, %d1 {wrt=(0, 1)} : (f32[n], f32[n]) {
            body(%a: f32[n], %s: f32[5,n]) -> f32[n] {
              %c = loop %a, %s {trip=5, carried=1, sliced=1, reverse=false} : f32[n] {
                body(%i: i64[], %d: f32[n], %r: f32[n]) -> f32[n] { %e = mul %d, %r : f32[n] return %e }
              }
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %x1: f32[5,m], %d0: f32[k], %d1: f32[5,p]) -> (f32[n], f32[n]) where n == m, n == k, n == p {
          %0 = loop %x0, %d0, %x1, %d1 {trip=5, carried=2, sliced=2, reverse=false} : (f32[n], f32[n]) {
            body(%1: i64[], %2: f32[n], %3: f32[n], %4: f32[n], %5: f32[n]) -> (f32[n], f32[n]) {
              %6 = mul %2, %4 : f32[n]
              %7 = scale %3, %4 : f32[n]
              %8 = scale %5, %2 : f32[n]
              %9 = add %7, %8 : f32[n]
              return %6, %9
            }
          }
          %10 = get %0 {index=0} : f32[n]
          %11 = get %0 {index=1} : f32[n]
          return %10, %11
        }
        """,
    ),
    "jvp of while": (
        """
        func @f(%x0: f32[], %x1: f32[], %d0: f32[]) -> (f32[], f32[]) {
          %0 = jvp %x0, %x1, %d0 {wrt=(0,)} : (f32[], f32[]) {
            body(%a: f32[], %m: f32[]) -> f32[] {
              %c = while %a, %m : (f32[], f32[]) {
                cond(%d: f32[], %k: f32[]) -> bool[] { %e = less %d, %k : bool[] return %e }
                body(%f: f32[], %l: f32[]) -> (f32[], f32[]) { %g = sin %f : f32[] return %g, %l }
              }
              %h = get %c {index=0} : f32[]
              return %h
            }
          }
          %1 = get %0 {index=0} : f32[]
          %2 = get %0 {index=1} : f32[]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[], %x1: f32[], %d0: f32[]) -> (f32[], f32[]) {
          %0 = while %x0, %x1, %d0 : (f32[], f32[], f32[]) {
            cond(%1: f32[], %2: f32[], %3: f32[]) -> bool[] {
              %4 = less %1, %2 : bool[]
              return %4
            }
            body(%5: f32[], %6: f32[], %7: f32[]) -> (f32[], f32[], f32[]) {
              %8 = sin %5 : f32[]
              %9 = cos %5 : f32[]
              %10 = scale %7, %9 : f32[]
              return %8, %6, %10
            }
          }
          %11 = get %0 {index=0} : f32[]
          %12 = get %0 {index=2} : f32[]
          return %11, %12
        }
        """,
    ),
    "jvp of custom_jvp": (
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %d0 {wrt=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_jvp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                rule(%f: f32[n], %df: f32[n]) -> (f32[n], f32[n]) {
                  %g = exp %f : f32[n]
                  %h = mul %df, %g : f32[n]
                  return %g, %h
                }
              }
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = exp %x0 : f32[n]
          %1 = mul %d0, %0 : f32[n]
          return %0, %1
        }
        """,
    ),
    "jvp of stop_gradient": (
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %d0 {wrt=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = stop_gradient %a : f32[n]
              %d = mul %a, %c : f32[n]
              return %d
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = stop_gradient %x0 : f32[n]
          %1 = mul %x0, %0 : f32[n]
          %2 = scale %d0, %0 : f32[n]
          return %1, %2
        }
        """,
    ),
    "vjp of product": (
        """
        func @f(%x0: f32[n], %x1: f32[m], %ct: f32[k]) -> (f32[n], f32[n]) where n == m, n == k {
          %0 = vjp %x0, %x1, %ct {wrt=(0, 1), of=(0,)} : (f32[n], f32[n], f32[n]) {
            body(%a: f32[n], %b: f32[n]) -> f32[n] {
              %c = mul %a, %b : f32[n]
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          %2 = get %0 {index=2} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %x1: f32[m], %ct: f32[k]) -> (f32[n], f32[n]) where n == m, n == k {
          %0 = scale %ct, %x1 : f32[n]
          %1 = scale %ct, %x0 : f32[n]
          return %0, %1
        }
        """,
    ),
    "vjp of if": (
        """
        func @f(%x0: bool[], %x1: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %x1, %ct {wrt=(1,), of=(0,)} : (f32[n], f32[n]) {
            body(%p: bool[], %a: f32[n]) -> f32[n] {
              %c = if %p, %a : f32[n] {
                then(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                else(%f: f32[n]) -> f32[n] { return %f }
              }
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: bool[], %x1: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = if %x0, %x1, %ct : f32[n] {
            then(%1: f32[n], %2: f32[n]) -> f32[n] {
              %3 = exp %1 : f32[n]
              %4 = scale %2, %3 : f32[n]
              return %4
            }
            else(%5: f32[n], %6: f32[n]) -> f32[n] {
              return %6
            }
          }
          return %0
        }
        """,
    ),
    "vjp of recompute": (
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %ct {wrt=(0,), of=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = recompute %a {serial=1} : f32[n] {
                body(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
              }
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = recompute %x0, %ct {serial=1} : f32[n] {
            body(%1: f32[n], %2: f32[n]) -> f32[n] {
              %3 = exp %1 : f32[n]
              %4 = scale %2, %3 : f32[n]
              return %4
            }
          }
          return %0
        }
        """,
    ),
    "vjp of loop": (
        """
        func @f(%x0: f32[n], %x1: f32[5,m], %ct: f32[k]) -> (f32[n], f32[5,n]) where n == m, n == k {
          %0 = vjp %x0, %x1, %ct {wrt=(0, 1), of=(0,)} : (f32[n], f32[n], f32[5,n]) {
            body(%a: f32[n], %s: f32[5,n]) -> f32[n] {
              %c = loop %a, %s {trip=5, carried=1, sliced=1, reverse=false} : f32[n] {
                body(%i: i64[], %d: f32[n], %r: f32[n]) -> f32[n] { %e = mul %d, %r : f32[n] return %e }
              }
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          %2 = get %0 {index=2} : f32[5,n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: f32[n], %x1: f32[5,m], %ct: f32[k]) -> (f32[n], f32[5,n]) where n == m, n == k {
          %0 = loop %x0, %x1 {trip=5, carried=1, sliced=1, reverse=false} : (f32[n], f32[5,n]) {
            body(%1: i64[], %2: f32[n], %3: f32[n]) -> (f32[n], f32[n]) {
              %4 = mul %2, %3 : f32[n]
              return %4, %2
            }
          }
          %5 = get %0 {index=1} : f32[5,n]
          %6 = loop %ct, %x1, %5 {trip=5, carried=1, sliced=2, reverse=true} : (f32[n], f32[5,n]) {
            body(%7: i64[], %8: f32[n], %9: f32[n], %10: f32[n]) -> (f32[n], f32[n]) {
              %11 = scale %8, %9 : f32[n]
              %12 = scale %8, %10 : f32[n]
              return %11, %12
            }
          }
          %13 = get %6 {index=0} : f32[n]
          %14 = get %6 {index=1} : f32[5,n]
          return %13, %14
        }
        """,
    ),
    "vjp of custom_jvp": (
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %ct {wrt=(0,), of=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_jvp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                rule(%f: f32[n], %df: f32[n]) -> (f32[n], f32[n]) {
                  %g = exp %f : f32[n]
                  %h = mul %df, %g : f32[n]
                  return %g, %h
                }
              }
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = exp %x0 : f32[n]
          %1 = scale %ct, %0 : f32[n]
          return %1
        }
        """,
    ),
    "vjp of custom_vjp": (
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %ct {wrt=(0,), of=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_vjp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                forward(%f: f32[n]) -> (f32[n], f32[n]) { %g = exp %f : f32[n] return %g, %g }
                backward(%r: f32[n], %t: f32[n]) -> f32[n] { %h = mul %t, %r : f32[n] return %h }
              }
              return %c
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = exp %x0 : f32[n]
          %1 = mul %ct, %0 : f32[n]
          return %1
        }
        """,
    ),
    "vjp of stop_gradient": (
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %ct {wrt=(0,), of=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = stop_gradient %a : f32[n]
              %d = mul %a, %c : f32[n]
              return %d
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = stop_gradient %x0 : f32[n]
          %1 = scale %ct, %0 : f32[n]
          return %1
        }
        """,
    ),
    "vmap of product": (
        """
        func @f(%x0: f32[b,n], %x1: f32[m]) -> f32[b,n] where n == m {
          %0 = vmap %x0, %x1 {axes=(0, none), size=b} : f32[b,n] {
            body(%a: f32[n], %b: f32[n]) -> f32[n] {
              %c = mul %a, %b : f32[n]
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n], %x1: f32[m]) -> f32[b,n] where n == m {
          %0 = mul %x0, %x1 : f32[b,n]
          return %0
        }
        """,
    ),
    "vmap of if": (
        """
        func @f(%x0: bool[b], %x1: f32[n]) -> f32[b,n] {
          %0 = vmap %x0, %x1 {axes=(0, none), size=b} : f32[b,n] {
            body(%p: bool[], %a: f32[n]) -> f32[n] {
              %c = if %p, %a : f32[n] {
                then(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                else(%f: f32[n]) -> f32[n] { return %f }
              }
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: bool[b], %x1: f32[n]) -> f32[b,n] {
          %0 = reshape %x0 {shape=(b, 1)} : bool[b,1]
          %1 = exp %x1 : f32[n]
          %2 = broadcast_to %1 {shape=(b, n)} : f32[b,n]
          %3 = broadcast_to %x1 {shape=(b, n)} : f32[b,n]
          %4 = select %0, %2, %3 : f32[b,n]
          return %4
        }
        """,
    ),
    "vmap of recompute": (
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b,n] {
            body(%a: f32[n]) -> f32[n] {
              %c = recompute %a {serial=1} : f32[n] {
                body(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
              }
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = recompute %x0 {serial=1} : f32[b,n] {
            body(%1: f32[b,n]) -> f32[b,n] {
              %2 = exp %1 : f32[b,n]
              return %2
            }
          }
          return %0
        }
        """,
    ),
    "vmap of loop": (
        """
        func @f(%x0: f32[b,n], %x1: f32[5,m]) -> f32[b,n] where n == m {
          %0 = vmap %x0, %x1 {axes=(0, none), size=b} : f32[b,n] {
            body(%a: f32[n], %s: f32[5,n]) -> f32[n] {
              %c = loop %a, %s {trip=5, carried=1, sliced=1, reverse=false} : f32[n] {
                body(%i: i64[], %d: f32[n], %r: f32[n]) -> f32[n] { %e = mul %d, %r : f32[n] return %e }
              }
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n], %x1: f32[5,m]) -> f32[b,n] where n == m {
          %0 = loop %x0, %x1 {trip=5, carried=1, sliced=1, reverse=false} : f32[b,n] {
            body(%1: i64[], %2: f32[b,n], %3: f32[n]) -> f32[b,n] {
              %4 = mul %2, %3 : f32[b,n]
              return %4
            }
          }
          return %0
        }
        """,
    ),
    "vmap of while": (
        """
        func @f(%x0: f32[b], %x1: f32[]) -> f32[b] {
          %0 = vmap %x0, %x1 {axes=(0, none), size=b} : f32[b] {
            body(%a: f32[], %m: f32[]) -> f32[] {
              %c = while %a, %m : (f32[], f32[]) {
                cond(%d: f32[], %k: f32[]) -> bool[] { %e = less %d, %k : bool[] return %e }
                body(%f: f32[], %l: f32[]) -> (f32[], f32[]) { %g = sin %f : f32[] return %g, %l }
              }
              %h = get %c {index=0} : f32[]
              return %h
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b], %x1: f32[]) -> f32[b] {
          %0 = while %x0, %x1 : (f32[b], f32[]) {
            cond(%1: f32[b], %2: f32[]) -> bool[] {
              %3 = less %1, %2 : bool[b]
              %4 = any %3 {axes=(0,), keepdims=false} : bool[]
              return %4
            }
            body(%5: f32[b], %6: f32[]) -> (f32[b], f32[]) {
              %7 = less %5, %6 : bool[b]
              %8 = sin %5 : f32[b]
              %9 = select %7, %8, %5 : f32[b]
              return %9, %6
            }
          }
          %10 = get %0 {index=0} : f32[b]
          return %10
        }
        """,
    ),
    "vmap of custom_jvp": (
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b,n] {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_jvp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                rule(%f: f32[n], %df: f32[n]) -> (f32[n], f32[n]) {
                  %g = exp %f : f32[n]
                  %h = mul %df, %g : f32[n]
                  return %g, %h
                }
              }
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = custom_jvp %x0 {count=1} : f32[b,n] {
            function(%1: f32[b,n]) -> f32[b,n] {
              %2 = exp %1 : f32[b,n]
              return %2
            }
            rule(%3: f32[b,n], %4: f32[b,n]) -> (f32[b,n], f32[b,n]) {
              %5 = exp %3 : f32[b,n]
              %6 = mul %4, %5 : f32[b,n]
              return %5, %6
            }
          }
          return %0
        }
        """,
    ),
    "vmap of custom_vjp": (
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b,n] {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_vjp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                forward(%f: f32[n]) -> (f32[n], f32[n]) { %g = exp %f : f32[n] return %g, %g }
                backward(%r: f32[n], %t: f32[n]) -> f32[n] { %h = mul %t, %r : f32[n] return %h }
              }
              return %c
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = custom_vjp %x0 {count=1} : f32[b,n] {
            function(%1: f32[b,n]) -> f32[b,n] {
              %2 = exp %1 : f32[b,n]
              return %2
            }
            forward(%3: f32[b,n]) -> (f32[b,n], f32[b,n]) {
              %4 = exp %3 : f32[b,n]
              return %4, %4
            }
            backward(%5: f32[b,n], %6: f32[b,n]) -> f32[b,n] {
              %7 = mul %6, %5 : f32[b,n]
              return %7
            }
          }
          return %0
        }
        """,
    ),
    "vmap of stop_gradient": (
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b,n] {
            body(%a: f32[n]) -> f32[n] {
              %c = stop_gradient %a : f32[n]
              %d = mul %a, %c : f32[n]
              return %d
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = stop_gradient %x0 : f32[b,n]
          %1 = mul %x0, %0 : f32[b,n]
          return %1
        }
        """,
    ),
    "vjp of while": (
        """
        func @f(%x0: f32[], %x1: f32[], %ct: f32[]) -> f32[] {
          %0 = vjp %x0, %x1, %ct {wrt=(0,), of=(0,)} : (f32[], f32[]) {
            body(%a: f32[], %m: f32[]) -> f32[] {
              %c = while %a, %m : (f32[], f32[]) {
                cond(%d: f32[], %k: f32[]) -> bool[] { %e = less %d, %k : bool[] return %e }
                body(%f: f32[], %l: f32[]) -> (f32[], f32[]) { %g = sin %f : f32[] return %g, %l }
              }
              %h = get %c {index=0} : f32[]
              return %h
            }
          }
          %1 = get %0 {index=1} : f32[]
          return %1
        }
        """,
        """
        func @f(%x0: f32[], %x1: f32[], %ct: f32[]) -> f32[] {
          %0 = const 0 : i64[]
          %1 = while %x0, %x1, %0 : (f32[], f32[], i64[]) {
            cond(%2: f32[], %3: f32[], %4: i64[]) -> bool[] {
              %5 = less %2, %3 : bool[]
              return %5
            }
            body(%6: f32[], %7: f32[], %8: i64[]) -> (f32[], f32[], i64[]) {
              %9 = sin %6 : f32[]
              %10 = const 1 : i64[]
              %11 = add %8, %10 : i64[]
              return %9, %7, %11
            }
          }
          %12 = get %1 {index=2} : i64[]
          %13 = bind %12, %x0, %x1, %ct {symbol=turns} : f32[] {
            body(%14: f32[], %15: f32[], %16: f32[]) -> f32[] {
              %17 = loop %14, %15 {trip=turns, carried=1, sliced=0, reverse=false} : (f32[], f32[turns]) {
                body(%18: i64[], %19: f32[], %20: f32[]) -> (f32[], f32[]) {
                  %21 = sin %19 : f32[]
                  %22 = cos %19 : f32[]
                  return %21, %22
                }
              }
              %23 = get %17 {index=1} : f32[turns]
              %24 = loop %16, %23, %15 {trip=turns, carried=1, sliced=1, reverse=true} : f32[] {
                body(%25: i64[], %26: f32[], %27: f32[], %28: f32[]) -> f32[] {
                  %29 = scale %26, %27 : f32[]
                  return %29
                }
              }
              return %24
            }
          }
          return %13
        }
        """,
    ),
    "jvp of bind": (
        """
        func @f(%x0: i64[], %x1: f32[n], %d1: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %x1, %d1 {wrt=(1,)} : (f32[n], f32[n]) {
            body(%c: i64[], %a: f32[n]) -> f32[n] {
              %b = bind %c, %a {symbol=s} : f32[n] {
                body(%d: f32[n]) -> f32[n] {
                  %e = broadcast_to %d {shape=(s,n)} : f32[s,n]
                  %g = cumsum %e {axis=0} : f32[s,n]
                  %h = sum %g {axes=(0,), keepdims=false} : f32[n]
                  return %h
                }
              }
              return %b
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        """
        func @f(%x0: i64[], %x1: f32[n], %d1: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = bind %x0, %x1, %d1 {symbol=s} : (f32[n], f32[n]) {
            body(%1: f32[n], %2: f32[n]) -> (f32[n], f32[n]) {
              %3 = broadcast_to %1 {shape=(s, n)} : f32[s,n]
              %4 = cumsum %3 {axis=0} : f32[s,n]
              %5 = sum %4 {axes=(0,), keepdims=false} : f32[n]
              %6 = broadcast_to %2 {shape=(s, n)} : f32[s,n]
              %7 = cumsum %6 {axis=0} : f32[s,n]
              %8 = sum %7 {axes=(0,), keepdims=false} : f32[n]
              return %5, %8
            }
          }
          %9 = get %0 {index=0} : f32[n]
          %10 = get %0 {index=1} : f32[n]
          return %9, %10
        }
        """,
    ),
    "vjp of bind": (
        """
        func @f(%x0: i64[], %x1: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = vjp %x0, %x1, %ct {wrt=(1,), of=(0,)} : (f32[n], f32[n]) {
            body(%c: i64[], %a: f32[n]) -> f32[n] {
              %b = bind %c, %a {symbol=s} : f32[n] {
                body(%d: f32[n]) -> f32[n] {
                  %e = broadcast_to %d {shape=(s,n)} : f32[s,n]
                  %h = prod %e {axes=(0,), keepdims=false} : f32[n]
                  return %h
                }
              }
              return %b
            }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x0: i64[], %x1: f32[n], %ct: f32[k]) -> f32[n] where n == k {
          %0 = bind %x0, %x1, %ct {symbol=s} : f32[n] {
            body(%1: f32[n], %2: f32[n]) -> f32[n] {
              %3 = reshape %2 {shape=(n, 1)} : f32[n,1]
              %4 = broadcast_to %3 {shape=(n, s)} : f32[n,s]
              %5 = broadcast_to %1 {shape=(s, n)} : f32[s,n]
              %6 = transpose %5 {permutation=(1, 0)} : f32[n,s]
              %7 = cumprod %6 {axis=1} : f32[n,s]
              %8 = const 1.0 : f32[]
              %9 = pad %7, %8 {low=(0, 1), high=(0, -1)} : f32[n,s]
              %10 = slice %6 {start=(0, s - 1), step=(1, -1), size=(n, s)} : f32[n,s]
              %11 = cumprod %10 {axis=1} : f32[n,s]
              %12 = pad %11, %8 {low=(0, 1), high=(0, -1)} : f32[n,s]
              %13 = slice %12 {start=(0, s - 1), step=(1, -1), size=(n, s)} : f32[n,s]
              %14 = mul %9, %13 : f32[n,s]
              %15 = scale %4, %14 : f32[n,s]
              %16 = transpose %15 {permutation=(1, 0)} : f32[s,n]
              %17 = sum %16 {axes=(0,), keepdims=false} : f32[n]
              return %17
            }
          }
          return %0
        }
        """,
    ),
    "vmap of bind": (
        """
        func @f(%x0: i64[], %x1: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0, %x1 {axes=(none, 0), size=b} : f32[b,n] {
            body(%c: i64[], %a: f32[n]) -> f32[n] {
              %b = bind %c, %a {symbol=s} : f32[n] {
                body(%d: f32[n]) -> f32[n] {
                  %e = dim {size=s} : i64[]
                  %g = astype %e {dtype=f32} : f32[]
                  %h = mul %d, %g : f32[n]
                  return %h
                }
              }
              return %b
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: i64[], %x1: f32[b,n]) -> f32[b,n] {
          %0 = bind %x0, %x1 {symbol=s} : f32[b,n] {
            body(%1: f32[b,n]) -> f32[b,n] {
              %2 = dim {size=s} : i64[]
              %3 = astype %2 {dtype=f32} : f32[]
              %4 = mul %1, %3 : f32[b,n]
              return %4
            }
          }
          return %0
        }
        """,
    ),
    "vmap of bind, numbers differ": (
        """
        func @f(%x0: i64[b], %x1: f32[m,n]) -> f32[b,n] where b == m {
          %0 = vmap %x0, %x1 {axes=(0, 0), size=b} : f32[b,n] {
            body(%c: i64[], %a: f32[n]) -> f32[n] {
              %b = bind %c, %a {symbol=s} : f32[n] {
                body(%d: f32[n]) -> f32[n] {
                  %e = dim {size=s} : i64[]
                  %g = astype %e {dtype=f32} : f32[]
                  %h = mul %d, %g : f32[n]
                  return %h
                }
              }
              return %b
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: i64[b], %x1: f32[m,n]) -> f32[b,n] where b == m {
          %0 = loop %x0, %x1 {trip=b, carried=0, sliced=2, reverse=false} : f32[b,n] {
            body(%1: i64[], %2: i64[], %3: f32[n]) -> f32[n] {
              %4 = bind %2, %3 {symbol=s} : f32[n] {
                body(%5: f32[n]) -> f32[n] {
                  %6 = dim {size=s} : i64[]
                  %7 = astype %6 {dtype=f32} : f32[]
                  %8 = mul %5, %7 : f32[n]
                  return %8
                }
              }
              return %4
            }
          }
          return %0
        }
        """,
    ),
    "vjp of segmented": (
        """
        func @f(%x0: f32[], %ct: f32[]) -> f32[] {
          %0 = vjp %x0, %ct {wrt=(0,), of=(0,)} : (f32[], f32[]) {
            body(%a: f32[]) -> f32[] {
              %s = segmented %a {length=4} : f32[] {
                body(%c: f32[]) -> f32[] {
                  %d = loop %c {trip=10, carried=1, sliced=0, reverse=false} : f32[] {
                    body(%i: i64[], %e: f32[]) -> f32[] { %g = sin %e : f32[] return %g }
                  }
                  return %d
                }
              }
              return %s
            }
          }
          %1 = get %0 {index=1} : f32[]
          return %1
        }
        """,
        """
        func @f(%x0: f32[], %ct: f32[]) -> f32[] {
          %0 = loop %x0 {trip=2, carried=1, sliced=0, reverse=false} : (f32[], f32[2]) {
            body(%1: i64[], %2: f32[]) -> (f32[], f32[]) {
              %3 = dim {size=4} : i64[]
              %4 = mul %1, %3 : i64[]
              %5 = recompute %2, %4 {serial=0} : f32[] {
                body(%6: f32[], %7: i64[]) -> f32[] {
                  %8 = loop %6, %7 {trip=4, carried=1, sliced=0, reverse=false} : f32[] {
                    body(%9: i64[], %10: f32[], %11: i64[]) -> f32[] {
                      %12 = sin %10 : f32[]
                      return %12
                    }
                  }
                  return %8
                }
              }
              return %5, %2
            }
          }
          %13 = get %0 {index=0} : f32[]
          %14 = dim {size=8} : i64[]
          %15 = loop %13, %14 {trip=2, carried=1, sliced=0, reverse=false} : (f32[], f32[2]) {
            body(%16: i64[], %17: f32[], %18: i64[]) -> (f32[], f32[]) {
              %19 = sin %17 : f32[]
              %20 = cos %17 : f32[]
              return %19, %20
            }
          }
          %21 = get %15 {index=1} : f32[2]
          %22 = loop %ct, %21, %14 {trip=2, carried=1, sliced=1, reverse=true} : f32[] {
            body(%23: i64[], %24: f32[], %25: f32[], %26: i64[]) -> f32[] {
              %27 = scale %24, %25 : f32[]
              return %27
            }
          }
          %28 = get %0 {index=1} : f32[2]
          %29 = loop %22, %28 {trip=2, carried=1, sliced=1, reverse=true} : f32[] {
            body(%30: i64[], %31: f32[], %32: f32[]) -> f32[] {
              %33 = dim {size=4} : i64[]
              %34 = mul %30, %33 : i64[]
              %35 = recompute %32, %34, %31 {serial=0} : f32[] {
                body(%36: f32[], %37: i64[], %38: f32[]) -> f32[] {
                  %39 = loop %36, %37 {trip=4, carried=1, sliced=0, reverse=false} : (f32[], f32[4]) {
                    body(%40: i64[], %41: f32[], %42: i64[]) -> (f32[], f32[]) {
                      %43 = sin %41 : f32[]
                      %44 = cos %41 : f32[]
                      return %43, %44
                    }
                  }
                  %45 = get %39 {index=1} : f32[4]
                  %46 = loop %38, %45, %37 {trip=4, carried=1, sliced=1, reverse=true} : f32[] {
                    body(%47: i64[], %48: f32[], %49: f32[], %50: i64[]) -> f32[] {
                      %51 = scale %48, %49 : f32[]
                      return %51
                    }
                  }
                  return %46
                }
              }
              return %35
            }
          }
          return %29
        }
        """,
    ),
    "jvp of segmented": (
        """
        func @f(%x0: f32[], %d0: f32[]) -> f32[] {
          %0 = jvp %x0, %d0 {wrt=(0,)} : (f32[], f32[]) {
            body(%a: f32[]) -> f32[] {
              %s = segmented %a {length=4} : f32[] {
                body(%c: f32[]) -> f32[] {
                  %d = loop %c {trip=10, carried=1, sliced=0, reverse=false} : f32[] {
                    body(%i: i64[], %e: f32[]) -> f32[] { %g = sin %e : f32[] return %g }
                  }
                  return %d
                }
              }
              return %s
            }
          }
          %1 = get %0 {index=1} : f32[]
          return %1
        }
        """,
        """
        func @f(%x0: f32[], %d0: f32[]) -> f32[] {
          %0 = segmented %x0, %d0 {length=4} : (f32[], f32[]) {
            body(%1: f32[], %2: f32[]) -> (f32[], f32[]) {
              %3 = loop %1, %2 {trip=10, carried=2, sliced=0, reverse=false} : (f32[], f32[]) {
                body(%4: i64[], %5: f32[], %6: f32[]) -> (f32[], f32[]) {
                  %7 = sin %5 : f32[]
                  %8 = cos %5 : f32[]
                  %9 = scale %6, %8 : f32[]
                  return %7, %9
                }
              }
              %10 = get %3 {index=0} : f32[]
              %11 = get %3 {index=1} : f32[]
              return %10, %11
            }
          }
          %12 = get %0 {index=1} : f32[]
          return %12
        }
        """,
    ),
    "vmap of segmented": (
        """
        func @f(%x0: f32[b]) -> f32[b] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b] {
            body(%a: f32[]) -> f32[] {
              %s = segmented %a {length=4} : f32[] {
                body(%c: f32[]) -> f32[] {
                  %d = loop %c {trip=10, carried=1, sliced=0, reverse=false} : f32[] {
                    body(%i: i64[], %e: f32[]) -> f32[] { %g = sin %e : f32[] return %g }
                  }
                  return %d
                }
              }
              return %s
            }
          }
          return %0
        }
        """,
        """
        func @f(%x0: f32[b]) -> f32[b] {
          %0 = segmented %x0 {length=4} : f32[b] {
            body(%1: f32[b]) -> f32[b] {
              %2 = loop %1 {trip=10, carried=1, sliced=0, reverse=false} : f32[b] {
                body(%3: i64[], %4: f32[b]) -> f32[b] {
                  %5 = sin %4 : f32[b]
                  return %5
                }
              }
              return %2
            }
          }
          return %0
        }
        """,
    ),
}


@pytest.mark.parametrize(("before", "after"), PAIRS.values(), ids=PAIRS)
def test_transforms(before, after):
    assert rewritten(transforms, before) == lines(after)


def test_every_transform_has_its_texts():
    transformed = {name.partition(" ")[0] for name in PAIRS}
    assert transformed == {n for n, op in OPS.items() if op.family == "transform"}


DROPPED = {
    "custom_jvp": (
        """
        func @f(%x: f32[n]) -> f32[n] {
          %0 = custom_jvp %x {count=1} : f32[n] {
            function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
            rule(%g: f32[n], %dg: f32[n]) -> (f32[n], f32[n]) {
              %h = exp %g : f32[n]
              %i = mul %dg, %h : f32[n]
              return %h, %i
            }
          }
          return %0
        }
        """,
        """
        func @f(%x: f32[n]) -> f32[n] {
          %0 = exp %x : f32[n]
          return %0
        }
        """,
    ),
    "several results": (
        """
        func @f(%x: f32[n], %w: f32[]) -> f32[n] {
          %0 = custom_vjp %x, %w {count=1} : (f32[n], f32[n]) {
            function(%d: f32[n], %v: f32[]) -> (f32[n], f32[n]) { %e = exp %d : f32[n] %s = mul %d, %v : f32[n] return %e, %s }
            forward(%d2: f32[n], %v2: f32[]) -> (f32[n], f32[n]) { return %d2, %d2 }
            backward(%t: f32[n], %u: f32[n], %v3: f32[]) -> f32[n] { return %t }
          }
          %1 = get %0 {index=1} : f32[n]
          return %1
        }
        """,
        """
        func @f(%x: f32[n], %w: f32[]) -> f32[n] {
          %0 = mul %x, %w : f32[n]
          return %0
        }
        """,
    ),
    "stop_gradient": (
        """
        func @f(%x: f32[n]) -> f32[n] {
          %0 = stop_gradient %x : f32[n]
          %1 = neg %0 : f32[n]
          return %1
        }
        """,
        """
        func @f(%x: f32[n]) -> f32[n] {
          %0 = neg %x : f32[n]
          return %0
        }
        """,
    ),
    "segmented": (
        """
        func @f(%x: f32[]) -> f32[] {
          %0 = segmented %x {length=4} : f32[] {
            body(%c: f32[]) -> f32[] {
              %d = loop %c {trip=10, carried=1, sliced=0, reverse=false} : f32[] {
                body(%i: i64[], %e: f32[]) -> f32[] { %g = sin %e : f32[] return %g }
              }
              return %d
            }
          }
          return %0
        }
        """,
        """
        func @f(%x: f32[]) -> f32[] {
          %0 = loop %x {trip=10, carried=1, sliced=0, reverse=false} : f32[] {
            body(%1: i64[], %2: f32[]) -> f32[] {
              %3 = sin %2 : f32[]
              return %3
            }
          }
          return %0
        }
        """,
    ),
}


@pytest.mark.parametrize(("before", "after"), DROPPED.values(), ids=DROPPED)
def test_drop_custom(before, after):
    assert rewritten(drop_custom, before) == lines(after)


REFUSED = {
    "vmap of cluster": (
        """
        func @f(%x0: f32[b,n]) -> f32[b,n] {
          %0 = vmap %x0 {axes=(0,), size=b} : f32[b,n] {
            body(%a: f32[n]) -> f32[n] {
              %c = cluster %a {kind="map", loops=(n,), inner=(), results=((0,),),
                reductions=()} : f32[n] {
                body(%d: f32[n]) -> f32[n] { %e = neg %d : f32[n] return %e }
              }
              return %c
            }
          }
          return %0
        }
        """,
        "error: cluster cannot be batched [batching]",
    ),
    "jvp of custom_vjp": (
        """
        func @f(%x0: f32[n], %d0: f32[k]) -> (f32[n], f32[n]) where n == k {
          %0 = jvp %x0, %d0 {wrt=(0,)} : (f32[n], f32[n]) {
            body(%a: f32[n]) -> f32[n] {
              %c = custom_vjp %a {count=1} : f32[n] {
                function(%d: f32[n]) -> f32[n] { %e = exp %d : f32[n] return %e }
                forward(%f: f32[n]) -> (f32[n], f32[n]) { %g = exp %f : f32[n] return %g, %g }
                backward(%r: f32[n], %t: f32[n]) -> f32[n] { %h = mul %t, %r : f32[n] return %h }
              }
              return %c
            }
          }
          %1 = get %0 {index=0} : f32[n]
          %2 = get %0 {index=1} : f32[n]
          return %1, %2
        }
        """,
        "error: a function with custom_vjp has no derivative in forward mode [derivative]",
    ),
}


@pytest.mark.parametrize(("before", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_derivative_is_refused(before, message):
    with pytest.raises(UnsupportedError) as caught:
        rewritten(transforms, before)
    assert str(caught.value).splitlines()[0] == message
