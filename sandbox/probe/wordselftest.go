package probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// wordSelfTest judges labelled outputs, and searches models that are known: each replaced word takes something from the right
// answer's likelihood, and from a threshold on the answer is wrong. Where words that reach it exist the search should find some.
func wordSelfTest() (Score, error) {
	var c corpus
	if err := readCorpus(PerturbWord, &c); err != nil {
		return Score{}, err
	}
	s, err := c.score(&Detector{ID: PerturbWord, judge: judgeReworded})
	if err != nil {
		return Score{}, err
	}
	for i := range 120 {
		m := newWordModel(i)
		r := m.rewording()
		got, err := r.search(attempt{outcome: Judgement{Outcome: hallmark.Pass}})
		if err != nil {
			return Score{}, err
		}
		label := hallmark.Pass
		if m.breaks {
			label = hallmark.Fail
		}
		s.count(fmt.Sprintf("model %d, %d places", i, len(m.takes)), label, got.outcome.Outcome)
	}
	return s, nil
}

// A wordModel answers a question of a few words rightly until too much of it is replaced.
type wordModel struct {
	takes  [][]float64 // by place and option: what it takes from the answer's likelihood
	limit  float64     // of the sum, from which on the answer is wrong
	most   int         // places that may be replaced at once
	breaks bool        // that suffices
}

func newWordModel(i int) wordModel {
	random := draws(5, PerturbWord, fmt.Sprint(i))
	m := wordModel{takes: make([][]float64, 3+int(random()%5)), most: 1 + i/2%2, breaks: i%2 == 0}
	var worst []float64
	for p := range m.takes {
		for range 2 + random()%2 {
			m.takes[p] = append(m.takes[p], uniform(random()))
		}
		worst = append(worst, slices.Max(m.takes[p]))
	}
	slices.Sort(worst)
	for _, w := range worst[len(worst)-m.most:] {
		m.limit += w
	}
	if m.breaks {
		m.limit = float64(m.limit * (0.85 + 0.14*uniform(random())))
	} else {
		m.limit = float64(m.limit * 1.01)
	}
	return m
}

// taken is what the words of a question take: places are letters, and "b2" is option 2 in place b.
func (m wordModel) taken(text string) float64 {
	sum := 0.0
	for p, options := range m.takes {
		letter := string(rune('a' + p))
		kept := false
		for word := range strings.FieldsSeq(text) {
			kept = kept || strings.HasPrefix(word, letter)
			for o, t := range options {
				if word == letter+fmt.Sprint(o) {
					sum += t
				}
			}
		}
		if !kept { // left out: about as bad as the average of its options
			sum += float64(mean(options) * 0.8)
		}
	}
	return sum
}

func (m wordModel) rewording() rewording {
	const right, wrong = "57", "56"
	r := rewording{most: m.most, left: 32, want: want{answer: right}, clean: ended(right)}
	for p, options := range m.takes {
		letter := string(rune('a' + p))
		at := place{start: len(r.text), end: len(r.text) + 1}
		for o := range options {
			at.options = append(at.options, letter+fmt.Sprint(o))
		}
		r.places, r.text = append(r.places, at), r.text+letter+" "
	}
	r.answer = func(text string) (Completion, error) {
		if m.taken(text) >= m.limit {
			return ended(wrong), nil
		}
		return ended(right), nil
	}
	r.score = func(texts []string) ([]float64, error) {
		var out []float64
		for _, text := range texts {
			out = append(out, -m.taken(text))
		}
		return out, nil
	}
	return r
}
