package pii

import (
	"strings"
	"sync"
)

const localExtra = "._%+-" // of an address's local part, beside letters and digits

// findEmail finds an address around the '@' at at.
func (s *Scanner) findEmail(at int) {
	text := s.text
	start := at
	for start > 0 && at-start < 64 && (isAlnum(text[start-1]) || strings.IndexByte(localExtra, text[start-1]) >= 0) {
		start--
	}
	for start < at && strings.IndexByte(localExtra, text[start]) >= 0 {
		start++
	}
	if start == at || start > 0 && text[start-1] == '*' || strings.Contains(text[start:at], "..") {
		return // nothing, or the visible end of an address that somebody masked
	}
	end := domainEnd(text, at+1)
	domain := text[at+1 : end]
	dot := strings.LastIndexByte(domain, '.')
	if dot < 1 || !isTop(domain[dot+1:]) || strings.Contains(domain, "..") || domain[0] == '-' {
		return
	}
	s.add(emailID, start, end, High, High)
}

// domainEnd reads labels and dots from at, at most 253 bytes, and leaves dots and hyphens at the end out.
func domainEnd(text string, at int) int {
	end := at
	for end < len(text) && end-at < 253 && (isAlnum(text[end]) || text[end] == '.' || text[end] == '-') {
		end++
	}
	for end > at && !isAlnum(text[end-1]) {
		end--
	}
	return end
}

// isTop reports whether s can be a top level: two letters or more.
func isTop(s string) bool {
	for i := range len(s) {
		if !isAlpha(s[i]) {
			return len(s) > 4 && hasFoldPrefix(s, "xn--")
		}
	}
	return len(s) >= 2
}

// reservedTops and reservedDomains are for documentation and tests (RFC 2606, RFC 6761).
func isReservedDomain(domain string) bool {
	dot := strings.LastIndexByte(domain, '.')
	top := domain[dot+1:]
	for _, t := range [4]string{"example", "test", "invalid", "localhost"} {
		if strings.EqualFold(top, t) {
			return true
		}
	}
	if dot < 0 || !strings.EqualFold(top, "com") && !strings.EqualFold(top, "net") && !strings.EqualFold(top, "org") {
		return false
	}
	second := domain[:dot]
	return strings.EqualFold(second[strings.LastIndexByte(second, '.')+1:], "example")
}

// findIPv4 finds four numbers below 256 with dots, and a length of a network behind them.
func (s *Scanner) findIPv4(at int) {
	addr, end := parseIPv4(s.text, at)
	if end == 0 || end < len(s.text) && (isWord(s.text[end]) || s.text[end] == '.' && end+1 < len(s.text) && isDigit(s.text[end+1])) {
		return
	}
	if at > 1 && s.text[at-1] == ':' && (s.text[at-2] == ':' || isHex(s.text[at-2])) {
		return // the end of an IPv6 address
	}
	s.addIP(at, s.networkEnd(end, 32), addr)
}

// addIP adds an address with the confidence that its range gives: loopback and the like name no machine, and four
// numbers with dots are also how versions look.
func (s *Scanner) addIP(start, end int, addr [4]byte) {
	alone, with := Medium, High
	if addr[0] == 127 || addr == [4]byte{} || addr == [4]byte{255, 255, 255, 255} || addr[0] >= 224 {
		alone, with = Weak, Weak
	}
	if isPrivate(addr) {
		alone, with = Weak, Medium
	}
	if s.hasContext(versionID, start) {
		alone, with = Weak, Weak
	}
	s.add(ipID, start, end, alone, with)
}

func isPrivate(a [4]byte) bool {
	return a[0] == 10 || a[0] == 172 && a[1]&0xf0 == 16 || a[0] == 192 && a[1] == 168 || a[0] == 169 && a[1] == 254
}

