package splice

import (
	"strings"
	"text/template/parse"
)

// jinjaAdded: the text holds an expression or statement of Jinja (or of another language with the same marks) that is not
// inside a comment or a raw block.
func jinjaAdded(before, value, after string) []string {
	plain, ok := jinjaTags(before + "x" + after)
	full, parses := jinjaTags(before + value + after)
	if !ok || !parses || len(full) <= len(plain) {
		return nil
	}
	return full
}

// jinjaTags returns the insides of the tags; ok is false where one has no end.
//
// Source: lexical structure of Jinja (template designer documentation: comments, escaping, raw).
func jinjaTags(src string) (tags []string, ok bool) {
	for at := 0; ; {
		i := strings.IndexByte(src[at:], '{')
		if i < 0 || at+i+2 > len(src) {
			return tags, true
		}
		at += i
		closing, found := map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[src[at+1]]
		if !found {
			at++
			continue
		}
		end := tagEnd(src[at+2:], closing)
		if end < 0 {
			return nil, false
		}
		inside := strings.Trim(src[at+2:at+2+end], " \t\r\n-+")
		kind := src[at+1]
		at += 2 + end + len(closing)
		switch {
		case kind == '#' || inside == "":
		case kind == '%' && inside == "raw":
			stop := strings.Index(src[at:], "endraw")
			if stop < 0 {
				return nil, false
			}
			at += stop
		default:
			tags = append(tags, inside)
		}
	}
}

// tagEnd is the place of the closing mark outside string literals, or -1. A literal without an end hides nothing.
func tagEnd(s, closing string) int {
	if closing == "#}" {
		return strings.Index(s, closing)
	}
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], closing) {
			return i
		}
		if s[i] == '"' || s[i] == '\'' {
			if end := strings.IndexByte(s[i+1:], s[i]); end >= 0 && end+i < len(s) {
				i += end + 1
			}
		}
	}
	return strings.Index(s, closing)
}

// goTemplateAdded: the text holds an action of text/template.
func goTemplateAdded(before, value, after string) []string {
	plain, ok := goActions(before + "x" + after)
	full, parses := goActions(before + value + after)
	if !ok || !parses || len(full) <= len(plain) {
		return nil
	}
	return full
}

func goActions(src string) (actions []string, ok bool) {
	t := parse.New("host")
	t.Mode = parse.SkipFuncCheck
	tree, err := t.Parse(src, "", "", make(map[string]*parse.Tree))
	if err != nil {
		return nil, false
	}
	for _, n := range tree.Root.Nodes {
		if n.Type() != parse.NodeText && n.Type() != parse.NodeComment {
			actions = append(actions, n.String())
		}
	}
	return actions, true
}

// jsTemplateAdded: the text, inside a template literal of JavaScript, opens a substitution or ends the literal and goes on.
//
// Source: ECMA-262, template literal lexical components.
func jsTemplateAdded(before, value, after string) []string {
	plain, ok := jsSubstitutions(before + "x" + after)
	full, parses := jsSubstitutions(before + value + after)
	if !ok || !parses || len(full) <= len(plain) {
		return nil
	}
	return full
}

// jsSubstitutions returns the sources of ${…} and of code between literals that follow the first; ok is false where a
// literal or a substitution has no end, or two literals stand side by side without an operator.
func jsSubstitutions(src string) (out []string, ok bool) {
	inside, start := false, 0
	for i := 0; i < len(src); i++ {
		switch {
		case inside && src[i] == '\\':
			i++
		case src[i] == '`' && inside:
			inside, start = false, i+1
		case src[i] == '`':
			if between := strings.TrimSpace(src[start:i]); start > 0 {
				if !strings.ContainsAny(between, "+;,(") {
					return nil, false
				}
				out = append(out, between)
			}
			inside = true
		case inside && strings.HasPrefix(src[i:], "${"):
			end := braceEnd(src[i+2:])
			if end < 0 {
				return nil, false
			}
			if code := strings.TrimSpace(src[i+2 : i+2+end]); code != "" {
				out = append(out, code)
			}
			i += 2 + end
		}
	}
	return out, !inside
}

// braceEnd is the place of the brace that closes what is open, or -1.
func braceEnd(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}
