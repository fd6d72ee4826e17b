package pii

import (
	"slices"
	"strings"
)

// An alphabet of a credential's variable part.
type alphabet func(c byte) bool

func base64url(c byte) bool  { return isAlnum(c) || c == '-' || c == '_' }
func upperDigit(c byte) bool { return isUpper(c) || isDigit(c) }
func lowerHex(c byte) bool   { return isDigit(c) || c >= 'a' && c <= 'f' }
func dashed(c byte) bool     { return isAlnum(c) || c == '-' }
func dotted(c byte) bool     { return base64url(c) || c == '.' }

// A credential form: a prefix that its issuer reserves, then least to most letters of an alphabet.
type form struct {
	rule        string
	prefix      string
	letters     alphabet
	least, most int
}

// forms by the issuers' documentation of their tokens.
var forms = []form{
	{"aws-access-key", "AKIA", upperDigit, 16, 16},
	{"aws-access-key", "ASIA", upperDigit, 16, 16},
	{"github-token", "ghp_", isAlnum, 36, 36},
	{"github-token", "gho_", isAlnum, 36, 36},
	{"github-token", "ghu_", isAlnum, 36, 36},
	{"github-token", "ghs_", isAlnum, 36, 36},
	{"github-token", "ghr_", isAlnum, 36, 76},
	{"github-fine-grained-token", "github_pat_", base64url, 82, 82},
	{"gitlab-token", "glpat-", base64url, 20, 64},
	{"slack-token", "xoxb-", dashed, 20, 120},
	{"slack-token", "xoxp-", dashed, 20, 120},
	{"slack-token", "xoxa-", dashed, 20, 120},
	{"slack-token", "xoxs-", dashed, 20, 120},
	{"slack-app-token", "xapp-", dashed, 20, 120},
	{"stripe-key", "sk_live_", isAlnum, 16, 128},
	{"stripe-key", "rk_live_", isAlnum, 16, 128},
	{"anthropic-key", "sk-ant-", base64url, 32, 160},
	{"openai-key", "sk-proj-", base64url, 32, 200},
	{"openai-key", "sk-", isAlnum, 48, 48},
	{"google-api-key", "AIza", base64url, 35, 35},
	{"google-oauth-token", "ya29.", base64url, 32, 300},
	{"huggingface-token", "hf_", isAlnum, 34, 40},
	{"npm-token", "npm_", isAlnum, 36, 36},
	{"pypi-token", "pypi-AgEIcHlwaS5vcmc", base64url, 50, 300},
	{"sendgrid-key", "SG.", dotted, 60, 70},
	{"shopify-token", "shpat_", isHex, 32, 32},
	{"digitalocean-token", "dop_v1_", lowerHex, 64, 64},
	{"databricks-token", "dapi", lowerHex, 32, 34},
	{"square-token", "sq0atp-", base64url, 22, 22},
	{"age-secret-key", "AGE-SECRET-KEY-1", upperDigit, 58, 58},
	{"jwt", "eyJ", dotted, 40, 2048},
}

func findSecret(text string, at int) (Match, bool) {
	if strings.IndexByte("AgxsryhnpSde", text[at]) < 0 { // the first letters of the prefixes
		return Match{}, false
	}
	for _, f := range forms {
		if !strings.HasPrefix(text[at:], f.prefix) {
			continue
		}
		end := at + len(f.prefix)
		for end < len(text) && end-at-len(f.prefix) < f.most && f.letters(text[end]) {
			end++
		}
		value := text[at:end]
		if end-at-len(f.prefix) < f.least || !wordEnd(text, end) {
			continue
		}
		// A web token has three parts, header and payload both being JSON objects.
		if f.rule == "jwt" && (strings.Count(value, ".") != 2 || !strings.Contains(value, ".eyJ")) {
			continue
		}
		return Match{Class: Secret, Rule: f.rule, Start: at, End: end, Confidence: High, Test: isPlaceholder(value)}, true
	}
	return Match{}, false
}

// findPEM finds private keys. Public keys and certificates are no secrets.
func findPEM(text string, at int) (Match, bool) {
	const begin, mark = "-----BEGIN ", "PRIVATE KEY"
	if !strings.HasPrefix(text[at:], begin) || at > 0 && text[at-1] == '-' {
		return Match{}, false
	}
	head := text[at+len(begin) : min(len(text), at+len(begin)+48)]
	label, _, ok := strings.Cut(head, "-----")
	if !ok || !strings.Contains(label, mark) {
		return Match{}, false
	}
	end := at + len(begin) + len(label) + 5
	// Looking for the end of the key is bounded, so that many beginnings stay linear.
	if i := strings.Index(text[end:min(len(text), end+8192)], "-----END "); i >= 0 {
		end += i
	}
	return Match{Class: Secret, Rule: "private-key", Start: at, End: end, Confidence: High}, true
}

var assignedNames = []string{"password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "access_key", "private_key", "client_secret"}

// findAssigned finds quoted values that a name calls a secret: password = "…".
func findAssigned(text string, at int) (Match, bool) {
	name := at
	for name < len(text) && name-at < 40 && base64url(text[name]) {
		name++
	}
	i := name
	for i < len(text) && i-name < 8 && strings.IndexByte(` "':=>`, text[i]) >= 0 {
		i++
	}
	if i >= len(text) || i == name || !strings.ContainsAny(text[name:i], "=:") || !strings.ContainsAny(text[i-1:i], `"'`) {
		return Match{}, false
	}
	lower := strings.ToLower(text[at:name])
	if !slices.ContainsFunc(assignedNames, func(n string) bool { return strings.HasSuffix(lower, n) }) {
		return Match{}, false
	}
	end := i
	for end < len(text) && end-i < 200 && text[end] > ' ' && text[end] != text[i-1] && text[end] < 0x7f {
		end++
	}
	value := text[i:end]
	if end >= len(text) || text[end] != text[i-1] || len(value) < 12 || !looksRandom(value) || isPlaceholder(value) {
		return Match{}, false
	}
	return Match{Class: Secret, Rule: "assigned", Start: i, End: end, Confidence: Medium}, true
}

// looksRandom asks for two kinds of character and for many different ones; words and repeated letters have neither.
func looksRandom(s string) bool {
	var seen [128]bool
	distinct, digits, letters := 0, false, false
	for i := range len(s) {
		if c := s[i] & 0x7f; !seen[c] {
			seen[c] = true
			distinct++
		}
		digits = digits || isDigit(s[i])
		letters = letters || isAlpha(s[i])
	}
	return digits && letters && distinct >= 8
}

func isPlaceholder(s string) bool {
	lower := strings.ToLower(s)
	return slices.ContainsFunc([]string{"example", "xxxx", "your", "placeholder", "changeme", "dummy", "${", "{{", "<"}, func(p string) bool {
		return strings.Contains(lower, p)
	})
}
