package al

import "math"

// exp is e to the power of x, the same bits on every machine: x = k ln 2 + r, a Taylor polynomial of r. Where it would
// leave the range of normal numbers it stays at its edge.
func exp(x float64) float64 {
	const (
		log2e = 1.44269504088896340736
		ln2Hi = 0x1.62e42fefap-01 // 35 bits, so that k ln2Hi is exact
		ln2Lo = 0x1.cf79abc9e3b39p-40
	)
	x = max(-700, min(700, x))
	k := math.RoundToEven(float64(x * log2e))
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	sum := 1.0
	for _, inverse := range inverses {
		sum = 1 + float64(float64(r*sum)*inverse)
	}
	return float64(sum * math.Float64frombits(uint64(1023+int64(k))<<52))
}

// inverses of 14 to 1.
var inverses = [...]float64{1. / 14, 1. / 13, 1. / 12, 1. / 11, 1. / 10, 1. / 9, 1. / 8, 1. / 7, 1. / 6, 1. / 5, 1. / 4, 1. / 3, 1. / 2, 1}

// log is the natural logarithm of a positive normal x: x = 2^e m with m near 1, log m = 2 artanh((m-1)/(m+1)) as a series.
func log(x float64) float64 {
	const ln2 = 0.693147180559945309417
	b := math.Float64bits(x)
	e := int64(b>>52) - 1023
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m, e = float64(m*0.5), e+1
	}
	z := (m - 1) / (m + 1)
	z2, sum := float64(z*z), 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(z2*sum)
	}
	return float64(float64(e)*ln2) + float64(float64(2*z)*sum)
}

// sigmoid is 1/(1+exp(-x)).
func sigmoid(x float64) float64 { return 1 / (1 + exp(-x)) }

// Logit is the inverse of the logistic function, the same bits on every machine; probabilities are kept off 0 and 1.
func Logit(p float64) float64 {
	const edge = 1e-9
	p = max(edge, min(1-edge, p))
	return log(p) - log(1-p)
}

// root is the square root, which every machine rounds correctly.
func root(x float64) float64 { return math.Sqrt(x) }

// entropy is that of one draw with chance p, in nats.
func entropy(p float64) float64 {
	h := 0.0
	for _, q := range [2]float64{p, 1 - p} {
		if q > 1e-300 {
			h -= float64(q * log(q))
		}
	}
	return h
}
