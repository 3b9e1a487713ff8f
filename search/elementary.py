"""The exponential and the logarithm: by the libraries of this machine, or with the same bits on every machine.

libm and NumPy choose their code by the processor, and the last bit of a result depends on the code. A portable study
(`search.study.spec.StudySpec.portable`) computes both functions in decimals.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Elementary:
    """Computes exp and ln of one number and of several, and the normal numbers that need ln, by libm and NumPy."""

    is_portable = False  # whether the bits are the same on every processor

    def exp(self, number: float) -> float:
        """Return the exponential of a number."""
        return math.exp(number)

    def ln(self, number: float) -> float:
        """Return the natural logarithm of a number above 0."""
        return math.log(number)

    def exp_of_each(self, numbers: Array) -> Array:
        """Return the exponential of each number, shape (n,)."""
        import numpy as np  # whoever only reads studies needs none

        return np.asarray(np.exp(numbers), np.float64)

    def normals(self, draws: np.random.Generator, count: int) -> Array:
        """Return independent standard normal numbers, shape (count,)."""
        return draws.standard_normal(count)


_DECIMALS = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999, traps=[])
"""`decimal` computes with integers, and rounds exp and ln correctly to 40 digits: by at most 2^-130 of the result.
The float nearest to these digits is also nearest to the true result, because no midpoint of two floats lies between the
two: exp and ln of a float are at least 2^-120 of the result away from each midpoint (Lefèvre and Muller, Worst cases
for correct rounding of the elementary functions in double precision, 2003)."""


@lru_cache(maxsize=1024)
def _correctly_rounded_ln(number: float) -> float:
    """Return what `_Portable.ln` does; the ends of a range are asked for again with each of its values."""
    return float(_DECIMALS.ln(Decimal(number)))


class _Portable(Elementary):
    is_portable = True

    def exp(self, number: float) -> float:
        return float(_DECIMALS.exp(Decimal(number)))

    def ln(self, number: float) -> float:
        return _correctly_rounded_ln(number)

    def exp_of_each(self, numbers: Array) -> Array:
        import numpy as np

        return np.array([self.exp(number) for number in numbers.tolist()])

    def normals(self, draws: np.random.Generator, count: int) -> Array:
        """Draw points of a square until one lies in the unit circle (Marsaglia and Bray 1964).

        NumPy's own normal numbers come from a table, but for one in 3,800, which needs libm's log1p.
        """
        import numpy as np

        found: list[float] = []
        while len(found) < count:
            x, y = 2.0 * draws.random() - 1.0, 2.0 * draws.random() - 1.0
            square = x * x + y * y
            if 0.0 < square < 1.0:
                factor = math.sqrt(-2.0 * self.ln(square) / square)  # IEEE 754 prescribes the bits of a square root
                found += [x * factor, y * factor]
        return np.array(found[:count])


NATIVE = Elementary()
PORTABLE: Elementary = _Portable()  # correctly rounded functions: 30 µs for an exponential, 60 µs for a logarithm
