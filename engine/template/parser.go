package template

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Limits of a source. The largest of the public templates has 17 KB and nests less than 20 deep.
const (
	maxSource = 256 << 10 // bytes
	maxNest   = 100       // of expressions and blocks in one another
	maxNodes  = 40_000
)

type parser struct {
	tokens []token
	at     int
	nodes  int
	nest   int
	loops  int // loops around this place, within the macro
	runs   int // how often this place runs, as far as loops over constant ranges say

	names  map[string]bool // that the template itself defines somewhere
	called []nameExpr      // functions called by name, checked at the end
	hosts  []nameExpr      // names of the host's objects, checked at the end
	built  map[string]bool // names and fields last set to a text that is put together at rendering
	macros map[string]bool
	extras *extras // of the macro around this place

	exhausts error            // the first limit that constants reach
	consts   map[string]value // what names were last set to, where that is a constant
	fold     *interp          // evaluates constants; one budget for the whole source
}

func parse(src string) (*Template, error) {
	if len(src) > maxSource {
		return nil, &BudgetError{Limit: "source bytes", Value: maxSource}
	}
	tokens, err := lex(src)
	t := &Template{src: src}
	if err == nil {
		err = t.parse(tokens)
	}
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, ErrForbidden):
		return nil, err
	default:
		return nil, cmp.Or(suspect(tokens), err)
	}
}

func (t *Template) parse(tokens []token) error {
	p := &parser{
		tokens: tokens, runs: 1, names: map[string]bool{}, consts: map[string]value{}, built: map[string]bool{}, macros: map[string]bool{},
		fold: newInterp(Budget{Steps: 100_000, Depth: 1, Output: 64 << 10}),
	}
	p.fold.folding = true
	body, err := p.body()
	if err != nil {
		return err
	}
	if end := p.peek(); end.kind != tokenEOF {
		return syntaxf(end.pos, "unexpected tag %q", p.tokens[p.at+1].s)
	}
	for _, h := range p.hosts {
		if !p.names[h.name] {
			return forbiddenf(h.offset(), "name %q", h.name)
		}
	}
	for _, c := range p.called {
		switch {
		case p.names[c.name]:
		case forbiddenCall(c.name):
			return forbiddenf(c.offset(), "call of %q", c.name)
		default:
			return syntaxf(c.offset(), "unknown function %q", c.name)
		}
	}
	t.body, t.exhausts = body, p.exhausts
	return nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEOF {
		p.at++
	}
	return t
}

func (p *parser) is(kind tokenKind, s string) bool {
	t := p.peek()
	return t.kind == kind && t.s == s
}

