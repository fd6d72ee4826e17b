//go:build unix

package model_test

import (
	"bytes"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/token"
)

// source is what a file is written from.
type source struct {
	meta    []gguf.Entry
	tensors []gguf.Content
}

// set changes the value of a key, or removes it if value is nil.
func set(key string, value any) func(*source) {
	return func(s *source) {
		s.meta = slices.DeleteFunc(s.meta, func(e gguf.Entry) bool { return e.Key == key })
		if value != nil {
			s.meta = append(s.meta, gguf.Entry{Key: key, Value: value})
		}
	}
}

func both(a, b func(*source)) func(*source) {
	return func(s *source) {
		a(s)
		b(s)
	}
}

// drop removes the tensors whose names begin with prefix.
func drop(prefix string) func(*source) {
	return func(s *source) {
		s.tensors = slices.DeleteFunc(s.tensors, func(c gguf.Content) bool { return strings.HasPrefix(c.Name, prefix) })
	}
}

// extra adds a tensor.
func extra(name string) func(*source) {
	return func(s *source) {
		s.tensors = append(s.tensors, gguf.Content{Name: name, Dims: []uint64{4}, Data: make([]byte, 16)})
	}
}

// reader is what refuses a file.
type reader int

const (
	byModel reader = iota
	byTokenizer
)

type attack struct {
	change func(*source)
	by     reader
	kind   error
}

// attacks are valid files of models that are not what they say, by the pattern of attack that they stand for. The patterns
// that are missing here break the format, and are tested in engine/gguf; what broken weights do is tested in weights_test.go.
func attacks() map[string]attack {
	invalid, unsupported, limit := gguf.ErrInvalid, gguf.ErrUnsupported, gguf.ErrLimit
	nan, words := float32(math.NaN()), func(n int) []string { return slices.Repeat([]string{""}, n) }
	return map[string]attack{
		"8 blocks as text":                {set("llama.block_count", "1"), byModel, invalid},
		"8 blocks as float":               {set("llama.block_count", float32(1)), byModel, invalid},
		"8 blocks as list":                {set("llama.block_count", []uint32{1}), byModel, invalid},
		"8 no blocks":                     {set("llama.block_count", uint32(0)), byModel, invalid},
		"8 513 blocks":                    {set("llama.block_count", uint32(513)), byModel, invalid},
		"8 2^32-1 blocks":                 {set("llama.block_count", uint32(math.MaxUint32)), byModel, limit},
		"8 no heads":                      {set("llama.attention.head_count", uint32(0)), byModel, invalid},
		"8 no tensor of block 0":          {drop("blk.0."), byModel, invalid},
		"8 the last tensor is missing":    {drop("blk.0.ffn_up"), byModel, invalid},
		"11 narrow types":                 {set("tokenizer.ggml.token_type", make([]int8, 300)), byTokenizer, token.ErrInvalid},
		"11 wide scores":                  {set("tokenizer.ggml.scores", make([]float64, 300)), byTokenizer, token.ErrInvalid},
		"11 fewer tokens than embeddings": {set("tokenizer.ggml.tokens", words(299)), byModel, invalid},
		"11 more tokens than embeddings":  {set("tokenizer.ggml.tokens", words(301)), byModel, invalid},
		"11 fewer scores than tokens":     {set("tokenizer.ggml.scores", make([]float32, 299)), byTokenizer, token.ErrInvalid},
		"11 special id over the tokens":   {set("tokenizer.ggml.bos_token_id", uint32(300)), byTokenizer, token.ErrInvalid},
		"11 special id -1":                {set("tokenizer.ggml.eos_token_id", int32(-1)), byTokenizer, token.ErrInvalid},
		"11 merge of no token":            {both(set("tokenizer.ggml.model", "gpt2"), set("tokenizer.ggml.merges", []string{"qq zz"})), byTokenizer, token.ErrInvalid},
		"12 token of 64 KiB":              {set("tokenizer.ggml.tokens", append(words(299), strings.Repeat("x", 1<<16))), byTokenizer, token.ErrLimit},
		"12 id over 2^31":                 {set("tokenizer.ggml.bos_token_id", uint64(1)<<32+1), byTokenizer, token.ErrInvalid},
		"12 vocabulary size over 2^32":    {set("llama.vocab_size", uint64(1)<<32+300), byModel, invalid},
		"16 first part of two":            {both(set("split.no", uint16(0)), set("split.count", uint16(2))), byModel, unsupported},
		"16 part 2 of 2, counted from 0":  {both(set("split.no", uint16(2)), set("split.count", uint16(2))), byModel, invalid},
		"16 part without a count":         {set("split.no", uint16(1)), byModel, invalid},
		"16 parts as text":                {set("split.count", "2"), byModel, invalid},
		"16 negative part":                {both(set("split.no", int32(-1)), set("split.count", int32(2))), byModel, invalid},
		"16 2^64-1 parts":                 {set("split.count", uint64(math.MaxUint64)), byModel, unsupported},
		"16 path as tensor":               {extra("../../etc/passwd"), byModel, unsupported},
		"17 no context":                   {set("llama.context_length", uint32(0)), byModel, invalid},
		"17 context 2^31":                 {set("llama.context_length", uint32(1<<31)), byModel, limit},
		"17 context NaN":                  {set("llama.context_length", nan), byModel, invalid},
		"17 rope base NaN":                {set("llama.rope.freq_base", nan), byModel, invalid},
		"17 rope base 0":                  {set("llama.rope.freq_base", float32(0)), byModel, invalid},
		"17 rope base infinite":           {set("llama.rope.freq_base", float32(math.Inf(1))), byModel, invalid},
		"17 no rope dimensions":           {set("llama.rope.dimension_count", uint32(0)), byModel, invalid},
		"17 2^31 rope dimensions":         {set("llama.rope.dimension_count", uint32(1<<31)), byModel, limit},
		"17 yarn factor NaN":              {both(set("llama.rope.scaling.type", "yarn"), set("llama.rope.scaling.factor", nan)), byModel, invalid},
		"17 more experts used than there": {both(set("llama.expert_count", uint32(2)), set("llama.expert_used_count", uint32(3))), byModel, invalid},
		"17 experts used of none":         {both(set("llama.expert_count", uint32(0)), set("llama.expert_used_count", uint32(1))), byModel, invalid},
		"17 2^32-1 experts":               {set("llama.expert_count", uint32(math.MaxUint32)), byModel, unsupported},
		"17 experts as float":             {set("llama.expert_count", float32(1)), byModel, invalid},
	}
}

