package dataset

import (
	"strings"

	"github.com/hallmark-ml/hallmark/sandbox/pii"
)

// maxColumns and maxFieldName bound what is kept of a header, or of keys.
const (
	maxColumns   = 4096
	maxFieldName = 256
	maxNesting   = 64
)

// A table reads CSV (RFC 4180): the first record names the columns. A quote within a field without quotes is a letter, such
// as that of an inch.
type table struct {
	separator byte
	header    []string
	named     bool // the header is complete
	column    int
	begun     bool // the field has a letter that is no space
	quoted    bool // inside quotes
	closed    bool // the byte before ended them; another quote is a doubled one
	name      []byte
	fields    []pii.Field
}

// Fields implements [pii.FieldParser].
func (t *table) Fields(window string, from, to int) []pii.Field {
	t.fields = t.fields[:0]
	start := from
	for i := from; i < to; i++ {
		c := window[i]
		if !t.quote(c) && (c == t.separator || c == '\n') {
			t.field(window, start, i)
			start = i + 1
			t.column++
			if c == '\n' {
				t.column, t.named = 0, true
			}
			continue
		}
		if !t.named && len(t.name) < maxFieldName && c != '"' && c != '\r' {
			t.name = append(t.name, c)
		}
	}
	if t.named {
		t.add(window, start, to)
	}
	return t.fields
}

// quote takes one byte and reports whether it is inside quotes, or one of them.
func (t *table) quote(c byte) bool {
	if c == '"' && (t.quoted || t.closed || !t.begun) {
		t.closed = t.quoted
		t.quoted, t.begun = !t.quoted, true
		return true
	}
	t.closed = false
	t.begun = t.begun || c != ' '
	return t.quoted
}

// field ends a field: a name of the header, or a value.
func (t *table) field(window string, start, end int) {
	t.begun = false
	if t.named {
		t.add(window, start, end)
		return
	}
	if len(t.header) < maxColumns {
		t.header = append(t.header, string(t.name))
	}
	t.name = t.name[:0]
}

func (t *table) add(window string, start, end int) {
	for start < end && (window[start] == '"' || window[start] == ' ') {
		start++
	}
	for end > start && (window[end-1] == '"' || window[end-1] == '\r' || window[end-1] == ' ') {
		end--
	}
	if start < end && t.column < len(t.header) {
		t.fields = append(t.fields, pii.Field{Start: start, End: end, Name: t.header[t.column]})
	}
}

// An objects parser reads JSON values, one after another: strings and numbers are named by the nearest key. It takes
// what is no JSON as it comes.
type objects struct {
	lines  bool // a line is a value: what one lacks does not spoil the others
	stack  []level
	inside bool // a string
	escape bool
	isKey  bool // the string is a key if a colon follows
	text   []byte
	fields []pii.Field
}

// A level is an object or a list, with the key that its values have.
type level struct {
	object bool
	key    string
	value  bool // behind the colon
}

// Fields implements [pii.FieldParser].
func (o *objects) Fields(window string, from, to int) []pii.Field {
	o.fields = o.fields[:0]
	start := from
	for i := from; i < to; i++ {
		c := window[i]
		if c == '\n' && o.lines {
			if o.inside && !o.isKey {
				o.add(start, i)
			}
			o.stack, o.inside, o.escape = o.stack[:0], false, false
			continue
		}
		if o.inside {
			switch {
			case o.escape:
				o.escape = false
			case c == '\\':
				o.escape = true
			case c == '"':
				o.inside = false
				o.endString(start, i)
				continue
			}
			if o.isKey && len(o.text) < maxFieldName {
				o.text = append(o.text, c)
			}
			continue
		}
		switch {
		case c == '"':
			o.inside, start = true, i+1
			o.isKey = len(o.stack) > 0 && o.top().object && !o.top().value
			o.text = o.text[:0]
		case c == '-' || c >= '0' && c <= '9':
			i = o.number(window, i, to)
		default:
			o.mark(c)
		}
	}
	if o.inside && !o.isKey {
		o.add(start, to)
	}
	return o.fields
}

func (o *objects) top() *level { return &o.stack[len(o.stack)-1] }

// mark reads a bracket, a colon or a comma.
func (o *objects) mark(c byte) {
	switch c {
	case '{', '[':
		if len(o.stack) < maxNesting {
			key := ""
			if len(o.stack) > 0 {
				key = o.top().key
			}
			o.stack = append(o.stack, level{object: c == '{', key: key})
		}
	case '}', ']':
		if len(o.stack) > 0 {
			o.stack = o.stack[:len(o.stack)-1]
		}
	case ':':
		if len(o.stack) > 0 && o.top().object && !o.top().value {
			*o.top() = level{object: true, key: string(o.text), value: true}
		}
	case ',':
		if len(o.stack) > 0 {
			o.top().value = false
		}
	}
}

func (o *objects) endString(start, end int) {
	if !o.isKey {
		o.add(start, end)
	}
}

// number reads to the last byte of a number, and names it.
func (o *objects) number(window string, start, to int) int {
	i := start
	for i+1 < to && strings.IndexByte("0123456789.eE+-", window[i+1]) >= 0 {
		i++
	}
	o.add(start, i+1)
	return i
}

func (o *objects) add(start, end int) {
	if len(o.stack) > 0 && start < end && o.top().key != "" {
		o.fields = append(o.fields, pii.Field{Start: start, End: end, Name: o.top().key})
	}
}
