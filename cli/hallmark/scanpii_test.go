package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii/dataset"
)

// peopleFile writes the data set of the document into data/people.csv of a new directory, and returns the directory.
func peopleFile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
	const csv = "name,ssn,note,password\nAnn,219456789,\"hello, you\",hunter22x\nBob,none,reserved: bob@corp.example,\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "people.csv"), []byte(csv), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "clean.txt"), []byte("Nothing to see on 2031-02-01 at https://corp.io/.\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "binary"), []byte{0, 1, 2}, 0o600))
	return dir
}

// The examples of docs/pii.md, run on its data set.
func TestScanPIIExamples(t *testing.T) {
	raw, err := os.ReadFile("../../docs/pii.md")
	require.NoError(t, err)
	t.Chdir(peopleFile(t))
	ran := 0
	for line := range strings.Lines(string(raw)) {
		example, ok := strings.CutPrefix(line, "hallmark scan --pii ")
		if !ok {
			continue
		}
		ran++
		words, _, _ := strings.Cut(example, "#")
		got := command(t, nil, append([]string{"scan", "--pii"}, strings.Fields(words)...)...)
		require.Equal(t, 1, got.code, "%s%s", line, got.errout)
		require.Contains(t, got.out, "US_SSN")
		require.NotContains(t, got.out+got.errout, "219456789")
		require.NotContains(t, got.out+got.errout, "hunter22x")
	}
	require.Equal(t, 3, ran)
}

func TestScanPII(t *testing.T) {
	dir := filepath.Join(peopleFile(t), "data")
	got := command(t, nil, "scan", "--pii", "--salt", "s", dir)
	require.Equal(t, 1, got.code)
	var found []dataset.Finding
	for line := range strings.Lines(got.out) {
		var f dataset.Finding
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		found = append(found, f)
	}
	require.Len(t, found, 3)
	require.Equal(t, []string{"US_SSN", "generic-password", "EMAIL_ADDRESS"}, []string{found[0].Entity, found[1].Entity, found[2].Entity})
	require.Equal(t, filepath.Join(dir, "people.csv"), found[0].Path)
	require.Equal(t, []int64{27, 36}, []int64{found[0].Start, found[0].End})
	require.True(t, found[2].Test)
	require.Contains(t, got.errout, "1 files are no text")
	require.Equal(t, got.out, command(t, nil, "scan", "--pii", "--salt", "s", dir).out, "one salt, the same hashes")
	require.NotEqual(t, got.out, command(t, nil, "scan", "--pii", dir).out, "a salt of the run")
}

// A file that cannot be read hides nothing of the others, and is no success.
func TestScanPIIOfATreeWithUnreadableFiles(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(peopleFile(t), "data")
	require.NoError(t, os.Symlink("people.csv", filepath.Join(dir, "a-link")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.csv.gz"), []byte("\x1f\x8b no"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.parquet"), []byte("PAR1 no"), 0o600))
	got := command(t, nil, "scan", "--pii", dir)
	require.Equal(t, exitBlock, got.code, got.errout)
	require.Equal(t, 3, strings.Count(got.out, "\n"), "those of people.csv, behind the others")
	for _, says := range []string{"not read: " + filepath.Join(dir, "a-link"), "b.csv.gz", "c.parquet", "3 files could not be read"} {
		require.Contains(t, got.errout, says)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "people.csv")))
	got = command(t, nil, "scan", "--pii", dir, "-o", "table")
	require.Equal(t, exitUsage, got.code, got.errout)
	require.Contains(t, got.errout, "nothing is known of them")
}

// "-" is stdin, and the salt may come from the environment.
func TestScanPIIOfStdin(t *testing.T) {
	t.Parallel()

	const text = `{"ssn": 219456789}`
	got := commandOn(t, text, map[string]string{saltEnv: "s"}, "scan", "--pii", "-")
	require.Equal(t, exitBlock, got.code, got.errout)
	require.Contains(t, got.out, `"path":"-","entity":"US_SSN","start":8,"end":17`)
	require.Equal(t, got.out, commandOn(t, text, nil, "scan", "--pii", "-", "--salt", "s").out)
	require.NotEqual(t, got.out, commandOn(t, text, map[string]string{saltEnv: "t"}, "scan", "--pii", "-").out)
	require.Zero(t, commandOn(t, "nothing", nil, "scan", "--pii", "-").code)
	require.Equal(t, exitUsage, commandOn(t, text, nil, "scan", "--pii", "-", "x").code)
	require.Equal(t, exitUsage, commandOn(t, "PAR1 is read from its end", nil, "scan", "--pii", "-").code)
}

// Exit codes: nothing, something, usage.
func TestScanPIIExitCodes(t *testing.T) {
	dir := filepath.Join(peopleFile(t), "data")
	people := filepath.Join(dir, "people.csv")
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{filepath.Join(dir, "clean.txt")}, 0},
		{[]string{"--entities", "DATE_TIME", filepath.Join(dir, "clean.txt")}, 1},
		{[]string{people}, 1},
		{[]string{"--min-confidence", "high", people}, 0},
		{[]string{"--entities", "EMAIL_ADDRESS", people}, 0}, // a reserved address
		{[]string{"--entities", "NOBODY", people}, 2},
		{[]string{"--min-confidence", "sure", people}, 2},
		{[]string{"--sarif", "x", people}, 2},
		{[]string{filepath.Join(dir, "absent")}, 2},
		{nil, 2},
	} {
		got := command(t, nil, append([]string{"scan", "--pii"}, tt.args...)...)
		require.Equal(t, tt.code, got.code, "%v %s", tt.args, got.errout)
	}
}
