package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// row is one line of the table. A goal of 0 is none.
type row struct {
	id, figure, unit string
	ours, theirs     float64 // in unit; theirs is NaN where there is nothing to compare with
	value            float64 // what floor and goal are about
	floor, goal      float64
	less             bool // a smaller value is better
	note             string
}

// met says what the row reached.
func (r row) met() string {
	reaches := func(bound float64) bool {
		return r.less && r.value <= bound || !r.less && r.value >= bound
	}
	switch {
	case r.goal == 0 && r.floor == 0:
		return "-"
	case reaches(r.goal):
		return "goal"
	case r.floor != 0 && reaches(r.floor):
		return "floor"
	default:
		return "**missed**"
	}
}

// bench is one run.
type bench struct {
	options

	p       *peer
	shelf   *shelf
	machine machine
	rows    []row
	backend string // of llama.cpp
}

// sizes are how much is measured.
type sizes struct {
	large, phi                   string // presets
	depth, decode, prefill, each int    // tokens
	suite                        suite
	alone                        int // prompts of the suite for batch 1
}

func (b *bench) sizes() sizes {
	if b.quick {
		return sizes{large: "110M", phi: "tiny-phi3", depth: 64, decode: 16, prefill: 256, each: 64, suite: suite{40, 256, 16, 8}, alone: 4}
	}
	return sizes{large: "1.1B", phi: "phi3-mini", depth: 64, decode: 32, prefill: 512, each: 128, suite: suite{256, 256, 16, 32}, alone: 8}
}

// compare measures all rows that were asked for and prints the table.
func compare(ctx context.Context, o options, p *peer) error {
	b := &bench{options: o, p: p, shelf: newShelf(o.cache, p)}
	if err := b.machine.measure(ctx, p, o.quick); err != nil {
		return err
	}
	b.machine.describe()
	for _, group := range []func(context.Context) error{b.types, b.kernel, b.suites, b.memory, b.firstToken, b.pureGo, b.latency} {
		if err := group(ctx); err != nil {
			return err
		}
	}
	return b.report()
}

// want says whether any of the rows is asked for.
func (b *bench) want(ids ...string) bool { return slices.ContainsFunc(ids, b.options.rows.MatchString) }

// add adds a row that is asked for.
func (b *bench) add(r row) {
	if b.want(r.id) {
		b.rows = append(b.rows, r)
		say("%s", r.plain())
	}
}

// plain is a row for a terminal.
func (r row) plain() string {
	return fmt.Sprintf("%-28s %12.4g %-10s against %-10.4g value %-8.3g floor %-6.3g goal %-6.3g %s %s", r.id, r.ours, r.unit, r.theirs, r.value, r.floor, r.goal, r.met(), r.note)
}

// pair is a model in both engines. Only one asks at a time.
type pair struct{ ours, theirs *process }

// both loads a model in both engines, for one thread, and calls f.
func (b *bench) both(ctx context.Context, r recipe, f func(pair) error) (err error) {
	path, err := b.shelf.path(ctx, r)
	if err != nil {
		return err
	}
	theirs, err := b.p.theirs(ctx, path, "--ctx", "2048")
	if err != nil {
		return err
	}
	defer func() { err = theirs.stop(err) }()
	b.backend = theirs.ready.Backend
	ours, err := ours(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = ours.stop(err) }()
	return f(pair{ours, theirs})
}

// unable notes that the engine refuses something, once a row; other errors are returned.
func (b *bench) unable(err error, ids ...string) error {
	if err == nil || !strings.Contains(err.Error(), "refused") {
		return err
	}
	for _, id := range ids {
		b.add(row{id: id, figure: id, ours: math.NaN(), theirs: math.NaN(), value: math.NaN(), goal: 1, note: err.Error()})
	}
	return nil
}

// threads sets the number of threads of both.
func (p pair) threads(n int) error {
	_, err := p.ours.ask("threads %d", n)
	_, other := p.theirs.ask("threads %d", n)
	return errors.Join(err, other)
}

// rounds asks both the same command in turns and returns what metric says of the answers: the medians, and the median of
// the ratio in each round, which is what an uneven machine disturbs least.
func (b *bench) turns(p pair, metric func(answer) float64, format string, args ...any) (ours, theirs, ratio float64, all []answers, err error) {
	var x, y, q []float64
	for i := range b.rounds {
		first, second := p.ours, p.theirs
		if i%2 == 1 {
			first, second = second, first
		}
		one, err := first.ask(format, args...)
		if err != nil {
			return 0, 0, 0, nil, err
		}
		two, err := second.ask(format, args...)
		if err != nil {
			return 0, 0, 0, nil, err
		}
		if i%2 == 1 {
			one, two = two, one
		}
		all = append(all, answers{one, two})
		x, y, q = append(x, metric(one)), append(y, metric(two)), append(q, metric(one)/metric(two))
	}
	return median(x), median(y), median(q), all, nil
}

// answers is what both said in one round.
type answers struct{ ours, theirs answer }

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	return (x[(n-1)/2] + x[n/2]) / 2
}

// rate returns tokens a second, by the clock that was asked for; with several threads always by the wall clock, because
// threads that wait for others burn processor time.
func (b *bench) rate(threads int) func(answer) float64 {
	return func(a answer) float64 { return float64(a.Tokens) / b.seconds(a, threads) }
}

func (b *bench) seconds(a answer, threads int) float64 {
	if b.clock == "cpu" && threads == 1 {
		return a.CPU
	}
	return a.Wall
}
