package pii

import (
	"slices"
	"strings"
)

// maxDigits is the longest digit string that any recogniser here takes; longer runs are other numbers.
const maxDigits = 19

// digitRun reads digits from at with single separators between them, and returns the digits, where each group ends, and
// the end of the run. Beyond maxDigits it gives up and returns none.
func digitRun(text string, at int, separators string) (digits string, groups []int, end int) {
	out := make([]byte, 0, maxDigits) // stays on the stack
	i, last := at, at
	for i < len(text) {
		switch c := text[i]; {
		case isDigit(c):
			if len(out) == maxDigits {
				return "", nil, 0
			}
			out = append(out, c)
			last = i + 1
		case i == last && len(out) > 0 && strings.IndexByte(separators, c) >= 0:
			groups = append(groups, len(out))
		default:
			return string(out), append(groups, len(out)), last
		}
		i++
	}
	return string(out), append(groups, len(out)), last
}

// luhn checks the digit that ends every payment card number.
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// An issuer range: prefixes lo..hi of a given length, and the lengths of its numbers.
type issuer struct {
	name    string
	lo, hi  string
	lengths []int
}

var issuers = []issuer{
	{"visa", "4", "4", []int{13, 16, 19}},
	{"mastercard", "51", "55", []int{16}},
	{"mastercard", "2221", "2720", []int{16}},
	{"amex", "34", "34", []int{15}},
	{"amex", "37", "37", []int{15}},
	{"discover", "6011", "6011", []int{16}},
	{"discover", "644", "659", []int{16}},
	{"diners", "300", "305", []int{14}},
	{"diners", "36", "36", []int{14}},
	{"diners", "38", "39", []int{14}},
	{"jcb", "3528", "3589", []int{16}},
	{"unionpay", "62", "62", []int{16, 17, 18, 19}},
	{"maestro", "5018", "5020", []int{13, 16, 19}},
	{"maestro", "6759", "6763", []int{13, 16, 19}},
}

// testCards are numbers that payment processors document for tests, and prefixes that no bank issues.
var testCards = []string{
	"4111111111111111", "4242424242424242", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100",
	"378282246310005", "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "3530111333300000",
	"400000",
}

func findCard(text string, at int) (Match, bool) {
	if at > 0 && (isAlnum(text[at-1]) || text[at-1] == '.' || text[at-1] == '-' && at > 1 && isAlnum(text[at-2])) {
		return Match{}, false
	}
	digits, groups, end := digitRun(text, at, " -")
	if len(digits) < 13 || !wordEnd(text, end) || !luhn(digits) {
		return Match{}, false
	}
	i := slices.IndexFunc(issuers, func(s issuer) bool {
		return slices.Contains(s.lengths, len(digits)) && digits[:len(s.lo)] >= s.lo && digits[:len(s.hi)] <= s.hi
	})
	if i < 0 {
		return Match{}, false
	}
	// One in ten numbers passes Luhn: the way it is written, or a word before it, has to agree.
	m := Match{Class: Card, Rule: issuers[i].name, Start: at, End: end, Confidence: Low}
	if grouped := slices.Equal(groups, []int{4, 8, 12, len(digits)}) || slices.Equal(groups, []int{4, 10, len(digits)}); grouped {
		m.Confidence = Medium
	}
	if hasContext(text, at, "card", "visa", "mastercard", "amex", "credit", "debit", "pan", "payment") {
		m.Confidence = High
	}
	m.Test = slices.ContainsFunc(testCards, func(p string) bool { return strings.HasPrefix(digits, p) })
	return m, true
}

func findPhone(text string, at int) (Match, bool) {
	if at > 0 && (isAlnum(text[at-1]) || strings.IndexByte("-./:=_", text[at-1]) >= 0) {
		return Match{}, false
	}
	start := at
	if text[at] == '+' {
		start++
	}
	if start < len(text) && text[start] == '(' {
		start++
	}
	if start >= len(text) || !isDigit(text[start]) {
		return Match{}, false
	}
	digits, groups, end := phoneRun(text, start)
	if len(digits) < 7 || len(digits) > 15 || !wordEnd(text, end) || isDate(text[start:end]) {
		return Match{}, false
	}
	m := Match{Class: Phone, Rule: "number", Start: at, End: end, Confidence: Low}
	national := digits
	if len(digits) == 11 && digits[0] == '1' {
		national, groups = digits[1:], shift(groups)
	}
	// The North American plan: area and exchange begin with 2 to 9.
	american := len(national) == 10 && national[0] >= '2' && national[3] >= '2' && slices.Equal(groups, []int{3, 6, 10})
	switch {
	case hasContext(text, at, "phone", "telephone", "tel", "call", "mobile", "cell", "fax", "whatsapp"):
		m.Confidence = High
	case text[at] == '+' || american:
		m.Confidence = Medium
	}
	if american {
		m.Rule = "nanp"
	}
	// 555-0100 to 555-0199 are reserved for fiction.
	m.Test = len(national) == 10 && national[3:8] == "55501"
	return m, true
}

