package splice

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// shellAdded: the text adds a command, a substitution or a redirection.
func shellAdded(before, value, after string) []string {
	plain, full := shellParts(before+"x"+after), shellParts(before+value+after)
	if len(full) <= len(plain) {
		return nil
	}
	seen := make(map[string]int)
	for _, p := range plain {
		seen[p.kind]++
	}
	var out []string
	for _, p := range full {
		if seen[p.kind]--; seen[p.kind] < 0 || strings.Contains(p.kind, "subst") {
			out = append(out, p.source)
		}
	}
	return out
}

// A shellPart is a node that runs or writes something.
type shellPart struct{ kind, source string }

// shellParts returns the active nodes of a script, nothing if it does not parse.
func shellParts(src string) []shellPart {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(src), "")
	if err != nil {
		return nil
	}
	var out []shellPart
	syntax.Walk(file, func(n syntax.Node) bool {
		kind := ""
		switch n.(type) {
		case *syntax.Stmt:
			kind = "statement"
		case *syntax.CmdSubst, *syntax.ProcSubst:
			kind = "substitution"
		case *syntax.Redirect:
			kind = "redirection"
		case *syntax.FuncDecl:
			kind = "function"
		}
		if kind != "" {
			out = append(out, shellPart{kind, src[n.Pos().Offset():min(n.End().Offset(), uint(len(src)))]})
		}
		return true
	})
	return out
}
