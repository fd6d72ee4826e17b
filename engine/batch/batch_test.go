package batch_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark/engine/batch"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// TestMain also sees that a model's workers end when nobody needs them.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(tb testing.TB, preset string, cfg model.Config) *model.Model {
	tb.Helper()
	spec, _ := genmodel.Preset(preset)
	spec.Type = gguf.F32
	var b bytes.Buffer
	require.NoError(tb, spec.Write(&b))
	f, err := gguf.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()), gguf.Limits{})
	require.NoError(tb, err)
	m, err := model.Load(f, b.Bytes(), cfg)
	require.NoError(tb, err)
	return m
}

// prompts returns n prompts of a beginning of 40 tokens and an end of their own.
func prompts(n int) [][]int32 {
	var shared []int32
	for i := range 40 {
		shared = append(shared, int32(i*i*3+7)%512)
	}
	all := make([][]int32, n)
	for i := range all {
		all[i] = slices.Clone(shared)
		for j := range 1 + i%9 {
			all[i] = append(all[i], int32(i*131+j*17)%512)
		}
	}
	return all
}

// alone generates without a generator.
func alone(tb testing.TB, m *model.Model, prompt []int32, n int, next func([]float32) int32) []int32 {
	tb.Helper()
	s := m.NewSequence()
	var out []int32
	for len(out) < n {
		logits, err := s.Append(tb.Context(), prompt, model.Last)
		require.NoError(tb, err)
		out = append(out, next(logits))
		prompt = out[len(out)-1:]
	}
	return out
}

func sampler(i int) func([]float32) int32 {
	if i%3 == 0 {
		return sample.Greedy
	}
	return sample.New(sample.Config{Seed: uint64(i), Temperature: 1, TopK: 40}).Next
}

func TestTextsDoNotDependOnEachOther(t *testing.T) {
	t.Parallel()

	m := load(t, "tiny-gemma2", model.Config{Threads: 2})
	all := prompts(40)
	var want [][]int32
	for i, p := range all {
		want = append(want, alone(t, m, p, 5+i%7, sampler(i)))
	}
	for _, cfg := range []batch.Config{{}, {Slots: 1}, {Slots: 8, Positions: 3}, {Slots: 40, Positions: 500}, {Slots: 7, Texts: 1, Memory: 1}, {Active: 1}, {Active: 1 << 20}} {
		g, err := batch.New(m, cfg)
		require.NoError(t, err)
		var requests []batch.Request
		for i, p := range all {
			requests = append(requests, batch.Request{Prompt: p, MaxTokens: 5 + i%7, Next: sampler(i)})
		}
		before := m.Computed()
		results, err := g.Generate(t.Context(), requests)
		require.NoError(t, err)
		longest := 0
		for i, r := range results {
			require.NoError(t, r.Err)
			require.Equal(t, want[i], r.Tokens, "text %d, %+v", i, cfg)
			require.Equal(t, batch.Length, r.Finish)
			longest += len(all[i]) + len(want[i]) - 1
		}
		computed := int(m.Computed() - before)
		require.Less(t, computed, longest-39*24, "the beginning is computed once: %+v", cfg)

		// What is remembered is used again, and changes nothing.
		again, err := g.Generate(t.Context(), []batch.Request{{Prompt: all[39], MaxTokens: 3, Next: sampler(39)}})
		require.NoError(t, err)
		require.Equal(t, want[39][:3], again[0].Tokens)
		require.GreaterOrEqual(t, again[0].Reused, 40)
	}
}

// family returns prompts that begin alike in groups of groups: 8 tokens of all, 16 of each of 4, and 16 of each of 4 of those,
// in the order that shares least; and how many tokens they have at all that are not the same.
func family() (all [][]int32, distinct int) {
	for leaf := range 4 {
		for small := range 4 {
			for large := range 4 {
				p := make([]int32, 0, 44)
				for i := range 8 {
					p = append(p, int32(i))
				}
				for i := range 16 {
					p = append(p, int32(100+large*20+i))
				}
				for i := range 16 {
					p = append(p, int32(200+small*20+i))
				}
				all = append(all, append(p, int32(300+leaf), int32(400+leaf), int32(450+leaf), int32(500+leaf)))
			}
		}
	}
	return all, 8 + 4*16 + 16*16 + 64*4
}

