package grammar

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// A Grammar is a language that texts can be kept within. It does not change, and several Constraints may share it.
type Grammar struct {
	limits Limits
	rules  []rule
	states []state
	edges  []edge
	root   int32
	class  [256]uint8 // bytes that no edge tells apart have the same class
	member []byte     // one byte of each class
}

// rule is a part of the language that states call.
type rule struct {
	name  string
	line  int    // in a grammar
	place *place // in a schema
	start int32
}

// state has the edges [first, end) of its grammar.
type state struct {
	first, end int32
	rule       int32
	final      bool  // the rule may end here
	need       int32 // stack entries that the rest of the rule opens at least; never if it cannot end
}

const never = math.MaxInt32

// edge leads to another state: over one byte of a range, over a text of a rule, or over nothing.
type edge struct {
	to        int32
	rule      int32 // called; none if negative
	low, high byte  // for kindByte
	kind      edgeKind
}

type edgeKind uint8

const (
	edgeByte edgeKind = iota
	edgeCall
	edgeEmpty
)

// builder makes a Grammar of expressions. It works from the end of an expression to its start.
type builder struct {
	limits Limits
	rules  []rule
	bodies []*expr // by rule; nil while it is not defined
	edges  [][]edge
	finals []bool
	owner  []int32 // rule of each state
	rule   int32   // that is being built
	shared map[sharing]int32
	built  int // calls of build, which nested repetitions multiply
	err    error
}

// sharing names the states of a shared expression before one state.
type sharing struct {
	e  *expr
	to int32
}

