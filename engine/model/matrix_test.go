package model_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

var update = flag.Bool("update", false, "write testdata/digests.txt")

// level is an instruction set of a machine: a row of the matrix.
type level struct {
	machine
	bin, isa string
}

func (l level) String() string { return l.machine.name + " " + l.isa }

// work returns what this level computes of a model: most where assembly runs on this machine, and otherwise enough for two
// pages of keys and values with one model.
func (l level) work(model string) string {
	if len(l.emulator) == 0 && l.isa != "go" || model == "guarded-q4_k_m" {
		return "long"
	}
	return "short"
}

// run is a line for testdata/digest: one model's work in one way.
type run struct {
	threads, batch, chunk int
	shared                bool
	model                 string
}

func (r run) line(l level) string {
	return fmt.Sprint(l.isa, " ", r.threads, r.batch, r.chunk, r.shared, " ", l.work(r.model), " ", r.model)
}

var (
	threads = []int{1, 2, 4}
	batches = []int{1, 8, 32}
	chunks  = []int{1, 7, 0}
	sharing = []bool{false, true}
)

// typeGroups are the types that a run of the cover computes one after the other, one model each.
func typeGroups() [][]gguf.Type {
	const groups = 4
	all := make([][]gguf.Type, groups)
	for i, t := range quant.Types() {
		all[i%groups] = append(all[i%groups], t)
	}
	return all
}

func modelName(arch string, t gguf.Type) string { return arch + "-" + t.String() }

// spec is a small model. Two architectures' have a matrix with more columns than products take at a time.
func spec(arch string, t gguf.Type) genmodel.Spec {
	s := genmodel.Spec{Arch: arch, Embed: 256, Layers: 1, Heads: 4, KVHeads: 2, FF: 512, Vocab: 300, Context: 256, Type: t, Seed: 7}
	switch arch {
	case "llama":
		s.FF = 768
	case "gemma2":
		s.Window, s.Layers = 6, 2 // the second sees everything
	case "gemma3":
		s.Window, s.Tied = 6, true
	case "phi3":
		s.Window, s.FF = 6, 768
	}
	return s
}

// others are models beside those of all types and architectures, and functions.
var others = []string{"guarded-f16", "guarded-q8_0", "guarded-q4_k_m", "tiny-llama-frequency", "tiny-phi3-longrope", "tiny-gemma3", "functions"}

// writeModels writes all models to a folder.
func writeModels(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, s genmodel.Spec) {
		var b bytes.Buffer
		require.NoError(t, s.Write(&b))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".gguf"), b.Bytes(), 0o600))
	}
	for _, arch := range genmodel.Architectures() {
		for _, typ := range quant.Types() {
			write(modelName(arch, typ), spec(arch, typ))
		}
	}
	for _, name := range others {
		if s, ok := genmodel.Preset(name); ok {
			s.Type = gguf.F32
			write(name, s)
		} else if strings.HasPrefix(name, "guarded") {
			path, err := filepath.Abs(tinychat + name + ".gguf")
			require.NoError(t, err)
			require.NoError(t, os.Symlink(path, filepath.Join(dir, name+".gguf")))
		}
	}
}

// levels returns the rows of the matrix: every instruction set of this machine, and those of others that can be emulated.
func levels(t *testing.T, dir string) []level {
	t.Helper()
	var all []level
	bins := map[string]string{}
	for _, m := range machines() {
		if e := m.missing(); e != "" {
			t.Logf("without %s: %s (package qemu-user-static)", m.name, e)
			continue
		}
		key := m.arch + m.tags
		if bins[key] == "" {
			bins[key] = buildDigest(t, dir, m)
		}
		names := m.run(t, bins[key], nil)
		require.Subset(t, names, m.has, m.name)
		for _, isa := range names {
			if !slices.Contains(m.skip, isa) {
				all = append(all, level{m, bins[key], isa})
			}
		}
	}
	return all
}

