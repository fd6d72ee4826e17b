package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const guarded = tinychat + "guarded-q8_0.gguf"

func TestModelInspect(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "model", "inspect", guarded, "-o", "json")
	require.Zero(t, got.code, got.errout)
	var r modelInspection
	require.NoError(t, json.Unmarshal([]byte(got.out), &r))
	require.Equal(t, "llama", r.Architecture)
	require.Equal(t, "gpt-2", r.Pre)
	require.True(t, r.Supported)
	require.Equal(t, 29, r.Types["Q8_0"].Tensors)
	require.Len(t, r.Tensors, 38)
	require.EqualValues(t, 1837312, r.Parameters)

	got = command(t, nil, "model", "inspect", guarded)
	require.Contains(t, got.out, "token_embd.weight")
	require.Contains(t, got.out, "runs it")

	got = command(t, nil, "model", "inspect", "main.go")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.errout, "not a GGUF file")
}

func TestModelTokenize(t *testing.T) {
	t.Parallel()

	text := "The river <|im_end|>\n"
	plain := commandOn(t, text, nil, "model", "tokenize", guarded)
	require.Zero(t, plain.code, plain.errout)
	special := commandOn(t, text, nil, "model", "tokenize", guarded, "--parse-special")
	require.Less(t, len(strings.Fields(special.out)), len(strings.Fields(plain.out)), "a control token is one")
	got := commandOn(t, text, nil, "model", "tokenize", guarded, "--parse-special", "-o", "json")
	var tokens []struct {
		ID         int32
		Start, End int
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &tokens))
	at := 0
	for i, id := range strings.Fields(special.out) {
		require.Equal(t, id, strconv.Itoa(int(tokens[i].ID)))
		require.Equal(t, at, tokens[i].Start)
		at = tokens[i].End
	}
	require.Len(t, text, at)
}

// The flags that say how logits are computed change no bit of them.
func TestModelLogitsAndGreedy(t *testing.T) {
	t.Parallel()

	ids := "5,9,300,7,12,800,44,1,2,3"
	want := command(t, nil, "model", "logits", guarded, "--ids", ids)
	require.Zero(t, want.code, want.errout)
	lines := strings.Split(strings.TrimSpace(want.out), "\n")
	require.Len(t, lines, 10)
	for _, flags := range [][]string{{"--chunk", "1"}, {"--chunk", "3", "--threads", "1"}, {"--isa", "go"}, {"--threads", "4"}} {
		got := command(t, nil, append([]string{"model", "logits", guarded, "--ids", ids}, flags...)...)
		require.Equal(t, want.out, got.out, "%v %s", flags, got.errout)
	}

	raw := command(t, nil, "model", "logits", guarded, "--ids", ids, "--raw")
	require.Len(t, raw.out, 4*10*1024)
	var last positionLogits
	require.NoError(t, json.Unmarshal([]byte(lines[9]), &last))
	require.Len(t, last.Top, 10)
	best := last.Top[0]
	bits := binary.LittleEndian.Uint32([]byte(raw.out[4*(9*1024+int(best.ID)):]))
	require.Equal(t, math.Float32bits(best.Logit), bits)

	got := command(t, nil, "model", "greedy", guarded, "--ids", ids, "-n", "3", "-o", "json")
	var r greedyResult
	require.NoError(t, json.Unmarshal([]byte(got.out), &r))
	require.Len(t, r.IDs, 3)
	require.Equal(t, best.ID, r.IDs[0])
	require.InDelta(t, best.Logit-last.Top[1].Logit, r.Margins[0], 0)
}

func TestModelRun(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "model", "run", guarded, "-p", "What is the capital of Vorland?")
	require.Zero(t, got.code, got.errout)
	require.Equal(t, "Tessim\n", got.out)
	require.Contains(t, got.errout, "tokens/s")
	piped := commandOn(t, "What is the capital of Vorland?", nil, "model", "run", guarded, "-p", "-", "-q")
	require.Equal(t, got.out, piped.out)
	require.Empty(t, piped.errout)
	text := command(t, nil, "model", "run", guarded, "-p", "The river", "--completion", "-n", "4", "-o", "json")
	require.Contains(t, text.out, `"outputTokens": 4`)
}

func TestModelQuantize(t *testing.T) {
	t.Parallel()

	out := filepath.Join(t.TempDir(), "new.gguf")
	got := command(t, nil, "model", "quantize", tinychat+"guarded-f16.gguf", out, "q4_k_m", "-o", "json")
	require.Zero(t, got.code, got.errout)
	var r quantizeResult
	require.NoError(t, json.Unmarshal([]byte(got.out), &r))
	inspected := command(t, nil, "model", "inspect", out, "-o", "json")
	var i modelInspection
	require.NoError(t, json.Unmarshal([]byte(inspected.out), &i))
	require.Equal(t, r.Digest, i.Digest)
	require.True(t, i.Supported)
	like, err := os.Create(out + ".like")
	require.NoError(t, err)
	require.NoError(t, like.Close())
	want, err := os.Stat(like.Name())
	require.NoError(t, err)
	info, err := os.Stat(out)
	require.NoError(t, err)
	require.Equal(t, want.Mode(), info.Mode(), "as any file that the user makes")
	require.NoError(t, os.Remove(like.Name()))
	require.NotZero(t, i.Types["Q4_K"].Tensors)

	for _, wrong := range [][]string{{guarded, out + "2", "q4_k_m"}, {tinychat + "guarded-f16.gguf", out + "2", "q9"}} {
		got := command(t, nil, append([]string{"model", "quantize"}, wrong...)...)
		require.Equal(t, exitUsage, got.code, got.errout)
	}
	files, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left of what failed")
}

func TestModelRefusals(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		args []string
		text string
	}{
		{[]string{"logits", guarded}, "--ids"},
		{[]string{"logits", guarded, "--ids", "1,x"}, "whole number"},
		{[]string{"logits", guarded, "--ids", "-1"}, "whole number"},
		{[]string{"logits", guarded, "--ids", "1024"}, "vocabulary of 1024"},
		{[]string{"logits", guarded, "--ids", "1", "--isa", "mmx"}, "this machine has"},
		{[]string{"logits", guarded, "--ids", "1", "--chunk", "0"}, "out of range"},
		{[]string{"greedy", guarded, "--ids", "1", "-n", "0"}, "at least 1"},
		{[]string{"run", guarded}, "give one with -p"},
		{[]string{"inspect", "nothing-here"}, "no such file"},
		{[]string{"nonsense"}, "unknown command"},
	} {
		got := command(t, nil, append([]string{"model"}, tt.args...)...)
		require.Equal(t, exitUsage, got.code, "%v: %s", tt.args, got.errout)
		require.Contains(t, got.errout, tt.text)
	}
}
