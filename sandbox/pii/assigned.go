package pii

import (
	"strings"
	"sync"
)

// Bounds of an assignment: how far its name and its value are followed.
const (
	maxName   = 72
	maxGap    = 12
	maxAssign = 512
)

// An assignment is a name, an operator and a value: api_key = "…", "token": "…", <Pass>…</Pass>, define('KEY', '…').
type assignment struct {
	nameStart, nameEnd int
	start, end         int
	quoted, digits     bool
	tag                bool // the name is that of an element of XML
	direct             bool // nothing between name, operator and value, and nothing else on the line
}

// findAssigned finds secrets that a name calls so, at the operator text[at].
func (s *Scanner) findAssigned(at int) {
	var a assignment
	if !s.assignedValue(&a, at) || a.start < s.assignedEnd || !s.assignedName(&a, at) {
		return
	}
	found := keywordAutomaton().find(s.text[a.nameStart:a.nameEnd])
	if !found.any() {
		return
	}
	if s.byKeyword(&a, &found) || s.byPassword(&a, &found) || s.byGeneric(&a, &found) {
		s.assignedEnd = a.end
	}
}

// assignedValue reads the value behind the operator.
func (s *Scanner) assignedValue(a *assignment, at int) bool {
	text := s.text
	op := text[at]
	if op == ',' && (at == 0 || !isQuote(text[at-1])) || op == '>' && (at == 0 || text[at-1] == '-' || text[at-1] == ' ') {
		return false
	}
	i := at + 1
	quote := byte(0)
	for i < len(text) && i-at <= maxGap {
		c := text[i]
		if isQuote(c) {
			quote = c
		} else if c != ' ' && c != '\t' && c != '=' && (c != '>' || op == '>') && c != ':' && (c != '\n' && c != '\r' || op != '>') && c != '(' {
			break
		} else if quote != 0 {
			return false // an empty value, or a quote with a space
		}
		i++
	}
	if i >= len(text) || i-at > maxGap {
		return false
	}
	a.start, a.quoted = i, quote != 0
	i = s.valueEnd(a, quote)
	a.end = i
	a.direct = a.start == at+1 && (i == len(text) || text[i] < ' ')
	n := a.end - a.start
	if n < 4 || n >= maxAssign {
		return false
	}
	// Without a digit it is a word or a name, which is never more than Weak, or the scheme of a header.
	value := text[a.start:a.end]
	if a.digits || s.config.Least < Medium || a.quoted && (n >= leastEncoded || !isWordLike(value)) || strings.IndexByte(value, ':') > 0 {
		return true
	}
	return strings.EqualFold(value, "bearer") || strings.EqualFold(value, "basic") || strings.EqualFold(value, "token") || strings.EqualFold(value, "api-token")
}

// valueEnd returns where the value that begins at a.start ends, and notes whether it has digits.
func (s *Scanner) valueEnd(a *assignment, quote byte) int {
	text, i := s.text, a.start
	if quote == 0 {
		i = max(i, min(s.plainEnd, i+maxAssign)) // read before, from an earlier operator
		a.digits = i > a.start
	}
	stops := valueEnd
	if quote == 0 {
		stops |= plainEnd
	}
	for most := min(len(text), a.start+maxAssign); i < most; i++ {
		c := text[i]
		kind := valueKind[c]
		if kind&stops != 0 || c == quote || c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 'r' || isQuote(text[i+1])) {
			break
		}
		a.digits = a.digits || kind&valueDigit != 0
	}
	if quote == 0 {
		s.plainEnd = max(s.plainEnd, i)
	}
	return i
}

// What a byte does to a value: it ends any, or one without quotes, or is a digit.
const (
	valueEnd uint8 = 1 << iota
	plainEnd
	valueDigit
)

var valueKind = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c >= 0x7f {
			t[c] = valueEnd
		}
		if isDigit(byte(c)) {
			t[c] = valueDigit
		}
	}
	for _, c := range []byte(" \"'`;<>),&") {
		t[c] |= plainEnd
	}
	return t
}()

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