// coverRuns returns runs for each level in which all pairs of values of all factors occur, the type among them; and the number
// of runs, each with models of several types.
func coverRuns(t *testing.T, all []level) (byLevel [][]run, n int) {
	t.Helper()
	archs, groups := genmodel.Architectures(), typeGroups()
	rows := cover(len(all), len(archs), len(groups), len(threads), len(batches), len(chunks), len(sharing))
	byLevel = make([][]run, len(all))
	var names [][]string
	for _, row := range rows {
		for _, typ := range groups[row[2]] {
			r := run{threads[row[3]], batches[row[4]], chunks[row[5]], sharing[row[6]], modelName(archs[row[1]], typ)}
			byLevel[row[0]] = append(byLevel[row[0]], r)
			names = append(names, []string{
				all[row[0]].String(), archs[row[1]], typ.String(), strconv.Itoa(r.threads), strconv.Itoa(r.batch), strconv.Itoa(r.chunk), strconv.FormatBool(r.shared),
			})
		}
	}
	requirePairs(t, names, texts(all), archs, texts(quant.Types()), texts(threads), texts(batches), texts(chunks), texts(sharing))
	return byLevel, len(rows)
}

func texts[T any](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// otherRuns are those of the models beside.
func otherRuns() []run {
	var all []run
	for i, name := range others {
		all = append(all, run{threads[i%3], 1, 7, false, name})
	}
	return all
}

// digests are those of a work by model: of one text, 8 and 32.
type digests map[string][]string

// reference computes the digests that all others are compared with, and compares them with testdata/digests.txt.
func reference(t *testing.T, dir string, l level) map[string]digests {
	t.Helper()
	want := map[string]digests{}
	var names []string
	for _, arch := range genmodel.Architectures() {
		for _, typ := range quant.Types() {
			names = append(names, modelName(arch, typ))
		}
	}
	names = append(names, others...)
	for _, work := range []string{"short", "long"} {
		var lines []string
		for _, name := range names {
			lines = append(lines, fmt.Sprintf("%s 1 32 0 false %s %s", l.isa, work, name))
		}
		want[work] = digests{}
		for i, out := range l.run(t, l.bin, []string{dir}, lines...) {
			want[work][names[i]] = strings.Fields(out)
		}
	}
	var b strings.Builder
	for _, name := range names {
		short, long := want["short"][name], want["long"][name]
		fmt.Fprintln(&b, name, short[len(short)-1], long[len(long)-1])
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/digests.txt", []byte(b.String()), 0o600))
	}
	pinned, err := os.ReadFile("testdata/digests.txt")
	require.NoError(t, err)
	require.Equal(t, string(pinned), b.String(), "the arithmetic has changed: raise model.Version, and write the file with -update")
	return want
}

// differing returns the runs of a level whose digests are not the expected ones.
func differing(t *testing.T, dir string, l level, runs []run, want map[string]digests) []run {
	t.Helper()
	var lines []string
	for _, r := range runs {
		lines = append(lines, r.line(l))
	}
	got := l.run(t, l.bin, []string{dir}, lines...)
	require.Len(t, got, len(runs))
	var bad []run
	for i, r := range runs {
		sums := strings.Fields(got[i])
		require.NotEmpty(t, sums)
		expected := want[l.work(r.model)][r.model]
		if !slices.Equal(sums, expected[:min(len(sums), len(expected))]) {
			bad = append(bad, r)
		}
	}
	return bad
}

// TestMatrix computes models of every type and architecture in many ways on many machines: the bits are always the same.
// Here each two values of threads, batch, chunk, sharing, type, architecture and instruction set come together at least once;
// with HALLMARK_FULL=1 all of them, and the result goes to docs/measurements/determinism.md. A level alone is
// -run 'TestMatrix/arm64_neon'.
func TestMatrix(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("its programs are built without the race detector")
	}

	dir := t.TempDir()
	writeModels(t, dir)
	all := levels(t, dir)
	want := reference(t, dir, all[0])
	byLevel, n := coverRuns(t, all)
	full := os.Getenv("HALLMARK_FULL") == "1"
	if full {
		for i, l := range all {
			byLevel[i] = fullRuns(l)
		}
	} else {
		require.LessOrEqual(t, n, 120)
	}
	begun, done, bad := make([]bool, len(all)), make([]bool, len(all)), make([][]run, len(all))
	t.Cleanup(func() { // when all levels are done
		if full {
			for i := range all {
				if !done[i] { // left out by -run, or it ended early
					byLevel[i] = nil
				}
			}
			writeTable(t, all, begun, byLevel, bad)
		}
	})
	for i, l := range all {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()

			begun[i] = true
			runs := append(byLevel[i], otherRuns()...)
			bad[i] = differing(t, dir, l, runs, want)
			done[i] = true
			require.Empty(t, bad[i])
			t.Log(len(runs), "runs of models")
		})
	}
}

