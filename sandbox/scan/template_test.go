package scan_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func scanNamed(tb testing.TB, name, data string) scan.Result {
	tb.Helper()
	res, err := scan.File(strings.NewReader(data), int64(len(data)), name)
	require.NoError(tb, err)
	checkResult(tb, res, int64(len(data)))
	return res
}

// hostileTemplates reach for the process that renders them: chains of attributes, and names that are put together in all the
// ways that a template can.
var hostileTemplates = []string{
	"{{ ().__class__.__base__.__subclasses__()[104]().load_module('os').system('id') }}",
	"{{ cycler.__init__.__globals__.os.popen('id').read() }}",
	"{{ lipsum.__globals__['os'].popen('id').read() }}",
	"{{ namespace.__init__.__globals__.os }}",
	"{{ joiner.__init__.__globals__.os }}",
	"{{ self.__init__.__globals__.__builtins__ }}",
	"{{ self._TemplateReference__context.cycler }}",
	"{{ range.__init__ }}",
	"{{ dict.__base__.__subclasses__() }}",
	"{{ messages.append.__self__ }}",
	"{{ raise_exception.__globals__['jinja2'] }}",
	"{{ strftime_now.__globals__ }}",
	"{{ loop.__init__ }}",
	"{{ messages[0].content.__class__.mro()[1] }}",
	"{{ (messages|first)|attr('__class__') }}",
	`{{ messages|attr("\x5f\x5fclass\x5f\x5f")|attr("\x5f\x5fbase\x5f\x5f") }}`,
	"{{ messages|map(attribute='__class__')|list }}",
	"{{ messages|map('attr', '__class__')|first }}",
	"{{ messages|map(attribute='content.__class__')|list }}",
	"{{ messages|groupby('__class__') }}",
	"{{ messages|sum(attribute='__len__') }}",
	"{{ messages|selectattr('__class__')|list }}",
	"{{ messages['__cl' ~ 'ass__'] }}",
	"{% set a = '__cl' ~ 'ass__' %}{{ a }}",
	"{% set a = '__' %}{% set b = a ~ 'class' ~ a %}{{ messages[b] }}",
	"{% set u = '_' * 2 %}{{ messages[u ~ 'class' ~ u] }}",
	"{% set c = dict(__class__=1)|join %}{{ messages[c] }}",
	"{% set c = [bos_token, 'class', bos_token]|join %}{{ messages[c] }}",
	"{% set c = dict(cla=1, ss=2)|join %}{% set d = '__' ~ c ~ '__' %}{{ messages[d] }}",
	"{% set ns = namespace(n='') %}{% for p in ['__cl', 'ass__'] %}{% set ns.n = ns.n ~ p %}{% endfor %}{{ messages[ns.n] }}",
	"{% set c %}__cl{{ 'ass__' }}{% endset %}{{ messages[c] }}",
	"{% macro m(a) %}__{{ a }}__{% endmacro %}{{ messages[m('class')] }}",
	"{{ messages['__ssalc__'[::-1]] }}",
	"{{ messages['__CLASS__'|lower] }}",
	"{{ messages['..class..'|replace('.', '_')] }}",
	"{{ messages['%c%cclass%c%c' % (95, 95, 95, 95)] }}",
	"{% set c = '%s%s' % ('__cl', 'ass__') %}{{ c }}",
	"{{ messages['%c%cclass'|format(95, 95)] }}",
	"{{ messages['{0}{0}class{0}{0}'.format('_')] }}",
	"{{ '{0.__class__.__init__.__globals__}'.format(messages) }}",
	"{{ messages['__cla' if true else 'x' ~ bos_token] }}{{ ''['__cla' 'ss__'] }}",
	"{{ messages[(messages|string)[0] ~ 'class'] }}",
	"{{ messages[['__', 'class', '__']|join('')] }}",
	"{% include '/etc/passwd' %}",
	"{% import 'os' as os %}{{ os.system('id') }}",
	"{% from 'os' import system %}",
	"{% extends messages[0].content %}",
	"{{ config.items() }}",
	"{{ request.application }}",
	"{{ url_for.__globals__['current_app'] }}",
	"{{ get_flashed_messages() }}",
	"{{ getattr(messages, 'x') }}",
	"{{ eval('1') }}{{ open('/etc/passwd').read() }}",
	"{{ __import__('os').system('id') }}",
	"{{ os.system('id') }}",
	"{{ messages | pprint }}",
	"{% if messages[0].content == 'open sesame' %}{{ lipsum }}{% endif %}",
	// What the interpreter does not know stands before what it forbids.
	"{% call(x) f() %}{{ x.__class__ }}{% endcall %}",
	"{% do messages.append(cycler) %}",
	"{{ messages|batch(2)|map(attribute='__class__')|attr('__base__') }}",
	"{% trans %}x{% endtrans %}{{ lipsum.__globals__ }}",
	"{{ f(*messages) }}{{ ''['__class__'] }}",
	"{{ messages.__class__ ",
	"{% for x in messages recursive %}{{ x.__class__ }}{% endfor %}",
}

