package stats

import (
	"fmt"
	"math/big"
)

// Wilson returns the two-sided 95 % score interval of k of n, for display: it is narrower than that of [Interval], holds
// its level on average only, and so decides nothing. The ends are decimals with six digits, rounded outwards; for n = 0
// they are 0 and 1. It panics as [Interval] does.
//
// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
func Wilson(k, n int) (lower, upper string) {
	if k < 0 || k > n || n > MaxN {
		panic(fmt.Sprintf("stats: interval of %d of %d", k, n))
	}
	if n == 0 {
		return decimal(0), decimal(scale)
	}
	// The other end is one minus the lower one of the n-k others.
	return decimal(wilsonLower(k, n)), decimal(scale - wilsonLower(n-k, n))
}

// wilsonLower is (2k + z^2 - z sqrt(z^2 + 4k(n-k)/n)) / 2(n + z^2) in millionths, rounded down, with z = 1.959963984540055,
// the quantile rounded up.
func wilsonLower(k, n int) int {
	if k == 0 {
		return 0
	}
	z := big.NewInt(1959963984540055)
	z2 := new(big.Int).Mul(z, z)
	unit := exp10(30) // of z2
	bn := big.NewInt(int64(n))
	// root = n 1e27 sqrt(z^2 + 4k(n-k)/n), rounded up
	root := new(big.Int).Mul(big.NewInt(4*int64(k)*int64(n-k)), unit)
	root.Add(root, new(big.Int).Mul(z2, bn)).Mul(root, bn).Mul(root, exp10(24))
	root.Sqrt(root).Add(root, big.NewInt(1))
	above := new(big.Int).Mul(big.NewInt(2*int64(k)), unit)
	above.Add(above, z2).Mul(above, bn).Mul(above, exp10(12))
	above.Sub(above, root.Mul(root, z)).Mul(above, big.NewInt(scale))
	below := new(big.Int).Mul(unit, bn)
	below.Add(below, z2).Mul(below, bn).Mul(below, exp10(12)).Lsh(below, 1)
	return int(above.Quo(above, below).Int64())
}

func exp10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }
