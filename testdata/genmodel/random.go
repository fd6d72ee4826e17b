package genmodel

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"
)

// stream is a sequence of random numbers that depend on a seed and a name only: Sebastiano Vigna's splitmix64.
type stream uint64

func newStream(seed uint64, name string) stream {
	h := fnv.New64a()
	_ = binary.Write(h, binary.LittleEndian, seed) // a hash takes everything
	_, _ = io.WriteString(h, name)
	return stream(h.Sum64())
}

func (s *stream) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// deviation is the standard deviation of normal's results: 65536/sqrt(3), for four uniform numbers of 16 bits.
const deviation = 37836.8

// normal returns an integer that is nearly normally distributed around 0, at most 131070 away.
func (s *stream) normal() int32 {
	z := s.next()
	return int32(z&0xffff+z>>16&0xffff+z>>32&0xffff+z>>48) - 2*65535
}

// fill sets w to offset + factor * normal numbers. Every number is rounded twice, at the product and at the sum.
func (s *stream) fill(w []float32, offset, factor float32) {
	for i := range w {
		w[i] = offset + float32(float32(s.normal())*factor)
	}
}

// factorFor returns the factor of fill for a standard deviation of 1/sqrt(n).
func factorFor(n int) float32 { return float32(1 / (deviation * math.Sqrt(float64(n)))) }
