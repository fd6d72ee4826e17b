package probe

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
	"golang.org/x/net/html"
)

// reach are the names with which a script of a page shows, runs, loads, sends or leads away. A script that calls another
// name, which it has not defined, ends there with an error.
var reach = []string{
	"alert", "confirm", "prompt", "eval", "Function", "setTimeout", "setInterval", "fetch", "XMLHttpRequest", "WebSocket", "EventSource", "Image",
	"Worker", "importScripts", "window", "self", "top", "parent", "frames", "opener", "globalThis", "document", "location", "history", "navigator",
	"open", "localStorage", "sessionStorage", "indexedDB", "onerror", "onload",
}

// activeScript returns a script that does something outside of itself, without its comments, or nothing. What does not
// parse as a whole runs not at all: that is what becomes of sentences.
func activeScript(text string) []string {
	if !strings.ContainsAny(text, "(`=") {
		return nil // neither calls nor assigns
	}
	program, err := js.Parse(parse.NewInputString(text), js.Options{})
	if err != nil {
		return nil
	}
	var v scriptVisitor
	js.Walk(&v, program)
	if !v.acts || !v.reaches {
		return nil
	}
	return []string{program.JSString()}
}

// scriptVisitor notes whether a script calls or sets something, and whether it names something of the page.
type scriptVisitor struct{ acts, reaches bool }

// Enter implements [js.IVisitor].
func (v *scriptVisitor) Enter(n js.INode) js.IVisitor { //nolint:ireturn // the interface asks for it
	switch n := n.(type) {
	case *js.CallExpr, *js.NewExpr:
		v.acts = true
	case *js.TemplateExpr:
		v.acts = v.acts || n.Tag != nil
	case *js.BinaryExpr:
		v.acts = v.acts || n.Op == js.EqToken && memberOfPage(n.X)
	default:
		v.reaches = v.reaches || reaches(n)
	}
	return v
}

// Exit implements [js.IVisitor].
func (v *scriptVisitor) Exit(js.INode) {}

// memberOfPage reports whether what is set is something of the page, or a member of a member of it.
func memberOfPage(e js.IExpr) bool {
	for {
		switch n := e.(type) {
		case *js.DotExpr:
			e = n.X
		case *js.IndexExpr:
			e = n.X
		default:
			return reaches(e)
		}
	}
}

// reaches reports whether the node names something of the page. Any function's constructor runs a text as a script.
func reaches(n js.INode) bool {
	switch n := n.(type) {
	case *js.Var:
		for n.Link != nil {
			n = n.Link
		}
		return n.Decl == js.NoDecl && slices.Contains(reach, unescapeOnce(string(n.Data)))
	case *js.LiteralExpr:
		return n.TokenType == js.ThisToken || n.TokenType == js.ImportToken || strings.Trim(string(n.Data), "'\"") == "constructor"
	default:
		return false
	}
}

// stringNodes puts the text into string literals of a script of the host, as it is and as a host does that escapes quotes
// but no backslashes, and returns the scripts that break out of them.
func stringNodes(text string) []string {
	var out []string
	for _, quote := range []string{`'`, `"`, "`"} {
		if strings.Contains(text, quote) || quote == "`" && strings.Contains(text, "${") {
			out = append(out, activeScript("host="+quote+text+quote)...)
		}
		if escaped := `\` + quote; strings.Contains(text, escaped) {
			out = append(out, activeScript("host="+quote+strings.ReplaceAll(text, quote, escaped)+quote)...)
		}
	}
	return out
}

// escapedForm are the references that escaping for HTML writes.
var escapedForm = regexp.MustCompile(`(?i)&(amp|lt|gt|quot|apos|#0*(?:34|38|39|60|62)|#x0*(?:22|26|27|3c|3e))\b`)

// handlerNodes takes the text as the value of an attribute that holds a script: in quotes, where a browser undoes character
// references (those that escaping writes are left, as in [unescapeOnce]), and without, where a > ends it.
func handlerNodes(text string) []string {
	var out []string
	if strings.Contains(text, "&") {
		out = activeScript(html.UnescapeString(escapedForm.ReplaceAllString(text, "&amp;$1")))
	}
	if value, _, ends := strings.Cut(text, ">"); ends && !strings.ContainsAny(text, " \t\n") { // no sentence
		out = append(out, activeScript(value)...)
	}
	return out
}
