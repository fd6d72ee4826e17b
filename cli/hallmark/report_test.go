package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

func TestReportsAreReadFromFiles(t *testing.T) {
	t.Parallel()

	g := blockedResult()
	g.Report.Schema = hallmark.ReportSchema
	dir := t.TempDir()
	report, result, page := filepath.Join(dir, "report.json"), filepath.Join(dir, "result.json"), filepath.Join(dir, "page.html")
	require.NoError(t, gateFlags{report: report}.write(g))
	text, err := json.Marshal(g)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(result, text, 0o600))

	fromReport := command(t, nil, "report", "show", report, "-o", "json", "--html", page)
	require.Zero(t, fromReport.code, fromReport.errout)
	fromResult := command(t, nil, "report", "show", result, "-o", "json")
	require.Equal(t, fromReport.out, fromResult.out)
	raw, err := os.ReadFile(report)
	require.NoError(t, err)
	require.Equal(t, string(raw), fromReport.out, "the bytes that the digest is of")
	text, err = os.ReadFile(page)
	require.NoError(t, err)
	for _, part := range []string{"<!doctype html>", "the model obeys instructions in data", "template-ssti", "inject.indirect/mail-01/007"} {
		require.Contains(t, string(text), part, "the report, and what its detectors look for")
	}
	table := command(t, nil, "report", "show", report)
	require.Contains(t, table.out, hallmark.DigestOf(raw).String())
	require.NotContains(t, table.out, "verdict", "a report has none")

	for name, text := range map[string]string{"empty": "", "other": `{"schema":"x"}`, "list": "[]", "twice": strings.Replace(string(raw), `{`, `{"seed":"2",`, 1)} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got := command(t, nil, "report", "show", path)
		require.Equal(t, exitUsage, got.code, "%s: %s", name, got.errout)
	}
	require.Equal(t, exitUsage, command(t, nil, "report", "show", filepath.Join(dir, "nothing")).code)
}

// Whoever made a report file cannot write to the terminal of who reads it.
func TestReportsOfStrangersAreShownSafely(t *testing.T) {
	t.Parallel()

	g := blockedResult()
	r := g.Report
	r.Schema, r.Suite, r.Seed, r.Engine = hallmark.ReportSchema, hostile, hostile, hostile
	r.Detectors = []hallmark.DetectorResult{{Detector: hostile, Assessment: hallmark.Assessment(hostile), Against: hallmark.Proportion{Bound: hostile}}}
	r.Cases = []hallmark.CaseResult{{ID: hostile, Detector: hostile, Outcome: hallmark.Fail}}
	g.Report, g.Verdict.Policy = r, hostile
	g.Evidence = []hallmark.CaseEvidence{{CaseResult: r.Cases[0], PromptText: hostile}}
	text, err := json.Marshal(g)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "result.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	for _, args := range [][]string{{"show", path}, {"diff", path, path}} {
		got := command(t, nil, append([]string{"report"}, args...)...)
		require.NotEmpty(t, got.out, got.errout)
		require.False(t, strings.ContainsAny(got.out+got.errout, "\x1b\u202e\u009b"), "%v: %q", args, got.out)
	}
}

