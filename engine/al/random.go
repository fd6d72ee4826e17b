package al

import "math"

// A Random is a generator with the same numbers everywhere. Not for secrets, and not for concurrent use.
//
// Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
type Random struct{ state uint64 }

// NewRandom returns a generator; each purpose gets numbers of its own.
func NewRandom(seed uint64, purpose string) *Random {
	return &Random{state: seed ^ fnv(offset64, purpose)}
}

// Uint64 returns 64 random bits.
func (r *Random) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Float64 returns a number of [0, 1).
func (r *Random) Float64() float64 { return float64(float64(r.Uint64()>>11) * 0x1p-53) }

// Normal returns a number of the standard normal distribution (polar method).
func (r *Random) Normal() float64 {
	for {
		u, v := float64(2*r.Float64())-1, float64(2*r.Float64())-1
		if s := float64(u*u) + float64(v*v); s > 1e-300 && s < 1 {
			return float64(u * math.Sqrt(float64(-2*log(s))/s))
		}
	}
}

// draw returns an index with the chance that weights gives it; weights need not sum to 1. All zero: -1.
func (r *Random) draw(weights []float64) int {
	total, last := 0.0, -1
	for i, w := range weights {
		if w > 0 {
			total, last = total+w, i
		}
	}
	at := float64(r.Float64() * total)
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		if at < w {
			return i
		}
		at -= w
	}
	return last // rounding
}
