package template

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// iterate returns the items that a loop over v sees: the characters of a text, the keys of a mapping.
func (in *interp) iterate(v value) ([]value, error) {
	var out []value
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case *list:
		out = v.items
		if v.kind == generator && !in.folding {
			v.items = nil // it is read once
		}
	case *dict:
		out = v.keys
	case text:
		if err := in.charge(2 * len(v.s)); err != nil { // each character becomes a text
			return nil, err
		}
		for i := 0; i < len(v.s); {
			_, size := utf8.DecodeRuneInString(v.s[i:])
			out = append(out, v.slice(i, i+size))
			i += size
		}
		return out, nil
	default:
		return nil, errors.New("loop over " + describe(v))
	}
	return slices.Clone(out), in.charge(len(out))
}

func (in *interp) concat(l, r value) (value, error) {
	a, err := in.toText(l)
	if err != nil {
		return nil, err
	}
	b, err := in.toText(r)
	if err != nil {
		return nil, err
	}
	return in.join(a, b)
}

func (in *interp) join(ts ...text) (text, error) {
	size, origins := 0, 0
	for _, t := range ts {
		size, origins = size+len(t.s), origins+len(t.from)
	}
	if err := in.grow(size, origins); err != nil {
		return text{}, err
	}
	var b textBuilder
	for _, t := range ts {
		b.add(t)
	}
	return b.text(), nil
}

func (in *interp) arithmetic(op string, l, r value) (value, error) {
	if a, ok := integral(l); ok {
		if b, ok := integral(r); ok {
			return integerOp(op, a, b)
		}
	}
	a, okA := number(l)
	b, okB := number(r)
	if okA && okB {
		if isWide(l) || isWide(r) {
			return nil, errOverflow
		}
		return floatOp(op, a, b)
	}
	switch op {
	case "+":
		switch l := l.(type) {
		case text:
			if r, ok := r.(text); ok {
				return in.join(l, r)
			}
		case *list:
			if r, ok := r.(*list); ok && l.tuple == r.tuple && l.kind == plainList && r.kind == plainList {
				err := in.charge(len(l.items) + len(r.items))
				return &list{items: slices.Concat(l.items, r.items), tuple: l.tuple}, err
			}
		}
	case "*":
		if n, ok := index(r); ok {
			return in.repeat(l, n)
		}
		if n, ok := index(l); ok {
			return in.repeat(r, n)
		}
	}
	return nil, fmt.Errorf("%s between %s and %s", op, describe(l), describe(r))
}

func isWide(v value) bool {
	_, ok := v.(wide)
	return ok
}

func (in *interp) repeat(v value, n int) (value, error) {
	n = max(n, 0)
	switch v := v.(type) {
	case text:
		if hi, size := bits.Mul64(uint64(n), uint64(len(v.s))); hi != 0 || size > math.MaxInt32 {
			return nil, in.grow(math.MaxInt, 0)
		}
		if err := in.grow(n*len(v.s), n*len(v.from)); err != nil {
			return nil, err
		}
		if len(v.from) == 0 {
			return str(strings.Repeat(v.s, n)), nil
		}
		var b textBuilder
		for range n {
			b.add(v)
		}
		return b.text(), nil
	case *list:
		if v.kind != plainList {
			return nil, errors.New("repetition of " + describe(v))
		}
		if hi, size := bits.Mul64(uint64(n), uint64(len(v.items))); hi != 0 || size > math.MaxInt32 {
			return nil, in.charge(math.MaxInt)
		}
		if err := in.charge(n * len(v.items)); err != nil {
			return nil, err
		}
		return &list{items: slices.Repeat(v.items, n), tuple: v.tuple}, nil
	default:
		return nil, errors.New("repetition of " + describe(v))
	}
}

var (
	errOverflow = errors.New("integer overflow")
	errDivision = errors.New("division by zero")
)

func integerOp(op string, a, b int64) (value, error) {
	switch op {
	case "+":
		if s := a + b; (s > a) == (b > 0) {
			return integer(s), nil
		}
		return nil, errOverflow
	case "-":
		if s := a - b; (s < a) == (b > 0) {
			return integer(s), nil
		}
		return nil, errOverflow
	case "*":
		return multiply(a, b)
	case "**":
		if b < 0 {
			return float(math.Pow(float64(a), float64(b))), nil
		}
		return power(a, b)
	}
	if b == 0 {
		return nil, errDivision
	}
	if a == math.MinInt64 && b == -1 {
		return nil, errOverflow
	}
	q, r := a/b, a%b
	if r != 0 && (r < 0) != (b < 0) { // Python rounds down, and the rest has the sign of b
		q, r = q-1, r+b
	}
	switch op {
	case "//":
		return integer(q), nil
	case "%":
		return integer(r), nil
	default:
		return float(float64(a) / float64(b)), nil
	}
}

