package template_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// Each source is a known way out of a template engine of Python, or a variant that hides the name.
func TestForbiddenBeforeRendering(t *testing.T) {
	t.Parallel()

	for _, src := range []string{
		"{{ ''.__class__ }}",
		"{{ ''.__class__.__mro__[1].__subclasses__() }}",
		"{{ messages.__init__.__globals__ }}",
		"{{ x._private }}",
		"{{ ''['__class__'] }}",
		`{{ ''["\x5f\x5fclass\x5f\x5f"] }}`,
		`{{ ''["\u005f\u005fclass\u005f\u005f"] }}`,
		`{{ ''["\137\137class\137\137"] }}`,
		"{{ ''['__cl' 'ass__'] }}",
		"{{ ''['__cl' ~ 'ass__'] }}",
		"{{ ''['__cl' + 'ass__'] }}",
		"{{ ''['_' * 2 ~ 'class' ~ '_' * 2] }}",
		"{{ ''[['__', 'class', '__'] | join] }}",
		"{{ ''['__ssalc__'[::-1]] }}",
		"{{ ''['__CLASS__' | lower] }}",
		"{{ ''['xxclassxx'.replace('x', '_')] }}",
		"{{ ''['xxclassxx' | replace('x', '_')] }}",
		"{{ ''[('_', '_', 'class', '_', '_') | join('')] }}",
		"{{ ''['{0}{0}class'.format('_')] }}",
		"{{ ''['%c%cclass' | format(95, 95)] }}",
		"{{ ''['{}{}class'.format('_', '_')] }}",
		"{% set u = '_' %}{{ ''[u ~ u ~ 'class' ~ u ~ u] }}",
		"{% set u = '__' %}{% set c = 'class' %}{{ ''[u + c + u] }}",
		"{% set name = '__class__' %}{{ ''[name] }}",
		"{{ ''[messages[0].content ~ 'class'] }}",
		"{{ ''[messages | join] }}",
		"{{ '' | attr('__class__') }}",
		"{{ '' | attr('x') }}",
		"{{ messages | map('attr', 'x') | list }}",
		"{{ messages | map(attribute='__class__') | list }}",
		"{{ messages | map(attribute='role._x') | list }}",
		"{{ messages | map(attribute='role.' ~ messages[0].content) | list }}",
		"{{ messages | map(attribute=messages[0].content) | list }}",
		"{{ messages | map(messages[0].content) | list }}",
		"{{ messages | selectattr('_x') | list }}",
		"{{ messages | selectattr(bos_token, 'defined') | list }}",
		"{{ messages | select(bos_token) | list }}",
		"{{ messages | sort(attribute='_x') }}",
		"{{ messages | sum('_x') }}",
		"{{ messages | join(',', attribute='__class__') }}",
		"{{ messages | unique(attribute=bos_token) | list }}",
		"{{ messages | max(attribute='_x') }}",
		"{{ '{0.__class__}'.format(messages) }}",
		"{{ '{0.real}'.format(1) }}",
		"{{ '{0[a]}'.format(x) }}",
		"{{ messages[0].content.format(1) }}",
		"{{ 'a'.format_map(x) }}",
		"{{ '%s' | format('x') }}",
		"{{ self }}",
		"{{ self.x }}",
		"{% set self = 1 %}",
		"{{ cycler('a', 'b').next }}",
		"{{ joiner(',') }}",
		"{{ lipsum }}",
		"{{ __builtins__ }}",
		"{{ getattr(x, 'y') }}",
		"{{ eval('1') }}",
		"{{ open('/etc/passwd') }}",
		"{{ range.mro }}",
		"{{ x.gi_frame.f_globals }}",
		"{{ x.func_globals }}",
		"{% import 'x' as y %}",
		"{% from 'x' import y %}",
		"{% include 'x' %}",
		"{% extends 'x' %}",
		"{% for __x in messages %}{% endfor %}",
		"{% set x = 'a__import__b' %}",
		"{% for a in ['__mro__'] %}{{ x[a] }}{% endfor %}",
		"{{ ['____class__'] }}",
		"{% set ns = namespace() %}{% set ns._x = 1 %}",
		"{% if false %}{{ x.__class__ }}{% endif %}",
		"{% macro never() %}{{ x.__class__ }}{% endmacro %}",
		"{{ messages | xmlattr }}",
		"{{ messages | pprint }}",
	} {
		_, err := template.Parse(src)
		require.ErrorIs(t, err, template.ErrForbidden, src)
		var forbidden *template.ForbiddenError
		require.ErrorAs(t, err, &forbidden, src)
		require.NotEmpty(t, forbidden.Construct, src)
		require.Equal(t, 1, forbidden.Line, src)
		require.Positive(t, forbidden.Column, src)
	}
}

func TestForbiddenPlace(t *testing.T) {
	t.Parallel()

	_, err := template.Parse("text\n\n{{ messages[0] }} {{ bos_token.__class__ }}")
	var forbidden *template.ForbiddenError
	require.ErrorAs(t, err, &forbidden)
	require.Equal(t, template.ForbiddenError{Line: 3, Column: 32, Construct: `attribute "__class__"`}, *forbidden)
}

// A name that is known at rendering only is refused there.
func TestForbiddenWhileRendering(t *testing.T) {
	t.Parallel()

	for _, src := range []string{
		"{{ messages[0][messages[0].content] }}",
		"{% set n = namespace(u='__') %}{{ messages[0][n.u | upper] }}",
		"{% for c in ['_x'] %}{{ messages[c] }}{% endfor %}",
	} {
		tmpl, err := template.Parse(src)
		require.NoError(t, err, src)
		_, err = tmpl.Render(template.Input{Messages: []template.Message{{Role: "user", Content: "__class__"}}}, template.Budget{})
		require.ErrorIs(t, err, template.ErrForbidden, src)
	}
}

// What looks like the above and is not.
func TestNotForbidden(t *testing.T) {
	t.Parallel()

	for _, src := range []string{
		"__class__ {# __class__ #}{% raw %}{{ ''.__class__ }}{% endraw %}",
		"{% for _ in range(2) %}{% endfor %}{% set _ = 1 %}{% set _x = 2 %}{{ _x }}",
		"{{ '<__media__>' }}{{ 'x__y__z' }}{{ '____' }}",
		"{{ 'snake_case_' }}{{ '__' }}{{ '_x_' }}{{ 'a__b' }}",
		"{{ messages[0]['role'] }}{{ messages[loop_index | default(0)] }}{{ messages[messages | length - 1] }}{{ messages[0:1 + 1] }}",
		"{% macro open(x) %}{{ x }}{% endmacro %}{{ open(1) }}",
		"{% macro f(type) %}{{ type }}{% endmacro %}{{ f('x') }}",
		"{{ {'a_b': 1}['a_b'] }}{{ messages[-1].content.split('_')[0] }}",
	} {
		tmpl, err := template.Parse(src)
		require.NoError(t, err, src)
		_, err = tmpl.Render(template.Input{Messages: []template.Message{{Role: "user", Content: "__class__"}}}, template.Budget{})
		require.NoError(t, err, src)
	}
}
