package splice

import (
	"slices"
	"strings"
)

// sqlLex splits SQL into tokens. With backslash, literals are MySQL's.
//
// Source: the lexical structure of PostgreSQL (chapter 4.1) and MySQL (chapter 9): literals, quoted identifiers, dollar
// quoting, both forms of comments, "#" comments and executable ones of MySQL.
func sqlLex(src string, backslash bool) []token {
	l, open := &lexer{src: src}, 0
	for l.at < len(src) {
		switch rest := l.rest(); {
		case isSpace(rest[0]):
			l.at++
		case strings.HasPrefix(rest, "--"), backslash && rest[0] == '#':
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.emit(comment, n)
		case backslash && strings.HasPrefix(rest, "/*!"): // MySQL runs what is in such a comment
			l.at += len("/*!")
			l.at += l.run(isDigit)
			open++
		case open > 0 && strings.HasPrefix(rest, "*/"):
			l.at += len("*/")
			open--
		case strings.HasPrefix(rest, "/*"):
			l.delimited(comment, "*/", 2)
		case rest[0] == '\'':
			l.quoted('\'', true, backslash)
		case rest[0] == '"':
			l.quoted('"', true, backslash)
		case rest[0] == '`':
			l.quoted('`', true, false)
		case rest[0] == '$' && dollarQuote(rest) != "":
			tag := dollarQuote(rest)
			l.delimited(text, tag, len(tag))
		case isDigit(rest[0]):
			l.emit(number, l.run(isNumber))
		case isName(rest[0]):
			n := l.run(isName)
			k := name
			if slices.Contains(sqlKeywords, strings.ToUpper(rest[:n])) {
				k = keyword
			}
			l.emit(k, n)
		default:
			l.emit(op, l.one())
		}
	}
	if open > 0 {
		l.emit(broken, 0)
	}
	return l.out
}

// dollarQuote returns the opening of a dollar-quoted literal, or nothing.
func dollarQuote(s string) string {
	end := strings.IndexByte(s[1:], '$')
	if end < 0 || strings.ContainsFunc(s[1:1+end], func(r rune) bool { return r > 0x7f || !isName(byte(r)) }) { //nolint:gosec // G115: ASCII here
		return ""
	}
	return s[:end+2]
}

var (
	// sqlVerbs begin a statement.
	sqlVerbs = strings.Fields("SELECT INSERT UPDATE DELETE DROP ALTER CREATE EXEC EXECUTE ATTACH PRAGMA GRANT REVOKE TRUNCATE WITH SHUTDOWN DECLARE SET CALL COPY MERGE " +
		"REPLACE VACUUM BEGIN COMMIT ROLLBACK EXPLAIN USE LOAD RENAME")
	// sqlInfix want an operand behind them and end one before them.
	sqlInfix = strings.Fields("AND OR LIKE IN IS BETWEEN ORDER GROUP HAVING LIMIT OFFSET UNION EXCEPT INTERSECT COLLATE RETURNING ESCAPE GLOB REGEXP RLIKE XOR DIV MOD " +
		"WHERE FROM JOIN ON USING VALUES INTO BY ALL DISTINCT SELECT CASE WHEN THEN ELSE SEPARATOR SOUNDS")
	// sqlPrefix may stand before an operand.
	sqlPrefix   = strings.Fields("NOT EXISTS ANY SOME NULL TRUE FALSE")
	sqlKeywords = slices.Concat(sqlVerbs, sqlInfix, sqlPrefix)
)

// sqlAdded: the text, put into the statement, ends the literal or operand that it was meant to be and goes on with more of
// the language.
func sqlAdded(before, value, after string, backslash bool) []string {
	plain, full := sqlLex(before+"x"+after, backslash), sqlLex(before+value+after, backslash)
	if sameShape(plain, full) {
		return nil
	}
	at := slices.IndexFunc(full, func(t token) bool { return t.end > len(before) })
	if at < 0 || !sqlGoesOn(full[at:]) {
		return nil
	}
	// The comment that hides the rest of the host is shape too.
	return []string{value}
}

func sameShape(a, b []token) bool {
	if slices.ContainsFunc(b, func(t token) bool { return t.kind == broken }) {
		return false
	}
	return slices.EqualFunc(a, b, func(x, y token) bool {
		operand := func(k kind) bool { return k == name || k == number || k == text }
		return x.kind == y.kind && (x.kind != op && x.kind != keyword || strings.EqualFold(x.source, y.source)) || operand(x.kind) && operand(y.kind)
	})
}

// sqlGoesOn reports whether the tokens read as operands and what may stand between them, with more than one operand's
// worth of language. Two operands in a row, as in prose, do not.
func sqlGoesOn(tokens []token) bool {
	const (
		wantOperand = iota
		wantInfix
		wantVerb
		anything // behind the verb of another statement
	)
	state, more, inCase := wantOperand, false, false
	for _, t := range tokens {
		word := strings.ToUpper(t.source)
		switch {
		case t.kind == broken:
			return false
		case t.kind == comment:
			more = more || state != wantOperand
			continue
		case state == anything:
			continue
		case t.kind == op && t.source == ";":
			state = wantVerb
		case state == wantVerb:
			if !slices.Contains(sqlVerbs, word) {
				return false
			}
			state, more = anything, true
		case t.kind == op && t.source == ")":
			state = wantInfix
		case t.kind == op && t.source == "(", t.kind == op && strings.Contains("=<>!+-*/%|&^~,.:@", t.source):
			state, more = wantOperand, more || t.source != "," && t.source != "." && t.source != "-" && t.source != "("
		case t.kind == op:
			return false
		case t.kind == keyword && slices.Contains(sqlPrefix, word):
			state = wantInfix
			if word == "NOT" || word == "EXISTS" || word == "ANY" || word == "SOME" {
				state = wantOperand
			}
		case t.kind == keyword:
			opens := slices.Contains([]string{"SELECT", "BY", "ALL", "DISTINCT", "CASE"}, word)
			if state == wantOperand && !opens || !inCase && slices.Contains([]string{"WHEN", "THEN", "ELSE"}, word) {
				return false
			}
			state, more, inCase = wantOperand, true, inCase || word == "CASE"
		case state != wantOperand:
			return false // two operands in a row
		default:
			state = wantInfix
		}
	}
	return more && state != wantOperand
}
