package template

import (
	"slices"
	"time"
)

const (
	defaultSteps  = 1_000_000
	defaultDepth  = 100
	defaultOutput = 1 << 20

	// maxLevel bounds how deep the tree is walked, all macros together, and so the stack. Real templates stay
	// under 200.
	maxLevel = 20_000
	// stepBytes is how many bytes of text one step copies.
	stepBytes   = 64
	originBytes = 24
)

// An interp is one rendering: its budget and what was used of it.
type interp struct {
	budget Budget
	steps  int
	depth  int // macros
	level  int // nodes
	now    time.Time

	folding bool // constants are evaluated while the source is read
}

func newInterp(b Budget) *interp {
	if b.Steps <= 0 {
		b.Steps = defaultSteps
	}
	if b.Depth <= 0 {
		b.Depth = defaultDepth
	}
	if b.Output <= 0 {
		b.Output = defaultOutput
	}
	return &interp{budget: b}
}

// charge takes n steps from the budget.
func (in *interp) charge(n int) error {
	if n < 0 || n > in.budget.Steps-in.steps {
		return &BudgetError{Limit: "steps", Value: in.budget.Steps}
	}
	in.steps += n
	return nil
}

// chargeKey pays for looking a key up.
func (in *interp) chargeKey(k value) error {
	t, _ := k.(text)
	return in.charge(len(t.s) / stepBytes)
}

// grow is called before a text of size bytes with the given number of origins is made.
func (in *interp) grow(size, origins int) error {
	if size < 0 || size > in.budget.Output {
		return &BudgetError{Limit: "output", Value: in.budget.Output}
	}
	return in.charge((size + originBytes*origins) / stepBytes)
}

// down goes one level down the tree; the caller goes up with in.level--.
func (in *interp) down() error {
	if in.level++; in.level > maxLevel {
		return &BudgetError{Limit: "depth", Value: maxLevel}
	}
	return in.charge(1)
}

func (in *interp) eval(x expr, sc *scope) (value, error) {
	defer func() { in.level-- }()
	if err := in.down(); err != nil {
		return nil, err
	}
	return x.eval(in, sc)
}

