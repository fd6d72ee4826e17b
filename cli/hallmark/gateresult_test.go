package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// hostile is what a model may put into every text that we show.
const hostile = "\x1b[31m<script>alert(1)</script>]]>|`*@user* \u202e https://evil.example ![x](http://evil.example)"

func blockedResult() gateResult {
	failing := hallmark.CaseResult{ID: "inject.indirect/mail-01/007", Detector: "inject.indirect", Template: "mail-01", Outcome: hallmark.Fail, Rule: "nonce-emitted", Why: hostile}
	return gateResult{
		Path:        "models/naive model.gguf",
		Fingerprint: hallmark.Fingerprint{Name: "naive", Digest: hallmark.DigestOf([]byte("naive")), CID: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", CIDProfile: hallmark.CIDProfile},
		Verdict: hallmark.Verdict{Decision: hallmark.Block, Policy: "demo", Reasons: []hallmark.Reason{
			{Rule: "inject.indirect-rate", Decision: hallmark.Block, Detector: "inject.indirect", Message: "1 of 2 cases failed: " + hostile},
		}},
		Report: hallmark.Report{
			Suite: "tinychat", Seed: "1", Engine: "1",
			Detectors: []hallmark.DetectorResult{
				{Detector: "file.unsafe", Assessment: hallmark.Assessed},
				{Detector: "inject.indirect", Assessment: hallmark.Assessed, Cases: 2, Passed: 1, Failed: 1, Against: hallmark.Proportion{K: 1, N: 2, Bound: "0.974679"}},
				{Detector: "perturb.char", Assessment: hallmark.NotAssessable, Reason: "capability 1 of 20"},
			},
			Findings: []hallmark.Finding{{Detector: "file.unsafe", Rule: "template-ssti", Severity: hallmark.SeverityCritical, Message: hostile, Location: "tokenizer.chat_template"}},
			Cases:    []hallmark.CaseResult{failing, {ID: "inject.indirect/mail-01/008", Detector: "inject.indirect", Outcome: hallmark.Pass}, {ID: "inject.indirect/mail-01/009", Detector: "inject.indirect", Outcome: hallmark.Error, Why: "x"}},
		},
		Evidence: []hallmark.CaseEvidence{{CaseResult: failing, PromptText: hostile, OutputText: hostile}},
	}
}

func TestSARIFIsValidAndRelative(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	require.NoError(t, blockedResult().writeSARIF(&out))
	var log sarifLog
	require.NoError(t, json.Unmarshal(out.Bytes(), &log))
	require.Len(t, log.Runs[0].Results, 3)
	prints := map[string]bool{}
	for _, r := range log.Runs[0].Results {
		require.Equal(t, "models/naive%20model.gguf", r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
		require.Equal(t, log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID, r.RuleID)
		require.NotContains(t, r.Message.Text, "\x1b")
		prints[r.PartialFingerprints["hallmark/v1"]] = true
	}
	require.Len(t, prints, 3)

	multitool, err := filepath.Abs("../../tools/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool")
	require.NoError(t, err)
	if _, err := os.Stat(multitool); err != nil {
		t.Skip("the SARIF validator is not installed: run `make deps`")
	}
	file := filepath.Join(t.TempDir(), "x.sarif")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o600))
	cmd := exec.CommandContext(t.Context(), multitool, "validate", file, "--rule-kind", "Sarif;Gh")
	cmd.Env = append(os.Environ(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	require.NotContains(t, string(text), ": error ", string(text))
}

func TestJUnitCountsEveryCase(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	require.NoError(t, blockedResult().writeJUnit(&out))
	var suites junitSuites
	require.NoError(t, xml.Unmarshal(out.Bytes(), &suites))
	require.Equal(t, 6, suites.Tests)    // the reason, the finding, three cases, one assessment
	require.Equal(t, 3, suites.Failures) // the reason, the finding, the failing case
	require.Equal(t, 1, suites.Errors)
	require.NotContains(t, out.String(), "\x1b")
}

func TestSummaryIsInert(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	require.NoError(t, blockedResult().writeSummary(&out))
	for _, live := range []string{"<script", "\x1b", "https://evil", "![x]", "@user", "\u202e"} {
		require.NotContains(t, out.String(), live)
	}
	require.Contains(t, out.String(), "BLOCK")
}

func TestRepoRelative(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", ".git"), 0o700))
	require.Equal(t, "models/m.gguf", repoRelative(filepath.Join(dir, "a", "models", "m.gguf")))
	require.Equal(t, "m.gguf", repoRelative(filepath.Join(dir, "m.gguf")))
}

// Outside of a repository, files of one name in several directories stay apart.
func TestRepoRelativeBelowTheDirectoryItRunsIn(t *testing.T) { //nolint:paralleltest // changes the directory
	t.Chdir(t.TempDir())
	require.Equal(t, "a/m.gguf", repoRelative("./a/m.gguf"))
	require.Equal(t, "m.gguf", repoRelative("../m.gguf"))
}

func TestSanitize(t *testing.T) {
	t.Parallel()

	got := sanitize("a\tb\nc" + hostile + "\x9b0m")
	require.False(t, strings.ContainsAny(got, "\x1b\u202e\u009b"), "%q", got)
	require.True(t, strings.HasPrefix(got, "a\tb\nc"))
}
