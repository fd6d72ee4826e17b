package probe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// A place is a part of a question's wording, [start, end) in bytes, that each of the options can take the place of without a
// change of what is asked.
type place struct {
	start, end int
	options    []string
}

// longestPhrase is how many words a key of a suite's synonyms has at most.
const longestPhrase = 3

var (
	wordForm    = regexp.MustCompile(`[\pL\pN][\pL\pN'-]*`)
	synonymForm = regexp.MustCompile(`^[a-z][a-z'-]*( [a-z][a-z'-]*){0,4}$`)
)

// reworded finds the places of a question: phrases of its wording that the suite has synonyms for, longest first, none within
// another. Contents stay as they are. Only what stands behind the last occurrence of after is looked at; words is how many
// words that has.
func (s *Suite) reworded(pieces []piece, after string) (places []place, words int) {
	text := joinPieces(pieces)
	from := 0
	if after != "" {
		from = max(0, strings.LastIndex(text, after))
	}
	content := make([]bool, 0, len(text))
	for _, p := range pieces {
		content = append(content, slices.Repeat([]bool{p.content}, len(p.text))...)
	}
	all := wordForm.FindAllStringIndex(text, -1)
	all = slices.DeleteFunc(all, func(w []int) bool { return w[0] < from })
	for i := 0; i < len(all); {
		n := min(longestPhrase, len(all)-i)
		for ; n > 0; n-- {
			start, end := all[i][0], all[i+n-1][1]
			if options := s.Synonyms[strings.ToLower(text[start:end])]; len(options) > 0 && !slices.Contains(content[start:end], true) {
				places = append(places, place{start, end, options})
				break
			}
		}
		i += max(1, n)
	}
	return places, len(all)
}

// unchosen says that a place keeps its words.
const unchosen = -1

// rewrite writes a question with the chosen option in each place.
func rewrite(text string, places []place, chosen []int) string {
	var b strings.Builder
	at := 0
	for i, p := range places {
		if chosen[i] == unchosen {
			continue
		}
		option := p.options[chosen[i]]
		if c := text[p.start]; c >= 'A' && c <= 'Z' {
			option = strings.ToUpper(option[:1]) + option[1:]
		}
		b.WriteString(text[at:p.start] + option)
		at = p.end
	}
	return b.String() + text[at:]
}

// without is a question with one place's words left out.
func without(text string, p place) string {
	return text[:p.start] + strings.TrimPrefix(text[p.end:], " ")
}

// checkSynonyms refuses entries that could change an answer: digits would be numbers.
func (s *Suite) checkSynonyms(bad func(string, ...any)) {
	for phrase, options := range s.Synonyms {
		if !synonymForm.MatchString(phrase) || strings.Count(phrase, " ") >= longestPhrase || len(options) == 0 {
			bad("synonyms of %.40q: want up to %d words in small letters, and what stands for them", phrase, longestPhrase)
		}
		for i, o := range options {
			if !synonymForm.MatchString(o) || o == phrase || slices.Contains(options[:i], o) {
				bad("synonym %.40q of %.40q is malformed or named twice", o, phrase)
			}
		}
	}
}

// reword finds the places of a case's question. One without a place is [hallmark.ErrInvalid].
func (c *Case) reword(s *Suite, last []piece) error {
	c.question = joinPieces(last)
	c.places, c.words = s.reworded(last, c.Params[paramAfter])
	if len(c.places) == 0 {
		return fmt.Errorf("no word of %.80q has a synonym in the suite: %w", c.question, hallmark.ErrInvalid)
	}
	return nil
}

// asking returns the case's request with another question in place of its own.
func (c Case) asking(question string) GenerateRequest {
	req := c.Request
	if len(req.Messages) == 0 {
		rest := strings.TrimSuffix(req.Prompt, c.end)
		req.Prompt = strings.TrimSuffix(rest, c.question) + question + c.end
		return req
	}
	req.Messages = slices.Clone(req.Messages)
	req.Messages[len(req.Messages)-1].Content = question
	return req
}
