package pii

import "strings"

const months = "jan feb mar apr may jun jul aug sep oct nov dec "

// monthAt reads the short name of a month, and returns its number or 0.
func monthAt(text string, at int) int {
	if at < 0 || at+3 > len(text) {
		return 0
	}
	for i := 0; i < len(months); i += 4 {
		if hasFoldPrefix(text[at:at+3], months[i:i+3]) {
			return i/4 + 1
		}
	}
	return 0
}

// digitsAt reads up to most digits and returns their value and how many there are.
func digitsAt(text string, at, most int) (n, count int) {
	for count < most && at+count < len(text) && isDigit(text[at+count]) {
		n = n*10 + int(text[at+count]-'0')
		count++
	}
	if at+count < len(text) && isDigit(text[at+count]) {
		return 0, 0
	}
	return n, count
}

// findDate finds a date that begins with lead digits at at, or with the name of a month before them.
func (s *Scanner) findDate(at, lead int) {
	text := s.text
	if lead > 4 || s.continues(at) {
		return
	}
	if lead == 4 || lead == 2 {
		if m := monthAt(text, at-4); m > 0 && text[at-1] == '-' && (at == 4 || !isWord(text[at-5]) && text[at-5] != '-') {
			s.addDate(at-4, at+lead, Medium)
		}
	}
	if at+lead >= len(text) {
		return
	}
	first, _ := digitsAt(text, at, 4)
	switch sep := text[at+lead]; {
	case sep == '-' && lead <= 2 && monthAt(text, at+lead+1) > 0:
		s.dateWithName(at, at+lead+4, first)
	case sep != '-' && sep != '/' && sep != '.':
	case lead == 4 && sep != '.':
		s.yearFirst(at, sep, first)
	case lead <= 2:
		s.dayFirst(at, at+lead+1, sep, first)
	}
}

func (s *Scanner) addDate(start, end int, alone Confidence) {
	if end < len(s.text) && isWord(s.text[end]) {
		return
	}
	s.add(dateID, start, end, alone, max(alone, Medium))
}

// dateWithName reads what follows day and month name, as in 5-MAY-2020; end is behind the name.
func (s *Scanner) dateWithName(at, end, day int) {
	text := s.text
	if day < 1 || day > 31 {
		return
	}
	if end < len(text) && text[end] == '-' {
		if _, n := digitsAt(text, end+1, 4); n == 4 || n == 2 {
			end += 1 + n
		}
	}
	s.addDate(at, end, Medium)
}

// yearFirst reads 2020-05-17, 2020/5/17, and a time of ISO 8601 behind it.
func (s *Scanner) yearFirst(at int, sep byte, year int) {
	text := s.text
	month, n := digitsAt(text, at+5, 2)
	i := at + 5 + n
	if n == 0 || i >= len(text) || text[i] != sep {
		return
	}
	day, n := digitsAt(text, i+1, 2)
	end := i + 1 + n
	if n == 0 || !isMonthDay(month, day) || year == 0 {
		return
	}
	if end < len(text) && text[end]|0x20 == 't' {
		if stop := clockEnd(text, end+1); stop > 0 {
			s.add(dateID, at, stop, High, High)
		}
		return
	}
	s.addDate(at, end, Medium)
}

// clockEnd reads hh:mm, seconds, a fraction and a zone, and returns where it ends, or 0.
func clockEnd(text string, at int) int {
	h, n := digitsAt(text, at, 2)
	if n != 2 || h > 24 || at+2 >= len(text) || text[at+2] != ':' {
		return 0
	}
	if m, n := digitsAt(text, at+3, 2); n != 2 || m > 59 {
		return 0
	}
	end := at + 5
	if end+2 < len(text) && text[end] == ':' {
		if _, n := digitsAt(text, end+1, 2); n == 2 {
			end += 3
		}
	}
	if end+1 < len(text) && text[end] == '.' && isDigit(text[end+1]) {
		end++
		for end < len(text) && isDigit(text[end]) {
			end++
		}
	}
	switch {
	case end < len(text) && text[end]|0x20 == 'z':
		return end + 1
	case end+6 <= len(text) && (text[end] == '+' || text[end] == '-') && text[end+3] == ':':
		return end + 6
	}
	return 0
}

// dayFirst reads 17/5/2020 in any order of day and month, 17.05.20, and month with year.
func (s *Scanner) dayFirst(at, i int, sep byte, first int) {
	text := s.text
	second, n := digitsAt(text, i, 4)
	if n == 0 || first == 0 || second == 0 {
		return
	}
	i += n
	if sep == '/' && first <= 12 && (n == 4 || n == 2) && (i >= len(text) || text[i] != sep) {
		alone := VeryWeak
		if n == 4 {
			alone = Weak
		}
		s.addDate(at, i, alone)
		return
	}
	if n > 2 || i >= len(text) || text[i] != sep {
		return
	}
	_, n = digitsAt(text, i+1, 4)
	end := i + 1 + n
	if n != 4 && (n != 2 || sep == '-') || end < len(text) && (text[end] == sep && end+1 < len(text) && isDigit(text[end+1])) {
		return
	}
	american := isMonthDay(first, second) && sep != '.'
	if american || isMonthDay(second, first) {
		s.addDate(at, end, Medium)
	}
}

// isDateText recognises a date at the beginning of what looked like a phone number.
func isDateText(s string) bool {
	if len(s) < 8 {
		return false
	}
	year, n := digitsAt(s, 0, 4)
	if n == 4 && strings.IndexByte("-/. ", s[4]) >= 0 {
		m, k := digitsAt(s, 5, 2)
		return k > 0 && year > 1800 && year < 2200 && m >= 1 && m <= 12
	}
	if n == 0 || n > 2 || strings.IndexByte("-/.", s[n]) < 0 {
		return false
	}
	second, k := digitsAt(s, n+1, 2)
	at := n + 1 + k
	if k == 0 || at >= len(s) || s[at] != s[n] {
		return false
	}
	last, k := digitsAt(s, at+1, 4)
	return k == 4 && (isMonthDay(year, second) || isMonthDay(second, year)) && last > 1800 && last < 2200
}
