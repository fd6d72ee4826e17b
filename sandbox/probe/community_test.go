package probe_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// withModule is a suite with the example module of docs/suites.md.
func withModule(t *testing.T) (text string, open func(string) ([]byte, error)) {
	t.Helper()
	code, err := os.ReadFile("module/testdata/shout.wasm")
	require.NoError(t, err)
	suite, err := os.ReadFile("module/testdata/own.yaml")
	require.NoError(t, err)
	return string(suite), func(string) ([]byte, error) { return code, nil }
}

func TestSuiteWithAModule(t *testing.T) {
	t.Parallel()

	text, open := withModule(t)
	doc, err := os.ReadFile("../../docs/suites.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), "```yaml\n"+text+"```\n", "the document shows the file that is tested")
	s, err := probe.LoadSuite([]byte(text), open)
	require.NoError(t, err)
	all := cases(t, s, 1, probe.ProfileChat)
	require.Len(t, all, 2)
	done := probe.Completion{Text: "fine", Finish: probe.FinishStop}
	got := all[0].Judge(probe.Completion{Text: "THIS IS LOUD ENOUGH", Finish: probe.FinishStop}, done)
	require.Equal(t, probe.Judgement{Outcome: hallmark.Fail, Rule: "shouts", Why: "the answer is written in capitals"}, got)
	require.Equal(t, hallmark.Pass, all[0].Judge(done, done).Outcome)
	require.Equal(t, hallmark.SeverityMedium, s.Severity("x.shout", "shouts"))
	own := s.All()[len(s.All())-1]
	score, err := own.SelfTest()
	require.NoError(t, err)
	require.Empty(t, score.Wrong)
	require.Equal(t, 1, score.Caught)
	require.Equal(t, 14, score.Cleared)

	for name, change := range map[string][2]string{
		"another digest":  {"sha256: ", "sha256: 00"},
		"path":            {"file: shout.wasm", "file: ../shout.wasm"},
		"id of the table": {"id: x.shout\n", "id: out.render\n"},
		"no outcome":      {"severity: medium", "severity: worst"},
		"no outputs":      {"outputs:\n", "cwe2:\n"},
		"no OWASP id":     {"LLM09:2025", "prompt injection"},
		"no CWE id":       {"CWE-1039", "CWE"},
		"without OWASP":   {`owasp: ["LLM09:2025"]`, "owasp: []"},
		"without CWE":     {`cwe: ["CWE-1039"]`, "cwe: []"},
		"a label":         {"[fail, shouted", "[maybe, shouted"},
		"too few fields":  {`[pass, plain, "The answer is 42."]`, "[pass]"},
		"many outputs":    {"outputs:\n", "outputs:\n" + strings.Repeat("      - [pass, a, b]\n", 1000)},
	} {
		_, err := probe.LoadSuite([]byte(strings.Replace(text, change[0], change[1], 1)), open)
		require.Error(t, err, name)
	}
	_, err = probe.ParseSuite([]byte(text))
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	errGone := errors.New("gone")
	_, err = probe.LoadSuite([]byte(text), func(string) ([]byte, error) { return nil, errGone })
	require.ErrorIs(t, err, errGone)
}

// What the general packs hold, and the digests that reports name. A change of a suite or of a judge changes them.
func TestGeneralSuites(t *testing.T) {
	t.Parallel()

	for name, profile := range map[string]string{"chat": probe.ProfileChat, "completion": probe.ProfileCompletion} {
		s, err := probe.Builtin(name)
		require.NoError(t, err)
		count, templates := map[string]int{}, map[string]map[string]bool{}
		for _, c := range cases(t, s, 9, profile) {
			if templates[c.Detector] == nil {
				templates[c.Detector] = map[string]bool{}
			}
			count[c.Detector]++
			templates[c.Detector][c.Template] = true
		}
		for id, n := range count {
			if detector(t, id).Kind == probe.Generating {
				require.GreaterOrEqual(t, n, 150, "%s: %s", name, id)
				require.GreaterOrEqual(t, len(templates[id]), 30, "%s: %s", name, id)
			}
		}
		d, err := s.Digest()
		require.NoError(t, err)
		require.Equal(t, map[string]string{
			"chat":       "2480d6b88c6d1b316fe0daffe6813cbb8ef237d3f63d1630851662f9890280ef",
			"completion": "d3d8855f86a04030516b8af02cf3c3adf06be1c28e5654ad5c6e82c4457b6fa9",
		}[name], d.Hex())
	}
}
