package template

import (
	"slices"
	"strconv"
	"strings"
)

// tuple reads an expression, or several with commas between them as a tuple.
func (p *parser) tuple() (expr, error) { return p.tupleOf(p.expr) }

// tupleNoCond is tuple where "if" does not belong to the expression.
func (p *parser) tupleNoCond() (expr, error) { return p.tupleOf(p.or) }

func (p *parser) tupleOf(item func() (expr, error)) (expr, error) {
	start := p.peek().pos
	x, err := item()
	if err != nil || !p.is(tokenOperator, ",") {
		return x, err
	}
	out := &listExpr{pos: pos(start), items: []expr{x}, tuple: true}
	for p.acceptOp(",") {
		if t := p.peek(); t.kind == tokenPrintEnd || t.kind == tokenBlockEnd || p.is(tokenOperator, ")") {
			break
		}
		if x, err = item(); err != nil {
			return nil, err
		}
		out.items = append(out.items, x)
	}
	return out, nil
}

// expr reads any expression but a bare tuple.
func (p *parser) expr() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	x, err := p.or()
	if err != nil {
		return nil, err
	}
	for p.is(tokenName, "if") {
		at := p.next().pos
		c := &condExpr{pos: pos(at), yes: x}
		if c.cond, err = p.or(); err != nil {
			return nil, err
		}
		if p.acceptName("else") {
			if c.no, err = p.expr(); err != nil {
				return nil, err
			}
		}
		x = c
		if err := p.node(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// chain reads operands with left-associative operators between them.
func (p *parser) chain(kind tokenKind, ops []string, operand func() (expr, error)) (expr, error) {
	x, err := operand()
	if err != nil {
		return nil, err
	}
	for p.peek().kind == kind && slices.Contains(ops, p.peek().s) {
		t := p.next()
		if err := p.node(); err != nil {
			return nil, err
		}
		r, err := operand()
		if err != nil {
			return nil, err
		}
		x = &binaryExpr{pos(t.pos), t.s, x, r}
	}
	if b, ok := x.(*binaryExpr); ok && kind == tokenOperator {
		return x, p.checkPieces(b)
	}
	return x, nil
}

func (p *parser) or() (expr, error) { return p.chain(tokenName, []string{"or"}, p.and) }

func (p *parser) and() (expr, error) { return p.chain(tokenName, []string{"and"}, p.not) }

func (p *parser) not() (expr, error) {
	if !p.is(tokenName, "not") {
		return p.compare()
	}
	t := p.next()
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	x, err := p.not()
	return &unaryExpr{pos(t.pos), "not", x}, err
}

func (p *parser) compare() (expr, error) {
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	out := &compareExpr{pos: pos(p.peek().pos), first: x}
	for {
		op := p.compareOp()
		if op == "" {
			break
		}
		if err := p.node(); err != nil {
			return nil, err
		}
		if x, err = p.sum(); err != nil {
			return nil, err
		}
		out.ops, out.rest = append(out.ops, op), append(out.rest, x)
	}
	if len(out.ops) == 0 {
		return out.first, nil
	}
	return out, nil
}

func (p *parser) compareOp() string {
	t := p.peek()
	switch {
	case t.kind == tokenOperator && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.s),
		t.kind == tokenName && t.s == "in":
		p.at++
		return t.s
	case t.kind == tokenName && t.s == "not" && p.tokens[p.at+1].kind == tokenName && p.tokens[p.at+1].s == "in":
		p.at += 2
		return "not in"
	default:
		return ""
	}
}

func (p *parser) sum() (expr, error) { return p.chain(tokenOperator, []string{"+", "-"}, p.concat) }

func (p *parser) concat() (expr, error) { return p.chain(tokenOperator, []string{"~"}, p.product) }

func (p *parser) product() (expr, error) {
	return p.chain(tokenOperator, []string{"*", "/", "//", "%"}, p.power)
}

func (p *parser) power() (expr, error) {
	return p.chain(tokenOperator, []string{"**"}, p.unary)
}

func (p *parser) unary() (expr, error) {
	x, err := p.signed()
	if err != nil {
		return nil, err
	}
	return p.filters(x)
}

// signed reads a primary expression with what follows it but filters, which bind less than a sign in front.
func (p *parser) signed() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.nest-- }()
	t := p.peek()
	var x expr
	var err error
	if p.acceptOp("-") || p.acceptOp("+") {
		x, err = p.signed()
		x = &unaryExpr{pos(t.pos), t.s, x}
	} else {
		x, err = p.primary()
	}
	if err != nil {
		return nil, err
	}
	return p.postfix(x)
}