// assignedName reads the name before the operator: a word, or words in one line, as a declaration has them.
func (s *Scanner) assignedName(a *assignment, at int) bool {
	text := s.text
	i := at
	for i > 0 && at-i < maxGap && (isQuote(text[i-1]) || strings.IndexByte(" \t=:?|+.]", text[i-1]) >= 0) {
		i--
	}
	if text[at] == '>' && i < at && isQuote(text[at-1]) { // <Pass encoding="base64">
		for i > 0 && at-i < maxName && text[i-1] != '<' && text[i-1] >= ' ' {
			i--
		}
		a.nameStart, a.nameEnd, a.tag = i, i, true
		for a.nameEnd < at && isWord(text[a.nameEnd]) {
			a.nameEnd++
		}
		return a.nameEnd > a.nameStart
	}
	a.nameEnd = i
	for i > 0 && a.nameEnd-i < maxName && isNameByte(text[i-1]) {
		i--
	}
	a.nameStart = i
	a.direct = a.direct && a.nameEnd == at
	return a.nameEnd > a.nameStart
}

func isNameByte(c byte) bool { return isWord(c) || c == '.' || c == '-' || c == ' ' || c == '\t' }

// byKeyword tries the rules of the services that the name holds.
func (s *Scanner) byKeyword(a *assignment, found *keywordSet) bool {
	if a.end-a.start < 12 {
		return false
	}
	value := s.text[a.start:a.end]
	words := keywords()
	for i := kwGeneric; i < len(words); i++ {
		if !found.has(i) {
			continue
		}
		for _, r := range words[i].rules {
			rule := &keywordRules[r]
			end, _ := keywordBodies()[r].match(value, 0, &s.value)
			if end != len(value) || entropy(value) < rule.entropy || rule.entropy > 0 && !hasDigit(value) || isPlaceholder(value) || rule.lower && isMixedHex(value) {
				continue
			}
			if len(words[i].text) <= 6 && !inOneCase(s.text[a.nameStart:a.nameEnd], words[i].text) {
				continue
			}
			conf := High
			if len(value) < 24 {
				conf = Medium
			}
			s.addSecret(rule.id, a.start, a.end, conf)
			return true
		}
	}
	return false
}

// isMixedHex reports whether v is hex in both cases.
func isMixedHex(v string) bool {
	up, low := false, false
	for i := range len(v) {
		if !isHex(v[i]) {
			return false
		}
		up, low = up || isUpper(v[i]), low || v[i] >= 'a'
	}
	return up && low
}

// inOneCase reports whether a short keyword is in name as a word is written: small, in capitals, or with a capital first.
// Others are ends of words that meet, such as setSysctl for etsy.
func inOneCase(name, keyword string) bool {
	if name == "" {
		return true // of a field: all of it was searched
	}
	for i := 0; i+len(keyword) <= len(name); i++ {
		if !hasFoldPrefix(name[i:], keyword) {
			continue
		}
		upperRest, lowerRest := true, true
		for _, c := range []byte(name[i+1 : i+len(keyword)]) {
			upperRest, lowerRest = upperRest && classOf[c]&lower == 0, lowerRest && !isUpper(c)
		}
		if lowerRest && (isUpper(name[i]) || i == 0 || !isAlpha(name[i-1])) || upperRest && isUpper(name[i]) {
			return true
		}
	}
	return false
}

var keywordBodies = sync.OnceValue(func() []pattern {
	out := make([]pattern, len(keywordRules))
	for i, r := range keywordRules {
		out[i] = compile(r.body)
	}
	return out
})

func hasDigit(v string) bool {
	for i := range len(v) {
		if isDigit(v[i]) {
			return true
		}
	}
	return false
}

// lastName is the last word of the name.
func (s *Scanner) lastName(a *assignment) string {
	i := a.nameEnd
	for i > a.nameStart && (isWord(s.text[i-1]) || s.text[i-1] == '-' || s.text[i-1] == '.') {
		i--
	}
	return s.text[i:a.nameEnd]
}

