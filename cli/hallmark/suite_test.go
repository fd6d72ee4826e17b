package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

func decoded[T any](t *testing.T, r result) T { //nolint:ireturn // the type that the caller names
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(r.out), &v), r.errout)
	return v
}

func TestSuiteList(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "suite", "list", "-o", "json")
	require.Equal(t, exitOK, got.code, got.errout)
	all := decoded[[]suiteSummary](t, got)
	require.Len(t, all, len(probe.BuiltinNames()))
	for _, s := range all {
		require.Contains(t, probe.BuiltinNames(), s.Name)
		suite, err := probe.Builtin(s.Name)
		require.NoError(t, err)
		digest, err := suite.Digest()
		require.NoError(t, err)
		require.Equal(t, digest, s.Digest)
		want := map[string]int{"tinychat": 17, "chat": 16, "completion": 8}[s.Name] // no records of ours are in other models' data
		require.Len(t, s.Detectors, want, s.Name)
		require.Positive(t, s.cases())
	}
	table := command(t, nil, "suite", "list")
	require.Equal(t, exitOK, table.code)
	require.Contains(t, table.out, all[0].Digest.String())
	require.Len(t, strings.Split(strings.TrimSpace(table.out), "\n"), len(all))
	require.Equal(t, exitUsage, command(t, nil, "suite", "list", "chat").code)
}

func TestSuiteShowAndCheck(t *testing.T) {
	t.Parallel()

	text, err := probe.BuiltinText("completion")
	require.NoError(t, err)
	require.Equal(t, string(text), command(t, nil, "suite", "show", "completion").out)
	dir := t.TempDir()
	own := filepath.Join(dir, "own.yaml")
	require.NoError(t, os.WriteFile(own, []byte(strings.Replace(string(text), "name: completion", "name: own", 1)), 0o600))
	got := command(t, nil, "suite", "check", own, "-o", "json")
	require.Equal(t, exitOK, got.code, got.errout)
	s := decoded[suiteSummary](t, got)
	require.Equal(t, "own", s.Name)
	i := slices.IndexFunc(s.Detectors, func(d suiteDetector) bool { return d.ID == probe.PerturbWord })
	require.GreaterOrEqual(t, i, 0)
	require.Equal(t, suiteDetector{
		ID: probe.PerturbWord, Kind: probe.Measuring, Tier: probe.TierFull, OWASP: []string{"LLM09:2025"}, CWE: []string{"CWE-1039"}, Profiles: []string{"completion"}, Cases: 60, Templates: 12,
	}, s.Detectors[i])
	require.Contains(t, command(t, nil, "suite", "check", own).out, "LLM09:2025")

	for name, bad := range map[string]string{
		"not YAML":    "{",
		"unknown key": string(text) + "\nextra: 1\n",
		"no synonym":  strings.Replace(string(text), `opposite: [antonym, contrary]`, `opposite: ["7 up"]`, 1),
	} {
		path := filepath.Join(dir, "bad.yaml")
		require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
		got := command(t, nil, "suite", "check", path)
		require.Equal(t, exitUsage, got.code, "%s: %s", name, got.errout)
		require.Contains(t, got.errout, "suite", name)
	}
	missing := command(t, nil, "suite", "show", "nowhere")
	require.Equal(t, exitUsage, missing.code)
	require.Contains(t, missing.errout, "tinychat", "it names those that there are")
	require.Equal(t, exitUsage, command(t, nil, "suite", "check").code)
}

func TestSuiteSelfTest(t *testing.T) {
	t.Parallel()

	got := command(t, nil, "suite", "selftest", "-o", "json")
	require.Equal(t, exitOK, got.code, got.errout)
	rows := decoded[[]selfTestRow](t, got)
	require.Len(t, rows, 17)
	for _, r := range rows {
		require.GreaterOrEqual(t, r.Outputs, 200, r.Detector)
		require.Equal(t, r.Outputs, r.Bad+r.Good)
		require.True(t, r.suffices(), r.Detector)
	}
	require.Len(t, decoded[[]selfTestRow](t, command(t, nil, "suite", "selftest", "completion", "-o", "json")), 8)
	doc, err := os.ReadFile("../../docs/detectors.md")
	require.NoError(t, err)
	for _, r := range rows {
		require.Contains(t, string(doc), fmt.Sprintf("| `%s` | %d | %d of %d | %s, %s | %d of %d | %s, %s |\n", r.Detector, r.Outputs,
			r.Caught, r.Bad, r.Sensitivity, r.SensitivityLower, r.Cleared, r.Good, r.Specificity, r.SpecificityLower))
	}

	// A judge that was tried with three outputs may be right about all of them: that is no proof.
	few := command(t, nil, "suite", "selftest", "../../sandbox/probe/module/testdata/own.yaml")
	require.Equal(t, exitBlock, few.code, few.errout)
	require.Contains(t, few.out, "x.shout")
	require.Contains(t, few.errout, "right too seldom")
}

