package template_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// Whatever the source and the message: no panic, the same answer twice, which is a typed error or a text with sound spans;
// steps and output are kept to the byte, and memory follows the steps.
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
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		tmpl, err := template.Parse(src)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10+2<<10*len(src)))
		if err != nil {
			requireOneOf(t, err, template.ErrSyntax, template.ErrForbidden, template.ErrBudget)
			return
		}
		in := template.Input{Messages: []template.Message{{Role: "system", Content: "s"}, {Role: "user", Content: content, Fields: fields}}, BOS: "<s>", Fields: fields}
		runtime.ReadMemStats(&before)
		out, steps, err := tmpl.RenderSteps(in, budget)
		runtime.ReadMemStats(&after)
		require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10+1<<10*steps+64*(len(content)+2*len(fields))))
		require.LessOrEqual(t, steps, budget.Steps)
		again, second := tmpl.Render(in, budget)
		require.Equal(t, out, again)
		if err != nil {
			require.EqualError(t, second, err.Error())
			requireOneOf(t, err, template.ErrRender, template.ErrInput, template.ErrForbidden, template.ErrBudget)
			return
		}
		require.NoError(t, second)
		require.LessOrEqual(t, len(out.Text), budget.Output)
		requireSpans(t, in, out)
		requireExact(t, tmpl, in, out, steps)
	})
}

func requireOneOf(t *testing.T, err error, kinds ...error) {
	t.Helper()
	require.True(t, slices.ContainsFunc(kinds, func(k error) bool { return errors.Is(err, k) }), "%v", err)
}

// requireExact renders with what was needed, and with less by one.
func requireExact(t *testing.T, tmpl *template.Template, in template.Input, out template.Rendered, steps int) {
	t.Helper()
	again, err := tmpl.Render(in, template.Budget{Steps: steps, Depth: 20, Output: 20_000})
	require.NoError(t, err)
	require.Equal(t, out, again)
	var limit *template.BudgetError
	if steps > 1 {
		_, err = tmpl.Render(in, template.Budget{Steps: steps - 1, Depth: 20, Output: 20_000})
		require.ErrorAs(t, err, &limit)
		require.Equal(t, template.BudgetError{Limit: "steps", Value: steps - 1}, *limit)
	}
	if n := len(out.Text); n > 1 {
		_, err = tmpl.Render(in, template.Budget{Steps: steps, Depth: 20, Output: n - 1})
		require.ErrorAs(t, err, &limit)
		require.Equal(t, template.BudgetError{Limit: "output", Value: n - 1}, *limit)
	}
}