// fullRuns returns all runs of a level: every combination for each model where assembly runs on this machine; where it is
// emulated those in which all pairs of values come together for each model; and where there is none, which is slowest by far,
// those in which they do with the model as one more factor.
func fullRuns(l level) []run {
	sizes := []int{len(threads), len(batches), len(chunks), len(sharing)}
	var names []string
	for _, arch := range genmodel.Architectures() {
		for _, typ := range quant.Types() {
			names = append(names, modelName(arch, typ))
		}
	}
	rows := cover(append(sizes, len(names))...)
	if l.isa != "go" {
		combined := cover(sizes...)
		if len(l.emulator) == 0 {
			combined = product(sizes...)
		}
		rows = nil
		for i := range names {
			for _, row := range combined {
				rows = append(rows, append(slices.Clone(row), i))
			}
		}
	}
	var all []run
	for _, row := range rows {
		all = append(all, run{threads[row[0]], batches[row[1]], chunks[row[2]], sharing[row[3]], names[row[4]]})
	}
	return all
}

// product returns all rows of values.
func product(sizes ...int) [][]int {
	rows := [][]int{{}}
	for _, n := range sizes {
		var longer [][]int
		for _, row := range rows {
			for v := range n {
				longer = append(longer, append(slices.Clone(row), v))
			}
		}
		rows = longer
	}
	return rows
}

// writeTable writes the tables into their document.
func writeTable(t *testing.T, all []level, begun []bool, runs, bad [][]run) {
	t.Helper()
	const path = "../../docs/measurements/determinism.md"
	earlier, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(tables(all, begun, runs, bad, string(earlier))), 0o600))
}

