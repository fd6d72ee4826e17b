package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// number reads a decimal of a report; what is none is 0.
func number(s string) float64 {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	return x
}

// decimal shows a number as the report has it; another text would be somebody's else.
func decimal(s string) string {
	const longest = 24
	if _, err := strconv.ParseFloat(s, 64); err != nil && s != "" || len(s) > longest {
		return "?"
	}
	return s
}

// Rates of a report are decimals of 6 digits. They are shown as hundredths of a per cent, lower ends rounded down and upper
// ends rounded up, so that no interval is shown narrower than it is.
func percent(s string) string      { return hundredths(s, math.Round) }
func lowerPercent(s string) string { return hundredths(s, math.Floor) }
func upperPercent(s string) string { return hundredths(s, math.Ceil) }

// interval writes both ends, which are not to be parted.
func interval(lower, upper string) string {
	return strings.TrimSuffix(lowerPercent(lower), percentSign) + "\u00a0to\u00a0" + upperPercent(upper)
}

// percentSign follows a number on its line.
const percentSign = "\u00a0%"

func hundredths(s string, round func(float64) float64) string {
	millionths := math.Round(number(s) * 1e6)
	return strconv.FormatFloat(round(millionths/100)/100, 'f', 2, 64) + percentSign
}

// count writes a whole number with its thousands apart.
func count(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// byteCount writes a size.
func byteCount(n int64) string {
	const kib = 1 << 10
	if n < kib {
		return strconv.FormatInt(n, 10) + " B"
	}
	size, units := float64(n)/kib, []string{"KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && size >= kib {
		size, units = size/kib, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}

// coordinate is a place in a picture; one that no number leads to is its corner.
func coordinate(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		x = 0
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}
