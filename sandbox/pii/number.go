package pii

import "strings"

// An issuer range: prefixes lo..hi of a given length, and the lengths of its numbers as bits.
type issuer struct {
	lo, hi  string
	lengths uint32
}

func lengths(n ...int) (bits uint32) {
	for _, l := range n {
		bits |= 1 << l
	}
	return bits
}

// issuers of payment cards, by the ranges that ISO/IEC 7812 registers and the networks publish.
var issuers = []issuer{
	{"4", "4", lengths(13, 16, 19)},                                                                       // Visa
	{"51", "55", lengths(16)},                                                                             // Mastercard
	{"2221", "2720", lengths(16)},                                                                         // Mastercard
	{"34", "34", lengths(15)},                                                                             // American Express
	{"37", "37", lengths(15)},                                                                             // American Express
	{"6011", "6011", lengths(16, 19)}, {"644", "659", lengths(16, 19)}, {"622126", "622925", lengths(16)}, // Discover
	{"300", "305", lengths(14, 16)}, {"36", "36", lengths(14, 16)}, {"38", "39", lengths(14, 16)}, // Diners Club
	{"3528", "3589", lengths(16, 19)}, {"1800", "1800", lengths(15)}, {"2131", "2131", lengths(15)}, // JCB
	{"62", "62", lengths(16, 17, 18, 19)}, {"81", "81", lengths(16)}, // UnionPay
	{"50", "50", lengths(12, 13, 14, 15, 16, 17, 18, 19)}, {"56", "58", lengths(12, 13, 14, 15, 16, 17, 18, 19)}, // Maestro
	{"6304", "6304", lengths(12, 13, 14, 15, 16, 17, 18, 19)}, {"6759", "6763", lengths(12, 13, 14, 15, 16, 17, 18, 19)}, // Maestro
	{"2200", "2204", lengths(16)}, // Mir
	{"60", "60", lengths(16)},     // RuPay
	{"1", "1", lengths(15)},       // UATP
}

// card: Luhn and the range of an issuer. Nothing but zeros after the range is no account.
func card(v []byte) verdict {
	if !luhn(v) || sameDigit(v) {
		return bad
	}
	for _, i := range issuers {
		if i.lengths>>len(v)&1 == 1 && string(v[:len(i.lo)]) >= i.lo && string(v[:len(i.hi)]) <= i.hi {
			return good
		}
	}
	if v[0] < '2' || v[0] > '6' {
		return bad // not what banks issue
	}
	return unsure
}

// testCards are numbers that payment processors document for tests, and prefixes that no bank issues.
var testCards = []string{
	"4111111111111111", "4242424242424242", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100",
	"378282246310005", "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "3530111333300000",
	"400000",
}

// testSSNs were printed in advertisements and are not used.
var testSSNs = []string{"078051120", "219099999", "457555462", "123456789"}

