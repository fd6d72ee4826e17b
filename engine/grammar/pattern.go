package grammar

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pattern is the JSON strings whose text a regular expression matches.
func (s *schemas) pattern(p *place, keyword, source string) (*expr, error) {
	r := &regex{src: source, limits: s.b.limits}
	e, err := r.whole()
	if err == nil && r.at < len(source) {
		err = r.fail(ErrSyntax, "unexpected )")
	}
	if r.limit != nil {
		return nil, r.limit
	}
	if err != nil {
		return nil, p.fail(err, keyword, "%s at byte %d", r.message, r.at)
	}
	return seq(text(`"`), e, text(`"`)), nil
}

// regex reads the regular expressions of ECMA-262 without assertions other than ^ at the beginning and $ at the end of a
// branch, and without references.
type regex struct {
	src     string
	at      int
	depth   int
	limits  Limits
	limit   error  // the limit that was reached
	message string // of the first error
}

// fail notes what is wrong and returns its kind.
func (r *regex) fail(kind error, message string) error {
	r.message = message
	return kind
}

func (r *regex) over(limit string, value int) error {
	r.limit = &LimitError{limit, value}
	return ErrLimit
}

func (r *regex) take(s string) bool {
	if strings.HasPrefix(r.src[r.at:], s) {
		r.at += len(s)
		return true
	}
	return false
}

// whole reads all branches. Where one is not tied to an end of the text, anything may stand there.
func (r *regex) whole() (*expr, error) {
	anything := repeat(r.chars([]runes{{0, utf8.MaxRune}}), 0, unlimited)
	anything.shared = true
	e := alt()
	for {
		tiedStart := r.take("^")
		branch, err := r.branch()
		if err != nil {
			return nil, err
		}
		if !tiedStart {
			branch = seq(anything, branch)
		}
		if !r.take("$") {
			branch = seq(branch, anything)
		}
		e.parts = append(e.parts, branch)
		if !r.take("|") {
			return e, nil
		}
	}
}

// group reads the branches up to a ).
func (r *regex) group() (*expr, error) {
	if r.depth++; r.depth > r.limits.Nesting {
		return nil, r.over("nesting", r.limits.Nesting)
	}
	if r.take("?") && !r.take(":") {
		return nil, r.fail(ErrUnsupported, "a group that begins with ?")
	}
	e := alt()
	for {
		branch, err := r.branch()
		if err != nil {
			return nil, err
		}
		e.parts = append(e.parts, branch)
		if r.take(")") {
			r.depth--
			return e, nil
		}
		if !r.take("|") {
			return nil, r.fail(ErrUnsupported, "want ) or | here")
		}
	}
}

// branch reads terms up to |, ), $ or the end.
func (r *regex) branch() (*expr, error) {
	e := seq()
	for r.at < len(r.src) && !strings.ContainsRune("|)$", rune(r.src[r.at])) {
		term, err := r.term()
		if err != nil {
			return nil, err
		}
		if term, err = r.quantifier(term); err != nil {
			return nil, err
		}
		e.parts = append(e.parts, term)
	}
	return e, nil
}

func (r *regex) term() (*expr, error) {
	c, n := utf8.DecodeRuneInString(r.src[r.at:])
	r.at += n
	switch c {
	case '(':
		return r.group()
	case '[':
		return r.class()
	case '.':
		return r.chars(inverse(tidy([]runes{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}))), nil
	case '\\':
		set, err := r.escape()
		return r.chars(set.narrow), err
	case '^':
		return nil, r.fail(ErrUnsupported, "^ within the text")
	case '*', '+', '?', '{', '}', ']':
		return nil, r.fail(ErrSyntax, "nothing to repeat, or a bracket without its partner")
	}
	return r.chars([]runes{{c, c}}), nil
}

func (r *regex) quantifier(e *expr) (*expr, error) {
	low, high := 0, unlimited
	switch {
	case r.take("*"):
	case r.take("+"):
		low = 1
	case r.take("?"):
		high = 1
	case r.take("{"):
		end := strings.IndexByte(r.src[r.at:], '}')
		if end < 0 {
			return nil, r.fail(ErrSyntax, "{ without }")
		}
		first, second, two := strings.Cut(r.src[r.at:r.at+end], ",")
		r.at += end + 1
		var err error
		if low, err = r.count(first); err != nil {
			return nil, err
		}
		if !two {
			high = low
		} else if second != "" {
			if high, err = r.count(second); err != nil {
				return nil, err
			}
			if high < low {
				return nil, r.fail(ErrSyntax, "the second count is smaller than the first")
			}
		}
	default:
		return e, nil
	}
	r.take("?") // which of the matches is found does not matter
	return repeat(e, low, high), nil
}