// pageAligned is an alignment that is a multiple of all machines' pages.
const pageAligned = 64 << 10

// sealed writes a file into memory whose tensor data cannot be read.
func sealed(t *testing.T, change func(*source)) (*gguf.File, []byte) {
	t.Helper()
	meta, tensors := small("llama")
	s := &source{append(meta, gguf.Entry{Key: "general.alignment", Value: uint32(pageAligned)}), tensors}
	change(s)
	f, data := build(t, s.meta, s.tensors)
	memory, err := syscall.Mmap(-1, 0, len(data), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	copy(memory, data)
	require.NoError(t, syscall.Mprotect(memory[f.DataOffset:], syscall.PROT_NONE))
	return f, memory
}

// TestAttacksEndBeforeTensorData loads models whose tensor data cannot be read.
func TestAttacksEndBeforeTensorData(t *testing.T) {
	t.Parallel()

	for name, a := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
			f, data := sealed(t, a.change)
			var err error
			require.NotPanics(t, func() {
				if a.by == byTokenizer {
					_, err = token.New(f)
				} else {
					_, err = model.Load(f, data, model.Config{})
				}
			})
			require.ErrorIs(t, err, a.kind)
		})
	}
}

// TestAttacksAreAttacks loads the model of the other tests as it is, and with keys that look like attacks: it is good, and its
// tensor data is read.
func TestAttacksAreAttacks(t *testing.T) {
	t.Parallel()

	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for name, change := range map[string]func(*source){
		"unchanged":        func(*source) {},
		"joined":           both(set("split.no", uint16(0)), set("split.count", uint16(0))),
		"the only part":    both(set("split.no", uint16(0)), set("split.count", uint16(1))),
		"no experts":       both(set("llama.expert_count", uint32(0)), set("llama.expert_used_count", uint32(0))),
		"general.name ../": set("general.name", "../../etc/passwd"),
	} {
		f, data := sealed(t, change)
		_, err := token.New(f)
		require.NoError(t, err, name)
		require.Panics(t, func() { _, _ = model.Load(f, data, model.Config{}) }, name)

		var readable bytes.Buffer
		meta, tensors := small("llama")
		s := &source{meta, tensors}
		change(s)
		require.NoError(t, gguf.Write(&readable, s.meta, s.tensors))
		f, err = gguf.Parse(bytes.NewReader(readable.Bytes()), int64(readable.Len()), gguf.Limits{})
		require.NoError(t, err)
		_, err = model.Load(f, readable.Bytes(), model.Config{})
		require.NoError(t, err, name)
	}
}

// TestClaimsOfModelsCostNothing has hyper-parameters as large as they may be, without the tensors that they ask for.
func TestClaimsOfModelsCostNothing(t *testing.T) { //nolint:paralleltest // measures memory
	meta, tensors := small("gemma3")
	s := &source{meta, tensors}
	for key, value := range map[string]uint32{
		"block_count": 1 << 12, "context_length": 1 << 20, "embedding_length": 1 << 20, "feed_forward_length": 1 << 20,
		"attention.head_count": 1 << 12, "attention.head_count_kv": 1 << 12, "attention.key_length": 1 << 12,
		"attention.value_length": 1 << 12, "rope.dimension_count": 1 << 12, "attention.sliding_window": 1 << 20,
	} {
		set("gemma3."+key, value)(s)
	}
	f, data := build(t, s.meta, s.tensors)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := model.Load(f, data, model.Config{})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, gguf.ErrInvalid)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(32<<10))
}
