package pii

import (
	"cmp"
	"math/bits"
	"slices"
)

// Config says what a [Scanner] looks for. The zero value finds everything.
type Config struct {
	// Least is the lowest confidence that is reported. Optional; everything if zero.
	Least Confidence
	// Entities are the only ones that are reported. Optional; all if empty.
	Entities []string
	// All reports every recognizer that takes a value instead of the best one.
	All bool
	// Phone decides about candidates for phone numbers. Optional; without it shapes and words decide.
	Phone PhoneCheck
}

// A PhoneCheck says whether the text at [start, end) is a phone number of a numbering plan.
type PhoneCheck func(text string, start, end int) bool

// A Field is a part of a text that has a name elsewhere: a column of a table, a key of an object.
type Field struct {
	Start, End int
	Name       string
}

// A Scanner finds matches in texts, one after the other, without allocating once its buffers have grown. It is not safe
// for concurrent use.
type Scanner struct {
	config Config
	wanted map[string]bool // nil: all
	table  formTable

	prefixes *prefixIndex

	text   string
	fields []Field
	out    []Match
	value  [maxValue]byte // of the pattern that was matched last

	context   mask // the words before contextAt
	contextAt int
	field     int // the field that was looked up last

	urlEnd, secretEnd, decodedEnd, assignedEnd, phoneEnd, plainEnd int // what has been looked at already

	decode decoder
}

// maxValue is the most letters and digits of a value that a pattern takes.
const maxValue = 64

// NewScanner returns a scanner for config.
func NewScanner(config Config) *Scanner {
	s := &Scanner{config: config, table: formTables[config.Least](), prefixes: prefixes()}
	if len(config.Entities) > 0 {
		s.wanted = map[string]bool{}
		for _, e := range config.Entities {
			s.wanted[e] = true
		}
	}
	return s
}

// Scan returns the matches in text, sorted by Start. The slice is the scanner's own and valid until the next call.
func (s *Scanner) Scan(text string) []Match { return s.ScanFields(text, nil) }

// ScanFields is [Scanner.Scan] for a text with named fields, which are sorted and do not overlap.
func (s *Scanner) ScanFields(text string, fields []Field) []Match { return s.scanFrom(text, 0, fields) }

// scanFrom finds what begins at or behind from; the text before it is looked at for names and words only.
func (s *Scanner) scanFrom(text string, from int, fields []Field) []Match {
	s.out = s.out[:0]
	s.decode.start(len(text))
	s.begin(text, fields)
	s.run(from)
	return s.resolve()
}

// begin points the scanner at a text.
func (s *Scanner) begin(text string, fields []Field) {
	s.text, s.fields, s.field = text, fields, 0
	s.contextAt, s.urlEnd, s.secretEnd, s.decodedEnd, s.assignedEnd, s.phoneEnd, s.plainEnd = -1, 0, 0, 0, 0, 0, 0
}

// Kinds of bytes.
const (
	digit uint8 = 1 << iota
	upper
	lower
	under
	trigger // a byte by which something may stand that is looked for

	word = digit | upper | lower | under
)

var classOf = func() (t [256]uint8) {
	for c := range 256 {
		switch b := byte(c); {
		case b >= '0' && b <= '9':
			t[c] = digit
		case b >= 'A' && b <= 'Z':
			t[c] = upper
		case b >= 'a' && b <= 'z':
			t[c] = lower
		case b == '_':
			t[c] = under
		}
	}
	for _, c := range []byte("@:=,>.$%\\&-") {
		t[c] = trigger
	}
	return t
}()

// longWord is the shortest word that is looked at as a key whatever it holds.
const longWord = 16

// run reads the text once. Words are runs of letters, digits and underscores: those with digits, long ones, and those
// that begin as a credential does are looked at when they end. Between them some bytes are triggers.
func (s *Scanner) run(from int) {
	i := from
	for len(s.text)-i >= blockBytes {
		i = s.block(i)
	}
	for i < len(s.text) {
		if classOf[s.text[i]]&word != 0 {
			i = s.wordAt(i)
			continue
		}
		if classOf[s.text[i]] == trigger {
			s.trigger(i)
		}
		i++
	}
	s.namedFields()
}

// block looks at the words and triggers that begin in the block at at, where no word goes on, and returns where to go on:
// behind the block, or behind the word that goes on there.
func (s *Scanner) block(at int) int {
	words, digits, triggers := classify(s.text[at:])
	for events := words&^(words<<1) | triggers; events != 0; events &= events - 1 {
		n := bits.TrailingZeros64(events)
		if triggers>>n&1 == 1 {
			s.trigger(at + n)
			continue
		}
		length := bits.TrailingZeros64(^(words >> n))
		if n+length >= blockBytes {
			return s.wordAt(at + n)
		}
		if digits>>n&(1<<length-1) != 0 || length >= longWord || s.prefixes.may(s.text, at+n) {
			s.wordAt(at + n)
		}
	}
	return at + blockBytes
}

