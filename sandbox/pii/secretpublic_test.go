package pii_test

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// Checkouts that are not part of the project: samples that gitleaks' generator validates its rules with, one JSON object
// {rule, path, kind, text} a line; and the collection leaky-repo.
const (
	samplesEnv = "HALLMARK_GITLEAKS_SAMPLES"
	leakyEnv   = "HALLMARK_LEAKY_REPO"
)

// Every sample of a rule that there is here too is found, and what gitleaks says is no secret is none.
func TestGitleaksSamples(t *testing.T) {
	t.Parallel()

	path := os.Getenv(samplesEnv)
	if path == "" {
		t.Skip("no samples of gitleaks: set " + samplesEnv)
	}
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	claimed := pii.Rules()
	scanner := pii.NewScanner(pii.Config{Least: pii.Medium})
	counts := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s struct{ Rule, Path, Kind, Text string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &s))
		if !slices.Contains(claimed, s.Rule) {
			counts["not claimed"]++
			continue
		}
		secrets := slices.DeleteFunc(slices.Clone(scanner.Scan(s.Text)), func(m pii.Match) bool { return m.Class != pii.Secret || m.Test && s.Kind == "negative" })
		if s.Kind == "negative" {
			secrets = slices.DeleteFunc(secrets, func(m pii.Match) bool { return m.Entity != s.Rule })
		}
		ok := (len(secrets) > 0) == (s.Kind == "positive")
		counts[s.Kind+map[bool]string{true: " right", false: " wrong"}[ok]]++
		if !ok {
			t.Logf("%s %s: %q", s.Rule, s.Kind, s.Text)
		}
	}
	t.Logf("%v", counts)
	require.Zero(t, counts["positive wrong"])
	require.Zero(t, counts["negative wrong"])
}

// leakyRisks reads how many lines of each file of leaky-repo are a risk.
func leakyRisks(t *testing.T, dir string) map[string]int {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, ".leaky-meta", "secrets.csv"))
	require.NoError(t, err)
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	rows, err := r.ReadAll()
	require.NoError(t, err)
	risks := map[string]int{}
	for _, row := range rows {
		n, err := strconv.Atoi(row[1])
		require.NoError(t, err)
		risks[row[0]] = n
	}
	return risks
}

// Entries of leaky-repo that are a risk: at least sixty are found (gitleaks finds eighteen), a line counting once and a
// file for at most what it is said to hold.
func TestLeakyRepo(t *testing.T) {
	t.Parallel()

	dir := os.Getenv(leakyEnv)
	if dir == "" {
		t.Skip("no leaky-repo: set " + leakyEnv)
	}
	scanner := pii.NewScanner(pii.Config{Least: pii.Medium})
	found, total, extra := 0, 0, 0
	for name, risk := range leakyRisks(t, dir) {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		lines := map[int]bool{}
		for _, m := range scanner.Scan(string(raw)) {
			if m.Class == pii.Secret {
				lines[strings.Count(string(raw[:m.Start]), "\n")] = true
			}
		}
		t.Logf("%-40s %d of %d", name, len(lines), risk)
		found += min(len(lines), risk)
		extra += max(0, len(lines)-risk)
		total += risk
	}
	t.Logf("%d of %d risk entries, %d lines more than there are", found, total, extra)
	require.GreaterOrEqual(t, found, 60)
}

// proseEnv names a folder of plain prose, in which there are no secrets.
const proseEnv = "HALLMARK_PROSE"

func TestNoSecretsInProse(t *testing.T) {
	t.Parallel()

	dir := os.Getenv(proseEnv)
	if dir == "" {
		t.Skip("no prose: set " + proseEnv)
	}
	scanner := pii.NewScanner(pii.Config{Least: pii.Medium})
	size := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		size += len(raw)
		for _, m := range scanner.Scan(string(raw)) {
			if m.Class == pii.Secret {
				t.Errorf("%s: %s %q", path, m.Entity, raw[max(0, m.Start-40):m.End])
			}
		}
		return err
	}))
	t.Logf("%d bytes", size)
}
