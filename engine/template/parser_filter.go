package template

import "strings"

// filters reads filters and tests that follow x.
func (p *parser) filters(x expr) (expr, error) {
	for {
		var err error
		switch t := p.peek(); {
		case p.acceptOp("|"):
			x, err = p.filter(x)
		case p.acceptName("is"):
			x, err = p.test(x, t.pos)
		default:
			return x, nil
		}
		if err != nil {
			return nil, err
		}
		if err := p.node(); err != nil {
			return nil, err
		}
	}
}

// filter reads one filter's name and arguments.
func (p *parser) filter(x expr) (expr, error) {
	t := p.next()
	if t.kind != tokenName {
		return nil, syntaxf(t.pos, "expected the name of a filter")
	}
	if forbiddenFilter(t.s) {
		return nil, forbiddenf(t.pos, "filter %q", t.s)
	}
	def, ok := filters[t.s]
	if !ok {
		return nil, syntaxf(t.pos, "unknown filter %q", t.s)
	}
	var a arguments
	var err error
	if p.acceptOp("(") {
		if a, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	switch t.s {
	case "map":
		return p.mapFilter(x, t, a)
	case "select", "reject", "selectattr", "rejectattr":
		return p.selectFilter(x, t, a)
	}
	f := &filterExpr{pos: pos(t.pos), x: x, name: t.s, call: def.call}
	if f.args, err = def.bind(t, a); err != nil {
		return nil, err
	}
	return f, p.checkFilter(f)
}

// mapFilter binds map(attribute=…, default=…) or map("filter", …). Which filter is applied is known from here on.
func (p *parser) mapFilter(x expr, t token, a arguments) (expr, error) {
	f := &filterExpr{pos: pos(t.pos), x: x, name: t.s, call: mapAttribute}
	var err error
	if len(a.list) == 0 {
		if f.args, err = def(nil, "attribute", "default").bind(t, a); err != nil {
			return nil, err
		}
		if f.args[0] == nil {
			return nil, syntaxf(t.pos, "map needs an attribute or the name of a filter")
		}
		return f, p.checkPath(f, f.args[0])
	}
	name, err := p.constantName(f, a.list[0])
	if err != nil {
		return nil, err
	}
	if forbiddenFilter(name) {
		return nil, forbiddenf(t.pos, "filter %q", name)
	}
	inner, ok := filters[name]
	if !ok || inner.call == nil {
		return nil, syntaxf(t.pos, "unknown filter %q", name)
	}
	f.call = mapWith(inner.call)
	a.list = a.list[1:]
	f.args, err = inner.bind(token{s: name, pos: t.pos}, a)
	return f, err
}

// selectFilter binds select and reject, with or without an attribute. Its first argument is the attribute, or nil.
func (p *parser) selectFilter(x expr, t token, a arguments) (expr, error) {
	f := &filterExpr{pos: pos(t.pos), x: x, name: t.s, args: []expr{nil}}
	if len(a.names) > 0 {
		return nil, syntaxf(t.pos, "%s takes no keyword arguments", t.s)
	}
	if strings.HasSuffix(t.s, "attr") {
		if len(a.list) == 0 {
			return nil, syntaxf(t.pos, "%s needs an attribute", t.s)
		}
		if err := p.checkPath(f, a.list[0]); err != nil {
			return nil, err
		}
		f.args[0], a.list = a.list[0], a.list[1:]
	}
	passes := func(test testFunc) testFunc { return test }
	if strings.HasPrefix(t.s, "reject") {
		passes = negate
	}
	if len(a.list) == 0 {
		f.call = selectWith(passes(testTruth))
		return f, nil
	}
	name, err := p.constantName(f, a.list[0])
	if err != nil {
		return nil, err
	}
	test, ok := tests[name]
	if !ok || test.args != len(a.list)-1 {
		return nil, syntaxf(t.pos, "unknown test %q with %d arguments", name, len(a.list)-1)
	}
	f.call = selectWith(passes(test.call))
	f.args = append(f.args, a.list[1:]...)
	return f, nil
}

func (p *parser) constantName(f *filterExpr, x expr) (string, error) {
	v, _ := p.constant(x)
	s, ok := v.(text)
	if !ok {
		return "", forbiddenf(x.offset(), "%s with a name that is not a constant", f.name)
	}
	return s.s, nil
}

// test reads what follows "is". An argument may stand in parentheses or bare, as in Jinja.
func (p *parser) test(x expr, at int) (expr, error) {
	negate := p.acceptName("not")
	t := p.next()
	def, ok := tests[t.s]
	if t.kind != tokenName || !ok {
		return nil, syntaxf(t.pos, "unknown test %q", t.s)
	}
	out := &testExpr{pos: pos(at), x: x, negate: negate, call: def.call}
	next := p.peek()
	switch {
	case p.acceptOp("("):
		args, err := p.arguments()
		if err != nil {
			return nil, err
		}
		if len(args.names) > 0 {
			return nil, syntaxf(at, "test %q takes no keyword arguments", t.s)
		}
		out.args = args.list
	case def.args > 0 && (next.kind == tokenName || next.kind == tokenString || next.kind == tokenInteger ||
		next.kind == tokenFloat || p.is(tokenOperator, "[") || p.is(tokenOperator, "{")):
		arg, err := p.signed()
		if err != nil {
			return nil, err
		}
		out.args = []expr{arg}
	}
	if len(out.args) != def.args {
		return nil, syntaxf(at, "test %q takes %d arguments", t.s, def.args)
	}
	return out, nil
}
