package sample_test

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/engine/sample"
)

// reference is the chain as its documentation tells it: everything sorted, no step saved.
type reference struct {
	cfg   sample.Config
	state uint64
	said  []int32
}

func (r *reference) next(logits []float32, allowed func(int32) bool) int32 {
	l := r.penalised(logits)
	var ids []int32
	for id := range l {
		if allowed(int32(id)) {
			ids = append(ids, int32(id))
		}
	}
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(l[b], l[a]), cmp.Compare(a, b)) })
	if r.cfg.Temperature > 0 {
		ids = r.draw(l, ids)
	}
	r.said = append(r.said, ids[0])
	return ids[0]
}

func (r *reference) penalised(logits []float32) []float32 {
	l := slices.Clone(logits)
	size := cmp.Or(r.cfg.PenaltyWindow, 64)
	times := map[int32]int{}
	for _, id := range r.said[max(0, len(r.said)-size):] {
		times[id]++
	}
	for id, n := range times {
		if p := r.cfg.RepeatPenalty; p > 0 {
			if l[id] > 0 {
				l[id] /= p
			} else {
				l[id] = float32(l[id] * p)
			}
		}
		l[id] = l[id] - float32(float32(n)*r.cfg.FrequencyPenalty) - r.cfg.PresencePenalty
	}
	return l
}

// draw returns the drawn id, alone.
func (r *reference) draw(l []float32, ids []int32) []int32 {
	if k := r.cfg.TopK; k > 0 {
		ids = ids[:min(k, len(ids))]
	}
	weight := func(id int32) uint64 {
		return uint64(float32(kernel.Exp((l[id]-l[ids[0]])/r.cfg.Temperature) * (1 << 42)))
	}
	total := func() (sum uint64) {
		for _, id := range ids {
			sum += weight(id)
		}
		return sum
	}
	if p := r.cfg.TopP; p > 0 && p < 1 {
		want, sum := uint64(float64(p)*float64(total())), uint64(0)
		for i, id := range ids {
			if sum += weight(id); sum >= want {
				ids = ids[:i+1]
				break
			}
		}
	}
	least := uint64(r.cfg.MinP * (1 << 42))
	ids = slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return weight(id) < least })
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Compare(a, b) })
	top := slices.MaxFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(l[a], l[b]), cmp.Compare(b, a)) })
	weight = func(id int32) uint64 {
		return uint64(float32(kernel.Exp((l[id]-l[top])/r.cfg.Temperature) * (1 << 42)))
	}
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	at, _ := bits.Mul64(z^z>>31, total())
	for _, id := range ids {
		if at < weight(id) {
			return []int32{id}
		}
		at -= weight(id)
	}
	return nil
}

// randomConfig has every step on in about half of its values.
func randomConfig(r *rand.Rand) sample.Config {
	pick := func(v ...float32) float32 { return v[r.IntN(len(v))] }
	return sample.Config{
		Seed:             r.Uint64(),
		PenaltyWindow:    r.IntN(5),
		RepeatPenalty:    pick(0, 1, 1.3, 0.7),
		FrequencyPenalty: pick(0, 0, 0.5, -0.5),
		PresencePenalty:  pick(0, 0, 1, -1),
		Temperature:      pick(0, 0.1, 0.8, 1, 3),
		TopK:             []int{0, 0, 1, 2, 40, 5000}[r.IntN(6)],
		TopP:             pick(0, 1, 1e-6, 0.3, 0.9, 0.999),
		MinP:             pick(0, 0, 0.05, 0.5, 1),
	}
}

// randomLogits has ties: values are multiples of a step.
func randomLogits(r *rand.Rand, n int) []float32 {
	l := make([]float32, n)
	step, width := []float64{0, 0.25, 1}[r.IntN(3)], []float64{0.1, 3, 30}[r.IntN(3)]
	for i := range l {
		v := r.NormFloat64() * width
		if step > 0 {
			v = math.Round(v/step) * step
		}
		l[i] = float32(v)
	}
	return l
}

func TestChainIsThatOfTheReference(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		cfg := randomConfig(r)
		require.NoError(t, cfg.Check())
		s, ref := sample.New(cfg), &reference{cfg: cfg, state: cfg.Seed}
		n := 1 + r.IntN(3000)
		prompt := []int32{int32(r.IntN(n)), int32(r.IntN(n))}
		s.Observe(prompt...)
		ref.said = append(ref.said, prompt...)
		for range 6 {
			logits := randomLogits(r, n)
			if r.IntN(2) == 0 {
				require.Equal(t, ref.next(logits, func(int32) bool { return true }), s.Next(logits), "round %d: %+v", round, cfg)
				continue
			}
			mask := make([]uint64, (n+63)/64)
			for i := range mask {
				mask[i] = r.Uint64() & r.Uint64()
			}
			mask[0] |= 1
			got, ok := s.NextOf(logits, mask)
			require.True(t, ok)
			want := ref.next(logits, func(id int32) bool { return mask[id/64]>>(id%64)&1 == 1 })
			require.Equal(t, want, got, "round %d: %+v", round, cfg)
		}
	}
}

