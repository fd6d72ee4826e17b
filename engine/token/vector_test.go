package token_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/token"
)

const tinychat = "../../testdata/models/tinychat/"

func open(tb testing.TB, path string) *token.Tokenizer {
	tb.Helper()
	data, err := os.ReadFile(path)
	require.NoError(tb, err)
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(tb, err)
	tok, err := token.New(f)
	require.NoError(tb, err)
	return tok
}

func ids(tokens []token.Token) []int32 {
	out := make([]int32, len(tokens))
	for i, tok := range tokens {
		out[i] = tok.ID
	}
	return out
}

// requireTiling says that the tokens cover all of text, one after the other.
func requireTiling(tb testing.TB, text string, tokens []token.Token) {
	tb.Helper()
	at := 0
	for i, tok := range tokens {
		if tok.Start != at || tok.End < at {
			require.Fail(tb, "offsets do not tile", "token %d of %.80q is %v after %d", i, text, tok, at)
		}
		at = tok.End
	}
	require.Equal(tb, len(text), at, "end of %.80q", text)
}

// The prompts and ids come from llama.cpp; see the README there.
func TestGoldenPrompts(t *testing.T) {
	t.Parallel()

	data, err := os.ReadFile(tinychat + "golden.json")
	require.NoError(t, err)
	var golden struct {
		Prompts []struct {
			ID, Text string
			IDs      []int32
		}
	}
	require.NoError(t, json.Unmarshal(data, &golden))
	require.Len(t, golden.Prompts, 30)
	tok := open(t, tinychat+"guarded-q4_k_m.gguf")
	for _, p := range golden.Prompts {
		got := tok.Encode(p.Text, token.EncodeOptions{AddSpecial: true, ParseSpecial: true})
		require.Equal(t, p.IDs, ids(got), p.ID)
		requireTiling(t, p.Text, got)
		require.Equal(t, p.Text, tok.Decode(ids(got)))
	}
}

// vectors returns the folder of the vocabularies with test vectors.
func vectors(t *testing.T) string {
	t.Helper()
	root := os.Getenv("HALLMARK_TESTDATA")
	if root == "" {
		t.Skip("HALLMARK_TESTDATA is not set: the public vocabularies are not at hand")
	}
	return filepath.Join(root, "vocab")
}

// Each vocabulary comes with 46 texts and the ids that llama.cpp gives for them.
func TestPublicVocabularies(t *testing.T) {
	t.Parallel()

	dir := vectors(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.gguf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".gguf"), func(t *testing.T) {
			t.Parallel()

			tok := open(t, file)
			texts, want := readVectors(t, file)
			for i, text := range texts {
				got := tok.Encode(text, token.EncodeOptions{})
				require.Equal(t, want[i], ids(got), "text %d: %q", i, text)
				requireTiling(t, text, got)
				require.Equal(t, text, tok.Decode(ids(got)))
			}
		})
	}
}

func readVectors(t *testing.T, file string) (texts []string, want [][]int32) {
	t.Helper()
	in, err := os.ReadFile(file + ".inp")
	require.NoError(t, err)
	out, err := os.ReadFile(file + ".out")
	require.NoError(t, err)
	texts = strings.Split(string(in), "\n__ggml_vocab_test__\n")
	texts = texts[:len(texts)-1]
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	require.Len(t, lines, len(texts))
	for _, line := range lines {
		row := []int32{}
		for field := range strings.FieldsSeq(line) {
			n, err := strconv.ParseInt(field, 10, 32)
			require.NoError(t, err)
			row = append(row, int32(n))
		}
		want = append(want, row)
	}
	return texts, want
}