func (p *parser) primary() (expr, error) {
	t := p.next()
	at := pos(t.pos)
	switch t.kind {
	case tokenName:
		return p.name(t)
	case tokenString:
		var s strings.Builder
		s.WriteString(t.s)
		for p.peek().kind == tokenString { // "a" "b" is one string
			s.WriteString(p.next().s)
		}
		return &literal{at, str(s.String())}, checkString(t.pos, s.String())
	case tokenInteger:
		return integerLiteral(t)
	case tokenFloat:
		f, _ := strconv.ParseFloat(t.s, 64) // digits of a lexer; infinite if there are too many
		return &literal{at, float(f)}, nil
	case tokenOperator:
		switch t.s {
		case "(":
			if p.acceptOp(")") {
				return &listExpr{pos: at, tuple: true}, nil
			}
			x, err := p.tuple()
			if err != nil {
				return nil, err
			}
			return x, p.expectOp(")")
		case "[":
			items, err := p.items("]")
			return &listExpr{pos: at, items: items}, err
		case "{":
			return p.dict(at)
		}
		return nil, syntaxf(t.pos, "unexpected %q", t.s)
	default:
		return nil, syntaxf(t.pos, "expected an expression")
	}
}

// integerLiteral reads decimal digits, or others after 0x, 0o or 0b.
func integerLiteral(t token) (expr, error) {
	base := 10
	if len(t.s) > 1 && t.s[0] == '0' && t.s[1] > '9' {
		base = 0
	}
	n, err := strconv.ParseInt(t.s, base, 64)
	if err != nil && base == 10 && len(t.s) <= maxDigits {
		return &literal{pos(t.pos), wide(strings.TrimLeft(t.s, "0"))}, nil
	}
	if err != nil {
		return nil, syntaxf(t.pos, "integer %.30q is out of range", t.s)
	}
	return &literal{pos(t.pos), integer(n)}, nil
}

func (p *parser) name(t token) (expr, error) {
	at := pos(t.pos)
	switch t.s {
	case "true", "True":
		return &literal{at, boolean(true)}, nil
	case "false", "False":
		return &literal{at, boolean(false)}, nil
	case "none", "None":
		return &literal{at, none{}}, nil
	case "and", "or", "not", "in", "is", "if", "else", "elif":
		return nil, syntaxf(t.pos, "unexpected %q", t.s)
	}
	n := &nameExpr{at, t.s}
	p.noteExtra(t.s)
	if slices.Contains(hostNames, t.s) {
		p.hosts = append(p.hosts, *n)
	}
	return n, checkName(t)
}

