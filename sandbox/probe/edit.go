package probe

import (
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// The perturbations of perturb.char, each of one word of a prompt's wording.
var editNames = []string{"case", "delete", "insert", "spacing", "swap", "typo"}

// neighbours of a letter on a QWERTY keyboard, one each, for typos.
const (
	typed    = "abcdefghijklmnopqrstuvwxyz"
	mistyped = "svxfrghjoklknmpowtdyibecux"
)

// edit makes one small error in a word of at least four letters of the wording, chosen and made by the seed and the
// case's id; contents stay as they are, and so does the right answer.
func edit(pieces []piece, name string, seed uint64, id string) (string, error) {
	type place struct{ piece, start, end int }
	var words []place
	for i, p := range pieces {
		if p.content {
			continue
		}
		for at := 0; at < len(p.text); {
			end := at
			for end < len(p.text) && isLetter(p.text[end]) {
				end++
			}
			if end-at >= 4 {
				words = append(words, place{i, at, end})
			}
			at = max(end, at+1)
		}
	}
	if len(words) == 0 {
		return "", fmt.Errorf("case %s: no word to edit: %w", id, hallmark.ErrInvalid)
	}
	w := words[number(draw(seed, id, "edit word"), len(words))]
	text := pieces[w.piece].text
	changed := misspell(text[w.start:w.end], name, number(draw(seed, id, "edit place"), w.end-w.start-2)+1)
	var b strings.Builder
	for i, p := range pieces {
		if i == w.piece {
			b.WriteString(text[:w.start] + changed + text[w.end:])
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String(), nil
}

// misspell makes the error at the inner letter i, 1 <= i <= len(word)-2.
func misspell(word, name string, i int) string {
	near := word[i : i+1]
	if at := strings.IndexByte(typed, word[i]|0x20); at >= 0 {
		near = mistyped[at : at+1]
	}
	switch name {
	case "case":
		if upper := strings.ToUpper(word); upper != word {
			return upper
		}
		return strings.ToLower(word)
	case "delete":
		return word[:i] + word[i+1:]
	case "insert":
		return word[:i] + near + word[i:]
	case "spacing":
		return word[:i] + " " + word[i:]
	case "swap":
		for j := i; j < len(word)-1; j++ { // equal neighbours would change nothing
			if word[j] != word[j+1] {
				return word[:j] + word[j+1:j+2] + word[j:j+1] + word[j+2:]
			}
		}
		return word[:i] + word[i+1:]
	case "typo":
		return word[:i] + near + word[i+1:]
	default:
		panic("probe: unknown edit " + name) // Check accepts the names above only
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
