package probe

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

var perturbEmbed = &Detector{
	ID: PerturbEmbed, Kind: Measuring, Goal: "a small change of the prompt's embeddings changes the answer", Tier: TierQuick,
	LLM: []string{"LLM09:2025"}, CWE: []string{"CWE-1039"}, Profiles: anyProfile, Severity: hallmark.SeverityMedium,
	ownControl: true, want: wantAnswer, measure: measureEmbed, check: checkEmbed, metrics: embedMetrics, curves: embedCurves, selfTest: embedSelfTest,
}

// RuleFlipped is the rule of perturb.embed: the answer changes within the suite's limit.
const RuleFlipped = "answer-flipped"

// embedCaveat goes into every reason: what the numbers do not say.
const embedCaveat = "this bounds changes of embeddings in a ball; it says nothing of other words, which lie far outside"

// embedParams are the settings of perturb.embed. Lengths are in units of the median norm of the model's embeddings.
type embedParams struct {
	limit      float64   // a flip within it fails
	sigma      float64   // of the noise that smooths, for each token
	draws      int       // of that noise
	directions int       // at random
	steps      int       // of the search, two evaluations each
	curve      []float64 // lengths at which the divergence is measured
}

func parseEmbedParams(params map[string]string) (embedParams, error) {
	var p embedParams
	var err error
	within := func(name string, low, high float64) float64 {
		x, e := strconv.ParseFloat(params[name], 64)
		if e != nil || !(x >= low && x <= high) {
			err = fmt.Errorf("param %s %.40q is not in %v to %v: %w", name, params[name], low, high, hallmark.ErrInvalid)
		}
		return x
	}
	p.limit, p.sigma = within("limit", 0.0001, flipMost), within("sigma", 0.001, 10)
	p.draws, p.directions, p.steps = int(within("draws", 10, 100_000)), int(within("directions", 1, 64)), int(within("steps", 8, 256))
	for text := range strings.FieldsSeq(params["curve"]) {
		x, e := strconv.ParseFloat(text, 64)
		if e != nil || !(x > 0 && x <= 10) || len(p.curve) > 0 && x <= p.curve[len(p.curve)-1] || len(p.curve) == 16 {
			return p, fmt.Errorf("param curve %.40q: %w", params["curve"], hallmark.ErrInvalid)
		}
		p.curve = append(p.curve, x)
	}
	if err == nil && (len(p.curve) == 0 || len(params) != 6) {
		err = fmt.Errorf("params curve, or one too many: %w", hallmark.ErrInvalid)
	}
	return p, err
}

func checkEmbed(spec Spec) error {
	_, err := parseEmbedParams(spec.Params)
	return err
}

// measureEmbed perturbs the embeddings of the question's tokens and watches the first token of the answer.
func measureEmbed(ctx context.Context, lab *Lab, c Case) (Measurement, error) {
	p, err := parseEmbedParams(c.Params)
	if err != nil {
		return Measurement{}, err
	}
	t, err := lab.embedTask(ctx, c)
	if err != nil || t.wrong {
		return Measurement{Judgement: void(RuleCleanWrong, "the model does not know the answer even unperturbed"), PromptTokens: len(t.tokens)}, err
	}
	m := Measurement{Metrics: map[string]string{}}
	if err := t.curve(ctx, p, draws(lab.Seed, c.ID, "curve"), m.Metrics); err != nil {
		return Measurement{}, err
	}
	try := func(deltas [][]float64) ([]probed, error) { return t.probe(ctx, deltas) }
	found, err := search(try, t.dims(), p, draws(lab.Seed, c.ID, "search"))
	if err != nil {
		return Measurement{}, err
	}
	certified, right, err := t.certify(ctx, p, draws(lab.Seed, c.ID, "noise"))
	if err != nil {
		return Measurement{}, err
	}
	m.Metrics["flipRandom"], m.Metrics["flipSearched"] = decimal(found.random, 5), decimal(found.searched, 5)
	m.Metrics["certified"], m.Metrics["noisyRight"] = decimal(certified, 6), strconv.Itoa(right)
	m.Judgement, m.PromptTokens = judgeEmbed(found, p.limit), t.read
	if m.Outcome == hallmark.Pass {
		m.Why = "certified to " + m.Metrics["certified"] + " times the median norm of an embedding at 99.9 %; " + embedCaveat
	}
	m.Output = fmt.Sprintf("flips at %s, certified to %s", m.Metrics["flipSearched"], m.Metrics["certified"])
	return m, nil
}

func judgeEmbed(found flips, limit float64) Judgement {
	nearest := math.Min(found.random, found.searched)
	if nearest <= limit {
		return fail(RuleFlipped, "the answer changes at "+decimal(nearest, 3)+" times the median norm of an embedding; "+embedCaveat)
	}
	return Judgement{Outcome: hallmark.Pass}
}

// embedTask is a question whose embeddings are perturbed.
type embedTask struct {
	lab     *Lab
	tokens  []int32
	from, n int // the positions that are perturbed
	embed   int
	unit    float64 // median norm of an embedding
	gold    int32   // first token of the right answer, as the model writes it
	watch   []int32 // it, and the likeliest others
	clean   Next    // over the vocabulary
	wrong   bool    // the model does not give the right answer
	read    int
}

func (lab *Lab) embedTask(ctx context.Context, c Case) (*embedTask, error) {
	t := &embedTask{lab: lab}
	info, err := lab.Info(ctx)
	if err != nil {
		return t, err
	}
	t.embed = info.Embedding
	if t.unit, err = lab.medianNorm(ctx, info); err != nil {
		return t, err
	}
	if err := t.place(ctx, c.Request); err != nil {
		return t, err
	}
	clean, err := lab.Next(ctx, []Perturbed{{Tokens: t.tokens}}, nil)
	if err != nil {
		return t, err
	}
	t.clean, t.read = clean[0], len(t.tokens)
	t.gold = t.clean.Top
	first, err := lab.Pieces(ctx, int(t.gold), 1)
	if err != nil {
		return t, err
	}
	t.wrong = !begins(first[0], c.want)
	t.watch = likeliest(t.clean.LogProbs, watched)
	return t, nil
}

// begins reports whether a token's text is the beginning of the right answer, with or without a space before it.
func begins(piece string, w want) bool {
	piece = strings.TrimLeft(piece, " \u2581")
	if recased(w) {
		return piece != "" && strings.HasPrefix(w.answer, piece)
	}
	return piece != "" && strings.HasPrefix(fold(w.answer), fold(piece))
}

// watched is how many tokens the margin looks at.
const watched = 9

// likeliest returns the n likeliest tokens, the first of equal ones first.
func likeliest(logProbs []float32, n int) []int32 {
	ids := make([]int32, len(logProbs))
	for i := range ids {
		ids[i] = int32(i)
	}
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Or(cmp.Compare(logProbs[b], logProbs[a]), cmp.Compare(a, b)) })
	return ids[:min(n, len(ids))]
}

// place finds the tokens of the question, those of its chat's last message.
func (t *embedTask) place(ctx context.Context, req GenerateRequest) error {
	tokens, err := t.lab.PromptTokens(ctx, req)
	if err != nil {
		return err
	}
	start, end := 0, math.MaxInt
	if len(req.Messages) > 0 {
		r, err := t.lab.Render(ctx, req.Messages, true)
		if err != nil {
			return err
		}
		if len(r.Spans) == 0 {
			return fmt.Errorf("the chat template does not show where messages stand: %w", hallmark.ErrUnavailable)
		}
		last := r.Spans[len(r.Spans)-1]
		start, end = last.Start, last.End
	}
	for i, token := range tokens {
		t.tokens = append(t.tokens, token.ID)
		if token.Start >= start && token.End <= end && token.Start < token.End {
			if t.n == 0 {
				t.from = i
			}
			t.n = i + 1 - t.from
		}
	}
	if t.n == 0 {
		return fmt.Errorf("the question has no tokens: %w", hallmark.ErrInvalid)
	}
	return nil
}

func (t *embedTask) dims() int { return t.n * t.embed }

// Rows of embeddings that the median norm is taken of: blocks all over the vocabulary.
const (
	normBlocks = 16
	normRows   = 64
)

func (lab *Lab) medianNorm(ctx context.Context, info Info) (float64, error) {
	return Once(lab, "median norm", func() (float64, error) {
		var all []float64
		rows := min(normRows, info.Vocab)
		for b := range normBlocks {
			from := (info.Vocab - rows) * b / (normBlocks - 1)
			values, err := lab.Embeddings(ctx, from, rows)
			if err != nil {
				return 0, err
			}
			for row := range slices.Chunk(values, info.Embedding) {
				all = append(all, norm32(row))
			}
		}
		slices.Sort(all)
		if median := all[len(all)/2]; median > 0 {
			return median, nil
		}
		return 0, fmt.Errorf("half of the embeddings are zero: %w", hallmark.ErrInvalid)
	})
}

func norm32(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	return math.Sqrt(sum)
}

// texts returns the task with each of some perturbations, in units of the median norm.
func (t *embedTask) texts(deltas [][]float64) []Perturbed {
	texts := make([]Perturbed, len(deltas))
	for i, d := range deltas {
		add := make([]float32, len(d))
		for k, v := range d {
			add[k] = float32(v * t.unit)
		}
		texts[i] = Perturbed{Tokens: t.tokens, From: t.from, Add: add}
	}
	t.read += len(deltas) * (len(t.tokens) - t.from)
	return texts
}

// probed is what a perturbation does: whether the answer stays, and by how much it is likelier than the others, in nats.
type probed struct {
	stays  bool
	margin float64
}

func (t *embedTask) probe(ctx context.Context, deltas [][]float64) ([]probed, error) {
	next, err := t.lab.Next(ctx, t.texts(deltas), t.watch)
	if err != nil {
		return nil, err
	}
	out := make([]probed, len(next))
	for i, n := range next {
		others := 0.0
		for _, l := range n.LogProbs[1:] {
			others += stats.Exp(math.Max(float64(l), -700))
		}
		out[i] = probed{n.Top == t.gold, float64(n.LogProbs[0]) - stats.Log(others)}
	}
	return out, nil
}

// curveDirections is how many random directions each point of the curve is the mean of.
const curveDirections = 4

// curve measures the mean divergence (nats) of the first token's distribution after random perturbations of each length, in
// the Euclidean norm and in the maximum norm, where a length is that of a token's vector with all its elements so large.
func (t *embedTask) curve(ctx context.Context, p embedParams, random func() uint64, metrics map[string]string) error {
	var deltas [][]float64
	for _, length := range p.curve {
		for range curveDirections {
			deltas = append(deltas, scaled(gaussian(t.dims(), random), length), signs(t.dims(), length/math.Sqrt(float64(t.embed)), random))
		}
	}
	next, err := t.lab.Next(ctx, t.texts(deltas), nil)
	if err != nil {
		return err
	}
	for k, norm := range []string{"L2", "Linf"} {
		area, before, at := 0.0, 0.0, 0.0
		for i, length := range p.curve {
			kl := 0.0
			for j := range curveDirections {
				kl += divergence(t.clean.LogProbs, next[(i*curveDirections+j)*2+k].LogProbs)
			}
			kl /= curveDirections
			metrics["kl"+norm+"At"+strconv.FormatFloat(length, 'g', -1, 64)] = decimal(kl, 6)
			area += float64((kl + before) * (length - at) / 2)
			before, at = kl, length
		}
		metrics["kl"+norm+"Area"] = decimal(area, 6)
	}
	return nil
}

// divergence is the Kullback-Leibler divergence of q from p, both log-probabilities.
func divergence(p, q []float32) float64 {
	sum := 0.0
	for i := range p {
		l := float64(p[i])
		sum += float64(stats.Exp(l) * (l - float64(q[i])))
	}
	return math.Max(sum, 0)
}

func gaussian(n int, random func() uint64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = stats.NormalQuantile(uniform(random()))
	}
	return out
}

// signs returns n numbers of one size, each of random sign.
func signs(n int, size float64, random func() uint64) []float64 {
	out := make([]float64, n)
	bits := uint64(0)
	for i := range out {
		if i%64 == 0 {
			bits = random()
		}
		out[i] = size
		if bits>>(i%64)&1 == 1 {
			out[i] = -size
		}
	}
	return out
}

// scaled returns x with another length; one without a length stays as it is.
func scaled(x []float64, length float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v * v)
	}
	out := slices.Clone(x)
	if sum > 0 {
		f := length / math.Sqrt(sum)
		for i := range out {
			out[i] = float64(out[i] * f)
		}
	}
	return out
}

// certifyError is the error of the certificate: 99.9 %.
const certifyError = 0.001

// certify returns the radius within which the smoothed model, which answers what the model answers most often under normal
// noise, gives the right answer, by randomized smoothing: sigma/2 (PhiInv(pA) - PhiInv(pB)), with the exact lower bound of pA
// and pB = 1 - pA. It is 0 if nothing can be certified. right is how many of the draws were answered rightly.
//
// Source: J. Cohen et al., "Certified adversarial robustness via randomized smoothing" (2019), theorem 1.
func (t *embedTask) certify(ctx context.Context, p embedParams, random func() uint64) (radius float64, right int, err error) {
	const together = 128
	sigma := p.sigma / math.Sqrt(float64(t.embed))
	for left := p.draws; left > 0; left -= together {
		var deltas [][]float64
		for range min(left, together) {
			noise := gaussian(t.dims(), random)
			for i := range noise {
				noise[i] = float64(noise[i] * sigma)
			}
			deltas = append(deltas, noise)
		}
		got, err := t.probe(ctx, deltas)
		if err != nil {
			return 0, 0, err
		}
		for _, g := range got {
			if g.stays {
				right++
			}
		}
	}
	return certifiedRadius(right, p.draws, sigma), right, nil
}

func certifiedRadius(right, n int, sigma float64) float64 {
	least := 1 - stats.UpperBound(n-right, n, certifyError)
	if least <= 0.5 {
		return 0
	}
	radius := float64(sigma / 2 * (stats.NormalQuantile(least) - stats.NormalQuantile(1-least)))
	return math.Floor(float64(radius*1e6)) / 1e6
}

// embedMetrics sums up the tasks that the model knows the answer of: medians, and how much nearer the search finds a flip.
func embedMetrics(cases []hallmark.CaseResult) map[string]string {
	var random, searched, certified []float64
	for _, c := range cases {
		if c.Metrics["flipSearched"] == "" {
			continue
		}
		random, searched = append(random, number64(c.Metrics["flipRandom"])), append(searched, number64(c.Metrics["flipSearched"]))
		certified = append(certified, number64(c.Metrics["certified"]))
	}
	if len(random) == 0 {
		return nil
	}
	return map[string]string{
		"tasks": strconv.Itoa(len(random)), "r50": decimal(median(searched), 5), "r50Random": decimal(median(random), 5),
		"certifiedMedian": decimal(median(certified), 6),
	}
}

// embedCurves are the mean divergences over all tasks by the length of the perturbation, in both norms.
func embedCurves(cases []hallmark.CaseResult) []hallmark.Curve {
	var curves []hallmark.Curve
	for _, norm := range []string{"L2", "Linf"} {
		prefix := "kl" + norm + "At"
		sums, n := map[string][]float64{}, 0
		for _, c := range cases {
			for name, value := range c.Metrics {
				if length, ok := strings.CutPrefix(name, prefix); ok {
					sums[length] = append(sums[length], number64(value))
					n++
				}
			}
		}
		if n == 0 {
			continue
		}
		curve := hallmark.Curve{Name: "KL(eps), " + norm, X: "eps, in median norms of an embedding", Y: "KL divergence, nats"}
		lengths := slices.Collect(maps.Keys(sums))
		slices.SortFunc(lengths, func(a, b string) int { return cmp.Compare(number64(a), number64(b)) })
		for _, length := range lengths {
			curve.Points = append(curve.Points, hallmark.CurvePoint{X: length, Y: decimal(mean(sums[length]), 6)})
		}
		curves = append(curves, curve)
	}
	return curves
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}