// In whatever order texts are asked for, and with room for few, what they begin with alike is computed once. Of what is
// generated nothing is kept that nothing goes on from.
func TestWhatTextsShareIsComputedOnce(t *testing.T) {
	t.Parallel()

	m := load(t, "tiny-llama", model.Config{Threads: 2})
	all, distinct := family()
	room := 32 * m.PositionSize()
	for name, cfg := range map[string]batch.Config{
		"as many as there are":    {},
		"four at a time":          {Slots: 4},
		"four, and room for four": {Slots: 4, Memory: 8 * room},
		"one after the other":     {Slots: 1, Memory: 3 * room},
	} {
		g, err := batch.New(m, cfg)
		require.NoError(t, err)
		var requests []batch.Request
		tokens := 0
		for _, p := range all {
			requests = append(requests, batch.Request{Prompt: p, MaxTokens: 24, Once: true})
			tokens += len(p)
		}
		results, err := g.Generate(t.Context(), requests)
		require.NoError(t, err)
		for i, r := range results {
			require.Len(t, r.Tokens, 24)
			tokens -= r.Reused
			require.LessOrEqual(t, r.Reused, len(all[i])-1)
		}
		require.LessOrEqual(t, tokens, distinct, name)

		again, err := g.Generate(t.Context(), []batch.Request{{Prompt: append(slices.Clone(all[63]), results[63].Tokens...), MaxTokens: 1}})
		require.NoError(t, err)
		require.LessOrEqual(t, again[0].Reused, len(all[63]), name)
	}
}

func TestWhyTextsEnd(t *testing.T) {
	t.Parallel()

	m := load(t, "tiny-qwen2", model.Config{Context: 60})
	p := prompts(1)[0][:30]
	want := alone(t, m, p, 31, sample.Greedy)
	stop := slices.Index(want, want[4]) // the first of its kind
	var seen []int32
	g, err := batch.New(m, batch.Config{})
	require.NoError(t, err)
	results, err := g.Generate(t.Context(), []batch.Request{
		{Prompt: p, MaxTokens: 2},
		{Prompt: p, MaxTokens: 100},
		{Prompt: p, MaxTokens: 100, Stop: func(id int32) bool { return id == want[4] }},
		{Prompt: p, MaxTokens: 100, Emit: func(id int32) bool {
			seen = append(seen, id)
			return id != want[4]
		}},
		{Prompt: nil, MaxTokens: 1},
		{Prompt: p},
		{Prompt: make([]int32, 61), MaxTokens: 1},
		{Prompt: []int32{512}, MaxTokens: 1},
		{Prompt: make([]int32, 60), MaxTokens: 9},
	})
	require.NoError(t, err)
	for i, w := range [][]int32{want[:2], want, want[:stop], want[:stop+1]} {
		require.Equal(t, w, results[i].Tokens, "request %d", i)
	}
	require.Equal(t, results[3].Tokens, seen)
	for i, f := range []batch.Finish{batch.Length, batch.Length, batch.Stopped, batch.Stopped, batch.Failed, batch.Failed, batch.Failed, batch.Failed, batch.Length} {
		require.Equal(t, f, results[i].Finish, "request %d", i)
	}
	for i, e := range []error{model.ErrInput, model.ErrInput, model.ErrContext, model.ErrToken} {
		require.ErrorIs(t, results[4+i].Err, e)
	}
	require.Len(t, results[8].Tokens, 1, "the context has no room for more")
}

