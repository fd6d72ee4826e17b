// Package pii finds personal data and secrets in text: e-mail addresses, phone numbers, payment cards, bank accounts,
// national identifiers of forty countries, wallets, and credentials of two hundred forms. It knows shapes, checksums,
// issuer ranges, the words around a value, and the values that are documented for tests; it knows no names and no meaning.
//
// The text is attacker-made: it is read once, work is linear in its length, decoding has a budget, and nothing that was
// found is ever printed in full.
package pii

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Class is a family of personal data.
type Class string

// The classes.
const (
	Email  Class = "email"
	Phone  Class = "phone"
	Card   Class = "card"
	IBAN   Class = "iban"
	IP     Class = "ip"
	SSN    Class = "us-ssn"
	ID     Class = "id" // identifiers that an office or an industry gives out
	Crypto Class = "crypto"
	MAC    Class = "mac"
	Date   Class = "date"
	URL    Class = "url"
	Secret Class = "secret"
)

// Personal reports whether values of the class name a person or open something by themselves; dates and addresses of
// pages do not.
func (c Class) Personal() bool { return c != Date && c != URL }

// Confidence says how sure a match is. Decisions use Medium and High.
type Confidence int

// The confidences. VeryWeak is a shape that very many other things have, such as nine digits; Weak one that some have, or
// a checksum that one of ten numbers passes. Medium is a shape that is rare outside, a strong checksum, or a word beside
// the value that names it; High is two of these.
const (
	VeryWeak Confidence = iota + 1
	Weak
	Medium
	High
)

var confidenceNames = []string{VeryWeak: "very-weak", Weak: "weak", Medium: "medium", High: "high"}

// String is the name of c as reports have it.
func (c Confidence) String() string { return confidenceNames[c] }

// ParseConfidence is the inverse of [Confidence.String].
func ParseConfidence(name string) (Confidence, bool) {
	i := slices.Index(confidenceNames, name)
	return Confidence(i), i > 0
}

// A Match is one value found in a text, at the byte range [Start, End).
type Match struct {
	Class      Class
	Entity     string // its kind: an entity of Presidio such as "US_SSN", or a rule of gitleaks such as "aws-access-token"
	Start, End int
	Confidence Confidence
	Test       bool // a value or range that is documented for tests and examples

	rank uint8 // lower is preferred
}

// Find returns the matches of any confidence in text, sorted by Start and not overlapping. Where two overlap, the surer,
// then the one of the more specific recognizer, then the longer one stays.
func Find(text string) []Match {
	s := scanners.Get().(*Scanner)
	defer scanners.Put(s)
	found := s.Scan(text)
	if len(found) == 0 {
		return nil
	}
	return slices.Clone(found)
}

var scanners = sync.Pool{New: func() any { return NewScanner(Config{}) }}

// Value returns what m stands for in the text it was found in, in the form in which equal values compare equal:
// addresses in lower case, numbers without separators. A match in an encoded part is named by the encoded text.
func (m Match) Value(text string) string { return Normalise(m.Class, text[m.Start:m.End]) }

// Normalise brings a value of a class into the form in which equal values compare equal.
func Normalise(class Class, value string) string {
	switch class {
	case Email, IP, MAC:
		return strings.ToLower(value)
	case Card, Phone, SSN:
		return keep(value, isDigit)
	case IBAN, ID:
		return strings.ToUpper(keep(value, isAlnum))
	default:
		return value
	}
}

func keep(s string, kind func(byte) bool) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if kind(s[i]) {
			out = append(out, s[i])
		}
	}
	return string(out)
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
// told to be equal. The salt must be secret where values can be guessed, as numbers can.
func Hash(salt string, class Class, normalised string) string {
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(string(class) + "\x00" + normalised))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// Redact returns text with every match of personal data masked that is more than a shape.
func Redact(text string) string {
	var b strings.Builder
	end := 0
	for _, m := range Find(text) {
		if m.Confidence == VeryWeak || !m.Class.Personal() {
			continue
		}
		b.WriteString(text[end:m.Start] + "[" + string(m.Class) + " " + Mask(text[m.Start:m.End]) + "]")
		end = m.End
	}
	return b.String() + text[end:]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return classOf[c]&(digit|upper|lower) != 0 }
func isWord(c byte) bool  { return classOf[c]&word != 0 }
func isHex(c byte) bool   { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