// passwordNames end the name of what is a password whatever it looks like.
var passwordNames = []string{"password", "passwd", "passwort", "pass", "pwd", "passphrase"}

// saltNames are the keys of a WordPress configuration.
var saltNames = []string{"auth_key", "logged_in_key", "nonce_key", "auth_salt", "logged_in_salt", "nonce_salt"}

// byPassword takes values that the name calls a password, and a few names of known files.
func (s *Scanner) byPassword(a *assignment, found *keywordSet) bool {
	name, value := s.lastName(a), s.text[a.start:a.end]
	switch {
	case found.has(kwEncryptedUsername) && len(value) >= 24 && a.quoted:
		s.addSecret(ruleFirefox, a.start, a.end, High)
		return true
	case found.has(kwAuth) && (name == "_auth" || strings.HasSuffix(name, ":_auth")) && len(value) >= 8:
		s.addSecret(ruleNpmrc, a.start, a.end, High)
		return true
	case found.has(kwAuthorization) && hasFoldPrefix(name, "authorization"):
		return s.byAuthorization(a)
	case a.quoted && len(value) >= 40 && (found.has(kwSalt) || found.has(kwKey)) && endsFold(name, saltNames) && entropy(value) > 4:
		s.addSecret(ruleWordPress, a.start, a.end, High)
		return true
	}
	strict := endsFold(name, passwordNames)
	loose := (found.has(kwSecret) || found.has(kwPassphrase)) && a.quoted && len(value) >= 20 && entropy(value) >= 4 && !strings.Contains(value, " ")
	if !strict && !loose || !s.passwordLike(a, value) {
		return false
	}
	conf := Medium
	if isWordLike(value) {
		conf = Weak
	}
	s.addSecret(rulePassword, a.start, a.end, conf)
	return true
}

func endsFold(name string, list []string) bool {
	for _, w := range list {
		if len(name) >= len(w) && strings.EqualFold(name[len(name)-len(w):], w) {
			return true
		}
	}
	return false
}

// byAuthorization takes what follows Bearer, Basic or Token in a header.
func (s *Scanner) byAuthorization(a *assignment) bool {
	text := s.text
	line := text[a.start:min(len(text), a.start+maxAssign)]
	if value := text[a.start:a.end]; len(value) >= 16 && hasDigit(value) && entropy(value) >= 2.75 && !isPlaceholder(value) {
		s.addSecret(ruleAuthHeader, a.start, a.end, Medium)
		return true
	}
	for _, scheme := range [4]string{"bearer ", "basic ", "token ", "api-token "} {
		if !hasFoldPrefix(line, scheme) {
			continue
		}
		start := a.start + len(scheme)
		end := start
		for end < len(text) && end-start < maxAssign && (isKeyByte(text[end]) || strings.IndexByte("~@.+/", text[end]) >= 0) {
			end++
		}
		if scheme == "basic " && strings.IndexByte(text[start:end], '.') >= 0 {
			return false // not Base64
		}
		if end-start >= 8 && entropy(text[start:end]) >= 2.75 && !isPlaceholder(text[start:end]) && (hasDigit(text[start:end]) || end-start >= 16) {
			s.addSecret(ruleAuthHeader, start, end, High)
			a.end = end
			return true
		}
	}
	return false
}

// noPasswords are values that programs and documents write where a password would stand.
var noPasswords = []string{
	"password", "passwd", "pass", "secret", "token", "string", "none", "null", "true", "false", "undefined", "required", "optional", "text", "hidden", "prompt",
	"bool", "boolean", "bytes", "varchar", "nil", "self", "this", "input", "default", "username", "user", "login", "type", "value", "field",
}

