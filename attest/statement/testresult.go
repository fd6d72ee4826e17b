package statement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// The values of a test result and of a verification summary.
const (
	Passed = "PASSED"
	Warned = "WARNED"
	Failed = "FAILED"
)

// maxTests bounds the test names of one result.
const maxTests = 1 << 17

// A TestResultClaim is what a test-result statement says.
type TestResultClaim struct {
	Subject     hallmark.LineageNode // the model that was tested
	Result      string               // [Passed], [Warned] or [Failed]
	Report      hallmark.Digest      // SHA-256 of the report's canonical JSON
	ReportCID   string
	Suite       string
	SuiteDigest hallmark.Digest
	Engine      string
	Seed        string
	Profile     string
	Passed      []string // case ids
	Warned      []string // detectors that could not be assessed
	Failed      []string // ids of cases that failed or could not be decided, and "detector:rule" of findings
}

// testResult is test-result v0.1. report is an extension: the digest of what url points at.
type testResult struct {
	Result        string               `json:"result"`
	Configuration []ResourceDescriptor `json:"configuration"`
	URL           string               `json:"url"`
	PassedTests   []string             `json:"passedTests"`
	WarnedTests   []string             `json:"warnedTests"`
	FailedTests   []string             `json:"failedTests"`
	Report        ResourceDescriptor   `json:"hallmarkReport"`
}

const reportMediaType = "application/json"

// TestResult returns the statement of a run: the whole report by digest and CID, its tests by name. The result follows
// from the decision: allow passes, challenge warns, everything else fails.
func TestResult(subject hallmark.LineageNode, report hallmark.Report, reportCID string, d hallmark.Decision) ([]byte, error) {
	if report.Model != subject.Digest {
		return nil, fmt.Errorf("test result: the report is about %v, not %v: %w", report.Model, subject.Digest, hallmark.ErrPredicate)
	}
	raw, err := hallmark.CanonicalJSON(report)
	if err != nil {
		return nil, fmt.Errorf("test result: %w", err)
	}
	p := testResult{
		Result: resultOf(d),
		Configuration: []ResourceDescriptor{{
			Name: report.Suite, Digest: map[string]string{algSHA256: report.SuiteHash.Hex()},
			Annotations: map[string]any{"engine": report.Engine, "seed": report.Seed, "profile": report.Profile},
		}},
		URL:         "ipfs://" + reportCID,
		PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{},
		Report: ResourceDescriptor{
			Name: "report", URI: "ipfs://" + reportCID, MediaType: reportMediaType,
			Digest: map[string]string{algSHA256: hallmark.DigestOf(raw).Hex()},
		},
	}
	for _, c := range report.Cases {
		switch c.Outcome {
		case hallmark.Void:
		case hallmark.Pass:
			p.PassedTests = append(p.PassedTests, c.ID)
		default: // inconclusive and error count against the model
			p.FailedTests = append(p.FailedTests, c.ID)
		}
	}
	for _, f := range report.Findings {
		if name := f.Detector + ":" + f.Rule; f.CaseID == "" && !slices.Contains(p.FailedTests, name) {
			p.FailedTests = append(p.FailedTests, name)
		}
	}
	for _, det := range report.Detectors {
		if det.Assessment == hallmark.NotAssessable {
			p.WarnedTests = append(p.WarnedTests, det.Detector)
		}
	}
	return build(describe(subject), PredicateTestResult, p)
}

func resultOf(d hallmark.Decision) string {
	switch d {
	case hallmark.Allow:
		return Passed
	case hallmark.Challenge:
		return Warned
	default:
		return Failed
	}
}

// ParseTestResult reads what [TestResult] wrote.
func ParseTestResult(b []byte) (TestResultClaim, error) {
	var p testResult
	subject, err := parseAs(b, PredicateTestResult, &p)
	if err != nil {
		return TestResultClaim{}, err
	}
	if p.Result != Passed && p.Result != Warned && p.Result != Failed {
		return TestResultClaim{}, fmt.Errorf("test result: result %.40q: %w", p.Result, hallmark.ErrPredicate)
	}
	if len(p.PassedTests)+len(p.WarnedTests)+len(p.FailedTests) > maxTests {
		return TestResultClaim{}, fmt.Errorf("test result: more than %d tests: %w", maxTests, hallmark.ErrTooLarge)
	}
	for _, name := range slices.Concat(p.PassedTests, p.WarnedTests, p.FailedTests) {
		if err := checkText("test", name); err != nil {
			return TestResultClaim{}, fmt.Errorf("test result: %w", err)
		}
	}
	if len(p.Configuration) != 1 {
		return TestResultClaim{}, fmt.Errorf("test result: %d configurations, want one: %w", len(p.Configuration), hallmark.ErrPredicate)
	}
	suite, err := p.Configuration[0].node()
	if err != nil {
		return TestResultClaim{}, fmt.Errorf("test result: suite: %w", err)
	}
	report, err := p.Report.node()
	if err != nil {
		return TestResultClaim{}, fmt.Errorf("test result: report: %w", err)
	}
	if cid, ok := strings.CutPrefix(p.URL, "ipfs://"); !ok || cid == "" || cid != report.CID {
		return TestResultClaim{}, fmt.Errorf("test result: url %.200q is not the report's CID: %w", p.URL, hallmark.ErrPredicate)
	}
	claim := TestResultClaim{
		Subject: subject, Result: p.Result, Report: report.Digest, ReportCID: report.CID,
		Suite: suite.Name, SuiteDigest: suite.Digest,
		Passed: p.PassedTests, Warned: p.WarnedTests, Failed: p.FailedTests,
	}
	for key, to := range map[string]*string{"engine": &claim.Engine, "seed": &claim.Seed, "profile": &claim.Profile} {
		if *to, err = p.Configuration[0].annotation(key); err != nil {
			return TestResultClaim{}, fmt.Errorf("test result: %w", err)
		}
	}
	return claim, nil
}
