"""The scalar primitives of the loop level as C expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.backends.cuda.c_types import REGISTER_TYPES
from penstock.backends.cuda.helpers import HELPERS
from penstock.ir.dims import Atom, Size
from penstock.ir.types import Dtype

__all__ = ["Expressions"]

_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_BITS = {"and": "&", "or": "|", "xor": "^"}
_OF_BOOLS = {"and": "&&", "or": "||", "xor": "!=", "minimum": "&&", "maximum": "||"}
# Functions of f32; those of f64 are called the same without the `f`.
_FUNCTIONS = {
    "floor": "floorf",
    "ceil": "ceilf",
    "round": "rintf",
    "sqrt": "sqrtf",
    "exp": "expf",
    "expm1": "expm1f",
    "log": "logf",
    "log1p": "log1pf",
    "sin": "sinf",
    "cos": "cosf",
    "tanh": "tanhf",
    "erf": "erff",
    "erfc": "erfcf",
    "exp2": "exp2f",
    "log2": "log2f",
    "log10": "log10f",
    "tan": "tanf",
    "asin": "asinf",
    "acos": "acosf",
    "atan": "atanf",
    "atan2": "atan2f",
    "sinh": "sinhf",
    "cosh": "coshf",
    "asinh": "asinhf",
    "acosh": "acoshf",
    "atanh": "atanhf",
    "cbrt": "cbrtf",
    "hypot": "hypotf",
    "pow": "powf",
}
# What these give of 16-bit floats are 16-bit floats: nothing is to be rounded.
_EXACT = {"floor", "ceil", "round"}


class Expressions:
    """Writes primitives, and remembers which helpers they call.

    Operands are names or literals, so that they bind closer than any operator.

    Attributes:
        helpers: the names of the helpers called so far.
    """

    def __init__(self) -> None:
        self.helpers: dict[str, None] = {}

    def helper(self, name: str) -> str:
        """The name of a helper, which is now called."""
        assert name in HELPERS, name
        self.helpers[name] = None
        return name

    def primitive(
        self,
        name: str,
        operands: Sequence[str],
        dtypes: Sequence[Dtype],
        result: Dtype,
        *,
        wraps: bool = True,
    ) -> str:
        """The result of a primitive.

        Args:
            name: of the primitive.
            operands: as C.
            dtypes: theirs.
            result: the dtype of the result.
            wraps: whether integers may overflow, which has no meaning in C unless they
                are unsigned.
        """
        dtype = dtypes[-1]
        if name in _COMPARISONS:
            return f"{operands[0]} {_COMPARISONS[name]} {operands[1]}"
        if name == "select":
            condition, yes, no = operands
            return f"{condition} ? {yes} : {no}"
        if name == "convert":
            return self.convert(operands[0], dtype, result)
        if name == "bitcast":
            return self._bitcast(operands[0], dtype, result)
        if name == "is_nan":
            return f"{operands[0]} != {operands[0]}"
        if dtype.is_float:
            return self._of_floats(name, operands, dtype)
        if dtype.kind == "b":
            return _of_bools(name, operands)
        return self._of_integers(name, operands, dtype, wraps=wraps)

    def _rounded(self, expression: str, dtype: Dtype) -> str:
        """What float arithmetic gives, in a dtype of maybe 16 bits."""
        if dtype.bits > 16:
            return expression
        return f"{self.helper(f'round_{dtype}')}({expression})"

    def _of_floats(self, name: str, operands: Sequence[str], dtype: Dtype) -> str:
        suffix = "" if dtype.name == "f64" else "f"
        x, *others = operands
        if name in _ARITHMETIC:
            return self._rounded(f"{x} {_ARITHMETIC[name]} {others[0]}", dtype)
        if name in _FUNCTIONS:
            function = _FUNCTIONS[name] if suffix else _FUNCTIONS[name][:-1]
            call = f"{function}({', '.join(operands)})"
            return call if name in _EXACT else self._rounded(call, dtype)
        if name in ("floor_divide", "remainder"):
            function = self.helper(f"{name}_{dtype.compute}")
            return self._rounded(f"{function}({', '.join(operands)})", dtype)
        if name in ("minimum", "maximum"):
            kind = "_half" if dtype.name == "f16" else ""
            return f"{self.helper(name + kind)}({', '.join(operands)})"
        if name == "fma":
            return self._fma(operands, dtype, suffix)
        if name == "sign":
            return f"{self.helper('sign')}({x})"
        if name == "abs":
            return f"fabs{suffix}({x})"
        assert name == "neg", name
        return f"-({x})" if x.startswith("-") else f"-{x}"

    def _fma(self, operands: Sequence[str], dtype: Dtype, suffix: str) -> str:
        if dtype.bits > 16:
            return f"fma{suffix}({', '.join(operands)})"
        # Doubles hold the product, and enough of the sum, exactly.
        a, b, c = operands
        return self._halve(f"fma((double){a}, (double){b}, (double){c})", dtype)

    def _halve(self, double: str, dtype: Dtype) -> str:
        """A double rounded to 16 bits: once to f16; to bf16 through f32, as NumPy's."""
        if dtype.name == "bf16":
            return self._rounded(f"(float){_closed(double)}", dtype)
        narrow, widen = self.helper("f64_to_f16"), self.helper("f16_to_f32")
        return f"{widen}({narrow}({double}))"

    def _of_integers(
        self, name: str, operands: Sequence[str], dtype: Dtype, *, wraps: bool
    ) -> str:
        kind = REGISTER_TYPES[dtype.name]
        x, *others = operands
        if name in _ARITHMETIC:
            operator = _ARITHMETIC[name]
            if not wraps or (dtype.kind == "u" and dtype.bits >= 32):
                return f"{x} {operator} {others[0]}"
            # The other operand follows the first.
            wide = "unsigned long long" if dtype.bits == 64 else "unsigned int"
            return f"({kind})(({wide}){x} {operator} {others[0]})"
        if name in ("minimum", "maximum"):
            relation = "<" if name == "minimum" else ">"
            return f"{x} {relation} {others[0]} ? {x} : {others[0]}"
        if name in _BITS:
            return f"({kind})({x} {_BITS[name]} {others[0]})"
        if name == "not":
            return f"({kind})~{x}"
        if name == "population_count":
            unsigned = REGISTER_TYPES[f"u{dtype.bits}"]
            return f"({kind}){self.helper('population_count')}(({unsigned}){x})"
        if name == "abs" and dtype.kind == "u":
            return x
        if name in ("neg", "abs"):
            negative = f"({kind})(0ull - (unsigned long long){x})"
            return negative if name == "neg" else f"{x} < 0 ? {negative} : {x}"
        if name == "sign" and dtype.kind == "u":
            return f"({kind})({x} != 0)"
        if name == "sign":
            return f"({kind})(({x} > 0) - ({x} < 0))"
        function = {"remainder": "remainder_of", "pow": "power"}.get(name, name)
        return f"{self.helper(function)}<{kind}>({', '.join(operands)})"

    def convert(self, x: str, source: Dtype, target: Dtype) -> str:
        """A number in another dtype, as ``astype``."""
        kind = REGISTER_TYPES[target.name]
        if source is target:
            return x
        if target.kind == "b":
            return f"{x} != 0"
        if target.is_float:
            if target.bits == 16 and source.name == "f64":
                return self._halve(x, target)
            same = kind == REGISTER_TYPES[source.name]
            return self._rounded(x if same else f"({kind}){x}", target)
        if not source.is_float:
            return f"({kind}){x}"
        if target.bits < 32:
            return f"({kind}){self.helper('to_i32')}({x})"
        if target.name == "u32":
            return f"({kind}){self.helper('to_i64')}({x})"
        return f"{self.helper(f'to_{target}')}({x})"

    def _bitcast(self, x: str, source: Dtype, target: Dtype) -> str:
        """The number that the same bits are in another dtype."""
        kind = REGISTER_TYPES[target.name]
        bits = source.bits
        if source.is_float and target.is_float:
            middle = f"{self.helper(f'f32_to_{source}')}({x})"
            return f"{self.helper(f'{target}_to_f32')}({middle})"
        if source.is_float:
            if bits == 16:
                return f"({kind}){self.helper(f'f32_to_{source}')}({x})"
            name = "__float_as_uint" if bits == 32 else "__double_as_longlong"
            return f"({kind}){name}({x})"
        if target.is_float:
            if bits == 16:
                narrow = f"(unsigned short){_closed(x)}"
                return f"{self.helper(f'{target}_to_f32')}({narrow})"
            name = "__uint_as_float" if bits == 32 else "__longlong_as_double"
            return f"{name}({x})"
        return f"({kind}){_closed(x)}"

    def load(self, place: str, dtype: Dtype) -> str:
        """What lies in memory, as it is computed with."""
        if dtype.kind == "b":
            return f"{place} != 0"
        if dtype.is_float and dtype.bits == 16:
            return f"{self.helper(f'{dtype}_to_f32')}({place})"
        return place

    def stored(self, value: str, dtype: Dtype) -> str:
        """A number as it lies in memory."""
        if dtype.is_float and dtype.bits == 16:
            return f"{self.helper(f'f32_to_{dtype}')}({value})"
        return value

    def size(self, size: Size, names: Mapping[str, str]) -> str:
        """A size of the host program, from the names of its symbols.

        Example:
            >>> from penstock.ir.dim_text import parse_dim
            >>> Expressions().size(parse_dim("2*n + m"), {"n": "n", "m": "m_"})
            'm_ + 2 * n'
        """
        if isinstance(size, int):
            return str(size)
        text = ""
        for monomial, coefficient in size.terms:
            factors = [self._atom(atom, names) for atom in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            term = " * ".join(factors)
            if not text:
                text = term if coefficient > 0 else f"-{term}"
            else:
                text += f" {'+' if coefficient > 0 else '-'} {term}"
        return text

    def _atom(self, atom: Atom, names: Mapping[str, str]) -> str:
        if atom.operation == "symbol":
            return names[atom.name]
        left, right = (self.size(argument, names) for argument in atom.arguments)
        if atom.operation in ("min", "max"):
            relation = "<" if atom.operation == "min" else ">"
            return f"({_closed(left)} {relation} {_closed(right)} ? {left} : {right})"
        name = "floor_divide" if atom.operation == "//" else "remainder_of"
        return f"{self.helper(name)}<long long>({left}, {right})"


def _closed(expression: str) -> str:
    return f"({expression})" if " " in expression else expression


def _of_bools(name: str, operands: Sequence[str]) -> str:
    if name == "not":
        return f"!{operands[0]}"
    return f"{operands[0]} {_OF_BOOLS[name]} {operands[1]}"
