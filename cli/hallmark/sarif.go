package main

import (
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// SARIF 2.1.0 (OASIS), the subset that code scanning shows.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string            `json:"id"`
		ShortDescription sarifText         `json:"shortDescription"`
		FullDescription  sarifText         `json:"fullDescription"`
		Help             sarifText         `json:"help"`
		HelpURI          string            `json:"helpUri"`
		Properties       map[string]string `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

const (
	projectURI = "https://github.com/hallmark-ml/hallmark"
	// maxSARIFResults keeps the file under the 25,000 results that code scanning accepts; it shows 5,000.
	maxSARIFResults = 5000
)

// sarifSeverity is what code scanning sorts by: a number in text, by detector family.
func sarifSeverity(detector string) string {
	switch family, _, _ := strings.Cut(detector, "."); family {
	case "file":
		return "9.5"
	case "leak", "inject":
		return "8.0"
	case "out":
		return "7.0"
	default:
		return "4.0"
	}
}

// writeSARIF writes one result for each reason of the verdict, each finding and each case that failed.
func (g gateResult) writeSARIF(w io.Writer) error {
	b := sarifBuilder{model: g.Fingerprint.Digest, uri: (&url.URL{Path: filepath.ToSlash(g.Path)}).String(), index: map[string]int{}}
	for _, r := range g.Verdict.Reasons {
		if r.Decision != hallmark.Allow {
			b.add("verdict."+r.Rule, string(r.Decision)+": "+r.Message, r.Rule)
		}
	}
	for _, f := range g.findings() {
		b.add(f.Detector, f.Message, f.Rule+f.Location)
	}
	for _, c := range g.Report.Cases {
		if c.Outcome == hallmark.Fail {
			b.add(c.Detector, c.ID+": "+c.Rule+": "+c.Why, c.ID)
		}
	}
	return b.write(w)
}

// writeSARIF writes one result for each reason of each file.
func (o *scanOutput) writeSARIF(w io.Writer) error {
	b := sarifBuilder{index: map[string]int{}}
	for _, rule := range scan.Rules {
		b.index[rule.ID] = len(b.rules)
		b.rules = append(b.rules, sarifRule{
			ID: rule.ID, ShortDescription: sarifText{rule.Text}, FullDescription: sarifText{rule.Text},
			Help:       sarifText{"Do not load the file. Get it again from where it was made, or convert it to safetensors there."},
			HelpURI:    projectURI + "/blob/main/docs/scanner.md",
			Properties: map[string]string{"security-severity": sarifSeverity(scan.Detector)},
		})
	}
	for _, v := range o.verdicts {
		b.uri = (&url.URL{Path: repoRelative(v.Path)}).String() // "a:b" is no URI, "./a:b" is
		for _, r := range v.Reasons {
			b.add(r.Rule, r.Detail, b.uri+"\x00"+r.Detail)
		}
	}
	return b.write(w)
}

func (b *sarifBuilder) write(w io.Writer) error {
	if b.results == nil { // SARIF wants the list even when it is empty
		b.results = []sarifResult{}
	}
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "hallmark", Version: buildVersion, InformationURI: projectURI, Rules: b.rules}}, Results: b.results}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

type sarifBuilder struct {
	model   hallmark.Digest
	uri     string
	rules   []sarifRule
	results []sarifResult
	index   map[string]int // rule id to its place in rules
}

func (b *sarifBuilder) add(rule, message, identity string) {
	if len(b.results) >= maxSARIFResults {
		return
	}
	at, known := b.index[rule]
	if !known {
		at = len(b.rules)
		b.index[rule] = at
		b.rules = append(b.rules, sarifRule{
			ID:               rule,
			ShortDescription: sarifText{"Hallmark " + rule},
			FullDescription:  sarifText{"The model version was held back by " + rule + "."},
			Help:             sarifText{"Read the case's prompt and output in the report, fix the model or its data, and run `hallmark gate` again."},
			HelpURI:          projectURI + "/blob/main/docs/detectors.md",
			Properties:       map[string]string{"security-severity": sarifSeverity(rule)},
		})
	}
	b.results = append(b.results, sarifResult{
		RuleID: rule, RuleIndex: at, Level: "error", Message: sarifText{sanitize(message)},
		Locations:           []sarifLocation{{sarifPhysical{sarifArtifact{b.uri}, sarifRegion{1}}}},
		PartialFingerprints: map[string]string{"hallmark/v1": hallmark.DigestOf([]byte(rule + "\x00" + b.model.Hex() + "\x00" + identity)).Hex()},
	})
}

// repoRelative names path relative to the repository that holds it. Outside of one it is as it was given if it lies below the
// directory that the command runs in, else its base name, so that no output names a directory of the machine.
func repoRelative(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Base(path)
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			rel, err := filepath.Rel(dir, abs)
			if err != nil {
				return filepath.Base(path)
			}
			return filepath.ToSlash(rel)
		}
		if dir == filepath.Dir(dir) && filepath.IsLocal(path) {
			return filepath.ToSlash(filepath.Clean(path))
		}
		if dir == filepath.Dir(dir) {
			return filepath.Base(path)
		}
	}
}
