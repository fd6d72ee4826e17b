package stats

import "math"

// The functions of this file give the same bits on every instruction set: they use additions, multiplications, divisions and
// square roots alone, which IEEE 754 rounds in one way, and an explicit conversion of every product keeps the compiler from
// fusing it with an addition. Whoever sums their results has to do the same.

// Exp returns e^x to about 1 unit in the last place: x = k log 2 + r, and the Taylor series of r. It is 0 below -708 and
// positive infinity over 709.
func Exp(x float64) float64 {
	const (
		high = 6.93147180369123816490e-01 // log 2, of 32 bits: k times it is exact
		low  = 1.90821492927058770002e-10
	)
	switch {
	case x != x:
		return x
	case x < -708:
		return 0
	case x > 709:
		return math.Inf(1)
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	r := (x - float64(k*high)) - float64(k*low)
	sum := 1.0
	for n := 14.0; n >= 1; n-- {
		sum = 1 + float64(r*sum)/n
	}
	return float64(sum * math.Float64frombits(uint64(1023+int64(k))<<52)) //nolint:gosec // G115: of a float's exponent
}

// Log returns the natural logarithm of x, which is positive, finite and normal; of anything else it is negative infinity:
// x = 2^e m with m near 1, and log m = 2 artanh((m-1)/(m+1)) as a series.
func Log(x float64) float64 {
	b := math.Float64bits(x)
	e := int64(b>>52) - 1023
	if !(x > 0) || e < -1022 || e > 1023 {
		return math.Inf(-1)
	}
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m, e = float64(m*0.5), e+1
	}
	z := (m - 1) / (m + 1)
	z2, sum := float64(z*z), 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(z2*sum)
	}
	return float64(float64(e)*math.Ln2) + float64(float64(2*z)*sum)
}

// NormalQuantile returns the p-quantile of the standard normal distribution, to about 1e-15; it is infinite at 0 and 1.
//
// Source: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37
// (1988), PPND16.
func NormalQuantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		return float64(q * ratio(0.180625-float64(q*q), centre))
	}
	tail := math.Min(p, 1-p)
	if !(tail > 0) {
		return math.Copysign(math.Inf(1), q)
	}
	r := math.Sqrt(-Log(tail))
	if r <= 5 {
		return math.Copysign(ratio(r-1.6, middle), q)
	}
	return math.Copysign(ratio(r-5, far), q)
}

// rational holds the coefficients of a numerator and a denominator, lowest powers first.
type rational struct{ above, below [8]float64 }

var centre = rational{
	above: [8]float64{
		3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
		4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
	},
	below: [8]float64{
		1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
		2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
	},
}

var middle = rational{
	above: [8]float64{
		1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
		1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
	},
	below: [8]float64{
		1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
		1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
	},
}

var far = rational{
	above: [8]float64{
		6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
		2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
	},
	below: [8]float64{
		1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
		7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
	},
}

func ratio(x float64, r rational) float64 {
	above, below := 0.0, 0.0
	for i := 7; i >= 0; i-- {
		above = float64(above*x) + r.above[i]
		below = float64(below*x) + r.below[i]
	}
	return above / below
}

// UpperBound returns the one-sided Clopper-Pearson upper bound of k of n at the error alpha, below one half: the smallest p
// under which k successes or fewer are as unlikely as alpha, to 1e-12. The lower bound of k is one less the upper bound of
// n-k. Unlike [Interval] it computes with floating point: it is for samples of any size, and for other errors than 5 %.
func UpperBound(k, n int, alpha float64) float64 {
	if k < 0 || k > n || n < 1 || !(alpha > 0 && alpha < 0.5) {
		panic("stats: bound of a sample that is none")
	}
	if k == n {
		return 1
	}
	low, high := float64(k)/float64(n), 1.0 // P(X <= k) is about one half at k/n, and falls
	for high-low > 1e-12 {
		mid := float64((low + high) * 0.5)
		if lowerTail(k, n, mid) <= alpha {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// lowerTail returns P(X <= k) for X binomial in n and p, k/n < p < 1, summing from the largest term down.
func lowerTail(k, n int, p float64) float64 {
	log := float64(float64(k)*Log(p)) + float64(float64(n-k)*Log(1-p))
	for i := 1; i <= min(k, n-k); i++ {
		log += Log(float64(n-min(k, n-k)+i) / float64(i))
	}
	sum, term, odds := 1.0, 1.0, (1-p)/p
	for i := k; i > 0 && term > 1e-18; i-- {
		term = float64(term*odds) * float64(i) / float64(n-i+1)
		sum += term
	}
	return float64(Exp(log) * sum)
}
