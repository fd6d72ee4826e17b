package stats

import (
	"fmt"
	"math/big"
)

// A Comparison is a paired comparison of two versions on the same cases.
type Comparison struct {
	Regressed, Fixed, N int    // cases that only the new version fails, that only the old one fails, and all
	P                   string // exact one-sided McNemar: the chance of so many regressions if either was as likely
	Difference          string // (Regressed-Fixed)/N, may be negative
	Lower               string // one-sided 95 % lower bound of it, rounded down
	Worse               bool   // P < 0.05 and Lower > the margin
}

// Compare compares two versions with the exact McNemar test. The new one is worse if chance does not explain the
// regressions and the failure rate rose by more than margin millionths, both at 95 %.
//
// The bound of the difference d(2t-1), where d is the share of cases that changed and t that of regressions among them,
// joins Clopper-Pearson bounds of d and t at 97.5 %, so it covers at least 95 %.
//
// Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
// Psychometrika 12 (1947).
func Compare(regressed, fixed, n, margin int) Comparison {
	changed := regressed + fixed
	if regressed < 0 || fixed < 0 || changed > n || n > MaxN || margin < 0 {
		panic(fmt.Sprintf("stats: comparison of %d and %d of %d", regressed, fixed, n))
	}
	c := Comparison{Regressed: regressed, Fixed: fixed, N: n, P: decimal(scale), Difference: decimal(0), Lower: signed(-scale)}
	if n == 0 {
		return c
	}
	p := ExceedsP(regressed, changed, scale/2)
	c.P = Decimal(p)
	difference := big.NewRat(int64(regressed-fixed), int64(n))
	c.Difference = signed(towards(difference, half))
	share := big.NewRat(25, 1000)
	d, t := newExtent(changed, n, share), newExtent(regressed, changed, share)
	if changed == 0 {
		t = extent{0, scale}
	}
	steep := 2*t.lower - scale
	size := d.lower // of the changes, at worst: few regressions, or many fixes
	if steep < 0 {
		size = d.upper
	}
	lower := floorDiv(int64(steep)*int64(size), scale)
	c.Lower = signed(int(lower))
	c.Worse = p.Cmp(big.NewRat(5, 100)) < 0 && lower > int64(margin)
	return c
}

// towards rounds a fraction of either sign, away from zero in the middle.
func towards(r *big.Rat, d direction) int {
	m := round(new(big.Rat).Abs(r), d)
	if r.Sign() < 0 {
		return -m
	}
	return m
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// signed writes millionths of either sign.
func signed(m int) string {
	if m < 0 {
		return "-" + decimal(-m)
	}
	return decimal(m)
}
