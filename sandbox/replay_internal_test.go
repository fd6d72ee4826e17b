package sandbox

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// recorded reads testdata/outcomes/tinychat.csv: how every case ended on every model, and what it cost, in tokens.
func recorded(tb testing.TB) (map[string]previous, []probe.Case) {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", "outcomes", "tinychat.csv"))
	require.NoError(tb, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(tb, err)
	models := map[string]previous{}
	for _, name := range rows[0][1:] {
		models[name] = previous{}
	}
	outcomes := map[byte]hallmark.Outcome{'p': hallmark.Pass, 'f': hallmark.Fail, 'i': hallmark.Inconclusive, 'e': hallmark.Error, 'v': hallmark.Void}
	var cases []probe.Case
	for _, row := range rows[1:] {
		id := strings.Split(row[0], "/")
		require.Len(tb, id, 3)
		c := probe.Case{ID: row[0], Detector: id[0], Template: id[1]}
		for i, cell := range row[1:] {
			tokens, err := strconv.Atoi(cell[1:])
			require.NoError(tb, err)
			require.NotEmpty(tb, outcomes[cell[0]])
			models[rows[0][i+1]][c.ID] = hallmark.CaseResult{ID: c.ID, Outcome: outcomes[cell[0]], PromptTokens: tokens}
			c.Request.Prompt = strings.Repeat("x", 3*tokens) // about as long as it was
		}
		cases = append(cases, c)
	}
	return models, cases
}

// A curve is the share of failures found after each case, by the share of tokens spent.
type curve [][2]float64

// at is what was found when a share of the tokens was spent.
func (c curve) at(budget float64) float64 {
	i := slices.IndexFunc(c, func(p [2]float64) bool { return p[0] > budget })
	if i < 0 {
		i = len(c)
	}
	if i == 0 {
		return 0
	}
	return c[i-1][1]
}

// replay lets the controller of a run choose among recorded outcomes until it has spent a share of all tokens.
func replay(tb testing.TB, cases []probe.Case, before, now previous, seed uint64, budget float64) curve {
	tb.Helper()
	c, err := before.controller(seed, cases)
	require.NoError(tb, err)
	total, all := 0, 0
	for _, x := range cases {
		all += now[x.ID].PromptTokens
		if against(now[x.ID].Outcome) {
			total++
		}
	}
	var out curve
	for spent, found := 0, 0; float64(spent) < budget*float64(all); {
		draws, err := c.SelectNext(all, drawsTogether)
		require.NoError(tb, err)
		if len(draws) == 0 {
			break
		}
		for _, d := range draws {
			e := now[cases[d.Item].ID]
			spent += e.PromptTokens
			if against(e.Outcome) {
				found++
			}
			require.NoError(tb, c.Observe(d.Item, al.Outcome{Positive: against(e.Outcome), Cost: e.PromptTokens}))
			out = append(out, [2]float64{float64(spent) / float64(all), float64(found) / float64(total)})
		}
	}
	return out
}

// pairs are a version, the one before, and what the hunt reached when it was recorded, less a margin: cold at 30 % of the
// tokens, warm at 25 %.
var pairs = []struct {
	before, now string
	cold, warm  float64
}{
	{"guarded-f16", "guarded-Q2_K", 0.90, 0.90},
	{"guarded-f16", "guarded-noise0.1", 0.90, 0.90},
	{"base-f16", "guarded-f16", 0.90, 0.90},
	{"base-f16", "base-noise0.1", 0.66, 0.80}, // 19 % of all cases fail: 25 % of the tokens hold hardly more, and a fifth of them goes to the estimate
	{"base-f16", "base-Q2_K", 0.66, 0.80},
}

func seeds(short, whole uint64) uint64 {
	if os.Getenv("HALLMARK_FULL") == "1" {
		return whole
	}
	return short
}

// notUnderRace skips what one goroutine computes for minutes under the race detector.
func notUnderRace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in one goroutine")
	}
}

// TestHuntOnRecordedOutcomes replays runs with a budget on what real models did.
func TestHuntOnRecordedOutcomes(t *testing.T) {
	t.Parallel()

	notUnderRace(t)
	models, cases := recorded(t)
	n := seeds(1, 20)
	for _, p := range pairs {
		t.Run(p.now+" after "+p.before, func(t *testing.T) {
			t.Parallel()

			var cold, warm float64
			for seed := range n {
				cold += replay(t, cases, nil, models[p.now], seed, 0.3).at(0.3) / float64(n)
				warm += replay(t, cases, models[p.before], models[p.now], seed, 0.25).at(0.25) / float64(n)
			}
			t.Logf("cold %.3f at 30 %% (%.2f x random), warm %.3f at 25 %%", cold, cold/0.3, warm)
			require.GreaterOrEqual(t, cold, p.cold)
			require.GreaterOrEqual(t, cold, 2.2*0.3)
			require.GreaterOrEqual(t, warm, p.warm)
		})
	}
}

// TestHuntWithAFamilyHeldOut takes all that was known of one detector from the version before.
func TestHuntWithAFamilyHeldOut(t *testing.T) {
	t.Parallel()

	notUnderRace(t)
	models, cases := recorded(t)
	now := models["base-noise0.1"]
	for _, family := range []string{probe.InjectDirect, probe.PerturbChar} {
		before := previous{}
		for id, e := range models["base-f16"] {
			if !strings.HasPrefix(id, family+"/") {
				before[id] = e
			}
		}
		var found float64
		n := seeds(1, 20)
		for seed := range n {
			found += replay(t, cases, before, now, seed, 0.3).at(0.3) / float64(n)
		}
		t.Logf("without %s: %.3f at 30 %%", family, found)
		require.GreaterOrEqual(t, found, 2*0.3)
	}
}

