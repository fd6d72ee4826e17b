package pii

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The document lists every recognizer with its check and confidences, and every rule for secrets.
func TestDocumentIsComplete(t *testing.T) {
	t.Parallel()

	raw, err := os.ReadFile("../../docs/pii.md")
	require.NoError(t, err)
	doc := string(raw)
	var missing strings.Builder
	for _, r := range recognizers {
		alone, with := High, High
		for i, f := range r.forms {
			if i == 0 || f.alone > alone {
				alone = f.alone
			}
			if i == 0 || f.with > with {
				with = f.with
			}
		}
		check := r.rule
		if check == "" {
			check = "shape only"
		}
		row := fmt.Sprintf("| %s | %s | %s | %s |\n", r.entity, check, alone, with)
		if len(r.forms) == 0 {
			row = fmt.Sprintf("| %s | %s | by finder | by finder |\n", r.entity, check)
		}
		if !strings.Contains(doc, row) {
			missing.WriteString(row)
		}
	}
	rules := Rules()
	slices.Sort(rules)
	for _, id := range slices.Compact(rules) {
		if !strings.Contains(doc, "`"+id+"`") {
			missing.WriteString("`" + id + "` ")
		}
	}
	require.Empty(t, missing.String(), "lines that docs/pii.md lacks")
}
