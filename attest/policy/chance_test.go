package policy

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// failed draws how many of n cases fail at a rate.
func failed(r *rand.Rand, n int, rate float64) (k int) {
	for range n {
		if r.Float64() < rate {
			k++
		}
	}
	return k
}

// A release whose detectors all fail just as often as the default policy lets is blocked by chance in one of twenty at most,
// and one of which a single detector fails five times as often is blocked nearly always. HALLMARK_FULL=1 decides 1,000 of each.
func TestReleasesAreNotBlockedByChance(t *testing.T) {
	t.Parallel()

	p, err := Embedded("default")
	require.NoError(t, err)
	base := p.file.Examples[0].Evidence.evidence(p)
	require.Equal(t, hallmark.Allow, p.Decide(base).Decision)
	const n, limit = 150, 0.05
	var rated []string
	for _, d := range base.Report.Detectors {
		if l, ok := p.limitOf(d.Detector); ok && l.Bound != nil && *l.Bound < million {
			rated = append(rated, d.Detector)
		}
	}
	require.Len(t, rated, 10)
	releases := 150
	if os.Getenv("HALLMARK_FULL") == "1" {
		releases = 1000
	}
	r := rand.New(rand.NewPCG(17, 5))
	blocked, caught := 0, 0
	for range releases {
		at := base
		for _, name := range rated {
			k := failed(r, n, limit)
			at = with(at, name, exampleDetector{Passed: count(n - k), Failed: count(k)})
		}
		if p.Decide(at).Decision == hallmark.Block {
			blocked++
		}
		k := failed(r, n, 5*limit)
		if p.Decide(with(base, rated[r.IntN(len(rated))], exampleDetector{Passed: count(n - k), Failed: count(k)})).Decision == hallmark.Block {
			caught++
		}
	}
	t.Logf("%d of %d releases at the limit blocked, %d of %d with a detector at five times it", blocked, releases, caught, releases)
	require.LessOrEqual(t, blocked*20, releases)
	require.GreaterOrEqual(t, caught*20, releases*19)
}
