package template

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// path follows an attribute argument ("a.b" or an index) from v. No attribute is v itself.
func (in *interp) path(v, attribute value) (value, error) {
	t, ok := attribute.(text)
	if !ok {
		if attribute == nil {
			return v, nil
		}
		return in.item(v, attribute)
	}
	for part := range strings.SplitSeq(t.s, ".") {
		var key value = str(part)
		if n, err := strconv.Atoi(part); err == nil {
			key = integer(n)
		}
		var err error
		if v, err = in.item(v, key); err != nil {
			return nil, err
		}
	}
	return v, in.charge(1)
}

// eachOf is each, where a value that is not true has no items: the filters that map and select are so lenient.
func (in *interp) eachOf(v value, f func(value) error) error {
	if !truth(v) {
		return nil
	}
	return in.each(v, f)
}

// each applies f to the items of v.
func (in *interp) each(v value, f func(value) error) error {
	items, err := in.iterate(v)
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := in.charge(1); err != nil {
			return err
		}
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}

// sort orders items stably; compare is charged for.
func (in *interp) sort(items []int, compare func(i, j int) (int, error)) error {
	var failed error
	slices.SortStableFunc(items, func(i, j int) int {
		if failed == nil {
			failed = in.charge(1)
		}
		if failed != nil {
			return 0
		}
		var n int
		n, failed = compare(i, j)
		return n
	})
	return failed
}

func filterFirst(in *interp, v value, _ []value) (value, error) {
	items, err := in.iterate(v)
	if err != nil || len(items) == 0 {
		return undefined{"the first of nothing"}, err
	}
	return items[0], nil
}

func filterLast(in *interp, v value, _ []value) (value, error) {
	items, err := in.iterate(v)
	if err != nil || len(items) == 0 {
		return undefined{"the last of nothing"}, err
	}
	return items[len(items)-1], nil
}

func filterList(in *interp, v value, _ []value) (value, error) {
	items, err := in.iterate(v)
	return &list{items: items}, err
}

func filterJoin(in *interp, v value, a []value) (value, error) {
	sep := text{}
	if a[0] != nil {
		var err error
		if sep, err = in.toText(a[0]); err != nil {
			return nil, err
		}
	}
	var items []value
	err := in.each(v, func(item value) error {
		x, err := in.path(item, a[1])
		items = append(items, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	return in.joinValues(sep, items)
}

func (in *interp) joinValues(sep text, items []value) (value, error) {
	parts := make([]text, 0, 2*len(items))
	for i, item := range items {
		t, err := in.toText(item)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			parts = append(parts, sep)
		}
		parts = append(parts, t)
	}
	return in.join(parts...)
}

// sortKey is what an item is ordered by: texts without case, unless asked for.
func (in *interp) sortKey(item, attribute, caseSensitive value) (value, error) {
	v, err := in.path(item, attribute)
	if t, ok := v.(text); ok && !truth(orFalse(caseSensitive)) {
		return str(strings.ToLower(t.s)), in.charge(len(t.s) / stepBytes)
	}
	return v, err
}

// sortKeys returns the items of v and their keys.
func (in *interp) sortKeys(v, attribute, caseSensitive value) (items, keys []value, err error) {
	err = in.each(v, func(item value) error {
		k, err := in.sortKey(item, attribute, caseSensitive)
		items, keys = append(items, item), append(keys, k)
		return err
	})
	return items, keys, err
}

// sorted returns items in the order of keys.
func (in *interp) sorted(items, keys []value, reverse value) (value, error) {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	sign := 1
	if truth(orFalse(reverse)) {
		sign = -1
	}
	err := in.sort(order, func(i, j int) (int, error) {
		n, err := in.order(keys[i], keys[j])
		return sign * n, err
	})
	out := &list{items: make([]value, len(items))}
	for i, k := range order {
		out.items[i] = items[k]
	}
	return out, err
}

func filterSort(in *interp, v value, a []value) (value, error) {
	items, keys, err := in.sortKeys(v, a[2], a[1])
	if err != nil {
		return nil, err
	}
	return in.sorted(items, keys, a[0])
}

func filterDictsort(in *interp, v value, a []value) (value, error) {
	d, ok := v.(*dict)
	if !ok {
		return nil, errors.New("dictsort of " + describe(v))
	}
	by := integer(0)
	if t, ok := a[1].(text); ok && t.s == "value" {
		by = 1
	}
	items, keys, err := in.sortKeys(d.items(), by, a[0])
	if err != nil {
		return nil, err
	}
	return in.sorted(items, keys, a[2])
}

// extremeFilter is max (sign 1) or min (sign -1).
func extremeFilter(sign int) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		items, keys, err := in.sortKeys(v, a[1], a[0])
		if err != nil || len(items) == 0 {
			return undefined{"the extreme of nothing"}, err
		}
		best := 0
		for i := range items {
			n, err := in.order(keys[i], keys[best])
			if err != nil {
				return nil, err
			}
			if n*sign > 0 {
				best = i
			}
		}
		return items[best], nil
	}
}

func filterUnique(in *interp, v value, a []value) (value, error) {
	items, keys, err := in.sortKeys(v, a[1], a[0])
	if err != nil {
		return nil, err
	}
	seen, out := newDict(len(items)), lazyList(nil)
	for i, k := range keys {
		if _, ok := seen.get(k); ok {
			continue
		}
		if err := seen.set(k, none{}); err != nil {
			return nil, err
		}
		out.items = append(out.items, items[i])
	}
	return out, nil
}

func filterSum(in *interp, v value, a []value) (value, error) {
	var sum value = integer(0)
	if a[1] != nil {
		sum = a[1]
	}
	err := in.each(v, func(item value) error {
		x, err := in.path(item, a[0])
		if err != nil {
			return err
		}
		sum, err = in.arithmetic("+", sum, x)
		return err
	})
	return sum, err
}

// mapAttribute is map(attribute=…, default=…).
func mapAttribute(in *interp, v value, a []value) (value, error) {
	out := lazyList(nil)
	err := in.eachOf(v, func(item value) error {
		x, err := in.path(item, a[0])
		if _, missing := x.(undefined); missing && a[1] != nil {
			x = a[1]
		}
		out.items = append(out.items, x)
		return err
	})
	return out, err
}

// mapWith is map("filter", …).
func mapWith(filter callFunc) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		out := lazyList(nil)
		err := in.eachOf(v, func(item value) error {
			x, err := filter(in, item, slices.Clone(a))
			out.items = append(out.items, x)
			return err
		})
		return out, err
	}
}

// negate is the test that passes what test does not.
func negate(test testFunc) testFunc {
	return func(in *interp, v value, a []value) (bool, error) {
		ok, err := test(in, v, a)
		return !ok, err
	}
}

// selectWith keeps the items that pass a test. Its first argument is an attribute to test, or nil.
func selectWith(test testFunc) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		out := lazyList(nil)
		err := in.eachOf(v, func(item value) error {
			x, err := in.path(item, a[0])
			if err != nil {
				return err
			}
			ok, err := test(in, x, a[1:])
			if ok {
				out.items = append(out.items, item)
			}
			return err
		})
		return out, err
	}
}
