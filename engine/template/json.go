package template

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var errJSON = errors.New("from_json of a text that is not JSON")

// A jsonReader reads a JSON text (RFC 8259) into values.
type jsonReader struct {
	in   *interp
	s    string
	at   int
	from int // the message that all of s comes from, or fromTemplate
}

func filterFromJSON(in *interp, v value, _ []value) (value, error) {
	ts, err := in.texts(v)
	if err != nil {
		return nil, err
	}
	return in.readJSON(ts[0].s, ts[0].message(0, len(ts[0].s)))
}

// readJSON reads s, all of which comes from message msg.
func (in *interp) readJSON(s string, msg int) (value, error) {
	if err := in.charge(len(s) / stepBytes); err != nil {
		return nil, err
	}
	r := jsonReader{in: in, s: s, from: msg}
	out, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.next() != 0 {
		return nil, errJSON
	}
	return out, nil
}

// next skips white space and returns the byte that follows, 0 at the end.
func (r *jsonReader) next() byte {
	for r.at < len(r.s) && strings.IndexByte(" \t\r\n", r.s[r.at]) >= 0 {
		r.at++
	}
	if r.at == len(r.s) {
		return 0
	}
	return r.s[r.at]
}

// accept skips white space and c, if c follows.
func (r *jsonReader) accept(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value() (value, error) {
	defer func() { r.in.level-- }()
	if err := r.in.down(); err != nil {
		return nil, err
	}
	switch c := r.next(); {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		return r.str()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for _, word := range []struct {
		s string
		v value
	}{{"true", boolean(true)}, {"false", boolean(false)}, {"null", none{}}} {
		if strings.HasPrefix(r.s[r.at:], word.s) {
			r.at += len(word.s)
			return word.v, nil
		}
	}
	return nil, errJSON
}

func (r *jsonReader) object() (value, error) {
	r.at++
	d := newDict(0)
	for first := true; !r.accept('}'); first = false {
		if !first && !r.accept(',') || r.next() != '"' {
			return nil, errJSON
		}
		k, err := r.str()
		if err != nil {
			return nil, err
		}
		if !r.accept(':') {
			return nil, errJSON
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		if err := d.set(k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (r *jsonReader) array() (value, error) {
	r.at++
	l := &list{}
	for first := true; !r.accept(']'); first = false {
		if !first && !r.accept(',') {
			return nil, errJSON
		}
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	return l, nil
}

func (r *jsonReader) number() (value, error) {
	start := r.at
	for r.at < len(r.s) && strings.IndexByte("+-.eE0123456789", r.s[r.at]) >= 0 {
		r.at++
	}
	s := r.s[start:r.at]
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return integer(n), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return nil, errJSON
	case !strings.ContainsAny(s, ".eE"):
		if len(strings.TrimPrefix(s, "-")) > maxDigits {
			return nil, errJSON
		}
		return wide(s), nil
	default:
		return float(f), nil
	}
}

func (r *jsonReader) str() (value, error) {
	r.at++
	var b strings.Builder
	for r.at < len(r.s) {
		c := r.s[r.at]
		r.at++
		switch {
		case c == '"':
			var t textBuilder
			t.addString(b.String(), r.from)
			return t.text(), nil
		case c < 0x20:
			return nil, errJSON
		case c != '\\':
			b.WriteByte(c)
		case !r.escape(&b):
			return nil, errJSON
		}
	}
	return nil, errJSON
}

func (r *jsonReader) escape(b *strings.Builder) bool {
	if r.at == len(r.s) {
		return false
	}
	c := r.s[r.at]
	r.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return true
	}
	u, ok := r.hex(c)
	if !ok {
		return false
	}
	if utf16.IsSurrogate(u) {
		pair := rune(utf8.RuneError)
		if strings.HasPrefix(r.s[r.at:], `\u`) {
			back := r.at
			r.at += len(`\u`)
			low, _ := r.hex('u')
			if pair = utf16.DecodeRune(u, low); pair == utf8.RuneError {
				r.at = back
			}
		}
		u = pair
	}
	b.WriteRune(u)
	return true
}

// hex reads the four digits after "\u".
func (r *jsonReader) hex(c byte) (rune, bool) {
	if c != 'u' || len(r.s)-r.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[r.at:r.at+4], 16, 16)
	r.at += 4
	return rune(n), err == nil
}
