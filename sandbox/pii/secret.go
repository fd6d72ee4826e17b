package pii

import (
	"math"
	"strings"
	"sync"
)

// Ranks of what has no check of its own: behind recognizers of equal confidence.
const (
	rankPhone  = 190
	rankSecret = 200
	// A match in a decoded part stands behind the part itself.
	rankDecoded = 250
)

func (s *Scanner) addSecret(id string, start, end int, conf Confidence) {
	m := Match{Class: Secret, Entity: id, Start: start, End: end, Confidence: conf, rank: rankSecret}
	switch id {
	case ruleGeneric, rulePassword:
		m.rank++
	case ruleURL, ruleSidekiq:
		m.rank = 0 // before the address that its last letters and the host make
	}
	value := s.text[start:min(end, start+200)]
	m.Test = isPlaceholder(value) || isPublicKey(value)
	s.secretEnd = max(s.secretEnd, end)
	s.put(m)
}

// findPrefixed tries the rules whose prefix the word at at may have.
func (s *Scanner) findPrefixed(at int) {
	text := s.text
	behindDot := at > 1 && text[at-1] == '.' && isAlnum(text[at-2])
	for _, f := range s.prefixes.rules[prefixKey(text[at], text[at+1], text[at+2])] {
		rest := text[at:]
		if len(rest) < len(f.prefix) || rest[:len(f.prefix)] != f.prefix && (!f.fold || !strings.EqualFold(rest[:len(f.prefix)], f.prefix)) {
			continue
		}
		if f.special != nil {
			f.special(s, at)
			continue
		}
		if behindDot && strings.IndexByte(f.prefix, '/') < 0 {
			continue // an extension of a file, or part of a name
		}
		end, _ := f.match(text, at+len(f.prefix), &s.value)
		if end == 0 || end < len(text) && (isWord(text[end]) || text[end] == '-' && end+1 < len(text) && isWord(text[end+1])) {
			continue
		}
		if f.entropy > 0 && entropy(text[at:end]) < f.entropy {
			continue
		}
		s.addSecret(f.id, at, end, High)
		return
	}
}

// log2s[n] is n log2 n, for counts of bytes in a value.
var log2s = func() (t [257]float32) {
	for n := 2; n < len(t); n++ {
		t[n] = float32(float64(n) * math.Log2(float64(n)))
	}
	return t
}()

// entropy is that of Shannon, in bits a byte, of the first 256 bytes of v.
func entropy(v string) float32 {
	v = v[:min(len(v), 256)]
	if v == "" {
		return 0
	}
	var count [128]uint16
	for i := range len(v) {
		count[v[i]&0x7f]++
	}
	var sum float32
	for _, n := range count {
		sum += log2s[n]
	}
	n := float32(len(v))
	return float32(math.Log2(float64(n))) - sum/n
}

// findMaxMind finds a licence key, which ends with a mark.
func (s *Scanner) findMaxMind(start, end int) {
	if strings.HasSuffix(s.text[start:end], "_mmk") && s.text[start+6] == '_' {
		s.addSecret(ruleMaxMind, start, end, High)
	}
}

// findFacebook finds a token of an application: its number, a bar, and a key.
func (s *Scanner) findFacebook(start, end int) {
	i := end + 1
	for i < len(s.text) && i-end <= 41 && (isWord(s.text[i]) || s.text[i] == '-') {
		i++
	}
	if n := i - end - 1; n >= 27 && n <= 40 && entropy(s.text[start:i]) >= 3 {
		s.addSecret(ruleFacebook, start, i, High)
	}
}

// findAzure finds a client secret around the mark "Q~" whose tilde is at at.
func (s *Scanner) findAzure(at int) {
	text := s.text
	start := at - 5
	if start < 0 || text[at-1] != 'Q' || !isDigit(text[at-2]) || start > 0 && isAzure(text[start-1]) {
		return
	}
	for i := start; i < at-2; i++ {
		if !isAzure(text[i]) {
			return
		}
	}
	end := at + 1
	for end < len(text) && end-at <= 40 && (isAzure(text[end]) || text[end] == '-') {
		end++
	}
	if n := end - at - 1; n < 31 || n > 34 || entropy(text[start:end]) < 3 {
		return
	}
	s.addSecret(ruleAzureAD, start, end, High)
}

func isAzure(c byte) bool { return isWord(c) || c == '~' || c == '.' }