// isTest reports whether a value is documented for tests and examples.
func isTest(class Class, id recID, value string) bool {
	switch class {
	case Card:
		return hasDigits(value, testCards)
	case SSN:
		return hasDigits(value, testSSNs)
	case IBAN:
		for _, t := range testIBANs {
			if foldsTo(value, t) {
				return true
			}
		}
	case Email:
		return isReservedDomain(value[strings.LastIndexByte(value, '@')+1:])
	case IP:
		return isTestAddress(value)
	case Phone:
		return isReservedPhone(value)
	case URL:
		host := value[strings.Index(value, "//")+1:]
		host = strings.TrimLeft(host, "/")
		return isReservedDomain(host[:len(host)-len(strings.TrimLeft(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"))])
	case Crypto:
		return id == crypto && strings.Contains(value, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa") // the first block
	default:
	}
	return false
}

// hasDigits reports whether the digits of value begin as one of the list does.
func hasDigits(value string, list []string) bool {
	for _, want := range list {
		n := 0
		for i := 0; i < len(value) && n < len(want); i++ {
			if isDigit(value[i]) {
				if value[i] != want[n] {
					break
				}
				n++
			}
		}
		if n == len(want) {
			return true
		}
	}
	return false
}

// foldsTo reports whether value without separators and in capitals is want.
func foldsTo(value, want string) bool {
	n := 0
	for i := range len(value) {
		c := value[i]
		if !isAlnum(c) {
			continue
		}
		if !isDigit(c) {
			c &^= 0x20
		}
		if n == len(want) || want[n] != c {
			return false
		}
		n++
	}
	return n == len(want)
}

// isTestAddress reports whether an address is in a network for documentation (RFC 5737, RFC 3849).
func isTestAddress(value string) bool {
	if a, end := parseIPv4(value, 0); end != 0 {
		return a[0] == 192 && a[1] == 0 && a[2] == 2 || a[0] == 198 && a[1] == 51 && a[2] == 100 || a[0] == 203 && a[1] == 0 && a[2] == 113
	}
	return hasFoldPrefix(value, "2001:db8:")
}

// isReservedPhone: 555-0100 to 555-0199 are reserved for fiction in North America.
func isReservedPhone(value string) bool {
	var d [maxPhone + maxExtension]byte
	n := 0
	for i := 0; i < len(value) && n < len(d); i++ {
		if isDigit(value[i]) {
			d[n] = value[i]
			n++
		} else if value[i] == 'x' || value[i] == 'e' {
			break
		}
	}
	return n >= 10 && string(d[n-7:n-2]) == "55501"
}

// ibanLengths by country, from the registry of SWIFT: two letters and two digits each.
const ibanLengths = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30"

func ibanLength(a, b byte) int {
	for i := 0; i < len(ibanLengths); i += 4 {
		if ibanLengths[i] == a&^0x20 && ibanLengths[i+1] == b&^0x20 {
			return int(ibanLengths[i+2]-'0')*10 + int(ibanLengths[i+3]-'0')
		}
	}
	return 0
}

// testIBANs are the examples of the standard and of its registry.
var testIBANs = []string{
	"GB82WEST12345698765432", "GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606",
	"NL91ABNA0417164300", "ES9121000418450200051332", "IT60X0542811101000000123456", "CH9300762011623852957",
	"AT611904300234573201", "BE68539007547034",
}

// findIBAN finds an account number at two letters: the length of its country, in groups of four or without.
func (s *Scanner) findIBAN(at int) {
	text := s.text
	if at+15 > len(text) || !isDigit(text[at+2]) || !isDigit(text[at+3]) {
		return
	}
	want := ibanLength(text[at], text[at+1])
	n, i, gap := 0, at, false
	for ; i < len(text) && n < want; i++ {
		switch c := text[i]; {
		case isAlnum(c):
			if !isDigit(c) {
				c &^= 0x20
			}
			s.value[n] = c
			n, gap = n+1, false
		case (c == ' ' || c == '-') && !gap && n >= 4:
			gap = true
		default:
			return
		}
	}
	if want == 0 || n < want || i < len(text) && isWord(text[i]) || mod97(s.value[:4], mod97(s.value[4:n], 0)) != 1 {
		return
	}
	s.add(ibanID, at, i, High, High)
}

// mrzComposite is the last check digit: over number, birth, expiry and optional data, each with its own.
func mrzComposite(v []byte) int {
	var parts [39]byte
	n := copy(parts[:], v[0:10])
	n += copy(parts[n:], v[13:20])
	copy(parts[n:], v[21:43])
	return icao(parts[:])
}

// findMRZ finds the second line of a passport's machine-readable zone: 44 characters, of which five are check digits.
func (s *Scanner) findMRZ(at int) {
	const line = 44
	text := s.text
	if at+line > len(text) || at+line < len(text) && (isWord(text[at+line]) || text[at+line] == '<') || at > 0 && text[at-1] == '<' {
		return
	}
	v := s.value[:line]
	for i := range v {
		v[i] = text[at+i]
		if !isUpper(v[i]) && !isDigit(v[i]) && v[i] != '<' {
			return
		}
	}
	for _, part := range [3][2]int{{0, 9}, {13, 19}, {21, 27}} {
		if !isDigit(v[part[1]]) || icao(v[part[0]:part[1]]) != int(v[part[1]]-'0') {
			return
		}
	}
	if !isDigit(v[43]) || mrzComposite(v) != int(v[43]-'0') || v[42] != '<' && int(v[42]-'0') != icao(v[28:42]) {
		return
	}
	s.add(mrzID, at, at+line, High, High)
}
