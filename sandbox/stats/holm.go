package stats

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
)

// ExceedsP returns the p-value of k of n against the hypothesis that the true rate is at most limit millionths: the exact
// chance of k or more. A small one says that the rate is over the limit. It panics as [Interval] does, and for a limit
// outside of (0, 1e6).
func ExceedsP(k, n, limit int) *big.Rat {
	if k < 0 || k > n || n > MaxN || limit <= 0 || limit >= scale {
		panic(fmt.Sprintf("stats: p-value of %d of %d at %d", k, n, limit))
	}
	// P(X >= k) for the rate is P(Y <= n-k) for the others.
	sum := tail(n-k, n, scale-limit)
	return new(big.Rat).SetFrac(sum, new(big.Int).Exp(big.NewInt(scale), big.NewInt(int64(n)), nil))
}

// Holm adjusts p-values for being several: with all hypotheses true, the chance that any adjusted one is at most alpha is
// at most alpha, however they depend on one another.
//
// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
func Holm(p []*big.Rat) []*big.Rat {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(p[a].Cmp(p[b]), cmp.Compare(a, b)) })
	adjusted := make([]*big.Rat, len(p))
	least, one := new(big.Rat), big.NewRat(1, 1)
	for rank, i := range order {
		a := new(big.Rat).Mul(p[i], big.NewRat(int64(len(p)-rank), 1))
		if a.Cmp(one) > 0 {
			a.Set(one)
		}
		if a.Cmp(least) < 0 {
			a.Set(least)
		}
		adjusted[i], least = a, a
	}
	return adjusted
}

// Decimal writes a probability with six digits, rounded up: what is not zero never reads as zero.
func Decimal(p *big.Rat) string { return decimal(round(p, up)) }
