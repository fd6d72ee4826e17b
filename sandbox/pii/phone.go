package pii

import "strings"

// maxPhone is the most digits of a phone number with country code (ITU-T E.164), and of an extension behind it.
const (
	maxPhone     = 15
	maxExtension = 6
)

// phoneGap are the bytes between digits of a phone number.
var phoneGap = func() (t [256]bool) {
	for _, c := range []byte(" -.()/") {
		t[c] = true
	}
	return t
}()

// A candidate for a phone number: its digits, and where its groups end.
type candidate struct {
	start, end int
	digits     [maxPhone + 1]byte
	n          int
	groups     [maxPhone + 1]uint8 // digits up to the end of each group
	ngroups    int
	paren      bool
}

// findPhone looks for a phone number whose first digits are at at.
func (s *Scanner) findPhone(at int) {
	if at < s.phoneEnd {
		return
	}
	var c candidate
	if !s.phoneStart(&c, at) || !s.phoneDigits(&c, at) {
		return
	}
	s.phoneEnd = c.end
	if c.n < 7 || isDateText(s.text[at:c.end]) {
		return
	}
	s.phoneExtension(&c)
	if c.end < len(s.text) && isWord(s.text[c.end]) {
		return
	}
	s.judgePhone(&c)
}

// phoneStart takes a plus and a parenthesis into the candidate, and refuses digits that go on from something else.
func (s *Scanner) phoneStart(c *candidate, at int) bool {
	text := s.text
	c.start = at
	if c.start > 0 && text[c.start-1] == '(' {
		c.start--
		c.paren = true
	}
	if c.start > 0 && text[c.start-1] == '+' {
		c.start--
	}
	if c.start == 0 {
		return true
	}
	switch p := text[c.start-1]; {
	case isWord(p), strings.IndexByte("$#%\\", p) >= 0:
		return false
	case strings.IndexByte("-./:=&", p) >= 0:
		return text[c.start] == '+' || c.start > 1 && !isWord(text[c.start-2]) || (p == ':' || p == '=') && (c.start < 2 || !isDigit(text[c.start-2]))
	}
	return true
}

// phoneDigits reads digits with at most two separators between them.
func (s *Scanner) phoneDigits(c *candidate, at int) bool {
	text := s.text
	gap := 0
	for i := at; i < len(text) && gap <= 2; i++ {
		switch b := text[i]; {
		case isDigit(b):
			if c.n == maxPhone {
				return false
			}
			if gap > 0 {
				c.groups[c.ngroups] = uint8(c.n)
				c.ngroups++
			}
			c.digits[c.n] = b
			c.n++
			gap, c.end = 0, i+1
		case phoneGap[b]:
			gap++
			c.paren = c.paren || b == '('
		default:
			gap = 3
		}
	}
	c.groups[c.ngroups] = uint8(c.n)
	c.ngroups++
	return true
}

// phoneExtension takes x123 or ext. 123 into the candidate.
func (s *Scanner) phoneExtension(c *candidate) {
	text, i := s.text, c.end
	for i < len(text) && i-c.end < 2 && text[i] == ' ' {
		i++
	}
	switch {
	case i < len(text) && text[i] == 'x':
		i++
	case i+4 < len(text) && hasFoldPrefix(text[i:], "ext"):
		i += 3
		for i < len(text) && (text[i] == '.' || text[i] == ' ') && i-c.end < 8 {
			i++
		}
	default:
		return
	}
	if _, n := digitsAt(text, i, maxExtension); n > 0 {
		c.end = i + n
	}
}

// shape reports whether the groups of the candidate, without a country code 1, end at the given counts of digits.
func (c *candidate) shape(ends ...uint8) bool {
	groups, less := c.groups[:c.ngroups], uint8(0)
	if len(groups) == len(ends)+1 && (groups[0] == 1 && c.digits[0] == '1' || groups[0] == 3 && string(c.digits[:3]) == "001") {
		less, groups = groups[0], groups[1:]
	}
	if len(groups) != len(ends) {
		return false
	}
	for i, g := range groups {
		if g-less != ends[i] {
			return false
		}
	}
	return true
}

// isStreet reports whether digits look like a postal code, or like numbers of houses before the name of a street.
func (s *Scanner) isStreet(c *candidate) bool {
	text := s.text
	if text[c.start] == '+' || c.paren || c.ngroups > 3 || c.digits[0] == '0' {
		return false
	}
	first, dashed := c.groups[0], false
	for i := c.start; i < c.end; i++ {
		dashed = dashed || text[i] == '-' || text[i] == '.'
	}
	if c.ngroups == 2 && dashed {
		return (first == 4 || first == 5) && c.n-int(first) <= 4
	}
	if dashed {
		return false
	}
	capital := c.end+2 < len(text) && text[c.end] == ' ' && isAlpha(text[c.end+1]) && (isUpper(text[c.end+1]) || hasFoldPrefix(text[c.end+1:], "rue "))
	return capital || first == 5 || c.start >= 5 && (hasFoldPrefix(text[c.start-5:], "apt. ") || c.start >= 6 && hasFoldPrefix(text[c.start-6:], "suite "))
}

// judgePhone gives the confidence. The check, if there is one, knows the numbering plans; without it a plus, the North
// American grouping, or a word make a number.
func (s *Scanner) judgePhone(c *candidate) {
	plus := s.text[c.start] == '+'
	national := c.digits[max(0, c.n-10):c.n]
	american := len(national) == 10 && national[0] >= '2' && national[3] >= '2' && c.shape(3, 6, 10)
	grouped := c.ngroups >= 2 || c.paren
	if !plus && !grouped && (c.n < 8 || c.n > 12) {
		return
	}
	alone, with := Weak, High
	switch {
	case c.n == 9 && c.shape(3, 5, 9) && !plus:
		with = Weak // a social security number, whether given out or not
	case plus && c.n >= 8 || american:
		alone = Medium
	case !grouped:
		alone = VeryWeak
	}
	if s.config.Phone != nil {
		near := s.hasContext(phoneID, c.start)
		switch {
		case !plus && !grouped && !near && s.config.Least > Weak:
			return
		case !s.config.Phone(s.text, c.start, c.end):
			if !american {
				alone, with = min(alone, Weak), Medium
			}
		case !grouped:
			alone = Weak
		case !s.isStreet(c):
			alone = Medium
		}
	}
	s.add(phoneID, c.start, c.end, alone, with)
}
