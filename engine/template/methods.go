package template

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// methods are what may be called on a value. A template that calls another one does not parse; a known one on the
// wrong type is an error of the rendering.
var methods = map[string]definition{
	"strip":        def(stripMethod(text.trim), "chars"),
	"lstrip":       def(stripMethod(text.trimLeft), "chars"),
	"rstrip":       def(stripMethod(text.trimRight), "chars"),
	"split":        def(methodSplit, "sep", "maxsplit"),
	"rsplit":       def(methodRsplit, "sep", "maxsplit"),
	"splitlines":   def(methodSplitLines, "keepends"),
	"startswith":   def(affixMethod(strings.HasPrefix), "prefix", "start", "end"),
	"endswith":     def(affixMethod(strings.HasSuffix), "suffix", "start", "end"),
	"removeprefix": def(methodRemovePrefix, "prefix"),
	"removesuffix": def(methodRemoveSuffix, "suffix"),
	"replace":      def(methodReplace, "old", "new", "count"),
	"upper":        def(onText(func(t text) value { return t.mapRuns(toUpper) })),
	"lower":        def(onText(func(t text) value { return t.mapRuns(strings.ToLower) })),
	"casefold":     def(onText(func(t text) value { return t.mapRuns(strings.ToLower) })),
	"swapcase":     def(onText(func(t text) value { return t.mapRuns(swapCase) })),
	"title":        def(onText(func(t text) value { return titleText(t) })),
	"capitalize":   def(onText(func(t text) value { return capitalize(t) })),
	"find":         def(findMethod(strings.Index, false), "sub", "start", "end"),
	"rfind":        def(findMethod(strings.LastIndex, false), "sub", "start", "end"),
	"index":        def(methodIndex, "sub", "start", "end"),
	"rindex":       def(findMethod(strings.LastIndex, true), "sub", "start", "end"),
	"count":        def(methodCount, "sub", "start", "end"),
	"partition":    def(partitionMethod(strings.Index, func(t text) []value { return []value{t, text{}, text{}} }), "sep"),
	"rpartition":   def(partitionMethod(strings.LastIndex, func(t text) []value { return []value{text{}, text{}, t} }), "sep"),
	"zfill":        def(methodZfill, "width"),
	"ljust":        def(justifyMethod(func(int, int) int { return 0 }), "width", "fillchar"),
	"rjust":        def(justifyMethod(func(fill, _ int) int { return fill }), "width", "fillchar"),
	"center":       def(justifyMethod(func(fill, width int) int { return fill/2 + fill&width&1 }), "width", "fillchar"),
	"join":         def(methodJoin, "items"),
	"format":       def(methodFormat, "..."),
	"isdigit":      def(classMethod(unicode.IsDigit)),
	"isdecimal":    def(classMethod(unicode.IsDigit)),
	"isnumeric":    def(classMethod(unicode.IsNumber)),
	"isalpha":      def(classMethod(unicode.IsLetter)),
	"isalnum":      def(classMethod(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })),
	"isascii":      def(onText(func(t text) value { return boolean(!strings.ContainsFunc(t.s, func(r rune) bool { return r > 0x7f })) })),
	"isspace":      def(classMethod(isSpace)),
	"isupper":      def(boolMethod(caseTest(unicode.IsLower, unicode.IsUpper))),
	"islower":      def(boolMethod(caseTest(unicode.IsUpper, unicode.IsLower))),

	"cycle":   def(methodCycle, "..."),
	"changed": def(methodChanged, "..."),

	"copy":   def(methodCopy),
	"items":  def(onDict(func(d *dict) value { return d.items() })),
	"keys":   def(onDict(func(d *dict) value { return &list{items: slices.Clip(d.keys), kind: dictView} })),
	"values": def(onDict(func(d *dict) value { return &list{items: slices.Clip(d.values), kind: dictView} })),
	"get":    def(methodGet, "key", "default"),
	"append": def(methodAppend, "item"),
	"pop":    def(methodPop, "index"),
}

// The methods of Python's types. A template may ask whether there is one, or take it for an item of a mapping.
var (
	dictMethods = strings.Fields("clear copy fromkeys get items keys pop popitem setdefault update values")
	listMethods = strings.Fields("append clear copy count extend index insert pop remove reverse sort")
	textMethods = strings.Fields(`capitalize casefold center count encode endswith expandtabs find format index isalnum isalpha isascii
isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip maketrans partition
removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title translate
upper zfill`)
)

func (l *list) methods() []string {
	switch {
	case l.kind != plainList:
		return nil
	case l.tuple:
		return []string{"count", "index"}
	default:
		return listMethods
	}
}

// boundMethod is a method that is not called where it is named: it is there, and true, and nothing else can be done with it.
func boundMethod(name string) value {
	return &builtin{name, func(*interp, []value, []string, []value) (value, error) {
		return nil, errors.New("method " + name + " has to be called where it is named")
	}}
}