func (p *parser) accept(kind tokenKind, s string) bool {
	if p.is(kind, s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) acceptOp(s string) bool { return p.accept(tokenOperator, s) }

func (p *parser) acceptName(s string) bool { return p.accept(tokenName, s) }

func (p *parser) expectOp(s string) error {
	if !p.acceptOp(s) {
		return syntaxf(p.peek().pos, "expected %q", s)
	}
	return nil
}

// node counts a node of the tree.
func (p *parser) node() error {
	if p.nodes++; p.nodes > maxNodes {
		return &BudgetError{Limit: "nodes", Value: maxNodes}
	}
	return nil
}

// enter goes one level down; the caller leaves with p.nest--.
func (p *parser) enter() error {
	if p.nest++; p.nest > maxNest {
		return &BudgetError{Limit: "nesting", Value: maxNest}
	}
	return p.node()
}

// body reads statements up to a block tag with one of the names in ends, which it leaves, or the end of the source.
func (p *parser) body(ends ...string) ([]stmt, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	var out []stmt
	for {
		switch t := p.peek(); t.kind {
		case tokenData:
			p.at++
			out = append(out, &dataStmt{str(t.s)})
		case tokenPrint:
			p.at++
			x, err := p.tuple()
			if err != nil {
				return nil, err
			}
			if p.next().kind != tokenPrintEnd {
				return nil, syntaxf(p.tokens[p.at-1].pos, "unexpected %q in expression", p.tokens[p.at-1].s)
			}
			out = append(out, &printStmt{x})
		case tokenBlock:
			name := p.tokens[p.at+1]
			if name.kind == tokenName && slices.Contains(ends, name.s) {
				return out, nil
			}
			s, err := p.block()
			if err != nil {
				return nil, err
			}
			out = append(out, s)
		default:
			if len(ends) > 0 {
				return nil, syntaxf(t.pos, "expected %s before the end of the template", strings.Join(ends, " or "))
			}
			return out, nil
		}
		if err := p.node(); err != nil {
			return nil, err
		}
	}
}

// block reads one block statement with its body.
func (p *parser) block() (stmt, error) {
	p.at++ // {%
	t := p.next()
	if t.kind != tokenName {
		return nil, syntaxf(t.pos, "tag has no name")
	}
	switch t.s {
	case "if":
		return p.ifBlock()
	case "for":
		return p.forBlock(t)
	case "set":
		return p.setBlock(t)
	case "macro":
		return p.macroBlock(t)
	case "call":
		return p.callBlock(t)
	case "with":
		return p.withBlock()
	case "filter":
		return p.capture(t, "", "")
	case "generation":
		if err := p.endTag(); err != nil {
			return nil, err
		}
		body, err := p.bodyTo("endgeneration")
		return &scopeStmt{body: body}, err
	case "break", "continue":
		if p.loops == 0 {
			return nil, syntaxf(t.pos, "%s outside of a loop", t.s)
		}
		f := flowContinue
		if t.s == "break" {
			f = flowBreak
		}
		return &flowStmt{f}, p.endTag()
	case "import", "from", "include", "extends":
		return nil, forbiddenf(t.pos, "tag %q", t.s)
	default:
		return nil, syntaxf(t.pos, "unknown tag %q", t.s)
	}
}

func (p *parser) endTag() error {
	if t := p.next(); t.kind != tokenBlockEnd {
		return syntaxf(t.pos, "unexpected %q in tag", t.s)
	}
	return nil
}

// bodyTo reads a body and its end tag.
func (p *parser) bodyTo(end string) ([]stmt, error) {
	body, err := p.body(end)
	if err != nil {
		return nil, err
	}
	p.at += 2 // {% end
	return body, p.endTag()
}

func (p *parser) ifBlock() (stmt, error) {
	s := &ifStmt{}
	for {
		cond, err := p.tupleNoCond()
		if err != nil {
			return nil, err
		}
		if err := p.endTag(); err != nil {
			return nil, err
		}
		body, err := p.body("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.conds, s.bodies = append(s.conds, cond), append(s.bodies, body)
		p.at++ // {%
		switch p.next().s {
		case "elif":
		case "else":
			if err := p.endTag(); err != nil {
				return nil, err
			}
			s.other, err = p.bodyTo("endif")
			return s, err
		default:
			return s, p.endTag()
		}
	}
}

func (p *parser) forBlock(t token) (stmt, error) {
	s := &forStmt{pos: pos(t.pos)}
	var err error
	if s.targets, err = p.targets(); err != nil {
		return nil, err
	}
	if !p.acceptName("in") {
		return nil, syntaxf(p.peek().pos, "expected in")
	}
	if s.iter, err = p.tupleNoCond(); err != nil {
		return nil, err
	}
	if p.acceptName("if") {
		if s.cond, err = p.expr(); err != nil {
			return nil, err
		}
	}
	if p.is(tokenName, "recursive") {
		return nil, syntaxf(p.peek().pos, "recursive loops are not supported")
	}
	if err := p.endTag(); err != nil {
		return nil, err
	}
	outside := p.runs
	p.noteLoop(s.iter)
	p.loops++
	s.body, err = p.body("else", "endfor")
	p.loops--
	p.runs = outside
	if err != nil {
		return nil, err
	}
	p.at++ // {%
	if p.next().s == "else" {
		if err := p.endTag(); err != nil {
			return nil, err
		}
		s.other, err = p.bodyTo("endfor")
		return s, err
	}
	return s, p.endTag()
}

// targets reads "a" or "a, b" or "(a, b)".
func (p *parser) targets() ([]string, error) {
	paren := p.acceptOp("(")
	var out []string
	for {
		t := p.next()
		if t.kind != tokenName {
			return nil, syntaxf(t.pos, "expected a name")
		}
		if err := p.define(t); err != nil {
			return nil, err
		}
		out = append(out, t.s)
		if !p.acceptOp(",") {
			break
		}
	}
	if paren {
		return out, p.expectOp(")")
	}
	return out, nil
}

// define notes that the template itself gives the name t a value.
func (p *parser) define(t token) error {
	switch t.s {
	case "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else":
		return syntaxf(t.pos, "%s is not a name", t.s)
	}
	p.names[t.s] = true
	delete(p.consts, t.s)
	return checkName(t)
}

func (p *parser) setBlock(t token) (stmt, error) {
	targets, err := p.targets()
	if err != nil {
		return nil, err
	}
	field := ""
	if len(targets) == 1 && p.acceptOp(".") {
		f := p.next()
		if f.kind != tokenName {
			return nil, syntaxf(f.pos, "expected a name")
		}
		if err := checkAttribute(f.pos, f.s); err != nil {
			return nil, err
		}
		field = f.s
	}
	if p.acceptOp("=") {
		x, err := p.tuple()
		if err != nil {
			return nil, err
		}
		v, ok := p.constant(x)
		if ok && field == "" && len(targets) == 1 {
			p.consts[targets[0]] = v
		}
		p.built[place(targets[0], field)] = !ok && p.buildsString(x)
		return &setStmt{pos(t.pos), targets, field, x}, p.endTag()
	}
	if len(targets) != 1 {
		return nil, syntaxf(t.pos, "a set block has one name")
	}
	return p.capture(t, targets[0], field)
}

// capture reads the rest of a set block, or of a filter block if target is empty.
func (p *parser) capture(t token, target, field string) (stmt, error) {
	s := &captureStmt{pos: pos(t.pos), target: target, field: field}
	p.built[place(target, field)] = true
	end := "endset"
	s.filter = &nameExpr{pos(t.pos), captured}
	var err error
	if target == "" {
		end = "endfilter"
		s.filter, err = p.filter(s.filter)
	}
	if err == nil {
		s.filter, err = p.filters(s.filter)
	}
	if err != nil {
		return nil, err
	}
	if err := p.endTag(); err != nil {
		return nil, err
	}
	s.body, err = p.bodyTo(end)
	return s, err
}

func (p *parser) macroBlock(t token) (stmt, error) {
	name := p.next()
	if name.kind != tokenName {
		return nil, syntaxf(name.pos, "macro has no name")
	}
	if err := p.define(name); err != nil {
		return nil, err
	}
	if err := p.expectOp("("); err != nil {
		return nil, err
	}
	p.macros[name.s] = true
	s := &macroStmt{pos: pos(t.pos), name: name.s}
	if err := p.params(s); err != nil {
		return nil, err
	}
	return s, p.macroBody(s, "endmacro")
}

// params reads parameters up to the closing parenthesis.
func (p *parser) params(s *macroStmt) error {
	for !p.acceptOp(")") {
		if len(s.params) > 0 {
			if err := p.expectOp(","); err != nil {
				return err
			}
		}
		if err := p.param(s); err != nil {
			return err
		}
	}
	return nil
}

// macroBody reads the end of the tag that opens a macro, and its body.
func (p *parser) macroBody(s *macroStmt, end string) error {
	if err := p.endTag(); err != nil {
		return err
	}
	loops, around := p.loops, p.extras
	p.loops, p.extras = 0, &s.extras
	var err error
	s.body, err = p.bodyTo(end)
	p.loops, p.extras = loops, around
	return err
}

// noteExtra notes that a macro uses a name for arguments which it does not declare.
func (p *parser) noteExtra(name string) {
	if p.extras == nil {
		return
	}
	switch name {
	case "varargs":
		p.extras.varargs = true
	case "kwargs":
		p.extras.kwargs = true
	case "caller":
		p.extras.caller = true
		p.names[name] = true
	}
}

// callBlock reads a call block: a call whose macro gets the body as another one.
func (p *parser) callBlock(t token) (stmt, error) {
	s := &callStmt{caller: &macroStmt{pos: pos(t.pos), name: "caller"}}
	if p.acceptOp("(") {
		if err := p.params(s.caller); err != nil {
			return nil, err
		}
	}
	x, err := p.signed()
	if err != nil {
		return nil, err
	}
	call, ok := x.(*callExpr)
	if !ok {
		return nil, syntaxf(t.pos, "call block without a call")
	}
	s.call = call
	return s, p.macroBody(s.caller, "endcall")
}

// withBlock reads names and their values, and the body that sees them.
func (p *parser) withBlock() (stmt, error) {
	s := &scopeStmt{}
	for first := true; p.peek().kind != tokenBlockEnd; first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
		}
		name := p.next()
		if name.kind != tokenName {
			return nil, syntaxf(name.pos, "expected a name")
		}
		if err := p.define(name); err != nil {
			return nil, err
		}
		if err := p.expectOp("="); err != nil {
			return nil, err
		}
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		p.built[name.s] = p.buildsString(x)
		s.names, s.values = append(s.names, name.s), append(s.values, x)
	}
	if err := p.endTag(); err != nil {
		return nil, err
	}
	var err error
	s.body, err = p.bodyTo("endwith")
	return s, err
}

func (p *parser) param(s *macroStmt) error {
	t := p.next()
	if t.kind != tokenName {
		return syntaxf(t.pos, "expected a parameter")
	}
	if err := p.define(t); err != nil {
		return err
	}
	if slices.Contains(s.params, t.s) {
		return syntaxf(t.pos, "parameter %q twice", t.s)
	}
	s.params = append(s.params, t.s)
	if !p.acceptOp("=") {
		if len(s.defaults) > 0 {
			return syntaxf(t.pos, "parameter %q needs a default", t.s)
		}
		return nil
	}
	x, err := p.expr()
	s.defaults = append(s.defaults, x)
	return err
}
