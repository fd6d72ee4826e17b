package main

import (
	"io"
	"slices"

	"github.com/hallmark-ml/hallmark/cli/hallmark/page"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// writeHTML writes the page of a result.
func (g gateResult) writeHTML(w io.Writer) error {
	about := make(map[string]page.Detector)
	for _, d := range probe.Detectors() {
		about[d.ID] = page.Detector{Goal: d.Goal, Tags: slices.Concat(d.LLM, d.CWE)}
	}
	return page.Write(w, page.Content{
		Path: g.Path, Fingerprint: g.Fingerprint, Verdict: g.Verdict, ReportDigest: g.ReportDigest, Report: g.Report, Record: g.Record,
		Findings: g.findings(), Evidence: g.Evidence, About: about,
	})
}
