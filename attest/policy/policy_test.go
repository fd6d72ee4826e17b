package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEmbeddedPoliciesKeepTheirExamples(t *testing.T) {
	t.Parallel()

	for _, name := range Names() {
		p, err := Embedded(name)
		require.NoError(t, err)
		require.Equal(t, name, p.Name())
		results := p.RunExamples()
		require.NotEmpty(t, results)
		for _, r := range results {
			require.True(t, r.OK, "%s: %s: want %s, got %s, missing %v\n%+v", name, r.Name, r.Want, r.Verdict.Decision, r.Missing, r.Verdict.Reasons)
		}
	}
}