// wordAt reads the word that begins at start, looks at it if it may be one that is looked for, and returns its end.
func (s *Scanner) wordAt(start int) int {
	text, i := s.text, start
	var kinds uint8
	for i < len(text) {
		c := classOf[text[i]]
		if c&word == 0 {
			break
		}
		kinds |= c
		i++
	}
	if kinds&digit != 0 || i-start >= longWord || s.prefixes.may(text, start) {
		s.word(start, i, kinds)
	}
	return i
}

// word looks at the word text[start:end].
func (s *Scanner) word(start, end int, kinds uint8) {
	if end > s.secretEnd && s.prefixes.may(s.text, start) {
		s.findPrefixed(start)
	}
	if kinds&digit != 0 {
		if kinds&under == 0 {
			s.numbers(start, end)
		}
		s.findMarked(start, end, kinds)
	}
	if end-start >= leastEncoded {
		s.findEncoded(start, end)
	}
}

// findMarked tries the rules that have their mark inside of a word with digits, or behind it.
func (s *Scanner) findMarked(start, end int, kinds uint8) {
	switch {
	case end-start == 40 && kinds&under != 0:
		s.findMaxMind(start, end)
	case end < len(s.text) && s.text[end] == '~':
		s.findAzure(end)
	case kinds == digit && end < len(s.text) && s.text[end] == ':':
		s.findPgpass(start, end)
	case kinds == digit && end < len(s.text) && (s.text[end] == '|' || s.text[end] == '%') && end-start >= 15 && end-start <= 16:
		s.findFacebook(start, end)
	}
}

// trigger looks at a byte outside of words.
func (s *Scanner) trigger(i int) {
	text := s.text
	switch text[i] {
	case '@':
		s.findEmail(i)
	case ',':
		if i > 0 && isQuote(text[i-1]) {
			s.findAssigned(i)
		}
	case '=':
		if i+1 == len(text) || text[i+1] != '=' { // the last of several is looked at
			s.findAssigned(i)
		}
	case '>':
		s.findAssigned(i)
	case ':':
		s.colon(i)
	case '.':
		if i+5 < len(text) && text[i+5] == '.' {
			s.findMAC(i, 4)
		}
		if i > 0 && i+1 < len(text) && isAlnum(text[i-1]) && isAlpha(text[i+1]) && i >= s.urlEnd && (s.config.Least < Medium || text[i-1]|0x20 == 'w') {
			s.findDomain(i)
		}
	case '$':
		s.findHash(i)
	case '-':
		if i+5 < len(text) && text[i+1] == '-' && text[i+2] == '-' {
			s.findPEM(i)
		} else {
			s.findMAC(i, 2)
		}
	default: // % \ &
		if i >= s.decodedEnd {
			s.findEscapes(i)
		}
	}
}

func (s *Scanner) colon(i int) {
	text := s.text
	if i+1 < len(text) && text[i+1] == '=' {
		return // looked at there
	}
	if i+2 < len(text) && text[i+1] == '/' && text[i+2] == '/' {
		s.findURL(i)
		return
	}
	s.findMAC(i, 2)
	if (i == 0 || !isAlnum(text[i-1]) || isHex(text[i-1])) && i+1 < len(text) && (text[i+1] == ':' || isHex(text[i+1])) {
		s.findColons(i)
	}
	s.findAssigned(i)
}

// numbers tries the forms that a word with digits can begin.
func (s *Scanner) numbers(start, end int) {
	text := s.text
	if isDigit(text[start]) {
		lead := 0
		for lead < maxLead && start+lead < end && isDigit(text[start+lead]) {
			lead++
		}
		if !s.continues(start) {
			s.forms(s.table.digits.at(lead, end-start, gapAt(text, end)), start)
			if lead <= 3 && end < len(text) && text[end] == '.' {
				s.findIPv4(start)
			}
		}
		s.findDate(start, lead)
		if end-start >= 7 || end+1 < len(text) && phoneGap[text[end]] && (isDigit(text[end+1]) || phoneGap[text[end+1]]) {
			s.findPhone(start)
		}
		if start > 0 && (text[start-1] == ' ' || text[start-1] == '-' || text[start-1] == '.') {
			s.lettersBefore(start)
		}
	} else {
		lead := 0
		for lead < maxLead && isAlpha(text[start+lead]) { // ends at the digit that the word has
			lead++
		}
		s.forms(s.table.letters.at(lead, end-start, gapAt(text, end)), start)
		if lead == 2 {
			s.findIBAN(start)
		}
	}
	if end-start >= 14 {
		s.findCrypto(start, end)
	}
	if end-start >= 9 {
		s.findMRZ(start)
	}
}