// chiSquare compares counts with what probabilities p, which add up to 1, lead to expect.
func chiSquare(counts, p []float64, n int) (x float64, freedom int) {
	for i := range p {
		if want := p[i] * float64(n); want > 0 {
			x += (counts[i] - want) * (counts[i] - want) / want
			freedom++
		} else if counts[i] > 0 {
			return math.Inf(1), freedom
		}
	}
	return x, freedom - 1
}

func TestDrawsPassChiSquare(t *testing.T) {
	t.Parallel()

	const n = 60_000
	logits := make([]float32, 40)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range logits {
		logits[i] = float32(r.NormFloat64())
	}
	for name, cfg := range map[string]sample.Config{
		"temperature":      {Temperature: 1},
		"hot":              {Temperature: 2.5},
		"top k":            {Temperature: 1, TopK: 11},
		"top p":            {Temperature: 1, TopP: 0.7},
		"min p":            {Temperature: 0.7, MinP: 0.2},
		"all of the steps": {Temperature: 1.5, TopK: 30, TopP: 0.9, MinP: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.Seed = 5
			s, counts := sample.New(cfg), make([]float64, len(logits))
			for range n {
				counts[s.Next(logits)]++
			}
			x, freedom := chiSquare(counts, expected(cfg, logits), n)
			f := float64(freedom) // Wilson and Hilferty's approximation of the 99.9 % point
			limit := f * math.Pow(1-2/(9*f)+3.09*math.Sqrt(2/(9*f)), 3)
			require.Less(t, x, limit)
		})
	}
}