// findJWT finds a web token (RFC 7519): three parts in Base64, of which the first two are JSON objects.
func (s *Scanner) findJWT(at int) {
	text := s.text
	i, dots, second := at, 0, 0
	for i < len(text) && i-at < 8192 && (isWord(text[i]) || strings.IndexByte("-.=/\\", text[i]) >= 0) {
		if text[i] == '.' {
			if dots == 2 {
				break
			}
			dots++
			if dots == 1 {
				second = i + 1
			}
		}
		i++
	}
	for i > at && text[i-1] == '\\' {
		i--
	}
	if dots < 2 || second-at < 18 || !strings.HasPrefix(text[second:], "ey") || i-second < 20 {
		return
	}
	s.addSecret(ruleJWT, at, i, High)
}

// findPuTTY finds the private part of a PuTTY key file, whose header is at at.
func (s *Scanner) findPuTTY(at int) {
	text := s.text
	window := text[at:min(len(text), at+8192)]
	i := strings.Index(window, "Private-Lines:")
	if i < 0 {
		return
	}
	end := len(window)
	if j := strings.Index(window[i:], "Private-MAC"); j >= 0 {
		end = i + j
	}
	s.addSecret(rulePuTTY, at+i, at+end, High)
}

// findNetrc finds the password of a line of a netrc file: machine NAME login NAME password VALUE.
func (s *Scanner) findNetrc(at int) {
	text := s.text
	i, fields, last := at, 0, ""
	for fields < 8 && i < len(text) && i-at < 512 {
		start := i
		for i < len(text) && text[i] > ' ' && i-start < 256 {
			i++
		}
		token := text[start:i]
		if last == "password" && len(token) > 2 {
			s.addSecret(ruleNetrc, start, i, High)
			return
		}
		if fields == 2 && token != "login" && token != "account" && token != "password" {
			return
		}
		last = token
		fields++
		for i < len(text) && text[i] <= ' ' && i-start < 300 {
			i++
		}
	}
}

// findTerraform finds a token around its second part, "atlasv1.", at at.
func (s *Scanner) findTerraform(at int) {
	text := s.text
	start := at - 15
	if start < 0 || text[at-1] != '.' || start > 0 && isWord(text[start-1]) {
		return
	}
	for i := start; i < at-1; i++ {
		if !isAlnum(text[i]) {
			return
		}
	}
	end := at + len("atlasv1.")
	for end < len(text) && end-at < 90 && isKeyByte(text[end]) {
		end++
	}
	if n := end - at - len("atlasv1."); n >= 60 && n <= 70 && entropy(text[start:end]) >= 3.5 {
		s.addSecret(ruleTerraform, start, end, High)
	}
}

func isKeyByte(c byte) bool { return isWord(c) || c == '-' || c == '=' }

// maxPEM bounds the look for the end of a key, so that many beginnings stay linear.
const maxPEM = 8192

// findPEM finds private keys. Public keys and certificates are no secrets.
func (s *Scanner) findPEM(at int) {
	const begin, mark = "-----BEGIN ", "PRIVATE KEY"
	text := s.text
	if at < s.secretEnd || !strings.HasPrefix(text[at:], begin) || at > 0 && text[at-1] == '-' {
		return
	}
	head := text[at+len(begin) : min(len(text), at+len(begin)+48)]
	label, _, ok := strings.Cut(head, "-----")
	if !ok || !strings.Contains(label, mark) {
		return
	}
	end := at + len(begin) + len(label) + 5
	i := strings.Index(text[end:min(len(text), end+maxPEM)], "-----END ")
	switch {
	case i >= 0 && i < 24:
		return // nothing between
	case i >= 0:
		end += i
	default:
		end = min(len(text), end+64)
	}
	s.addSecret(rulePrivateKey, at, end, High)
}

// hashForms are the schemes of crypt(3) and its relatives, by what stands between the dollars.
var hashForms = sync.OnceValue(func() (out []pattern) {
	for _, shape := range []string{
		"$2[abxy]?$9{2}$[a-z0-9./]{53}", "$[156]$[a-z0-9./]{1,16}$[a-z0-9./]{22,86}", "$[56]$rounds[=]9{1,9}$[a-z0-9./]{1,16}$[a-z0-9./]{22,86}",
		"$apr1$[a-z0-9./]{1,8}$[a-z0-9./]{22}", "$y$[a-z0-9./]{1,12}$[a-z0-9./]{1,86}$[a-z0-9./]{43}", "$[PH]$[a-z0-9./]{31}",
		"$argon2[a-z]{1,2}$v[=]9{1,3}$[a-z0-9,=]{6,40}$[a-z0-9+/]{8,90}$[a-z0-9+/]{20,180}", "$pbkdf2[a-z0-9-]{0,12}$[a-z0-9=,]{1,16}$[a-z0-9./+]{1,90}$[a-z0-9./+]{20,180}",
		"$scrypt$[a-z0-9=,]{1,24}$[a-z0-9./+]{1,90}$[a-z0-9./+]{20,180}",
	} {
		out = append(out, compile(shape))
	}
	return out
})

