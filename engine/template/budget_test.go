package template_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// Endless templates end in a BudgetError, whatever grows: time, text, lists or the stack.
func TestEndlessTemplates(t *testing.T) {
	t.Parallel()

	for _, src := range []string{
		"{% for a in range(100000) %}{% for b in range(100000) %}{% for c in range(100000) %}{% endfor %}{% endfor %}{% endfor %}",
		"{{ range(2000000000) }}",
		"{{ range(-2147483648, 2147483647) | list | length }}",
		"{{ 'x' * 1073741824 }}",
		"{{ 1073741824 * 'x' }}",
		"{{ ('x' * 2147483647) | length }}",
		"{{ ([0] * 2147483647) | length }}",
		"{{ [0] * 1000000 * 1000000 }}",
		"{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"{% set ns = namespace(l=[1]) %}{% for i in range(64) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
		"{% set ns = namespace(s='xx') %}{% for i in range(64) %}{% set ns.s = ns.s.replace('x', 'xx') %}{% endfor %}",
		"{% set ns = namespace(s='xx') %}{% for i in range(64) %}{% set ns.s = ns.s | replace('', 'x') %}{% endfor %}",
		"{% set ns = namespace(s='xx') %}{% for i in range(64) %}{% set ns.s = ns.s | list | join(ns.s) %}{% endfor %}",
		"{% set ns = namespace(s='\\n') %}{% for i in range(10000) %}{% set ns.s = ns.s | indent(1000, true, true) %}{% endfor %}",
		"{% set ns = namespace(s='&') %}{% for i in range(64) %}{% set ns.s = (ns.s ~ ns.s) | escape %}{% endfor %}",
		"{% set ns = namespace(s='\"') %}{% for i in range(64) %}{% set ns.s = ns.s | tojson %}{% endfor %}",
		"{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}{% endfor %}",
		"{% set ns = namespace(l='x') %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
		"{% set ns = namespace(l='x') %}{% for i in range(64) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
		"{% set a = namespace(l='x') %}{% set b = namespace(l='x') %}{% for i in range(64) %}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l == b.l }}",
		"{% set a = namespace(l='x') %}{% set b = namespace(l='x') %}{% for i in range(64) %}{% set a.l = [a.l, a.l] %}{% set b.l = [b.l, b.l] %}{% endfor %}{{ a.l < b.l }}",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}",
		"{% set l = [] %}{% set _ = l.append(l) %}{% set m = [] %}{% set _ = m.append(m) %}{{ l == m }}",
		"{% set l = [] %}{% for i in range(1000000) %}{% set _ = l.append(i) %}{% endfor %}{{ l | sort | length }}{{ l | sort | length }}",
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
		"{% macro f(x) %}{% if x %}{{ g(x) }}{% endif %}{% endmacro %}{% macro g(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
		"{% macro f(x=f()) %}{% endmacro %}{{ f() }}",
		"{% for i in range(1000000) %}" + strings.Repeat("x", 1000) + "{% endfor %}",
		"{% for i in range(100000) %}{% for m in messages %}{{ m.content }}{% endfor %}{% endfor %}",
		"{% for i in range(2000000) %}{{ messages[0].content | length }}{% endfor %}",
		"{% for i in range(2000000) %}{{ messages[0].content == messages[0].content }}{% endfor %}",
		"{% for i in range(2000000) %}{{ {}[messages[0].content] }}{{ {}.get(messages[0].content) }}{% endfor %}",
		"{% for i in range(2000000) %}{{ messages[0].content is upper }}{{ messages[0].content.find('y') }}{% endfor %}",
		"{% for i in range(2000000) %}{{ messages[0].content[-1] }}{% endfor %}",
		"{{ ('[' * 100000) | from_json }}",
		"{{ strftime_now('%A' * 500000) }}",
	} {
		tmpl, err := template.Parse(src)
		require.NoError(t, err, src)
		in := template.Input{Messages: []template.Message{{Role: "user", Content: strings.Repeat("x", 100_000)}}}
		_, err = tmpl.Render(in, template.Budget{})
		require.ErrorIs(t, err, template.ErrBudget, src)
		var limit *template.BudgetError
		require.ErrorAs(t, err, &limit, src)
	}
}

// A hostile rendering holds on to little memory beside its output.
func TestBudgetBoundsMemory(t *testing.T) {
	tmpl, err := template.Parse("{% set l = [] %}{% for i in range(1000000) %}{% set _ = l.append('x' * 100000 ~ i) %}{% endfor %}")
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = tmpl.Render(template.Input{}, template.Budget{})
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, template.ErrBudget)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(512<<20))
}

