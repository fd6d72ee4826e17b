package pii

import "slices"

// Identifiers of Asia, Africa and Oceania, as [checkamerica.go] does for the Americas.

func abn(v []byte) verdict {
	sum := weighted(v, "\x0a\x01\x03\x05\x07\x09\x0b\x0d\x0f\x11\x13") - 10 // the first digit less one
	return verdictOf(v[0] != '0' && sum%89 == 0)
}

func acn(v []byte) verdict {
	return verdictOf((10-weighted(v, "\x08\x07\x06\x05\x04\x03\x02\x01")%10)%10 == int(v[8]-'0'))
}

func tfn(v []byte) verdict {
	return verdictOf(weighted(v, "\x01\x04\x03\x07\x05\x08\x06\x09\x0a")%11 == 0 && number(v) != 0)
}

func auMedicare(v []byte) verdict {
	return verdictOf(weighted(v, "\x01\x03\x07\x09\x01\x03\x07\x09")%10 == int(v[8]-'0'))
}

func ird(v []byte) verdict {
	var d [9]byte
	copy(d[:], "000000000")
	copy(d[9-len(v):], v)
	n := number(d[:])
	if n < 10_000_000 || n > 150_000_000 {
		return bad
	}
	want := (11 - weighted(d[:], "\x03\x02\x07\x06\x05\x04\x03\x02")%11) % 11
	if want == 10 {
		want = (11 - weighted(d[:], "\x07\x04\x03\x02\x05\x02\x07\x06")%11) % 11
	}
	return verdictOf(want == int(d[8]-'0'))
}

// pan: the fourth letter tells who holds it.
func pan(v []byte) verdict {
	if slices.Contains([]byte("ABCFGHJLPT"), v[3]) {
		return good
	}
	return unsure
}

func aadhaar(v []byte) verdict {
	palindrome := true
	for i := range len(v) / 2 {
		palindrome = palindrome && v[i] == v[len(v)-1-i]
	}
	return verdictOf(v[0] >= '2' && verhoeff(v) && !palindrome)
}

// gstin: state, account number, entity, Z and a check character of base 36.
func gstin(v []byte) verdict {
	state := number(v[:2])
	if state == 0 || state > 38 && state != 97 && state != 99 {
		return bad
	}
	for i := 2; i < 7; i++ {
		if !isAlpha(v[i]) {
			return bad
		}
	}
	if !allDigits(v[7:11]) || !isAlpha(v[11]) || v[12] == '0' {
		return bad
	}
	sum := 0
	for i, c := range v[:14] {
		p := letterValue(c) * (1 + i%2)
		sum += p/36 + p%36
	}
	if letterValue(v[14]) == (36-sum%36)%36 {
		return good
	}
	return unsure
}

// inStates are the codes of vehicle registration of states and territories of India.
var inStates = []string{
	"AN", "AP", "AR", "AS", "BR", "CG", "CH", "DD", "DL", "DN", "GA", "GJ", "HP", "HR", "JH", "JK", "KA", "KL", "LA", "LD", "MH", "ML", "MN",
	"MP", "MZ", "NL", "OD", "OR", "PB", "PY", "RJ", "SK", "TN", "TR", "TS", "UK", "UP", "WB", "TG", "UA",
}

func inVehicle(v []byte) verdict {
	if isAlpha(v[0]) {
		if len(v) < 8 || !slices.Contains(inStates, string(v[:2])) {
			return unsure
		}
		return good
	}
	return good
}

// rrn: a Korean resident's number; those given since October 2020 have no check digit.
func rrn(v []byte) verdict {
	if !isDay(v) {
		return bad
	}
	sum := weighted(v, "\x02\x03\x04\x05\x06\x07\x08\x09\x02\x03\x04\x05")
	if number(v[7:9]) <= 95 && (11-sum%11)%10 == int(v[12]-'0') {
		return good
	}
	return unsure
}

// frn: a foreigner's, likewise.
func frn(v []byte) verdict {
	if !isDay(v) {
		return bad
	}
	sum := weighted(v, "\x02\x03\x04\x05\x06\x07\x08\x09\x02\x03\x04\x05")
	if number(v[7:9]) <= 95 && (13-sum%11)%10 == int(v[12]-'0') {
		return good
	}
	return unsure
}

func brn(v []byte) verdict {
	sum := weighted(v, "\x01\x03\x07\x01\x03\x07\x01\x03\x05") + int(v[8]-'0')*5/10
	return verdictOf((10-sum%10)%10 == int(v[9]-'0'))
}

// krDriver: the first two digits name the region.
func krDriver(v []byte) verdict {
	r := number(v[:2])
	return verdictOf(r >= 11 && r <= 26 || r == 28)
}

