package kernel

import "math"

// lanes is the number of partial sums of a float dot product.
const lanes = 16

// vectorFuncs are a level's functions of the elements of vectors: of n elements, a positive multiple of lanes unless said
// otherwise.
type vectorFuncs struct {
	exps         func(x *float32, n int, sub float32) int        // x = Exp(x - sub) for n >= 4; returns how many it did
	softCap      func(x *float32, n int, c float32) int          // as SoftCap, likewise
	top          func(x *float32, n int) float32                 // the largest, as SoftMax finds it
	sum, squares func(x *float32, n int) float64                 // for any positive n; sum is of elements not below 0
	scaleBy      func(dst, x, weight *float32, n int, f float32) // dst = x f weight
	gated        func(e, gate, up *float32, n int)               // as gated
	multiply     func(x *float32, n int, f float32)              // as Scale

	roundHalf, roundBrain func(dst, x *float32, n int)
}

// DotRows sets dst[i] to the inner product of x and w[i*stride : i*stride+len(x)].
func DotRows(dst, w []float32, stride int, x []float32) {
	if len(dst) == 0 {
		return
	}
	_ = w[(len(dst)-1)*stride : (len(dst)-1)*stride+len(x)]
	if use.dotRows != nil && len(x)%lanes == 0 && len(x) > 0 {
		use.dotRows(&dst[0], &w[0], 4*stride, len(dst), &x[0], len(x)/lanes)
		return
	}
	for i := range dst {
		dst[i] = dotGeneric(w[i*stride:i*stride+len(x)], x)
	}
}

// dotGeneric is the definition of a float dot product.
func dotGeneric(a, b []float32) float32 {
	var s [lanes]float32
	for len(a) >= lanes && len(b) >= lanes {
		fmaLanes(&s, (*[lanes]float32)(a), (*[lanes]float32)(b))
		a, b = a[lanes:], b[lanes:]
	}
	for i := range a {
		s[i] = fma(a[i], b[i], s[i])
	}
	return fold32(&s)
}

// fold32 adds lanes by halves.
func fold32(s *[lanes]float32) float32 {
	for n := lanes / 2; n > 0; n /= 2 {
		for l := range n {
			s[l] += s[l+n]
		}
	}
	return s[0]
}

// AddRows adds p[i] times w[i*stride : i*stride+len(out)] to out, for i in order.
func AddRows(out, w []float32, stride int, p []float32) {
	if len(p) == 0 || len(out) == 0 {
		return
	}
	_ = w[(len(p)-1)*stride : (len(p)-1)*stride+len(out)]
	if use.addRows != nil && len(out)%lanes == 0 {
		use.addRows(&out[0], &w[0], 4*stride, len(p), &p[0], len(out)/lanes)
		return
	}
	addRowsGeneric(out, w, stride, p)
}

// addRowsGeneric is the definition.
func addRowsGeneric(out, w []float32, stride int, p []float32) {
	for i, f := range p {
		row := w[i*stride:][:len(out)]
		for d := range out {
			out[d] = fma(f, row[d], out[d])
		}
	}
}

// Add adds b to a.
func Add(a, b []float32) {
	b = b[:len(a)]
	for i := range a {
		a[i] += b[i]
	}
}

// Scale multiplies a by f.
func Scale(a []float32, f float32) {
	done := 0
	if use.multiply != nil && len(a) >= lanes {
		done = len(a) &^ (lanes - 1)
		use.multiply(&a[0], done, f)
	}
	for i := done; i < len(a); i++ {
		a[i] = float32(a[i] * f)
	}
}

// RMSNorm sets dst to x divided by the root of its mean square plus eps, times weight by element.
func RMSNorm(dst, x, weight []float32, eps float32) {
	f := float32(1 / math.Sqrt(squares(x)/float64(len(x))+float64(eps)))
	dst, weight = dst[:len(x)], weight[:len(x)]
	done := 0
	if use.scaleBy != nil && len(x) >= lanes {
		done = len(x) &^ (lanes - 1)
		use.scaleBy(&dst[0], &x[0], &weight[0], done, f)
	}
	for i := done; i < len(x); i++ {
		dst[i] = float32(float32(x[i]*f) * weight[i])
	}
}

// squares returns the sum of squares, which are exact in float64, in lanes as in rule 2.
func squares(x []float32) float64 {
	if use.squares != nil && len(x) > 0 {
		return use.squares(&x[0], len(x))
	}
	var s [lanes]float64
	for i, v := range x {
		s[i%lanes] += float64(float64(v) * float64(v))
	}
	return fold64(&s)
}

// sum64 returns the sum of elements not below 0, in float64 and in lanes as in rule 2.
func sum64(x []float32) float64 {
	if use.sum != nil && len(x) > 0 {
		return use.sum(&x[0], len(x))
	}
	var s [lanes]float64
	for i, v := range x {
		s[i%lanes] += float64(v)
	}
	return fold64(&s)
}

