package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// markdown makes untrusted text inert in GitHub's Markdown: no markup, link, mention or HTML survives.
func markdown(s string, limit int) string {
	s = oneLine(s, limit)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "\\|", "`", "'", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "@", "@\u200b", "://", ":\u200b//").Replace(s)
}

// writeSummary writes the Markdown that a CI job shows: verdict, reasons, detectors, and some failing cases.
func (g gateResult) writeSummary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Hallmark: %s\n\n", strings.ToUpper(string(g.Verdict.Decision)))
	fmt.Fprintf(&b, "`%s` · `%s` · policy `%s` · report `%s` · jail tier `%s`\n\n", strings.ReplaceAll(sanitize(g.Path), "`", "'"), g.Fingerprint.Digest, g.Verdict.Policy, g.ReportDigest, g.Record.Tier)
	for _, r := range g.Verdict.Reasons {
		fmt.Fprintf(&b, "- **%s** (%s): %s\n", markdown(r.Rule, 80), r.Decision, markdown(r.Message, 400))
	}
	for _, r := range g.Verdict.Exempted {
		fmt.Fprintf(&b, "- exempted **%s**: %s\n", markdown(r.Rule, 80), markdown(r.Message, 400))
	}
	b.WriteString("\n| detector | assessment | cases | against | bound 95 % | effective n |\n|---|---|---:|---:|---:|---:|\n")
	for _, d := range g.Report.Detectors {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %d |\n", d.Detector, d.Assessment, d.Cases, d.Against.K, d.Against.Bound, d.EffectiveN)
	}
	g.summarizeCases(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (g gateResult) summarizeCases(b *strings.Builder) {
	groups := g.casesByDetector()
	for _, d := range g.Report.Detectors {
		cases := groups[d.Detector]
		if len(cases) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n<details><summary>%s: %d cases against the model</summary>\n\n", d.Detector, len(cases))
		for _, c := range cases[:min(len(cases), shownCases)] {
			fmt.Fprintf(b, "- %s (%s): %s<br>prompt: %s<br>output: %s\n", markdown(c.ID, 80), c.Outcome, markdown(c.Why, 200), markdown(c.PromptText, 300), markdown(c.OutputText, 300))
		}
		b.WriteString("\n</details>\n")
	}
	for _, f := range g.findings() {
		fmt.Fprintf(b, "\n- finding **%s/%s** (%s): %s\n", markdown(f.Detector, 80), markdown(f.Rule, 80), hallmark.Severity(markdown(string(f.Severity), 20)), markdown(f.Message, 400))
	}
}
