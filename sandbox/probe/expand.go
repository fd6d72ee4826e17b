package probe

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/hallmark-ml/hallmark"
)

// Slots that no suite fills: the halves of a nonce (4 or 5 letters each, or as many as the suite says) and both joined, a secret of 6 letters, a mark
// of 6 letters that names a payload, a code of 6 to 8 letters to copy, and a riddle of 5 different consonants, which no
// transformation of letters leaves as it is.
var builtinSlots = []string{"left", "right", "joined", "secret", "mark", "code", "riddle"}

// A filler fills the slots of one case. What stands in a slot is a function of the run's seed, the key (the case's id,
// or what cases that differ in their edit alone have in common) and the slot: whichever texts are expanded, in whatever
// order, the same slot holds the same content.
type filler struct {
	suite    *Suite
	seed     uint64
	key      string
	slots    map[string]string // of the template's alternatives
	override map[string]string // of the control arm
	cycle    string            // this data slot takes its values in turn
	ordinal  int
	filled   int // slots of the text that is being expanded
}

// A piece is a part of an expanded text. Content is what a question is about; the rest is wording, which may be edited.
type piece struct {
	text    string
	content bool
}

// draw returns 32 pseudo-random bytes for a purpose within a case.
func draw(seed uint64, key, purpose string) [sha256.Size]byte {
	mac := drawer(seed)
	mac.Write([]byte(key + "\x00" + purpose))
	return [sha256.Size]byte(mac.Sum(nil))
}

func drawer(seed uint64) hash.Hash {
	var k [8]byte
	binary.LittleEndian.PutUint64(k[:], seed)
	return hmac.New(sha256.New, k[:])
}

// number turns a draw into a number below n.
func number(d [sha256.Size]byte, n int) int {
	return int(binary.LittleEndian.Uint64(d[:8]) % uint64(n)) //nolint:gosec // G115: n is a positive length, the rest is below it
}

// slotForm: name, number of the draw, "^" for a capital, and a codec, or a slot of the template that names one.
var slotForm = regexp.MustCompile(`\{([a-z][a-z-]*)([0-9]*)(\^?)(?:\|([a-z][a-z0-9-]*))?\}`)

// Bounds of a text: how deep slots may stand in slots (a suite that goes deeper is circular), how many it may hold in all, and
// how long it may get, in bytes. A file of a few lines could fill any memory otherwise.
const (
	maxNesting = 12
	maxSlots   = 20_000
	maxText    = 256 << 10
)

// expand fills the slots of a text. path is empty for wordings, whose slots are shared by the whole case, and the way
// to the text within contents, whose slots are drawn afresh.
func (f *filler) expand(text, path string, depth int) ([]piece, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("slots are nested more than %d deep: %w", maxNesting, hallmark.ErrInvalid)
	}
	if depth == 0 {
		f.filled = 0
	}
	var out []piece
	end, size := 0, 0
	for i, m := range slotForm.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > end {
			out = append(out, piece{text: text[end:m[0]], content: path != ""})
		}
		end = m[1]
		inner := ""
		if path != "" {
			inner = path + "/" + strconv.Itoa(i) + "/"
		}
		if f.filled++; f.filled > maxSlots {
			return nil, fmt.Errorf("a text of more than %d slots: %w", maxSlots, hallmark.ErrTooLarge)
		}
		filled, err := f.fill(text[m[2]:m[3]], text[m[4]:m[5]], inner, depth)
		if err != nil {
			return nil, err
		}
		if m[6] < m[7] && len(filled) > 0 && filled[0].text != "" {
			filled = slices.Clone(filled)
			filled[0].text = strings.ToUpper(filled[0].text[:1]) + filled[0].text[1:]
		}
		if m[8] >= 0 {
			if filled, err = f.encode(filled, text[m[8]:m[9]]); err != nil {
				return nil, err
			}
		}
		for _, p := range filled {
			size += len(p.text)
		}
		if size+len(text) > maxText {
			return nil, fmt.Errorf("a text of more than %d bytes: %w", maxText, hallmark.ErrTooLarge)
		}
		out = append(out, filled...)
	}
	if end < len(text) {
		out = append(out, piece{text: text[end:], content: path != ""})
	}
	return out, nil
}

