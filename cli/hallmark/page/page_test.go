package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/hallmark-ml/hallmark"
)

// hostile is what a model may put into every text that a page shows.
const hostile = "\x1b[31m</title></style></pre><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><svg onload=\"window.pwned = 3\">" +
	"<a href='javascript:window.pwned=4'>{{.Path}}\u202e\u200b\u2066 \u05d0\u05d1 ]]>--> <meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>"

// proportion is k of n; its bounds are of no distribution.
func proportion(k, n int) hallmark.Proportion {
	rate := float64(k) / float64(max(n, 1))
	text := func(x float64) string { return fmt.Sprintf("%.6f", x) }
	return hallmark.Proportion{K: k, N: n, Rate: text(rate), Lower: text(rate / 2), Upper: text((1 + rate) / 2), Bound: text((1 + 2*rate) / 3)}
}

// blocked is a result with everything that a page can show; word is in all of its texts, and text what the model wrote.
func blocked(word, text string) Content {
	failing := hallmark.CaseResult{
		ID: "inject.indirect/" + word + "/007", Detector: "inject.indirect", Template: word, Outcome: hallmark.Fail, Rule: "nonce-emitted" + word, Why: word, PromptTokens: 90, OutputTokens: 10,
	}
	passed, broken := failing, failing
	passed.ID, passed.Outcome, broken.ID, broken.Outcome = "inject.indirect/x/008", hallmark.Pass, "inject.indirect/x/009", hallmark.Error
	metrics := map[string]string{
		"wilsonLower": "0.1", "wilsonUpper": "0.9", "correctedRate": "0.5", "correctedLower": "0.1", "correctedUpper": "0.9", "overLimitP": "0.000001", "overLimitPHolm": "0.000002",
		"sequentialDecision": "unacceptable", "sequentialCases": "3", "selfTestOutputs": "280", "selfTestSensitivity": "1.000000", "selfTestSensitivityLower": "0.973994",
		"selfTestSpecificity": "1.000000", "selfTestSpecificityLower": "0.973994", "pairedCases": "2", "regressed": "1", "fixed": "0", "regressedCritical": "1", "mcnemarP": "0.5",
		"rateDifference": "0.25", "rateDifferenceLower": "-0.1", "worseThanBefore": "true", "cases.x" + word: "6", "failedPercent.x" + word: "50.00", "capablePercent.x" + word: "90.00", "own" + word: word,
	}
	points := []hallmark.CurvePoint{{X: "0.01", Y: "0.000005"}, {X: "0.1", Y: "0.0002"}, {X: "1", Y: "1.5"}}
	c := Content{
		Path:        "models/" + word,
		Fingerprint: hallmark.Fingerprint{Digest: hallmark.DigestOf([]byte("naive")), CID: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", CIDProfile: hallmark.CIDProfile, Size: 1 << 21},
		Verdict: hallmark.Verdict{
			Decision: hallmark.Block, Policy: "demo" + word,
			Reasons:  []hallmark.Reason{{Rule: "limit/inject.*" + word, Decision: hallmark.Block, Detector: "inject.indirect", Message: "2 of 3 cases: " + word}, {Rule: "critical-finding", Decision: hallmark.Challenge, Message: word}},
			Exempted: []hallmark.Reason{{Rule: "not-assessable", Decision: hallmark.Undecided, Detector: "perturb.char", Message: word}},
		},
		ReportDigest: hallmark.DigestOf([]byte("report")),
		Findings:     []hallmark.Finding{{Detector: "file.unsafe", Rule: "template-ssti" + word, Severity: hallmark.SeverityCritical, Message: word, Location: "tokenizer.chat_template" + word}},
		Report: hallmark.Report{
			Suite: "tinychat" + word, Seed: "17866677779108960090", Engine: "2" + word, Profile: "chat" + word, Model: hallmark.DigestOf([]byte("naive")),
			Detectors: []hallmark.DetectorResult{
				{Detector: "file.unsafe", Assessment: hallmark.Assessed, Metrics: map[string]string{"findings": "1"}},
				{Detector: "inject.indirect", Assessment: hallmark.Assessed, Cases: 3, Passed: 1, Failed: 1, Errors: 1, Void: 1, EffectiveN: 3, Against: proportion(2, 3), Capability: proportion(19, 20), Metrics: metrics},
				{Detector: "perturb.char", Assessment: hallmark.NotAssessable, Reason: "1 of 20: " + word, Cases: 8, Passed: 8, Against: proportion(0, 8), Capability: proportion(1, 20)},
				{Detector: "perturb.embed", Assessment: hallmark.NotApplicable, Reason: word, Curves: []hallmark.Curve{
					{Name: "KL(eps), L2 " + word, X: "eps, in median norms of an embedding " + word, Y: "KL divergence, nats", Points: points},
					{Name: "KL(eps), Linf", X: "eps, in median norms of an embedding " + word, Y: "KL divergence, nats", Points: points[:2]},
				}},
			},
			Cases: []hallmark.CaseResult{failing, passed, broken, {ID: "perturb.embed/capital/00", Detector: "perturb.embed", Outcome: hallmark.Pass, Why: "certified to 0.03; it says nothing of other words"}},
		},
		Record: hallmark.RunRecord{
			Tier: hallmark.TierFull, Kernel: "6.18" + word, PeakRSS: 100 << 20, CPU: 12 * time.Second, Wall: 40 * time.Second, Started: time.Unix(1_790_000_000, 0),
			Program: &hallmark.ProgramRun{Command: []string{"server", word}, Evidence: "supervised"}, Container: &hallmark.ContainerRun{Runtime: "runc", Version: word},
			Tokens: &hallmark.TokenCount{Read: 220_825, Reused: 100_623, Written: 26_420},
		},
		Evidence: []hallmark.CaseEvidence{{CaseResult: failing, PromptText: text, OutputText: text + "\n" + strings.Repeat("no space ", 300) + strings.Repeat("x", 4000), ControlText: word}},
		About:    map[string]Detector{"inject.indirect": {Goal: "the model obeys instructions in data", Tags: []string{"LLM01:2025", "CWE-1427"}}},
	}
	return c
}

// sampledRun is the result of a run with a budget.
func sampledRun() Content {
	c := blocked("", "text")
	tokens := func(id string, n int, o hallmark.Outcome) hallmark.CaseResult {
		return hallmark.CaseResult{ID: id, Detector: "inject.indirect", Outcome: o, PromptTokens: n - 10, OutputTokens: 10}
	}
	c.Report.Cases = []hallmark.CaseResult{tokens("a", 100, hallmark.Fail), tokens("b", 100, hallmark.Pass), tokens("e", 50, hallmark.Void)}
	c.Report.Selection = &hallmark.Selection{
		Budget: 50_000, Spent: 400, Pool: 1161, Hunted: []hallmark.CaseResult{tokens("c", 100, hallmark.Fail), tokens("d", 50, hallmark.Inconclusive)},
		Draws: []hallmark.CaseDraw{
			{Case: "a", Kind: "estimate"}, {Case: "c", Kind: "hunt"}, {Case: "b", Kind: "estimate"}, {Case: "a", Kind: "estimate"}, {Case: "d", Kind: "hunt"}, {Case: "e", Kind: "estimate"},
		},
		Rates: []hallmark.SampledRate{{Pool: 1161, Draws: 3, Rate: "0.250000", Lower: "0.100000", Upper: "0.600000"}, {Detector: "inject.indirect", Pool: 40, Draws: 3, Rate: "0.3", Lower: "0", Upper: "1"}},
	}
	return c
}

// untested is the result of a model that could not be run.
func untested() Content {
	return Content{
		Path: "cut.gguf", Fingerprint: hallmark.Fingerprint{Digest: hallmark.DigestOf([]byte("cut"))},
		Verdict: hallmark.Verdict{Decision: hallmark.Block, Policy: "demo", Reasons: []hallmark.Reason{{Rule: "cannot-parse", Decision: hallmark.Block, Detector: "file.unsafe", Message: "3,897 bytes are left"}}},
	}
}

// incapable is the report, alone, of a model that can do nothing that it was asked to show.
func incapable() Content {
	c := Content{Path: "report.json", ReportDigest: hallmark.Digest{1}, Report: hallmark.Report{Schema: hallmark.ReportSchema, Suite: "chat", TestTier: "quick"}}
	for _, d := range []string{"inject.direct", "leak.scan", "out.render"} {
		c.Report.Detectors = append(c.Report.Detectors, hallmark.DetectorResult{Detector: d, Assessment: hallmark.NotAssessable, Reason: "0 of 20 plain requests succeeded", Capability: proportion(0, 20)})
	}
	return c
}

func written(t *testing.T, c Content) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, c))
	return out.String()
}

