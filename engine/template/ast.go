package template

import "slices"

// An expr is a node that has a value.
type expr interface {
	eval(in *interp, sc *scope) (value, error)
	offset() int // in the source
}

// A stmt is a node that writes to the output or changes a scope.
type stmt interface {
	exec(in *interp, sc *scope, out *textBuilder) (flow, error)
}

// flow says how a statement ended.
type flow uint8

const (
	flowNext flow = iota
	flowBreak
	flowContinue
)

// pos is the byte offset of a node in the source.
type pos int

func (p pos) offset() int { return int(p) }

// Expressions.
type (
	literal struct {
		pos
		v value
	}
	nameExpr struct {
		pos
		name string
	}
	// A listExpr is a list or tuple display.
	listExpr struct {
		pos
		items []expr
		tuple bool
	}
	dictExpr struct {
		pos
		keys, values []expr
	}
	unaryExpr struct {
		pos
		op string // "-", "+" or "not"
		x  expr
	}
	binaryExpr struct {
		pos
		op   string // an arithmetic operator, "~", "and" or "or"
		l, r expr
	}
	// A compareExpr is a chain a < b < c.
	compareExpr struct {
		pos
		first expr
		ops   []string
		rest  []expr
	}
	condExpr struct {
		pos
		cond, yes, no expr // no may be nil
	}
	attrExpr struct {
		pos
		x    expr
		name string
	}
	indexExpr struct {
		pos
		x, i expr
	}
	sliceExpr struct {
		pos
		x            expr
		lo, hi, step expr // may be nil
	}
	callExpr struct {
		pos
		fn   expr
		args arguments
	}
	// Methods and filters have their arguments in the order of the definition's parameters, nil where absent.
	methodExpr struct {
		pos
		x    expr
		name string
		args []expr
		call callFunc
	}
	filterExpr struct {
		pos
		x    expr
		name string
		args []expr
		call callFunc
	}
	testExpr struct {
		pos
		x      expr
		args   []expr
		negate bool
		call   testFunc
	}
)

// A callFunc is a filter or method: v is what it is applied to, a are its arguments in the order of the definition's
// parameters, nil where absent.
type callFunc func(in *interp, v value, a []value) (value, error)

// A definition is a filter or method and its parameters. A last parameter "..." takes any number of arguments.
type definition struct {
	call   callFunc
	params []string
}

func def(call callFunc, params ...string) definition { return definition{call, params} }

// bind puts the arguments of a call into the order of the parameters.
func (d definition) bind(t token, a arguments) ([]expr, error) {
	n := len(d.params)
	rest := n > 0 && d.params[n-1] == "..."
	if rest {
		n--
	}
	if a.star != nil || a.stars != nil {
		return nil, syntaxf(t.pos, "%s takes no unpacked arguments", t.s)
	}
	if len(a.list) > n && !rest {
		return nil, syntaxf(t.pos, "%s takes at most %d arguments", t.s, n)
	}
	out := make([]expr, max(n, len(a.list)))
	copy(out, a.list)
	for i, name := range a.names {
		k := slices.Index(d.params[:n], name)
		if k < 0 || out[k] != nil {
			return nil, syntaxf(t.pos, "%s: unexpected argument %q", t.s, name)
		}
		out[k] = a.named[i]
	}
	return out, nil
}

// A testDef is a test and how many arguments it takes.
type testDef struct {
	call testFunc
	args int
}

type testFunc func(in *interp, v value, a []value) (bool, error)

// captured is a name that no template can spell.
const captured = ""

// arguments are those of a call, as written.
type arguments struct {
	list  []expr
	names []string // of keyword arguments
	named []expr
	// star and stars are a list and a mapping with more arguments (f(*x, **y)); nil if there are none.
	star, stars expr
}

// extras are the names that a macro may use for arguments which it does not declare.
type extras struct{ varargs, kwargs, caller bool }

// Statements.
type (
	dataStmt  struct{ t text }
	printStmt struct{ x expr }
	ifStmt    struct {
		conds  []expr
		bodies [][]stmt
		other  []stmt
	}
	forStmt struct {
		pos
		targets []string
		iter    expr
		cond    expr // may be nil
		body    []stmt
		other   []stmt
	}
	setStmt struct {
		pos
		targets []string
		field   string // set targets[0].field, if not empty
		x       expr
	}
	// A captureStmt is a set block, or a filter block if target is empty. The text of its body stands under the name
	// captured while filter is evaluated.
	captureStmt struct {
		pos
		target, field string
		filter        expr
		body          []stmt
	}
	macroStmt struct {
		pos
		name     string
		params   []string
		defaults []expr // of the last len(defaults) params
		body     []stmt
		extras   extras
	}
	// A callStmt is a call block: its body is a macro that the called one finds under the name caller.
	callStmt struct {
		caller *macroStmt
		call   *callExpr
	}
	// A scopeStmt runs its body in a scope of its own (generation and with blocks), in which names have values that are
	// computed outside.
	scopeStmt struct {
		names  []string
		values []expr
		body   []stmt
	}
	flowStmt struct{ flow flow }
)