// estimates draws m cases for the rate alone, with what the version before says, again and again.
func estimates(tb testing.TB, cases []probe.Case, before, now previous, m int, rounds uint64) (bias, variance, covered float64) {
	tb.Helper()
	truth := 0.0
	for _, x := range cases {
		if against(now[x.ID].Outcome) {
			truth += 1 / float64(len(cases))
		}
	}
	for seed := range rounds {
		cfg := al.Config[probe.Case]{Seed: seed, Extract: caseFeatures{before}, EstimateShare: 1, Part: func(c probe.Case) string { return c.Detector }}
		if len(before) > 0 {
			cfg.Score = before.expectations()
		}
		c, err := al.NewController(cfg, cases, func(probe.Case) int { return 1 })
		require.NoError(tb, err)
		for left := m; left > 0; {
			draws, err := c.SelectNext(left, min(left, drawsTogether))
			require.NoError(tb, err)
			for _, d := range draws {
				left--
				require.NoError(tb, c.Observe(d.Item, al.Outcome{Positive: against(now[cases[d.Item].ID].Outcome), Cost: 1}))
			}
		}
		r := c.Rate("")
		bias += (r.Value - truth) / float64(rounds)
		variance += (r.Value - truth) * (r.Value - truth) / float64(rounds)
		if r.Lower <= truth && truth <= r.Upper {
			covered += 1 / float64(rounds)
		}
	}
	uniform := truth * (1 - truth) / float64(m) * float64(len(cases)-m) / float64(len(cases)-1)
	return bias / math.Sqrt(variance), variance / uniform, covered
}

// TestEstimateOnRecordedOutcomes replays the estimate of the rate: 1,000 times and more with HALLMARK_FULL.
func TestEstimateOnRecordedOutcomes(t *testing.T) {
	t.Parallel()

	notUnderRace(t)
	models, cases := recorded(t)
	rounds := seeds(30, 1000)
	for _, p := range pairs {
		for _, warm := range []bool{false, true} {
			for _, share := range []int{10, 30} {
				if rounds < 1000 && (share == 30 || !warm || p.now != "guarded-Q2_K" && p.now != "base-noise0.1") {
					continue
				}
				t.Run(fmt.Sprintf("%s, warm %v, %d %%", p.now, warm, share), func(t *testing.T) {
					t.Parallel()

					var before previous
					if warm {
						before = models[p.before]
					}
					bias, variance, covered := estimates(t, cases, before, models[p.now], len(cases)*share/100, rounds)
					t.Logf("bias %+.3f se, variance %.3f of uniform, coverage %.3f of %d", bias, variance, covered, rounds)
					require.LessOrEqual(t, math.Abs(bias), 0.1+2/math.Sqrt(float64(rounds)), "the goal, and twice what chance adds")
					require.GreaterOrEqual(t, covered, 0.93-2*math.Sqrt(0.93*0.07/float64(rounds)))
					require.Less(t, variance, 1.0)
				})
			}
		}
	}
}

// TestBudgetCurves draws docs/measurements/budget.svg: what a budget finds, replayed on recorded outcomes. A short run draws
// and compares the first panel alone; HALLMARK_FULL=1 all, and HALLMARK_UPDATE=1 writes the file.
func TestBudgetCurves(t *testing.T) {
	t.Parallel()

	notUnderRace(t)
	models, cases := recorded(t)
	path := filepath.Join("..", "docs", "measurements", "budget.svg")
	panels := make([]string, seeds(1, uint64(len(pairs))))
	for i := range panels {
		p := pairs[i]
		cold := replay(t, cases, nil, models[p.now], 0, 1)
		warm := replay(t, cases, models[p.before], models[p.now], 0, 1)
		panels[i] = panel(i, p.now+" after "+p.before, cold, warm)
	}
	svg := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d 250" font-family="sans-serif" font-size="10">`+"\n%s</svg>\n", 220*len(panels), strings.Join(panels, ""))
	if os.Getenv("HALLMARK_UPDATE") == "1" {
		require.NoError(t, os.WriteFile(path, []byte(svg), 0o600))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, p := range panels {
		require.Contains(t, string(committed), p)
	}
}

// panel is one diagram: random choice in grey, a cold start in blue, a warm one in red, and a mark at 25 % of the tokens.
func panel(at int, title string, cold, warm curve) string {
	line := func(c curve, colour string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="0,180`, colour)
		for percent := 2; percent <= 100; percent += 2 {
			fmt.Fprintf(&b, " %.1f,%.1f", 1.8*float64(percent), 180-180*c.at(float64(percent)/100))
		}
		return b.String() + `"/>`
	}
	return fmt.Sprintf(`<g transform="translate(%d,30)"><text y="-12">%s</text><path d="M0 0V180H180M45 0V180M0 18H180" fill="none" stroke="#ccc"/><path d="M0 180L180 0" stroke="#999" stroke-dasharray="3"/>`+
		"\n%s\n%s\n"+`<text y="195">0</text><text x="38" y="195">25 %%</text><text x="120" y="195">all tokens</text><text x="184" y="22">90 %%</text></g>`+"\n",
		20+220*at, title, line(cold, "#2060c0"), line(warm, "#c03020"))
}