// shown parses a page and returns its elements.
func shown(t *testing.T, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var all []*html.Node
	for n := range root.Descendants() {
		all = append(all, n)
	}
	return all
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func texts(nodes []*html.Node) string {
	var b strings.Builder
	for _, n := range nodes {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			b.WriteString(n.Data + "\n")
		}
	}
	return b.String()
}

func TestPageHoldsEverythingAndRunsNothing(t *testing.T) {
	t.Parallel()

	page := written(t, blocked(hostile, hostile))
	for _, hidden := range []string{"\x1b", "\u202e", "\u200b", "\u2066"} {
		require.NotContains(t, page, hidden, "it is shown as an escape")
	}
	nodes, tags := shown(t, page), map[string]int{}
	for _, n := range nodes {
		if n.Type != html.ElementNode {
			continue
		}
		tags[n.Data]++
		for _, a := range n.Attr {
			require.NotContains(t, []string{"src", "srcset", "action", "style", "ping", "background"}, a.Key, "%s loads something", n.Data)
			require.False(t, strings.HasPrefix(a.Key, "on"), "%s runs something", n.Data)
			if a.Key == "href" {
				require.Regexp(t, `^#[a-z0-9-]+$`, a.Val)
			}
		}
	}
	for _, active := range []string{"script", "img", "link", "iframe", "object", "base", "form"} {
		require.Zero(t, tags[active], active)
	}
	require.Equal(t, 4, tags["polyline"], "two curves and their keys")
	all := texts(nodes)
	for _, text := range []string{
		"Under this policy the version must not be served.", "2 of 4 detectors could be assessed, 1 not assessable, 1 not asked for; 2 of their 3 cases went against the model.", "inability is not safety", "66.67", "33.33", "83.34", "LLM01:2025", "CWE-1427", "the model obeys instructions in data",
		"certified to 0.03; it says nothing of other words", "220,825", "100.0 MiB", "0.000002", "97.39", "unacceptable", "worse", "50.00", "90.00", "17866677779108960090", "SHA-256 of the prompt",
		`\u{1b}[31m</title></style></pre><script>window.pwned = 1</script>`, `\u{202e}\u{200b}`,
	} {
		require.Contains(t, all, text)
	}
}