// networkEnd takes the length of a network, such as /24, into an address that ends at end.
func (s *Scanner) networkEnd(end, most int) int {
	i, n := end+1, 0
	if end >= len(s.text) || s.text[end] != '/' {
		return end
	}
	for i < len(s.text) && i-end <= 3 && isDigit(s.text[i]) {
		n = n*10 + int(s.text[i]-'0')
		i++
	}
	if i == end+1 || n > most || i < len(s.text) && isWord(s.text[i]) {
		return end
	}
	return i
}

func parseIPv4(text string, at int) (addr [4]byte, end int) {
	for part := range 4 {
		n, digits := 0, 0
		for at < len(text) && isDigit(text[at]) && digits < 3 {
			n = n*10 + int(text[at]-'0')
			at++
			digits++
		}
		if digits == 0 || n > 255 {
			return addr, 0
		}
		addr[part] = byte(n)
		if part < 3 {
			if at >= len(text) || text[at] != '.' {
				return addr, 0
			}
			at++
		}
	}
	return addr, at
}

// findColons finds an IPv6 address around its first colon, at at.
func (s *Scanner) findColons(at int) {
	text := s.text
	start := at
	for start > 0 && at-start < 4 && isHex(text[start-1]) {
		start--
	}
	if start > 0 && (isWord(text[start-1]) || text[start-1] == ':' || text[start-1] == '.') {
		return
	}
	end, groups, gap := parseIPv6(text, start)
	if end < len(text) && end > 0 && text[end] == '.' && end+1 < len(text) && isDigit(text[end+1]) {
		return // numbers that are no address
	}
	end = zoneEnd(text, end)
	if end == 0 || end < len(text) && (isWord(text[end]) || text[end] == ':') {
		return
	}
	// Short ones are times, scopes of C++ and slices of Python.
	switch {
	case groups == 8 || groups >= 3 && end-start >= 8:
		s.addIP6(start, s.networkEnd(end, 128))
	case gap && (end-start != 2 || start == 0 || !isWord(text[start-1])):
		s.add(ipID, start, s.networkEnd(end, 128), VeryWeak, Weak)
	}
}

// zoneEnd takes a zone such as %eth0 (RFC 4007) into an address that ends at end.
func zoneEnd(text string, end int) int {
	if end == 0 || end+1 >= len(text) || text[end] != '%' || !isAlpha(text[end+1]) {
		return end
	}
	end++
	for end < len(text) && isAlnum(text[end]) {
		end++
	}
	return end
}

func (s *Scanner) addIP6(start, end int) {
	local := hasFoldPrefix(s.text[start:end], "fe80:") || s.text[start]|0x20 == 'f' && (s.text[start+1]|0x20 == 'c' || s.text[start+1]|0x20 == 'd')
	if local {
		s.add(ipID, start, end, Weak, Medium)
		return
	}
	s.add(ipID, start, end, Medium, High)
}

// parseIPv6 reads an address of RFC 4291 as far as it goes; end is 0 if there is none.
func parseIPv6(text string, at int) (end, groups int, gap bool) {
	i := at
	if i+1 < len(text) && text[i] == ':' && text[i+1] == ':' {
		gap, i, end = true, i+2, i+2
	}
	for groups < 8 {
		if groups <= 6 {
			if _, e := parseIPv4(text, i); e != 0 && groups > 0 || e != 0 && gap {
				groups += 2
				end = e
				break
			}
		}
		digits := 0
		for i < len(text) && digits < 4 && isHex(text[i]) {
			i++
			digits++
		}
		if digits == 0 {
			break
		}
		groups++
		end = i
		if i >= len(text) || text[i] != ':' || i+1 >= len(text) {
			break
		}
		if text[i+1] == ':' {
			if gap {
				break
			}
			gap, end = true, i+2
			i += 2
			continue
		}
		i++
	}
	if groups == 8 && !gap || groups < 8 && gap {
		return end, groups, gap
	}
	return 0, 0, false
}

