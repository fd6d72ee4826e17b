package template

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// filters are what may follow "|". The ones without a function are bound by the parser.
var filters = map[string]definition{
	"abs":        def(filterAbs),
	"capitalize": def(textFilter(capitalize)),
	"count":      def(filterLength),
	"d":          def(filterDefault, "default_value", "boolean"),
	"default":    def(filterDefault, "default_value", "boolean"),
	"dictsort":   def(filterDictsort, "case_sensitive", "by", "reverse"),
	"e":          def(filterEscape),
	"escape":     def(filterEscape),
	"first":      def(filterFirst),
	"float":      def(filterFloat, "default"),
	"from_json":  def(filterFromJSON),
	"indent":     def(filterIndent, "width", "first", "blank"),
	"int":        def(filterInt, "default", "base"),
	"items":      def(filterItems),
	"join":       def(filterJoin, "d", "attribute"),
	"last":       def(filterLast),
	"length":     def(filterLength),
	"list":       def(filterList),
	"lower":      def(textFilter(func(t text) text { return t.mapRuns(strings.ToLower) })),
	"map":        {},
	"max":        def(extremeFilter(1), "case_sensitive", "attribute"),
	"min":        def(extremeFilter(-1), "case_sensitive", "attribute"),
	"reject":     {},
	"rejectattr": {},
	"replace":    def(filterReplace, "old", "new", "count"),
	"reverse":    def(filterReverse),
	"round":      def(filterRound, "precision", "method"),
	"safe":       def(func(_ *interp, v value, _ []value) (value, error) { return v, nil }),
	"select":     {},
	"selectattr": {},
	"sort":       def(filterSort, "reverse", "case_sensitive", "attribute"),
	"string":     def(textFilter(func(t text) text { return t })),
	"sum":        def(filterSum, "attribute", "start"),
	"title":      def(textFilter(titleWords)),
	"tojson":     def(filterJSON, "ensure_ascii", "indent", "separators", "sort_keys"),
	"trim":       def(filterTrim, "chars"),
	"unique":     def(filterUnique, "case_sensitive", "attribute"),
	"upper":      def(textFilter(func(t text) text { return t.mapRuns(toUpper) })),
}

// textFilter applies f to the text of any value.
func textFilter(f func(text) text) callFunc {
	return func(in *interp, v value, _ []value) (value, error) {
		t, err := in.toText(v)
		if err != nil {
			return nil, err
		}
		if err := in.grow(len(t.s), len(t.from)); err != nil {
			return nil, err
		}
		return f(t), nil
	}
}

func filterTrim(in *interp, v value, a []value) (value, error) {
	t, err := in.toText(v)
	if err != nil {
		return nil, err
	}
	return stripMethod(text.trim)(in, t, a)
}

func filterReplace(in *interp, v value, a []value) (value, error) {
	if a[0] == nil || a[1] == nil {
		return nil, errors.New("an argument is missing")
	}
	var ts [3]value
	for i, x := range []value{v, a[0], a[1]} {
		t, err := in.toText(x)
		if err != nil {
			return nil, err
		}
		ts[i] = t
	}
	return methodReplace(in, ts[0], []value{ts[1], ts[2], a[2]})
}

