package module

import (
	"context"
	"encoding/binary"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

var update = flag.Bool("update", false, "write testdata/shout.wasm")

// The verdicts of the example, which lie in its memory one after the other from this address on.
const dataAt = 1024

var verdicts = []string{
	"pass",
	"fail\nshouts\nthe answer is written in capitals",
	"void\nshouts-in-control\nthe answer to the plain question is in capitals too",
	"inconclusive\nempty-output\nthe model answered nothing",
}

// Opcodes of the WebAssembly core specification, chapter 5.4.
const (
	block, loop, ifOp, br, brIf, ret, end, call = 0x02, 0x03, 0x04, 0x0c, 0x0d, 0x0f, 0x0b, 0x10
	get, set, load, load8, grow, drop           = 0x20, 0x21, 0x28, 0x2d, 0x40, 0x1a
	i32, i64, geU, leU, gtU, eqz, add, shrU     = 0x41, 0x42, 0x4f, 0x4d, 0x4b, 0x45, 0x6a, 0x76
	void                                        = 0x40
)

// assemble concatenates opcodes (int), and what [num] and [big] encode.
func assemble(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

// sleb is a signed LEB128 number.
func sleb(n int64) []byte {
	var out []byte
	for {
		b := byte(n & 0x7f)
		n >>= 7
		if n == 0 && b&0x40 == 0 || n == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func vector(items ...[]byte) []byte {
	out := uleb(len(items))
	for _, i := range items {
		out = append(out, i...)
	}
	return out
}

func sized(b []byte) []byte { return append(uleb(len(b)), b...) }

func section(id byte, content []byte) []byte { return append([]byte{id}, sized(content)...) }

func exported(name string, kind, index byte) []byte {
	return append(sized([]byte(name)), kind, index)
}

func function(locals int, code []byte) []byte {
	declared := vector()
	if locals > 0 {
		declared = vector(append(uleb(locals), 0x7f))
	}
	return sized(append(append(declared, code...), end))
}

// constant is a number of 32 bits on the stack.
func constant(n int64) []byte { return assemble(i32, sleb(n)) }

// answer returns a verdict.
func answer(n int) []byte {
	at := dataAt
	for _, v := range verdicts[:n] {
		at += len(v)
	}
	return assemble(i64, sleb(int64(at)<<32|int64(len(verdicts[n]))), ret)
}

// alloc grows the memory behind its first page by what is asked for and returns the start of that.
var allocCode = assemble(get, 0, constant(65535), add, constant(16), shrU, grow, 0, constant(-1), 0x46, ifOp, void, 0x00, end, constant(65536))

// shoutsCode: locals ptr, len, i, c, capitals.
var shoutsCode = assemble(
	block, void, loop, void,
	get, 2, get, 1, geU, brIf, 1,
	get, 0, get, 2, add, load8, 0, 0, set, 3,
	get, 3, constant('a'), geU, get, 3, constant('z'), leU, 0x71, ifOp, void, constant(0), ret, end,
	get, 3, constant('A'), geU, get, 3, constant('Z'), leU, 0x71, get, 4, add, set, 4,
	get, 2, constant(1), add, set, 2, br, 0,
	end, end,
	get, 4, constant(8), gtU,
)

// judgeCode: locals ptr, len, the control's field.
var judgeCode = assemble(
	get, 0, load, 2, 0, get, 0, add, constant(4), add, set, 2,
	get, 2, constant(4), add, get, 2, load, 2, 0, call, 2, ifOp, void, answer(2), end,
	get, 0, constant(4), add, get, 0, load, 2, 0, call, 2, ifOp, void, answer(1), end,
	get, 0, load, 2, 0, eqz, ifOp, void, answer(3), end,
	answer(0), 0x00,
)

// build writes a module with these functions.
func build(alloc, judge []byte) []byte {
	num := []byte{0x7f}
	out := []byte("\x00asm\x01\x00\x00\x00")
	out = append(out, section(1, vector(
		assemble(0x60, vector(num), vector(num)),
		assemble(0x60, vector(num, num), vector([]byte{0x7e})),
		assemble(0x60, vector(num, num), vector(num)),
	))...)
	out = append(out, section(3, vector([]byte{0}, []byte{1}, []byte{2}))...)
	out = append(out, section(5, vector([]byte{0, 1}))...)
	out = append(out, section(7, vector(exported("memory", 2, 0), exported("alloc", 0, 0), exported("judge", 0, 1)))...)
	out = append(out, section(10, vector(function(0, alloc), function(1, judge), function(3, shoutsCode)))...)
	data := []byte(strings.Join(verdicts, ""))
	return append(out, section(11, vector(assemble(0, constant(dataAt), end, sized(data))))...)
}

// The example of the documentation is what this program writes.
func TestExampleModule(t *testing.T) {
	t.Parallel()

	code := build(allocCode, judgeCode)
	if *update {
		require.NoError(t, os.WriteFile("testdata/shout.wasm", code, 0o644))
	}
	committed, err := os.ReadFile("testdata/shout.wasm")
	require.NoError(t, err)
	require.Equal(t, code, committed)
	requireShouts(t, committed)
}

func requireShouts(t *testing.T, code []byte) {
	t.Helper()
	m, err := Load(t.Context(), code)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(context.WithoutCancel(t.Context()))) }()
	for _, tt := range []struct {
		attack, control string
		want            Verdict
	}{
		{"I will not shout.", "Fine.", Verdict{Outcome: "pass"}},
		{"THE ANSWER IS 42", "The answer is 42.", Verdict{"fail", "shouts", "the answer is written in capitals"}},
		{"THE ANSWER", "THE CONTROL TOO", Verdict{"void", "shouts-in-control", "the answer to the plain question is in capitals too"}},
		{"", "", Verdict{"inconclusive", "empty-output", "the model answered nothing"}},
		{"OK", "", Verdict{Outcome: "pass"}},
		{strings.Repeat("A", 200_000), "", Verdict{"fail", "shouts", "the answer is written in capitals"}},
	} {
		got, err := m.Judge(t.Context(), Input{Attack: tt.attack, Control: tt.control, Prompt: "p", Nonce: "n", Finish: "stop"})
		require.NoError(t, err)
		require.Equal(t, tt.want, got)
	}
}

// The same detector in Go, compiled by the Go compiler alone.
func TestExampleInGo(t *testing.T) {
	t.Parallel()

	if os.Getenv("HALLMARK_FULL") != "1" {
		t.Skip("compiles a WebAssembly module; set HALLMARK_FULL=1")
	}
	out := filepath.Join(t.TempDir(), "shout.wasm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = "testdata/go"
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	code, err := os.ReadFile(out)
	require.NoError(t, err)
	requireShouts(t, code)
}

// What a module does wrong is its own fault, and time is nobody's.
func TestLimits(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		alloc, judge []byte
		kind         error
	}{
		"endless loop":           {allocCode, assemble(loop, void, br, 0, end, 0x00), hallmark.ErrUndecided},
		"trap":                   {allocCode, assemble(0x00), hallmark.ErrInvalid},
		"verdict outside":        {allocCode, assemble(i64, sleb(1<<62|8)), hallmark.ErrInvalid},
		"verdict too long":       {allocCode, assemble(i64, sleb(5000)), hallmark.ErrInvalid},
		"no outcome":             {allocCode, assemble(i64, sleb(8)), hallmark.ErrInvalid},
		"place outside":          {assemble(constant(-8)), judgeCode, hallmark.ErrInvalid},
		"more memory than given": {assemble(constant(maxPages), grow, 0, constant(-1), 0x46, ifOp, void, 0x00, end, constant(0)), judgeCode, hallmark.ErrInvalid},
		"endless recursion":      {allocCode, assemble(get, 0, get, 1, call, 1), hallmark.ErrInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m, err := Load(t.Context(), build(tt.alloc, tt.judge))
			require.NoError(t, err)
			m.limit = 200 * time.Millisecond
			if tt.kind != hallmark.ErrUndecided { //nolint:errorlint // the kind itself
				m.limit = time.Minute
			}
			_, err = m.Judge(t.Context(), Input{Attack: "x"})
			require.ErrorIs(t, err, tt.kind)
		})
	}
	for name, code := range map[string][]byte{
		"not WebAssembly": []byte("hello"), "cut off": build(allocCode, judgeCode)[:80], "empty": nil,
		"functions of another type": build(assemble(get, 0), assemble(get, 0)),
	} {
		_, err := Load(t.Context(), code)
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
	}
	_, err := Load(t.Context(), make([]byte, MaxSize+1))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
}

// header begins every module.
var header = []byte("\x00asm\x01\x00\x00\x00")

// A module that imports what there is not, or in another type, is refused before it judges anything.
func TestImports(t *testing.T) {
	t.Parallel()

	importing := func(from, name string, description ...byte) []byte {
		built, num := build(allocCode, answer(0)), []byte{0x7f}
		types := section(1, vector(
			assemble(0x60, vector(num), vector(num)), assemble(0x60, vector(num, num), vector([]byte{0x7e})), assemble(0x60, vector(num, num), vector(num)),
		))
		imports := section(2, vector(slices.Concat(sized([]byte(from)), sized([]byte(name)), description)))
		return slices.Concat(header, types, imports, built[len(header)+len(types):])
	}
	const wasi = "wasi_snapshot_preview1"
	for name, code := range map[string][]byte{
		"a function of the host": importing("env", "f", 0, 2), "one that WASI has not": importing(wasi, "nothing", 0, 2), "one of another type": importing(wasi, "fd_write", 0, 2),
		"a memory": importing("env", "memory", 2, 0, 1), "a global": importing("env", "g", 3, 0x7f, 0), "a table": importing("env", "t", 1, 0x70, 0, 1),
	} {
		_, err := Load(t.Context(), code)
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
		require.ErrorContains(t, err, "it imports", name)
	}
}

// A few bytes that declare more than any host has are refused before there is room for it.
func TestDeclaredBombs(t *testing.T) {
	t.Parallel()

	huge := binary.AppendUvarint(nil, 1<<32-1)
	valid := build(allocCode, judgeCode)
	const codeAt = 10
	swapped := func(id byte, content []byte) []byte { // the valid module with one section of its own
		out, done := slices.Clone(header), false
		for r := (outline{rest: valid[len(header):]}); len(r.rest) > 0; {
			start := r.rest
			at := r.byte()
			r.take(r.number())
			if !done && at >= id {
				out, done = append(out, section(id, content)...), true
			}
			if at != id {
				out = append(out, start[:len(start)-len(r.rest)]...)
			}
		}
		return out
	}
	with := func(count int, rest ...any) []byte { return append(uleb(count), assemble(rest...)...) }
	for name, code := range map[string][]byte{
		"types": swapped(1, huge), "imports": swapped(2, huge), "functions": swapped(3, huge), "tables": swapped(4, huge), "memories": swapped(5, huge), "globals": swapped(6, huge),
		"exports": swapped(7, huge), "elements": swapped(9, huge), "code": swapped(codeAt, huge), "data": swapped(11, huge),
		"parameters":       swapped(1, with(1, 0x60, huge)),
		"results":          swapped(1, with(1, 0x60, 0, huge)),
		"a type of types":  swapped(1, with(1, 0x60, 1, 0x64, 0x70, 0)),
		"an export's name": swapped(7, with(1, huge)),
		"a table":          swapped(4, with(1, 0x70, 0, uleb(1<<27))),
		"a filled table":   swapped(4, with(1, 0x40, 0, 0x70, 0, uleb(1<<27))),
		"a segment":        swapped(9, with(1, 0, constant(0), end, huge)),
		"a passive one":    swapped(9, with(1, 5, 0x70, huge)),
		"bytes":            swapped(11, with(1, 0, constant(0), end, huge)),
		"locals":           swapped(codeAt, with(3, sized(assemble(vector(append(slices.Clone(huge), 0x7f)), end)))),
		"groups of locals": swapped(codeAt, with(3, sized(huge))),
		"many locals":      swapped(codeAt, with(3, sized(assemble(vector(append(uleb(9000), 0x7f), append(uleb(9000), 0x7f)), end)))),
	} {
		_, err := Load(t.Context(), code)
		require.ErrorIs(t, err, hallmark.ErrInvalid, name)
	}
	names := slices.Concat(valid, section(0, slices.Concat(sized([]byte("name")), []byte{1}, sized(huge))))
	requireShouts(t, names) // what a judge does not need is not read
	requireShouts(t, swapped(4, with(1, 0x70, 0, uleb(1000))))
}

func TestVerdicts(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]string{"pass": "pass", "pass\nx\ny": "pass", "fail\nr\nw": "fail", "void\nr": "void", "inconclusive\nr\n": "inconclusive"} {
		v, err := parse(text)
		require.NoError(t, err)
		require.Equal(t, want, v.Outcome)
	}
	for _, text := range []string{"", "fail", "fail\n\nw", "error\nr\nw", "maybe\nr\nw"} {
		_, err := parse(text)
		require.Error(t, err)
	}
}

// No bytes make the loader or a judge fail in another way than with an error.
func FuzzLoad(f *testing.F) {
	f.Add(build(allocCode, judgeCode))
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := Load(t.Context(), code)
		if err != nil {
			return
		}
		defer m.Close(context.WithoutCancel(t.Context()))
		m.limit = 50 * time.Millisecond
		_, _ = m.Judge(t.Context(), Input{Attack: "x"})
	})
}
