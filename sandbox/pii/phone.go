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
	if c.n < 7 || isDateText(s.text[at:c.end]) || s.isNumberOrTime(&c, at) || s.isDump(&c, at) {
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
		case b == '.' && gap == 0 && s.isWhole(i):
			gap = 3
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

// isNumberOrTime reports digits that no plan of numbers has: with three zeros in front, a decimal fraction, a range, two years,
// a date and the hour, or a year and the zone of a time.
func (s *Scanner) isNumberOrTime(c *candidate, at int) bool {
	if string(c.digits[:3]) == "000" {
		return true // behind 00 comes a country code, and none has a zero in front
	}
	if c.start < at || c.ngroups < 2 {
		return false
	}
	first := int(c.groups[0])
	gap := s.text[at+first : c.end-(c.n-first)] // of two groups alone
	switch {
	case c.ngroups > 2:
		return c.ngroups == 4 && first == 4 && c.end-at > 10 && isDateText(s.text[at:at+10])
	case gap == ".." || gap == ".":
		return gap == ".." || c.digits[0] != '0' || first < 3 || first > 5 // a code of a town has a zero in front
	case first == 4 && c.n == 8 && (gap == "-" || gap == " -"):
		return isYear(c.digits[:4]) && (gap == " -" || isYear(c.digits[4:8]))
	}
	return false
}

func isYear(digits []byte) bool { return string(digits[:2]) == "19" || string(digits[:2]) == "20" }

// isDump reports groups of two digits in a row of bytes in hexadecimal: what stands beside them are two digits and letters
// too, or two letters and then such a pair again.
func (s *Scanner) isDump(c *candidate, at int) bool {
	if c.start < at || c.ngroups < 2 || c.groups[1]-c.groups[0] != 2 {
		return false
	}
	return s.isByte(at-3, -3) || s.isByte(c.end+1, 3)
}

// isByte reports whether a pair with a letter stands at i, a space away from the candidate; for two letters the pair a step
// further has to be one as well.
func (s *Scanner) isByte(i, step int) bool {
	pair := func(i int) (hex, digit, letter bool) {
		if i < 0 || i+2 > len(s.text) || i > 0 && isWord(s.text[i-1]) || i+2 < len(s.text) && isWord(s.text[i+2]) {
			return false, false, false
		}
		a, b := s.text[i], s.text[i+1]
		return isHex(a) && isHex(b), isDigit(a) || isDigit(b), !isDigit(a) || !isDigit(b)
	}
	hex, digit, letter := pair(i)
	if !hex || !letter || digit {
		return hex && letter
	}
	hex, _, _ = pair(i + step)
	return hex
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
