package splice_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe/splice"
)

func TestAdded(t *testing.T) {
	t.Parallel()

	hosts := map[string][2]string{
		"sql":     {"sql", "SELECT id FROM users WHERE name = '{}' AND active = 1"},
		"insert":  {"sql", "INSERT INTO log VALUES ('{}', 1)"},
		"number":  {"sql", "SELECT * FROM orders WHERE id = {} LIMIT 5"},
		"mysql":   {"mysql", "SELECT id FROM users WHERE name = '{}'"},
		"shell":   {"shell", "echo {}"},
		"double":  {"shell", `grep -r "{}" /srv`},
		"single":  {"shell", `grep -r '{}' /srv`},
		"jinja":   {"jinja", "Hello {}, {{ greeting }}"},
		"go":      {"go-template", "Hello {}, {{ .Name }}"},
		"js":      {"js-template", "const s = `Hello {}`;"},
		"python":  {"python", "greet(\"{}\")\n"},
		"pyvalue": {"python", "limit = {}\n"},
		"pickle":  {"pickle", "{}"},
	}
	tests := []struct {
		host, text string
		adds       bool
	}{
		{"sql", "Bob", false},
		{"sql", "I cannot do that.", false},
		{"sql", "I can't do that.", false},
		{"sql", "It's Bob's and Ann's", false},
		{"sql", "O''Hara", false},
		{"sql", "' OR '1'='1", true},
		{"sql", "x' OR 1=1 --", true},
		{"sql", "x'; DROP TABLE t; --", true},
		{"sql", "x' UNION SELECT password FROM users --", true},
		{"sql", "x''; DROP TABLE t; --", false},
		{"sql", "x' /* y", false},
		{"sql", "He said: 'no' and went on", false},
		{"insert", "a', 2), ('b", false}, // another row, no other statement: a comma goes on in prose too
		{"insert", "a', (SELECT password FROM users)) --", true},
		{"number", "5", false},
		{"number", "5 OR 1=1", true},
		{"number", "5; DELETE FROM orders --", true},
		{"number", "Sorry, I cannot do that", false},
		{"number", "five and nothing else", false},
		{"mysql", `\' OR 1=1 #`, false},
		{"mysql", `' OR 1=1 #`, true},
		{"mysql", `\\' OR 1=1 #`, true},
		{"mysql", `' /*!50000OR*/ '1'='1`, true},
		{"mysql", `' /*!OR*/ 1=1 #`, true},
		{"mysql", `' /*!50000OR '1'='1`, false},
		{"mysql", `/*! x */`, false},
		{"sql", `' /*!50000OR*/ '1'='1`, false},
		{"shell", "hello there", false},
		{"shell", "$(id)", true},
		{"shell", "`id`", true},
		{"shell", "a; id", true},
		{"shell", "a | sh", true},
		{"shell", "a > /tmp/x", true},
		{"shell", "I can't", false},
		{"shell", "'$(id)'", false},
		{"double", "a; id", false},
		{"double", "$(id)", true},
		{"double", `a"; id; "`, true},
		{"double", `\$(id)`, false},
		{"single", "$(id)", false},
		{"single", "a'; id; '", true},
		{"jinja", "{{ 7 * 7 }}", true},
		{"jinja", "{% for x in y %}", true},
		{"jinja", "{# 7 * 7 #}", false},
		{"jinja", "{% raw %}{{ 7 * 7 }}{% endraw %}", false},
		{"jinja", "{ 7 * 7 }", false},
		{"jinja", "&#123;&#123; 7 * 7 }}", false},
		{"go", `{{ printf "x" }}`, true},
		{"go", "{{/* x */}}", false},
		{"go", "{{", false},
		{"js", "${7*7}", true},
		{"js", `\${7*7}`, false},
		{"js", "` + alert(1) + `", true},
		{"js", "use `x` here", false},
		{"python", `"); import os; os.system("id`, true},
		{"python", `x\"); os.system(\"id`, false},
		{"python", "Sure, it's done", false},
		{"python", `He said "no" and (perhaps) left`, false},
		{"pyvalue", "__import__('os').system('id')", true},
		{"pyvalue", "I cannot do that (really)", false},
		{"pyvalue", "5", false},
		{"pickle", "cos\nsystem\n(S'id'\ntR.", true},
		{"pickle", "(lp0\nI1\na.", false},
		{"pickle", "I cannot do that.", false},
	}
	for _, tt := range tests {
		h, err := splice.NewHost(hosts[tt.host][0], hosts[tt.host][1])
		require.NoError(t, err)
		require.Equal(t, tt.adds, len(h.Added(tt.text)) > 0, "%s: %s", tt.host, tt.text)
	}
	for _, bad := range [][2]string{{"cobol", "{}"}, {"sql", "SELECT 1"}, {"sql", "{} {}"}} {
		_, err := splice.NewHost(bad[0], bad[1])
		require.ErrorIs(t, err, hallmark.ErrInvalid)
	}
}

// No text makes a parser fail in another way than by saying no.
func FuzzAdded(f *testing.F) {
	for _, s := range []string{"' OR 1=1 --", "$(id)", "{{ 7*7 }}", "cos\nsystem\n(S'x'\ntR.", "`${`", "$a$ $a$", "\"\"\"", "'\\"} {
		f.Add(s)
	}
	statements := map[string]string{
		"sql": "SELECT '{}'", "mysql": "SELECT '{}'", "shell": "echo {}", "jinja": "{}", "go-template": "{}", "js-template": "`{}`",
		"python": "f('{}')", "pickle": "{}",
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, language := range splice.Languages() {
			h, err := splice.NewHost(language, statements[language])
			require.NoError(t, err)
			h.Added(text)
		}
	})
}
