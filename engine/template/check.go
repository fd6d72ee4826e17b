package template

import (
	"errors"
	"slices"
	"strings"
)

// The names below reach for the host in the template engines of Python. Nothing of the kind exists here; a template
// that tries is not a chat template, and is refused before anything is rendered.

// forbiddenNames cannot be used as variables at all.
var forbiddenNames = []string{"self", "cycler", "joiner", "lipsum"}

// forbiddenCalls cannot be called, unless the template itself defines them.
var forbiddenCalls = []string{
	"getattr", "setattr", "eval", "exec", "compile", "open", "globals", "locals", "vars", "dir", "type", "super",
	"get_flashed_messages", "url_for", "import", "breakpoint", "input", "help", "object",
}

var forbiddenFilters = []string{"attr", "format", "xmlattr", "pprint"}

// forbiddenAttributes lead from an object of Python to its code and frames without an underscore in front.
var forbiddenAttributes = []string{
	"mro", "func_globals", "func_code", "func_closure", "im_func", "im_self", "im_class", "gi_frame", "gi_code",
	"cr_frame", "cr_code", "ag_frame", "ag_code", "f_globals", "f_locals", "f_builtins", "f_back", "f_code",
	"tb_frame", "tb_next", "format_map", "subclasses", "popen",
}

func forbiddenCall(name string) bool { return slices.Contains(forbiddenCalls, name) }

func forbiddenFilter(name string) bool { return slices.Contains(forbiddenFilters, name) }

func checkName(t token) error {
	if strings.HasPrefix(t.s, "__") || slices.Contains(forbiddenNames, t.s) {
		return forbiddenf(t.pos, "name %q", t.s)
	}
	return nil
}

func checkAttribute(at int, name string) error {
	if strings.HasPrefix(name, "_") || slices.Contains(forbiddenAttributes, name) {
		return forbiddenf(at, "attribute %q", name)
	}
	return nil
}

// internals are names between double underscores that lead from an object of Python to its class, code or module.
var internals = []string{
	"class", "mro", "base", "bases", "subclasses", "init", "new", "call", "globals", "builtins", "import", "dict", "getattribute",
	"getattr", "setattr", "delattr", "getitem", "reduce", "reduce_ex", "code", "func", "self", "module", "loader", "spec", "closure",
	"wrapped", "annotations", "init_subclass", "class_getitem", "subclasshook", "defaults", "kwdefaults", "slots", "qualname",
	"traceback", "context", "cause", "doc", "name", "file", "dir", "enter", "exit", "del", "hash", "weakref", "format",
}

// checkString refuses the name of an object's internals, such as "__class__", anywhere in a string of an expression.
func checkString(at int, s string) error {
	for rest := s; ; {
		i := strings.Index(rest, "__")
		if i < 0 {
			return nil
		}
		rest = strings.TrimLeft(rest[i:], "_")
		name, _, closed := strings.Cut(rest, "__")
		if closed && slices.Contains(internals, strings.ToLower(name)) {
			return forbiddenf(at, "%q in a string", "__"+name+"__")
		}
	}
}

// checkSubscript refuses names that start with an underscore, however they are put together from constants, and names
// that are put together from pieces which are not known before rendering.
func (p *parser) checkSubscript(i expr) error {
	v, ok := p.constant(i)
	if l, isLiteral := i.(*literal); isLiteral {
		v, ok = l.v, true
	}
	if ok {
		if s, isText := v.(text); isText {
			return checkAttribute(i.offset(), s.s)
		}
		return nil
	}
	built := p.buildsString(i)
	switch i := i.(type) {
	case *nameExpr:
		built = p.built[i.name]
	case *attrExpr:
		if base, ok := i.x.(*nameExpr); ok {
			built = p.built[place(base.name, i.name)]
		}
	case *callExpr:
		name, named := i.fn.(*nameExpr)
		built = !named || p.macros[name.name]
	}
	if built {
		return forbiddenf(i.offset(), "subscript put together from pieces")
	}
	return nil
}

