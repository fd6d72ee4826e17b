package template_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// The wanted texts are what Jinja 3.1 prints for these sources with trim_blocks and lstrip_blocks.
func TestLanguage(t *testing.T) {
	t.Parallel()

	in := template.Input{Messages: []template.Message{{Role: "user", Content: "hi"}, {Role: "assistant", Content: "yo"}}}
	for _, tt := range []struct{ src, want string }{
		{
			"{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 % 2 }} {{ -7.5 // 2 }}",
			"3 -4 1 2 3.5 1024 0.5 1.5 -4.0",
		},
		{
			"{{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 1 ~ 3 * 2 }} {{ 'a' ~ 1 ~ none ~ true ~ 1.0 }}",
			"3 9 4 16 a1NoneTrue1.0",
		},
		{
			"{{ 1.0 }} {{ 1e16 }} {{ 1.5e-7 }} {{ 0.1 + 0.2 }} {{ 100000.0 * 10 }} {{ 1e100 }}",
			"1.0 1e+16 1.5e-07 0.30000000000000004 1000000.0 1e+100",
		},
		{
			"{{ true }} {{ false }} {{ none }} {{ True }} {{ None }} {{ missing }}|",
			"True False None True None |",
		},
		{
			"{{ 'abc'[0] }}{{ 'abc'[-1] }}{{ 'añb漢c'[1:4] }} {{ 'abcdef'[::2] }} {{ 'abc'[::-1] }} {{ 'abc'[5:] }}| {{ 'abc'[-2:] }} {{ 'abc'[:-1] }}",
			"acñb漢 ace cba | bc ab",
		},
		{
			"{{ [1, 2, 3][1:] }} {{ [1,2,3][::-1] }} {{ [1,2,3][-1] }} {{ (1, 'a') }} {{ (1,) }} {{ () }} {{ [] }} {{ {} }}",
			"[2, 3] [3, 2, 1] 3 (1, 'a') (1,) () [] {}",
		},
		{
			"{{ {'a': 1, 'b': [true, none, 1.5, 'x']} }}",
			"{'a': 1, 'b': [True, None, 1.5, 'x']}",
		},
		{
			`{{ ['it\'s', 'say "hi"', 'both \' "', 'tab\t', 'nul\x00', 'é', '\\'] }}`,
			`["it's", 'say "hi"', 'both \' "', 'tab\t', 'nul\x00', 'é', '\\']`,
		},
		{
			"{{ {'a': 1}.a }} {{ {'a': 1}['a'] }} {{ {'a': {'b': 2}}.a.b }} {{ {'a': 1}.b }}| {{ none.x }}|",
			"1 1 2 | |",
		},
		{
			"{% set ns = namespace(n=0) %}{% for i in range(5) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
			"10",
		},
		{
			"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}",
			"21",
		},
		{
			"{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
			"2",
		},
		{
			"{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
			"1032TrueFalse31;2121FalseFalse302;3210FalseTrue31;",
		},
		{
			"{% for i in [] %}x{% else %}empty{% endfor %} {% for i in [1,2,3,4] if i is even %}{{ i }}{{ loop.length }}{% else %}none{% endfor %} {% for i in [1] if i > 1 %}x{% else %}none{% endfor %}",
			"empty 2242 none",
		},
		{
			"{% for a, b in [(1, 2), [3, 4]] %}{{ a }}{{ b }} {% endfor %}{% for k, v in {'x': 1, 'y': 2}.items() %}{{ k }}={{ v }} {% endfor %}{% for k in {'p': 1} %}{{ k }}{% endfor %}{% for c in 'añ' %}{{ c }}.{% endfor %}",
			"12 34 x=1 y=2 pa.ñ.",
		},
		{
			"{% for i in range(6) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
			"023",
		},
		{
			"{% for i in [1,2] %}{% for j in [1,2] %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
			"121 122 ",
		},
		{
			"{% macro m(a, b='x', c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(a=3, c=4) }}{{ m(1, b=5) }}{{ m() }}",
			"[1x1][121][3x4][151][x]",
		},
		{
			"{% macro f(n) %}{{ n }}{% if n > 0 %} {{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
			"3 2 1 0",
		},
		{
			"{% set t %}a{{ 1 + 1 }}b{% endset %}{{ t }}{{ t | upper }} {% set t | upper %}x{% endset %}{{ t }}",
			"a2bA2B X",
		},
		{
			"{% filter upper | replace('B', '_') %}abc{% endfilter %}",
			"A_C",
		},
		{
			"{% generation %}x{% set y = 1 %}{% endgeneration %}{{ y }}|",
			"x|",
		},
		{
			"{% raw %}{{ x }} {% y %}{% endraw %} {# gone #}end",
			"{{ x }} {% y %} end",
		},
		{
			"{{ 'a' if true else 'b' }} {{ 'a' if false else 'b' }} {{ 'a' if false }}| {{ 1 if none else 2 if 0 else 3 }}",
			"a b | 3",
		},
		{
			"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }} {{ 'a' == 1 }} {{ none == none }} {{ [1,{'a':2}] == [1,{'a':2}] }} {{ 1 != 2 }}",
			"True False True True True True False True True True",
		},
		{
			"{{ 'b' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1,2] }} {{ 'k' in {'k': 1} }} {{ 3 not in [1,2] }} {{ 'a' in missing }}",
			"True True True True True False",
		},
		{
			"{{ not true }} {{ true and 'x' }} {{ '' or 'y' }} {{ 0 and 1 }} {{ none or none }} {{ not 'a' == 'b' }} {{ true or missing.x }}",
			"False x y 0 None True True",
		},
		{
			"{{ missing is defined }} {{ missing is undefined }} {{ 1 is defined }} {{ none is none }} {{ none is not none }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ missing is iterable }} {{ [] is sequence }} {{ 1 is number }} {{ 1.5 is number }} {{ true is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is boolean }} {{ 1 is true }} {{ true is true }} {{ false is false }}",
			"False True True True False True True True True False True True True True True True False True True False True True",
		},
		{
			"{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is ne 1 }} {{ 1 is lt 2 }} {{ 2 is ge(3) }} {{ 1 is in [1] }} {{ none is sameas none }} {{ 1 is sameas true }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBc' is upper }} {{ range is callable }} {{ 1 is not string and 2 is number }}",
			"True False True False True False True False True True False True True False True True",
		},
		{
			"{{ ' a b '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'abcba'.strip('ab') }}|{{ ' a ' | trim }}|{{ 'xay' | trim('xy') }}",
			"a b|a | a|a|c|a|a",
		},
		{
			"{{ 'a,b,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ ' a  b c '.split(none, 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ 'a<b<c'.split('<')[-1] }} {{ 'a,b,c'.rsplit(',', 1) }}",
			"['a', 'b', 'c'] ['a', 'b,c'] ['a', 'b'] ['a', 'b c '] [''] [] c ['a,b', 'c']",
		},
		{
			`{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.upper() }} {{ 'ABC'.lower() }} {{ 'hello wORLD it\'s'.title() }} {{ 'hELLO'.capitalize() }} {{ 'aXbX'.replace('X', '-') }} {{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '.') }} {{ 'abcab'.find('b') }} {{ 'abc'.find('z') }} {{ 'aXbXc'.count('X') }} {{ '-'.join(['a', 'b']) }}`,
			"True True ABC abc Hello World It'S Hello a-b- a-bX .a.b. 1 -1 2 a-b",
		},
		{
			`{{ 'pre-x'.removeprefix('pre-') }} {{ 'x.txt'.removesuffix('.txt') }} {{ '123'.isdigit() }} {{ ''.isdigit() }} {{ 'ab1'.isalnum() }} {{ 'ab'.isalpha() }} {{ ' \t'.isspace() }} {{ 'AB'.isupper() }} {{ 'ab'.islower() }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ '<{}>-{}'.format('a', 1) }}`,
			"x x True False True True True True True ['a', 'b', 'c'] <a>-1",
		},
		{
			"{{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 2) }} {{ {'a': 1, 'b': 2}.keys() | list }} {{ {'a': 1, 'b': 2}.values() | list }} {{ {'a': 1} | items | list }} {{ {'b': 1, 'a': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value', reverse=true) }}",
			"1 None 2 ['a', 'b'] [1, 2] [('a', 1)] [('a', 2), ('b', 1)] [('a', 2), ('b', 1)]",
		},
		{
			"{% set l = [1, 2] %}{% set _ = l.append(3) %}{{ l }} {{ l.pop(0) }} {{ l }} {{ l.pop() }} {{ l }}",
			"[1, 2, 3] 1 [2, 3] 3 [2]",
		},
		{
			"{{ 'abc' | length }} {{ 'añ漢' | length }} {{ [1,2] | count }} {{ {} | length }} {{ missing | length }} {{ 'aBc' | upper }} {{ 'aBc' | lower }} {{ 'a b' | title }} {{ 'aB' | capitalize }} {{ [1,2,3] | first }} {{ 'abc' | last }} {{ [] | first }}| {{ 'abc' | reverse }} {{ [1,2] | reverse | list }}",
			"3 3 2 0 0 ABC abc A B Ab 1 c | cba [2, 1]",
		},
		{
			"{{ missing | default('d') }} {{ '' | default('d') }} {{ '' | default('d', true) }} {{ none | default('d') }} {{ 0 | d(5, boolean=true) }} {{ missing | default }}|",
			"d  d None 5 |",
		},
		{
			"{{ '42' | int }} {{ '4.9' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 4.9 | int }} {{ -4.9 | int }} {{ '1e3' | float }} {{ 'x' | float }} {{ 3 | float }} {{ 'ff' | int(base=16) }} {{ -3 | abs }} {{ 2.5 | round }} {{ 2.567 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 5 | string | length }} {{ true | int }}",
			"42 4 0 7 4 -4 1000.0 0.0 3.0 255 3 2.0 2.57 3.0 1 1",
		},
		{
			"{{ [3,1,2] | sort }} {{ ['b','A','c'] | sort }} {{ ['b','A'] | sort(case_sensitive=true) }} {{ [3,1] | sort(reverse=true) }} {{ [{'n': 2}, {'n': 1}] | sort(attribute='n') }} {{ [1,2,1] | unique | list }} {{ ['a','A'] | unique | list }} {{ [1,2,3] | sum }} {{ [{'n': 2}, {'n': 3}] | sum('n') }} {{ [1,3,2] | max }} {{ ['b','a'] | min }}",
			"[1, 2, 3] ['A', 'b', 'c'] ['A', 'b'] [3, 1] [{'n': 1}, {'n': 2}] [1, 2] ['a'] 6 5 3 a",
		},
		{
			"{{ [1,2] | join('-') }} {{ ['a'] | join }} {{ [{'n': 'x'}, {'n': 'y'}] | join(',', attribute='n') }} {{ [{'n': 1}, {'n': 2}] | map(attribute='n') | list }} {{ [{'n': 1}, {}] | map(attribute='n', default=0) | list }} {{ ['a', 'b'] | map('upper') | join }} {{ [' a '] | map('trim') | list }} {{ [[1,2],[3]] | map('length') | list }} {{ [['a','b']] | map('join', '+') | list }} {{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }}",
			"1-2 a x,y [1, 2] [1, 0] AB ['a'] [2, 1] ['a+b'] [1]",
		},
		{
			"{{ [1,2,3,4] | select('odd') | list }} {{ [1,2,3] | reject('equalto', 2) | list }} {{ [0,1,''] | select | list }} {{ [{'r': 'u'}, {'r': 's'}] | selectattr('r', 'equalto', 'u') | list }} {{ [{'r': 1}, {}] | selectattr('r', 'defined') | list | length }} {{ [{'r': 1}, {'r': 0}] | rejectattr('r') | list }} {{ [{'r': 'u'}] | selectattr('r', 'in', ['u', 'v']) | list | length }}",
			"[1, 3] [1, 3] [1] [{'r': 'u'}] 1 [{'r': 0}] 1",
		},
		{
			`{{ {'a': [1, 2.5, none, true], 'b': 'x\n"é漢<'} | tojson }} {{ [] | tojson }} {{ {} | tojson(indent=2) }}`,
			`{"a": [1, 2.5, null, true], "b": "x\n\"é漢<"} [] {}`,
		},
		{
			"{{ {'a': [1, {}], 'b': {'c': 'd'}} | tojson(indent=2) }}",
			"{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": \"d\"\n  }\n}",
		},
		{
			"{{ {'b': 1, 'a': 'é🙂'} | tojson(sort_keys=true, ensure_ascii=true) }} {{ [1, 2] | tojson(separators=(',', ':')) }} {{ {1: 2, true: 3, none: 4} | tojson }}",
			`{"a": "\u00e9\ud83d\ude42", "b": 1} [1,2] {"1": 3, "null": 4}`,
		},
		{
			`{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(1, blank=true) }}|{{ 'a\nb' | indent('> ') }}`,
			"a\n    b\n\n    c|  a\n  b|a\n \n b|a\n> b",
		},
		{
			`{{ "a" 'b' "\u00e9\x41\101\n" }}{{ 'a\qb' }}`,
			"abéAA\na\\qb",
		},
		{
			"{{ range(3) | list }} {{ range(1, 4) | list }} {{ range(5, 0, -2) | list }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }}",
			"[0, 1, 2] [1, 2, 3] [5, 3, 1] {'a': 1, 'b': 2} {'x': 1, 'y': 2}",
		},
		{
			"{%- set a, b = 1, 2 -%} {{ a }}{{ b }} {% set c = 1, 2 %}{{ c }}",
			"12 (1, 2)",
		},
		{
			"  {%- if true %} x {%- endif %}  y  {{- ' z' -}}  w",
			" x  y zw",
		},
		{
			"a\n  {% if true %}\n  b\n  {% endif %}\nc\n{%+ if true %}d{% endif +%}\n  {#- x -#}  e\n",
			"a\n  b\nc\nde",
		},
		{
			"    {% for i in [1,2] %}\n    line {{ i }}\n    {% endfor %}\n\n",
			"    line 1\n    line 2\n",
		},
		{
			"x {# c #}\n  y {# d +#}\n  {# e #}\nz",
			"x   y \nz",
		},
		{
			"{{ [1, 2, 3,] }} {{ {'a': 1,} }} {{ 'x' * 3 }} {{ 3 * 'x' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 'a' + 'b' }}",
			"[1, 2, 3] {'a': 1} xxx xxx [1, 1] [1, 2] ab",
		},
		{
			"{{ strftime_now('%d %b %Y %H:%M:%S %A %j %%') }}",
			"26 Jul 2024 00:00:00 Friday 208 %",
		},
		{
			"{{ 1_000 }} {{ 1.5e3 }} {{ [5, 6].1 }}",
			"1000 1500.0 6",
		},
		{
			"{{ messages[0].role }} {{ messages | length }} {{ messages[-1]['content'] }} {{ messages[9] }}|",
			"user 2 yo |",
		},
		{
			"{% set f = 'a' %}{% macro g() %}{{ f }}{% endmacro %}{% set f = 'b' %}{{ g() }}",
			"b",
		},
		{
			"{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}",
			"abc",
		},
		{
			`{{ '{"a": [1, -2.5, true, null, "x\\u00e9\\n"]}' }}`,
			`{"a": [1, -2.5, true, null, "x\u00e9\n"]}`,
		},
	} {
		tmpl, err := template.Parse(tt.src)
		require.NoError(t, err, tt.src)
		got, err := tmpl.Render(in, template.Budget{})
		require.NoError(t, err, tt.src)
		require.Equal(t, tt.want, got.Text, tt.src)
	}
}