// expected returns the probabilities in float64, without the package's arithmetic.
func expected(cfg sample.Config, logits []float32) []float64 {
	ids := make([]int, len(logits))
	p, total := make([]float64, len(logits)), 0.0
	for i := range ids {
		ids[i] = i
		p[i] = math.Exp(float64(logits[i]) / float64(cfg.Temperature))
	}
	slices.SortFunc(ids, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	keep := len(ids)
	if cfg.TopK > 0 {
		keep = cfg.TopK
	}
	for _, id := range ids[:keep] {
		total += p[id]
	}
	if cfg.TopP > 0 {
		reached := 0.0
		for i, id := range ids[:keep] {
			if reached += p[id]; reached >= float64(cfg.TopP)*total {
				keep = i + 1
				break
			}
		}
	}
	for i, id := range ids {
		if i >= keep || p[id] < float64(cfg.MinP)*p[ids[0]] {
			p[id] = 0
		}
	}
	total = 0
	for _, v := range p {
		total += v
	}
	for i := range p {
		p[i] /= total
	}
	return p
}

func TestEveryFieldMatters(t *testing.T) {
	t.Parallel()

	logits := []float32{2, 1.9, 1.8, -1, -1.1}
	draws := func(cfg sample.Config) []int32 {
		s := sample.New(cfg)
		var ids []int32
		for range 64 {
			ids = append(ids, s.Next(logits))
		}
		return ids
	}
	plain := draws(sample.Config{Temperature: 1, RepeatPenalty: 1.5})
	for name, cfg := range map[string]sample.Config{
		"seed":              {Seed: 1, Temperature: 1, RepeatPenalty: 1.5},
		"window":            {PenaltyWindow: 1, Temperature: 1, RepeatPenalty: 1.5},
		"repeat penalty":    {Temperature: 1},
		"frequency penalty": {Temperature: 1, RepeatPenalty: 1.5, FrequencyPenalty: 0.3},
		"presence penalty":  {Temperature: 1, RepeatPenalty: 1.5, PresencePenalty: 0.9, PenaltyWindow: 2},
		"temperature":       {Temperature: 3, RepeatPenalty: 1.5},
		"top k":             {Temperature: 1, RepeatPenalty: 1.5, TopK: 2},
		"top p":             {Temperature: 1, RepeatPenalty: 1.5, TopP: 0.5},
		"min p":             {Temperature: 1, RepeatPenalty: 1.5, MinP: 0.9},
	} {
		require.NotEqual(t, plain, draws(cfg), name)
	}
}

func TestCheckListsAllProblems(t *testing.T) {
	t.Parallel()

	require.NoError(t, sample.Config{}.Check())
	nan := float32(math.NaN())
	err := sample.Config{
		PenaltyWindow: -1, RepeatPenalty: -1, FrequencyPenalty: nan, PresencePenalty: float32(math.Inf(1)),
		Temperature: -1, TopK: -2, TopP: 1.5, MinP: nan,
	}.Check()
	for _, name := range []string{"penalty window", "repeat penalty", "frequency penalty", "presence penalty", "temperature", "top k", "top p", "min p"} {
		require.ErrorContains(t, err, name)
	}
	for _, cfg := range []sample.Config{{Temperature: nan}, {Temperature: float32(math.Inf(1))}, {PenaltyWindow: 1<<16 + 1}} {
		require.Error(t, cfg.Check())
	}
}

func TestPenaltiesForgetWhatLeavesTheWindow(t *testing.T) {
	t.Parallel()

	s := sample.New(sample.Config{PresencePenalty: 50, PenaltyWindow: 2})
	logits := []float32{3, 2, 1, 0}
	s.Observe(-7, 1<<30) // in no vocabulary
	var ids []int32
	for range 7 {
		ids = append(ids, s.Next(logits))
	}
	require.Equal(t, []int32{0, 1, 2, 0, 1, 2, 0}, ids)
	require.Equal(t, []float32{3, 2, 1, 0}, logits, "the caller's logits stay as they are")
}

func TestLogitsThatAreNotFinite(t *testing.T) {
	t.Parallel()

	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, cfg := range []sample.Config{{}, {Temperature: 1}, {Temperature: 1, TopK: 2, TopP: 0.9, MinP: 0.1, RepeatPenalty: 2}} {
		require.Equal(t, int32(1), sample.New(cfg).Next([]float32{nan, 1, -inf, nan}))
		require.Equal(t, int32(2), sample.New(cfg).Next([]float32{nan, 1, inf, -inf}))
		require.Equal(t, int32(0), sample.New(cfg).Next([]float32{nan, -inf}))
		id, ok := sample.New(cfg).NextOf([]float32{9, nan, nan, 2}, []uint64{0b1010})
		require.True(t, ok)
		require.Equal(t, int32(3), id)
		id, ok = sample.New(cfg).NextOf([]float32{9, nan, nan, 2}, []uint64{0b0110})
		require.True(t, ok)
		require.Equal(t, int32(1), id, "nothing else is allowed")
		for _, none := range [][]uint64{nil, {}, {0}, {1 << 4}} {
			_, ok = sample.New(cfg).NextOf([]float32{1, 2, 3, 4}, none)
			require.False(t, ok)
		}
	}
}

func TestSequencesDoNotMeet(t *testing.T) {
	t.Parallel()

	const mates, steps = 5, 20
	r := rand.New(rand.NewPCG(6, 7))
	var cfgs []sample.Config
	var batch []*sample.Sampler
	for range mates {
		cfgs = append(cfgs, randomConfig(r))
		batch = append(batch, sample.New(cfgs[len(cfgs)-1]))
	}
	logits := make([][]float32, steps)
	for i := range logits {
		logits[i] = randomLogits(r, 500)
	}
	together := make([][]int32, mates)
	for _, l := range logits {
		for m := range batch {
			together[m] = append(together[m], batch[m].Next(l))
		}
	}
	for m := range batch {
		alone := sample.New(cfgs[m])
		for i, l := range logits {
			require.Equal(t, together[m][i], alone.Next(l))
		}
	}
}

func TestNextAllocatesNothing(t *testing.T) {
	logits := randomLogits(rand.New(rand.NewPCG(8, 9)), 32000)
	mask := make([]uint64, 500)
	for i := range mask {
		mask[i] = 0x5555555555555555
	}
	s := sample.New(sample.Config{Temperature: 1, TopK: 1000, TopP: 0.95, MinP: 0.01, RepeatPenalty: 1.1, FrequencyPenalty: 0.1})
	s.Next(logits)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Next(logits); s.NextOf(logits, mask) }))
}

func BenchmarkNext(b *testing.B) {
	const vocabulary = 151_936
	logits := make([]float32, vocabulary)
	r := rand.New(rand.NewPCG(10, 11))
	for i := range logits {
		logits[i] = float32(r.NormFloat64() * 3)
	}
	flat := make([]float32, vocabulary)
	for name, cfg := range map[string]sample.Config{
		"greedy": {}, "temperature": {Temperature: 1}, "top-k 40": {Temperature: 0.8, TopK: 40}, "top-p 0.95": {Temperature: 0.8, TopP: 0.95},
		"all": {Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.1},
	} {
		for kind, l := range map[string][]float32{"normal": logits, "flat": flat} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				s := sample.New(cfg)
				s.Next(l)
				b.ReportAllocs()
				for b.Loop() {
					s.Next(l)
				}
			})
		}
	}
}
