package stats

import "math/big"

// A Judge is how a detector's judge did on labelled outputs: Caught of Bad were called bad, Cleared of Good were not.
type Judge struct{ Caught, Bad, Cleared, Good int }

// A Range is an estimate and its two-sided interval, decimals with six digits in [0, 1], ends rounded outwards.
type Range struct{ Rate, Lower, Upper string }

// Corrected returns the rate of what k of n calls of an imperfect judge stand for, (k/n + Sp - 1)/(Se + Sp - 1), in [0, 1].
// The interval covers at least 95 %: it is the widest that Clopper-Pearson intervals of rate, sensitivity and specificity
// leave, each at 1 - 0.05/3, and never narrower than that of [Interval]: the judge's errors add doubt and take none. Where the labelled outputs do not show the judge to be better than chance, Se + Sp > 1,
// nothing is known and the interval is [0, 1].
//
// Source: W. J. Rogan, B. Gladen, "Estimating prevalence from the results of a screening test", American Journal of
// Epidemiology 107 (1978).
func Corrected(k, n int, j Judge) Range {
	share := big.NewRat(1, 120) // 0.05/3 on two sides
	rate, se, sp := newExtent(k, n, share), newExtent(j.Caught, j.Bad, share), newExtent(j.Cleared, j.Good, share)
	raw := Interval(k, n)
	all := Range{Rate: raw.Rate, Lower: decimal(0), Upper: decimal(scale)}
	if n == 0 || j.Bad == 0 || j.Good == 0 || se.lower+sp.lower <= scale {
		return all
	}
	// The estimate grows with rate and specificity, and falls with sensitivity.
	lower := roganGladen(millionths(rate.lower), millionths(se.upper), millionths(sp.lower))
	upper := roganGladen(millionths(rate.upper), millionths(se.lower), millionths(sp.upper))
	middle := roganGladen(big.NewRat(int64(k), int64(n)), big.NewRat(int64(j.Caught), int64(j.Bad)), big.NewRat(int64(j.Cleared), int64(j.Good)))
	return Range{
		Rate: decimal(round(middle, half)), Lower: min(raw.Lower, decimal(round(lower, down))), Upper: max(raw.Upper, decimal(round(upper, up))),
	}
}

func roganGladen(rate, se, sp *big.Rat) *big.Rat {
	one := big.NewRat(1, 1)
	above := new(big.Rat).Add(rate, sp)
	below := new(big.Rat).Add(se, sp)
	p := above.Sub(above, one).Quo(above, below.Sub(below, one))
	if p.Sign() < 0 {
		return p.SetInt64(0)
	}
	if p.Cmp(one) > 0 {
		return one
	}
	return p
}

// extent holds the ends of a Clopper-Pearson interval in millionths.
type extent struct{ lower, upper int }

// newExtent leaves at most the share beyond either end.
func newExtent(k, n int, share *big.Rat) extent {
	return extent{lower: scale - upper(n-k, n, share), upper: upper(k, n, share)}
}

func millionths(m int) *big.Rat { return big.NewRat(int64(m), scale) }

// direction says how a fraction becomes millionths.
type direction int

const (
	down direction = iota
	half           // to the nearest, upwards in the middle
	up
)

// round returns a fraction that is not negative in millionths.
func round(r *big.Rat, d direction) int {
	above := new(big.Int).Mul(r.Num(), big.NewInt(scale))
	quotient, rest := above.QuoRem(above, r.Denom(), new(big.Int))
	twice := rest.Lsh(rest, 1)
	if d == up && rest.Sign() > 0 || d == half && twice.Cmp(r.Denom()) >= 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return int(quotient.Int64())
}
