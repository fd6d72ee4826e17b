package probe

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// Other words stand in the wording alone: contents, numbers and codes stay, and with them the right answer.
func TestOtherWordsKeepContents(t *testing.T) {
	t.Parallel()

	digits := func(text string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, text)
	}
	for _, name := range BuiltinNames() {
		s, err := Builtin(name)
		require.NoError(t, err)
		for _, profile := range s.ProfileNames() {
			all, err := s.Cases(3, profile)
			require.NoError(t, err)
			questions, templates := 0, map[string]bool{}
			for _, c := range all {
				if c.Detector != PerturbWord {
					continue
				}
				questions++
				templates[c.Template] = true
				require.Equal(t, c.Request, c.asking(c.question), "%s: its own words", c.ID)
				for i, p := range c.places {
					for o := range p.options {
						chosen := slices.Repeat([]int{unchosen}, len(c.places))
						chosen[i] = o
						text := rewrite(c.question, c.places, chosen)
						require.NotEqual(t, c.question, text, c.ID)
						require.Equal(t, digits(c.question), digits(text), c.ID)
						require.Equal(t, c.question[:p.start], text[:p.start])
						require.True(t, strings.HasSuffix(text, c.question[p.end:]))
						require.NotEqual(t, c.Request, c.asking(text))
					}
				}
			}
			require.GreaterOrEqual(t, questions, 59, "%s: what policies need", name)
			require.GreaterOrEqual(t, len(templates), 12, name)
		}
	}
}

func TestReworded(t *testing.T) {
	t.Parallel()

	s := &Suite{Synonyms: map[string][]string{"second word": {"second term"}, "word": {"term"}, "what is": {"what's"}, "river": {"stream"}}}
	pieces := []piece{{text: "Word? What is the second word of "}, {text: "river word", content: true}, {text: "? A word: second  word"}}
	places, words := s.reworded(pieces, "")
	text := joinPieces(pieces)
	var found []string
	for _, p := range places {
		found = append(found, text[p.start:p.end])
	}
	require.Equal(t, []string{"Word", "What is", "second word", "word", "word"}, found, "phrases before words, contents never")
	require.Equal(t, 13, words)
	require.Equal(t, "Term? What's the second term of river word? A word: second  term", rewrite(text, places, []int{0, 0, 0, unchosen, 0}))
	require.Equal(t, "Word? the second word of river word? A word: second  word", without(text, places[1]))
	places, words = s.reworded(pieces, "? A")
	require.Len(t, places, 2)
	require.Equal(t, 4, words)
}

// The words drawn are as many as may be, and each place once.
func TestDrawnWords(t *testing.T) {
	t.Parallel()

	r := rewording{text: "a b c", most: 2, places: []place{{0, 1, []string{"x", "y"}}, {2, 3, []string{"z"}}, {4, 5, []string{"u", "v", "w"}}}}
	seen := map[string]bool{}
	for i := range 200 {
		chosen := r.drawn(draws(uint64(i), "case", "words"))
		n := 0
		for at, c := range chosen {
			if c != unchosen {
				require.Less(t, c, len(r.places[at].options))
				n++
			}
		}
		require.Equal(t, 2, n)
		seen[rewrite(r.text, r.places, chosen)] = true
	}
	require.Len(t, seen, 2*1+2*3+1*3, "every pair of places and options")
	r.most = 9
	require.NotContains(t, r.drawn(draws(1, "case", "words")), unchosen)
}

// The search never reads more prompts than it may.
func TestSearchKeepsToItsQueries(t *testing.T) {
	t.Parallel()

	for queries := 1; queries < 40; queries++ {
		m := newWordModel(4)
		m.limit = 1e9 // nothing is found
		r := m.rewording()
		asked := 0
		answer, score := r.answer, r.score
		r.left = queries
		r.answer = func(text string) (Completion, error) { asked++; return answer(text) }
		r.score = func(texts []string) ([]float64, error) { asked += len(texts); return score(texts) }
		best, err := r.search(attempt{outcome: Judgement{Outcome: hallmark.Pass}})
		require.NoError(t, err)
		require.Equal(t, hallmark.Pass, best.outcome.Outcome)
		require.LessOrEqual(t, asked, queries)
		require.Equal(t, queries-asked, r.left)
	}
}

func TestWordMetrics(t *testing.T) {
	t.Parallel()

	one := func(o hallmark.Outcome, clean, drawn, worst int) hallmark.CaseResult {
		return hallmark.CaseResult{Detector: PerturbWord, Outcome: o, Metrics: map[string]string{
			"cleanRight": strconv.Itoa(clean), "drawnRight": strconv.Itoa(drawn), "worstRight": strconv.Itoa(worst), "queries": "9", "replaced": "1",
		}}
	}
	cases := []hallmark.CaseResult{one(hallmark.Void, 0, 1, 0), {Detector: PerturbWord, Outcome: hallmark.Error}}
	for range 10 {
		cases = append(cases, one(hallmark.Pass, 1, 1, 1))
	}
	for range 6 {
		cases = append(cases, one(hallmark.Fail, 1, 0, 0))
	}
	cases = append(cases, one(hallmark.Fail, 1, 1, 0), one(hallmark.Void, 0, 0, 0))
	m := wordMetrics(cases) // 20 cases: 18 right as they are (the broken one among them), 12 in drawn words, 10 in the worst
	require.Equal(t, map[string]string{
		"accuracyClean": "90.00", "accuracyEdited": "60.00", "accuracyWorst": "50.00", "accuracyDropPoints": "30.00", "worstDropPoints": "40.00",
		"drawnMcnemarP": "0.035157", "drawnDropLower": m["drawnDropLower"], "queriesMedian": "9", "replacedMedian": "1",
	}, m) // 7 worse and 1 better: (1+8)/2^8, rounded up
	require.Less(t, number64(m["drawnDropLower"]), 0.3)
}