func TestEachBudgetIsKept(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		src          string
		enough, less template.Budget
		limit        string
	}{
		"steps":                   {"{% for i in range(10) %}{{ i }}{% endfor %}", template.Budget{Steps: 200}, template.Budget{Steps: 20}, "steps"},
		"steps for long texts":    {"{{ messages[0].content | upper | length }}", template.Budget{Steps: 200}, template.Budget{Steps: 50}, "steps"},
		"steps for characters":    {"{{ messages[0].content | list | length }}", template.Budget{Steps: 8000}, template.Budget{Steps: 2000}, "steps"},
		"steps for lists":         {"{{ ([1] * 500) | length }}", template.Budget{Steps: 600}, template.Budget{Steps: 400}, "steps"},
		"depth":                   {"{% macro f(n) %}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", template.Budget{Depth: 5}, template.Budget{Depth: 4}, "depth"},
		"output":                  {"{% for i in range(10) %}{{ i }}{% endfor %}", template.Budget{Output: 10}, template.Budget{Output: 9}, "output"},
		"texts that nobody reads": {"{{ ('x' * 4001) | length }}", template.Budget{Output: 4001}, template.Budget{Output: 4000}, "output"},
	}
	in := template.Input{Messages: []template.Message{{Role: "user", Content: strings.Repeat("x", 2000)}}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			tmpl, err := template.Parse(tt.src)
			require.NoError(t, err)
			_, err = tmpl.Render(in, tt.enough)
			require.NoError(t, err)
			_, err = tmpl.Render(in, tt.less)
			var limit *template.BudgetError
			require.ErrorAs(t, err, &limit)
			require.Equal(t, tt.limit, limit.Limit)
		})
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()

	const n = 50_000
	for limit, sources := range map[string][]string{
		"source bytes": {strings.Repeat("x", 300_000)},
		"nesting": {
			"{{ " + strings.Repeat("(", n) + strings.Repeat(")", n) + " }}",
			"{{ " + strings.Repeat("[", n) + strings.Repeat("]", n) + " }}",
			"{{ " + strings.Repeat("a[", n) + "1" + strings.Repeat("]", n) + " }}",
			"{{ " + strings.Repeat("- ", n) + "1 }}",
			"{{ " + strings.Repeat("not ", n/2) + "1 }}",
			"{{ " + strings.Repeat("1 if 1 else ", n/10) + "1 }}",
			strings.Repeat("{% if 1 %}", n/10) + strings.Repeat("{% endif %}", n/10),
			strings.Repeat("{% for x in x %}", n/10),
		},
		"nodes": {
			"{{ 1" + strings.Repeat("+1", n) + " }}",
			"{{ 1" + strings.Repeat("<1", n) + " }}",
			"{{ a" + strings.Repeat(".b", n) + " }}",
			"{{ a" + strings.Repeat("|e", n) + " }}",
			"{{ [" + strings.Repeat("1,", n) + "] }}",
			strings.Repeat("{{1}}", n/2),
		},
	} {
		for _, src := range sources {
			_, err := template.Parse(src)
			var reached *template.BudgetError
			require.ErrorAs(t, err, &reached, "%.40s", src)
			require.Equal(t, limit, reached.Limit, "%.40s", src)
			require.ErrorIs(t, err, template.ErrBudget)
		}
	}
}

// A long chain is legal, and evaluated without a deep stack.
func TestLongChains(t *testing.T) {
	t.Parallel()

	out := render(t, "{{ ''"+strings.Repeat(" ~ 'x'", 5000)+" }}", template.Input{})
	require.Len(t, out.Text, 5000)

	tmpl, err := template.Parse("{{ 0" + strings.Repeat("+1", 12_000) + " }}")
	require.NoError(t, err)
	_, err = tmpl.Render(template.Input{}, template.Budget{})
	require.NoError(t, err)

	tmpl, err = template.Parse("{% macro f(n) %}{{ f(0" + strings.Repeat("+1", 9_000) + ") }}{% endmacro %}{{ 0" + strings.Repeat("+f(1)", 1_000) + " }}")
	require.NoError(t, err)
	_, err = tmpl.Render(template.Input{}, template.Budget{})
	require.ErrorIs(t, err, template.ErrBudget)
}
