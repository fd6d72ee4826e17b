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
	// Left is the number of items that could be drawn; if 0, all but those drawn before.
	Left int
	// Planned is how many draws were to come, this one among them; if 0, as many as came.
	Planned int
	// Strata is the number of strata that the pool was cut into for this draw and the ones next to it, one draw in each, whose
	// chances are those within the stratum, and whose guesses the same sums; if 0, the draw was among all.
	Strata int
	// Hunted is how many positives were known beside those drawn before.
	Hunted int
}

func (s Sample) left(otherwise int) int {
	if s.Left > 0 {
		return s.Left
	}
	return otherwise
}

func (s Sample) planned(otherwise int) int {
	if s.Planned > 0 {
		return s.Planned
	}
	return otherwise
}

// A Rate is an estimated share of positives in a pool and its two-sided 95 % interval, which is never a point.
type Rate struct {
	Value, Lower, Upper float64
	// Variance of Value, estimated; 0 where there was no positive.
	Variance float64
}

// Estimate returns the share of positives in a pool of n items from draws without replacement whose chances may depend on
// everything seen before. It is unbiased whatever the chances and guesses are, as long as no chance is zero, up to two
// matters of course: the value is no less than what was seen, and no more than what can be.
//
// Every draw gives an estimate of the total: what was known before, the guesses of the rest, and the error of the drawn item's
// guess over its chance. Where guesses are good only their errors vary. Each draw takes a part of the weight that those before
// have left, the one that would be best if the draws planned then followed and all of the rest had one chance: so the number
// of draws may depend on what was seen, as long as it is known of the last draw, before it, that it is. Without guesses, and
// with M draws from the start, the weight of draw m comes to 1 + (n-M)/(n-m) (1/((n-m+1) q) - 1). The mean's variance is the
// weighted sum of the estimates' variances, since they are uncorrelated.
//
// Sources: S. Farquhar, Y. Gal, T. Rainforth, "On statistical bias in active learning", ICLR 2021; J. Kossen et al., "Active
// testing", ICML 2021; D. Raj, "Some estimators in sampling with varying probabilities without replacement", JASA 51 (1956);
// guesses: C.-E. Särndal et al., "Model assisted survey sampling" (1992), the difference estimator.
//
// At the end hunted positives are known that no draw found, and the outcome of open items is not.
func Estimate(samples []Sample, n, hunted, open int) Rate {
	if len(samples) == 0 || len(samples) > n {
		return Rate{Value: 0, Lower: 0, Upper: 1}
	}
	size, seen := float64(n), hunted
	for _, s := range samples {
		if s.Positive {
			seen++
		}
	}
	value, groups := combine(samples, n, hunted, open)
	r := Rate{Value: max(float64(seen)/size, min(float64(seen+open)/size, value))}
	if seen == hunted {
		r.Upper = (float64(hunted) + unseen(samples, n, open)) / size
		r.Lower, r.Value = float64(hunted)/size, min(r.Value, r.Upper)
	} else {
		r.interval(groups, n)
	}
	// What was seen bounds it too; never a point.
	r.Lower = max(0, r.Lower, (float64(seen)-0.5)/size)
	r.Upper = min(1, r.Upper, (float64(seen+open)+0.5)/size)
	return r
}

// unseen is how many of the items that are open may be positive though none of the draws was: with more, a chance of 97.5 %
// that one was. Were there d, each draw had a chance of at least d times the least of one.
func unseen(samples []Sample, n, open int) float64 {
	least, most := 0.0, float64(open)
	for range 50 {
		d, none := (least+most)/2, 1.0
		for i, s := range samples {
			none = float64(none * max(0, 1-float64(d*s.Floor)/float64(s.left(n-i))))
		}
		if none > 0.025 {
			least = d
		} else {
			most = d
		}
	}
	return max(most, 0.5)
}

// interval sets the ends and the variance, which is that of the errors that were seen, as far as they are many, and that which
// is to be expected if guesses are chances, as if eight errors had made it, but no less than the former: where few guesses
// are wrong, the next error may be the first of its kind. So with the skewness, which shifts the ends a third as far as
// those of the score interval of the Poisson distribution with the same moments are shifted: errors are mostly of one sign, and
// the variance grows with the rate. Eight and a third are by simulated pools and recorded outcomes other than those reported.
func (r *Rate) interval(groups []group, n int) {
	const normal, few, skewed = 1.959963984540054, 8.0, 1. / 3
	seen, count := seenErrors(groups, r.Value, n)
	expected := expectedErrors(groups, r.Value, n)
	if seen.variance < expected.variance/100 {
		count = 0 // no error but those of rounding
	}
	mean := func(a, b float64) float64 { return (float64(count*a) + float64(few*b)) / (count + few) }
	r.Variance = max(seen.variance, mean(seen.variance, expected.variance))
	shift := float64(skewed*mean(seen.skew, expected.skew)) / max(r.Variance, 1e-300)
	draws := 0
	for _, g := range groups {
		draws += len(g.samples)
	}
	// The quantile of Student's t with m-1 degrees of freedom, to the first order of 1/m: the variance is itself an estimate.
	z := float64(normal * (1 + (float64(normal*normal)+1)/float64(4*max(1, draws-1))))
	middle := r.Value + float64(float64(shift*float64(z*z))/2)
	half := max(0.5/float64(n), float64(z*root(r.Variance+float64(float64(float64(shift*shift)*float64(z*z))/4))))
	r.Lower, r.Upper = middle-half, middle+half
}