// passwordLike refuses references, calls, types, sentences and placeholders.
func (s *Scanner) passwordLike(a *assignment, value string) bool {
	if isPlaceholder(value) || strings.IndexByte("$%{[(<*&@#.", value[0]) >= 0 && !hasDigit(value) {
		return false
	}
	for _, w := range noPasswords {
		if strings.EqualFold(value, w) {
			return false
		}
	}
	if strings.Trim(value, "*x.-_#0") == "" || strings.Contains(value, "://") {
		return false
	}
	if a.quoted {
		return strings.IndexByte(value, ' ') < 0 && strings.Count(value, "/") < 3 && value[0] != '$' && !strings.ContainsAny(value, "{}()") || len(value) >= 20 && strings.IndexByte(value, ' ') < 0 && entropy(value) >= 4
	}
	if strings.ContainsAny(value, "()[]{}<>$\\|") || len(value) < 6 {
		return false
	}
	if a.tag || s.text[a.nameEnd] == '>' || s.text[a.nameEnd] == '=' && a.direct {
		return true
	}
	// password: hunter2, alone in its line
	return s.text[a.nameEnd] == ':' && hasDigit(value) && (a.end == len(s.text) || s.text[a.end] < ' ') && s.lineStart(a)
}

// lineStart reports whether the name is the first word of its line.
func (s *Scanner) lineStart(a *assignment) bool {
	i := a.nameStart
	if i > 0 && s.text[i-1] != '\n' {
		return false
	}
	return strings.IndexByte(strings.TrimLeft(s.text[i:a.nameEnd], " -\t"), ' ') < 0
}

// isWordLike reports whether v is letters only, as words are.
func isWordLike(v string) bool {
	for i := range len(v) {
		if !isAlpha(v[i]) && v[i] != '-' && v[i] != '_' {
			return false
		}
	}
	return true
}

// byGeneric takes values that look random and whose name holds a word for keys.
func (s *Scanner) byGeneric(a *assignment, found *keywordSet) bool {
	value := s.text[a.start:a.end]
	least, entropyLeast := 10, float32(3.5)
	if !a.quoted && a.nameStart > 0 && isQuote(s.text[a.nameStart-1]) && strings.Contains(s.text[max(0, a.nameStart-maxAssign/2):a.nameStart], "curl ") {
		least, entropyLeast = 8, 2.75 // a header of a request
	}
	if found[0]&(1<<(kwToken+1)-1) == 0 || len(value) < least || len(value) > 150 || !hasDigit(value) || !isGenericValue(value) {
		return false
	}
	if entropy(value) < entropyLeast || isPlaceholder(value) || !isGenericName(s.text[a.nameStart:a.nameEnd], found) || isStop(value) {
		return false
	}
	s.addSecret(ruleGeneric, a.start, a.end, Medium)
	return true
}

// isGenericValue asks for letters of keys only, and for a letter among them.
func isGenericValue(v string) bool {
	letters := 0
	for i := range len(v) {
		c := v[i]
		if isAlpha(c) {
			letters++
		} else if !isWord(c) && strings.IndexByte(".=-+/", c) < 0 {
			return false
		}
	}
	return letters >= 2
}

// noKeys are parts of names that hold a word for keys and call something else.
var noKeys = []string{
	"accessib", "accessor", "access_id", "access-id", "accessid", "random_access", "randomaccess", "api_id", "api-id", "apiid", "api_name", "api-name", "apiname",
	"api_version", "api-version", "apiversion", "rapid", "capital", "author", "authentication-results", "exchange-organization-auth", "credentials_id",
	"credentialsid", "credentials-id", "credentialid", "credential_id", "withcredentials", "bucket_key", "bucketkey", "foreignkey", "foreign_key", "hotkey", "hot_key", "idxkey", "primarykey", "primary_key",
	"pubkey", "pub_key", "publickey", "public_key", "public-key", "schemakey", "schema_key", "sequencekey", "sequence_key", "naturalkey", "turkey", "keyalias", "key_alias", "keyboard",
	"keycode", "key_code", "keyframe", "key_id", "keyid", "key-id", "keylength", "key_length", "keymesh", "keyname", "key_name", "key-name", "keypair", "key_pair", "key-pair",
	"keypress", "key_press", "keyring", "key_ring", "keyselector", "keysignature", "keysize", "key_size", "keystone", "keystore", "keytab", "keyword", "key_up",
	"key_down", "keyup", "keydown", "keyleft", "keyright", "key_vault", "keyvault", "issuerkeyhash", "monkey", "keying", "secret_length", "secretlength", "secret_name", "secretname", "secret-name", "secret_size",
	"secretsize", "usersecretsid", "csrf", "jsonwebtoken", "api_url", "apiurl", "api_uri", "api_endpoint", "apiendpoint", "credentials.url", "token_url", "tokenurl", "token_endpoint",
	"publictoken", "public_token", "key_file", "keyfile", "key-file", "token_file", "tokenfile", "token_count", "token_id", "tokenizer", "tokens", "max_token", "num_key", "n_token", "key_value", "keys", "authority", "authn", "password_hash_len",
}