// isDate recognises year, month and day as ISO 8601 writes them.
func isDate(s string) bool {
	return len(s) >= 10 && (s[0] == '1' || s[0] == '2') && s[4] == '-' && s[7] == '-' && (len(s) == 10 || s[10] == ' ')
}

// phoneRun reads digits with the separators of phone numbers: at most two between digits, such as ") ".
func phoneRun(text string, at int) (digits string, groups []int, end int) {
	var out []byte
	gap := 0
	for i := at; i < len(text) && gap <= 2 && len(out) <= maxDigits; i++ {
		switch c := text[i]; {
		case isDigit(c):
			if gap > 0 {
				groups = append(groups, len(out))
			}
			out, gap, end = append(out, c), 0, i+1
		case strings.IndexByte(" -.()", c) >= 0:
			gap++
		default:
			gap = 3
		}
	}
	return string(out), append(groups, len(out)), end
}

// shift removes the country code 1 from the ends of groups.
func shift(groups []int) []int {
	if len(groups) > 1 && groups[0] == 1 {
		groups = groups[1:]
	}
	out := make([]int, len(groups))
	for i, g := range groups {
		out[i] = g - 1
	}
	return out
}

// testSSNs were printed in advertisements and are not used.
var testSSNs = []string{"078051120", "219099999", "457555462"}

func findSSN(text string, at int) (Match, bool) {
	if at+11 > len(text) || at > 0 && (isAlnum(text[at-1]) || text[at-1] == '-') {
		return Match{}, false
	}
	s := text[at : at+11]
	if s[3] != s[6] || s[3] != '-' && s[3] != ' ' || !wordEnd(text, at+11) || at+11 < len(text) && text[at+11] == '-' {
		return Match{}, false
	}
	for i := range len(s) {
		if i != 3 && i != 6 && !isDigit(s[i]) {
			return Match{}, false
		}
	}
	// Areas 000, 666 and 900 up, group 00 and serial 0000 are never given out.
	if s[:3] == "000" || s[:3] == "666" || s[0] == '9' || s[4:6] == "00" || s[7:] == "0000" {
		return Match{}, false
	}
	m := Match{Class: SSN, Rule: "ssn", Start: at, End: at + 11, Confidence: Medium, Test: slices.Contains(testSSNs, digitsOf(s))}
	if s[3] == ' ' {
		m.Confidence = Low
	}
	if hasContext(text, at, "ssn", "security") {
		m.Confidence = High
	}
	return m, true
}

// ibanLengths by country, from the registry of SWIFT.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
	"GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28,
	"TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// testIBANs are the examples of the standard and of its registry.
var testIBANs = []string{
	"GB82WEST12345698765432", "GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606",
	"NL91ABNA0417164300", "ES9121000418450200051332", "IT60X0542811101000000123456", "CH9300762011623852957",
	"AT611904300234573201", "BE68539007547034",
}

func findIBAN(text string, at int) (Match, bool) {
	if at+15 > len(text) || !isAlpha(text[at]) || !isAlpha(text[at+1]) || !isDigit(text[at+2]) || !isDigit(text[at+3]) {
		return Match{}, false
	}
	want, ok := ibanLengths[strings.ToUpper(text[at:at+2])]
	if !ok {
		return Match{}, false
	}
	value := make([]byte, 0, want)
	i, gap := at, false
	for ; i < len(text) && len(value) < want; i++ {
		switch {
		case isAlnum(text[i]):
			value, gap = append(value, text[i]), false
		case text[i] == ' ' && !gap && len(value)%4 == 0:
			gap = true
		default:
			return Match{}, false
		}
	}
	number := strings.ToUpper(string(value))
	if len(value) < want || !wordEnd(text, i) || mod97(number[4:]+number[:4]) != 1 {
		return Match{}, false
	}
	return Match{Class: IBAN, Rule: "iban", Start: at, End: i, Confidence: High, Test: slices.Contains(testIBANs, number)}, true
}

// mod97 is the remainder of ISO 7064, letters counting from 10.
func mod97(s string) int {
	rest := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			rest = (rest*10 + int(s[i]-'0')) % 97
		} else {
			rest = (rest*100 + int(s[i]-'A') + 10) % 97
		}
	}
	return rest
}
