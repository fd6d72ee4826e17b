package scan_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func TestJudge(t *testing.T) {
	t.Parallel()

	finding := func(rule string, s hallmark.Severity) hallmark.Finding {
		return hallmark.Finding{Rule: rule, Severity: s, Message: "m", Location: "l"}
	}
	tests := map[string]struct {
		findings []hallmark.Finding
		want     string
	}{
		"nothing":           {nil, `{"path":"p","format":"f","verdict":"safe","reasons":[]}`},
		"only worth a note": {[]hallmark.Finding{finding("gap", hallmark.SeverityMedium), finding("pii-email", hallmark.SeverityInfo)}, `{"path":"p","format":"f","verdict":"safe","reasons":[]}`},
		"high":              {[]hallmark.Finding{finding("pickle-global", hallmark.SeverityHigh)}, `{"path":"p","format":"f","verdict":"unsafe","reasons":[{"rule":"pickle-global","detail":"l: m"}]}`},
		"cannot parse":      {[]hallmark.Finding{finding("cannot-parse", hallmark.SeverityCritical)}, `{"path":"p","format":"f","verdict":"cannot-parse","reasons":[{"rule":"cannot-parse","detail":"l: m"}]}`},
		"unknown format":    {[]hallmark.Finding{finding("unknown-format", hallmark.SeverityHigh)}, `{"path":"p","format":"f","verdict":"cannot-parse","reasons":[{"rule":"unknown-format","detail":"l: m"}]}`},
		"both, in either order": {
			[]hallmark.Finding{finding("cannot-parse", hallmark.SeverityCritical), finding("program", hallmark.SeverityCritical), finding("limit", hallmark.SeverityHigh)},
			`{"path":"p","format":"f","verdict":"unsafe","reasons":[{"rule":"cannot-parse","detail":"l: m"},{"rule":"program","detail":"l: m"},{"rule":"limit","detail":"l: m"}]}`,
		},
		"the same twice": {
			[]hallmark.Finding{finding("program", hallmark.SeverityCritical), finding("program", hallmark.SeverityCritical)},
			`{"path":"p","format":"f","verdict":"unsafe","reasons":[{"rule":"program","detail":"l: m"}]}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, err := json.Marshal(scan.Judge("p", "f", tt.findings))
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
		})
	}
}

func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()

	doc, err := os.ReadFile("../../docs/scanner.md")
	require.NoError(t, err)
	var ids []string
	for _, r := range scan.Rules {
		ids = append(ids, r.ID)
		require.Contains(t, string(doc), "| `"+r.ID+"` | "+r.Text+" |")
	}
	require.True(t, slices.IsSorted(ids), "%v", ids)
	require.Len(t, slices.Compact(slices.Clone(ids)), len(ids))
	require.Equal(t, len(ids), strings.Count(string(doc), "\n| `"), "rules in the document that are none")
}

func TestAWrongExtensionIsAReason(t *testing.T) {
	t.Parallel()

	tests := []struct {
		name, content string
		rules         []string
	}{
		{"model.gguf", dictP2, []string{"wrong-extension"}},
		{"model.safetensors", dictP2, []string{"wrong-extension"}},
		{"MODEL.JSON", dictP2, []string{"wrong-extension"}},
		{"model.pkl", `{"a": 1}`, []string{"wrong-extension"}},
		{"model.pkl", dictP2, nil},
		{"pytorch_model.bin", dictP2, nil},
		{"model", dictP2, nil},
		{"a.json", `{"a": 1}`, nil},
	}
	for _, tt := range tests {
		res, err := scan.File(bytes.NewReader([]byte(tt.content)), int64(len(tt.content)), tt.name)
		require.NoError(t, err)
		require.Equal(t, tt.rules, rules(res), "%s: %v", tt.name, res.Findings)
	}
}