// continues reports whether the digits at start go on from digits before: decimals, and parts of longer numbers.
func (s *Scanner) continues(start int) bool {
	if start < 2 {
		return false
	}
	switch s.text[start-1] {
	case '.', '-', '/':
		return isDigit(s.text[start-2])
	}
	return false
}

// lettersBefore tries the forms that begin with one or two short words of letters before the digits at start.
func (s *Scanner) lettersBefore(start int) {
	text := s.text
	for range 2 {
		at := start - 1
		for at > 0 && isAlpha(text[at-1]) && start-at <= 5 {
			at--
		}
		n := start - 1 - at
		if n < 1 || n > 4 || at > 0 && isWord(text[at-1]) {
			return
		}
		s.forms(s.table.letters.at(n, n, gapAt(text, at+n)), at)
		if at == 0 || text[at-1] != ' ' && text[at-1] != '-' {
			return
		}
		start = at
	}
}

// forms tries patterns at a place.
func (s *Scanner) forms(list []*compiled, at int) {
	text := s.text
	for _, f := range list {
		end, n := f.match(text, at, &s.value)
		if end == 0 || end < len(text) && isWord(text[end]) {
			continue
		}
		if end+1 < len(text) && isDigit(text[end-1]) && (text[end] == '-' || text[end] == '.') && isDigit(text[end+1]) && !s.isWhole(end) {
			continue // part of a longer number
		}
		s.judge(f, at, end, n)
	}
}

// isWhole reports whether ".0" stands at i and ends a number that a field holds: so programs write whole numbers of a column in
// which some are missing.
func (s *Scanner) isWhole(i int) bool {
	text := s.text
	return hasFoldPrefix(text[i:], ".0") && (i+2 == len(text) || !isWord(text[i+2]) && text[i+2] != '.' && text[i+2] != '-') && s.fieldName(i) != ""
}

// judge checks a value that has the shape of a form and adds it.
func (s *Scanner) judge(f *compiled, at, end, n int) {
	r := &recognizers[f.rec]
	alone, with := f.alone, f.with
	if r.check != nil {
		switch r.check(s.value[:n]) {
		case bad:
			return
		case unsure:
			alone, with = min(alone, Weak), min(with, Medium)
		default:
		}
	}
	if alone > VeryWeak && s.hasLower(at, end) {
		alone--
	}
	s.add(f.rec, at, end, alone, with)
}

func (s *Scanner) hasLower(start, end int) bool {
	for i := start; i < end; i++ {
		if classOf[s.text[i]]&lower != 0 {
			return true
		}
	}
	return false
}

// add adds a match of a recognizer, with the confidence that the words before it give.
func (s *Scanner) add(id recID, start, end int, alone, with Confidence) {
	if max(alone, with) < s.config.Least {
		return
	}
	r := &recognizers[id]
	conf := alone
	if with > alone && s.hasContext(id, start) {
		conf = with
	}
	rank := uint8(id) + 1
	if id == phoneID {
		rank = rankPhone
	}
	s.put(Match{Class: r.class, Entity: r.entity, Start: start, End: end, Confidence: conf, Test: isTest(r.class, id, s.text[start:end]), rank: rank})
}

// put adds a match, unless one of the same entity is there already that is as good.
func (s *Scanner) put(m Match) {
	if m.Confidence < s.config.Least || s.wanted != nil && !s.wanted[m.Entity] {
		return
	}
	for i := len(s.out) - 1; i >= 0 && i >= len(s.out)-16; i-- {
		o := &s.out[i]
		if o.Entity != m.Entity || o.End <= m.Start || m.End <= o.Start {
			continue
		}
		if cmp.Or(cmp.Compare(m.Confidence, o.Confidence), cmp.Compare(m.End-m.Start, o.End-o.Start)) > 0 {
			*o = m
		}
		return
	}
	s.out = append(s.out, m)
}

func byPlace(a, b Match) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.rank, b.rank))
}

func better(a, b Match) bool {
	return cmp.Or(cmp.Compare(a.Confidence, b.Confidence), cmp.Compare(int(b.rank), int(a.rank)), cmp.Compare(a.End-a.Start, b.End-b.Start)) > 0
}

// resolve sorts the matches, and keeps the better of those that overlap, in one sweep.
func (s *Scanner) resolve() []Match {
	slices.SortStableFunc(s.out, byPlace)
	if s.config.All {
		return s.out
	}
	kept := s.out[:0]
	for _, m := range s.out {
		last := len(kept) - 1
		switch {
		case last < 0 || kept[last].End <= m.Start:
			kept = append(kept, m)
		case better(m, kept[last]):
			kept[last] = m
		}
	}
	s.out = kept
	return kept
}
