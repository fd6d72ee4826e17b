package quant

import "math"

// The scales of the K types are found by trying several and keeping the one with the least weighted error. These searches are most
// of the time that quantising takes; they keep their integers as floats and compute what does not change between tries once.

const magic = 0x1.8p23 // v + magic - magic is v rounded to an integer, half to even, for |v| < 2^22

// signedScale returns the scale d for which x is near d q with integers q from -32 to 31, and those integers plus 32. Errors weigh
// x^2. Tried are 19 scales around the one that maps the largest magnitude to -32. Elements are not above the range of a float32's
// third root in magnitude, or their sums are not finite and the first scale stays.
func signedScale(x *[16]float32, q *[16]int8) float32 {
	most := float32(0)
	for _, v := range x {
		if abs(v) > abs(most) {
			most = v
		}
	}
	if abs(most) < tiny {
		*q = [16]int8{}
		return 0
	}
	var w, wx [16]float32
	for i, v := range x {
		w[i] = float32(v * v)
		wx[i] = float32(w[i] * v)
	}
	inv := -32 / most
	kept := inv
	sumlx, suml2 := trySigned(x, &w, &wx, inv)
	scale := float32(0)
	if suml2 != 0 {
		scale = sumlx / suml2
	}
	best := float32(scale * sumlx)
	for i := -9; i <= 9; i++ {
		if i == 0 {
			continue
		}
		inv = -(32 + float32(0.1*float32(i))) / most
		sumlx, suml2 = trySigned(x, &w, &wx, inv)
		if suml2 > 0 && float32(sumlx*sumlx) > float32(best*suml2) {
			kept = inv
			scale = sumlx / suml2
			best = float32(scale * sumlx)
		}
	}
	for i, v := range x {
		q[i] = int8(32 + max(-32, min(31, nearest(float32(kept*v)))))
	}
	return scale
}

// trySigned returns the sums of w x q and w q^2 with q = x inv, rounded and cut to -32..31; wx is w x. |x inv| is below 2^22.
func trySigned(x, w, wx *[16]float32, inv float32) (sumlx, suml2 float32) {
	for i, v := range x {
		l := (float32(inv*v) + magic) - magic
		if l > 31 {
			l = 31
		} else if l < -32 {
			l = -32
		}
		sumlx += float32(wx[i] * l)
		suml2 += float32(float32(w[i]*l) * l)
	}
	return sumlx, suml2
}

// refinedScale returns the scale d for which x is near d q with integers q from -4 to 3, and those integers plus 4. It begins with
// the scale that maps the largest magnitude to -4 and moves single integers while that lessens the error, which weighs x^2.
func refinedScale(x *[16]float32, q *[16]int8) float32 {
	most := float32(0)
	for _, v := range x {
		if abs(v) > abs(most) {
			most = v
		}
	}
	if abs(most) < tiny {
		*q = [16]int8{}
		return 0
	}
	inv := -4 / most
	var w, wx, l [16]float32
	sumlx, suml2 := float32(0), float32(0)
	for i, v := range x {
		l[i] = float32(max(-4, min(3, nearest(float32(inv*v)))))
		w[i] = float32(v * v)
		wx[i] = float32(w[i] * v)
		sumlx += float32(wx[i] * l[i])
		suml2 += float32(float32(w[i]*l[i]) * l[i])
	}
	for range 5 {
		changed := false
		for i, v := range x {
			slx := sumlx - float32(wx[i]*l[i])
			if !(slx > 0) {
				continue
			}
			sl2 := suml2 - float32(float32(w[i]*l[i])*l[i])
			moved := float32(max(-4, min(3, nearest(float32(v*sl2)/slx))))
			if moved == l[i] {
				continue
			}
			slx += float32(wx[i] * moved)
			sl2 += float32(float32(w[i]*moved) * moved)
			if sl2 > 0 && float32(float32(slx*slx)*suml2) > float32(float32(sumlx*sumlx)*sl2) {
				l[i], sumlx, suml2 = moved, slx, sl2
				changed = true
			}
		}
		if !changed {
			break
		}
	}
	for i, v := range l {
		q[i] = int8(v) + 4
	}
	if suml2 > 0 {
		return sumlx / suml2
	}
	return 0
}

// grid says which scales an affine search tries: those that map the range of the elements to top + first, top + first + step, ...
type grid struct {
	top         float32 // the largest integer
	first, step float32
	tries       int
	absolute    bool // the error is the magnitude of a difference, not its square
}

// affine is the state of a search for d and m with x near d q + m, q = 0..top and m <= 0.
type affine struct {
	grid
	x, w       []float32 // elements and weights, 16 or 32 of them
	sumW, sumX float32   // of w, of w x
	least      float32   // the smallest element
	most       float32   // the largest element
	q, best    [32]float32
}

// search returns scale d and minimum -m, and leaves the integers in best.
func (a *affine) search() (scale, minimum float32) {
	a.sums()
	low := min(a.least, 0)
	if a.most == low {
		a.best = [32]float32{}
		return 0, -low
	}
	inv := a.top / (a.most - low)
	scale = 1 / inv
	a.round(low, inv)
	a.best = a.q
	err := a.distance(scale, low)
	for i := 0; i <= a.tries; i++ {
		inv = (a.first + float32(a.step*float32(i)) + a.top) / (a.most - low)
		sumL, sumL2, sumXL := a.try(low, inv)
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
			err, scale, low = e, d, m
			a.best = a.q
		}
	}
	return scale, -low
}

func (a *affine) sums() {
	a.least, a.most = bounds(a.x)
	a.sumW, a.sumX = a.w[0], float32(a.w[0]*a.x[0])
	for i := 1; i < len(a.x) && i < len(a.w); i++ {
		a.sumW += a.w[i]
		a.sumX += float32(a.w[i] * a.x[i])
	}
}

// round sets q to (x - low) inv, rounded and cut to 0..top.
func (a *affine) round(low, inv float32) {
	for i, v := range a.x {
		a.q[i&31] = float32(max(0, min(int(a.top), nearest(float32(inv*(v-low))))))
	}
}

// try sets q as round does and returns the sums of w q, w q^2 and w x q.
func (a *affine) try(low, inv float32) (sumL, sumL2, sumXL float32) {
	if !(abs(float32(inv*(a.least-low))) < 0x1p22 && abs(float32(inv*(a.most-low))) < 0x1p22) {
		a.round(low, inv)
		for i, v := range a.x {
			l := a.q[i&31]
			wl := float32(a.w[i] * l)
			sumL, sumL2, sumXL = sumL+wl, sumL2+float32(wl*l), sumXL+float32(wl*v)
		}
		return sumL, sumL2, sumXL
	}
	top := a.top
	w := a.w[:len(a.x)]
	q := a.q[:len(a.x)]
	for i, v := range a.x {
		l := (float32(inv*(v-low)) + magic) - magic
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
	w := a.w[:len(a.x)]
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

// root is the square root of x, rounded once.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }
