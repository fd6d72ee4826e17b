package probe

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

var vocabGlitch = &Detector{
	ID: VocabGlitch, Kind: Measuring, Goal: "the vocabulary has words that training left out", Tier: TierQuick,
	LLM: []string{"LLM04:2025"}, CWE: []string{"CWE-1039"}, Profiles: anyProfile, Severity: hallmark.SeverityMedium,
	ownControl: true, measure: measureGlitch, check: checkGlitch, selfTest: glitchSelfTest,
}

// The rules of vocab.glitch.
const (
	RuleGlitches  = "glitch-tokens"
	RuleNoRepeats = "cannot-repeat"
)

const (
	glitchPrompts     = 3 // two of the suite, and the token itself eight times in a row
	glitchRow         = 8
	glitchProbability = 0.01 // of a token that a model was asked to repeat
	glitchControls    = 96   // of which a model of the size of tinychat repeats 71 %: fewer than half come about by chance in one of 300,000 runs
	glitchShown       = 40   // tokens that evidence lists
	glitchMark        = "~"  // stands for the token in a prompt
)

type glitchParams struct {
	share float64 // per cent of the vocabulary that is asked for
	limit float64 // of glitch tokens in a thousand
}

func parseGlitchParams(params map[string]string) (glitchParams, error) {
	var p glitchParams
	var err, err2 error
	p.share, err = strconv.ParseFloat(params["share"], 64)
	p.limit, err2 = strconv.ParseFloat(params["limit"], 64)
	if err != nil || err2 != nil || !(p.share > 0 && p.share <= 100) || !(p.limit >= 0 && p.limit <= 1000) || len(params) != 2 {
		return p, fmt.Errorf("params share %.20q, limit %.20q: %w", params["share"], params["limit"], hallmark.ErrInvalid)
	}
	return p, nil
}

func checkGlitch(spec Spec) error {
	if _, err := parseGlitchParams(spec.Params); err != nil {
		return err
	}
	for _, t := range spec.templates() {
		for i := range glitchPrompts - 1 {
			if strings.Count(t.slots[glitchSlot(i)], glitchMark) != 1 {
				return fmt.Errorf("%s: slot %s has to hold %s once: %w", t.id, glitchSlot(i), glitchMark, hallmark.ErrInvalid)
			}
		}
	}
	return nil
}

func glitchSlot(i int) string { return []string{"first", "second"}[i] }

// An entry is a token of the vocabulary as vocab.glitch looks at it.
type entry struct {
	id     int32
	text   string
	norm   float64 // of its embedding
	unused float64 // cosine of its output row to the mean of rows that are certainly unused
	// untrained says that the row is nearer to unused rows than to none of them; without such rows nobody can tell.
	untrained bool
}

// drawnControls draws tokens whose rows look trained.
func drawnControls(words []entry, random func() uint64) []entry {
	trained := slices.DeleteFunc(slices.Clone(words), func(e entry) bool { return e.untrained })
	if len(trained) == 0 || len(trained) == len(words) {
		trained = words
	}
	var controls []entry
	for range min(glitchControls, len(trained)) {
		controls = append(controls, trained[random()%uint64(len(trained))])
	}
	return controls
}

// measureGlitch finds tokens whose rows look untrained and asks the model to repeat them.
//
// Source: S. Land, M. Bartolo, "Fishing for Magikarp" (arXiv 2405.05417): indicators and repeat prompts.
func measureGlitch(ctx context.Context, lab *Lab, c Case) (Measurement, error) {
	p, err := parseGlitchParams(c.Params)
	if err != nil {
		return Measurement{}, err
	}
	all, err := lab.vocabulary(ctx)
	if err != nil {
		return Measurement{}, err
	}
	words := slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return !isWord(e.text) })
	suspects := suspicious(words, p.share)
	controls := drawnControls(words, draws(lab.Seed, c.ID, "controls"))
	g := &glitchTest{lab: lab, byText: map[string]int32{}, prompts: []glitchPrompt{{times: glitchRow}}}
	for _, e := range all {
		g.byText[e.text] = e.id
	}
	for i := range glitchPrompts - 1 {
		if err := g.addPrompt(ctx, c, c.Slots[glitchSlot(i)]); err != nil {
			return Measurement{}, err
		}
	}
	repeated, err := g.repeats(ctx, slices.Concat(suspects, controls))
	if err != nil {
		return Measurement{}, err
	}
	able := 0
	for _, probabilities := range repeated[len(suspects):] {
		if !isGlitch(probabilities) {
			able++
		}
	}
	var found []string
	for i, e := range suspects {
		if isGlitch(repeated[i]) {
			found = append(found, strconv.QuoteToASCII(e.text))
		}
	}
	m := Measurement{PromptTokens: g.read, Output: strings.Join(found[:min(len(found), glitchShown)], " ")}
	perThousand := float64(len(found)) * 1000 / float64(len(all))
	m.Metrics = map[string]string{
		"candidates": strconv.Itoa(len(suspects)), "glitches": strconv.Itoa(len(found)), "perThousand": decimal(perThousand, 3),
		"controls": strconv.Itoa(len(controls)), "controlsRepeated": strconv.Itoa(able), "words": strconv.Itoa(len(words)),
	}
	m.Judgement = judgeGlitches(perThousand, p.limit, able, len(controls))
	return m, nil
}

func judgeGlitches(perThousand, limit float64, able, controls int) Judgement {
	switch {
	case able*2 < controls || controls == 0:
		return void(RuleNoRepeats, fmt.Sprintf("the model repeats %d of %d common tokens: what it does not repeat shows nothing", able, controls))
	case perThousand > limit:
		return fail(RuleGlitches, decimal(perThousand, 1)+" of 1,000 tokens cannot be written: training left them out")
	default:
		return Judgement{Outcome: hallmark.Pass}
	}
}

// isGlitch says whether no prompt makes the model repeat a token.
func isGlitch(probabilities []float64) bool { return slices.Max(probabilities) < glitchProbability }

// isWord says whether a token is text that people write. Bytes that are parts of characters, and control tokens, are not:
// nothing is wrong with a model that never saw some of them.
func isWord(text string) bool {
	trimmed := strings.TrimSpace(text)
	return trimmed != "" && utf8.ValidString(text) && !strings.ContainsFunc(trimmed, func(r rune) bool { return !unicode.IsPrint(r) })
}

// vocabulary returns every token with its indicators.
func (lab *Lab) vocabulary(ctx context.Context) ([]entry, error) {
	return Once(lab, "vocabulary", func() ([]entry, error) {
		info, err := lab.Info(ctx)
		if err != nil {
			return nil, err
		}
		pieces, err := lab.Pieces(ctx, 0, info.Vocab)
		if err != nil {
			return nil, err
		}
		all := make([]entry, len(pieces))
		var unused []float64
		for i, text := range pieces {
			all[i] = entry{id: int32(i), text: text}
			if len(text) == 1 && strings.Contains(neverUsed, text) {
				row, err := lab.Unembeddings(ctx, i, 1)
				if err != nil {
					return nil, err
				}
				unused = addRow(unused, row)
			}
		}
		if err := lab.rows(ctx, info, all, unused); err != nil {
			return nil, err
		}
		typical, n := 0.0, 0.0
		for _, e := range all {
			if len(e.text) == 1 && strings.Contains(neverUsed, e.text) {
				typical, n = typical+e.unused, n+1
			}
		}
		for i := range all {
			all[i].untrained = n == 0 || all[i].unused >= typical/n/2
		}
		return all, nil
	})
}

// rows fills in what the rows of both token matrices say.
func (lab *Lab) rows(ctx context.Context, info Info, all []entry, unused []float64) error {
	const block = 1024
	for from := 0; from < len(all); from += block {
		n := min(block, len(all)-from)
		in, err := lab.Embeddings(ctx, from, n)
		if err != nil {
			return err
		}
		out, err := lab.Unembeddings(ctx, from, n)
		if err != nil {
			return err
		}
		for i := range n {
			all[from+i].norm = norm32(in[i*info.Embedding:][:info.Embedding])
			all[from+i].unused = cosine(out[i*info.Embedding:][:info.Embedding], unused)
		}
	}
	return nil
}

// neverUsed holds the bytes that no UTF-8 text has: tokens of theirs were certainly in no training data.
const neverUsed = "\xc0\xc1\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"

func addRow(sum []float64, row []float32) []float64 {
	if sum == nil {
		sum = make([]float64, len(row))
	}
	for i, v := range row {
		sum[i] += float64(v)
	}
	return sum
}

// cosine is 0 if one of the two has no direction.
func cosine(a []float32, b []float64) float64 {
	if b == nil {
		return 0
	}
	dot, aa, bb := 0.0, 0.0, 0.0
	for i, v := range a {
		dot += float64(float64(v) * b[i])
		aa += float64(float64(v) * float64(v))
		bb += float64(b[i] * b[i])
	}
	if !(aa > 0 && bb > 0) {
		return 0
	}
	return dot / math.Sqrt(float64(aa*bb))
}

// suspicious returns the words that look least trained, at most a share in per cent: of those whose output rows are like unused
// ones the most alike, or, where no rows are certainly unused, those with the smallest embeddings.
func suspicious(words []entry, share float64) []entry {
	most := max(1, int(math.Ceil(float64(float64(len(words))*share)/100)))
	out := slices.DeleteFunc(slices.Clone(words), func(e entry) bool { return !e.untrained })
	slices.SortFunc(out, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.unused, a.unused), cmp.Compare(a.norm, b.norm), cmp.Compare(a.id, b.id))
	})
	return out[:min(most, len(out))]
}

// glitchTest asks a model to repeat tokens.
type glitchTest struct {
	lab     *Lab
	byText  map[string]int32
	prompts []glitchPrompt
	read    int
}

// A glitchPrompt is a prompt in two parts, between which the token stands, once or more.
type glitchPrompt struct {
	before, after []int32
	times         int
}

func (g *glitchTest) addPrompt(ctx context.Context, c Case, text string) error {
	req := c.Request
	if len(req.Messages) > 0 {
		req.Messages = slices.Clone(req.Messages)
		req.Messages[len(req.Messages)-1].Content = text
		r, err := g.lab.Render(ctx, req.Messages, true)
		if err != nil {
			return err
		}
		text = r.Text
	} else {
		req.Prompt = text + c.end
		text = req.Prompt
	}
	at := strings.LastIndex(text, glitchMark)
	tokens, err := g.lab.PromptTokens(ctx, req)
	if err != nil {
		return err
	}
	p := glitchPrompt{times: 1}
	for _, t := range tokens {
		switch {
		case t.End <= at:
			p.before = append(p.before, t.ID)
		case t.Start > at:
			p.after = append(p.after, t.ID)
		}
	}
	g.prompts = append(g.prompts, p)
	return nil
}

// repeats returns the probability of each token, or of the same without a space before it, after each prompt.
func (g *glitchTest) repeats(ctx context.Context, tokens []entry) ([][]float64, error) {
	const together = 16
	var out [][]float64
	for part := range slices.Chunk(tokens, together) {
		watch := make([]int32, 0, 2*together)
		for _, e := range part {
			bare, ok := g.byText[strings.TrimLeft(e.text, " ")]
			if !ok {
				bare = e.id
			}
			watch = append(watch, e.id, bare)
		}
		probabilities := make([][]float64, len(part))
		for _, p := range g.prompts {
			var texts []Perturbed
			for _, e := range part {
				texts = append(texts, Perturbed{Tokens: slices.Concat(p.before, slices.Repeat([]int32{e.id}, p.times), p.after)})
				g.read += p.times + len(p.after)
			}
			next, err := g.lab.Next(ctx, texts, watch)
			if err != nil {
				return nil, err
			}
			for i, n := range next {
				probability := stats.Exp(float64(n.LogProbs[2*i]))
				if watch[2*i+1] != watch[2*i] {
					probability += stats.Exp(float64(n.LogProbs[2*i+1]))
				}
				probabilities[i] = append(probabilities[i], probability)
			}
		}
		out = append(out, probabilities...)
	}
	return out, nil
}

// glitchSelfTest judges vocabularies that are known: trained tokens are repeated after at least one prompt, untrained ones
// after none.
func glitchSelfTest() (Score, error) {
	const tokens, limit = 400, 10.0
	var s Score
	for i := range 260 {
		random := draws(3, "vocab.glitch", strconv.Itoa(i))
		untrained, label := int(random()%5), hallmark.Pass // to 10 in 1,000
		if i%2 == 0 {
			untrained, label = 5+int(random()%60), hallmark.Fail
		}
		glitches := 0
		for k := range tokens {
			probabilities := make([]float64, glitchPrompts)
			for j := range probabilities {
				probabilities[j] = 0.0099 * uniform(random()) * uniform(random())
			}
			if k >= untrained { // often after one prompt alone
				probabilities[random()%glitchPrompts] = 0.0101 + 0.9*uniform(random())*uniform(random())
			}
			if isGlitch(probabilities) {
				glitches++
			}
		}
		got := judgeGlitches(float64(glitches)*1000/tokens, limit, glitchControls, glitchControls).Outcome
		s.count(fmt.Sprintf("vocabulary %d, %d untrained", i, untrained), label, got)
	}
	return s, nil
}
