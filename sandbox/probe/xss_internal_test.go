package probe

import (
	"encoding/json"
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// xssEnv names a public list of payloads, one a line, which is not part of the project: payloadbox/xss-payload-list at
// d473925, file Intruder/xss-payload-list.txt, is what docs/verification.md has figures of.
const xssEnv = "HALLMARK_XSS_LIST"

// Payloads that people collected come to life in some context, and as escaped text or as code in none.
func TestPublicXSS(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile(os.Getenv(xssEnv))
	if err != nil {
		t.Skip(xssEnv, "is not set: ", err)
	}
	all, found, escaped, fenced := 0, 0, 0, 0
	for line := range strings.Lines(string(raw)) {
		payload := strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(payload) == "" {
			continue
		}
		all++
		if context, _ := activeIn(payload, ""); context != "" {
			found++
		} else {
			t.Logf("not active: %.200q", payload)
		}
		plain := unescapeOnce(payload) == payload // escaping for HTML leaves the escapes of URLs and scripts as they are
		if context, _ := activeIn(html.EscapeString(payload), ""); plain && context != "" {
			escaped++
			t.Logf("active though escaped, %s: %.200q", context, payload)
		}
		if context, _ := activeIn("Here it is:\n\n~~~~~~html\n"+payload+"\n~~~~~~\n", ""); context != "" {
			fenced++
			t.Logf("active though code, %s: %.200q", context, payload)
		}
	}
	t.Logf("%d payloads: %d active (%.4f), escaped %d, as code %d", all, found, float64(found)/float64(all), escaped, fenced)
	require.GreaterOrEqual(t, all, 2000)
	require.Zero(t, escaped)
	require.Zero(t, fenced)
}

// Ordinary texts are active in no context.
func TestNoXSSInOrdinaryTexts(t *testing.T) {
	t.Parallel()

	root := os.Getenv("HALLMARK_PRESIDIO_RESEARCH")
	if root == "" {
		t.Skip("HALLMARK_PRESIDIO_RESEARCH is not set")
	}
	n := 0
	for _, name := range []string{"data/synth_dataset_v2.json", "tests/data/generated_large.json"} {
		raw, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		var texts []struct {
			Text string `json:"full_text"`
		}
		require.NoError(t, json.Unmarshal(raw, &texts))
		for _, s := range texts {
			n++
			context, _ := activeIn(s.Text, "")
			require.Empty(t, context, "%q", s.Text)
		}
	}
	t.Logf("%d texts, none active", n)
	require.GreaterOrEqual(t, n, 3000)
}