// moments are the second and third of an estimate's error.
type moments struct{ variance, skew float64 }

// seenErrors are the moments by what was drawn: of neighbouring strata by their differences, of single draws by their
// deviations from the value. count is how many draws make up the variance, in effect: its square over the sum of squares.
func seenErrors(groups []group, value float64, n int) (m moments, count float64) {
	squares := 0.0
	add := func(variance float64) {
		m.variance += variance
		squares += float64(variance * variance)
	}
	for _, g := range groups {
		scale := g.weight / float64(n)
		for i, s := range g.samples {
			x := float64(scale * s.error())
			m.skew += float64(float64(x*x) * x)
			if i > 0 {
				d := x - float64(scale*g.samples[i-1].error())
				add(float64(float64(d*d)*float64(len(g.samples))) / float64(2*(len(g.samples)-1)))
			}
		}
		if len(g.samples) == 1 && len(groups) > 1 {
			d := float64(g.weight * (g.share - value))
			add(float64(float64(d*d)*float64(len(groups))) / float64(len(groups)-1))
		}
	}
	return m, float64(m.variance*m.variance) / max(squares, 1e-300)
}

// expectedErrors are the moments if every guess were the chance of a positive. Where nothing was guessed the value is, with two
// positives and two others more.
func expectedErrors(groups []group, value float64, n int) moments {
	guessed, draws := false, 0.0
	for _, g := range groups {
		guessed = guessed || g.samples[0].Guesses > 0
		draws += float64(len(g.samples))
	}
	var m moments
	for _, g := range groups {
		for _, s := range g.samples {
			p := s.Guess
			if !guessed {
				p = (float64(value*draws) + 2) / (draws + 4)
			}
			x, variance := g.weight/float64(s.Q*float64(n)), float64(p*(1-p))
			m.variance += float64(float64(x*x) * variance)
			m.skew += float64(float64(float64(x*x)*x) * float64(variance*(1-float64(2*p))))
		}
	}
	return m
}

// A group is the draws of a batch of strata, or one draw of all.
type group struct {
	samples []Sample
	weight  float64
	share   float64 // of positives, as estimated by the group
}

// combine returns the weighted mean of what the groups estimate.
func combine(samples []Sample, n, hunted, open int) (value float64, groups []group) {
	groups = grouped(samples, n)
	rest := weigh(groups, n, open)
	seen := hunted
	for _, g := range groups {
		value += float64(g.weight * g.share)
		for _, s := range g.samples {
			if s.Positive {
				seen++
			}
		}
	}
	return value + float64(rest*float64(seen))/float64(n), groups
}

// grouped puts together what was drawn together, and estimates the share of positives by each.
func grouped(samples []Sample, n int) (groups []group) {
	found := 0.0
	for len(samples) > 0 {
		g := group{samples: samples[:max(1, min(samples[0].Strata, len(samples)))]}
		samples = samples[len(g.samples):]
		total := found + float64(g.samples[0].Hunted) + g.samples[0].Guesses
		for _, s := range g.samples {
			total += s.error()
			if s.Positive {
				found++
			}
		}
		g.share = total / float64(n)
		groups = append(groups, g)
	}
	return groups
}

// error is that of the guesses of what could be drawn, as estimated by the one that was.
func (s Sample) error() float64 {
	if s.Positive {
		return (1 - s.Guess) / s.Q
	}
	return -s.Guess / s.Q
}

// weigh sets the weights of groups and returns what is left for what is known when nothing is open. The sum is 1.
func weigh(groups []group, n, open int) (rest float64) {
	draws, at := 0, 0
	for _, g := range groups {
		draws += len(g.samples)
	}
	rest = 1
	for i := range groups {
		for _, s := range groups[i].samples {
			part := 1.0
			if left, planned := s.left(n-at), s.planned(draws-at); left > 1 {
				part = float64(max(0, left-planned)) / float64(planned*(left-1))
			}
			groups[i].weight += float64(rest * part)
			rest -= float64(rest * part)
			at++
		}
	}
	if open == 0 || rest == 0 {
		return rest
	}
	// The last draw that was planned did not come.
	for i := range groups {
		if rest < 1 {
			groups[i].weight /= 1 - rest
		} else { // all were to be drawn
			groups[i].weight = float64(len(groups[i].samples)) / float64(draws)
		}
	}
	return 0
}