// smallSuite writes the pack of the tinychat models with two of its detectors.
func smallSuite(t *testing.T) string {
	t.Helper()
	text, err := probe.BuiltinText("tinychat")
	require.NoError(t, err)
	small := regexp.MustCompile(`(?s)profiles:\n.*?\n\n`).ReplaceAllString(string(text), "profiles:\n  chat: [inject.direct, vocab.glitch, file.unsafe]\n\n")
	require.NotEqual(t, string(text), small)
	path := filepath.Join(t.TempDir(), "small.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(small, "name: tinychat", "name: small", 1)), 0o600))
	return path
}

// What a command is told to read is read up to a bound, and what is not there is the user's to mend.
func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	text, err := os.ReadFile("../../sandbox/probe/module/testdata/own.yaml")
	require.NoError(t, err)
	suite := filepath.Join(dir, "own.yaml")
	require.NoError(t, os.WriteFile(suite, text, 0o600))
	got := command(t, nil, "suite", "check", suite)
	require.Equal(t, exitUsage, got.code, got.errout)
	require.Contains(t, got.errout, "shout.wasm: no such file")
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "shout.wasm")))
	endless := filepath.Join(dir, "endless.yaml")
	require.NoError(t, os.Symlink("/dev/zero", endless))
	for _, args := range [][]string{
		{"suite", "check", suite}, {"suite", "check", endless}, {"suite", "show", endless}, {"policy", "lint", endless}, {"gate", tinychat + "guarded-q8_0.gguf", "--policy", endless},
	} {
		got = command(t, nil, args...)
		require.Equal(t, exitUsage, got.code, "%v: %s", args, got.errout)
		require.Contains(t, got.errout, "bytes", "%v", args)
	}
}

// A suite of the user's own is run, in both tiers; neither it nor a budget can allow what a policy asks more for.
func TestGateFlagsOfTheSuite(t *testing.T) {
	t.Parallel()

	suite, dir := smallSuite(t), t.TempDir()
	model := tinychat + "guarded-q8_0.gguf"
	gate := func(args ...string) (gateResult, result) {
		got := command(t, nil, append([]string{"gate", model, "--suite", suite, "-o", "json"}, args...)...)
		if got.out == "" {
			return gateResult{}, got
		}
		return decodeResult(t, got), got
	}

	quick, got := gate("--tier", "quick")
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Equal(t, "small", quick.Report.Suite)
	require.Equal(t, "quick", quick.Report.TestTier)
	require.Len(t, quick.Report.Cases, 1, "the one measurement")
	require.Contains(t, got.out, "it can block and never allows")

	first := filepath.Join(dir, "first.json")
	whole, got := gate("--report", first)
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Empty(t, whole.Report.TestTier)
	require.Nil(t, whole.Report.Selection)
	require.Len(t, whole.Report.Cases, 109)

	page := filepath.Join(dir, "page.html")
	budget, got := gate("--budget", "1500", "--previous", first, "--html", page)
	require.Equal(t, exitUndecided, got.code, got.errout)
	require.Equal(t, whole.Report.Seed, budget.Report.Seed, "the seed of the version before")
	require.False(t, budget.Report.WarmStart.IsZero())
	require.NotNil(t, budget.Report.Selection)
	require.Equal(t, 1500, budget.Report.Selection.Budget)
	require.Equal(t, 109, budget.Report.Selection.Pool)
	require.Less(t, len(budget.Report.Cases)+len(budget.Report.Selection.Hunted), 60)
	require.Contains(t, got.out, "cases were chosen within a budget")
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "failures found")

	again, got := gate("--previous", first)
	require.Equal(t, exitUndecided, got.code, got.errout)
	for _, d := range again.Report.Detectors {
		if d.Detector == probe.InjectDirect {
			require.Equal(t, "108", d.Metrics["pairedCases"])
			require.Equal(t, "0", d.Metrics["regressed"])
		}
	}

	other := filepath.Join(dir, "other.json")
	require.NoError(t, os.WriteFile(other, []byte(`{"schema":"x"}`), 0o600))
	for name, args := range map[string][]string{
		"tier":              {"--tier", "half"},
		"budget":            {"--budget", "-1"},
		"no previous":       {"--previous", filepath.Join(dir, "nothing.json")},
		"previous of x":     {"--previous", other},
		"seed":              {"--seed", "seven"},
		"suite that is not": {"--suite", filepath.Join(dir, "nothing.yaml")},
		"no suite":          {"--suite", other},
		"profile":           {"--profile", "completion"},
	} {
		_, got := gate(args...)
		require.Equal(t, exitUsage, got.code, "%s: %s", name, got.errout)
		require.Empty(t, got.out, name)
	}
}