// findHash finds the hash of a password at a dollar.
func (s *Scanner) findHash(at int) {
	text := s.text
	if at+34 > len(text) || at > 0 && isWord(text[at-1]) {
		return
	}
	for _, form := range hashForms() {
		end, _ := form.match(text, at, &s.value)
		if end > 0 && (end == len(text) || !isWord(text[end])) {
			s.addSecret(ruleHash, at, end, High)
			return
		}
	}
}

// findUserInfo finds the password in scheme://user:password@host, whose authority is at at. Passwords may hold '@' and '#'.
func (s *Scanner) findUserInfo(at int) {
	text := s.text
	i, colon, mark := at, -1, -1
	for i < len(text) && i-at < 512 && text[i] > ' ' && text[i] < 0x7f && strings.IndexByte("\"'<>`)/", text[i]) < 0 {
		if text[i] == ':' && colon < 0 {
			colon = i
		} else if text[i] == '@' {
			mark = i
		}
		i++
	}
	if colon < 0 || mark < colon+2 {
		return
	}
	password := text[colon+1 : mark]
	if isPlaceholder(password) || strings.ContainsAny(password, "{}<>") || password[0] == '$' || password[0] == '%' && strings.HasSuffix(password, "%") {
		return
	}
	if strings.EqualFold(password, "password") || strings.EqualFold(password, "pass") || strings.Trim(password, ".*x") == "" {
		return
	}
	id := ruleURL
	if strings.Contains(text[mark:i], "contribsys.com") {
		id = ruleSidekiq
	}
	s.addSecret(id, colon+1, mark, High)
}

// findPgpass finds the password of a line host:port:database:user:password, whose port is text[start:end].
func (s *Scanner) findPgpass(start, end int) {
	text := s.text
	if n := end - start; n < 2 || n > 5 || start < 2 || text[start-1] != ':' || end+5 > len(text) || text[end] != ':' {
		return
	}
	from := start - 1
	for from > 0 && start-from < 255 && (isWord(text[from-1]) || text[from-1] == '.' || text[from-1] == '-' || text[from-1] == '*') {
		from--
	}
	if from > 0 && text[from-1] != '\n' || from == start-1 {
		return
	}
	i := end
	for range 2 {
		i++
		at := i
		for i < len(text) && i-at < 64 && (isWord(text[i]) || text[i] == '-' || text[i] == '*') {
			i++
		}
		if i == at || i >= len(text) || text[i] != ':' {
			return
		}
	}
	i++
	stop := i
	for stop < len(text) && stop-i < 200 && text[stop] > ' ' {
		stop++
	}
	if stop-i < 4 || stop < len(text) && text[stop] == ' ' || strings.IndexByte(text[i:stop], ':') >= 0 {
		return
	}
	s.addSecret(rulePgpass, i, stop, Medium)
}

// publicKeys are keys that documents and programs of their owners publish, by their 64-bit FNV-1a hashes.
var publicKeys = map[uint64]bool{
	0xc800bf2100a21c67: true, // an alphabet
	0x08b545962adc7d8b: true, 0x12113c2e6979f447: true, 0x1354c1d4bf369ae5: true, 0x294c63f8344d5df1: true,
	0x29a336c7244f48dd: true, 0x515cb771a4238032: true, 0x6835e0f288832a40: true, 0x6acbd824bd32bbd4: true,
	0x816cd10fdb11ead0: true, 0x828818f833257868: true, 0x99b2726346a1e92a: true, 0xadbd04e3fe1b6d49: true,
	0xbcc7a26af087ae93: true, 0xc73f1e61952e6987: true, 0xd8e13cded25333c6: true, 0xdb9422f1dd332dcc: true,
	0xe754678ea2b14ef1: true, 0xe7666dbb286c6c2e: true,
}

func isPublicKey(v string) bool {
	h := uint64(0xcbf29ce484222325)
	for i := range len(v) {
		h = (h ^ uint64(v[i])) * 0x100000001b3
	}
	return publicKeys[h]
}

// placeholders are parts of values that stand for a value.
var placeholders = []string{"example", "xxxx", "your", "placeholder", "changeme", "change_me", "dummy", "sample", "redacted", "insert", "${", "{{", "<", "..."}

// isPlaceholder reports whether v only stands for a value.
func isPlaceholder(v string) bool {
	var b [200]byte
	n := min(len(v), len(b))
	for i := range n {
		c := v[i]
		if isUpper(c) {
			c |= 0x20
		}
		b[i] = c
	}
	for _, p := range placeholders {
		if indexOf(b[:n], p) {
			return true
		}
	}
	return false
}

func indexOf(b []byte, p string) bool {
	for i := 0; i+len(p) <= len(b); i++ {
		if string(b[i:i+len(p)]) == p {
			return true
		}
	}
	return false
}
