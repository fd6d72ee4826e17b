// Package stats computes the figures of a verdict: exact binomial intervals and the effective size of clustered
// samples. It uses integers only, so that every instruction set prints the same digits.
package stats

import (
	"fmt"
	"math/big"
)

// MaxN is the largest sample that [Interval] accepts. Beyond it exact integers get slow, and no run has so many cases.
const MaxN = 20000

// scale is the resolution of every figure: six decimals.
const scale = 1_000_000

// Bounds describes a proportion k of n. All are decimals with six digits in [0, 1].
type Bounds struct {
	Rate  string // k/n, rounded half up; 0 for n = 0
	Lower string // two-sided 95 % Clopper-Pearson interval, rounded down
	Upper string // and its other end, rounded up
	Bound string // one-sided 95 % Clopper-Pearson upper bound, rounded up
}

// Interval returns the Clopper-Pearson bounds of k of n. For n = 0 nothing is known: the interval is [0, 1] and the
// bound 1. It panics when k is not in [0, n] or n exceeds [MaxN], which are bugs of the caller.
//
// Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
// binomial", Biometrika 26 (1934).
func Interval(k, n int) Bounds {
	if k < 0 || n < 0 || k > n || n > MaxN {
		panic(fmt.Sprintf("stats: interval of %d of %d", k, n))
	}
	b := Bounds{Rate: decimal(0), Lower: decimal(0), Upper: decimal(scale), Bound: decimal(scale)}
	if n == 0 {
		return b
	}
	b.Rate = decimal((2*k*scale + n) / (2 * n))
	b.Upper = decimal(upper(k, n, big.NewRat(25, 1000)))
	b.Bound = decimal(upper(k, n, big.NewRat(50, 1000)))
	// The lower bound of k successes is one minus the upper bound of the n-k failures.
	b.Lower = decimal(scale - upper(n-k, n, big.NewRat(25, 1000)))
	return b
}

// upper returns the smallest j with P(X <= k) <= alpha for X binomial in n and j/scale.
func upper(k, n int, alpha *big.Rat) int {
	if k == n {
		return scale
	}
	// P(X <= k) falls from 1 at j = 0 to 0 at j = scale.
	lo, hi := 0, scale
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if tailAtMost(k, n, mid, alpha) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// tailAtMost reports whether P(X <= k) <= alpha for X binomial in n and j/scale, 0 < j < scale.
func tailAtMost(k, n, j int, alpha *big.Rat) bool {
	sum := tail(k, n, j)
	all := new(big.Int).Exp(big.NewInt(scale), big.NewInt(int64(n)), nil)
	return sum.Mul(sum, alpha.Denom()).Cmp(all.Mul(all, alpha.Num())) <= 0
}

// tail is P(X <= k) for X binomial in n and j/scale, 0 < j < scale, in units of scale^-n: every term of the sum is then an
// integer, C(n,i) j^i (scale-j)^(n-i).
func tail(k, n, j int) *big.Int {
	q := big.NewInt(int64(scale - j))
	term := new(big.Int).Exp(q, big.NewInt(int64(n)), nil)
	sum := new(big.Int).Set(term)
	up, down := new(big.Int), new(big.Int)
	for i := range k {
		up.SetInt64(int64(n-i) * int64(j))
		down.SetInt64(int64(i+1) * q.Int64())
		term.Mul(term, up).Quo(term, down) // exact: the next term is an integer
		sum.Add(sum, term)
	}
	return sum
}

// decimal writes millionths as a decimal with six digits.
func decimal(millionths int) string {
	return fmt.Sprintf("%d.%06d", millionths/scale, millionths%scale)
}

// A Cluster counts the cases of one template: K of N.
type Cluster struct{ K, N int }

// EffectiveN returns how many independent cases the clusters are worth: n/(1+(m-1)*rho), rounded down, where m is the
// mean cluster size and rho the intra-cluster correlation, estimated by analysis of variance and clamped to [0, 1].
// Where all outcomes are equal, or no cluster has two cases, there is nothing to estimate and rho is taken as 0.
//
// Source: L. Kish, "Survey sampling" (1965), design effect; the estimator of rho is the usual one-way ANOVA estimator.
func EffectiveN(clusters []Cluster) int {
	n, groups := 0, 0
	for _, c := range clusters {
		if c.K < 0 || c.K > c.N {
			panic(fmt.Sprintf("stats: cluster of %d of %d", c.K, c.N))
		}
		if c.N > 0 {
			n, groups = n+c.N, groups+1
		}
	}
	if n == 0 {
		return 0
	}
	rho := correlation(clusters, n, groups)
	// n / (1 + (n/groups - 1) rho)
	design := new(big.Rat).Mul(big.NewRat(int64(n-groups), int64(groups)), rho)
	design.Add(design, big.NewRat(1, 1))
	eff := new(big.Rat).Quo(big.NewRat(int64(n), 1), design)
	return int(new(big.Int).Quo(eff.Num(), eff.Denom()).Int64())
}

// correlation is the ANOVA estimator (MSB-MSW)/(MSB+(m0-1)MSW) of the correlation of two cases of one cluster.
func correlation(clusters []Cluster, n, groups int) *big.Rat {
	zero := new(big.Rat)
	if groups < 2 || n == groups {
		return zero
	}
	// With outcomes 0 and 1 the sum of squares of a cluster is K, and of its mean K^2/N.
	k, squares, perCluster := 0, int64(0), new(big.Rat)
	for _, c := range clusters {
		if c.N > 0 {
			k += c.K
			squares += int64(c.N) * int64(c.N)
			perCluster.Add(perCluster, big.NewRat(int64(c.K)*int64(c.K), int64(c.N)))
		}
	}
	between := new(big.Rat).Sub(perCluster, big.NewRat(int64(k)*int64(k), int64(n)))
	within := new(big.Rat).Sub(big.NewRat(int64(k), 1), perCluster)
	between.Quo(between, big.NewRat(int64(groups-1), 1))
	within.Quo(within, big.NewRat(int64(n-groups), 1))
	// m0 - 1 = (n - squares/n)/(groups-1) - 1
	m0 := new(big.Rat).Sub(big.NewRat(int64(n), 1), big.NewRat(squares, int64(n)))
	m0.Quo(m0, big.NewRat(int64(groups-1), 1)).Sub(m0, big.NewRat(1, 1))
	below := new(big.Rat).Mul(m0, within)
	below.Add(below, between)
	if below.Sign() <= 0 {
		return zero
	}
	rho := new(big.Rat).Quo(new(big.Rat).Sub(between, within), below)
	if rho.Sign() < 0 {
		return zero
	}
	return rho // never over 1: within >= 0 and m0 >= 1
}
