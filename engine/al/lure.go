package al

// A Sample is one draw of an estimate: the outcome of an item that was drawn, among those not drawn before, with chance Q.
type Sample struct {
	Positive bool
	Q        float64
	// Floor is the smallest chance that any item whose outcome was not known had in this draw, times the number of items that
	// could be drawn: 1 where all were alike.
	Floor float64
	// Guess is what was expected of the item before the draw, 0 to 1, and Guesses the sum over all items that could be drawn.
	// Both are 0 where nothing was.
	Guess, Guesses float64
}

// A Rate is an estimated share of positives in a pool and its two-sided 95 % interval, which is never a point.
type Rate struct {
	Value, Lower, Upper float64
	// Variance of Value, estimated; 0 where there was no positive.
	Variance float64
}

// Estimate returns the share of positives in a pool of n items from draws without replacement whose chances may depend on
// everything seen before. It is unbiased whatever the chances and guesses are, as long as no chance is zero.
//
// Every draw gives an estimate of the total: what was drawn before, the guesses of the rest, and the error of the drawn item's
// guess over its chance. Where guesses are good only their errors vary. Without guesses the weight of draw m of M is
// 1 + (n-M)/(n-m) (1/((n-m+1) q) - 1). The mean's variance is the weighted sum of the estimates' squared deviations, since they
// are uncorrelated; it shrinks by itself as the pool is used up. The interval is Wilson's with the number of uniform draws
// that have the same variance, after half the largest weight of a draw, squared, was added to it: a positive with a small
// chance that was not drawn would have had such a weight.
//
// Sources: S. Farquhar, Y. Gal, T. Rainforth, "On statistical bias in active learning", ICLR 2021; J. Kossen et al., "Active
// testing", ICML 2021; D. Raj, "Some estimators in sampling with varying probabilities without replacement", JASA 51 (1956);
// guesses: C.-E. Särndal et al., "Model assisted survey sampling" (1992), the difference estimator.
func Estimate(samples []Sample, n int) Rate {
	m, size := float64(len(samples)), float64(n)
	if len(samples) == 0 || len(samples) > n {
		return Rate{Value: 0, Lower: 0, Upper: 1}
	}
	var r Rate
	var before, positives, largest, floors float64
	totals, weights := make([]float64, len(samples)), make([]float64, len(samples))
	for i, s := range samples {
		left := size - float64(i) // items to draw from
		totals[i] = before + s.Guesses - s.Guess/s.Q
		if s.Positive {
			totals[i] += 1 / s.Q
			before++
			positives++
		}
		weights[i] = 1 / m
		if left > 1 {
			weights[i] = float64(size*(size-m)) / float64(float64(m*left)*(left-1))
		}
		if len(samples) == n {
			weights[i] = 0
		}
		r.Value += float64(weights[i]*totals[i]) / size
		floors += s.Floor
		largest = max(largest, weights[i]/float64(s.Q*size))
	}
	if len(samples) == n {
		r.Value = positives / size
	}
	for i, total := range totals {
		d := float64(weights[i]*total)/size - float64(weights[i]*r.Value)
		r.Variance += float64(d * d)
	}
	r.Value = max(positives/size, min(1, r.Value)) // no less than was seen
	r.interval(positives, m, size, floors, largest/2)
	return r
}

// interval sets the ends.
func (r *Rate) interval(positives, m, n, floors, slack float64) {
	const normal = 1.959963984540054
	if positives == 0 {
		// Were the rate u, draw i would have been positive with a chance of at least floor_i u. None was: exp(-u sum of floors)
		// bounds the chance of that, and is 0.025 at
		const ln40 = 3.6888794541139363
		bound := min(1, ln40/max(floors, 1e-9))
		r.Lower, r.Upper = 0, max(float64(bound*(1-m/n)), 0.5/n)
		r.Value = min(r.Value, r.Upper)
		return
	}
	// The quantile of Student's t with m-1 degrees of freedom, to the first order of 1/m: the variance is itself an estimate.
	z := normal
	if m > 1 {
		z = float64(normal * (1 + (float64(normal*normal)+1)/float64(4*(m-1))))
	}
	var size float64 // of a uniform sample with this variance
	if r.Variance > 0 {
		size = float64(r.Value*(1-r.Value)) / (float64(r.Variance*m)/max(1, m-1) + float64(slack*slack))
	}
	size = max(1, min(size, float64(float64(4*n)*n)))
	z2 := float64(z*z) / size
	middle := (r.Value + float64(z2/2)) / (1 + z2)
	half := float64(z*root(float64(r.Value*(1-r.Value))/size+float64(z2*z2)/float64(4*float64(z*z)))) / (1 + z2)
	half = max(half, 0.5/n)
	r.Lower, r.Upper = max(0, middle-half), min(1, middle+half)
}
