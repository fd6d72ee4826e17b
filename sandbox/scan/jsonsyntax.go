package scan

// maxSyntaxDepth is how deep values of JSON may stand in one another; Go's own reader stops there as well.
const maxSyntaxDepth = 10000

// A syntax says whether a stream is JSON (RFC 8259), and keeps none of it: one text may be as long as the file.
type syntax struct {
	in   *stream
	open []byte // '{' or '[' of each value that is open
}

// A syntaxState is what may come next.
type syntaxState uint8

const (
	syntaxValue      syntaxState = iota // a value
	syntaxFirstValue                    // a value, or the end of a list
	syntaxKey                           // the name of a member
	syntaxFirstKey                      // the name of a member, or the end of an object
	syntaxAfter                         // a comma, or the end of a list or object
)

// values reports whether the stream is one value or several, with white space between.
func (s *syntax) values() bool {
	for state := syntaxValue; ; {
		c, there := s.next()
		if !there {
			return len(s.open) == 0 && state == syntaxValue
		}
		ends := c == '}' && state == syntaxFirstKey || c == ']' && state == syntaxFirstValue
		ok := true
		switch {
		case ends:
			state = s.pop()
		case state == syntaxAfter:
			state, ok = s.after(c)
		case state == syntaxKey || state == syntaxFirstKey:
			ok = c == '"' && s.text()
			if ok {
				c, ok = s.next()
			}
			ok = ok && c == ':'
			state = syntaxValue
		default:
			state, ok = s.value(c)
		}
		if !ok {
			return false
		}
	}
}

// next returns the next byte that is no white space.
func (s *syntax) next() (byte, bool) {
	for {
		c, err := s.in.byte()
		if err != nil {
			return 0, false
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c, true
		}
	}
}

// pop ends the innermost list or object; done is what follows any value.
func (s *syntax) pop() syntaxState {
	s.open = s.open[:len(s.open)-1]
	return s.done()
}

func (s *syntax) done() syntaxState {
	if len(s.open) == 0 {
		return syntaxValue
	}
	return syntaxAfter
}

// after reads what stands between two members.
func (s *syntax) after(c byte) (syntaxState, bool) {
	inObject := s.open[len(s.open)-1] == '{'
	switch {
	case c == ',' && inObject:
		return syntaxKey, true
	case c == ',':
		return syntaxValue, true
	case c == '}' && inObject, c == ']' && !inObject:
		return s.pop(), true
	default:
		return 0, false
	}
}

// value reads a value that begins with c, or the beginning of one that others are in.
func (s *syntax) value(c byte) (syntaxState, bool) {
	switch c {
	case '{', '[':
		if len(s.open) == maxSyntaxDepth {
			return 0, false
		}
		s.open = append(s.open, c)
		if c == '{' {
			return syntaxFirstKey, true
		}
		return syntaxFirstValue, true
	case '"':
		return s.done(), s.text()
	case 't':
		return s.done(), s.word("true"[1:])
	case 'f':
		return s.done(), s.word("false"[1:])
	case 'n':
		return s.done(), s.word("null"[1:])
	default:
		return s.done(), s.number(c)
	}
}

func (s *syntax) word(rest string) bool {
	b, err := s.in.take(len(rest))
	return err == nil && string(b) == rest
}

// text reads a text from behind its opening quote on.
func (s *syntax) text() bool {
	for {
		c, err := s.in.byte()
		switch {
		case err != nil || c < ' ':
			return false
		case c == '"':
			return true
		case c == '\\' && !s.escape():
			return false
		}
	}
}

func (s *syntax) escape() bool {
	c, err := s.in.byte()
	if err != nil {
		return false
	}
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		b, err := s.in.take(4)
		if err != nil {
			return false
		}
		for _, h := range b {
			if (h < '0' || h > '9') && (h|0x20 < 'a' || h|0x20 > 'f') {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// number reads a number that begins with c.
func (s *syntax) number(c byte) bool {
	if c == '-' {
		var err error
		if c, err = s.in.byte(); err != nil {
			return false
		}
	}
	if !isDigitByte(c) {
		return false
	}
	if c != '0' {
		s.digits()
	}
	if s.accept('.', '.') && s.digits() == 0 {
		return false
	}
	if s.accept('e', 'E') {
		s.accept('+', '-')
		return s.digits() > 0
	}
	return true
}

// digits passes over digits and counts them.
func (s *syntax) digits() (n int) {
	for !s.in.atEnd() && isDigitByte(s.in.buf[s.in.at]) {
		s.in.at++
		n++
	}
	return n
}

// accept passes over one of two bytes, if it is next.
func (s *syntax) accept(a, b byte) bool {
	if s.in.atEnd() || s.in.buf[s.in.at] != a && s.in.buf[s.in.at] != b {
		return false
	}
	s.in.at++
	return true
}
