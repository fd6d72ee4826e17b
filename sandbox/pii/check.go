package pii

// A verdict is what a check says of a value that has the right shape.
type verdict uint8

// The verdicts. Unsure values keep a confidence below Medium unless a context word stands by them, and never reach High.
const (
	bad verdict = iota
	unsure
	good
)

func verdictOf(ok bool) verdict { //nolint:revive // flag-parameter: the flag is the value that is translated
	if ok {
		return good
	}
	return bad
}

// luhn is the check of ISO/IEC 7812-1: from the right, every second digit doubled, digits summed, zero modulo 10.
func luhn(v []byte) bool { return len(v) > 0 && luhnSum(v)%10 == 0 }

func luhnSum(v []byte) int {
	sum := 0
	for i := range len(v) {
		d := int(v[len(v)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum
}

// weighted is the sum of digits times weights, whose values are the bytes of w.
func weighted(v []byte, w string) int {
	sum := 0
	for i := range len(w) {
		sum += int(v[i]-'0') * int(w[i])
	}
	return sum
}

// crossed is [weighted] with the digits of each product summed instead of the product.
func crossed(v []byte, w string) int {
	sum := 0
	for i := range len(w) {
		p := int(v[i]-'0') * int(w[i])
		sum += p/10 + p%10
	}
	return sum
}

// letterValue counts digits as themselves and letters from 10, as ISO 7064 and ICAO 9303 do.
func letterValue(c byte) int {
	if isDigit(c) {
		return int(c - '0')
	}
	return int(c-'A') + 10
}

// mod97 is the remainder of ISO 7064 MOD 97-10, letters counting from 10.
func mod97(v []byte, rest int) int {
	for _, c := range v {
		if n := letterValue(c); n < 10 {
			rest = (rest*10 + n) % 97
		} else {
			rest = (rest*100 + n) % 97
		}
	}
	return rest
}

// mod11x10 is the hybrid check of ISO 7064 MOD 11,10; the last digit is the check digit.
func mod11x10(v []byte) bool {
	p := 10
	for _, c := range v[:len(v)-1] {
		s := (int(c-'0') + p) % 10
		if s == 0 {
			s = 10
		}
		p = s * 2 % 11
	}
	return (11-p)%10 == int(v[len(v)-1]-'0')
}

// mod11x2 is the check of ISO 7064 MOD 11-2; the last character is a digit or X.
func mod11x2(v []byte) bool {
	p := 0
	for _, c := range v[:len(v)-1] {
		p = (p + int(c-'0')) * 2 % 11
	}
	want := (12 - p) % 11
	last := v[len(v)-1]
	return want == 10 && last == 'X' || want < 10 && last == byte('0'+want)
}

// The tables of the dihedral group D5 that the check of Verhoeff uses.
var (
	verhoeffD = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	verhoeffP = [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
)

// verhoeff is the check of J. Verhoeff, Error Detecting Decimal Codes (1969): it sees all single errors and swaps.
func verhoeff(v []byte) bool {
	c := 0
	for i := range len(v) {
		c = int(verhoeffD[c][verhoeffP[i%8][v[len(v)-1-i]-'0']-'0'] - '0')
	}
	return c == 0
}

// icao is the check digit of ICAO 9303: weights 7, 3, 1, the filler counting zero.
func icao(v []byte) int {
	sum := 0
	for i, c := range v {
		if c != '<' {
			sum += letterValue(c) * [3]int{7, 3, 1}[i%3]
		}
	}
	return sum % 10
}

// number reads digits as a number.
func number(v []byte) int {
	n := 0
	for _, c := range v {
		n = n*10 + int(c-'0')
	}
	return n
}

// sameDigit reports whether all digits are one.
func sameDigit(v []byte) bool {
	for _, c := range v {
		if c != v[0] {
			return false
		}
	}
	return true
}

// monthDays are the most days that each month has.
var monthDays = [13]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func isMonthDay(month, day int) bool {
	return month >= 1 && month <= 12 && day >= 1 && day <= monthDays[month]
}

// isDay reports whether six digits YYMMDD can be a date.
func isDay(v []byte) bool { return isMonthDay(number(v[2:4]), number(v[4:6])) }

// isEuropeanDay reports whether six digits DDMMYY can be a date.
func isEuropeanDay(v []byte) bool { return isMonthDay(number(v[2:4]), number(v[0:2])) }