func onText(f func(text) value) callFunc {
	return func(in *interp, v value, _ []value) (value, error) {
		t, ok := v.(text)
		if !ok {
			return nil, errors.New("string method on " + describe(v))
		}
		return f(t), in.charge((len(t.s) + originBytes*len(t.from)) / stepBytes)
	}
}

func onDict(f func(*dict) value) callFunc {
	return func(in *interp, v value, _ []value) (value, error) {
		d, ok := v.(*dict)
		if !ok {
			return nil, errors.New("mapping method on " + describe(v))
		}
		return f(d), in.charge(2 * len(d.keys))
	}
}

// texts returns v and the arguments a as texts, and charges for one pass over them.
func (in *interp) texts(v value, a ...value) ([]text, error) {
	out := make([]text, 0, 1+len(a))
	for _, x := range append([]value{v}, a...) {
		t, ok := x.(text)
		if x == nil {
			return nil, errors.New("an argument is missing")
		}
		if !ok {
			return nil, errors.New("a string is needed, not " + describe(x))
		}
		if err := in.charge((len(t.s) + originBytes*len(t.from)) / stepBytes); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

func stripMethod(strip func(t text, cutset string) text) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		if _, isNone := a[0].(none); isNone || a[0] == nil {
			a[0] = str("")
		}
		ts, err := in.texts(v, a[0])
		if err != nil {
			return nil, err
		}
		if len(ts[1].s) > 100 { // each character is looked up in it
			return nil, errors.New("strip of more than 100 characters")
		}
		return strip(ts[0], ts[1].s), nil
	}
}

// A splitting is what split and rsplit are asked to do.
type splitting struct {
	t    text
	sep  string // empty: white space
	most int    // cuts; negative: no limit
}

func (in *interp) splitting(v value, a []value) (splitting, error) {
	s := splitting{most: -1}
	if a[1] != nil {
		var ok bool
		if s.most, ok = index(a[1]); !ok {
			return s, errors.New("maxsplit is " + describe(a[1]))
		}
	}
	sep := a[0]
	if _, isNone := sep.(none); isNone || sep == nil {
		sep = str("")
	} else if t, ok := sep.(text); ok && t.s == "" {
		return s, errors.New("separator is empty")
	}
	ts, err := in.texts(v, sep)
	if err != nil {
		return s, err
	}
	s.t, s.sep = ts[0], ts[1].s
	return s, nil
}

func methodSplit(in *interp, v value, a []value) (value, error) {
	s, err := in.splitting(v, a)
	if err != nil {
		return nil, err
	}
	return in.textList(s.t.split(s.sep, s.most))
}

// methodRsplit is split with the cuts counted from the end.
func methodRsplit(in *interp, v value, a []value) (value, error) {
	s, err := in.splitting(v, a)
	if err != nil {
		return nil, err
	}
	if s.sep == "" && s.most >= 0 {
		return in.textList(s.t.lastFields(s.most))
	}
	pieces := s.t.split(s.sep, -1)
	keep := len(pieces) - s.most
	if s.most < 0 || keep <= 1 {
		return in.textList(pieces)
	}
	rest := -len(s.sep)
	for _, p := range pieces[:keep] {
		rest += len(p.s) + len(s.sep)
	}
	return in.textList(append([]text{s.t.slice(0, rest)}, pieces[keep:]...))
}

func (in *interp) textList(ts []text) (value, error) {
	out := &list{items: make([]value, len(ts))}
	for i, t := range ts {
		out.items[i] = t
	}
	return out, in.charge(len(ts))
}

// lineEnds are the characters that end a line for Python's str.splitlines, beside "\r\n".
const lineEnds = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

// lines cuts t at the ends of lines: without these, and with them. One at the end of t opens no other line.
func (t text) lines() (bare, whole []text) {
	for at := 0; at < len(t.s); {
		end, size := len(t.s), 0
		if i := strings.IndexAny(t.s[at:], lineEnds); i >= 0 {
			end = at + i
			_, size = utf8.DecodeRuneInString(t.s[end:])
			if strings.HasPrefix(t.s[end:], "\r\n") {
				size = 2
			}
		}
		bare, whole = append(bare, t.slice(at, end)), append(whole, t.slice(at, end+size))
		at = end + size
	}
	return bare, whole
}

func methodSplitLines(in *interp, v value, a []value) (value, error) {
	ts, err := in.texts(v)
	if err != nil {
		return nil, err
	}
	lines, whole := ts[0].lines()
	if truth(orFalse(a[0])) {
		lines = whole
	}
	return in.textList(lines)
}

