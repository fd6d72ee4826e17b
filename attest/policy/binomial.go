package policy

import (
	"math/big"
	"sort"
)

// million is the unit of all rates here: parts per million.
const million = 1_000_000

// maxCases bounds the cases of one detector; the exact arithmetic below takes some hundred ms in the worst case there.
const maxCases = 10_000

// tailAtMost5 reports whether P(X <= k) <= 5 % for X binomial in n and rate/1e6. So rate is at least the one-sided 95 %
// Clopper-Pearson upper bound of k in n. It is exact: in units of 1e6^-n each term C(n,i) rate^i (1e6-rate)^(n-i) is a
// whole number.
//
// The policy computes this itself, and not with the code that made the report, so that one wrong figure does not open
// the gate.
func tailAtMost5(k, n int, rate int64) bool {
	if k >= n { // P(X <= n) = 1, whatever the rate
		return rate >= million
	}
	sum := atMost(k, n, rate)
	return sum.Mul(sum, big.NewInt(20)).Cmp(units(n)) <= 0
}

// provenOver reports whether P(X >= k) <= 5 % divided by tests for X binomial in n and rate/1e6: that many failures are no
// chance of a model at that rate, even where the worst of so many tests is looked at (Bonferroni, the first step of Holm's
// procedure, which decides whether any test rejects).
func provenOver(k, n int, rate int64, tests int) bool {
	if k <= 0 || rate >= million {
		return false
	}
	rest := new(big.Int).Sub(units(n), atMost(k-1, n, rate))
	return rest.Mul(rest, big.NewInt(20*int64(max(1, tests)))).Cmp(units(n)) <= 0
}

// units is 1e6^n.
func units(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(million), big.NewInt(int64(n)), nil)
}

// atMost is P(X <= k) in units of 1e6^-n, for k below n.
func atMost(k, n int, rate int64) *big.Int {
	other := big.NewInt(million - rate)
	term := new(big.Int).Exp(other, big.NewInt(int64(n-k)), nil) // the common factor (1e6-rate)^(n-k)
	// Horner over i = 0..k: sum C(n,i) rate^i (1e6-rate)^(k-i).
	sum, power, choose := big.NewInt(0), big.NewInt(1), big.NewInt(1)
	for i := 0; i <= k; i++ {
		sum.Mul(sum, other)
		sum.Add(sum, new(big.Int).Mul(choose, power))
		power.Mul(power, big.NewInt(rate))
		choose.Mul(choose, big.NewInt(int64(n-i)))
		choose.Quo(choose, big.NewInt(int64(i+1)))
	}
	return sum.Mul(sum, term)
}

// upperBound returns the one-sided 95 % Clopper-Pearson upper bound of k in n, rounded up to a millionth.
func upperBound(k, n int) int64 {
	if n == 0 {
		return million
	}
	return int64(sort.Search(million, func(rate int) bool { return tailAtMost5(k, n, int64(rate)) }))
}

// maxNeeded is where casesNeeded ends looking.
const maxNeeded = 2000

// casesNeeded returns the smallest number of cases for which k of them against the model keep the bound within limit,
// or 0 when maxNeeded do not suffice.
func casesNeeded(k int, limit int64) int {
	n := sort.Search(maxNeeded, func(n int) bool { return tailAtMost5(k, n+1, limit) }) + 1
	if n > maxNeeded {
		return 0
	}
	return n
}
