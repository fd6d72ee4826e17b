package pii

import "slices"

// Identifiers of Europe, as [checkamerica.go] does for the Americas.

const nifLetters = "TRWAGMYFPDXBNJZSQVHLCKE"

func nif(v []byte) verdict {
	n := len(v) - 1
	return verdictOf(v[n] == nifLetters[number(v[:n])%23])
}

func nie(v []byte) verdict {
	n := len(v) - 1
	rest := int(v[0] - 'X')
	for range n - 1 {
		rest *= 10
	}
	return verdictOf(v[n] == nifLetters[(rest+number(v[1:n]))%23])
}

func cif(v []byte) verdict {
	check := (10 - crossed(v[1:], "\x02\x01\x02\x01\x02\x01\x02")%10) % 10
	last := v[8]
	return verdictOf(last == byte('0'+check) || last == "JABCDEFGHI"[check])
}

// fiscalOdd are the values of characters in odd places of an Italian fiscal code (decree of 23 December 1976).
var fiscalOdd = [36]int{
	1, 0, 5, 7, 9, 13, 15, 17, 19, 21, // digits
	1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
}

func fiscalCode(v []byte) verdict {
	sum := 0
	for i, c := range v[:15] {
		n := letterValue(c)
		if i%2 == 0 {
			sum += fiscalOdd[n]
		} else if n < 10 {
			sum += n
		} else {
			sum += n - 10
		}
	}
	month := v[8]
	return verdictOf(v[15] == byte('A'+sum%26) && slices.Contains([]byte("ABCDEHLMPRST"), month))
}

func itVAT(v []byte) verdict { return verdictOf(luhn(v) && number(v) != 0) }

// pesel: the month tells the century by adding 20, 40, 60 or 80.
func pesel(v []byte) verdict {
	sum := weighted(v, "\x01\x03\x07\x09\x01\x03\x07\x09\x01\x03\x01")
	return verdictOf(sum%10 == 0 && isMonthDay(number(v[2:4])%20, number(v[4:6])))
}

func nip(v []byte) verdict {
	return verdictOf(!sameDigit(v) && weighted(v, "\x06\x05\x07\x02\x03\x04\x05\x06\x07")%11 == int(v[9]-'0'))
}

func regon(v []byte) verdict {
	return verdictOf(!sameDigit(v) && weighted(v, "\x08\x09\x02\x03\x04\x05\x06\x07")%11%10 == int(v[8]-'0'))
}

// hetu: the Finnish personal identity code; the mark between date and serial is not part of v.
func hetu(v []byte) verdict {
	rest := (number(v[:6])*1000 + number(v[len(v)-4:len(v)-1])) % 31
	return verdictOf(isEuropeanDay(v) && v[len(v)-1] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest])
}

// personnummer: Luhn over ten digits; days of coordination numbers are 60 higher.
func personnummer(v []byte) verdict {
	if len(v) == 12 {
		v = v[2:]
	}
	if len(v) != 10 || !luhn(v) {
		return bad
	}
	day := number(v[4:6])
	if day > 60 {
		day -= 60
	}
	return verdictOf(isMonthDay(number(v[2:4]), day))
}

func organisationsnummer(v []byte) verdict { return verdictOf(luhn(v) && v[2] >= '2') }

func nhs(v []byte) verdict {
	want := 11 - weighted(v, "\x0a\x09\x08\x07\x06\x05\x04\x03\x02")%11
	return verdictOf(want%11 == int(v[9]-'0') && want != 10 && !sameDigit(v))
}

// nino: prefixes that are not used.
func nino(v []byte) verdict {
	return verdictOf(!slices.Contains([]string{"BG", "GB", "NK", "KN", "NT", "TN", "ZZ"}, string(v[:2])))
}

// utr: a British taxpayer reference; the first digit checks the others.
func utr(v []byte) verdict {
	return verdictOf("21987654321"[weighted(v[1:], "\x06\x07\x08\x09\x0a\x05\x04\x03\x02")%11] == v[0])
}

