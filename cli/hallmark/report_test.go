package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/hallmark-ml/hallmark"
)

func TestReportPageHoldsEverythingAndRunsNothing(t *testing.T) {
	t.Parallel()

	g := blockedResult()
	g.Report.Detectors[2].Metrics = map[string]string{"r50": "0.25"}
	g.Report.Detectors[2].Curves = []hallmark.Curve{{Name: hostile, X: "eps", Y: "KL", Points: []hallmark.CurvePoint{{X: "0", Y: "0"}, {X: "0.5", Y: "1"}, {X: "1", Y: "4"}}}}
	var out bytes.Buffer
	require.NoError(t, g.writeHTML(&out))
	require.NotContains(t, out.String(), "\x1b", "control characters are shown as escapes")
	tags := map[string]int{}
	root, err := html.Parse(&out)
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		tags[n.Data]++
		for _, a := range n.Attr {
			require.NotContains(t, []string{"src", "href", "onload", "onclick", "srcset", "action"}, a.Key, "%s loads or runs something", n.Data)
			if a.Key == "points" {
				require.Equal(t, "50.0,210.0 230.0,160.0 410.0,10.0", a.Val)
			}
		}
	}
	require.Zero(t, tags["script"]+tags["img"]+tags["link"]+tags["iframe"])
	require.Equal(t, 1, tags["polyline"])
	require.Equal(t, 2, tags["details"], "the failed case and the one with an error")
	require.Equal(t, 2, tags["svg"], "one rate, one curve")
}

// The page of a run with a budget draws what both kinds of draws found by the tokens that they cost, and the rates that it
// estimates.
func TestReportPageDrawsTheBudget(t *testing.T) {
	t.Parallel()

	g := blockedResult()
	tokens := func(id string, n int, o hallmark.Outcome) hallmark.CaseResult {
		return hallmark.CaseResult{ID: id, Detector: "inject.direct", Outcome: o, PromptTokens: n - 10, OutputTokens: 10}
	}
	g.Report.Cases = []hallmark.CaseResult{tokens("a", 100, hallmark.Fail), tokens("b", 100, hallmark.Pass), tokens("e", 50, hallmark.Void)}
	g.Report.Selection = &hallmark.Selection{
		Budget: 500, Hunted: []hallmark.CaseResult{tokens("c", 100, hallmark.Fail), tokens("d", 50, hallmark.Inconclusive)},
		Draws: []hallmark.CaseDraw{
			{Case: "a", Kind: "estimate"}, {Case: "c", Kind: "hunt"}, {Case: "b", Kind: "estimate"}, {Case: "a", Kind: "estimate"}, {Case: "d", Kind: "hunt"}, {Case: "e", Kind: "estimate"},
		},
		Rates: []hallmark.SampledRate{{Pool: 40, Draws: 3, Rate: "0.250000", Lower: "0.100000", Upper: "0.600000"}},
	}
	g.Report.Detectors[2].Curves = []hallmark.Curve{{Name: "KL(eps), L2", X: "eps", Y: "KL", Points: []hallmark.CurvePoint{{X: "0.01", Y: "0.1"}, {X: "0.1", Y: "0.5"}, {X: "1", Y: "2"}}}}
	var out bytes.Buffer
	require.NoError(t, g.writeHTML(&out))
	root, err := html.Parse(&out)
	require.NoError(t, err)
	var lines, bars, texts []string
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.TrimSpace(n.Data) != "" {
			texts = append(texts, strings.TrimSpace(n.Data))
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "points":
				lines = append(lines, a.Val)
			case n.Data == "rect" && a.Key == "width" && a.Val != "200" && a.Val != "1.5":
				bars = append(bars, a.Val)
			}
		}
	}
	require.Equal(t, []string{
		"50.0,200.0 230.0,160.0 410.0,10.0",                                    // eps by its logarithm
		"50.0,210.0 140.0,210.0 140.0,110.0 410.0,110.0",                       // the estimate: a at 100 tokens, and no other
		"50.0,210.0 230.0,210.0 230.0,110.0 365.0,110.0 365.0,10.0 410.0,10.0", // the hunt: c at 200, d at 350 of 400
	}, lines)
	require.Contains(t, bars, "100.0", "the interval from .1 to .6 of 200 units")
	for _, text := range []string{"tokens", "failures found", "estimate", "hunt", "400 of 500 tokens spent", "0.250000", "0.01", "0.1"} {
		require.Contains(t, strings.Join(texts, "\n"), text)
	}
}

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
	require.FileExists(t, page)
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
}