func TestCancellation(t *testing.T) {
	t.Parallel()

	m := load(t, "tiny-llama", model.Config{})
	g, err := batch.New(m, batch.Config{Slots: 4})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests []batch.Request
	for _, p := range prompts(9) {
		requests = append(requests, batch.Request{Prompt: p, MaxTokens: 20, Emit: func(int32) bool {
			cancel()
			return true
		}})
	}
	results, err := g.Generate(ctx, requests)
	require.ErrorIs(t, err, context.Canceled)
	begun := 0
	for _, r := range results {
		begun += len(r.Tokens)
	}
	require.Positive(t, begun)
	require.LessOrEqual(t, begun, 4, "one token each of those under way")

	want := alone(t, m, requests[0].Prompt, 20, sample.Greedy)
	results, err = g.Generate(t.Context(), requests[:1])
	require.NoError(t, err)
	require.Equal(t, want, results[0].Tokens, "the generator can be used again")
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()

	_, err := batch.New(nil, batch.Config{Slots: -1, Positions: -2, Texts: -3, Memory: -4, Active: -5})
	for _, s := range []string{"slots -1", "positions -2", "texts -3", "memory -4", "active -5"} {
		require.ErrorContains(t, err, s)
	}
}

// Texts under way wait for memory: as many as fit at their greatest lengths are computed together.
func TestTextsWaitForMemory(t *testing.T) {
	t.Parallel()

	m := load(t, "tiny-llama", model.Config{})
	p := prompts(8)
	for i := range p { // nothing in common
		p[i] = p[i][40:]
		p[i][0] = int32(i)
	}
	const most = 100
	room := func(texts int) int { return texts * (len(p[7]) + most + 32) * m.PositionSize() }
	for texts := 1; texts <= 3; texts++ {
		g, err := batch.New(m, batch.Config{Active: room(texts)})
		require.NoError(t, err)
		begun, under, together := map[int]bool{}, 0, 0
		var requests []batch.Request
		for i := range p {
			n := 0
			requests = append(requests, batch.Request{Prompt: p[i], MaxTokens: most, Emit: func(int32) bool {
				if !begun[i] {
					begun[i] = true
					under++
				}
				together = max(together, under)
				if n++; n == 5 {
					under--
				}
				return n < 5
			}})
		}
		results, err := g.Generate(t.Context(), requests)
		require.NoError(t, err)
		for _, r := range results {
			require.Len(t, r.Tokens, 5)
		}
		require.Equal(t, texts, together, "with %d bytes", room(texts))
	}
}

// TestTokensAllocateNothing compares a short and a long generation.
func TestTokensAllocateNothing(t *testing.T) {
	m := load(t, "tiny-llama", model.Config{})
	allocated := func(n int) float64 {
		var requests []batch.Request
		for _, p := range prompts(8) {
			requests = append(requests, batch.Request{Prompt: p, MaxTokens: n})
		}
		g, err := batch.New(m, batch.Config{Texts: 1, Memory: 1})
		require.NoError(t, err)
		return testing.AllocsPerRun(5, func() {
			if _, err := g.Generate(t.Context(), requests); err != nil {
				t.Error(err)
			}
		})
	}
	short, long := allocated(2), allocated(200)
	require.LessOrEqual(t, math.Abs(long-short), 16.0, "of %v allocations for 8 texts; lists of pages grow", short)
}

// BenchmarkSharedPrefix generates 32 tokens after each of 64 prompts that share 256 tokens, at once and one by one.
func BenchmarkSharedPrefix(b *testing.B) {
	m := load(b, "110M", model.Config{Threads: 2})
	var requests []batch.Request
	for i := range 64 {
		p := make([]int32, 266)
		for j := range p {
			p[j] = int32(j*j*3+7) % 32000
			if j >= 256 {
				p[j] = int32(i*131+j) % 32000
			}
		}
		requests = append(requests, batch.Request{Prompt: p, MaxTokens: 32})
	}
	for _, slots := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(slots, " at once"), func(b *testing.B) {
			n := 0
			for b.Loop() {
				g, err := batch.New(m, batch.Config{Slots: slots})
				require.NoError(b, err)
				some := requests[:max(4, slots)]
				results, err := g.Generate(b.Context(), some)
				require.NoError(b, err)
				for _, r := range results {
					n += len(r.Tokens)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