func isGenericName(name string, found *keywordSet) bool {
	var b [maxName]byte
	n := min(len(name), maxName)
	for i := range n {
		c := name[i]
		if isUpper(c) {
			c |= 0x20
		}
		b[i] = c
	}
	for _, w := range noKeys {
		if indexOf(b[:n], w) {
			return false
		}
	}
	if found[0]&(1<<kwAccess|1<<kwKey|1<<kwCredential|1<<kwCreds|1<<kwPasswd|1<<kwPassword|1<<kwSecret|1<<kwToken|1<<kwAuth) == 0 {
		// "api" alone: as a word of its own
		return indexOf(b[:n], "api_") || indexOf(b[:n], "_api") || n == 3
	}
	return true
}

// isStop refuses what looks random and is none: names of files and classes, paths, alphabets, versions.
func isStop(v string) bool {
	if strings.Count(v, "/") > 2 || strings.HasPrefix(v, "/") || strings.HasPrefix(v, "0123456789") || strings.Contains(v, "abcdefgh") || strings.Contains(v, "ABCDEFGH") {
		return true
	}
	for _, suffix := range stopSuffixes {
		if strings.HasSuffix(v, suffix) {
			return true
		}
	}
	// Random keys change between small letters, capitals and digits all the time, names seldom.
	var last uint8
	changes := 0
	for i := range len(v) {
		if kind := classOf[v[i]] & (digit | upper | lower); kind != 0 {
			if last != 0 && kind != last {
				changes++
			}
			last = kind
		}
	}
	return changes*9 < len(v)*2
}

var stopSuffixes = []string{".pem", ".cer", ".crt", ".key", ".p12", ".json", ".yml", ".yaml", ".txt", ".com", ".org", ".net", ".io", ".jar", ".js", ".py", ".go", ".md", "-SNAPSHOT"}

// namedFields takes fields of tables whose name calls them a password or a key.
func (s *Scanner) namedFields() {
	for _, f := range s.fields {
		if f.End-f.Start < 4 || f.End-f.Start >= maxAssign || f.Name == "" {
			continue
		}
		found := keywordAutomaton().find(f.Name)
		if !found.any() {
			continue
		}
		s.namedField(f, &found)
	}
}

func (s *Scanner) namedField(f Field, found *keywordSet) {
	value := s.text[f.Start:f.End]
	a := assignment{start: f.Start, end: f.End, quoted: true}
	if s.byKeyword(&a, found) {
		return
	}
	if endsFold(f.Name, passwordNames) && s.passwordLike(&a, value) {
		conf := Medium
		if isWordLike(value) {
			conf = Weak
		}
		s.addSecret(rulePassword, f.Start, f.End, conf)
		return
	}
	if found[0]&(1<<(kwToken+1)-1) != 0 && len(value) >= 10 && len(value) <= 150 && hasDigit(value) && isGenericValue(value) &&
		entropy(value) >= 3.5 && !isPlaceholder(value) && isGenericName(f.Name, found) && !isStop(value) {
		s.addSecret(ruleGeneric, f.Start, f.End, Medium)
	}
}