// tnin: the second and third digit are a province.
func tnin(v []byte) verdict {
	p := number(v[1:3])
	known := p >= 10 && p <= 27 || p >= 30 && p <= 58 || p >= 60 && p <= 79 && p%10 <= 7 || p >= 80 && p%10 <= 6
	if !known {
		return bad
	}
	sum := weighted(v, "\x0d\x0c\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02") % 11
	return verdictOf((11-sum)%10 == int(v[12]-'0') && !sameDigit(v))
}

func tckn(v []byte) verdict {
	odd := weighted(v, "\x01\x00\x01\x00\x01\x00\x01\x00\x01")
	even := weighted(v, "\x00\x01\x00\x01\x00\x01\x00\x01")
	d10 := (odd*7 - even + 100) % 10
	d11 := weighted(v, "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01") % 10
	return verdictOf(v[0] != '0' && d10 == int(v[9]-'0') && d11 == int(v[10]-'0'))
}

// phTIN: weights 9 to 2 over eight digits, modulo 11.
func phTIN(v []byte) verdict {
	return verdictOf(weighted(v, "\x09\x08\x07\x06\x05\x04\x03\x02")%11 == int(v[8]-'0'))
}

// ngNIN: Verhoeff, as the recognizer of Presidio has it.
func ngNIN(v []byte) verdict { return verdictOf(verhoeff(v) && !sameDigit(v)) }

func zaID(v []byte) verdict { return verdictOf(isDay(v) && v[10] <= '2' && luhn(v)) }

// nric: five letters begin the numbers of Singapore, each series with its own check letters. A letter out of them is not
// an identity number at all, a wrong check letter is kept as unsure.
func nric(v []byte) verdict {
	sum := weighted(v[1:], "\x02\x07\x06\x05\x04\x03\x02")
	var letters string
	switch v[0] {
	case 'S':
		letters = "JZIHGFEDCBA"
	case 'T':
		sum, letters = sum+4, "JZIHGFEDCBA"
	case 'F':
		letters = "XWUTRQPNMLK"
	case 'G':
		sum, letters = sum+4, "XWUTRQPNMLK"
	case 'M':
		sum, letters = sum+3, "XWUTRQPNJLK"
	default:
		return unsure
	}
	want := letters[sum%11]
	if v[0] == 'M' {
		want = "KLJNPQRTUWX"[10-sum%11]
	}
	if v[8] == want {
		return good
	}
	return unsure
}

// uen: three formats of the Singapore registry, each with weights and check letters.
func uen(v []byte) verdict {
	switch {
	case len(v) == 9:
		return verdictOf(v[8] == "XMKECAWLJDB"[weighted(v, "\x0a\x04\x09\x03\x08\x02\x07\x01")%11])
	case isDigit(v[0]):
		return verdictOf(v[9] == "ZKCMDNERGWH"[weighted(v, "\x0a\x08\x06\x04\x09\x07\x05\x03\x01")%11])
	}
	const alphabet, weights = "ABCDEFGHJKLMNPQRSTUVWX0123456789", "\x04\x03\x05\x03\x0a\x02\x02\x05\x07"
	sum := 0
	for i := range len(weights) {
		sum += slices.Index([]byte(alphabet), v[i]) * int(weights[i])
	}
	return verdictOf(v[9] == alphabet[((sum-5)%11+11)%11])
}

// cnID: a date, and ISO 7064 over seventeen digits.
func cnID(v []byte) verdict {
	return verdictOf(v[0] != '0' && number(v[6:10]) >= 1900 && number(v[6:10]) < 2100 && isMonthDay(number(v[10:12]), number(v[12:14])) && mod11x2(v))
}

// twID: the letter of the city counts as two digits.
func twID(v []byte) verdict {
	n := int("\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x22\x12\x13\x14\x15\x16\x23\x17\x18\x19\x1a\x1b\x1c\x1d\x20\x1e\x1f\x21"[v[0]-'A'])
	return verdictOf((n/10+n%10*9+weighted(v[1:], "\x08\x07\x06\x05\x04\x03\x02\x01\x01"))%10 == 0)
}

// hkID: one or two letters, six digits, and a check digit or A.
func hkID(v []byte) verdict {
	letters := len(v) - 7
	sum := 36 * 9 // a space before one letter
	if letters == 2 {
		sum = letterValue(v[0]) * 9
	}
	sum += letterValue(v[letters-1]) * 8
	sum += weighted(v[letters:], "\x07\x06\x05\x04\x03\x02")
	last := v[len(v)-1]
	check := 10
	if last != 'A' {
		check = int(last - '0')
	}
	return verdictOf((sum+check)%11 == 0)
}

func myNumber(v []byte) verdict {
	r := weighted(v, "\x06\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02") % 11
	want := 0
	if r > 1 {
		want = 11 - r
	}
	return verdictOf(want == int(v[11]-'0') && !sameDigit(v))
}

func ilID(v []byte) verdict { return verdictOf(luhn(v) && !sameDigit(v)) }