func (r *regex) count(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	switch {
	case err != nil && (s == "" || strings.Trim(s, "0123456789") != ""):
		return 0, r.fail(ErrSyntax, "not a count")
	case err != nil || int(n) > r.limits.Repeat:
		return 0, r.over("repeat", r.limits.Repeat)
	}
	return int(n), nil
}

// set is a set of characters of which implementations differ a little: narrow has those that all agree on, wide those that
// any of them has.
type set struct{ narrow, wide []runes }

func exactly(ranges ...runes) set { return set{tidy(ranges), tidy(ranges)} }

func (s set) inverse() set { return set{inverse(s.wide), inverse(s.narrow)} }

var (
	digitSet = exactly(runes{'0', '9'})
	wordSet  = exactly(runes{'0', '9'}, runes{'A', 'Z'}, runes{'_', '_'}, runes{'a', 'z'})
	spaceSet = set{
		[]runes{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}},
		[]runes{
			{'\t', '\r'},
			{' ', ' '},
			{0x85, 0x85},
			{0xa0, 0xa0},
			{0x1680, 0x1680},
			{0x180e, 0x180e},
			{0x2000, 0x200b},
			{0x2028, 0x2029},
			{0x202f, 0x202f},
			{0x205f, 0x205f},
			{0x3000, 0x3000},
			{0xfeff, 0xfeff},
		},
	}
)

// escape reads what stands behind a \.
func (r *regex) escape() (set, error) {
	c, n := utf8.DecodeRuneInString(r.src[r.at:])
	if n == 0 {
		return set{}, r.fail(ErrSyntax, `\ at the end`)
	}
	r.at += n
	switch c {
	case 'd':
		return digitSet, nil
	case 'D':
		return digitSet.inverse(), nil
	case 'w':
		return wordSet, nil
	case 'W':
		return wordSet.inverse(), nil
	case 's':
		return spaceSet, nil
	case 'S':
		return spaceSet.inverse(), nil
	case 'x':
		return r.hex(2)
	case 'u':
		return r.hex(4)
	}
	if i := strings.IndexRune("tnvfr", c); i >= 0 {
		c = rune("\t\n\v\f\r"[i])
	} else if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= utf8.RuneSelf {
		return set{}, r.fail(ErrUnsupported, fmt.Sprintf(`\%c`, c))
	}
	return exactly(runes{c, c}), nil
}

func (r *regex) hex(digits int) (set, error) {
	if len(r.src)-r.at < digits {
		return set{}, r.fail(ErrSyntax, "want hexadecimal digits")
	}
	v, err := strconv.ParseUint(r.src[r.at:r.at+digits], 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		return set{}, r.fail(ErrUnsupported, "not hexadecimal digits, or half of a character")
	}
	r.at += digits
	return exactly(runes{rune(v), rune(v)}), nil
}

// class reads the inside of brackets.
func (r *regex) class() (*expr, error) {
	negated := r.take("^")
	var all set
	for !r.take("]") {
		one, err := r.classChar()
		if err != nil {
			return nil, err
		}
		if rest := r.src[r.at:]; strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "-]") {
			r.at++
			last, err := r.classChar()
			if err != nil {
				return nil, err
			}
			if !single(one) || !single(last) || last.wide[0].low < one.wide[0].low {
				return nil, r.fail(ErrSyntax, "range in a class")
			}
			one = exactly(runes{one.wide[0].low, last.wide[0].low})
		}
		all.narrow, all.wide = append(all.narrow, one.narrow...), append(all.wide, one.wide...)
	}
	all.narrow, all.wide = tidy(all.narrow), tidy(all.wide)
	if negated {
		all = all.inverse()
	}
	return r.chars(all.narrow), nil
}

func single(s set) bool { return len(s.wide) == 1 && s.wide[0].low == s.wide[0].high }

func (r *regex) classChar() (set, error) {
	c, n := utf8.DecodeRuneInString(r.src[r.at:])
	if n == 0 {
		return set{}, r.fail(ErrSyntax, "[ without ]")
	}
	r.at += n
	switch {
	case c == '\\' && r.take("b"):
		return exactly(runes{'\b', '\b'}), nil
	case c == '\\' && r.take("-"):
		return exactly(runes{'-', '-'}), nil
	case c == '\\':
		return r.escape()
	case c == '[':
		return set{}, r.fail(ErrUnsupported, "[ within a class")
	}
	return exactly(runes{c, c}), nil
}

// chars is one of the characters, which are tidy, as it is written in a JSON string.
func (r *regex) chars(ranges []runes) *expr {
	plain := class(intersect(ranges, tidy(plainRunes))...)
	special := intersect(ranges, inverse(tidy(plainRunes)))
	if len(special) == 0 {
		return plain
	}
	e := alt(plain)
	for _, s := range special {
		for c := s.low; c <= s.high; c++ {
			e.parts = append(e.parts, text(escaped(c)))
		}
	}
	return e
}
