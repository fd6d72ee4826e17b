package grammar

import (
	"errors"
	"fmt"
)

// Limits bound what a grammar may cost. A field that is 0 has the default in its comment, which is also the largest value
// for all but CacheBytes.
type Limits struct {
	SourceBytes int // of a grammar or schema; 1 MiB
	Rules       int // named or made from parts of rules; 16,384
	Nesting     int // of groups in a grammar, of schemas in a schema; 128
	Repeat      int // largest count in {m,n}, minLength, maxItems and the like; 16,384
	States      int // of the automaton; 262,144
	Depth       int // rules that may be open at once in a text, which bounds its nesting; 1,024
	Work        int // elementary moves of one call of Mask or Accept; 2^26
	CacheBytes  int // what a Constraint remembers, about; 64 MiB
}

var largest = Limits{
	SourceBytes: 1 << 20, Rules: 1 << 14, Nesting: 128, Repeat: 1 << 14, States: 1 << 18, Depth: 1024, Work: 1 << 26, CacheBytes: 64 << 20,
}

// fields lists the limits by name, for Check and the defaults.
func (l *Limits) fields() map[string]*int {
	return map[string]*int{
		"source bytes": &l.SourceBytes, "rules": &l.Rules, "nesting": &l.Nesting, "repeat": &l.Repeat,
		"states": &l.States, "depth": &l.Depth, "work": &l.Work, "cache bytes": &l.CacheBytes,
	}
}

// Check returns every problem of the limits, or nil.
func (l Limits) Check() error {
	var errs []error
	most := largest.fields()
	for name, v := range l.fields() {
		if *v < 0 || *v > *most[name] && name != "cache bytes" {
			errs = append(errs, fmt.Errorf("%s %d is not in 0..%d", name, *v, *most[name]))
		}
	}
	return errors.Join(errs...)
}

// filled returns the limits with their defaults.
func (l Limits) filled() Limits {
	defaults := largest
	most := defaults.fields()
	for name, v := range l.fields() {
		if *v <= 0 {
			*v = *most[name]
		}
	}
	return l
}
