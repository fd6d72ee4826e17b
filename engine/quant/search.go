package quant

import "math"

// The scales of the K types and of IQ4 are found by trying several and keeping the one with the least weighted error. These
// searches are most of the time that quantising takes, so they work on several groups at once where a machine can: see [frame].

// tiny is the magnitude below which a group of elements counts as 0.
const tiny float32 = 1e-15

// magic added to v and taken away again rounds v to an integer, half to even, for |v| < 2^22.
const magic = 0x1.8p23

// root is the square root of x, rounded once.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// rounding makes integers of elements: (x + m) / d, rounded, cut to bottom..top, less bottom.
type rounding struct {
	d, m        float32
	bottom, top int32
}

// cut sets q, which is as long as x.
func (r *rounding) cut(q []uint8, x []float32) {
	q = q[:len(x)]
	done := cutFast(q, x, r)
	bottom, top := int(r.bottom), int(r.top)
	for i, v := range x[done:] {
		q[done+i] = uint8(max(bottom, min(top, nearest((v+r.m)/r.d))) - bottom)
	}
}

// fit is the state of a search for a scale without minimum: the best so far.
type fit struct{ scale, inv, best float32 }

// begin takes what follows from the first sums, of w x q and w q^2.
func (s *fit) begin(inv, sumX, sum2 float32) {
	s.inv, s.scale = inv, 0
	if sum2 != 0 {
		s.scale = sumX / sum2
	}
	s.best = float32(s.scale * sumX)
}

// improve takes what follows from the sums if that lessens the error.
func (s *fit) improve(inv, sumX, sum2 float32) {
	if sum2 > 0 && float32(sumX*sumX) > float32(s.best*sum2) {
		s.inv = inv
		s.scale = sumX / sum2
		s.best = float32(s.scale * sumX)
	}
}

// search runs a search without minimum on a lane: with the inverse of the frame, and then with table / peak.
func (f *frame) search(lane int, sums func(x, w *[32]float32, inv float32) (sumX, sum2 float32)) {
	var x, w [32]float32
	f.group(lane, &x, &w)
	var s fit
	sumX, sum2 := sums(&x, &w, f.inv[lane])
	s.begin(f.inv[lane], sumX, sum2)
	for _, numerator := range f.table[:f.tries] {
		inv := numerator / f.peak[lane]
		sumX, sum2 = sums(&x, &w, inv)
		s.improve(inv, sumX, sum2)
	}
	f.scale[lane], f.inv[lane] = s.scale, s.inv
}

// hollow sets the scale of lanes that count as 0.
func (f *frame) hollow() {
	for lane, v := range f.peak {
		if abs(v) < tiny {
			f.scale[lane], f.inv[lane] = 0, 0
		}
	}
}

// signedScales returns, for each group of 16 in row, the scale d for which x is near d q with q from -32 to 31, and the inverse that
// x is multiplied with for those integers. Errors weigh x^2. Tried are 19 scales around the one that maps the largest magnitude to
// -32. A group that counts as 0 has scale and inverse 0.
func (f *frame) signedScales(row []float32) (scale, inv column) {
	f.load(row, 16)
	f.prepareSigned()
	if !signedFast(f) {
		for lane := range lanes {
			f.search(lane, signedSums)
		}
	}
	f.hollow()
	return f.scale, f.inv
}

func (f *frame) prepareSigned() {
	f.top, f.bottom, f.tries = 31, -32, 0
	for i := -9; i <= 9; i++ {
		if i != 0 {
			f.table[f.tries] = -(32 + float32(0.1*float32(i)))
			f.tries++
		}
	}
	for lane, v := range f.peak {
		f.inv[lane] = -32 / v
	}
}

// signedSums returns the sums of w x q and w q^2 of 16 elements with q = x inv, rounded and cut to -32..31.
func signedSums(x, w *[32]float32, inv float32) (sumX, sum2 float32) {
	for i, v := range x[:16] {
		l := (float32(inv*v) + magic) - magic // |x inv| is little more than 32
		if l > 31 {
			l = 31
		} else if l < -32 {
			l = -32
		}
		wl := w[i]
		sumX += float32(float32(wl*v) * l)
		sum2 += float32(float32(wl*l) * l)
	}
	return sumX, sum2
}