func multiply(a, b int64) (value, error) {
	p := a * b
	if a != 0 && (p/a != b || a == -1 && b == math.MinInt64) {
		return nil, errOverflow
	}
	return integer(p), nil
}

func power(a, b int64) (value, error) {
	result := value(integer(1))
	if a == 0 || a == 1 || a == -1 {
		b = min(b, 2+b%2)
	}
	for ; b > 0; b-- { // at most 63 rounds before it overflows
		p, err := multiply(int64(result.(integer)), a)
		if err != nil {
			return nil, err
		}
		result = p
	}
	return result, nil
}

func floatOp(op string, a, b float64) (value, error) {
	switch op {
	case "+":
		return float(a + b), nil
	case "-":
		return float(a - b), nil
	case "*":
		return float(a * b), nil
	case "**":
		return float(math.Pow(a, b)), nil
	}
	if b == 0 {
		return nil, errDivision
	}
	switch op {
	case "/":
		return float(a / b), nil
	case "//":
		return float(math.Floor(a / b)), nil
	default:
		r := math.Mod(a, b)
		if r != 0 && (r < 0) != (b < 0) {
			r += b
		}
		return float(r), nil
	}
}

func (in *interp) compare(op string, l, r value) (bool, error) {
	switch op {
	case "==":
		return in.equal(l, r)
	case "!=":
		ok, err := in.equal(l, r)
		return !ok, err
	case "in":
		return in.contains(r, l)
	case "not in":
		ok, err := in.contains(r, l)
		return !ok, err
	}
	n, err := in.order(l, r)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return n < 0, nil
	case "<=":
		return n <= 0, nil
	case ">":
		return n > 0, nil
	default:
		return n >= 0, nil
	}
}

// order is negative, zero or positive as l stands before, at or after r.
func (in *interp) order(l, r value) (int, error) {
	a, okA := number(l)
	b, okB := number(r)
	if okA && okB {
		switch {
		case a < b:
			return -1, nil
		case a > b:
			return 1, nil
		default:
			return 0, nil
		}
	}
	if l, ok := l.(text); ok {
		if r, ok := r.(text); ok {
			return strings.Compare(l.s, r.s), in.charge(min(len(l.s), len(r.s)) / stepBytes)
		}
	}
	if l, ok := l.(*list); ok {
		if r, ok := r.(*list); ok {
			return in.orderLists(l, r)
		}
	}
	return 0, fmt.Errorf("order of %s and %s", describe(l), describe(r))
}

func (in *interp) orderLists(l, r *list) (int, error) {
	defer func() { in.level-- }()
	if err := in.down(); err != nil {
		return 0, err
	}
	for i := range min(len(l.items), len(r.items)) {
		if err := in.charge(1); err != nil {
			return 0, err
		}
		if n, err := in.order(l.items[i], r.items[i]); n != 0 || err != nil {
			return n, err
		}
	}
	return len(l.items) - len(r.items), nil
}

func (in *interp) equal(l, r value) (bool, error) {
	defer func() { in.level-- }()
	if err := in.down(); err != nil {
		return false, err
	}
	switch l := l.(type) {
	case undefined:
		_, ok := r.(undefined)
		return ok, nil
	case none:
		_, ok := r.(none)
		return ok, nil
	case text:
		r, ok := r.(text)
		return ok && l.s == r.s, in.charge(len(l.s) / stepBytes)
	case *list:
		r, ok := r.(*list)
		if !ok || len(l.items) != len(r.items) || l.tuple != r.tuple || l.kind != r.kind {
			return false, nil
		}
		if l.kind == generator {
			return l == r, nil
		}
		for i := range l.items {
			if same, err := in.equal(l.items[i], r.items[i]); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case *dict:
		r, ok := r.(*dict)
		if !ok || len(l.keys) != len(r.keys) {
			return false, nil
		}
		for i, k := range l.keys {
			v, ok := r.get(k)
			if !ok {
				return false, nil
			}
			if same, err := in.equal(l.values[i], v); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	a, okA := number(l)
	b, okB := number(r)
	return okA && okB && a == b && (!isWide(l) || !isWide(r) || l == r) || !okA && l == r, nil
}

// contains is "item in v".
func (in *interp) contains(v, item value) (bool, error) {
	switch v := v.(type) {
	case undefined:
		return false, nil
	case *list:
		for _, x := range v.items {
			if ok, err := in.equal(x, item); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case *dict:
		_, ok := v.get(item)
		return ok, in.chargeKey(item)
	case text:
		if item, ok := item.(text); ok {
			return strings.Contains(v.s, item.s), in.charge(len(v.s) / stepBytes)
		}
	}
	return false, fmt.Errorf("in: %s in %s", describe(item), describe(v))
}