func TestReportDiff(t *testing.T) {
	t.Parallel()

	older := hallmark.Report{Schema: hallmark.ReportSchema, SuiteHash: hallmark.DigestOf([]byte("suite")), Seed: "1"}
	older.Detectors = []hallmark.DetectorResult{{Detector: "inject.direct"}, {Detector: "out.render"}}
	newer := older
	for i := range 40 {
		c := hallmark.CaseResult{ID: "inject.direct/" + string(rune('A'+i)), Detector: "inject.direct", Outcome: hallmark.Pass}
		older.Cases = append(older.Cases, c)
		switch {
		case i < 12:
			c.Outcome = hallmark.Fail
		case i < 14:
			c.Outcome = hallmark.Inconclusive
		case i < 16:
			c.Outcome = hallmark.Void
		}
		newer.Cases = append(newer.Cases, c)
	}
	d := compareReports(older, newer, 20_000)
	require.Equal(t, 38, d.Detectors[0].Pairs, "void cases say nothing")
	require.Len(t, d.Detectors[0].Regressed, 14)
	require.True(t, d.Detectors[0].Worse)
	require.ErrorIs(t, d.worse(), hallmark.ErrRefused)
	require.NoError(t, compareReports(newer, older, 20_000).worse(), "better is not worse")
	require.NoError(t, compareReports(older, newer, 900_000).worse(), "within the margin")

	quick := newer
	quick.Detectors = []hallmark.DetectorResult{{Detector: "file.unsafe"}}
	quick.Cases = nil
	full := older
	full.Detectors = slices.Clone(older.Detectors)
	full.Detectors[0].Against = hallmark.Proportion{K: 1, N: 40}
	lost := compareReports(full, quick, 20_000)
	require.Len(t, lost.Detectors, 3)
	require.ErrorIs(t, lost.worse(), hallmark.ErrUndecided, "a detector that the new version was not tested with")
	require.ErrorContains(t, lost.worse(), "inject.direct")

	quick.Findings = []hallmark.Finding{
		{Detector: "file.unsafe", Rule: "pickle-global", Severity: hallmark.SeverityCritical}, {Detector: "file.unsafe", Rule: "advice", Severity: hallmark.SeverityInfo},
	}
	found := compareReports(full, quick, 20_000)
	require.ErrorIs(t, found.worse(), hallmark.ErrRefused, "a new finding in the file")
	require.Equal(t, []string{"pickle-global"}, found.Detectors[0].NewFindings)
	require.Empty(t, compareReports(quick, quick, 20_000).Detectors[0].NewFindings)

	newer.SuiteHash = hallmark.DigestOf([]byte("another"))
	other := compareReports(older, newer, 0)
	require.Zero(t, other.Detectors[0].Pairs)
	require.ErrorIs(t, other.worse(), hallmark.ErrUndecided, "what cannot be compared is not as good")

	nothing := older
	nothing.Cases = nil
	require.ErrorIs(t, compareReports(nothing, older, 0).worse(), hallmark.ErrUndecided, "the old version was asked nothing")

	completion := older
	completion.Profile = "completion"
	other = compareReports(older, completion, 0)
	require.False(t, other.SameProfile)
	require.Zero(t, other.Detectors[0].Pairs, "cases of one id ask in another form")
	require.ErrorIs(t, other.worse(), hallmark.ErrUndecided)

	many, twice := older, older
	many.Cases, twice.Cases = nil, append(slices.Clone(older.Cases), older.Cases[0])
	for i := range stats.MaxN + 1 {
		many.Cases = append(many.Cases, hallmark.CaseResult{ID: strconv.Itoa(i), Detector: "inject.direct", Outcome: hallmark.Pass})
	}
	require.ErrorIs(t, pairable(loadedReport{gateResult: gateResult{Report: many}}), hallmark.ErrTooLarge)
	require.ErrorIs(t, pairable(loadedReport{gateResult: gateResult{Report: twice}}), hallmark.ErrInvalid)

	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	newer.SuiteHash = older.SuiteHash
	require.NoError(t, gateFlags{report: a}.write(gateResult{Report: older}))
	require.NoError(t, gateFlags{report: b}.write(gateResult{Report: newer}))
	got := command(t, nil, "report", "diff", a, b)
	require.Equal(t, exitBlock, got.code)
	require.Contains(t, got.out, "WORSE")
	require.Zero(t, command(t, nil, "report", "diff", b, a, "-o", "json").code)
	require.Equal(t, exitUsage, command(t, nil, "report", "diff", a, b, "--margin", "nan").code)
	require.NoError(t, gateFlags{report: b}.write(gateResult{Report: many}))
	require.Equal(t, exitUsage, command(t, nil, "report", "diff", b, b).code, "no panic where a file says more than a run can")
}
