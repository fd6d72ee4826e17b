package kernel

import "math"

// lanes is the number of partial sums of a float dot product.
const lanes = 16

// DotRows sets dst[i] to the inner product of x and w[i*stride : i*stride+len(x)].
func DotRows(dst, w []float32, stride int, x []float32) {
	if len(dst) == 0 {
		return
	}
	_ = w[(len(dst)-1)*stride : (len(dst)-1)*stride+len(x)]
	if use.dotRows != nil && len(x)%lanes == 0 && len(x) > 0 {
		use.dotRows(dst, w, stride, x)
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
		x, y := (*[lanes]float32)(a), (*[lanes]float32)(b)
		s[0] += float32(x[0] * y[0])
		s[1] += float32(x[1] * y[1])
		s[2] += float32(x[2] * y[2])
		s[3] += float32(x[3] * y[3])
		s[4] += float32(x[4] * y[4])
		s[5] += float32(x[5] * y[5])
		s[6] += float32(x[6] * y[6])
		s[7] += float32(x[7] * y[7])
		s[8] += float32(x[8] * y[8])
		s[9] += float32(x[9] * y[9])
		s[10] += float32(x[10] * y[10])
		s[11] += float32(x[11] * y[11])
		s[12] += float32(x[12] * y[12])
		s[13] += float32(x[13] * y[13])
		s[14] += float32(x[14] * y[14])
		s[15] += float32(x[15] * y[15])
		a, b = a[lanes:], b[lanes:]
	}
	for i := range a {
		s[i%lanes] += float32(a[i] * b[i])
	}
	for n := lanes / 2; n > 0; n /= 2 {
		for l := range n {
			s[l] += s[l+n]
		}
	}
	return s[0]
}

// AddRows adds p[i] times w[i*stride : i*stride+len(out)] to out, for i in order.
func AddRows(out, w []float32, stride int, p []float32) {
	if len(p) == 0 {
		return
	}
	_ = w[(len(p)-1)*stride : (len(p)-1)*stride+len(out)]
	if use.addRows != nil && len(out)%32 == 0 && len(out) > 0 {
		use.addRows(out, w, stride, p)
		return
	}
	for i, f := range p {
		row := w[i*stride:][:len(out)]
		for d := range out {
			out[d] += float32(f * row[d])
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
	for i := range a {
		a[i] = float32(a[i] * f)
	}
}

// RMSNorm sets dst to x divided by the root of its mean square plus eps, times weight by element.
func RMSNorm(dst, x, weight []float32, eps float32) {
	f := float32(1 / math.Sqrt(squares(x)/float64(len(x))+float64(eps)))
	dst, weight = dst[:len(x)], weight[:len(x)]
	for i, v := range x {
		dst[i] = float32(float32(v*f) * weight[i])
	}
}

// squares returns the sum of squares, which are exact in float64, in four lanes as in rule 2.
func squares(x []float32) float64 {
	var s [4]float64
	for len(x) >= 4 {
		a, b, c, d := float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])
		s[0] += float64(a * a)
		s[1] += float64(b * b)
		s[2] += float64(c * c)
		s[3] += float64(d * d)
		x = x[4:]
	}
	for i, v := range x {
		s[i] += float64(float64(v) * float64(v))
	}
	return (s[0] + s[2]) + (s[1] + s[3])
}

// SoftMax replaces x by e^(x - max x) and returns 1 over their sum, which the caller still has to multiply with.
func SoftMax(x []float32) float32 {
	top := x[0]
	for _, v := range x[1:] {
		if v > top {
			top = v
		}
	}
	for i, v := range x {
		x[i] = v - top
	}
	exps(x)
	sum := 0.0
	for _, e := range x {
		sum += float64(e)
	}
	return float32(1 / sum)
}

// SwiGLU sets dst, which is neither of the others, to silu(gate) times up by element; silu(x) is x / (1 + e^-x).
func SwiGLU(dst, gate, up []float32) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, g := range gate {
		dst[i] = -g
	}
	exps(dst)
	for i, g := range gate {
		dst[i] = float32(g / (1 + dst[i]) * up[i])
	}
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

// Finite says whether no element of x is infinite or not a number.
func Finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
