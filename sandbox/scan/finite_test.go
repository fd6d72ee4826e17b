package scan_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Each type with a number or scale that is infinite or none in its last block, and without one.
func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()

	half, wide := "\x00\x7c", "\x00\x00\x80\x7f" // infinite
	types := map[gguf.Type]struct {
		number string
		places []int
	}{
		gguf.F32: {wide, []int{0}}, gguf.F16: {half, []int{0}}, gguf.BF16: {"\x80\xff", []int{0}}, 28: {"\x01\x00\x00\x00\x00\x00\xf0\xff", []int{0}},
		gguf.Q4_0: {half, []int{0}}, gguf.Q4_1: {half, []int{0, 2}}, gguf.Q5_0: {half, []int{0}}, gguf.Q5_1: {half, []int{0, 2}}, gguf.Q8_0: {half, []int{0}},
		9: {half, []int{0, 2}}, gguf.Q2_K: {half, []int{80, 82}}, gguf.Q3_K: {half, []int{108}}, gguf.Q4_K: {half, []int{0, 2}}, gguf.Q5_K: {half, []int{0, 2}},
		gguf.Q6_K: {half, []int{208}}, 15: {wide, []int{0}}, 16: {half, []int{0}}, 17: {half, []int{0}}, 18: {half, []int{0}}, 19: {half, []int{0}}, gguf.IQ4_NL: {half, []int{0}},
		21: {half, []int{0}}, 22: {half, []int{0}}, gguf.IQ4_XS: {half, []int{0}}, 34: {half, []int{52}}, 35: {half, []int{64}}, gguf.MXFP4: {"\xff", []int{0}}, 40: {"\x7f", []int{0, 3}}, 41: {half, []int{0}},
	}
	for kind, tt := range types {
		elements, block := kind.Block()
		const blocks = 37
		file := func(change func(data []byte)) []byte {
			data := []byte(strings.Repeat("\x3c", blocks*block)) // a number in all formats
			change(data)
			return headGGUF(3, 1, 0).tensor("t", kind, 0, uint64(blocks*elements)).data(string(data) + strings.Repeat("\x00", 32))
		}
		require.NotContains(t, rules(scanBytes(t, file(func([]byte) {}))), "tensor-not-finite", "%v", kind)
		for _, place := range tt.places {
			res := scanBytes(t, file(func(data []byte) { copy(data[(blocks-1)*block+place:], tt.number) }))
			require.Contains(t, rules(res), "tensor-not-finite", "%v at %d", kind, place)
		}
	}
}

// Where the first one stands is said, in the last bytes that are no multiple of eight as well.
func TestPlaceOfANumberThatIsNone(t *testing.T) {
	t.Parallel()

	for _, n := range []int{1, 2, 3, 7, 1 << 17, 1<<17 + 1, 1<<17 + 3} {
		data := make([]byte, 2*n)
		copy(data[2*n-2:], "\x00\xfc")
		b := headGGUF(3, 1, 0).tensor("t", gguf.F16, 0, uint64(n))
		start := (len(b) + 31) / 32 * 32
		res := scanBytes(t, b.data(string(data)))
		require.Len(t, res.Findings, 1, n)
		require.Equal(t, "tensor-not-finite", res.Findings[0].Rule)
		require.Equal(t, "byte "+strconv.Itoa(start+2*n-2), res.Findings[0].Location)
	}
}

// Many tensors of such numbers are a few findings.
func TestNumbersThatAreNoneAreCut(t *testing.T) {
	t.Parallel()

	b := headGGUF(3, 50, 0)
	for i := range 50 {
		b = b.tensor("t"+strconv.Itoa(i), gguf.F32, uint64(32*i), 8)
	}
	require.Len(t, scanBytes(t, b.data(strings.Repeat("\xff", 32*50))).Findings, 20)
}