func methodReplace(in *interp, v value, a []value) (value, error) {
	ts, err := in.texts(v, a[0], a[1])
	if err != nil {
		return nil, err
	}
	n := -1
	if a[2] != nil {
		var ok bool
		if n, ok = index(a[2]); !ok {
			return nil, errors.New("count is " + describe(a[2]))
		}
	}
	hits := strings.Count(ts[0].s, ts[1].s)
	if n >= 0 {
		hits = min(hits, n)
	}
	if err := in.grow(len(ts[0].s)+hits*(len(ts[2].s)-len(ts[1].s)), hits*(1+len(ts[2].from))); err != nil {
		return nil, err
	}
	return ts[0].replace(ts[1], ts[2], n), nil
}

func methodCopy(in *interp, v value, _ []value) (value, error) {
	switch v := v.(type) {
	case *list:
		if !v.tuple && v.kind == plainList {
			return &list{items: slices.Clone(v.items)}, in.charge(len(v.items))
		}
	case *dict:
		return globalDict(in, []value{v}, nil, nil)
	}
	return nil, errors.New("copy of " + describe(v))
}

func methodJoin(in *interp, v value, a []value) (value, error) {
	if a[0] == nil {
		return nil, errors.New("an argument is missing")
	}
	sep, ok := v.(text)
	if !ok {
		return nil, errors.New("string method on " + describe(v))
	}
	items, err := in.iterate(a[0])
	if err != nil {
		return nil, err
	}
	if _, err := in.texts(sep, items...); err != nil {
		return nil, err
	}
	return in.joinValues(sep, items)
}

// methodFormat fills the fields {} of a constant: Parse refuses any other receiver and field.
func methodFormat(in *interp, v value, a []value) (value, error) {
	t, ok := v.(text)
	if !ok {
		return nil, errors.New("string method on " + describe(v))
	}
	pieces := t.split("{}", -1)
	if len(pieces)-1 > len(a) {
		return nil, errors.New("format has more fields than arguments")
	}
	var parts []text
	for i, p := range pieces {
		parts = append(parts, p)
		if i < len(pieces)-1 {
			field, err := in.toText(a[i])
			if err != nil {
				return nil, err
			}
			parts = append(parts, field)
		}
	}
	return in.join(parts...)
}

func classMethod(in func(rune) bool) callFunc {
	return onText(func(t text) value {
		return boolean(t.s != "" && !strings.ContainsFunc(t.s, func(r rune) bool { return !in(r) }))
	})
}

func boolMethod(test testFunc) callFunc {
	return func(in *interp, v value, _ []value) (value, error) {
		ok, err := test(in, v, nil)
		return boolean(ok), err
	}
}

func methodGet(in *interp, v value, a []value) (value, error) {
	d, ok := v.(*dict)
	if !ok || a[0] == nil {
		return nil, errors.New("get on " + describe(v))
	}
	if err := in.chargeKey(a[0]); err != nil {
		return nil, err
	}
	if x, ok := d.get(a[0]); ok {
		return x, nil
	}
	if a[1] != nil {
		return a[1], nil
	}
	return none{}, nil
}

func methodAppend(in *interp, v value, a []value) (value, error) {
	l, ok := v.(*list)
	if !ok || l.tuple || l.kind != plainList || a[0] == nil {
		return nil, errors.New("append to " + describe(v))
	}
	l.items = append(l.items, a[0])
	return none{}, in.charge(1)
}

// methodPop takes an item out of a list: the last, or the one at an index.
func methodPop(in *interp, v value, a []value) (value, error) {
	l, ok := v.(*list)
	if !ok || l.tuple || l.kind != plainList {
		return nil, errors.New("pop from " + describe(v))
	}
	i := len(l.items) - 1
	if a[0] != nil {
		if i, ok = index(a[0]); !ok {
			return nil, errors.New("pop at " + describe(a[0]))
		}
		if i < 0 {
			i += len(l.items)
		}
	}
	if i < 0 || i >= len(l.items) {
		return nil, errors.New("pop outside of the list")
	}
	x := l.items[i]
	l.items = append(append([]value{}, l.items[:i]...), l.items[i+1:]...)
	return x, in.charge(len(l.items))
}

// methodCycle is loop.cycle: one of its arguments, by the number of the round.
func methodCycle(_ *interp, v value, a []value) (value, error) {
	l, ok := v.(*loop)
	if !ok || len(a) == 0 {
		return nil, errors.New("cycle on " + describe(v))
	}
	return a[l.at%len(a)], nil
}

// methodChanged is loop.changed: whether its arguments are others than at the last call.
func methodChanged(in *interp, v value, a []value) (value, error) {
	l, ok := v.(*loop)
	if !ok {
		return nil, errors.New("changed on " + describe(v))
	}
	now := &list{items: slices.Clone(a), tuple: true}
	if l.last != nil {
		if same, err := in.equal(l.last, now); same || err != nil {
			return boolean(false), err
		}
	}
	l.last = now
	return boolean(true), nil
}