// findMAC finds a hardware address of letters alone around its first separator; those with digits are found by form.
func (s *Scanner) findMAC(at, group int) {
	text := s.text
	start := at - group
	if start < 0 || start > 0 && (isWord(text[start-1]) || text[start-1] == text[at]) || at+1+group >= len(text) || text[at+1+group] != text[at] || !isHex(text[at+1]) {
		return
	}
	for i := start; i < at; i++ {
		if !isHex(text[i]) || isDigit(text[i]) {
			return
		}
	}
	for _, f := range macForms() {
		if end, n := f.match(text, start, &s.value); end > 0 && (end == len(text) || !isWord(text[end])) {
			s.judge(f, start, end, n)
		}
	}
}

var macForms = sync.OnceValue(func() (out []*compiled) {
	id := idOf("MAC_ADDRESS")
	for _, f := range recognizers[id].forms {
		out = append(out, &compiled{pattern: compile(f.shape), rec: id, alone: f.alone, with: f.with})
	}
	return out
})

// findURL finds a web address around the "://" at at, and credentials in one of any scheme.
func (s *Scanner) findURL(at int) {
	text := s.text
	start := at
	for start > 0 && at-start < 24 && (isAlnum(text[start-1]) || text[start-1] == '+' || text[start-1] == '-') {
		start--
	}
	if start == at {
		return
	}
	s.findUserInfo(at + 3)
	scheme := text[start:at]
	if !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "ftp") {
		return
	}
	host := domainEnd(text, at+3)
	if strings.IndexByte(text[at+3:host], '.') < 0 {
		return
	}
	end := urlPath(text, host)
	s.urlEnd = end
	s.add(urlID, start, end, Medium, High)
}

// maxURL is the longest address that is followed.
const maxURL = 2048

// urlPath reads port, path and query after a host, and leaves the punctuation of the sentence out.
func urlPath(text string, end int) int {
	i := end
	for i < len(text) && i-end < maxURL && text[i] > ' ' && text[i] < 0x7f && strings.IndexByte(`<>"'{}|\^`+"`", text[i]) < 0 {
		if i == end && text[i] != '/' && text[i] != ':' && text[i] != '?' && text[i] != '#' {
			break
		}
		i++
	}
	for i > end && strings.IndexByte(".,;:!?)]*'", text[i-1]) >= 0 {
		i--
	}
	return i
}

// findDomain finds a host name without scheme around the dot at at, if its last label is a top level that there is.
func (s *Scanner) findDomain(at int) {
	text := s.text
	start := at
	for start > 0 && at-start < 63 && (isAlnum(text[start-1]) || text[start-1] == '-') {
		start--
	}
	end := domainEnd(text, start)
	s.urlEnd = end
	if start > 0 && (text[start-1] == '@' || text[start-1] == '.' || text[start-1] == '_' || text[start-1] == '/') || end < len(text) && (text[end] == '@' || text[end] == '_' || text[end] == '(') {
		return
	}
	domain := text[start:end]
	dot := strings.LastIndexByte(domain, '.')
	if dot < 0 || dot > 64 || !isKnownTop(domain[dot+1:]) || strings.Contains(domain, "..") {
		return
	}
	s.urlEnd = urlPath(text, end)
	alone := Weak
	if hasFoldPrefix(domain, "www.") {
		alone = Medium
	}
	s.add(urlID, start, s.urlEnd, alone, alone)
}

// knownTops are the top levels of countries, and the generic ones that are used most.
const knownTops = " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw" +
	" com org net edu gov mil int info biz name pro aero coop museum mobi asia tel jobs travel cat post xxx app dev blog shop store online site tech xyz club top cloud page link live news email media agency digital academy software systems network world today life company group solutions services design studio tools website space fun art bank law health care "

var topWords = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(knownTops) {
		m[w] = true
	}
	return m
})

func isKnownTop(s string) bool {
	var b [16]byte
	if len(s) > len(b) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if isUpper(c) {
			c |= 0x20
		}
		b[i] = c
	}
	return topWords()[string(b[:len(s)])]
}