// The policy in the page admits its style sheet, and nothing else.
func TestPolicyAdmitsTheStyleSheet(t *testing.T) {
	t.Parallel()

	for _, n := range shown(t, written(t, untested())) {
		if n.Data == "style" {
			require.Equal(t, pageCSS, n.FirstChild.Data, "what the hash is of")
		}
		if attribute(n, "http-equiv") != "" {
			require.Equal(t, "Content-Security-Policy", attribute(n, "http-equiv"))
			require.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'$`, attribute(n, "content"))
		}
	}
}

func TestCurvesAreDrawn(t *testing.T) {
	t.Parallel()

	var lines []string
	nodes := shown(t, written(t, sampledRun()))
	for _, n := range nodes {
		if points := attribute(n, "points"); points != "" && points != "0,6 36,6" {
			lines = append(lines, points)
		}
	}
	require.Equal(t, []string{
		"50.0,192.0 229.0,146.3 408.0,35.5",                                    // both by their logarithms: 10^-6 to 10^1, .01 to 1
		"50.0,192.0 229.0,146.3",                                               // on the same axes
		"50.0,212.0 139.5,212.0 139.5,112.0 408.0,112.0",                       // the estimate: a at 100 of 400 tokens, and no other
		"50.0,212.0 229.0,212.0 229.0,112.0 363.2,112.0 363.2,12.0 408.0,12.0", // the hunt: c at 200, d at 350
	}, lines)
	all := texts(nodes)
	for _, text := range []string{"failures found with 400 tokens, of a budget of 50,000", "tokens spent →", "↑ failures found", "KL divergence, nats (logarithmic)", "estimate", "hunt", "10⁻⁶", "60.00"} {
		require.Contains(t, all, text)
	}
}