// ukDriver: five letters of the surname padded with 9, then a date whose month is 50 higher for women.
func ukDriver(v []byte) verdict {
	padded := false
	for _, c := range v[:5] {
		if padded && c != '9' || isDigit(c) && c != '9' {
			return bad
		}
		padded = padded || c == '9'
	}
	month := number(v[6:8])
	if month > 50 {
		month -= 50
	}
	return verdictOf(v[0] != '9' && isMonthDay(month, number(v[8:10])))
}

// ukPlate: the age of plates since 2001 is 02-29 or 51-79; older plates have no rule.
func ukPlate(v []byte) verdict {
	if len(v) == 7 && isAlpha(v[1]) && isDigit(v[2]) && isDigit(v[3]) && isAlpha(v[4]) {
		age := number(v[2:4])
		return verdictOf(age >= 2 && age <= 29 || age >= 51 && age <= 79)
	}
	return unsure
}

// deTaxID: no digit more than three times in the first ten, and ISO 7064.
func deTaxID(v []byte) verdict {
	var count [10]int
	for _, c := range v[:10] {
		if count[c-'0']++; count[c-'0'] > 3 {
			return bad
		}
	}
	return verdictOf(v[0] != '0' && mod11x10(v))
}

// deVAT: the check digit is not published by the office that gives the numbers, so another one is not refused.
func deVAT(v []byte) verdict {
	if v[2] != '0' && mod11x10(v[2:]) {
		return good
	}
	return unsure
}

func deDocument(v []byte) verdict { return verdictOf(icao(v[:8]) == int(v[8]-'0')) }

// deIDCard: documents before 2010 have T and eight digits without a check.
func deIDCard(v []byte) verdict {
	if v[0] == 'T' && number(v[1:]) >= 0 && allDigits(v[1:]) {
		return unsure
	}
	return deDocument(v)
}