// declare makes a rule without a body.
func (b *builder) declare(name string, line int) int32 {
	if len(b.rules) >= b.limits.Rules {
		b.fail(&LimitError{"rules", b.limits.Rules})
		return 0
	}
	b.rules = append(b.rules, rule{name: name, line: line})
	b.bodies = append(b.bodies, nil)
	return int32(len(b.rules) - 1)
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// compile makes the automaton of all rules and checks it.
func (b *builder) compile(root int32) (*Grammar, error) {
	for r := 0; r < len(b.rules) && b.err == nil; r++ {
		b.rule = int32(r)
		final := b.state()
		if b.err != nil {
			break
		}
		b.finals[final] = true
		start := b.build(b.bodies[r], final) // may add rules
		b.rules[r].start = start
	}
	if b.err != nil {
		return nil, b.err
	}
	g := &Grammar{limits: b.limits, rules: b.rules, root: root}
	for s, edges := range b.edges {
		first := int32(len(g.edges))
		g.edges = append(g.edges, edges...)
		g.states = append(g.states, state{first: first, end: int32(len(g.edges)), rule: b.owner[s], final: b.finals[s]})
	}
	g.classify()
	if err := g.check(); err != nil {
		return nil, err
	}
	return g, nil
}

// state makes a state.
func (b *builder) state() int32 {
	if len(b.edges) >= b.limits.States {
		b.fail(&LimitError{"states", b.limits.States})
		return 0
	}
	b.edges, b.finals, b.owner = append(b.edges, nil), append(b.finals, false), append(b.owner, b.rule)
	return int32(len(b.edges) - 1)
}

func (b *builder) edge(from int32, e edge) { b.edges[from] = append(b.edges[from], e) }

// build returns a state from which a text of e leads to the state to.
func (b *builder) build(e *expr, to int32) int32 {
	if b.built++; b.built > 4*b.limits.States {
		b.fail(&LimitError{"states", b.limits.States})
	}
	if b.err != nil {
		return 0
	}
	if !e.shared {
		return b.make(e, to)
	}
	if b.shared == nil {
		b.shared = map[sharing]int32{}
	}
	s, ok := b.shared[sharing{e, to}]
	if !ok {
		s = b.make(e, to)
		b.shared[sharing{e, to}] = s
	}
	return s
}

// make is build for one that has not been built.
func (b *builder) make(e *expr, to int32) int32 {
	switch e.kind {
	case exprBytes:
		for i := len(e.bytes) - 1; i >= 0; i-- {
			s := b.state()
			b.edge(s, edge{to: to, low: e.bytes[i], high: e.bytes[i], kind: edgeByte})
			to = s
		}
		return to
	case exprClass:
		return b.buildClass(e.class, to)
	case exprSeq:
		for _, p := range slices.Backward(e.parts) {
			to = b.build(p, to)
		}
		return to
	case exprAlt:
		s := b.state()
		for _, p := range e.parts {
			b.edge(s, edge{to: b.build(p, to), kind: edgeEmpty})
		}
		return s
	case exprRepeat:
		return b.buildRepeat(e, to)
	default:
		s := b.state()
		b.edge(s, edge{to: to, rule: e.rule, kind: edgeCall})
		return s
	}
}

func (b *builder) buildClass(ranges []runes, to int32) int32 {
	start := b.state()
	tails := map[edge]int32{} // states that lead over the last bytes to to
	for _, r := range ranges {
		spans(r, func(seq []span) {
			next := to
			for i := len(seq) - 1; i > 0; i-- {
				e := edge{to: next, low: seq[i].low, high: seq[i].high, kind: edgeByte}
				s, ok := tails[e]
				if !ok {
					s = b.state()
					b.edge(s, e)
					tails[e] = s
				}
				next = s
			}
			b.edge(start, edge{to: next, low: seq[0].low, high: seq[0].high, kind: edgeByte})
		})
	}
	return start
}

// inlineRepeat is the count from which the repeated part becomes a rule of its own.
const inlineRepeat = 4

func (b *builder) buildRepeat(e *expr, to int32) int32 {
	part := e.parts[0]
	counted := part
	if max(e.min, e.max) > inlineRepeat && !small(part) {
		r := b.declare(b.rules[b.rule].name, b.rules[b.rule].line)
		if b.err != nil {
			return 0
		}
		b.bodies[r], b.rules[r].place = part, b.rules[b.rule].place
		counted = call(r)
	}
	if e.max == unlimited { // the loop has the part itself, so that its states know nothing of the stack
		loop := b.state()
		b.edge(loop, edge{to: to, kind: edgeEmpty})
		start := b.build(part, loop)
		b.edge(loop, edge{to: start, kind: edgeEmpty})
		to = loop
	}
	end := to
	for range e.max - e.min {
		if b.err != nil {
			return 0
		}
		s := b.state()
		b.edge(s, edge{to: end, kind: edgeEmpty})
		b.edge(s, edge{to: b.build(counted, to), kind: edgeEmpty})
		to = s
	}
	for range e.min {
		if b.err != nil {
			return 0
		}
		to = b.build(counted, to)
	}
	return to
}

// small says that a copy of e has no more states than a call.
func small(e *expr) bool {
	switch e.kind {
	case exprBytes:
		return len(e.bytes) <= 2
	case exprClass:
		return len(e.class) == 0 || e.class[len(e.class)-1].high < 0x80
	default:
		return e.kind == exprRule
	}
}

// classify finds the classes of bytes.
func (g *Grammar) classify() {
	var begins [257]bool
	for _, e := range g.edges {
		if e.kind == edgeByte {
			begins[e.low], begins[int(e.high)+1] = true, true
		}
	}
	g.member = []byte{0}
	for c := 1; c < 256; c++ {
		if begins[c] {
			g.member = append(g.member, byte(c))
		}
		g.class[c] = uint8(len(g.member) - 1)
	}
}

// fault is what is wrong with a rule.
func (g *Grammar) fault(r int32, kind error, format string) error {
	if p := g.rules[r].place; p != nil {
		return &SchemaError{p.pointer(), "", fmt.Sprintf(format, "of this schema"), kind}
	}
	return &SyntaxError{g.rules[r].line, fmt.Sprintf(format, strconv.Quote(g.rules[r].name)), kind}
}