// items reads expressions up to the closing bracket.
func (p *parser) items(end string) ([]expr, error) {
	var out []expr
	for !p.acceptOp(end) {
		if len(out) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.acceptOp(end) {
				break
			}
		}
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

func (p *parser) dict(at pos) (expr, error) {
	d := &dictExpr{pos: at}
	for !p.acceptOp("}") {
		if len(d.keys) > 0 {
			if err := p.expectOp(","); err != nil {
				return nil, err
			}
			if p.acceptOp("}") {
				break
			}
		}
		k, err := p.expr()
		if err != nil {
			return nil, err
		}
		if err := p.expectOp(":"); err != nil {
			return nil, err
		}
		v, err := p.expr()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, nil
}

// postfix reads attributes, subscripts and calls.
func (p *parser) postfix(x expr) (expr, error) {
	for {
		t := p.peek()
		if t.kind != tokenOperator || t.s != "." && t.s != "[" && t.s != "(" {
			return x, nil
		}
		p.at++
		if err := p.node(); err != nil {
			return nil, err
		}
		var err error
		switch t.s {
		case ".":
			x, err = p.attribute(x)
		case "[":
			x, err = p.subscript(x, t.pos)
		default:
			x, err = p.call(x, t.pos)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) attribute(x expr) (expr, error) {
	t := p.next()
	switch t.kind {
	case tokenInteger:
		n, err := strconv.Atoi(t.s)
		if err != nil {
			return nil, syntaxf(t.pos, "index %.30q is out of range", t.s)
		}
		return &indexExpr{pos(t.pos), x, &literal{pos(t.pos), integer(n)}}, nil
	case tokenName:
	default:
		return nil, syntaxf(t.pos, "expected an attribute name")
	}
	if err := checkAttribute(t.pos, t.s); err != nil {
		return nil, err
	}
	if !p.acceptOp("(") {
		return &attrExpr{pos(t.pos), x, t.s}, nil
	}
	def, ok := methods[t.s]
	if !ok {
		return nil, syntaxf(t.pos, "unknown method %q", t.s)
	}
	a, err := p.arguments()
	if err != nil {
		return nil, err
	}
	m := &methodExpr{pos: pos(t.pos), x: x, name: t.s, call: def.call}
	if m.args, err = def.bind(t, a); err != nil {
		return nil, err
	}
	return m, p.checkMethod(m)
}

func (p *parser) subscript(x expr, at int) (expr, error) {
	var parts [3]expr
	n := 0
	for !p.is(tokenOperator, "]") {
		if p.acceptOp(":") {
			if n++; n > 2 {
				return nil, syntaxf(at, "slice has too many parts")
			}
			continue
		}
		if parts[n] != nil {
			return nil, syntaxf(p.peek().pos, `expected "]"`)
		}
		var err error
		if parts[n], err = p.expr(); err != nil {
			return nil, err
		}
	}
	p.at++
	switch {
	case n > 0:
		return &sliceExpr{pos(at), x, parts[0], parts[1], parts[2]}, nil
	case parts[0] == nil:
		return nil, syntaxf(at, "subscript is empty")
	}
	return &indexExpr{pos(at), x, parts[0]}, p.checkSubscript(parts[0])
}

// call reads the arguments of a call. What is called is known at rendering; only functions and macros can be.
func (p *parser) call(fn expr, at int) (expr, error) {
	name, ok := fn.(*nameExpr)
	if !ok {
		args, err := p.arguments()
		return &callExpr{pos(at), fn, args}, err
	}
	if _, ok := globals[name.name]; !ok {
		p.called = append(p.called, *name)
	}
	args, err := p.arguments()
	if name.name == "range" {
		p.rangeItems(args.list)
	}
	return &callExpr{name.pos, name, args}, err
}

// arguments reads what follows the "(" of a call.
func (p *parser) arguments() (arguments, error) {
	var a arguments
	for first := true; !p.acceptOp(")"); first = false {
		if !first {
			if err := p.expectOp(","); err != nil {
				return a, err
			}
			if p.acceptOp(")") {
				break
			}
		}
		if unpacked, err := p.unpacked(&a); err != nil {
			return a, err
		} else if unpacked {
			continue
		}
		name := ""
		if p.peek().kind == tokenName && p.tokens[p.at+1].kind == tokenOperator && p.tokens[p.at+1].s == "=" {
			t := p.next()
			name = t.s
			p.at++
			if err := checkName(t); err != nil {
				return a, err
			}
		}
		x, err := p.expr()
		switch {
		case err != nil:
			return a, err
		case name != "":
			a.names, a.named = append(a.names, name), append(a.named, x)
		case len(a.names) > 0:
			return a, syntaxf(x.offset(), "positional argument after a keyword argument")
		default:
			a.list = append(a.list, x)
		}
	}
	return a, nil
}

// unpacked reads *x or **y of a call, if it stands here.
func (p *parser) unpacked(a *arguments) (bool, error) {
	t := p.peek()
	to := &a.star
	switch {
	case t.kind == tokenOperator && t.s == "*":
	case t.kind == tokenOperator && t.s == "**":
		to = &a.stars
	default:
		return false, nil
	}
	if *to != nil {
		return false, syntaxf(t.pos, "%s twice in a call", t.s)
	}
	p.at++
	var err error
	*to, err = p.expr()
	return true, err
}
