package kernel

// dot is the definition of the product of a row of quantised weights and vector t of x (rule 2 of the package comment).
func (f *format) dot(c *codes, x *Vectors, t int) float32 {
	if f.form == Blocks32 {
		n := x.Len / 32
		return f.dot32(c, x.b32.q[t*x.Len:][:x.Len], x.b32.block[t*n:][:n])
	}
	n := x.Len / 256
	return f.dot256(c, x.b256.q[t*x.Len:][:x.Len], x.b256.block[t*n:][:n])
}

func (f *format) dot32(c *codes, x []int8, block []block32) float32 {
	acc := float32(0)
	for b := range block {
		y := &block[b]
		isum := dotInts(c.q[32*b:][:32], x[32*b:][:32])
		acc = fma(float32(c.s[b]*y.d), float32(isum), acc)
		if f.minima {
			acc = fma(float32(c.m[b]*y.d), y.sum, acc)
		}
	}
	return acc
}

func (f *format) dot256(c *codes, x []int8, block []block256) float32 {
	acc := float32(0)
	for b := range block {
		y := &block[b]
		sums := y.sum32[:]
		if f.sub == 16 {
			sums = y.sum16[:]
		}
		t := float32(0)
		for j, sum := range sums {
			at := b*len(sums) + j
			isum := dotInts(c.q[f.sub*at:][:f.sub], x[f.sub*at:][:f.sub])
			t = fma(c.s[at], float32(isum), t)
			if f.minima {
				t = fma(-c.m[at], sum, t)
			}
		}
		acc = fma(y.d, t, acc)
	}
	return acc
}

// dotInts is exact: 32 products of 8 bits each.
func dotInts(a, b []int8) int32 {
	b = b[:len(a)]
	sum := int32(0)
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}