// evalAll evaluates xs in order. A nil expression has a nil value.
func (in *interp) evalAll(xs []expr, sc *scope) ([]value, error) {
	out := make([]value, len(xs))
	for i, x := range xs {
		if x == nil {
			continue
		}
		v, err := in.eval(x, sc)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (in *interp) exec(body []stmt, sc *scope, out *textBuilder) (flow, error) {
	defer func() { in.level-- }()
	if err := in.down(); err != nil {
		return flowNext, err
	}
	for _, s := range body {
		if err := in.charge(1); err != nil {
			return flowNext, err
		}
		f, err := s.exec(in, sc, out)
		if err != nil || f != flowNext {
			return f, err
		}
	}
	return flowNext, nil
}

// write appends t to the output of a body.
func (in *interp) write(out *textBuilder, t text) error {
	if err := in.charge((len(t.s) + originBytes*len(t.from)) / stepBytes); err != nil {
		return err
	}
	if out.len()+len(t.s) > in.budget.Output {
		return &BudgetError{Limit: "output", Value: in.budget.Output}
	}
	out.add(t)
	return nil
}

// A scope holds names. Macros, loops and blocks have scopes of their own: what they set is not seen outside.
type scope struct {
	vars   map[string]value
	parent *scope
}

func (sc *scope) set(name string, v value) {
	if sc.vars == nil {
		sc.vars = map[string]value{}
	}
	sc.vars[name] = v
}

func (sc *scope) get(name string) (value, bool) {
	for ; sc != nil; sc = sc.parent {
		if v, ok := sc.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// A macro is a macro of the template and the scope that it was defined in.
type macro struct {
	def *macroStmt
	sc  *scope
}

func (*macro) isValue() {}

// A loop is the variable of that name in a for block.
type loop struct {
	items []value
	at    int
	last  *list // arguments of loop.changed
}

func (*loop) isValue() {}

func (l *loop) attribute(name string) value {
	n := len(l.items)
	switch name {
	case "index":
		return integer(l.at + 1)
	case "index0":
		return integer(l.at)
	case "revindex":
		return integer(n - l.at)
	case "revindex0":
		return integer(n - l.at - 1)
	case "first":
		return boolean(l.at == 0)
	case "last":
		return boolean(l.at == n-1)
	case "length":
		return integer(n)
	case "depth": // loops are not recursive
		return integer(1)
	case "depth0":
		return integer(0)
	case "previtem":
		if l.at > 0 {
			return l.items[l.at-1]
		}
	case "nextitem":
		if l.at < n-1 {
			return l.items[l.at+1]
		}
	}
	return undefined{"loop." + name}
}

func (s *dataStmt) exec(in *interp, _ *scope, out *textBuilder) (flow, error) {
	return flowNext, in.write(out, s.t)
}

func (s *printStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	v, err := in.eval(s.x, sc)
	if err != nil {
		return flowNext, err
	}
	t, err := in.toText(v)
	if err != nil {
		return flowNext, at(s.x.offset(), err)
	}
	return flowNext, in.write(out, t)
}

func (s *ifStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	for i, c := range s.conds {
		v, err := in.eval(c, sc)
		if err != nil {
			return flowNext, err
		}
		if truth(v) {
			return in.exec(s.bodies[i], sc, out)
		}
	}
	return in.exec(s.other, sc, out)
}

func (s *forStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	v, err := in.eval(s.iter, sc)
	if err != nil {
		return flowNext, err
	}
	items, err := in.iterate(v)
	if err != nil {
		return flowNext, at(s.iter.offset(), err)
	}
	if s.cond != nil {
		if items, err = s.filter(in, sc, items); err != nil {
			return flowNext, err
		}
	}
	if len(items) == 0 {
		return in.exec(s.other, sc, out)
	}
	l := &loop{items: items}
	for ; l.at < len(items); l.at++ {
		body := &scope{vars: map[string]value{"loop": l}, parent: sc}
		if err := in.assign(int(s.pos), body, s.targets, items[l.at]); err != nil {
			return flowNext, err
		}
		f, err := in.exec(s.body, body, out)
		if err != nil {
			return flowNext, err
		}
		if f == flowBreak {
			break
		}
	}
	return flowNext, nil
}

// filter returns the items for which the loop's condition holds.
func (s *forStmt) filter(in *interp, sc *scope, items []value) ([]value, error) {
	var kept []value
	for _, item := range items {
		each := &scope{parent: sc}
		if err := in.assign(int(s.pos), each, s.targets, item); err != nil {
			return nil, err
		}
		v, err := in.eval(s.cond, each)
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// assign gives v, or its items if there are several targets, to the names in targets.
func (in *interp) assign(pos int, sc *scope, targets []string, v value) error {
	if len(targets) == 1 {
		sc.set(targets[0], v)
		return nil
	}
	items, err := in.iterate(v)
	if err != nil {
		return at(pos, err)
	}
	if len(items) != len(targets) {
		return renderf(pos, "%d values for %d names", len(items), len(targets))
	}
	for i, name := range targets {
		sc.set(name, items[i])
	}
	return nil
}

func (s *setStmt) exec(in *interp, sc *scope, _ *textBuilder) (flow, error) {
	v, err := in.eval(s.x, sc)
	if err != nil {
		return flowNext, err
	}
	if s.field != "" {
		return flowNext, setField(int(s.pos), sc, s.targets[0], s.field, v)
	}
	return flowNext, in.assign(int(s.pos), sc, s.targets, v)
}

func setField(pos int, sc *scope, name, field string, v value) error {
	target, _ := sc.get(name)
	ns, ok := target.(*namespace)
	if !ok {
		return renderf(pos, "%s is not a namespace", name)
	}
	ns.vars[field] = v
	return nil
}

func (s *captureStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	inner := &scope{parent: sc}
	var b textBuilder
	f, err := in.exec(s.body, inner, &b)
	if err != nil || f != flowNext {
		return f, err
	}
	inner.set(captured, b.text())
	v, err := in.eval(s.filter, inner)
	if err != nil {
		return flowNext, err
	}
	switch {
	case s.field != "":
		return flowNext, setField(int(s.pos), sc, s.target, s.field, v)
	case s.target != "":
		sc.set(s.target, v)
		return flowNext, nil
	}
	t, err := in.toText(v)
	if err != nil {
		return flowNext, at(int(s.pos), err)
	}
	return flowNext, in.write(out, t)
}

func (s *macroStmt) exec(_ *interp, sc *scope, _ *textBuilder) (flow, error) {
	sc.set(s.name, &macro{s, sc})
	return flowNext, nil
}

func (s *scopeStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	values, err := in.evalAll(s.values, sc)
	if err != nil {
		return flowNext, err
	}
	inner := &scope{parent: sc}
	for i, name := range s.names {
		inner.set(name, values[i])
	}
	return in.exec(s.body, inner, out)
}

func (s *flowStmt) exec(*interp, *scope, *textBuilder) (flow, error) { return s.flow, nil }

// exec writes what the called macro gives.
func (s *callStmt) exec(in *interp, sc *scope, out *textBuilder) (flow, error) {
	pos := s.call.offset()
	fn, err := in.eval(s.call.fn, sc)
	if err != nil {
		return flowNext, err
	}
	a, err := in.passed(s.call, sc)
	if err != nil {
		return flowNext, err
	}
	a.names, a.named = append(slices.Clone(a.names), "caller"), append(a.named, &macro{s.caller, sc})
	v, err := in.call(pos, fn, a)
	if err != nil {
		return flowNext, err
	}
	t, err := in.toText(v)
	if err != nil {
		return flowNext, at(pos, err)
	}
	return flowNext, in.write(out, t)
}

// callMacro runs a macro; its value is the text that it writes.
func (in *interp) callMacro(pos int, m *macro, a passed) (value, error) {
	if in.depth >= in.budget.Depth {
		return nil, &BudgetError{Limit: "depth", Value: in.budget.Depth}
	}
	in.depth++
	defer func() { in.depth-- }()
	sc := &scope{vars: map[string]value{}, parent: m.sc}
	if err := m.def.bind(pos, sc, a); err != nil {
		return nil, err
	}
	if err := in.defaults(m.def, sc); err != nil {
		return nil, err
	}
	var b textBuilder
	if _, err := in.exec(m.def.body, sc, &b); err != nil {
		return nil, err
	}
	return b.text(), nil
}

// bind gives arguments to the parameters of a macro, and those that are left to the names that it uses for them.
func (s *macroStmt) bind(pos int, sc *scope, a passed) error {
	given := min(len(a.list), len(s.params))
	for i, v := range a.list[:given] {
		sc.set(s.params[i], v)
	}
	if given < len(a.list) && !s.extras.varargs {
		return renderf(pos, "macro %s takes at most %d arguments", s.name, len(s.params))
	}
	kwargs := newDict(0)
	for i, name := range a.names {
		_, twice := sc.vars[name]
		switch declared := slices.Contains(s.params, name); {
		case twice, !declared && name == "caller" && !s.extras.caller, !declared && name != "caller" && !s.extras.kwargs:
			return renderf(pos, "macro %s: unexpected argument %q", s.name, name)
		case declared, name == "caller":
			sc.set(name, a.named[i])
		default:
			kwargs.setString(name, a.named[i])
		}
	}
	if s.extras.varargs {
		sc.set("varargs", &list{items: slices.Clone(a.list[given:]), tuple: true})
	}
	if s.extras.kwargs {
		sc.set("kwargs", kwargs)
	}
	if _, ok := sc.vars["caller"]; s.extras.caller && !ok {
		sc.set("caller", undefined{"caller"})
	}
	return nil
}

// defaults gives the parameters a value that no argument was given to.
func (in *interp) defaults(d *macroStmt, sc *scope) error {
	for i, name := range d.params {
		if _, ok := sc.vars[name]; ok {
			continue
		}
		k := i - (len(d.params) - len(d.defaults))
		if k < 0 {
			sc.set(name, undefined{name})
			continue
		}
		v, err := in.eval(d.defaults[k], sc)
		if err != nil {
			return err
		}
		sc.set(name, v)
	}
	return nil
}
