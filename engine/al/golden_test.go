package al_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// A ticket is a type of these tests' own.
type ticket struct {
	Team, Kind, Text string
	Age              float64
}

type tickets struct{}

var (
	team  = al.NewField("team")
	kind  = al.NewField("kind")
	both  = al.NewField("team and kind")
	words = al.NewField("text")
	age   = al.NewField("age")
)

func (tickets) Dim() int { return 64 }

func (tickets) Extract(v al.Vector, t ticket) {
	v.Category(team, t.Team)
	v.Category(kind, t.Kind)
	v.Cross(both, t.Team, t.Kind)
	v.Grams(words, t.Text, 3)
	v.Number(age, t.Age)
}

// some returns n tickets; those of team t2 and kind k1 are positive.
func some(n int) []ticket {
	r := al.NewRandom(7, "tickets")
	all := make([]ticket, n)
	for i := range all {
		all[i] = ticket{
			Team: fmt.Sprint("t", r.Uint64()%4), Kind: fmt.Sprint("k", r.Uint64()%3), Text: fmt.Sprintf("text %d of n°%d", r.Uint64()%50, i%5), Age: r.Float64(),
		}
	}
	return all
}

func positive(t ticket) bool { return t.Team == "t2" && t.Kind == "k1" }

// A named is a strategy with a name for subtests.
type named struct {
	name string
	al.QueryStrategy[ticket]
}

func strategies() []named {
	likely := al.Likely[ticket]{}
	return []named{
		{"entropy", al.Uncertainty[ticket]{}},
		{"least confidence", al.Uncertainty[ticket]{Measure: al.LeastConfidence}},
		{"margin", al.Uncertainty[ticket]{Measure: al.Margin}},
		{"vote entropy", al.Disagreement[ticket]{}},
		{"divergence", al.Disagreement[ticket]{KL: true}},
		{"likely", likely},
		{"thompson", al.Thompson[ticket]{}},
		{"density", al.Density[ticket]{Of: al.Uncertainty[ticket]{}}},
		{"k-center", al.KCenter[ticket]{}},
		{"badge", al.Badge[ticket]{}},
		{"per cost", al.PerCost[ticket]{Of: likely}},
	}
}

// spend runs a controller until the budget is gone; every item costs 1 or 2.
func spend(tb testing.TB, cfg al.Config[ticket], items []ticket, budget int) *al.Controller[ticket] {
	tb.Helper()
	cost := func(t ticket) int { return 1 + len(t.Text)%2 }
	c, err := al.NewController(cfg, items, cost)
	require.NoError(tb, err)
	for budget > 0 {
		draws, err := c.SelectNext(budget, 5)
		require.NoError(tb, err)
		if len(draws) == 0 {
			break
		}
		for _, d := range draws {
			budget -= cost(items[d.Item])
			require.NoError(tb, c.Observe(d.Item, al.Outcome{Positive: positive(items[d.Item]), Cost: cost(items[d.Item])}))
		}
		require.GreaterOrEqual(tb, budget, 0)
	}
	return c
}

// TestBits holds the bits of vectors, and those of all draws, digests and rates of every strategy.
func TestBits(t *testing.T) {
	t.Parallel()

	vectors := sha256.New()
	for _, x := range append(some(100), ticket{}, ticket{Text: "ab"}, ticket{Team: "\xff\x00", Text: "日本語 text", Age: -1e300}) {
		v := make(al.Vector, tickets{}.Dim())
		tickets{}.Extract(v, x)
		for _, f := range v {
			require.NoError(t, binary.Write(vectors, binary.LittleEndian, math.Float64bits(f)))
		}
	}
	require.Equal(t, "87f5376065e5fab7bfa04de774c3f42f8f0c7201c1c30d62bff4ccc3ae1fed06", hex.EncodeToString(vectors.Sum(nil)), "vectors")

	draws := sha256.New()
	for _, s := range strategies() {
		c := spend(t, al.Config[ticket]{Seed: 3, Extract: tickets{}, Hunt: s, Diversity: 0.5}, some(120), 60)
		fmt.Fprintf(draws, "%s %x %x %x\n", s.name, c.Log(), c.Rate(""), c.Progress())
	}
	require.Equal(t, "ccb33349a20541dc8a89ab53c2405ff6baf5b9d65e3faea5225eaf72cd83c176", hex.EncodeToString(draws.Sum(nil)), "draws")
}

// TestBitsOfOtherMachines runs TestBits under emulators.
func TestBitsOfOtherMachines(t *testing.T) {
	t.Parallel()

	for goarch, emulator := range map[string]string{"arm64": "qemu-aarch64-static", "riscv64": "qemu-riscv64-static"} {
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			if _, err := exec.LookPath(emulator); err != nil {
				t.Skipf("%s is not installed (package qemu-user-static)", emulator)
			}
			bin := filepath.Join(t.TempDir(), "al.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, ".")
			build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+goarch)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			out, err = exec.CommandContext(t.Context(), emulator, bin, "-test.v", "-test.run", "^TestBits$").CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestBits ")
		})
	}
}

// TestDocumentedExample holds the page about this package to the example that is run.
func TestDocumentedExample(t *testing.T) {
	t.Parallel()

	page, err := os.ReadFile("../../docs/al.md")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(page), "```go\n")
	require.True(t, found)
	code, _, found = strings.Cut(code, "```")
	require.True(t, found)
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	require.Contains(t, string(example), code)
	require.Contains(t, code, "func Example()")
}
