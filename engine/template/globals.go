package template

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

type builtinFunc func(in *interp, args []value, names []string, named []value) (value, error)

// globals are the functions that a template can call without defining them.
var globals = map[string]builtinFunc{
	"namespace":       globalNamespace,
	"dict":            globalDict,
	"range":           globalRange,
	"raise_exception": globalRaise,
	"strftime_now":    globalStrftime,
}

func globalNamespace(in *interp, args []value, names []string, named []value) (value, error) {
	d, err := globalDict(in, args, names, named)
	if err != nil {
		return nil, err
	}
	ns := &namespace{vars: map[string]value{}}
	for i, k := range d.(*dict).keys {
		if s, ok := k.(text); ok {
			ns.vars[s.s] = d.(*dict).values[i]
		}
	}
	return ns, nil
}

func globalDict(in *interp, args []value, names []string, named []value) (value, error) {
	d := newDict(len(names))
	if len(args) > 0 {
		from, ok := args[0].(*dict)
		if !ok || len(args) > 1 {
			return nil, errors.New("takes one mapping and keyword arguments")
		}
		if err := in.charge(len(from.keys)); err != nil {
			return nil, err
		}
		for i, k := range from.keys {
			_ = d.set(k, from.values[i]) // a key already
		}
	}
	for i, name := range names {
		d.setString(name, named[i])
	}
	return d, nil
}

func globalRange(in *interp, args []value, names []string, _ []value) (value, error) {
	if len(args) == 0 || len(args) > 3 || len(names) > 0 {
		return nil, errors.New("range takes one to three numbers")
	}
	var n [3]int
	for i, a := range args {
		var ok bool
		if n[i], ok = index(a); !ok {
			return nil, errors.New("range over " + describe(a))
		}
	}
	start, stop, step := n[0], n[1], 1
	switch len(args) {
	case 1:
		start, stop = 0, n[0]
	case 3:
		step = n[2]
	}
	size := 0
	switch {
	case step == 0:
		return nil, errors.New("range step is zero")
	case step > 0 && stop > start:
		size = (stop - start + step - 1) / step
	case step < 0 && stop < start:
		size = (start - stop - step - 1) / -step
	}
	if err := in.charge(size); err != nil {
		return nil, err
	}
	out := &list{items: make([]value, size), kind: rangeList}
	for i := range out.items {
		out.items[i] = integer(start + i*step)
	}
	return out, nil
}

func globalRaise(in *interp, args []value, _ []string, _ []value) (value, error) {
	message := "raised by the template"
	if len(args) > 0 {
		t, err := in.toText(args[0])
		if err != nil {
			return nil, err
		}
		message = strings.ToValidUTF8(t.s[:min(len(t.s), 500)], "\uFFFD")
	}
	return nil, &posError{kind: ErrRender, msg: message, raised: true}
}

// directiveSteps is what a directive of strftime_now costs.
const directiveSteps = 16

// globalStrftime formats the time of the rendering as strftime(3) does in the C locale, for the directives in use.
func globalStrftime(in *interp, args []value, _ []string, _ []value) (value, error) {
	if len(args) != 1 {
		return nil, errors.New("strftime_now takes a format")
	}
	format, ok := args[0].(text)
	if !ok {
		return nil, errors.New("strftime_now of " + describe(args[0]))
	}
	if err := in.grow(8*len(format.s), 0); err != nil {
		return nil, err
	}
	now := in.now.UTC()
	var b strings.Builder
	for i := 0; i < len(format.s); i++ {
		c := format.s[i]
		if c != '%' || i+1 == len(format.s) {
			b.WriteByte(c)
			continue
		}
		if err := in.charge(directiveSteps); err != nil {
			return nil, err
		}
		i++
		directive := format.s[i : i+1]
		if format.s[i] == '-' && i+1 < len(format.s) { // "%-d": without padding
			i++
			directive = format.s[i-1 : i+1]
		}
		s, ok := strftime(now, directive)
		if !ok {
			return nil, fmt.Errorf("strftime_now: unknown directive %%%s", directive)
		}
		b.WriteString(s)
	}
	return str(b.String()), nil
}

func strftime(t time.Time, directive string) (string, bool) {
	layouts := map[string]string{
		"Y": "2006", "y": "06", "m": "01", "-m": "1", "d": "02", "-d": "2", "H": "15", "I": "03", "-I": "3",
		"M": "04", "S": "05", "p": "PM", "A": "Monday", "a": "Mon", "B": "January", "b": "Jan", "h": "Jan",
		"F": "2006-01-02", "T": "15:04:05", "D": "01/02/06", "R": "15:04",
		"c": "Mon Jan _2 15:04:05 2006", "x": "01/02/06", "X": "15:04:05", "e": "_2", "P": "pm", "r": "03:04:05 PM",
	}
	if layout, ok := layouts[directive]; ok {
		return t.Format(layout), true
	}
	isoYear, isoWeek := t.ISOWeek()
	weekday := (int(t.Weekday()) + 6) % 7 // from Monday
	numbers := map[string]struct {
		n      int
		format string
	}{
		"j": {t.YearDay(), "%03d"}, "-j": {t.YearDay(), "%d"}, "-H": {t.Hour(), "%d"}, "-M": {t.Minute(), "%d"}, "-S": {t.Second(), "%d"},
		"-y": {t.Year() % 100, "%d"}, "C": {t.Year() / 100, "%02d"}, "G": {isoYear, "%d"}, "g": {isoYear % 100, "%02d"}, "V": {isoWeek, "%02d"},
		"u": {weekday + 1, "%d"}, "w": {int(t.Weekday()), "%d"}, "f": {t.Nanosecond() / 1000, "%06d"}, "s": {int(t.Unix()), "%d"},
		"U": {(t.YearDay() + 6 - int(t.Weekday())) / 7, "%02d"}, "W": {(t.YearDay() + 6 - weekday) / 7, "%02d"},
		"k": {t.Hour(), "%2d"}, "l": {(t.Hour()+11)%12 + 1, "%2d"},
	}
	if d, ok := numbers[directive]; ok {
		return fmt.Sprintf(d.format, d.n), true
	}
	signs := map[string]string{"%": "%", "n": "\n", "t": "\t", "z": "", "Z": ""} // a time without a zone has none of these
	s, ok := signs[directive]
	return s, ok
}