func allDigits(v []byte) bool {
	for _, c := range v {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// rvnr: a German pension number; the initial counts as two digits, days may be 50 higher.
func rvnr(v []byte) verdict {
	day := number(v[2:4])
	if day > 50 {
		day -= 50
	}
	if !isMonthDay(number(v[4:6]), day) {
		return bad
	}
	var d [12]byte
	copy(d[:], v[:8])
	letter := v[8] - 'A' + 1
	d[8], d[9] = '0'+letter/10, '0'+letter%10
	copy(d[10:], v[9:11])
	return verdictOf(crossed(d[:], "\x02\x01\x02\x05\x07\x01\x02\x01\x02\x01\x02\x01")%10 == int(v[11]-'0'))
}

// kvnr: a German health insurance number, likewise.
func kvnr(v []byte) verdict {
	var d [10]byte
	letter := v[0] - 'A' + 1
	d[0], d[1] = '0'+letter/10, '0'+letter%10
	copy(d[2:], v[1:9])
	return verdictOf(crossed(d[:], "\x01\x02\x01\x02\x01\x02\x01\x02\x01\x02")%10 == int(v[9]-'0'))
}

func lanr(v []byte) verdict {
	return verdictOf((10-weighted(v, "\x04\x09\x04\x09\x04\x09")%10)%10 == int(v[6]-'0'))
}

func bsnr(v []byte) verdict { return verdictOf(number(v) != 0) }

// nir: the number of the French national institute of statistics, with 97 minus its remainder as key; Corsica has letters.
func nir(v []byte) verdict {
	var d [13]byte
	copy(d[:], v[:13])
	minus := 0
	switch d[6] {
	case 'A':
		d[6], minus = '0', 1000000
	case 'B':
		d[6], minus = '0', 2000000
	}
	month := number(v[3:5])
	if !allDigits(d[:]) || month == 0 || month > 12 && month < 20 {
		return bad
	}
	return verdictOf(97-(number(d[:])-minus)%97 == number(v[13:15]))
}

func bsn(v []byte) verdict {
	sum := weighted(v, "\x09\x08\x07\x06\x05\x04\x03\x02") - int(v[8]-'0')
	return verdictOf(number(v) != 0 && sum%11 == 0 && !sameDigit(v))
}

// beNational: 97 minus the remainder of nine digits, a 2 before them for those born since 2000.
func beNational(v []byte) verdict {
	n, key := number(v[:9]), number(v[9:11])
	month, day := number(v[2:4])%20, number(v[4:6])
	return verdictOf((97-n%97 == key || 97-(2000000000+n)%97 == key) && (isMonthDay(month, day) || month == 0))
}

func ptNIF(v []byte) verdict {
	want := 11 - weighted(v, "\x09\x08\x07\x06\x05\x04\x03\x02")%11
	if want >= 10 {
		want = 0
	}
	return verdictOf(v[0] != '0' && want == int(v[8]-'0'))
}

// ahv: the Swiss number 756, checked as an EAN-13.
func ahv(v []byte) verdict {
	return verdictOf(weighted(v, "\x01\x03\x01\x03\x01\x03\x01\x03\x01\x03\x01\x03\x01")%10 == 0)
}

func cpr(v []byte) verdict {
	if !isEuropeanDay(v) {
		return bad
	}
	if weighted(v, "\x04\x03\x02\x07\x06\x05\x04\x03\x02\x01")%11 == 0 {
		return good
	}
	return unsure // numbers since 2007 have no check digit
}

func fodselsnummer(v []byte) verdict {
	day := number(v[:2])
	if day > 40 {
		day -= 40 // a number for foreigners
	}
	month := number(v[2:4]) % 40
	k1 := weighted(v, "\x03\x07\x06\x01\x08\x09\x04\x05\x02\x01") % 11
	k2 := weighted(v, "\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02\x01") % 11
	return verdictOf(isMonthDay(month, day) && k1 == 0 && k2 == 0)
}

func rodneCislo(v []byte) verdict {
	month := number(v[2:4])
	for _, more := range []int{70, 50, 20} {
		if month > more {
			month -= more
			break
		}
	}
	return verdictOf(isMonthDay(month, number(v[4:6])) && (number(v)%11 == 0 || number(v[:9])%11 == 10 && v[9] == '0'))
}

func cnp(v []byte) verdict {
	want := weighted(v, "\x02\x07\x09\x01\x04\x06\x03\x05\x08\x02\x07\x09") % 11
	if want == 10 {
		want = 1
	}
	return verdictOf(v[0] != '0' && isDay(v[1:7]) && want == int(v[12]-'0'))
}

func egn(v []byte) verdict {
	month := number(v[2:4])
	if month > 40 {
		month -= 40
	} else if month > 20 {
		month -= 20
	}
	want := weighted(v, "\x02\x04\x08\x05\x0a\x09\x07\x03\x06") % 11 % 10
	return verdictOf(isMonthDay(month, number(v[4:6])) && want == int(v[9]-'0'))
}

func oib(v []byte) verdict { return verdictOf(mod11x10(v)) }

// isikukood: of Estonia and Lithuania, two rows of weights.
func isikukood(v []byte) verdict {
	want := weighted(v, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x01") % 11
	if want == 10 {
		want = weighted(v, "\x03\x04\x05\x06\x07\x08\x09\x01\x02\x03") % 11 % 10
	}
	return verdictOf(v[0] >= '1' && v[0] <= '6' && isDay(v[1:7]) && want == int(v[10]-'0'))
}

func amka(v []byte) verdict { return verdictOf(isEuropeanDay(v) && luhn(v)) }

func atSVNR(v []byte) verdict {
	sum := weighted(v, "\x03\x07\x09\x00\x05\x08\x04\x02\x01\x06") % 11
	return verdictOf(v[0] != '0' && sum == int(v[3]-'0') && isMonthDay(number(v[6:8]), number(v[4:6])))
}

// pps: an Irish number, seven digits and a check letter; a second letter counts nine times.
func pps(v []byte) verdict {
	sum := weighted(v, "\x08\x07\x06\x05\x04\x03\x02")
	if len(v) == 9 && v[8] != 'W' {
		sum += int(v[8]-'A'+1) * 9
	}
	return verdictOf(v[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum%23])
}
