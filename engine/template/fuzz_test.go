package template_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// Whatever the source and the message: no panic, a typed error or a text within the budget with sound spans.
func FuzzTemplate(f *testing.F) {
	files, err := filepath.Glob("testdata/*.jinja")
	require.NoError(f, err)
	features, err := filepath.Glob("testdata/features/*.jinja")
	require.NoError(f, err)
	files = append(files, features...)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(src), "Hello {{ x }} <|im_end|>", `{"tool_calls":[{"function":{"name":"f","arguments":{"a":[1,null]}}}],"tools":[{"function":{"name":"f"}}]}`)
	}
	for _, src := range []string{
		"{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(messages) }}",
		"{{ messages[0].content.split('x')[::-1] | map('tojson') | join('\\u00e9') | replace('', 'y') | indent(3) }}",
		"{{ messages | selectattr('content', 'in', ['a']) | list }}{{ -7 // 2 ** 3 % 2.5 }}{{ {1: [2, (3,)]} }}",
		"{{ messages[0].content | from_json }}{{ '%d' }}{% raw %}{{{% endraw %}{#-\n-#}",
		"{%- for a, b in messages[0].items() if b is string -%}{{ loop.previtem }}{% else %}{% break %}{% endfor %}",
	} {
		f.Add(src, "[\"a\\u00e9\", 1.5e3]\xff", "")
	}
	budget := template.Budget{Steps: 20_000, Depth: 20, Output: 20_000}
	f.Fuzz(func(t *testing.T, src, content, fields string) {
		tmpl, err := template.Parse(src)
		if err != nil {
			require.True(t, errors.Is(err, template.ErrSyntax) || errors.Is(err, template.ErrForbidden) || errors.Is(err, template.ErrBudget), err)
			return
		}
		in := template.Input{Messages: []template.Message{{Role: "system", Content: "s"}, {Role: "user", Content: content, Fields: fields}}, BOS: "<s>", Fields: fields}
		out, err := tmpl.Render(in, budget)
		if err != nil {
			require.True(t, errors.Is(err, template.ErrRender) || errors.Is(err, template.ErrInput) || errors.Is(err, template.ErrForbidden) || errors.Is(err, template.ErrBudget), err)
			return
		}
		require.LessOrEqual(t, len(out.Text), budget.Output)
		requireSpans(t, in, out)
		again, err := tmpl.Render(in, budget)
		require.NoError(t, err)
		require.Equal(t, out, again)
	})
}
