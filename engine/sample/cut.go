package sample

import "math"

// key returns a number that orders as v, which is not a not-a-number; both zeros are the same.
func key(v float32) uint32 {
	b := math.Float32bits(v + 0)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

// logit is the value of a key.
func logit(k uint32) float32 {
	if k>>31 != 0 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}

func sum(c []candidate) uint64 {
	total := uint64(0)
	for i := range c {
		total += c[i].weight
	}
	return total
}

// digits of a key, the most significant first: their lowest bit and their mask.
var digits = [3]struct{ shift, mask uint32 }{{21, 1<<11 - 1}, {10, 1<<11 - 1}, {0, 1<<10 - 1}}

// counts holds the weight of the candidates by one digit of their keys.
type counts [1 << 11]uint64

// cut keeps, in their order, the fewest of the most likely candidates whose weights add up to want, which is above 0. It
// finds the key of the last one digit by digit, leaving out at each digit what is below it: time in proportion to len(c).
func (h *counts) cut(c []candidate, want uint64) []candidate {
	if sum(c) <= want {
		return c
	}
	bound := uint32(0)
	for _, d := range digits {
		clear(h[:])
		above := bound + d.mask<<d.shift | (1<<d.shift - 1)
		for i := range c {
			if c[i].key <= above {
				h[c[i].key>>d.shift&d.mask] += c[i].weight
			}
		}
		digit := d.mask
		for ; h[digit] < want; digit-- {
			want -= h[digit]
		}
		bound |= digit << d.shift
		c = atLeast(c, bound)
	}
	kept := c[:0]
	for _, v := range c {
		if v.key > bound {
			kept = append(kept, v)
		} else if want > 0 {
			kept = append(kept, v)
			want -= min(want, v.weight)
		}
	}
	return kept
}

func atLeast(c []candidate, bound uint32) []candidate {
	kept := c[:0]
	for _, v := range c {
		if v.key >= bound {
			kept = append(kept, v)
		}
	}
	return kept
}
