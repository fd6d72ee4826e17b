package pii

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sampleOf makes a random value of a pattern.
func sampleOf(r *rand.Rand, p pattern) string {
	var b strings.Builder
	for _, e := range p.elems {
		var letters []byte
		for c := range 128 {
			if e.set.has[c] {
				letters = append(letters, byte(c))
			}
		}
		n := int(e.min)
		if e.min != e.max {
			n += r.IntN(min(int(e.max)-n, 20) + 1)
		}
		for range n {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
	}
	return b.String()
}

// Every rule with a prefix is reached by a value of its own form, and a letter less or more is not it.
func TestEveryPrefixRule(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(5, 6))
	for i := range prefixRules {
		rule := &prefixRules[i]
		p := compile(rule.body)
		found, tries := false, 0
		for ; !found && tries < 200; tries++ {
			value := rule.prefix + sampleOf(r, p)
			if entropy(value) < rule.entropy {
				continue
			}
			for _, m := range NewScanner(Config{All: true}).Scan("key " + value + " end") {
				found = found || m.Entity == rule.id && m.End-m.Start == len(value)
			}
		}
		require.True(t, found, "%s %s", rule.id, rule.prefix)
	}
}

// Every rule by the name of a service is reached.
func TestEveryKeywordRule(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(7, 8))
	for i, rule := range keywordRules {
		for word := range strings.FieldsSeq(rule.keywords) {
			found := ""
			for tries := 0; found != rule.id && tries < 300; tries++ {
				value := sampleOf(r, keywordBodies()[i])
				if rule.lower {
					value = strings.ToLower(value)
				}
				for _, m := range NewScanner(Config{}).Scan(word + `_thing = "` + value + `"`) {
					if m.Class == Secret && (m.Entity == rule.id || sameBody(m.Entity, rule)) {
						found = rule.id
					}
				}
			}
			require.Equal(t, rule.id, found, word)
		}
	}
}

// sameBody reports whether an earlier rule of the same service has the same form, or takes it: bittrex has two alike.
func sameBody(id string, rule keywordRule) bool {
	for _, other := range keywordRules {
		if other.id == id && other.keywords == rule.keywords {
			return true
		}
	}
	for _, p := range prefixRules {
		if p.id == id {
			return true
		}
	}
	return false
}

func TestPatternNotation(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		shape, text string
		end         int
		value       string
	}{
		{"9{3}[- ]?9{2}=9", "123-45-6", 8, "123456"},
		{"9{3}[- ]?9{2}=9", "123456", 6, "123456"},
		{"9{3}[- ]?9{2}=9", "123-45 6", 0, ""},
		{"A{2}9{1,3}X", "ab12c", 5, "AB12C"},
		{"A{2}9{1,3}X", "a12c", 0, ""},
		{"[A-C9]x?", "bX", 2, "BX"},
		{"h{4}", "00fg", 0, ""},
	} {
		p := compile(tt.shape)
		var value [maxValue]byte
		end, n := p.match(tt.text, 0, &value)
		require.Equal(t, tt.end, end, "%s %s", tt.shape, tt.text)
		if end > 0 {
			require.Equal(t, tt.value, string(value[:n]))
		}
	}
}

// Vectors of the Bitcoin and Ethereum proposals, and of the hash's authors.
func TestCryptoVectors(t *testing.T) {
	t.Parallel()

	hash := keccak256(nil)
	require.Equal(t, "\xc5\xd2\x46\x01\x86\xf7\x23\x3c", string(hash[:8]))
	for address, want := range map[string]verdict{
		"fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359": good, "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB": good, "dbF03B407c01E7cD3CBea99509d93f8DDDC8C6Fb": bad,
		"dbf03b407c01e7cd3cbea99509d93f8dddc8c6fb": unsure,
	} {
		require.Equal(t, want, eip55(address), address)
	}
	for address, want := range map[string]bool{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4": true, "bc1sw50qgdz25j": true, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5": false,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": false, // version 1 with the older constant
		"bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4":                     false, // both cases
	} {
		require.Equal(t, want, bech32(address), address)
	}
}