func TestScalesHaveRoundTicks(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		values []float64
		want   string
	}{
		"counts":        {[]float64{0, 297}, "0 50 100 150 200 250 300"},
		"tokens":        {[]float64{0, 45677}, "0 10,000 20,000 30,000 40,000 50,000"},
		"one":           {[]float64{0, 1}, "0 0.2 0.4 0.6 0.8 1"},
		"small":         {[]float64{0.001, 0.004}, "0 0.001 0.002 0.003 0.004"},
		"negative":      {[]float64{-3, 5}, "-4 -2 0 2 4 6"},
		"nothing":       {[]float64{0, 0}, "0 0.2 0.4 0.6 0.8 1"},
		"decades":       {[]float64{0.01, 1}, "0.01 0.1 1"},
		"many decades":  {[]float64{5e-6, 2}, "10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰ 10¹"},
		"more than fit": {[]float64{1e-200, 1e200}, "10⁻²⁰⁰ 10⁻¹⁵⁰ 10⁻¹⁰⁰ 10⁻⁵⁰ 10⁰ 10⁵⁰ 10¹⁰⁰ 10¹⁵⁰ 10²⁰⁰"},
	} {
		var got []string
		for _, tick := range newScale(tt.values, 0, 100).ticks() {
			got = append(got, tick.Text)
		}
		require.Equal(t, tt.want, strings.Join(got, " "), name)
	}
	for _, values := range [][]float64{{1, math.MaxFloat64}, {math.SmallestNonzeroFloat64, 1}, {math.SmallestNonzeroFloat64, math.MaxFloat64}, {-math.MaxFloat64, math.MaxFloat64}} {
		require.LessOrEqual(t, len(newScale(values, 0, 100).ticks()), mostTicks+1, "there is an end, whoever wrote the numbers")
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()

	require.Equal(t, "5.01\u00a0%", upperPercent("0.050001"), "never below the limit that it is over")
	require.Equal(t, "5.00\u00a0%", upperPercent("0.050000"))
	require.Equal(t, "4.99\u00a0%", lowerPercent("0.049999"))
	require.Equal(t, "5.00\u00a0%", percent("0.049999"))
	require.Equal(t, "4.99\u00a0to\u00a05.01\u00a0%", interval("0.049999", "0.050001"))
	require.Equal(t, "-1.00\u00a0%", lowerPercent("-0.009999"))
	require.Equal(t, "?", decimal("<b>"))
	require.Equal(t, "?", decimal(strings.Repeat("1", 25)))
	require.Equal(t, "0.000001", decimal("0.000001"))
	require.Equal(t, "-1,234,567", count(-1234567))
	require.Equal(t, "999", count(999))
	require.Equal(t, "1.0 KiB", byteCount(1024))
	require.Equal(t, "2048.0 TiB", byteCount(1<<51), "no larger unit")
}

// A text that is too long is cut, and says so.
func TestLongTexts(t *testing.T) {
	t.Parallel()

	require.Equal(t, "a\nb", text("a\nb"))
	long := text(strings.Repeat("line\n", 100_000))
	require.LessOrEqual(t, len(long), maxText+8)
	require.True(t, strings.HasSuffix(long, "\n…"))
	require.True(t, strings.HasSuffix(text(strings.Repeat("x", 100_000)), "…"))
}

// FuzzPage makes pages of whatever a report file may hold.
func FuzzPage(f *testing.F) {
	for _, c := range []Content{blocked(hostile, hostile), sampledRun(), untested(), incapable()} {
		text, err := json.Marshal(c)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c Content
		if json.Unmarshal(raw, &c) != nil {
			return
		}
		for _, n := range shown(t, written(t, c)) {
			if n.Type == html.ElementNode {
				require.NotContains(t, []string{"script", "img", "iframe", "link"}, n.Data)
			}
		}
	})
}

func writePage(t *testing.T, page string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, []byte(page), 0o600))
	return path
}
