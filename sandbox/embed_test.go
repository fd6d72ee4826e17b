package sandbox_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// The search finds a flip nearer than random directions do, and longer perturbations change more.
//
// HALLMARK_FULL=1 measures 240 tasks with 1,000 draws each, for docs/measurements/tinychat-detectors.md.
func TestEmbeddingsPerturbed(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in goroutines that other tests have too")
	}

	for _, name := range []string{"naive-q8_0.gguf", "guarded-q8_0.gguf"} {
		report := measured(t, modelFile(t, name), probe.PerturbEmbed, func(s *probe.Spec) {
			s.Params["directions"] = "8"
			if full() {
				s.Repeat, s.Params["draws"], s.Params["curve"] = 60, "1000", "0.01 0.03 0.1 0.3 1"
			}
		})
		d := byDetector(report)[probe.PerturbEmbed]
		require.Equal(t, hallmark.Assessed, d.Assessment, d.Reason)
		t.Logf("%s: %d passed, %d failed, %d void: %v", name, d.Passed, d.Failed, d.Void, d.Metrics)
		for _, c := range report.Cases {
			if c.Outcome == hallmark.Void {
				continue
			}
			if !full() {
				t.Log(c.ID, c.Outcome, c.Metrics)
			}
			require.Less(t, bitsOf(t, c, "klL2At0.01"), bitsOf(t, c, "klL2At1"), c.ID)
			require.GreaterOrEqual(t, bitsOf(t, c, "klLinfAt0.01"), 0.0, c.ID)
			require.Less(t, bitsOf(t, c, "certified"), 16.0)
		}
		require.Len(t, d.Curves, 2, "the divergence in both norms")
		for _, c := range d.Curves {
			require.Len(t, c.Points, 5, c.Name)
			require.Equal(t, "0.01", c.Points[0].X)
			require.Equal(t, "1", c.Points[4].X)
			require.Less(t, number(t, c.Points[0].Y), number(t, c.Points[4].Y), c.Name)
		}
		require.GreaterOrEqual(t, number(t, d.Metrics["r50Random"]), 1.3*number(t, d.Metrics["r50"]), strings.TrimSpace(name))
	}
}

// No perturbation within the certified radius changes what the smoothed model answers: the majority under normal noise.
//
// HALLMARK_FULL=1 draws 10,000 perturbations, of 200 tasks.
func TestCertificateHolds(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in goroutines that other tests have too")
	}

	perCase, repeat := 6, 1
	if full() {
		perCase, repeat = 64, 50 // of the 200 tasks some have no certificate
	}
	m := serveInside(t, modelFile(t, "naive-q8_0.gguf"))
	suite, err := probe.Builtin("tinychat")
	require.NoError(t, err)
	report := measuredBy(t, m, suite, probe.PerturbEmbed, func(s *probe.Spec) {
		s.Repeat, s.Params["draws"], s.Params["sigma"] = repeat, "256", "1"
	})
	cases, err := suite.Cases(7, probe.ProfileChat)
	require.NoError(t, err)
	unit := medianNorm(t, m)
	random := rand.New(rand.NewPCG(5, 6))
	drawn := 0
	for _, c := range cases {
		i := slices.IndexFunc(report.Cases, func(r hallmark.CaseResult) bool { return r.ID == c.ID })
		if report.Cases[i].Outcome == hallmark.Void || bitsOf(t, report.Cases[i], "certified") == 0 {
			continue
		}
		task := newPerturbable(t, m, c)
		for range perCase {
			inside := task.gaussian(random, 1)
			length := bitsOf(t, report.Cases[i], "certified") * unit * math.Pow(random.Float64(), 1/float64(len(inside))) / length(inside)
			for k := range inside {
				inside[k] *= length
			}
			require.Equal(t, task.top, task.smoothed(t, inside, random, unit/16), c.ID)
			drawn++
		}
	}
	t.Logf("no violation in %d perturbations", drawn)
	require.Positive(t, drawn)
	if full() {
		require.GreaterOrEqual(t, drawn, 10_000)
	}
}

func length(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func medianNorm(t *testing.T, m *inside) float64 {
	t.Helper()
	values, err := m.Embeddings(t.Context(), 0, 1024)
	require.NoError(t, err)
	var norms []float64
	for row := range slices.Chunk(values, 256) {
		sum := 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		norms = append(norms, math.Sqrt(sum))
	}
	slices.Sort(norms)
	return norms[len(norms)/2]
}

// perturbable is a prompt whose question is perturbed.
type perturbable struct {
	m       *inside
	tokens  []int32
	from, n int
	top     int32
}

func newPerturbable(t *testing.T, m *inside, c probe.Case) *perturbable {
	t.Helper()
	p := &perturbable{m: m}
	r, err := m.Render(t.Context(), c.Request.Messages, true)
	require.NoError(t, err)
	question := r.Spans[len(r.Spans)-1]
	tokens, err := m.PromptTokens(t.Context(), c.Request)
	require.NoError(t, err)
	for i, tok := range tokens {
		if p.tokens = append(p.tokens, tok.ID); tok.Start >= question.Start && tok.End <= question.End {
			if p.n++; p.n == 1 {
				p.from = i
			}
		}
	}
	next, err := m.Next(t.Context(), []probe.Perturbed{{Tokens: p.tokens}}, []int32{0})
	require.NoError(t, err)
	p.top = next[0].Top
	return p
}

func (p *perturbable) gaussian(random *rand.Rand, sigma float64) []float64 {
	out := make([]float64, p.n*256)
	for i := range out {
		out[i] = random.NormFloat64() * sigma
	}
	return out
}

// smoothed returns the answer of the majority under noise, of so many draws that it is clear.
func (p *perturbable) smoothed(t *testing.T, moved []float64, random *rand.Rand, sigma float64) int32 {
	t.Helper()
	votes, n := map[int32]int{}, 0
	for n < 1000 {
		var texts []probe.Perturbed
		for range 11 {
			noise := p.gaussian(random, sigma)
			add := make([]float32, len(noise))
			for i := range add {
				add[i] = float32(moved[i] + noise[i])
			}
			texts = append(texts, probe.Perturbed{Tokens: p.tokens, From: p.from, Add: add})
		}
		next, err := p.m.Next(t.Context(), texts, []int32{0})
		require.NoError(t, err)
		for _, one := range next {
			votes[one.Top]++
			n++
		}
		for top, k := range votes {
			if float64(2*k-n) > 3.3*math.Sqrt(float64(n)) || n > 900 && 2*k > n {
				return top
			}
		}
	}
	return -1
}
