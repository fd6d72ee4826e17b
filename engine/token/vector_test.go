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

// testdata returns a folder of the test data, or skips.
func testdata(tb testing.TB, folder string) string {
	tb.Helper()
	root := os.Getenv("HALLMARK_TESTDATA")
	if root == "" {
		tb.Skip("HALLMARK_TESTDATA is not set: the public vocabularies are not at hand")
	}
	return filepath.Join(root, folder)
}

// peer returns a path in the folder that tools/peer.sh fills with llama.cpp, or skips.
func peer(tb testing.TB, path string) string {
	tb.Helper()
	root := os.Getenv("HALLMARK_PEER")
	if root == "" {
		tb.Skip("HALLMARK_PEER is not set: llama.cpp and the vocabularies in it are not at hand (make peer)")
	}
	return filepath.Join(root, path)
}

// Each vocabulary comes with some 46 texts and the ids that the model's own tokenizer gives for them.
func TestPublicVocabularies(t *testing.T) {
	t.Parallel()

	requireVectors(t, testdata(t, "vocab"), 7)
}

func TestPeerVocabularies(t *testing.T) {
	t.Parallel()

	requireVectors(t, peer(t, "llama.cpp/models"), 15)
}

func requireVectors(t *testing.T, dir string, least int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.gguf.inp"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), least)
	for _, file := range files {
		file = strings.TrimSuffix(file, ".inp")
		t.Run(strings.TrimSuffix(filepath.Base(file), ".gguf"), func(t *testing.T) {
			t.Parallel()

			tok := open(t, file)
			texts, want := readVectors(t, file)
			for _, special := range []bool{false, true} { // none of the texts spells a control token
				for i, text := range texts {
					got := tok.Encode(text, token.EncodeOptions{ParseSpecial: special})
					require.Equal(t, want[i], ids(got), "text %d: %q", i, text)
					if !strings.Contains(file, "bert") {
						requireTiling(t, text, got)
						require.Equal(t, text, tok.Decode(ids(got)))
					}
				}
			}
			t.Logf("%d texts, ids equal with and without ParseSpecial", len(texts))
		})
	}
}

func readVectors(t *testing.T, file string) (texts []string, want [][]int32) {
	t.Helper()
	in, err := os.ReadFile(file + ".inp")
	require.NoError(t, err)
	out, err := os.ReadFile(file + ".out")
	require.NoError(t, err)
	const separator = "\n__ggml_vocab_test__\n" // the last text may lack it
	texts = strings.Split(strings.TrimSuffix(string(in), separator), separator)
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