func filterEscape(in *interp, v value, _ []value) (value, error) {
	t, err := in.toText(v)
	if err != nil {
		return nil, err
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")
	if err := in.grow(5*len(t.s), len(t.from)); err != nil {
		return nil, err
	}
	return t.mapRuns(escape.Replace), nil
}

// filterIndent puts blanks before each line but the first.
func filterIndent(in *interp, v value, a []value) (value, error) {
	t, ok := v.(text)
	if !ok {
		return nil, errors.New("indent of " + describe(v))
	}
	width := str("    ")
	switch w := a[0].(type) {
	case nil:
	case text:
		width = w
	default:
		n, ok := index(w)
		if !ok || n > 1000 {
			return nil, errors.New("indent width is " + describe(w))
		}
		width = str(strings.Repeat(" ", max(n, 0)))
	}
	lines, _ := t.lines()
	if t.s == "" || strings.HasSuffix(t.s, "\n") || strings.HasSuffix(t.s, "\r") {
		lines = append(lines, text{}) // Jinja adds an end of line before it cuts
	}
	if err := in.grow(len(t.s)+len(lines)*len(width.s), len(t.from)+len(lines)*(1+len(width.from))); err != nil {
		return nil, err
	}
	var b textBuilder
	for i, l := range lines {
		if i > 0 {
			b.addString("\n", t.message(i, i+1))
		}
		if i == 0 && truth(orFalse(a[1])) || i > 0 && (l.s != "" || truth(orFalse(a[2]))) {
			b.add(width)
		}
		b.add(l)
	}
	return b.text(), nil
}

func orFalse(v value) value {
	if v == nil {
		return boolean(false)
	}
	return v
}

func filterDefault(_ *interp, v value, a []value) (value, error) {
	_, missing := v.(undefined)
	if missing || truth(orFalse(a[1])) && !truth(v) {
		if a[0] == nil {
			return str(""), nil
		}
		return a[0], nil
	}
	return v, nil
}

func filterLength(in *interp, v value, _ []value) (value, error) {
	switch v := v.(type) {
	case undefined:
		return integer(0), nil
	case text:
		return integer(utf8.RuneCountInString(v.s)), in.charge(len(v.s) / stepBytes)
	case *list:
		if v.kind == generator {
			return nil, errors.New("length of " + describe(v))
		}
		return integer(len(v.items)), nil
	case *dict:
		return integer(len(v.keys)), nil
	default:
		return nil, errors.New("length of " + describe(v))
	}
}

func filterInt(_ *interp, v value, a []value) (value, error) {
	base := 10
	if b, ok := index(orFalse(a[1])); ok && b >= 2 && b <= 36 {
		base = b
	}
	switch v := v.(type) {
	case undefined:
		return nil, errors.New("int of " + describe(v))
	case wide:
		return v, nil
	case float:
		if f := float64(v); math.Abs(f) < 1<<62 {
			return integer(int64(f)), nil
		}
	case text:
		if n, ok := parseInt(v.s, base); ok {
			return integer(n), nil
		}
	default:
		if n, ok := integral(v); ok {
			return integer(n), nil
		}
	}
	if a[0] != nil {
		return a[0], nil
	}
	return integer(0), nil
}

func filterFloat(_ *interp, v value, a []value) (value, error) {
	if _, missing := v.(undefined); missing {
		return nil, errors.New("float of " + describe(v))
	}
	if f, ok := number(v); ok {
		return float(f), nil
	}
	if t, ok := v.(text); ok {
		if f, ok := parseFloat(t.s); ok {
			return float(f), nil
		}
	}
	if a[0] != nil {
		return a[0], nil
	}
	return float(0), nil
}

func filterAbs(_ *interp, v value, _ []value) (value, error) {
	if f, ok := v.(float); ok {
		return float(math.Abs(float64(f))), nil
	}
	n, err := integerValue(v)
	if n < 0 {
		n = -n
	}
	return integer(n), err
}

// filterRound is Python's round, to the nearest decimal and, of two as near, to the even one. An integer stays one.
func filterRound(_ *interp, v value, a []value) (value, error) {
	f, ok := number(v)
	precision, okPrecision := index(orFalse(a[0]))
	if !ok || !okPrecision || precision < -15 || precision > 15 {
		return nil, errors.New("round of " + describe(v))
	}
	scale := math.Pow10(precision)
	method, _ := a[1].(text)
	switch method.s {
	case "", "common":
	case "ceil":
		return float(math.Ceil(float64(f*scale)) / scale), nil
	case "floor":
		return float(math.Floor(float64(f*scale)) / scale), nil
	default:
		return nil, errors.New("round takes common, ceil or floor")
	}
	if n, isInt := integral(v); isInt {
		if precision < 0 {
			unit := int64(math.Pow10(-precision))
			n = int64(math.RoundToEven(float64(n)/float64(unit))) * unit
		}
		return integer(n), nil
	}
	if precision < 0 {
		return float(float64(math.RoundToEven(float64(f*scale)) / scale)), nil
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
	return float(rounded), err
}

func filterJSON(in *interp, v value, a []value) (value, error) {
	w := writer{in: in, comma: ", ", colon: ": ", ascii: truth(orFalse(a[0])), sorted: truth(orFalse(a[3]))}
	switch width := a[1].(type) {
	case nil, none:
	case text:
		w.pretty, w.indent, w.comma = true, width.s, ","
	default:
		n, ok := index(width)
		if !ok || n > 100 {
			return nil, errors.New("tojson indent is " + describe(width))
		}
		w.pretty, w.indent, w.comma = true, strings.Repeat(" ", max(n, 0)), ","
	}
	if l, ok := a[2].(*list); ok && len(l.items) == 2 {
		ts, err := in.texts(l.items[0], l.items[1])
		if err != nil {
			return nil, err
		}
		w.comma, w.colon = ts[0].s, ts[1].s
	}
	err := w.value(v, 0)
	return w.b.text(), err
}

func filterItems(_ *interp, v value, _ []value) (value, error) {
	switch v := v.(type) {
	case undefined:
		return lazyList(nil), nil
	case *dict:
		return lazyList(v.items().items), nil
	default:
		return nil, errors.New("items of " + describe(v))
	}
}

func filterReverse(in *interp, v value, _ []value) (value, error) {
	if t, ok := v.(text); ok {
		return in.slice(t, []value{nil, nil, integer(-1)})
	}
	items, err := in.iterate(v)
	slices.Reverse(items)
	return lazyList(items), err
}
