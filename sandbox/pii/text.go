package pii

import (
	"net/netip"
	"slices"
	"strings"
)

const localExtra = "._%+-" // of an address's local part, beside letters and digits

func findEmail(text string, at int) (Match, bool) {
	start := at
	for start > 0 && at-start < 64 && (isAlnum(text[start-1]) || strings.IndexByte(localExtra, text[start-1]) >= 0) {
		start--
	}
	for start < at && strings.IndexByte(localExtra, text[start]) >= 0 {
		start++
	}
	if start > 0 && text[start-1] == '*' {
		return Match{}, false // the visible end of an address that somebody masked
	}
	end := at + 1
	for end < len(text) && end-at < 254 && (isAlnum(text[end]) || text[end] == '.' || text[end] == '-') {
		end++
	}
	domain := strings.TrimRight(text[at+1:end], ".-")
	labels := strings.Split(strings.ToLower(domain), ".")
	top := labels[len(labels)-1]
	if start == at || len(labels) < 2 || len(top) < 2 || slices.Contains(labels, "") || strings.Contains(text[start:at], "..") {
		return Match{}, false
	}
	for i := range len(top) {
		if !isAlpha(top[i]) {
			return Match{}, false
		}
	}
	m := Match{Class: Email, Rule: "address", Start: start, End: at + 1 + len(domain), Confidence: High}
	m.Test = slices.Contains([]string{"example", "test", "invalid", "localhost"}, top) ||
		labels[len(labels)-2] == "example" && slices.Contains([]string{"com", "net", "org"}, top)
	return m, true
}

func findIPv4(text string, at int) (Match, bool) {
	if at > 0 && (isAlnum(text[at-1]) || text[at-1] == '.' || text[at-1] == '-') {
		return Match{}, false
	}
	end := at
	for end < len(text) && end-at < 16 && (isDigit(text[end]) || text[end] == '.') {
		end++
	}
	for end > at && text[end-1] == '.' {
		end--
	}
	addr, err := netip.ParseAddr(text[at:end])
	if err != nil || !addr.Is4() || !wordEnd(text, end) {
		return Match{}, false
	}
	m := ipMatch(addr, at, end)
	if hasContext(text, at, "version", "release", "v") { // four numbers and dots are also how versions look
		m.Confidence = Low
	}
	return m, true
}

func findIPv6(text string, at int) (Match, bool) {
	if at > 0 && (isAlnum(text[at-1]) || text[at-1] == ':') || !isHex(text[at]) && text[at] != ':' {
		return Match{}, false
	}
	end, colons := at, 0
	for end < len(text) && end-at < 46 && (isHex(text[end]) || text[end] == ':' || text[end] == '.') {
		if text[end] == ':' {
			colons++
		}
		end++
	}
	for end > at && text[end-1] == '.' {
		end--
	}
	if colons < 2 || end-at < 8 || !wordEnd(text, end) {
		return Match{}, false // short ones are times and scopes
	}
	addr, err := netip.ParseAddr(text[at:end])
	if err != nil {
		return Match{}, false
	}
	return ipMatch(addr, at, end), true
}

// testNets are the networks set aside for documentation (RFC 5737, RFC 3849).
var testNets = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

func ipMatch(addr netip.Addr, start, end int) Match {
	m := Match{Class: IP, Rule: "address", Start: start, End: end, Confidence: Medium}
	if addr.IsPrivate() || addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLinkLocalUnicast() {
		m.Confidence = Low // names no person's machine
	}
	m.Test = slices.ContainsFunc(testNets, func(p netip.Prefix) bool { return p.Contains(addr) })
	return m
}
