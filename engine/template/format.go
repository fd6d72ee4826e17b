package template

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// toText is what printing v writes.
func (in *interp) toText(v value) (text, error) {
	switch v := v.(type) {
	case undefined:
		return text{}, nil
	case text:
		return v, nil
	default:
		w := writer{in: in, python: true}
		err := w.value(v, 0)
		return w.b.text(), err
	}
}

// A writer spells values: as Python's repr does, or as JSON in the layout of Python's json.dumps.
type writer struct {
	in     *interp
	b      textBuilder
	python bool
	ascii  bool // JSON: only ASCII characters
	sorted bool // JSON: keys of mappings in order
	indent string
	pretty bool // JSON: a line an item
	comma  string
	colon  string
}

func (w *writer) raw(s string) { w.b.addString(s, fromTemplate) }

// pick returns the spelling of a constant.
func (w *writer) pick(python, json string) string {
	if w.python {
		return python
	}
	return json
}

func (w *writer) value(v value, depth int) error {
	defer func() { w.in.level-- }()
	if err := w.in.down(); err != nil {
		return err
	}
	if w.b.len() > w.in.budget.Output {
		return &BudgetError{Limit: "output", Value: w.in.budget.Output}
	}
	switch v := v.(type) {
	case none:
		w.raw(w.pick("None", "null"))
	case boolean:
		if v {
			w.raw(w.pick("True", "true"))
		} else {
			w.raw(w.pick("False", "false"))
		}
	case integer:
		w.raw(strconv.FormatInt(int64(v), 10))
	case wide:
		w.raw(string(v))
	case float:
		w.raw(w.float(float64(v)))
	case text:
		if err := w.in.grow(len(v.s), len(v.from)); err != nil {
			return err
		}
		if w.python {
			w.repr(v)
		} else {
			w.json(v)
		}
	case *list:
		return w.list(v, depth)
	case *dict:
		return w.dict(v, depth)
	case undefined:
		if !w.python {
			return errors.New("tojson of " + describe(v))
		}
		w.raw("Undefined")
	default:
		return errors.New("text of " + describe(v))
	}
	return nil
}

func (w *writer) float(f float64) string {
	s := formatFloat(f)
	if !w.python {
		switch s {
		case "inf":
			return "Infinity"
		case "-inf":
			return "-Infinity"
		case "nan":
			return "NaN"
		}
	}
	return s
}

// items writes n items between brackets.
func (w *writer) items(open, end string, n, depth int, item func(i int) error) error {
	w.raw(open)
	for i := range n {
		if i > 0 {
			w.raw(w.comma)
		}
		w.line(depth + 1)
		if err := item(i); err != nil {
			return err
		}
	}
	if n > 0 {
		w.line(depth)
	}
	w.raw(end)
	return nil
}

func (w *writer) line(depth int) {
	if w.pretty {
		w.raw("\n" + strings.Repeat(w.indent, depth))
	}
}

func (w *writer) list(l *list, depth int) error {
	open, end := "[", "]"
	if w.python {
		w.comma, w.colon = ", ", ": "
		if l.tuple {
			open, end = "(", ")"
		}
		if l.tuple && len(l.items) == 1 {
			end = ",)"
		}
	}
	return w.items(open, end, len(l.items), depth, func(i int) error { return w.value(l.items[i], depth+1) })
}

func (w *writer) dict(d *dict, depth int) error {
	if w.python {
		w.comma, w.colon = ", ", ": "
	}
	order, err := w.order(d)
	if err != nil {
		return err
	}
	return w.items("{", "}", len(order), depth, func(i int) error {
		k := d.keys[order[i]]
		if !w.python {
			if _, isText := k.(text); !isText { // JSON has string keys only
				key := writer{in: w.in}
				if err := key.value(k, 0); err != nil {
					return err
				}
				k = key.b.text()
			}
		}
		if err := w.value(k, depth+1); err != nil {
			return err
		}
		w.raw(w.colon)
		return w.value(d.values[order[i]], depth+1)
	})
}

func (w *writer) order(d *dict) ([]int, error) {
	order := make([]int, len(d.keys))
	for i := range order {
		order[i] = i
	}
	if !w.sorted {
		return order, nil
	}
	return order, w.in.sort(order, func(i, j int) (int, error) { return w.in.order(d.keys[i], d.keys[j]) })
}

// repr writes a string as Python does: in single quotes unless it has some and no double ones.
func (w *writer) repr(t text) {
	quote := byte('\'')
	if strings.Contains(t.s, "'") && !strings.Contains(t.s, `"`) {
		quote = '"'
	}
	w.raw(string(quote))
	w.b.add(t.mapRuns(func(s string) string {
		var b strings.Builder
		for _, r := range s {
			switch {
			case r == rune(quote) || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\r':
				b.WriteString(`\r`)
			case r == '\t':
				b.WriteString(`\t`)
			case r == ' ' || unicode.IsPrint(r):
				b.WriteRune(r)
			case r < 0x100:
				fmt.Fprintf(&b, `\x%02x`, r)
			case r < 0x10000:
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				fmt.Fprintf(&b, `\U%08x`, r)
			}
		}
		return b.String()
	}))
	w.raw(string(quote))
}

// json writes a string in double quotes.
func (w *writer) json(t text) {
	w.raw(`"`)
	w.b.add(t.mapRuns(func(s string) string {
		var b strings.Builder
		for _, r := range s {
			if i := strings.IndexRune("\"\\\n\r\t\b\f", r); i >= 0 {
				b.WriteByte('\\')
				b.WriteByte(`"\nrtbf`[i])
				continue
			}
			switch {
			case r < 0x20 || w.ascii && r > 0x7e && r < 0x10000:
				fmt.Fprintf(&b, `\u%04x`, r)
			case w.ascii && r >= 0x10000:
				r -= 0x10000
				fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			default:
				b.WriteRune(r)
			}
		}
		return b.String()
	}))
	w.raw(`"`)
}

// parseInt reads s as the filter int does: blanks and underscores are allowed, a fraction is cut off.
func parseInt(s string, base int) (int64, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "")
	n, err := strconv.ParseInt(s, base, 64)
	if err == nil {
		return n, true
	}
	f, ok := parseFloat(s)
	if !ok || base != 10 || !(math.Abs(f) < 1<<62) {
		return 0, false
	}
	return int64(f), true
}

func parseFloat(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil
}

// titleText is Python's str.title: a letter after one that has no case is upper case, the others are lower case.
func titleText(t text) text {
	return t.titled(toTitle, func(r rune) bool { return !unicode.IsUpper(r) && !unicode.IsLower(r) && !unicode.IsTitle(r) })
}

// titleWords is Jinja's filter title: words begin after white space, hyphens and opening brackets.
func titleWords(t text) text {
	return t.titled(toUpper, func(r rune) bool { return isSpace(r) || strings.ContainsRune("-({[<", r) })
}

// titled applies capital to the characters that stand after one that starts says yes to, and makes the others lower case.
func (t text) titled(capital func(string) string, starts func(rune) bool) text {
	first := true
	return t.mapRuns(func(s string) string {
		var b strings.Builder
		for _, r := range s {
			if first {
				b.WriteString(capital(string(r)))
			} else {
				b.WriteRune(unicode.ToLower(r))
			}
			first = starts(r)
		}
		return b.String()
	})
}

func capitalize(t text) text {
	_, size := utf8.DecodeRuneInString(t.s)
	var b textBuilder
	b.add(t.slice(0, size).mapRuns(toTitle))
	b.add(t.slice(size, len(t.s)).mapRuns(strings.ToLower))
	return b.text()
}
