package al

import (
	"math"
	"math/bits"
)

// A FeatureExtractor turns items into vectors of one length. It must be pure: the same item gives the same bits on every
// machine, and nothing else changes.
type FeatureExtractor[T any] interface {
	// Dim is the length of the vectors.
	Dim() int
	// Extract adds the item's features to v, which is all zero and has length Dim.
	Extract(v Vector, item T)
}

// A Vector holds features by hashing: every feature has a place and a sign by its hash, so that the length is fixed however
// many values there are, and what shares a place cancels out on average. The methods allocate nothing.
//
// Source: K. Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
type Vector []float64

// mostNumber bounds the places of a vector: a learner that took one that is no number, or whose square is none, would know
// nothing ever after.
const mostNumber = 1e100

// extract fills in the vector of an item. What is no number adds nothing, and what is too large is as large as may be.
func extract[T any](e FeatureExtractor[T], v Vector, item T) {
	e.Extract(v, item)
	for i, x := range v {
		switch {
		case math.IsNaN(x):
			v[i] = 0
		case x > mostNumber || x < -mostNumber:
			v[i] = math.Copysign(mostNumber, x)
		}
	}
}

// A Field is the hashed name of a feature, made once and used for every item.
type Field uint64

const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

// NewField hashes a name.
func NewField(name string) Field { return Field(fnv(offset64, name)) }

// fnv goes on with the 64-bit FNV-1a hash.
func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime64
	}
	return h
}

// add puts x to the place of a hash.
func (v Vector) add(h uint64, x float64) {
	h = mix(h) // FNV's high bits are poor
	at, rest := bits.Mul64(h, uint64(len(v)))
	if rest&(1<<20) != 0 {
		x = -x
	}
	v[at] += x
}

// Number adds a number, which should be of the order of 1.
func (v Vector) Number(f Field, x float64) { v.add(uint64(f), x) }

// Category adds that a field has a value.
func (v Vector) Category(f Field, value string) { v.add(fnv(uint64(f), value), 1) }

// Cross adds that a field has a pair of values.
func (v Vector) Cross(f Field, a, b string) {
	h := fnv(uint64(f), a)
	v.add(fnv((h^0xff)*prime64, b), 1) // 0xff is in no UTF-8 text
}

// Grams adds the n-grams of a text's bytes, each with weight 1/sqrt of their number so that long texts do not weigh more.
func (v Vector) Grams(f Field, text string, n int) {
	count := len(text) - n + 1
	if n < 1 || count < 1 {
		return
	}
	weight := 1 / root(float64(count))
	for i := range count {
		v.add(fnv(uint64(f), text[i:i+n]), weight)
	}
}
