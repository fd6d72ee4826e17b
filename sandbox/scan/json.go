package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
)

// Bounds of a JSON document.
const (
	maxJSONDepth  = 512
	maxJSONUnique = 4096    // members of one object of which a second one of that name is seen
	maxJSONNames  = 1 << 18 // of all objects that are open
	maxJSONText   = 8 << 20 // bytes of one text or number
	maxJSONWanted = 4096    // bytes of a text that is kept for its object
)

// A jsonVisitor is told of the texts in a document. The document is not kept.
type jsonVisitor struct {
	// text, if not nil, gets each text with the name of the member that it is, or is in a list of.
	text func(key, value string)
	// member, if not nil, gets each text with the name of the member of the whole document that it is in, and its own.
	member func(top, key, value string)
	// under, if not nil, gets each text in a member of a name that inside has, however deep, with that name and its own.
	under  func(name, key, value string)
	inside map[string]bool
	// truth, if not nil, gets each truth value with the name of its member.
	truth func(key string, value bool)
	// object, if not nil, gets each object when it ends: its members that are texts, by name, of those names that want has.
	object func(texts map[string]string)
	want   map[string]bool
	// twice lets an object have two members of one name.
	twice bool
}

// A jsonLevel is one object or list that is open.
type jsonLevel struct {
	object bool
	key    string              // of the member that is read, or that the list is
	inKey  bool                // the next token of an object is a name
	seen   map[uint64]struct{} // hashes of names
	texts  map[string]string
	within string // the name of a member that inside has, which this is in
}

// member is the name of a member that inside has and that a value of this level stands in, or nothing.
func (l *jsonLevel) member(inside map[string]bool) string {
	if inside[l.key] {
		return l.key
	}
	return l.within
}

// errLimit is of a document that is over a bound.
var errLimit = fmt.Errorf("over a limit: %w", errForm)

// walkJSON reads one document to its end.
func walkJSON(in io.Reader, v jsonVisitor) error {
	dec := json.NewDecoder(&textLimiter{r: in})
	dec.UseNumber()
	w := &jsonWalk{jsonVisitor: v, seed: maphash.MakeSeed()}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) && w.done {
			return nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if w.done {
			return fmt.Errorf("bytes after the document: %w", errForm)
		}
		if err := w.token(tok); err != nil {
			return err
		}
	}
}

type jsonWalk struct {
	jsonVisitor
	open  []jsonLevel
	done  bool
	seed  maphash.Seed
	names int // in seen of all that are open
}

// A textLimiter stops at a text or number over the limit: the decoder holds each as a whole, twice. It writes 0 where NaN
// and Infinity stand, which Python writes and reads, and the decoder refuses.
type textLimiter struct {
	r       io.Reader
	n       int // bytes since the last one ended
	quoted  bool
	escaped bool
	word    string // what has to follow of a word that became 0
}

func (l *textLimiter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		switch {
		case l.word != "":
			if c != l.word[0] {
				return 0, fmt.Errorf("%q in a word: %w", c, errForm)
			}
			p[i], l.word = ' ', l.word[1:]
		case c == 'N' && !l.quoted:
			p[i], l.word = '0', "aN"
		case c == 'I' && !l.quoted:
			p[i], l.word = '0', "nfinity"
		case l.escaped:
			l.escaped = false
		case l.quoted && c == '\\':
			l.escaped = true
		case c == '"':
			l.quoted, l.n = !l.quoted, 0
		case !l.quoted && (c == ',' || c == ':' || c == ' ' || c == '\n'):
			l.n = 0
		}
		if l.n++; l.n > maxJSONText {
			return 0, fmt.Errorf("a text of more than %d bytes: %w", maxJSONText, errLimit)
		}
	}
	return n, err
}

func (w *jsonWalk) token(tok json.Token) error {
	var top *jsonLevel
	if n := len(w.open); n > 0 {
		top = &w.open[n-1]
	}
	if d, ok := tok.(json.Delim); ok && (d == '}' || d == ']') {
		if d == '}' && w.object != nil {
			w.object(top.texts)
		}
		w.names -= len(top.seen)
		w.open = w.open[:len(w.open)-1]
		w.value()
		return nil
	}
	if top != nil && top.inKey {
		return w.name(top, tok.(string)) // the decoder takes nothing else for a name
	}
	switch tok := tok.(type) {
	case json.Delim:
		if len(w.open) >= maxJSONDepth {
			return fmt.Errorf("more than %d levels: %w", maxJSONDepth, errLimit)
		}
		level := jsonLevel{object: tok == '{', inKey: tok == '{'}
		if top != nil {
			level.within = top.member(w.inside)
		}
		if !level.object && top != nil {
			level.key = top.key
		}
		w.open = append(w.open, level)
		return nil
	case string:
		w.textValue(top, tok)
	case bool:
		if w.truth != nil && top != nil {
			w.truth(top.key, tok)
		}
	}
	w.value()
	return nil
}

func (w *jsonWalk) textValue(top *jsonLevel, text string) {
	key := ""
	if top != nil {
		key = top.key
		if top.object && w.want[key] {
			if top.texts == nil {
				top.texts = map[string]string{}
			}
			top.texts[key] = strings.Clone(text[:min(len(text), maxJSONWanted)])
		}
	}
	if w.text != nil {
		w.text(key, text)
	}
	if w.member != nil && top != nil {
		w.member(w.open[0].key, key, text)
	}
	if top != nil && w.under != nil {
		if name := top.member(w.inside); name != "" {
			w.under(name, key, text)
		}
	}
}

// value says that a value has ended.
func (w *jsonWalk) value() {
	if n := len(w.open); n > 0 {
		w.open[n-1].inKey = w.open[n-1].object
		return
	}
	w.done = true
}

// name begins a member. Readers differ in which of two members of one name counts.
func (w *jsonWalk) name(l *jsonLevel, key string) error {
	l.key, l.inKey = key, false
	if w.twice {
		return nil
	}
	hash := maphash.String(w.seed, key)
	if _, twice := l.seen[hash]; twice {
		return fmt.Errorf("%.80q stands twice in an object: %w", key, errForm)
	}
	if w.names >= maxJSONNames {
		return fmt.Errorf("more than %d names in objects that are open: %w", maxJSONNames, errForm)
	}
	if len(l.seen) < maxJSONUnique {
		if l.seen == nil {
			l.seen = map[uint64]struct{}{}
		}
		l.seen[hash] = struct{}{}
		w.names++
	}
	return nil
}