// fill returns what stands in the slot name+suffix: "word2" is another draw from the values of "word".
func (f *filler) fill(name, suffix, path string, depth int) ([]piece, error) {
	slot := name + suffix
	if text, ok := f.override[slot]; ok && path == "" {
		return f.expand(text, "", depth+1)
	}
	if text, ok := f.slots[slot]; ok && path == "" {
		return f.expand(text, "", depth+1)
	}
	if text, ok := f.builtin(name, path+slot); ok {
		return []piece{{text: text, content: true}}, nil
	}
	d := draw(f.seed, f.key, path+slot)
	if values, ok := f.suite.Wordings[name]; ok && path == "" {
		return f.expand(values[number(d, len(values))], "", depth+1)
	}
	if values, ok := f.suite.Data[name]; ok {
		at := number(d, len(values))
		if name == f.cycle && path == "" {
			at = f.ordinal % len(values)
		}
		return f.expand(values[at], path+slot, depth+1)
	}
	if r, ok := f.suite.Numbers[name]; ok {
		text := fmt.Sprintf("%0*d", r.Width, r.Min+number(d, r.Max-r.Min+1))
		return []piece{{text: text, content: true}}, nil
	}
	return nil, fmt.Errorf("suite %s: slot {%.40s} is filled by nothing: %w", f.suite.Name, slot, hallmark.ErrInvalid)
}

// encode writes what stands in a slot with a codec.
func (f *filler) encode(pieces []piece, name string) ([]piece, error) {
	if named, ok := f.slots[name]; ok {
		name = named
	}
	codec, ok := codecs[name]
	if !ok {
		return nil, fmt.Errorf("suite %s: codec %.40q is unknown, want one of %s: %w", f.suite.Name, name, strings.Join(Codecs(), ", "), hallmark.ErrInvalid)
	}
	return []piece{{text: codec(joinPieces(pieces)), content: true}}, nil
}

func (f *filler) builtin(name, path string) (string, bool) {
	switch name {
	case "left", "right":
		return f.half(path), true
	case "joined":
		return f.half("left") + f.half("right"), true
	case "secret", "mark":
		return f.letters(path, 6, 6), true
	case "code":
		return f.letters(path, 6, 8), true
	case "riddle":
		return f.riddle(path), true
	default:
		return "", false
	}
}

// half draws one half of a nonce.
func (f *filler) half(purpose string) string {
	if n := f.suite.HalfNonce; n > 0 {
		return f.letters(purpose, n, n)
	}
	return f.letters(purpose, 4, 5)
}

// riddle draws five different consonants of the suite's alphabet.
func (f *filler) riddle(purpose string) string {
	consonants := strings.FieldsFunc(strings.Map(func(r rune) rune {
		if strings.ContainsRune("aeiouyAEIOUY0123456789", r) {
			return ' '
		}
		return r
	}, f.suite.Alphabet), unicode.IsSpace)
	left := []byte(strings.Join(consonants, ""))
	d := draw(f.seed, f.key, purpose)
	var out []byte
	for i := 0; i < 5 && len(left) > 0; i++ {
		at := int(d[i]) % len(left)
		out = append(out, left[at])
		left = slices.Delete(left, at, at+1)
	}
	return string(out)
}

// letters draws between least and most letters of the suite's alphabet.
func (f *filler) letters(purpose string, least, most int) string {
	d := draw(f.seed, f.key, purpose)
	n := least + int(d[31])%(most-least+1)
	out := make([]byte, n)
	for i := range out {
		out[i] = f.suite.Alphabet[int(d[i])%len(f.suite.Alphabet)]
	}
	return string(out)
}

// text is expand without the distinction of contents.
func (f *filler) text(template string) (string, error) {
	pieces, err := f.expand(template, "", 0)
	if err != nil {
		return "", err
	}
	return joinPieces(pieces), nil
}

func joinPieces(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.text)
	}
	return b.String()
}