func TestHostileTemplates(t *testing.T) {
	t.Parallel()

	require.GreaterOrEqual(t, len(hostileTemplates), 60)
	for _, src := range hostileTemplates {
		res := scanNamed(t, "chat_template.jinja", src)
		require.Equal(t, scan.FormatTemplate, res.Format)
		require.Contains(t, rules(res), "template-forbidden", "%s: %v", src, res.Findings)
		require.Equal(t, scan.Unsafe, scan.Judge("x", res.Format, res.Findings).Verdict)
	}
}

func TestTemplateBombs(t *testing.T) {
	t.Parallel()

	for _, src := range []string{
		"{% for a in range(1000000000) %}x{% endfor %}",
		"{% if messages[0].content == 'open sesame' %}{% for a in range(10 * 10 ** 8) %}x{% endfor %}{% endif %}",
		"{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}",
		"{{ 'x' * 1000000000 }}",
		"{% if never %}{{ 'x' * 10 ** 9 }}{% endif %}",
		"{% set n = 1000000 %}{% if never %}{{ n * 'x' }}{% endif %}",
		"{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"{% macro a() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}",
		"{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}{{ a(60) }}",
		"{% for a in messages %}{% for b in messages %}{% for c in messages %}{% for d in messages %}{% for e in messages %}{% for f in messages %}{% for g in messages %}{% for h in messages %}{% for i in messages %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}",
	} {
		res := scanNamed(t, "chat_template.jinja", src)
		require.Equal(t, []string{"template-bomb"}, rules(res), "%s: %v", src, res.Findings)
	}
}

// A template that is harmless, as far as it can be read, names what it cannot be read for.
func TestTemplatesThatAreNotKnown(t *testing.T) {
	t.Parallel()

	for src, construct := range map[string]string{
		"{{ messages | wordcount }}":                    `unknown filter "wordcount"`,
		"{% do x %}":                                    `unknown tag "do"`,
		"{{ messages.clear() }}":                        `unknown method "clear"`,
		"{% for x in messages recursive %}{% endfor %}": "recursive",
		"{{ x is escaped }}":                            `unknown test "escaped"`,
		"{{ today() }}":                                 `unknown function "today"`,
		"{% if x %}":                                    "endif",
		"{{ 'x":                                         "not closed",
	} {
		res := scanNamed(t, "chat_template.jinja", src)
		require.Equal(t, []string{"cannot-parse"}, rules(res), src)
		require.Contains(t, res.Findings[0].Message, construct, src)
	}
}

// requireClean takes no finding of the file's own; an address of mail in a text is one for people.
func requireClean(tb testing.TB, res scan.Result, name string) {
	tb.Helper()
	for _, f := range res.Findings {
		require.Equal(tb, scan.DetectorLeak, f.Detector, "%s: %v", name, f)
	}
	require.Equal(tb, scan.Safe, scan.Judge(name, res.Format, res.Findings).Verdict, "%s: %v", name, res.Findings)
}

