package template

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A value is one of the types in this file, a text, a *macro or a *loop. No other type of the host is ever one.
type value interface{ isValue() }

type (
	undefined struct{ name string } // a name, attribute or item that is not there
	none      struct{}
	boolean   bool
	integer   int64
	float     float64
	// A wide is an integer that integer has no room for, in decimal digits. It is written as it was read; nothing is
	// computed with it.
	wide string
	// A list is a Python list or tuple. Two names for one list see the same elements.
	list struct {
		items []value
		tuple bool
		kind  listKind
	}
	// A dict keeps the order of insertion.
	dict struct {
		keys   []value
		values []value
		index  map[string]int // by dictKey
	}
	// A namespace is the one value whose attributes a template can set.
	namespace struct{ vars map[string]value }
	// A builtin is a global function.
	builtin struct {
		name string
		call builtinFunc
	}
)

// wideDigits are enough of a wide integer's digits to compare it with a float.
const wideDigits = 32

// maxDigits is how many digits an integer may have, as in Python.
const maxDigits = 4300

// A listKind says what a list is in Python, if it is no list.
type listKind uint8

const (
	plainList listKind = iota
	generator          // what map, select and the like give: true even without items, read once
	dictView           // what keys, values and items give
	rangeList
)

// lazyList returns what a filter gives that makes its items one by one.
func lazyList(items []value) *list { return &list{items: items, kind: generator} }

func (undefined) isValue()  {}
func (none) isValue()       {}
func (boolean) isValue()    {}
func (integer) isValue()    {}
func (float) isValue()      {}
func (wide) isValue()       {}
func (*list) isValue()      {}
func (*dict) isValue()      {}
func (*namespace) isValue() {}
func (*builtin) isValue()   {}

func str(s string) text { return text{s: s} }

func newDict(n int) *dict { return &dict{index: make(map[string]int, n)} }

// dictKey names a key so that equal keys have equal names: 1, 1.0 and true are one key, as in Python.
func dictKey(k value) (string, error) {
	switch k := k.(type) {
	case text:
		return "s" + k.s, nil
	case integer:
		return "n" + strconv.FormatInt(int64(k), 10), nil
	case boolean:
		if k {
			return "n1", nil
		}
		return "n0", nil
	case float:
		if f := float64(k); f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return "n" + strconv.FormatInt(int64(f), 10), nil
		}
		return "n" + strconv.FormatFloat(float64(k), 'g', -1, 64), nil
	case wide:
		return "n" + string(k), nil
	case none:
		return "0", nil
	default:
		return "", fmt.Errorf("%s cannot be a key of a mapping", typeName(k))
	}
}

func (d *dict) set(k, v value) error {
	name, err := dictKey(k)
	if err != nil {
		return err
	}
	if i, ok := d.index[name]; ok {
		d.values[i] = v
		return nil
	}
	d.index[name] = len(d.keys)
	d.keys = append(d.keys, k)
	d.values = append(d.values, v)
	return nil
}

func (d *dict) setString(k string, v value) {
	_ = d.set(str(k), v) // a string is always a key
}

func (d *dict) get(k value) (value, bool) {
	name, err := dictKey(k)
	if err != nil {
		return nil, false
	}
	i, ok := d.index[name]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// items returns a list of key and value pairs.
func (d *dict) items() *list {
	out := &list{items: make([]value, len(d.keys)), kind: dictView}
	for i, k := range d.keys {
		out.items[i] = &list{items: []value{k, d.values[i]}, tuple: true}
	}
	return out
}

func (l *list) typeName() string {
	switch {
	case l.tuple:
		return "tuple"
	case l.kind == generator:
		return "generator"
	case l.kind == dictView:
		return "view of a dict"
	case l.kind == rangeList:
		return "range"
	default:
		return "list"
	}
}

func typeName(v value) string {
	switch v := v.(type) {
	case undefined:
		return "undefined"
	case none:
		return "none"
	case boolean:
		return "bool"
	case integer, wide:
		return "int"
	case float:
		return "float"
	case text:
		return "string"
	case *list:
		return v.typeName()
	case *dict:
		return "dict"
	case *namespace:
		return "namespace"
	case *loop:
		return "loop"
	default:
		return "function"
	}
}

func truth(v value) bool {
	switch v := v.(type) {
	case undefined, none:
		return false
	case boolean:
		return bool(v)
	case integer:
		return v != 0
	case float:
		return v != 0
	case text:
		return v.s != ""
	case *list:
		return v.kind == generator || len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	default:
		return true
	}
}

// number returns v as a float if it is a number; a bool counts as 0 or 1, as in Python.
func number(v value) (float64, bool) {
	if i, ok := integral(v); ok {
		return float64(i), true
	}
	switch v := v.(type) {
	case float:
		return float64(v), true
	case wide:
		digits, rest := string(v), 0
		if len(digits) > wideDigits { // more change nothing, and cost
			digits, rest = digits[:wideDigits], len(digits)-wideDigits
		}
		f, _ := strconv.ParseFloat(digits+"e"+strconv.Itoa(rest), 64) // infinite if it is too large
		return f, true
	default:
		return 0, false
	}
}

// integral returns v as an integer if it is one, or a bool.
func integral(v value) (int64, bool) {
	switch v := v.(type) {
	case integer:
		return int64(v), true
	case boolean:
		if v {
			return 1, true
		}
		return 0, true
	default:
		return 0, false
	}
}

// index returns v as an int if it is an integer that fits.
func index(v value) (int, bool) {
	i, ok := integral(v)
	if !ok || i > math.MaxInt32 || i < math.MinInt32 {
		return 0, false
	}
	return int(i), true
}

// formatFloat writes f as Python's repr does.
func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// byteOffset is the byte offset of character n of s; n may be the number of characters.
func byteOffset(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}