// tables say how many runs had the expected digest, by level, threads and batch, and by type or architecture. Levels that were
// not begun have the rows of the document before, if its arithmetic is the same.
func tables(all []level, begun []bool, runs, bad [][]run, earlier string) string {
	types := texts(quant.Types())
	by := []struct {
		columns []string
		column  func(model string) string
	}{
		{genmodel.Architectures(), func(name string) string { arch, _, _ := strings.Cut(name, "-"); return arch }},
		{types, func(name string) string { _, typ, _ := strings.Cut(name, "-"); return typ }},
	}
	if !strings.Contains(earlier, fmt.Sprintf("Arithmetic version %s.", model.Version)) {
		earlier = ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Bits of logits on every machine

Runs of generated models whose logits have the expected SHA-256, of all runs, with chunks of 1, 7 and all tokens, with and
without a shared beginning. "go" is the engine without assembly. Arithmetic version %s. Made by

    HALLMARK_FULL=1 go test ./engine/model -run 'TestMatrix$' -timeout 12h

where a level alone (-run 'TestMatrix$/riscv64_go') renews its rows. Levels whose assembly is emulated run those combinations in
which all pairs of values come together for each model, those without assembly so many that they do with the model as one more factor.
`, model.Version)
	for _, table := range by {
		fmt.Fprintf(&b, "\n| level | threads | batch | %s |\n|---|---:|---:|%s\n", strings.Join(table.columns, " | "), strings.Repeat("---:|", len(table.columns)))
		for i, l := range all {
			if len(runs[i]) == 0 {
				if !begun[i] { // left out: what an earlier run found with the same arithmetic stays
					b.WriteString(rowsOf(earlier, l, table.columns[0]))
				}
				continue
			}
			total, failed := counts(runs[i], table.column), counts(bad[i], table.column)
			for _, row := range product(len(threads), len(batches)) {
				key := run{threads: threads[row[0]], batch: batches[row[1]]}
				fmt.Fprintf(&b, "| %s | %d | %d |", l, key.threads, key.batch)
				for _, key.model = range table.columns {
					fmt.Fprintf(&b, " %d of %d |", total[key]-failed[key], total[key])
				}
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}

// rowsOf returns the rows of a level in the table of a document whose first column of counts is named.
func rowsOf(doc string, l level, column string) string {
	_, table, _ := strings.Cut(doc, "| level | threads | batch | "+column+" ")
	table, _, _ = strings.Cut(table, "\n\n")
	var b strings.Builder
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, fmt.Sprintf("| %s | ", l)) {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return b.String()
}

// A level that is run alone renews its own rows. Those of levels that were left out stay, unless the arithmetic has changed; one
// that began and ended early has none.
func TestMatrixOfOneLevelKeepsTheOthers(t *testing.T) {
	t.Parallel()

	all := []level{{machine: machine{name: "amd64"}, isa: "avx2"}, {machine: machine{name: "arm64"}, isa: "neon"}, {machine: machine{name: "arm64"}, isa: "neon-dot"}}
	of := func(n int) (runs []run) {
		for range n {
			for _, th := range threads {
				runs = append(runs, run{threads: th, batch: 8, model: modelName("llama", gguf.Q8_0)})
			}
		}
		return runs
	}
	rows := func(doc string, l level) (found []string) {
		for line := range strings.Lines(doc) {
			if strings.HasPrefix(line, "| "+l.String()+" | 1 | 8 |") {
				found = append(found, line)
			}
		}
		return found
	}
	every := []bool{true, true, true}
	before := tables(all, every, [][]run{of(1), of(2), of(3)}, [][]run{nil, of(1), nil}, "")
	for i, cell := range []string{" 1 of 1 |", " 1 of 2 |", " 3 of 3 |"} {
		found := rows(before, all[i])
		require.Len(t, found, 2, "by architecture and by type")
		require.Contains(t, found[0], cell)
		require.Contains(t, found[1], cell)
	}

	alone := tables(all, []bool{false, true, false}, [][]run{nil, of(5), nil}, make([][]run, 3), before)
	require.Equal(t, rows(before, all[0]), rows(alone, all[0]))
	require.Equal(t, rows(before, all[2]), rows(alone, all[2]))
	require.Contains(t, rows(alone, all[1])[0], " 5 of 5 |")
	require.Contains(t, rows(alone, all[1])[1], " 5 of 5 |")
	require.Equal(t, before, tables(all, make([]bool, 3), make([][]run, 3), make([][]run, 3), before), "nothing was run")

	early := tables(all, []bool{false, true, false}, make([][]run, 3), make([][]run, 3), before)
	require.Empty(t, rows(early, all[1]))
	require.Equal(t, rows(before, all[2]), rows(early, all[2]))

	old := strings.Replace(before, "Arithmetic version "+model.Version, "Arithmetic version 0", 1)
	require.NotEqual(t, before, old)
	require.Empty(t, rows(tables(all, []bool{false, true, false}, [][]run{nil, of(5), nil}, make([][]run, 3), old), all[0]))
}

// counts counts runs by threads, batch and what column makes of the model's name.
func counts(runs []run, column func(string) string) map[run]int {
	n := map[run]int{}
	for _, r := range runs {
		n[run{threads: r.threads, batch: r.batch, model: column(r.model)}]++
	}
	return n
}