// stepScales returns, for each group of 32 in row, at most 8, the scale d for which d * steps come close to x; 0 for a group that
// counts as 0. Errors weigh x^2. Tried are 15 scales around the one that maps the largest magnitude to the first step, and that one
// by another division.
func (f *frame) stepScales(row []float32) column {
	f.load(row, 32)
	f.prepareSteps()
	if !steppedFast(f) {
		for lane := range lanes {
			f.search(lane, stepSums)
		}
	}
	f.hollow()
	return f.scale
}

func (f *frame) prepareSteps() {
	f.tries = 15
	for i := range f.tries {
		f.table[i] = float32(i-7) + steps[0]
	}
	for lane, v := range f.peak {
		f.inv[lane] = 1 / (-v / steps[0])
	}
}

// stepSums returns the sums of w x s and w s^2 of 32 elements, where s is the step nearest to x inv.
func stepSums(x, w *[32]float32, inv float32) (sumX, sum2 float32) {
	for i, v := range x {
		s := steps[nearestStep(float32(inv*v))&15]
		ws := float32(w[i] * s)
		sumX += float32(ws * v)
		sum2 += float32(ws * s)
	}
	return sumX, sum2
}

// refinedScales returns, for each group of 16 in row, the scale d for which x is near d q with q from -4 to 3, and leaves those
// integers in q of the frame. It begins with the scale that maps the largest magnitude to -4 and moves single integers while that lessens the
// error, which weighs x^2. A group that counts as 0 has scale 0.
func (f *frame) refinedScales(row []float32) column {
	f.load(row, 16)
	f.prepareRefined()
	if !refineFast(f) {
		for lane := range lanes {
			f.refine(lane)
		}
	}
	f.hollow()
	return f.scale
}

// refinedIntegers sets q to the integers of a group plus 4, or 0 for a group that counts as 0.
func (f *frame) refinedIntegers(lane int, q []uint8) {
	for i := range q {
		q[i] = 0
		if abs(f.peak[lane]) >= tiny {
			q[i] = uint8(f.q[i&31][lane] + 4)
		}
	}
}

func (f *frame) prepareRefined() {
	f.top, f.bottom = 3, -4
	for lane, v := range f.peak {
		f.inv[lane] = -4 / v
	}
}

// refine does that for a lane.
func (f *frame) refine(lane int) {
	var x, w, q [32]float32
	f.group(lane, &x, &w)
	sumX, sum2 := float32(0), float32(0)
	for i, v := range x[:16] {
		l := float32(max(-4, min(3, nearest(float32(f.inv[lane]*v)))))
		q[i] = l
		sumX += float32(float32(w[i]*v) * l)
		sum2 += float32(float32(w[i]*l) * l)
	}
	for changed, pass := true, 0; changed && pass < 5; pass++ {
		changed = false
		for i, v := range x[:16] {
			wx, w, l := float32(w[i]*v), w[i], q[i]
			s := sumX - float32(wx*l)
			if !(s > 0) {
				continue
			}
			s2 := sum2 - float32(float32(w*l)*l)
			moved := float32(max(-4, min(3, nearest(float32(v*s2)/s))))
			if moved == l {
				continue
			}
			s += float32(wx * moved)
			s2 += float32(float32(w*moved) * moved)
			if s2 > 0 && float32(float32(s*s)*sum2) > float32(float32(sumX*sumX)*s2) {
				q[i], sumX, sum2 = moved, s, s2
				changed = true
			}
		}
	}
	f.scale[lane] = 0
	if sum2 > 0 {
		f.scale[lane] = sumX / sum2
	}
	for i := range 16 {
		f.q[i][lane] = q[i]
	}
}

// grid says which scales an affine search tries: those that map the range of the elements to top + first, top + first + step, ...
type grid struct {
	top         int
	first, step float32
	tries       int
	absolute    bool // the error is the magnitude of a difference, not its square
}

