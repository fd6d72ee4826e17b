package model_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// presets is the models that every architecture is tested with.
var presets = []string{
	"tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-phi3", "tiny-gemma2", "tiny-gemma3", "tiny-llama-frequency", "tiny-phi3-longrope",
}

// variants are presets with keys added.
var variants = map[string][]gguf.Entry{
	"tiny-llama+linear": {
		{Key: "llama.rope.scaling.type", Value: "linear"}, {Key: "llama.rope.scaling.factor", Value: float32(4)},
	},
	"tiny-qwen2+yarn": {
		{Key: "qwen2.rope.scaling.type", Value: "yarn"},
		{Key: "qwen2.rope.scaling.factor", Value: float32(4)},
		{Key: "qwen2.rope.scaling.original_context_length", Value: uint32(128)},
	},
	"tiny-gemma3+linear": {
		{Key: "gemma3.rope.scaling.type", Value: "linear"},
		{Key: "gemma3.rope.scaling.factor", Value: float32(8)},
		{Key: "gemma3.final_logit_softcapping", Value: float32(3)},
	},
}

var made sync.Map // files by name, so that they are made once

// generated returns a model of a preset, or variant of one, with matrices of type F32.
func generated(tb testing.TB, name string, cfg model.Config) *model.Model {
	tb.Helper()
	once, _ := made.LoadOrStore(name, sync.OnceValue(func() []byte { return generate(name) }))
	data := once.(func() []byte)()
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(tb, err)
	m, err := model.Load(f, data, cfg)
	require.NoError(tb, err)
	return m
}

func generate(name string) []byte {
	preset, _, _ := strings.Cut(name, "+")
	spec, _ := genmodel.Preset(preset)
	spec.Type = gguf.F32
	var b bytes.Buffer
	_ = spec.Write(&b) // what is missing shows when it is parsed
	if variants[name] == nil {
		return b.Bytes()
	}
	meta, tensors := taken(b.Bytes())
	var changed bytes.Buffer
	_ = gguf.Write(&changed, append(meta, variants[name]...), tensors)
	return changed.Bytes()
}

// taken returns what a file has been written from.
func taken(data []byte) (meta []gguf.Entry, tensors []gguf.Content) {
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	if err != nil {
		return nil, nil
	}
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		meta = append(meta, gguf.Entry{Key: key, Value: v})
	}
	for _, t := range f.Tensors {
		tensors = append(tensors, gguf.Content{Name: t.Name, Dims: t.Dims, Type: t.Type, Data: data[t.Offset:][:t.Size]})
	}
	return meta, tensors
}

// some returns the ids that golden-architectures.json was made with.
func some(n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((i*7919 + 13) % vocab)
	}
	return ids
}

// TestGoldenArchitectures compares logits with another engine's. That one takes GELU from a table of half floats, which moves
// the logits of Gemma models by 0.002.
func TestGoldenArchitectures(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile("testdata/golden-architectures.json")
	require.NoError(t, err)
	var golden struct {
		Models map[string][]struct {
			Position int
			IDs      []int32
			Logits   []float64
		}
	}
	require.NoError(t, json.Unmarshal(raw, &golden))
	require.Len(t, golden.Models, len(presets)+len(variants)+1, "longrope has two")
	for name, positions := range golden.Models {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			most, cfg := 5e-5, model.Config{}
			if strings.Contains(name, "gemma") {
				most = 3e-3
			}
			preset, context, _ := strings.Cut(name, "@")
			if context == "256" {
				cfg.Context = 256
			}
			m := generated(t, preset, cfg)
			v := m.VocabSize()
			got := logits(t, m.NewSequence(), some(64, v), 64)
			for _, p := range positions {
				require.Len(t, p.IDs, 5)
				for i, id := range p.IDs {
					require.InDelta(t, p.Logits[i], got[p.Position*v+int(id)], most, "position %d, id %d", p.Position, id)
				}
				for i, l := range got[p.Position*v:][:v] {
					require.LessOrEqual(t, float64(l), p.Logits[0]+most, "position %d, id %d is above the largest", p.Position, i)
				}
			}
		})
	}
}

func TestUnknownArchitecturesAreRefusedByName(t *testing.T) {
	t.Parallel()

	require.Equal(t, []string{"llama", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"}, model.Architectures())
	meta, tensors := tiny()
	meta[0].Value = "mamba"
	f, data := build(t, meta, tensors)
	_, err := model.Load(f, data, model.Config{})
	require.ErrorIs(t, err, gguf.ErrUnsupported)
	require.ErrorContains(t, err, `architecture "mamba"; supported: llama, qwen2, qwen3, phi3, gemma2, gemma3`)
}

// TestBiases adds every bias that an architecture may have: zeros change nothing, others change the logits.
func TestBiases(t *testing.T) {
	t.Parallel()

	for arch, places := range map[string]map[string]uint64{
		"llama": {"attn_output": 256, "ffn_gate": 512, "ffn_up": 512, "ffn_down": 256},
		"phi3":  {"attn_qkv": 512},
	} {
		meta, tensors := taken(generate("tiny-" + arch))
		f, data := build(t, meta, tensors)
		m, err := model.Load(f, data, model.Config{})
		require.NoError(t, err)
		plain := logits(t, m.NewSequence(), some(9, 512), 9)
		for place, n := range places {
			for _, value := range []float32{0, 0.5} {
				b := gguf.Content{Name: "blk.0." + place + ".bias", Dims: []uint64{n}, Type: gguf.F32}
				for i := range n {
					bits := math.Float32bits(value * float32(i%3))
					b.Data = append(b.Data, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
				}
				f, data := build(t, meta, append(slices.Clip(tensors), b))
				m, err := model.Load(f, data, model.Config{})
				require.NoError(t, err)
				got := logits(t, m.NewSequence(), some(9, 512), 9)
				if value == 0 {
					require.Equal(t, plain, got, "%s %s", arch, place)
				} else {
					require.NotEqual(t, plain, got, "%s %s", arch, place)
				}
			}
		}
	}
}
