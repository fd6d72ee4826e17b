// Package pii finds personal data and secrets in text: e-mail addresses, phone numbers, payment cards, IBANs, IP
// addresses, US social security numbers and credentials. It knows shapes, checksums, issuer ranges and the values that
// are documented for tests; it knows no names and no meaning.
//
// The text is attacker-made: work is linear in its length, and nothing that was found is ever printed in full.
package pii

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// Class is a kind of personal data.
type Class string

// The classes.
const (
	Email  Class = "email"
	Phone  Class = "phone"
	Card   Class = "card"
	IBAN   Class = "iban"
	IP     Class = "ip"
	SSN    Class = "us-ssn"
	Secret Class = "secret"
)

// Confidence says how sure a match is. Decisions use Medium and High.
type Confidence int

// The confidences. Low is a shape that many other things have; High has a checksum, a reserved prefix or a context.
const (
	Low Confidence = iota + 1
	Medium
	High
)

// A Match is one value found in a text, at the byte range [Start, End).
type Match struct {
	Class      Class
	Rule       string // within the class, e.g. "aws-access-key"
	Start, End int
	Confidence Confidence
	Test       bool // a value or range that is documented for tests and examples
}

// Find returns the matches in text, sorted by Start and not overlapping. Where two overlap, the surer and then the
// longer one stays.
func Find(text string) []Match {
	var all []Match
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '@':
			all = appendFound(all, text, i, findEmail)
		case isDigit(c) || c == '+' || c == '(':
			if i > 0 && (isDigit(text[i-1]) || text[i-1] == '+') {
				continue // inside a run that was looked at from its start
			}
			all = appendFound(all, text, i, findCard, findPhone, findSSN, findIPv4)
		}
		if wordStart(text, i) {
			all = appendFound(all, text, i, findIBAN, findSecret, findAssigned, findIPv6)
		} else if c == ':' || c == '-' {
			all = appendFound(all, text, i, findPEM, findIPv6)
		}
	}
	return resolve(all)
}

// A finder looks for one class at a place of the text: the first byte of a value, or the '@' of an address.
type finder func(text string, at int) (Match, bool)

func appendFound(all []Match, text string, at int, finders ...finder) []Match {
	for _, find := range finders {
		if m, ok := find(text, at); ok {
			all = append(all, m)
		}
	}
	return all
}

// resolve keeps the better of matches that overlap, in one sweep.
func resolve(all []Match) []Match {
	slices.SortStableFunc(all, func(a, b Match) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	var kept []Match
	for _, m := range all {
		last := len(kept) - 1
		switch {
		case last < 0 || kept[last].End <= m.Start:
			kept = append(kept, m)
		case cmp.Or(cmp.Compare(m.Confidence, kept[last].Confidence), cmp.Compare(m.End-m.Start, kept[last].End-kept[last].Start)) > 0:
			kept[last] = m
		}
	}
	return kept
}

// Value returns what m stands for in the text it was found in, in the form in which equal values compare equal:
// addresses in lower case, numbers without separators.
func (m Match) Value(text string) string { return Normalise(m.Class, text[m.Start:m.End]) }

// Normalise brings a value of a class into the form in which equal values compare equal.
func Normalise(class Class, value string) string {
	switch class {
	case Email, IP:
		return strings.ToLower(value)
	case Card, Phone, SSN:
		return digitsOf(value)
	case IBAN:
		return strings.ToUpper(strings.ReplaceAll(value, " ", ""))
	default:
		return value
	}
}

// Mask shows the ends of a value only: enough to recognise one's own, too little to use.
func Mask(value string) string {
	n := utf8.RuneCountInString(value)
	if n < 8 {
		return "***"
	}
	first, size := utf8.DecodeRuneInString(value)
	last, lastSize := utf8.DecodeLastRuneInString(value)
	if first == utf8.RuneError || last == utf8.RuneError || size+lastSize > len(value) {
		return "***"
	}
	return string(first) + "***" + string(last)
}

// Hash names a value without showing it: 16 hex digits of HMAC-SHA256 under the salt. Equal values of one report can be
// told to be equal.
func Hash(salt string, class Class, normalised string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(string(class) + "\x00" + normalised))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Redact returns text with every match masked.
func Redact(text string) string {
	var b strings.Builder
	end := 0
	for _, m := range Find(text) {
		b.WriteString(text[end:m.Start] + "[" + string(m.Class) + " " + Mask(text[m.Start:m.End]) + "]")
		end = m.End
	}
	return b.String() + text[end:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }
func isHex(c byte) bool   { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// wordStart reports whether a word begins at i.
func wordStart(text string, i int) bool {
	return isAlnum(text[i]) && (i == 0 || !isAlnum(text[i-1]) && text[i-1] != '_')
}

// wordEnd reports whether no word goes on at i.
func wordEnd(text string, i int) bool {
	return i >= len(text) || !isAlnum(text[i]) && text[i] != '_'
}

func digitsOf(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if isDigit(s[i]) {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// contextBytes is how far before a value its context is looked for.
const contextBytes = 32

// hasContext reports whether one of the words, as a whole word, stands shortly before at.
func hasContext(text string, at int, words ...string) bool {
	before := strings.ToLower(text[max(0, at-contextBytes):at])
	for w := range strings.FieldsFuncSeq(before, func(r rune) bool { return r < 'a' || r > 'z' }) {
		if slices.Contains(words, w) {
			return true
		}
	}
	return false
}