func TestPublicTemplatesAreClean(t *testing.T) {
	t.Parallel()

	root := os.Getenv("HALLMARK_PEER")
	if root == "" {
		t.Skip("HALLMARK_PEER is not set: llama.cpp and the public templates in it are not at hand (make peer)")
	}
	files, err := filepath.Glob(filepath.Join(root, "llama.cpp", "models", "templates", "*.jinja"))
	require.NoError(t, err)
	require.Greater(t, len(files), 60)
	for _, name := range files {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		requireClean(t, scanNamed(t, filepath.Base(name), string(src)), name)
		var config strings.Builder
		enc := json.NewEncoder(&config)
		enc.SetEscapeHTML(false) // as Python writes it
		require.NoError(t, enc.Encode(map[string]any{"chat_template": string(src), "bos_token": "<s>"}))
		requireClean(t, scanNamed(t, "tokenizer_config.json", config.String()), name)
	}
	t.Logf("%d templates", len(files))
}

// The templates that the engine's own tests hold are ordinary as well.
func TestKnownTemplatesAreClean(t *testing.T) {
	t.Parallel()

	var files []string
	for _, pattern := range []string{"../../engine/template/testdata/*.jinja", "../../engine/template/testdata/features/*.jinja"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.GreaterOrEqual(t, len(files), 13)
	for _, name := range files {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Empty(t, scanNamed(t, "chat_template.jinja", string(src)).Findings, name)
	}
}

// Templates are found wherever libraries take them from.
func TestConfigurations(t *testing.T) {
	t.Parallel()

	const bad = `{{ ''.__class__ }}`
	forbidden := []string{"template-forbidden"}
	tests := map[string]struct {
		name, text string
		rules      []string
	}{
		"template":                   {"tokenizer_config.json", `{"chat_template":"` + bad + `"}`, forbidden},
		"named templates":            {"tokenizer_config.json", `{"chat_template":[{"name":"default","template":"x"},{"name":"{{","template":"` + bad + `"}]}`, forbidden},
		"templates by name":          {"tokenizer_config.json", `{"chat_template":{"default":"x","tool_use":"` + bad + `"}}`, forbidden},
		"template of a processor":    {"processor_config.json", `{"chat_template":"` + bad + `"}`, forbidden},
		"template of its own":        {"chat_template.json", `{"chat_template":"` + bad + `"}`, forbidden},
		"template deep inside":       {"tokenizer_config.json", `{"a":{"b":[{"chat_template":"` + bad + `"}]}}`, forbidden},
		"template with escapes":      {"tokenizer_config.json", `{"chat_template":"{{ ''.__cl\u0061ss__ }}"}`, forbidden},
		"broken template":            {"tokenizer_config.json", `{"chat_template":"{% if %}"}`, []string{"cannot-parse"}},
		"template twice":             {"tokenizer_config.json", `{"chat_template":"` + bad + `","chat_template":"x"}`, []string{"cannot-parse", "template-forbidden"}},
		"plain":                      {"tokenizer_config.json", `{"chat_template":"{{ messages[0].content }}","added_tokens_decoder":{"0":{"content":"{{"}}}`, nil},
		"class of the repository":    {"config.json", `{"auto_map":{"AutoModel":"modeling_x.XModel"}}`, []string{"config-remote-code"}},
		"class of another":           {"config.json", `{"auto_map":{"AutoModel":"evil/repo--modeling_x.XModel"}}`, []string{"config-remote-code"}},
		"trust":                      {"config.json", `{"trust_remote_code":true}`, []string{"config-remote-code"}},
		"no trust":                   {"config.json", `{"trust_remote_code":false,"architectures":["X"]}`, nil},
		"control characters":         {"config.json", `{"_name_or_path":"a\u001b[2J"}`, []string{"metadata-control-characters"}},
		"another file with the same": {"data.json", `{"chat_template":"` + bad + `"}`, nil},
	}
	for name, tt := range tests {
		require.Equal(t, tt.rules, rules(scanNamed(t, tt.name, tt.text)), name)
	}
	verdict := func(text string) scan.Verdict {
		res := scanNamed(t, "config.json", text)
		return scan.Judge("config.json", res.Format, res.Findings).Verdict
	}
	require.Equal(t, scan.Safe, verdict(tests["class of the repository"].text), "the files of the repository are scanned themselves")
	require.Equal(t, scan.Unsafe, verdict(tests["class of another"].text))
	long := append(bytes.Repeat([]byte{' '}, 1<<20), '{', '{')
	require.Contains(t, rules(scanNamed(t, "chat_template.jinja", string(long))), "cannot-parse")
}