// affineScales searches, for each group in the frame, which has weights, d and m with x near d q + m, q = 0..top and m <= 0. It leaves
// scale and low, and from and inv, with which the integers are (x - from) inv. A group of equal elements that are not above 0 has
// scale, from and inv 0.
func (f *frame) affineScales(g *grid) {
	f.prepare(g)
	if !affineFast(f) {
		for lane := range lanes {
			f.affine(lane)
		}
	}
	for lane, v := range f.high {
		if v == f.least[lane] {
			f.scale[lane], f.low[lane] = 0, v
			f.from[lane], f.inv[lane] = 0, 0
		}
	}
}

func (f *frame) prepare(g *grid) {
	f.top, f.absolute = int32(g.top), 0
	if g.absolute {
		f.absolute = 1
	}
	f.table[0], f.tries = float32(g.top), int32(g.tries)+2
	for i := range g.tries + 1 {
		f.table[1+i] = g.first + float32(g.step*float32(i)) + float32(g.top)
	}
}

// affine does that for a lane.
func (f *frame) affine(lane int) {
	var a affine
	f.group(lane, &a.buffer, &a.weights)
	a.x, a.top, a.absolute = a.buffer[:f.n], int(f.top), f.absolute != 0
	a.begin()
	low, high := min(a.least, 0), a.most
	f.high[lane], f.least[lane] = high, low
	from, inv := low, f.table[0]/(high-low)
	scale := 1 / inv
	a.try(low, inv)
	err := a.distance(scale, low)
	for _, numerator := range f.table[1:f.tries] {
		next := numerator / (high - low)
		sumL, sumL2, sumXL := a.try(low, next)
		det := float32(a.sumW*sumL2) - float32(sumL*sumL)
		if !(det > 0) {
			continue
		}
		d := (float32(a.sumW*sumXL) - float32(a.sumX*sumL)) / det
		m := (float32(sumL2*a.sumX) - float32(sumL*sumXL)) / det
		if m > 0 {
			m = 0
			d = sumXL / sumL2
		}
		if e := a.distance(d, m); e < err {
			from, inv = low, next
			err, scale, low = e, d, m
		}
	}
	f.scale[lane], f.low[lane], f.from[lane], f.inv[lane] = scale, low, from, inv
}

// affine is a group of elements of an affine search.
type affine struct {
	buffer, weights, q [32]float32
	x                  []float32 // those of the buffer that are in use
	top                int
	absolute           bool
	sumW, sumX         float32 // of w, of w x
	least, most        float32
}

func (a *affine) begin() {
	a.least, a.most = bounds(a.x)
	for i, v := range a.x {
		a.sumW += a.weights[i&31]
		a.sumX += float32(a.weights[i&31] * v)
	}
}

// try sets q to (x - low) inv, rounded and cut to 0..top, and returns the sums of w q, w q^2 and w q x.
func (a *affine) try(low, inv float32) (sumL, sumL2, sumXL float32) {
	w := a.weights[:len(a.x)]
	q := a.q[:len(a.x)]
	inside := abs(float32(inv*(a.least-low))) < 0x1p22 && abs(float32(inv*(a.most-low))) < 0x1p22
	top := float32(a.top)
	for i, v := range a.x {
		l := float32(inv * (v - low))
		if inside {
			l = (l + magic) - magic
		} else {
			l = float32(nearest(l))
		}
		if l > top {
			l = top
		} else if l < 0 {
			l = 0
		}
		q[i] = l
		wl := float32(w[i] * l)
		sumL += wl
		sumL2 += float32(wl * l)
		sumXL += float32(wl * v)
	}
	return sumL, sumL2, sumXL
}

// distance returns the weighted error of q with that scale and minimum.
func (a *affine) distance(d, m float32) (sum float32) {
	w := a.weights[:len(a.x)]
	q := a.q[:len(a.x)]
	if a.absolute {
		for i, v := range a.x {
			sum += float32(w[i] * abs(float32(d*q[i])+m-v))
		}
		return sum
	}
	for i, v := range a.x {
		diff := float32(d*q[i]) + m - v
		sum += float32(w[i] * float32(diff*diff))
	}
	return sum
}
