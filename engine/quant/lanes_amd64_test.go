//go:build !purego

package quant

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/quant/testdata/small"
)

// twins runs a search in assembly and lane by lane in Go, from equal frames.
func twins(f *frame, fast func(*frame), lane func(*frame, int)) (a, b frame) {
	a, b = *f, *f
	fast(&a)
	for i := range lanes {
		lane(&b, i)
	}
	return a, b
}

// requireSame compares columns bit by bit, but takes all that is not a number for the same.
func requireSame(tb testing.TB, what string, a, b column) {
	tb.Helper()
	for lane, v := range a {
		if v != v && b[lane] != b[lane] {
			continue
		}
		require.Equal(tb, math.Float32bits(v), math.Float32bits(b[lane]), "%s, lane %d: %v and %v", what, lane, v, b[lane])
	}
}

// compareTwins compares all searches on 256 elements.
func compareTwins(tb testing.TB, row []float32) {
	tb.Helper()
	grids := map[int]*grid{
		16: {top: 3, first: -0.5, step: 0.1, tries: 15, absolute: true},
		32: {top: 15, first: -1, step: 0.1, tries: 20},
	}
	for n, g := range grids {
		var f frame
		f.load(row, n)
		f.prepare(g)
		a, b := twins(&f, affineAVX2, (*frame).affine)
		for lane, v := range a.high {
			for _, c := range []*column{&a.high, &a.low, &a.from, &b.high, &b.low, &b.from} {
				c[lane] += 0 // the sign of their 0 reaches no byte
			}
			if v == a.least[lane] { // of equal elements nothing else is used
				for _, c := range []*column{&a.scale, &a.low, &a.from, &a.inv, &b.scale, &b.low, &b.from, &b.inv} {
					c[lane] = 0
				}
			}
		}
		requireSame(tb, "high", a.high, b.high)
		requireSame(tb, "scale", a.scale, b.scale)
		requireSame(tb, "low", a.low, b.low)
		requireSame(tb, "from", a.from, b.from)
		requireSame(tb, "inverse", a.inv, b.inv)
	}
	var f frame
	f.load(row, 16)
	f.prepareSigned()
	a, b := twins(&f, signedAVX2, func(f *frame, lane int) { f.search(lane, signedSums) })
	for lane, v := range f.peak {
		if abs(v) < tiny {
			a.scale[lane], a.inv[lane], b.scale[lane], b.inv[lane] = 0, 0, 0, 0
		}
	}
	requireSame(tb, "signed scale", a.scale, b.scale)
	requireSame(tb, "signed inverse", a.inv, b.inv)

	f.prepareRefined()
	a, b = twins(&f, refineAVX2, (*frame).refine)
	requireSame(tb, "refined scale", a.scale, b.scale)
	for i := range 16 {
		requireSame(tb, "refined integers", a.q[i], b.q[i])
	}

	f.load(row, 32)
	f.prepareSteps()
	a, b = twins(&f, func(f *frame) { steppedAVX2(f, &thresholds) }, func(f *frame, lane int) { f.search(lane, stepSums) })
	requireSame(tb, "stepped scale", a.scale, b.scale)

	for _, r := range []rounding{{0.01, 0.3, 0, 15}, {row[0], row[1], -32, 31}, {1e-38, 0, -4, 3}} {
		var q, want [29]uint8
		r.cut(q[:], row[:29])
		for i, v := range row[:29] {
			want[i] = uint8(max(int(r.bottom), min(int(r.top), nearest((v+r.m)/r.d))) - int(r.bottom))
		}
		require.Equal(tb, want, q)
	}
}

// compareVectors compares what works on 32 elements, or on any number.
func compareVectors(tb testing.TB, row []float32) {
	tb.Helper()
	require.Equal(tb, len(row), finiteFast(row))
	bad := append([]float32(nil), row...)
	bad[201] = float32(math.Inf(-1))
	require.Zero(tb, finiteFast(bad))
	x := (*[32]float32)(row)
	low, high, _ := extentFast(x)
	least, most := bounds(x[:])
	require.InDelta(tb, least, low, 0)
	require.InDelta(tb, most, high, 0)

	for _, l := range []levels{{0, inverse(extreme(x) / -8), 8.5, 15}, {least, inverse((most - least) / 31), 0.5, 31}, {least, row[40], 0.5, 15}} {
		var q [32]uint8
		fifth := uint32(0)
		got := l.of(&q, x)
		for i, v := range x {
			integer := float32((v-l.m)*l.inv) + l.half
			if integer < 0 || integer >= 256 { // which no element comes to
				require.LessOrEqual(tb, q[i], uint8(l.top))
			} else {
				require.Equal(tb, min(uint8(l.top), truncate(integer)), q[i], "%v", integer)
			}
			fifth |= uint32(q[i]>>4) << i
		}
		require.Equal(tb, fifth, got)
	}
	var half, bfloat [2 * 256]byte
	require.Equal(tb, 256, halvesFast(half[:], row))
	require.Equal(tb, 256, bfloatsFast(bfloat[:], row))
	for i, v := range row {
		require.Equal(tb, toHalf(v), binary.LittleEndian.Uint16(half[2*i:]), "half of %v", v)
		require.Equal(tb, toBfloat(v), binary.LittleEndian.Uint16(bfloat[2*i:]), "bfloat16 of %v", v)
	}
	for _, e := range []byte{0, 1, 2, 120, 127, 128, 129, 130, 241, 252, 254, 255} {
		var q [32]uint8
		e2m1Fast(&q, x, halfPower(e))
		for i, v := range x {
			require.Equal(tb, nearestE2M1(v, halfPower(e)), q[i], "%v, exponent %d", v, e)
		}
	}
}

func FuzzTwins(f *testing.F) {
	if !hasF16C {
		f.Skip("no AVX2")
	}
	for _, scale := range []float32{0x1p-16, 0x1p-145, 4, 0x1p100, 0} {
		var b []byte
		for _, v := range small.Bell(256) {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v*scale)))
		}
		f.Add(b)
	}
	var ties []byte
	for i := range 256 {
		ties = binary.LittleEndian.AppendUint32(ties, math.Float32bits(float32(float32(i-128)*0.25))+uint32(i/32)%3) // or just above
	}
	f.Add(ties)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		row := make([]float32, 256)
		for i := range row {
			var word [4]byte
			for k := range word {
				word[k] = b[(4*i+k)%len(b)]
			}
			row[i] = math.Float32frombits(binary.LittleEndian.Uint32(word[:]))
			if notFinite(row[i:i+1]) >= 0 {
				row[i] = float32(i)
			}
		}
		compareTwins(t, row)
		compareVectors(t, row)
	})
}