// place names a variable, or a field of one.
func place(name, field string) string {
	if field == "" {
		return name
	}
	return name + "." + field
}

// buildsString reports whether x joins strings.
func (p *parser) buildsString(x expr) bool {
	switch x := x.(type) {
	case *literal:
		_, ok := x.v.(text)
		return ok
	case *nameExpr:
		_, ok := p.consts[x.name].(text)
		return ok || p.built[x.name]
	case *condExpr:
		return x.no != nil && p.buildsString(x.yes) && p.buildsString(x.no) && (!isLiteral(x.yes) || !isLiteral(x.no))
	case *binaryExpr:
		return x.op == "~" || (x.op == "+" || x.op == "*" || x.op == "%") && (p.buildsString(x.l) || p.buildsString(x.r))
	case *filterExpr:
		return slices.Contains([]string{"join", "replace", "reverse"}, x.name)
	case *methodExpr:
		return slices.Contains([]string{"join", "replace", "format"}, x.name)
	default:
		return false
	}
}

func isLiteral(x expr) bool {
	_, ok := x.(*literal)
	return ok
}

// checkPieces looks at a text that operators put together: what it is if that is known, and formats, which make any
// character from its number.
func (p *parser) checkPieces(b *binaryExpr) error {
	if !p.buildsString(b) {
		return nil
	}
	if b.op == "%" {
		return forbiddenf(b.offset(), "format with %%")
	}
	p.noteRepeat(b)
	if v, ok := p.constant(b); ok {
		if s, isText := v.(text); isText {
			return checkString(b.offset(), s.s)
		}
	}
	return nil
}

// Limits of what a template does by constants of its own. The largest of the public templates counts to 100 and has four
// loops in one another.
const (
	maxRange   = 10_000  // items of one range
	maxItems   = 100_000 // of ranges in one another
	maxLoops   = 8       // loops in one another
	maxRepeats = 10_000  // of a text
)

// exhaust notes the first limit of what a template does by constants that is reached.
func (p *parser) exhaust(limit string, value int) {
	if p.exhausts == nil {
		p.exhausts = &BudgetError{Limit: limit, Value: value}
	}
}

// noteRepeat looks for a text times a large number.
func (p *parser) noteRepeat(b *binaryExpr) {
	if b.op != "*" {
		return
	}
	for _, side := range []expr{b.l, b.r} {
		v, ok := p.constant(side)
		if n, isInt := v.(integer); ok && isInt && n > maxRepeats {
			p.exhaust("repetitions", maxRepeats)
		}
	}
}

// rangeItems returns how many items a range has if its arguments are constants, or 1.
func (p *parser) rangeItems(args []expr) int {
	var values []value
	for _, x := range args {
		v, ok := p.constant(x)
		if !ok {
			return 1
		}
		values = append(values, v)
	}
	v, err := globalRange(newInterp(Budget{Steps: maxRange}), values, nil, nil)
	if errors.Is(err, ErrBudget) {
		p.exhaust("items of a range", maxRange)
	}
	if err != nil {
		return 1
	}
	return len(v.(*list).items)
}

// noteLoop counts what a loop over x multiplies.
func (p *parser) noteLoop(x expr) {
	if p.loops >= maxLoops {
		p.exhaust("loops in one another", maxLoops)
	}
	call, ok := x.(*callExpr)
	if !ok {
		return
	}
	if fn, ok := call.fn.(*nameExpr); ok && fn.name == "range" {
		if p.runs *= max(p.rangeItems(call.args.list), 1); p.runs > maxItems {
			p.exhaust("items of ranges in one another", maxItems)
			p.runs = maxItems
		}
	}
}

// hostNames are objects of programs that render templates for other purposes; a chat has none of them.
var (
	hostModules = []string{"os", "sys", "subprocess", "builtins", "importlib", "platform", "socket", "shutil"}
	hostNames   = append([]string{"config", "request", "session", "application", "environ", "app", "popen"}, hostModules...)
)

