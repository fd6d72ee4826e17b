package model_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// small returns what the file of a model of an architecture is written from: 32 wide, one block, 300 tokens.
func small(arch string) ([]gguf.Entry, []gguf.Content) {
	spec := genmodel.Spec{Arch: arch, Embed: 32, Layers: 1, Heads: 2, FF: 32, Vocab: 300, Context: 64, Type: gguf.F32}
	switch arch {
	case "phi3":
		spec.Window, spec.LongRope = 8, true
	case "gemma2", "gemma3":
		spec.Window = 8
	case "llama":
		spec.Frequency = true
	}
	return taken(written(spec))
}

// written returns the file of a generated model; what is missing shows when it is parsed.
func written(spec genmodel.Spec) []byte {
	var b bytes.Buffer
	_ = spec.Write(&b)
	return b.Bytes()
}

func TestBadArchitecturesAreRefused(t *testing.T) {
	t.Parallel()

	invalid, unsupported, limit := gguf.ErrInvalid, gguf.ErrUnsupported, gguf.ErrLimit
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		arch, key string
		value     any // nil: the key is absent
		kind      error
		text      string
	}{
		{"llama", "attn_logit_softcapping", float32(50), unsupported, "llama.attn_logit_softcapping"},
		{"qwen2", "final_logit_softcapping", float32(30), unsupported, "qwen2.final_logit_softcapping"},
		{"gemma3", "attn_logit_softcapping", float32(50), unsupported, "gemma3.attn_logit_softcapping"},
		{"gemma2", "attn_logit_softcapping", nan, invalid, "attn_logit_softcapping is NaN"},
		{"gemma2", "attn_logit_softcapping", float32(-1), invalid, "attn_logit_softcapping is -1"},
		{"gemma2", "final_logit_softcapping", "30", invalid, "not a floating-point number"},
		{"gemma3", "final_logit_softcapping", inf, invalid, "final_logit_softcapping is +Inf"},
		{"phi3", "attention.sliding_window", int32(-8), invalid, "sliding_window is not an integer"},
		{"gemma2", "attention.sliding_window", "8", invalid, "sliding_window is not an integer"},
		{"gemma3", "attention.sliding_window_pattern", []bool{}, invalid, "sliding_window_pattern is not a list"},
		{"gemma3", "attention.sliding_window_pattern", []uint32{1}, invalid, "sliding_window_pattern is not a list"},
		{"gemma2", "attention.sliding_window_pattern", uint32(0), invalid, "sliding_window_pattern is 0"},
		{"gemma2", "attention.sliding_window_pattern", uint32(1 << 20), limit, "sliding_window_pattern is 1048576"},
		{"gemma3", "rope.freq_base_swa", float32(0), invalid, "freq_base_swa is 0"},
		{"gemma2", "rope.freq_base_swa", nan, invalid, "freq_base_swa is NaN"},
		{"qwen3", "attention.key_length", uint32(0), invalid, "key_length is 0"},
		{"qwen3", "attention.key_length", uint32(18), unsupported, "values of 16 elements beside keys of 18"},
		{"qwen3", "attention.key_length", uint32(1 << 16), limit, "key_length is 65536"},
		{"phi3", "rope.scaling.attn_factor", nan, invalid, "attn_factor is NaN"},
		{"phi3", "rope.scaling.attn_factor", uint32(1), invalid, "attn_factor is missing or not a floating-point number"},
		{"phi3", "rope.scaling.original_context_length", uint32(0), invalid, "original_context_length is 0"},
		{"phi3", "rope.scaling.type", "su", unsupported, `rope scaling "su"`},
		{"qwen2", "rope.scaling.type", "longrope", unsupported, `rope scaling "longrope"`},
		{"qwen2", "rope.scaling.type", uint32(1), invalid, "rope.scaling.type is not a text"},
		{"qwen2", "rope.scaling.factor", float32(0.5), invalid, "factor is 0.5"},
		{"qwen2", "rope.scaling.factor", nan, invalid, "factor is NaN"},
		{"gemma3", "rope.scaling.factor", float32(1e9), invalid, "factor is 1e+09"},
		{"llama", "rope.scale_linear", float32(-2), invalid, "scale_linear is -2"},
		{"qwen3", "expert_count", uint32(64), unsupported, "64 experts"},
	}
	for _, arch := range model.Architectures() {
		for _, key := range []string{"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count", "attention.layer_norm_rms_epsilon"} {
			tests = append(tests, struct {
				arch, key string
				value     any
				kind      error
				text      string
			}{arch, key, nil, invalid, arch + "." + key + " is missing"})
		}
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, " ", tt.arch, " ", tt.key), func(t *testing.T) {
			t.Parallel()

			meta, tensors := small(tt.arch)
			meta = slices.DeleteFunc(meta, func(e gguf.Entry) bool { return e.Key == tt.arch+"."+tt.key })
			if tt.value != nil {
				meta = append(meta, gguf.Entry{Key: tt.arch + "." + tt.key, Value: tt.value})
			}
			f, data := build(t, meta, tensors)
			_, err := model.Load(f, data, model.Config{})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

// TestMissingAndForeignTensorsAreRefused takes every tensor from every architecture once, and gives it one that another has.
func TestMissingAndForeignTensorsAreRefused(t *testing.T) {
	t.Parallel()

	foreign := map[string]string{
		"llama": "blk.0.attn_k_norm.weight", "qwen2": "blk.0.attn_output.bias", "qwen3": "rope_freqs.weight",
		"phi3": "blk.0.ffn_gate.weight", "gemma2": "output.weight", "gemma3": "output.bias",
	}
	for _, arch := range model.Architectures() {
		meta, tensors := small(arch)
		for i, missing := range tensors {
			f, data := build(t, meta, slices.Delete(slices.Clone(tensors), i, i+1))
			_, err := model.Load(f, data, model.Config{})
			switch missing.Name {
			case "output.weight", "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight":
				require.NoError(t, err, "%s without %s", arch, missing.Name)
			default:
				require.ErrorIs(t, err, gguf.ErrInvalid, "%s without %s", arch, missing.Name)
			}
		}
		more := gguf.Content{Name: foreign[arch], Dims: []uint64{32, 300}, Data: make([]byte, 4*32*300)}
		f, data := build(t, meta, append(tensors, more))
		_, err := model.Load(f, data, model.Config{})
		require.ErrorIs(t, err, gguf.ErrUnsupported, arch)
		require.ErrorContains(t, err, more.Name)
	}
}

func TestBadFactorsAreRefused(t *testing.T) {
	t.Parallel()

	for arch, name := range map[string]string{"llama": "rope_freqs.weight", "phi3": "rope_factors_short.weight"} {
		for _, value := range []float32{0, -1, float32(math.NaN()), float32(math.Inf(1)), 1e-6} {
			meta, tensors := small(arch)
			i := slices.IndexFunc(tensors, func(c gguf.Content) bool { return c.Name == name })
			tensors[i].Data = slices.Clone(tensors[i].Data)
			binary.LittleEndian.PutUint32(tensors[i].Data[4:], math.Float32bits(value))
			f, data := build(t, meta, tensors)
			_, err := model.Load(f, data, model.Config{})
			require.ErrorIs(t, err, gguf.ErrInvalid, "%s %v", name, value)
			require.ErrorContains(t, err, name)
		}
	}
}

// FuzzLoad changes bytes of headers: a file is refused with a typed error, or runs.
func FuzzLoad(f *testing.F) {
	var files [][]byte
	for i, arch := range model.Architectures() {
		meta, tensors := small(arch)
		_, data := build(f, meta, tensors)
		files = append(files, data)
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0x40, 1, 0xff, 0x90, 2, 3})
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		data := slices.Clone(files[int(which)%len(files)])
		for ; len(edits) >= 3; edits = edits[3:] {
			data[int(binary.LittleEndian.Uint16(edits))%min(len(data), 1<<14)] = edits[2]
		}
		file, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
		if err != nil {
			return
		}
		m, err := model.Load(file, data, model.Config{})
		if err != nil {
			if !errors.Is(err, gguf.ErrInvalid) && !errors.Is(err, gguf.ErrUnsupported) && !errors.Is(err, gguf.ErrLimit) {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		_, err = m.NewSequence().Append(t.Context(), []int32{0, 1}, model.Last)
		if err != nil && !errors.Is(err, model.ErrNotFinite) && !errors.Is(err, model.ErrContext) && !errors.Is(err, model.ErrToken) {
			t.Fatal(err)
		}
	})
}
