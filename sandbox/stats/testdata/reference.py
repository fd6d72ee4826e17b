#!/usr/bin/env python3
"""Writes reference.txt: figures of sandbox/stats by other arithmetic, Python's fractions and decimals of 60 digits.

python3 reference.py > reference.txt

Figures are in millionths. Ends of intervals are rounded outwards, chances up, rates and differences to the nearest.
"""
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60
ONE = 10**6
Z = Decimal("1.959963984540054235524594430520551")  # of the normal distribution, .975


def at_most(k, n, rate):
    """The chance of k of n or fewer, times ONE to the power n."""
    return sum(math.comb(n, i) * rate**i * (ONE - rate) ** (n - i) for i in range(k + 1))


def last(holds):
    """The largest rate for which holds, which does for 0 and not for ONE."""
    low, high = 0, ONE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def clopper_pearson(k, n, share):
    """The exact interval that leaves the share beyond either end."""
    if n == 0:
        return 0, ONE
    low = 0 if k == 0 else last(lambda r: Fraction(ONE**n - at_most(k - 1, n, r), ONE**n) <= share)
    high = ONE if k == n else last(lambda r: Fraction(at_most(k, n, r), ONE**n) > share) + 1
    return low, high


def wilson(k, n):
    if n == 0:
        return 0, ONE
    root = Z * (Z * Z + Decimal(4 * k * (n - k)) / n).sqrt()
    below = 2 * (n + Z * Z)
    low, high = (2 * k + Z * Z - root) / below * ONE, (2 * k + Z * Z + root) / below * ONE
    return 0 if k == 0 else int(low.to_integral_value(ROUND_FLOOR)), ONE if k == n else int(high.to_integral_value(ROUND_CEILING))


def nearest(x):
    return math.floor(x * ONE + Fraction(1, 2))


def rogan_gladen(rate, sensitivity, specificity):
    return min(Fraction(1), max(Fraction(0), (rate + specificity - 1) / (sensitivity + specificity - 1)))


def corrected(k, n, caught, bad, cleared, good):
    """The widest that three intervals of 1 - .05/3 leave, and no narrower than that of the rate alone."""
    raw = clopper_pearson(k, n, Fraction(1, 40))
    rate, se, sp = (clopper_pearson(a, b, Fraction(1, 120)) for a, b in ((k, n), (caught, bad), (cleared, good)))
    if 0 in (n, bad, good) or se[0] + sp[0] <= ONE:
        return nearest(Fraction(k, n)) if n else 0, 0, ONE
    ends = [rogan_gladen(Fraction(rate[i], ONE), Fraction(se[1 - i], ONE), Fraction(sp[i], ONE)) for i in (0, 1)]
    middle = rogan_gladen(Fraction(k, n), Fraction(caught, bad), Fraction(cleared, good))
    return nearest(middle), min(raw[0], math.floor(ends[0] * ONE)), max(raw[1], math.ceil(ends[1] * ONE))


def mcnemar(regressed, fixed, n):
    """The chance of so many regressions of what changed, the difference, and its bound by two of Clopper-Pearson."""
    changed = regressed + fixed
    p = sum(Fraction(math.comb(changed, i), 2**changed) for i in range(regressed, changed + 1))
    size = clopper_pearson(changed, n, Fraction(1, 40))
    steep = 2 * (clopper_pearson(regressed, changed, Fraction(1, 40))[0] if changed else 0) - ONE
    bound = math.floor(Fraction(steep * size[1 if steep < 0 else 0], ONE))
    return math.ceil(p * ONE), Fraction((regressed - fixed) * ONE, n), bound


def main():
    grid = [(k, n) for n in (0, 1, 2, 3, 10, 17, 30, 59) for k in range(n + 1)]
    grid += [(k, n) for n in (150, 300) for k in (0, 1, 2, n // 20, n // 3, n - 1, n)]
    for k, n in grid:
        rate = nearest(Fraction(k, n)) if n else 0
        print("interval", k, n, rate, *clopper_pearson(k, n, Fraction(1, 40)), clopper_pearson(k, n, Fraction(1, 20))[1], *wilson(k, n))
    judges = (190, 200, 199, 200), (200, 200, 200, 200), (50, 100, 52, 100), (0, 0, 0, 0), (1, 1, 1, 1), (10, 10, 0, 10)
    for k, n in ((0, 0), (0, 1), (1, 1), (0, 30), (30, 30), (3, 72), (52, 144), (0, 162)):
        for judge in judges:
            print("corrected", k, n, *judge, *corrected(k, n, *judge))
    for n in (1, 2, 12, 30, 150):
        for k in range(0, n + 1, max(1, n // 12)):
            for limit in (10_000, 50_000, 500_000):
                print("exceeds", k, n, limit, math.ceil(Fraction(ONE**n - at_most(k - 1, n, limit), ONE**n) * ONE))
    for case in ((0, 0, 1), (1, 0, 1), (0, 1, 1), (5, 0, 150), (6, 0, 150), (10, 2, 200), (59, 6, 300), (2, 8, 100), (40, 0, 40), (0, 40, 40), (1, 1, 2)):
        p, difference, bound = mcnemar(*case)
        print("compare", *case, p, math.floor(abs(difference) + Fraction(1, 2)) * (1 if difference >= 0 else -1), bound)


main()
