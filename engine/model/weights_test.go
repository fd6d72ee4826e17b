package model_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// result is what a model of broken weights computes.
type result struct {
	err    error
	logits []float32
	hidden []float32 // after the embeddings and after the block
}

// TestBrokenWeightsAgree fills the matrices of every type with bytes that nobody would train: all 0xff, where scales are not
// numbers; the largest scales that are; random ones; and good weights with a random byte here and there. Each instruction set
// computes the same, down to what is not a number, and no logit that is handed out is one of these.
func TestBrokenWeightsAgree(t *testing.T) { //nolint:paralleltest // changes the instruction set
	defer func() { require.NoError(t, kernel.SetISA("")) }()
	fills := map[string]func(r *rand.Rand, b []byte){
		"0xff": func(_ *rand.Rand, b []byte) { fill(b, 0xff) },
		"0x7b": func(_ *rand.Rand, b []byte) { fill(b, 0x7b) }, // as half 61,280, as float 1e36
		"0x7c": func(_ *rand.Rand, b []byte) { fill(b, 0x7c) }, // as half not a number
		"0x00": func(_ *rand.Rand, b []byte) { fill(b, 0) },
		"random": func(r *rand.Rand, b []byte) {
			for i := range b {
				b[i] = byte(r.Uint32())
			}
		},
		"some random": func(r *rand.Rand, b []byte) {
			for i := r.IntN(5000); i < len(b); i += 1 + r.IntN(10000) {
				b[i] = byte(r.Uint32())
			}
		},
	}
	finite, broken := 0, 0
	architectures := []string{"llama", "gemma2"} // SiLU; GELU and bounded logits
	if testing.Short() {
		architectures = architectures[:1]
	}
	for _, arch := range architectures {
		for _, typ := range quant.Types() {
			sound := soundModel(arch, typ)
			for name, f := range fills {
				file, data := spoilt(t, sound, rand.New(rand.NewPCG(uint64(typ), 1)), f)
				var want *result
				for _, isa := range []string{"go", "avx2", "avx512", "neon", "neon-dot", "rvv"} {
					if errors.Is(kernel.SetISA(isa), kernel.ErrISA) {
						continue
					}
					got := compute(t, file, data)
					if want == nil {
						want = got
					}
					requireAgree(t, want, got, "%s %v %s at %s", arch, typ, name, isa)
				}
				if want.err == nil {
					finite++
				} else {
					broken++
				}
			}
		}
	}
	t.Logf("%d files with finite logits, %d without", finite, broken)
	require.Greater(t, finite, 16)
	require.Greater(t, broken, 16)
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// soundModel returns the file of a small model of that type.
func soundModel(arch string, typ gguf.Type) []byte {
	spec := genmodel.Spec{Arch: arch, Embed: 256, Layers: 1, Heads: 4, FF: 256, Vocab: 300, Context: 64, Type: typ}
	if arch == "gemma2" {
		spec.Window = 8
	}
	return written(spec)
}

// spoilt returns a copy of a model whose matrices went through f.
func spoilt(t *testing.T, file []byte, r *rand.Rand, f func(*rand.Rand, []byte)) (*gguf.File, []byte) {
	t.Helper()
	meta, tensors := taken(slices.Clone(file))
	for _, x := range tensors {
		if len(x.Dims) == 2 {
			f(r, x.Data)
		}
	}
	return build(t, meta, tensors)
}

func compute(t *testing.T, f *gguf.File, data []byte) *result {
	t.Helper()
	m, err := model.Load(f, data, model.Config{})
	require.NoError(t, err, "weights are not looked at")
	h := &model.Hidden{Layers: []int{model.Input, 0}, At: []int{0, 1, 2}}
	parts := []model.Part{{Sequence: m.NewSequence(), Tokens: []int32{1, 5, 299}, Want: model.All, Hidden: h}}
	require.NoError(t, m.Compute(t.Context(), parts))
	if parts[0].Err != nil {
		require.ErrorIs(t, parts[0].Err, model.ErrNotFinite)
		require.Nil(t, parts[0].Logits)
	}
	for _, l := range parts[0].Logits {
		require.False(t, math.IsNaN(float64(l)) || math.IsInf(float64(l), 0))
	}
	return &result{parts[0].Err, parts[0].Logits, h.Values}
}

// requireAgree compares bits, where one number that is none is like another.
func requireAgree(t *testing.T, want, got *result, format string, args ...any) {
	t.Helper()
	require.Equal(t, want.err == nil, got.err == nil, append([]any{format}, args...)...)
	for _, pair := range [][2][]float32{{want.logits, got.logits}, {want.hidden, got.hidden}} {
		require.Len(t, pair[1], len(pair[0]))
		for i, w := range pair[0] {
			g := pair[1][i]
			if math.Float32bits(w) != math.Float32bits(g) && (w == w || g == g) {
				require.Failf(t, "bits differ", format+": %v and %v at %d", append(args, w, g, i)...)
			}
		}
	}
}
