package main

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/hallmark-ml/hallmark"
)

// The JUnit XML that GitLab and Jenkins read: one suite a detector, one test case a case of the run.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		Failure   *junitMessage `xml:"failure,omitempty"`
		Error     *junitMessage `xml:"error,omitempty"`
		Skipped   *junitMessage `xml:"skipped,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the run as JUnit XML. The verdict is a case of its own, so that a block without a failing case
// (too little evidence, say) still fails the job.
func (g gateResult) writeJUnit(w io.Writer) error {
	suites := junitSuites{Name: "hallmark gate " + sanitize(g.Path)}
	texts := map[string]hallmark.CaseEvidence{}
	for _, c := range g.Evidence {
		texts[c.ID] = c
	}
	suites.Suites = append(suites.Suites, g.verdictSuite())
	for _, d := range g.Report.Detectors {
		suite := junitSuite{Name: d.Detector}
		for _, f := range g.findings() {
			if f.Detector == d.Detector {
				suite.add(junitCase{Name: f.Rule + " " + sanitize(f.Location), ClassName: d.Detector, Failure: &junitMessage{Message: sanitize(f.Message)}})
			}
		}
		for _, c := range g.Report.Cases {
			if c.Detector == d.Detector {
				suite.add(junitCaseOf(c, texts[c.ID]))
			}
		}
		if d.Assessment != hallmark.Assessed {
			suite.add(junitCase{Name: "assessment", ClassName: d.Detector, Skipped: &junitMessage{Message: string(d.Assessment) + ": " + sanitize(d.Reason)}})
		}
		suites.Suites = append(suites.Suites, suite)
	}
	for _, s := range suites.Suites {
		suites.Tests, suites.Failures, suites.Errors = suites.Tests+s.Tests, suites.Failures+s.Failures, suites.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	return enc.Encode(suites)
}

func (g gateResult) verdictSuite() junitSuite {
	suite := junitSuite{Name: "verdict"}
	if g.Verdict.Decision == hallmark.Allow {
		suite.add(junitCase{Name: "allow", ClassName: "verdict"})
	}
	for _, r := range g.Verdict.Reasons {
		if r.Decision != hallmark.Allow {
			suite.add(junitCase{Name: r.Rule, ClassName: "verdict", Failure: &junitMessage{Message: string(r.Decision) + ": " + sanitize(r.Message)}})
		}
	}
	return suite
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func junitCaseOf(c hallmark.CaseResult, texts hallmark.CaseEvidence) junitCase {
	out := junitCase{Name: c.ID, ClassName: c.Detector}
	message := &junitMessage{
		Message: sanitize(c.Rule + ": " + c.Why),
		Text:    fmt.Sprintf("prompt: %s\noutput: %s", sanitize(texts.PromptText), sanitize(texts.OutputText)),
	}
	switch c.Outcome {
	case hallmark.Pass:
	case hallmark.Fail:
		out.Failure = message
	case hallmark.Void:
		out.Skipped = message
	case hallmark.Inconclusive, hallmark.Error:
		out.Error = message
	default:
		out.Error = &junitMessage{Message: "unknown outcome " + string(c.Outcome)}
	}
	return out
}