// suspect looks for what is forbidden in the tokens of a template that cannot be parsed: other engines may know what this
// one does not.
func suspect(tokens []token) error {
	var before token
	for i, t := range tokens {
		var err error
		after := tokens[min(i+1, len(tokens)-1)]
		called := after.kind == tokenOperator && after.s == "("
		entered := after.kind == tokenOperator && after.s == "."
		switch {
		case t.kind == tokenString:
			err = checkString(t.pos, t.s)
		case t.kind != tokenName:
		case before.kind == tokenBlock && slices.Contains([]string{"import", "from", "include", "extends"}, t.s):
			err = forbiddenf(t.pos, "tag %q", t.s)
		case before.kind == tokenOperator && before.s == ".":
			err = checkAttribute(t.pos, t.s)
		case before.kind == tokenOperator && before.s == "|":
			if forbiddenFilter(t.s) {
				err = forbiddenf(t.pos, "filter %q", t.s)
			}
		case entered && slices.Contains(hostModules, t.s):
			err = forbiddenf(t.pos, "name %q", t.s)
		case called && forbiddenCall(t.s):
			err = forbiddenf(t.pos, "call of %q", t.s)
		default:
			err = checkName(t)
		}
		if err != nil {
			return err
		}
		before = t
	}
	return nil
}

// checkMethod allows format on a constant with plain fields only: a format string that comes from elsewhere, or that
// names attributes, reads objects.
func (p *parser) checkMethod(m *methodExpr) error {
	if m.name != "format" {
		return nil
	}
	v, ok := p.constant(m.x)
	s, isText := v.(text)
	if !ok || !isText {
		return forbiddenf(m.offset(), "format of a string that is not a constant")
	}
	if strings.Count(s.s, "{}") != strings.Count(s.s, "{") || strings.Count(s.s, "{") != strings.Count(s.s, "}") {
		return forbiddenf(m.offset(), "format with fields other than {}")
	}
	return nil
}

// checkFilter looks at the attribute that a filter reads from each item. It has to be known before rendering.
func (p *parser) checkFilter(f *filterExpr) error {
	if k := slices.Index(filters[f.name].params, "attribute"); k >= 0 && f.args[k] != nil {
		return p.checkPath(f, f.args[k])
	}
	return nil
}

// checkPath checks an attribute argument: a number, or names with dots between them.
func (p *parser) checkPath(f *filterExpr, x expr) error {
	v, ok := p.constant(x)
	if !ok {
		return forbiddenf(x.offset(), "attribute of %s is not a constant", f.name)
	}
	s, ok := v.(text)
	if !ok {
		return nil
	}
	for part := range strings.SplitSeq(s.s, ".") {
		if err := checkAttribute(x.offset(), part); err != nil {
			return err
		}
	}
	return nil
}

// constant evaluates x if it depends on nothing that is known at rendering only.
func (p *parser) constant(x expr) (value, bool) {
	if !p.isConstant(x) {
		return nil, false
	}
	v, err := p.fold.eval(x, &scope{vars: p.consts})
	return v, err == nil
}

func (p *parser) isConstant(xs ...expr) bool {
	for _, x := range xs {
		ok := p.fold.charge(1) == nil
		switch x := x.(type) {
		case nil, *literal:
		case *nameExpr:
			_, known := p.consts[x.name]
			ok = ok && known
		case *listExpr:
			ok = ok && p.isConstant(x.items...)
		case *unaryExpr:
			ok = ok && p.isConstant(x.x)
		case *binaryExpr:
			ok = ok && p.isConstant(x.l, x.r)
		case *condExpr:
			ok = ok && p.isConstant(x.cond, x.yes, x.no)
		case *indexExpr:
			ok = ok && p.isConstant(x.x, x.i)
		case *sliceExpr:
			ok = ok && p.isConstant(x.x, x.lo, x.hi, x.step)
		case *methodExpr:
			ok = ok && p.isConstant(x.x) && p.isConstant(x.args...)
		case *filterExpr:
			ok = ok && p.isConstant(x.x) && p.isConstant(x.args...)
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}
