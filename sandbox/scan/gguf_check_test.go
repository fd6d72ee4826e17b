package scan_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// What a valid header says of the model and must not be believed.
func TestGGUFClaims(t *testing.T) {
	t.Parallel()

	hyper, tokens, split := []string{"gguf-hyperparameter"}, []string{"gguf-tokenizer"}, []string{"gguf-split"}
	key := func(key string, value any) []gguf.Entry { return []gguf.Entry{{Key: "llama." + key, Value: value}} }
	vocabulary := func(more ...gguf.Entry) []gguf.Entry {
		return append([]gguf.Entry{{Key: "tokenizer.ggml.tokens", Value: []string{"a", "b", "ab"}}}, more...)
	}
	tok := func(key string, value any) []gguf.Entry {
		return vocabulary(gguf.Entry{Key: "tokenizer.ggml." + key, Value: value})
	}
	part := func(no, count uint32) []gguf.Entry {
		return []gguf.Entry{{Key: "split.no", Value: no}, {Key: "split.count", Value: count}}
	}
	tests := map[string]struct {
		entries []gguf.Entry
		rules   []string
	}{
		"no layers":                   {key("block_count", uint32(0)), hyper},
		"513 layers":                  {key("block_count", uint32(513)), hyper},
		"2^32-1 layers":               {key("block_count", uint32(math.MaxUint32)), hyper},
		"layers as a text":            {key("block_count", "32"), hyper},
		"layers as a fraction":        {key("block_count", float32(32)), hyper},
		"layers":                      {key("block_count", uint32(32)), nil},
		"no heads":                    {key("attention.head_count", uint32(0)), hyper},
		"heads of each layer":         {key("attention.head_count", []uint32{0, 8}), nil},
		"heads of a layer, negative":  {key("attention.head_count", []int32{-1, 8}), hyper},
		"no context":                  {key("context_length", uint32(0)), hyper},
		"context of 2^31":             {key("context_length", uint32(1<<31)), hyper},
		"base not a number":           {key("rope.freq_base", float32(math.NaN())), hyper},
		"base infinite":               {key("rope.freq_base", float32(math.Inf(1))), hyper},
		"base of another type":        {key("rope.freq_base", uint32(7)), hyper},
		"more experts than there are": {[]gguf.Entry{{Key: "llama.expert_count", Value: uint32(2)}, {Key: "llama.expert_used_count", Value: uint32(3)}}, hyper},
		"no experts":                  {key("expert_count", uint32(0)), nil},
		"vocabulary of numbers":       {[]gguf.Entry{{Key: "tokenizer.ggml.tokens", Value: []uint32{1}}}, tokens},
		"scores are few":              {tok("scores", []float32{1, 2}), tokens},
		"scores are whole numbers":    {tok("scores", []int32{1, 2, 3}), tokens},
		"scores":                      {tok("scores", []float32{1, 2, 3}), nil},
		"types are many":              {tok("token_type", []int32{1, 2, 3, 4}), tokens},
		"types are fractions":         {tok("token_type", []float32{1, 2, 3}), tokens},
		"merge of one piece":          {tok("merges", []string{"a b", "ab"}), tokens},
		"merge of numbers":            {tok("merges", []int32{1}), tokens},
		"merges":                      {tok("merges", []string{"a b"}), nil},
		"special token 3 of 3":        {tok("eos_token_id", uint32(3)), tokens},
		"special token as a text":     {tok("eos_token_id", "3"), tokens},
		"special token that is none":  {tok("padding_token_id", uint32(math.MaxUint32)), nil},
		"special token":               {tok("bos_token_id", uint32(2)), nil},
		"part":                        {part(0, 2), nil},
		"part 2 of 2 from 0":          {part(2, 2), split},
		"part of none":                {part(0, 0), split},
		"part without a count":        {[]gguf.Entry{{Key: "split.no", Value: uint32(1)}}, split},
		"absolute path of a part":     {[]gguf.Entry{{Key: "split.path", Value: "/etc/passwd"}}, []string{"metadata-path"}},
		"direction in a key":          {[]gguf.Entry{{Key: "general.a\u202eb", Value: "x"}}, []string{"metadata-control-characters"}},
	}
	for name, tt := range tests {
		res := scanBytes(t, ggufFile(t, tt.entries...))
		require.Equal(t, scan.FormatGGUF, res.Format, name)
		require.Equal(t, tt.rules, rules(res), "%s: %v", name, res.Findings)
	}
	named := ggufFile(t, part(0, 2)...)
	for name, want := range map[string][]string{"m-00001-of-00002.gguf": nil, "m-00002-of-00002.gguf": split, "m-00001-of-00003.gguf": split} {
		res, err := scan.File(bytes.NewReader(named), int64(len(named)), name)
		require.NoError(t, err)
		require.Equal(t, want, rules(res), name)
	}
}

// Without attention there are no heads.
func TestGGUFWithoutHeads(t *testing.T) {
	t.Parallel()

	var b bytes.Buffer
	require.NoError(t, gguf.Write(&b, []gguf.Entry{
		{Key: "general.architecture", Value: "mamba"}, {Key: "mamba.attention.head_count", Value: uint32(0)}, {Key: "mamba.feed_forward_length", Value: uint32(0)},
	}, nil))
	require.Empty(t, scanBytes(t, b.Bytes()).Findings)
}

// Public vocabularies are ordinary files.
func TestPublicVocabulariesAreClean(t *testing.T) {
	t.Parallel()

	root := os.Getenv("HALLMARK_PEER")
	if root == "" {
		t.Skip("HALLMARK_PEER is not set: llama.cpp and the public vocabularies in it are not at hand (make peer)")
	}
	files, err := filepath.Glob(filepath.Join(root, "llama.cpp", "models", "ggml-vocab-*.gguf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		f, err := os.Open(name)
		require.NoError(t, err)
		info, err := f.Stat()
		require.NoError(t, err)
		res, err := scan.File(f, info.Size(), filepath.Base(name))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, scan.Safe, scan.Judge(name, res.Format, res.Findings).Verdict, "%s: %v", name, res.Findings)
	}
}
