package pii

import "slices"

// Identifiers of the Americas. Each check gets the value in capitals and without separators; shapes come from the
// table of recognizers.

// ssn: areas 000, 666 and 900 up, group 00 and serial 0000 are never given out.
func ssn(v []byte) verdict {
	s := string(v)
	if s[:3] == "000" || s[:3] == "666" || s[0] == '9' || s[3:5] == "00" || s[5:] == "0000" || sameDigit(v) {
		return bad
	}
	return good
}

// itin: the fourth and fifth digit of a number of the Internal Revenue Service are 50-65, 70-88, 90-92 or 94-99.
func itin(v []byte) verdict {
	n := number(v[3:5])
	return verdictOf(v[0] == '9' && (n >= 50 && n <= 65 || n >= 70 && n <= 88 || n >= 90 && n <= 99 && n != 93))
}

// ein: prefixes that campuses of the Internal Revenue Service give out.
func ein(v []byte) verdict {
	p := number(v[:2])
	return verdictOf(p >= 1 && p <= 99 && !slices.Contains([]int{7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97}, p))
}

// npi: Luhn over the identifier with the prefix 80840 of ISO 7812.
func npi(v []byte) verdict {
	return verdictOf((luhnSum(v)+24)%10 == 0 && !sameDigit(v[:9]))
}

// aba: weights 3, 7, 1; the first two digits name a Federal Reserve bank.
func aba(v []byte) verdict {
	p := number(v[:2])
	known := p <= 12 || p >= 21 && p <= 32 || p >= 61 && p <= 72 || p == 80
	return verdictOf(known && weighted(v, "\x03\x07\x01\x03\x07\x01\x03\x07\x01")%10 == 0 && !sameDigit(v))
}

// dea: of a Drug Enforcement Administration number, two letters (or a letter and 9) and seven digits.
func dea(v []byte) verdict {
	d := v[2:]
	return verdictOf(weighted(d, "\x01\x02\x01\x02\x01\x02")%10 == int(d[6]-'0'))
}

// sin: Luhn; numbers do not begin with 0 or 8.
func sin(v []byte) verdict { return verdictOf(v[0] != '0' && v[0] != '8' && luhn(v)) }

func cpf(v []byte) verdict {
	d1 := weighted(v, "\x0a\x09\x08\x07\x06\x05\x04\x03\x02") * 10 % 11 % 10
	d2 := weighted(v, "\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02") * 10 % 11 % 10
	return verdictOf(!sameDigit(v) && d1 == int(v[9]-'0') && d2 == int(v[10]-'0'))
}

func cnpj(v []byte) verdict {
	digit := func(sum int) int {
		if r := sum % 11; r >= 2 {
			return 11 - r
		}
		return 0
	}
	d1 := digit(weighted(v, "\x05\x04\x03\x02\x09\x08\x07\x06\x05\x04\x03\x02"))
	d2 := digit(weighted(v, "\x06\x05\x04\x03\x02\x09\x08\x07\x06\x05\x04\x03\x02"))
	return verdictOf(!sameDigit(v) && d1 == int(v[12]-'0') && d2 == int(v[13]-'0'))
}

// curp: the Mexican population register's code; the last digit weighs 37 letters, among them Ñ.
func curp(v []byte) verdict {
	if !isDay(v[4:10]) {
		return bad
	}
	sum := 0
	for i, c := range v[:17] {
		n := letterValue(c)
		if c > 'N' {
			n++ // Ñ has the place after N
		}
		sum += n * (18 - i)
	}
	return verdictOf((10-sum%10)%10 == int(v[17]-'0'))
}

// rut: weights 2 to 7 from the right, modulo 11, K standing for 10.
func rut(v []byte) verdict {
	sum, w := 0, 2
	for i := len(v) - 2; i >= 0; i-- {
		sum += int(v[i]-'0') * w
		if w++; w > 7 {
			w = 2
		}
	}
	want := "0K987654321"[sum%11]
	return verdictOf(v[len(v)-1] == want)
}

func cuit(v []byte) verdict {
	if !slices.Contains([]int{20, 23, 24, 25, 26, 27, 30, 33, 34}, number(v[:2])) {
		return bad
	}
	want := (11 - weighted(v, "\x05\x04\x03\x02\x07\x06\x05\x04\x03\x02")%11) % 11
	return verdictOf(want == int(v[10]-'0'))
}
