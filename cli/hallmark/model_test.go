package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
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
	silent := command(t, nil, "model", "run", guarded, "-p", "x", "--completion")
	require.Equal(t, "\n", silent.out, "the model says nothing to this")
	require.NotContains(t, silent.errout, "-", "no time is negative")
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
		{[]string{"run", guarded, "-p", "x", "--temperature", "nan"}, "temperature is NaN"},
		{[]string{"run", guarded, "-p", "x", "--presence-penalty", "nan"}, "presence penalty is NaN"},
		{[]string{"run", guarded, "-p", "x", "--temperature", "inf"}, "not in 0..100"},
		{[]string{"run", guarded, "-p", "x", "--top-k", "-1"}, "top k -1 is negative"},
		{[]string{"run", guarded, "-p", "x", "--completion", "--system", "y"}, "no system message"},
		{[]string{"run", guarded, "-p", "x", "--grammar", os.DevNull}, "is empty"},
		{[]string{"run", guarded, "-p", "x", "--json-schema", "/dev/zero"}, "more than 1048576 bytes"},
		{[]string{"run", guarded, "-p", "x", "--json-schema", "."}, "is a directory"},
		{[]string{"run", guarded, "-p", "x", "--grammar", "main.go/x"}, "not a directory"},
		{[]string{"inspect", "main.go/x"}, "not a directory"},
		{[]string{"quantize", "main.go/x", "y", "q4_0"}, "not a directory"},
		{[]string{"quantize", tinychat + "guarded-f16.gguf", os.DevNull, "q4_0"}, "not a regular file"},
		{[]string{"quantize", tinychat + "guarded-f16.gguf", ".", "q4_0"}, "not a regular file"},
		{[]string{"inspect", "nothing-here"}, "no such file"},
		{[]string{"nonsense"}, "unknown command"},
	} {
		got := command(t, nil, append([]string{"model"}, tt.args...)...)
		require.Equal(t, exitUsage, got.code, "%v: %s", tt.args, got.errout)
		require.Contains(t, got.errout, tt.text)
	}
}

// An output takes the place of the file that a link leads to, and of nothing that is no file.
func TestModelQuantizeThroughALink(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	file, link := filepath.Join(dir, "old.gguf"), filepath.Join(dir, "link.gguf")
	require.NoError(t, os.WriteFile(file, []byte("old"), 0o600))
	require.NoError(t, os.Symlink("old.gguf", link))
	got := command(t, nil, "model", "quantize", tinychat+"guarded-f16.gguf", link, "q4_0")
	require.Zero(t, got.code, got.errout)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "GGUF", string(data[:4]))

	info, err = os.Stat(os.DevNull)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeDevice, "of TestModelRefusals")
}

// fullWriter takes a number of bytes.
type fullWriter struct{ room int }

func (f *fullWriter) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// A command whose output cannot be written has failed, whatever it found.
func TestOutputIsFull(t *testing.T) {
	t.Parallel()

	for _, args := range [][]string{
		{"model", "run", guarded, "-p", "What is the capital of Vorland?"},
		{"model", "run", guarded, "-p", "What is the capital of Vorland?", "-o", "json"},
		{"model", "inspect", guarded},
		{"model", "logits", guarded, "--ids", "1"},
		{"model", "greedy", guarded, "--ids", "1", "-n", "1"},
		{"model", "tokenize", guarded},
	} {
		for _, room := range []int{0, 1} {
			var errw bytes.Buffer
			a := &app{in: strings.NewReader("x"), out: &fullWriter{room}, errw: &errw, getenv: func(string) string { return "" }, guest: func() ([]byte, error) {
				return os.ReadFile(guestPath(t))
			}}
			require.Equal(t, exitUnsandboxed, a.run(t.Context(), args), "%v", args)
			require.Contains(t, errw.String(), "output cannot be written", "%v", args)
			require.NotContains(t, errw.String(), "internal error")
		}
	}
}

// What a model file says steers no terminal, as JSON either, and JSON says what the file does.
func TestJSONIsSafeForATerminal(t *testing.T) {
	t.Parallel()

	evil := "{{ x }}\x1b[2J\u009b31m\u202e\u2066\x00\r\n"
	var b bytes.Buffer
	require.NoError(t, gguf.Write(&b, []gguf.Entry{
		{Key: "general.architecture", Value: "llama"},
		{Key: "tokenizer.chat_template", Value: evil},
	}, nil))
	path := filepath.Join(t.TempDir(), "evil.gguf")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	got := command(t, nil, "model", "inspect", path, "-o", "json")
	require.Zero(t, got.code, got.errout)
	require.Equal(t, -1, strings.IndexFunc(got.out, func(r rune) bool { return r != '\n' && steers(r) }))
	var r modelInspection
	require.NoError(t, json.Unmarshal([]byte(got.out), &r))
	require.Equal(t, evil, r.Template)
}

// Of a file that is wrong in several ways the architecture says most.
func TestUnsupportedArchitectureIsNamed(t *testing.T) {
	t.Parallel()

	var b bytes.Buffer
	require.NoError(t, gguf.Write(&b, []gguf.Entry{{Key: "general.architecture", Value: "rwkv7"}, {Key: "tokenizer.ggml.model", Value: "rwkv"}}, nil))
	path := filepath.Join(t.TempDir(), "rwkv.gguf")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	const refusal = `architecture "rwkv7"; supported: llama, qwen2, qwen3, phi3, gemma2, gemma3`
	require.Contains(t, command(t, nil, "model", "inspect", path).out, refusal)
	require.Contains(t, command(t, nil, "model", "logits", path, "--ids", "1").errout, refusal)
}