// fold64 adds lanes by halves.
func fold64(s *[lanes]float64) float64 {
	for n := lanes / 2; n > 0; n /= 2 {
		for l := range n {
			s[l] += s[l+n]
		}
	}
	return s[0]
}

// SoftMax replaces x by e^(x - max x) and returns 1 over their sum, which the caller still has to multiply with. The sum is
// one in float64, in lanes as in rule 2.
func SoftMax(x []float32) float32 {
	top, done := x[0], 0
	if use.top != nil && len(x) >= lanes {
		done = len(x) &^ (lanes - 1)
		top = use.top(&x[0], done)
	}
	for _, v := range x[done:] {
		if v > top {
			top = v
		}
	}
	exps(x, top)
	return float32(1 / sum64(x))
}

// SwiGLU sets dst to silu(gate) times up by element; silu(x) is x / (1 + e^-x). dst is neither of the others.
func SwiGLU(dst, gate, up []float32) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, g := range gate {
		dst[i] = -g
	}
	exps(dst, 0)
	gated(dst, gate, up)
}

// GeGLU sets dst to gelu(gate) times up by element; dst is neither of the others. gelu(x) is its approximation by a tangent,
// x/2 (1 + tanh u) with u = sqrt(2/pi) (x + 0.044715 x^3), computed as x / (1 + e^-2u).
func GeGLU(dst, gate, up []float32) {
	const a, b = -1.595769121605730711759784, -0.0713548162726002527220 // -2 sqrt(2/pi), and 0.044715 of it
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, g := range gate {
		dst[i] = float32(g * (a + float32(b*float32(g*g))))
	}
	exps(dst, 0)
	gated(dst, gate, up)
}

// gated sets e to gate / (1 + e) times up by element.
func gated(e, gate, up []float32) {
	done := 0
	if use.gated != nil && len(e) >= lanes {
		done = len(e) &^ (lanes - 1)
		use.gated(&e[0], &gate[0], &up[0], done)
	}
	for i := done; i < len(e); i++ {
		e[i] = float32(gate[i] / (1 + e[i]) * up[i])
	}
}

// SoftCap bounds the elements of x softly to -c..c: to c tanh(x/c). c is positive.
func SoftCap(x []float32, c float32) {
	done := 0
	if use.softCap != nil && len(x) >= 4 {
		done = use.softCap(&x[0], len(x), c)
	}
	for i, v := range x[done:] {
		x[done+i] = softCap(v, c)
	}
}

// softCap is one element of SoftCap: tanh u = (e^2u - 1) / (e^2u + 1), which is 1 in float32 from u = 10 on.
func softCap(x, c float32) float32 {
	u := float64(x) / float64(c)
	switch {
	case x != x:
		return x
	case u > 10:
		u = 10
	case u < -10:
		u = -10
	}
	e := exp(u + u)
	return float32(float64(c) * ((e - 1) / (e + 1)))
}

// Rotation is the rotary position embedding of one head size and base frequency.
type Rotation struct {
	freq []float64 // angle a position, for each pair
}

// NewRotation returns the rotation of the first dims elements of a head, dims even, by angles of base^(-2i/dims) a position.
func NewRotation(dims int, base float32) Rotation {
	r := Rotation{freq: make([]float64, dims/2)}
	l := Log(float64(base))
	for i := range r.freq {
		r.freq[i] = exp(float64(float64(-2*i) / float64(dims) * l))
	}
	return r
}

// Table sets cs to cosine and sine, in turns, of each pair's angle at position pos <= 2^20. len(cs) is dims.
func (r Rotation) Table(cs []float32, pos int) {
	for i, f := range r.freq {
		s, c := sincos(float64(float64(pos) * f))
		cs[2*i], cs[2*i+1] = float32(c), float32(s)
	}
}

// Rotate turns the pairs (x[0], x[1]), (x[2], x[3]) and so on by the angles of a table.
func Rotate(x, cs []float32) {
	x = x[:len(cs)]
	for i := 0; i+1 < len(cs); i += 2 {
		a, b, c, s := x[i], x[i+1], cs[i], cs[i+1]
		x[i] = float32(a*c) - float32(b*s)
		x[i+1] = float32(a*s) + float32(b*c)
	}
}

// RotateHalves turns the pairs (x[i], x[i+len(cs)/2]) by the angles of a table.
func RotateHalves(x, cs []float32) {
	n := len(cs) / 2
	lo, hi := x[:n], x[n:][:n]
	for i, a := range lo {
		b, c, s := hi[i], cs[2*i], cs[2*i+1]
		lo[i] = float32(a*c) - float32(b*s)
		hi[i] = float32(a*s) + float32(b*c)
	}
}

// Finite says whether no element of x is infinite or not a number.
func Finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
