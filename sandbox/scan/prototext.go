package scan

import (
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// A protoText cuts protocol buffers in their text form into names, texts and signs: TensorFlow reads saved_model.pbtxt where
// there is no saved_model.pb, and Caffe's layers may name Python modules.
//
// Source: the text format's language specification in the documentation of Protocol Buffers.
type protoText struct {
	src string
	at  int
}

// next returns the next token: a name, a text in its quotes, or one character. It is empty at the end.
func (p *protoText) next() string {
	for p.at < len(p.src) {
		switch c := p.src[p.at]; {
		case c <= ' ':
			p.at++
		case c == '#':
			p.skipLine()
		case c == '"' || c == '\'':
			return p.quoted(c)
		case isShellWord(c):
			start := p.at
			for p.at < len(p.src) && (isShellWord(p.src[p.at]) || p.src[p.at] == '.') {
				p.at++
			}
			return p.src[start:p.at]
		default:
			p.at++
			return p.src[p.at-1 : p.at]
		}
	}
	return ""
}

func (p *protoText) skipLine() {
	if n := strings.IndexByte(p.src[p.at:], '\n'); n >= 0 {
		p.at += n
	} else {
		p.at = len(p.src)
	}
}

// quoted reads one text with its quotes; one that does not end reaches to the end of the file.
func (p *protoText) quoted(quote byte) string {
	start := p.at
	for p.at++; p.at < len(p.src); p.at++ {
		switch p.src[p.at] {
		case '\\':
			p.at++
		case quote:
			p.at++
			return p.src[start:p.at]
		}
	}
	p.at = len(p.src)
	return p.src[start:]
}

// value reads what follows the name of a field: a text, of pieces that stand side by side, or else one token.
func (p *protoText) value() (text string, plain bool) {
	token := p.next()
	if token == ":" {
		token = p.next()
	}
	if token == "" || token[0] != '"' && token[0] != '\'' {
		return token, true
	}
	plain = true
	for token != "" && (token[0] == '"' || token[0] == '\'') {
		piece, ok := unquoteProto(token)
		text, plain = text+piece, plain && ok
		before := p.at
		if token = p.next(); token == "" || token[0] != '"' && token[0] != '\'' {
			p.at = before
			break
		}
	}
	return text, plain
}

// unquoteProto resolves the escapes of a text; ok is false if there is one that it does not know.
func unquoteProto(token string) (text string, ok bool) {
	if len(token) < 2 || token[len(token)-1] != token[0] {
		return token, false
	}
	if !strings.Contains(token, `\`) {
		return token[1 : len(token)-1], true
	}
	inner := strings.ReplaceAll(token[1:len(token)-1], `\'`, `'`)
	if token[0] == '\'' {
		inner = strings.ReplaceAll(inner, `"`, `\"`)
	}
	text, err := strconv.Unquote(`"` + inner + `"`)
	return text, err == nil
}

// prototext looks through a message in text form for operations and layers that run code or reach files.
func (s *scanner) prototext(src string) {
	p := &protoText{src: src}
	for token := p.next(); token != ""; token = p.next() {
		if token != "op" && token != "type" {
			continue
		}
		value, plain := p.value()
		switch {
		case !plain && token == "op":
			s.add("savedmodel-operation", hallmark.SeverityHigh, s.name, "the name of operation %.80q is spelled with escapes", value)
		case token == "op" && tfDenied().MatchString(value):
			s.add("savedmodel-operation", hallmark.SeverityCritical, s.name, "operation %.80q reads or writes files, opens connections or runs code", value)
		case token == "type" && value == "Python":
			s.add("config-remote-code", hallmark.SeverityCritical, s.name, "a layer is of a Python module that is imported with the model")
		}
	}
}
