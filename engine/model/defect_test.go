package model_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// TestMatrixSeesDefects builds the engine with a defect of a kind that each factor of the matrix is there for, and asks for
// exactly those runs to differ that the defect is in.
func TestMatrixSeesDefects(t *testing.T) {
	t.Parallel()

	here := machine{name: "here"}
	dir, runs := t.TempDir(), defectRuns()
	var b bytes.Buffer
	s := spec("llama", gguf.F32)
	s.Embed, s.FF = 64, 64
	require.NoError(t, s.Write(&b))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "llama-F32.gguf"), b.Bytes(), 0o600))
	l := level{here, buildDigest(t, t.TempDir(), here), "go"}
	out := here.run(t, l.bin, []string{dir}, "go 1 32 0 false short llama-F32")
	want := map[string]digests{"short": {"llama-F32": strings.Fields(out[0])}}
	require.Empty(t, differing(t, dir, l, runs, want), "without a defect")

	const begin = "	p.intervene(Input, s.index, x)\n"
	for name, d := range map[string]struct {
		machine machine
		edit    edit
		in      func(r run) bool
	}{
		"a sum in another order": {
			machine: here,
			edit:    edit{"kernel/vector.go", "	for i := range a {\n		s[i] = fma(a[i], b[i], s[i])\n	}\n", "	s[0], s[1] = 0, s[0]+s[1]\n"},
			in:      func(run) bool { return true },
		},
		"a product fused with a sum": {
			machine: machine{name: "arm64", arch: "arm64", emulator: []string{"qemu-aarch64-static"}},
			edit:    edit{"kernel/vector.go", "x[i] = float32(a*c) - float32(b*s)", "x[i] = a*c - b*s"},
			in:      func(run) bool { return true },
		},
		"a thread's own": {
			machine: here, edit: edit{"model/runner.go", begin, begin + "	x[0] += float32(w) / 1024\n"},
			in: func(r run) bool { return r.threads > 1 && (r.batch > 1 || r.chunk != 1) },
		},
		"of the number of sequences": {
			machine: here, edit: edit{"model/runner.go", begin, begin + "	x[0] += float32(len(r.parts)-1) / 1024\n"},
			in: func(r run) bool { return r.batch > 1 },
		},
		"positions counted from the call on": {
			machine: here, edit: edit{"model/runner.go", "m.global.table(r.row(r.turns, m.rotated, t), s.pos)", "m.global.table(r.row(r.turns, m.rotated, t), s.index)"},
			in: func(r run) bool { return r.chunk != 0 || r.shared },
		},
		"shared pages written to": {
			machine: here, edit: edit{"model/sequence.go", "if old.readers.Load() == 1 {", "if old.readers.Load() >= 1 {"},
			in: func(r run) bool { return r.shared && r.batch > 1 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if e := d.machine.missing(); e != "" {
				t.Skipf("%s is not installed (package qemu-user-static)", e)
			}
			l := level{d.machine, buildDigest(t, t.TempDir(), d.machine, d.edit), "go"}
			var in []run
			for _, r := range runs {
				if d.in(r) {
					in = append(in, r)
				}
			}
			require.NotEmpty(t, in)
			require.Equal(t, in, differing(t, dir, l, runs, want))
		})
	}
}

// defectRuns are runs of one model in which all pairs of values come together.
func defectRuns() []run {
	var all []run
	for _, row := range cover(len(threads), len(batches), len(chunks), len(sharing)) {
		all = append(all, run{threads[row[0]], batches[row[1]], chunks[row[2]], sharing[row[3]], "llama-F32"})
	}
	return all
}
