package grammar_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

func fromSchema(tb testing.TB, schema string) *grammar.Grammar {
	tb.Helper()
	g, err := grammar.FromSchema([]byte(schema), grammar.Limits{})
	require.NoError(tb, err, schema)
	return g
}

// oracle is a validator of schema by somebody else.
func oracle(tb testing.TB, schema string) *jsonschema.Schema {
	tb.Helper()
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	require.NoError(tb, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(ecma)
	require.NoError(tb, c.AddResource("file:///schema.json", tree))
	s, err := c.Compile("file:///schema.json")
	require.NoError(tb, err)
	return s
}

var unicodeEscape = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)

var longExponent = regexp.MustCompile(`[eE][+-]?\d{3}`)

// ecma spells a pattern for package regexp.
var ecma jsonschema.RegexpEngine = func(pattern string) (jsonschema.Regexp, error) {
	return regexp.Compile(unicodeEscape.ReplaceAllString(pattern, `\x{$1}`))
}

func validate(tb testing.TB, s *jsonschema.Schema, text string) error {
	tb.Helper()
	require.True(tb, json.Valid([]byte(text)), "%q", text)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(tb, err, "%q", text)
	return s.Validate(v)
}

const tree = `{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
	"name":{"type":"string","maxLength":8},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["name"],"additionalProperties":false}}}`

// schemas come with texts that fit and texts that do not.
var schemas = map[string]struct {
	schema  string
	in, out []string
}{
	"anything":          {`true`, []string{`{}`, `[1, "a", {"b": null}]`, `-1.5e3`, "{\n  \"a\": 1\n}"}, []string{``, `{`, ` 1`, `01`, `"\x"`, `nul`}},
	"annotations":       {`{"title":"t","$schema":"https://json-schema.org/draft/2020-12/schema","default":3}`, []string{`1`}, []string{`x`}},
	"boolean":           {`{"type":"boolean"}`, []string{`true`, `false`}, []string{`null`, `1`}},
	"null":              {`{"type":"null"}`, []string{`null`}, []string{`false`}},
	"types":             {`{"type":["string","null"]}`, []string{`null`, `"a"`}, []string{`1`}},
	"string":            {`{"type":"string"}`, []string{`""`, `"é\n\"\\\u00e9\ud83d\ude00😀"`, `"\uD7FF\uE000"`}, []string{`"`, "\"\n\"", `"\ud83d"`, `"\ude00"`, `"\u12"`}},
	"lengths":           {`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"😀é\n"`, `"\ud83d\ude00\u00e9"`}, []string{`"a"`, `"abcd"`}},
	"minimum length":    {`{"minLength":2}`, []string{`"ab"`, `"abcdef"`}, []string{`"a"`}},
	"enum":              {`{"enum":["a","b\"\n",1,null,[1,{"x":true}]]}`, []string{`"a"`, `"b\"\n"`, `1`, `null`, `[1,{"x":true}]`}, []string{`"c"`, `2`, `true`}},
	"enum of a type":    {`{"type":"string","enum":["a",1]}`, []string{`"a"`}, []string{`1`}},
	"const":             {`{"const":"x"}`, []string{`"x"`}, []string{`"y"`}},
	"integer":           {`{"type":"integer"}`, []string{`0`, `-7`, `123456789012345678`}, []string{`1.5`, `01`, `-`, `+1`, `1234567890123456789`}},
	"integers":          {`{"type":"integer","minimum":-12,"maximum":305}`, []string{`-12`, `-9`, `0`, `99`, `100`, `305`}, []string{`-13`, `306`, `1000`, `-0`}},
	"positive":          {`{"type":"integer","exclusiveMinimum":0}`, []string{`1`, `99999`}, []string{`0`, `-1`}},
	"negative":          {`{"type":"integer","exclusiveMaximum":-9}`, []string{`-10`, `-123`}, []string{`-9`, `0`, `5`}},
	"between fractions": {`{"type":"integer","minimum":1.5,"maximum":3.5}`, []string{`2`, `3`}, []string{`1`, `4`}},
	"number":            {`{"type":"number"}`, []string{`0`, `-1.5`, `1e10`, `2.5E-3`}, []string{`.5`, `1.`, `1e`}},
	"numbers":           {`{"type":"number","minimum":-1.25,"maximum":12.5}`, []string{`-1.25`, `-1.2`, `-1`, `-0.5`, `0`, `0.0`, `3`, `11.99`, `12.5`, `12.49`, `12`}, []string{`-1.26`, `-2`, `12.51`, `13`, `12.6`, `1e3`}},
	"open numbers":      {`{"exclusiveMinimum":0,"exclusiveMaximum":1}`, []string{`0.5`, `0.001`, `0.99`}, []string{`0`, `0.0`, `1`, `1.0`, `-0.5`}},
	"one side":          {`{"type":"number","minimum":2.5}`, []string{`2.5`, `2.51`, `3`, `100.25`}, []string{`2.4`, `2`, `-3`}},
	"narrow":            {`{"type":"number","minimum":0.123,"exclusiveMaximum":0.1235}`, []string{`0.123`, `0.1234`, `0.12349`}, []string{`0.1235`, `0.12`, `0.1229`, `0.1`}},
	"array":             {`{"type":"array"}`, []string{`[]`, `[1, [2]]`}, []string{`[,]`, `[1,]`, `{}`}},
	"items":             {`{"items":{"type":"integer"},"minItems":1,"maxItems":3}`, []string{`[1]`, `[1,2, 3]`}, []string{`[]`, `[1,2,3,4]`, `["a"]`}},
	"many items":        {`{"type":"array","items":{"type":"boolean"},"minItems":6}`, []string{`[true,true,true,true,true,true]`, `[true,true,true,true,true,true,false]`}, []string{`[true,true,true,true,true]`}},
	"no items":          {`{"type":"array","maxItems":0}`, []string{`[]`}, []string{`[1]`}},
	"tuple":             {`{"prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":1}`, []string{`[1]`, `[1,"a"]`}, []string{`[]`, `["a"]`, `[1,"a",2]`}},
	"open tuple":        {`{"prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2,"maxItems":3}`, []string{`[1,null]`, `[1,null,null]`}, []string{`[1]`, `[1,1]`, `[1,null,null,null]`}},
	"object": {
		`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},"required":["b"],"additionalProperties":false}`,
		[]string{`{"b":"x"}`, `{"a":1,"b":"x"}`, `{"a": 1, "b": "x", "c": null}`, "{\n  \"b\": \"\"\n}"},
		[]string{`{}`, `{"a":1}`, `{"b":1}`, `{"b":"x","d":1}`, `{,"b":"x"}`, `{"b":"x",}`},
	},
	"all optional":   {`{"properties":{"a":{},"b":{},"c":{}}}`, []string{`{}`, `{"a":1}`, `{"c":1}`, `{"a":1,"c":2}`, `{"b":1,"c":2}`}, []string{`{"d":1}`, `{"a":1,"a":2}`}},
	"free object":    {`{"type":"object"}`, []string{`{}`, `{"a":{"b":1},"\u0061":2}`}, []string{`[]`, `{"a"}`}},
	"only required":  {`{"required":["a"]}`, []string{`{"a":1}`, `{"a":1,"b":2}`}, []string{`{}`, `{"b":1}`}},
	"others":         {`{"properties":{"ab":{"type":"integer"},"abc":{"type":"integer"},"é\"":{"type":"integer"}},"additionalProperties":{"type":"string"}}`, []string{`{"ab":1,"x":"y"}`, `{"a":"","abd":"","abcd":"","b":"","é":"","":""}`}, []string{`{"ab":"x"}`, `{"abc":"x"}`, `{"x":1}`, `{"\u0061b":"x"}`}},
	"required other": {`{"properties":{"a":true},"required":["z"],"additionalProperties":{"type":"null"}}`, []string{`{"a":1,"z":null}`, `{"z":null,"y":null}`}, []string{`{"a":1}`, `{"z":1}`}},
	"never":          {`{"properties":{"a":false,"b":true}}`, []string{`{}`, `{"b":1}`}, []string{`{"a":1}`}},
	"any of":         {`{"anyOf":[{"type":"integer","minimum":5},{"type":"string","maxLength":1}]}`, []string{`5`, `"a"`}, []string{`4`, `"ab"`}},
	"one of types":   {`{"oneOf":[{"type":"integer"},{"type":["string","null"]}]}`, []string{`5`, `"a"`, `null`}, []string{`true`}},
	"one of objects": {
		`{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},{"type":"object","properties":{"kind":{"enum":["b","c"]}},"required":["kind"]}]}`,
		[]string{`{"kind":"a","x":1}`, `{"kind":"c"}`},
		[]string{`{"kind":"a"}`, `{"kind":"b","x":1}`},
	},
	"one of closed objects": {
		`{"oneOf":[{"type":"object","properties":{"x":true},"required":["x"],"additionalProperties":false},{"type":"object","properties":{"y":true},"required":["y"],"additionalProperties":false}]}`,
		[]string{`{"x":1}`, `{"y":1}`},
		[]string{`{}`, `{"x":1,"y":1}`},
	},
	"all of two": {
		`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"type":"object","properties":{"type":{"type":"null"}},"required":["type","a"]}]}`,
		[]string{`{"a":1,"type":null}`},
		[]string{`{"a":1}`, `{"type":null}`, `{}`, `{"a":1,"type":null,"c":2}`},
	},
	"all of a reference and more": {
		`{"$defs":{"b":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}},"type":"object","allOf":[{"$ref":"#/$defs/b"}],"properties":{"c":{"type":"boolean"}},"title":"t"}`,
		[]string{`{"c":true,"a":1}`, `{"a":1}`},
		[]string{`{"c":true}`, `{}`},
	},
	"all of types":   {`{"allOf":[{"type":["number","string"]},{"type":["integer","null"]}],"minimum":5}`, []string{`5`}, []string{`5.5`, `4`, `null`, `"a"`}},
	"all of nested":  {`{"allOf":[{"allOf":[{"type":"string"},true]},{"minLength":1},{}],"maxLength":2}`, []string{`"a"`, `"ab"`}, []string{`""`, `"abc"`, `1`}},
	"all of nothing": {`{"anyOf":[{"type":"null"},{"allOf":[{"type":"string"},false]},{"allOf":[{"type":"string"},{"type":"null"}]}]}`, []string{`null`}, []string{`"a"`}},
	"all of recursive": {
		`{"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"}}}},"allOf":[{"$ref":"#/$defs/n"},{"properties":{"next":{"$ref":"#"}}}]}`,
		[]string{`{}`, `{"v":1,"next":{"next":{"v":2}}}`},
		[]string{`{"next":1}`},
	},
	"email":          {`{"format":"email"}`, []string{`"a.b+c@x-y.example.org"`}, []string{`"a"`, `"a@b"`, `".a@b.org"`, `"a..b@c.org"`, `"a@-b.org"`}},
	"uri":            {`{"format":"uri"}`, []string{`"https://example.org:80/a/b?c=d#e"`, `"http://x"`}, []string{`"x"`, `"http://"`, `"javascript:a"`, `"http://x/<"`}},
	"hostname":       {`{"format":"hostname"}`, []string{`"a"`, `"a-b.c"`}, []string{`""`, `"a."`, `"-a"`, `"a_b"`}},
	"ipv6":           {`{"format":"ipv6"}`, []string{`"2001:db8:0:0:0:0:0:1"`}, []string{`"1:2:3"`, `"12345:0:0:0:0:0:0:1"`}},
	"duration":       {`{"format":"duration"}`, []string{`"P1Y2M3D"`, `"PT5M"`, `"P2W"`, `"P1DT12H30M5S"`}, []string{`"P"`, `"PT"`, `"P1YT"`, `"P1Y3D"`, `"5M"`}},
	"all of one":     {`{"allOf":[{"type":"null"}]}`, []string{`null`}, []string{`1`}},
	"recursion":      {tree, []string{`{"name":"a"}`, `{"name":"a","children":[{"name":"b","children":[]}]}`}, []string{`{}`, `{"name":"a","children":[{}]}`}},
	"recursive root": {`{"type":"array","items":{"$ref":"#"}}`, []string{`[]`, `[[],[[]]]`}, []string{`[1]`}},
	"pointer":        {`{"$ref":"#/$defs/a~1b~0c/anyOf/1","$defs":{"a/b~c":{"anyOf":[{"type":"null"},{"type":"boolean"}]}}}`, []string{`true`}, []string{`null`}},
	"pattern":        {`{"pattern":"^[A-Z]{2}-\\d+(\\.[^\\s\"]*)?$"}`, []string{`"AB-1"`, `"AB-12.x\\é"`}, []string{`"A-1"`, `"AB-"`, `"AB-1."."`, `"xAB-1"`}},
	"free pattern":   {`{"pattern":"b+|^x"}`, []string{`"abba"`, `"x"`, `"xyz"`, `"b"`, `"\n\"b"`}, []string{`"a"`, `"yx"`, `""`}},
	"pattern text":   {`{"pattern":"^\\\\\"\\/\\t.\\x41\\u00e9$"}`, []string{`"\\\"/\tzAé"`}, []string{`"\\\"/\tz"`}},
	"date":           {`{"format":"date"}`, []string{`"2024-02-28"`, `"1999-12-31"`}, []string{`"2024-02-30"`, `"2024-13-01"`, `"2024-04-31"`}},
	"date and time":  {`{"type":"string","format":"date-time"}`, []string{`"2024-02-28T23:59:00Z"`, `"2024-02-28T23:59:00.5+02:00"`}, []string{`"2024-02-28"`, `"2024-02-28T24:00:00Z"`}},
	"uuid":           {`{"format":"uuid"}`, []string{`"01234567-89ab-cdef-0123-456789abcdef"`}, []string{`"0"`}},
	"ipv4":           {`{"format":"ipv4"}`, []string{`"127.0.0.1"`, `"255.249.199.99"`}, []string{`"256.0.0.1"`, `"01.0.0.1"`, `"1.2.3"`}},
}

func TestSchemas(t *testing.T) {
	t.Parallel()

	for name, tt := range schemas {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, judge := fromSchema(t, tt.schema), oracle(t, tt.schema)
			for _, s := range tt.in {
				require.True(t, matches(t, g, s), "%s", s)
				require.NoError(t, validate(t, judge, s), "%s", s)
			}
			for _, s := range tt.out {
				require.False(t, matches(t, g, s), "%s", s)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		schema string
		kind   error
		says   string
	}{
		"not JSON":                  {`{`, grammar.ErrSyntax, "not JSON"},
		"two values":                {`{} {}`, grammar.ErrSyntax, "more than one"},
		"two members":               {`{"type":"null","type":"null"}`, grammar.ErrSyntax, "two members"},
		"not UTF-8":                 {"\"\xff\"", grammar.ErrSyntax, "UTF-8"},
		"no schema":                 {`3`, grammar.ErrSyntax, "a schema is"},
		"unknown keyword":           {`{"properties":{"a/b":{"minimun":1}}}`, grammar.ErrUnsupported, `schema at "#/properties/a~1b": "minimun"`},
		"not":                       {`{"not":{}}`, grammar.ErrUnsupported, `"not"`},
		"if":                        {`{"type":"object","if":{}}`, grammar.ErrUnsupported, `"if"`},
		"pattern properties":        {`{"patternProperties":{}}`, grammar.ErrUnsupported, `"patternProperties"`},
		"unique items":              {`{"type":"array","uniqueItems":true}`, grammar.ErrUnsupported, `"uniqueItems"`},
		"multiple of":               {`{"type":"integer","multipleOf":2}`, grammar.ErrUnsupported, `"multipleOf"`},
		"nested id":                 {`{"items":{"$id":"x"}}`, grammar.ErrUnsupported, `"$id"`},
		"beside a reference":        {`{"$ref":"#/$defs/a","minimum":1,"$defs":{"a":{}}}`, grammar.ErrUnsupported, `"minimum": beside $ref`},
		"beside any of":             {`{"anyOf":[{}],"properties":{}}`, grammar.ErrUnsupported, "beside anyOf"},
		"beside enum":               {`{"enum":[1],"minimum":1}`, grammar.ErrUnsupported, "beside enum"},
		"another type":              {`{"type":"integer","minLength":1}`, grammar.ErrUnsupported, "without type string"},
		"pattern and length":        {`{"pattern":"a","minLength":1}`, grammar.ErrUnsupported, "beside minLength"},
		"format":                    {`{"format":"idn-email"}`, grammar.ErrUnsupported, "idn-email"},
		"remote reference":          {`{"$ref":"https://example.com/s"}`, grammar.ErrUnsupported, "$ref"},
		"dead reference":            {`{"$ref":"#/$defs/x"}`, grammar.ErrSyntax, "nowhere"},
		"circle":                    {`{"$ref":"#"}`, grammar.ErrRecursion, "begins with itself"},
		"circle of any of":          {`{"anyOf":[{"type":"null"},{"$ref":"#"}]}`, grammar.ErrRecursion, "begins with itself"},
		"endless":                   {`{"properties":{"a":{"$ref":"#"}},"required":["a"]}`, grammar.ErrEmpty, "never ends"},
		"false":                     {`false`, grammar.ErrEmpty, "never ends"},
		"no integer":                {`{"type":"integer","minimum":2.1,"maximum":2.9}`, grammar.ErrEmpty, "never ends"},
		"no number":                 {`{"type":"number","exclusiveMinimum":2,"maximum":2}`, grammar.ErrEmpty, "never ends"},
		"no length":                 {`{"minLength":3,"maxLength":2}`, grammar.ErrEmpty, "never ends"},
		"required never":            {`{"properties":{"a":false},"required":["a"]}`, grammar.ErrEmpty, "never ends"},
		"no value of a type":        {`{"type":"null","enum":[1]}`, grammar.ErrEmpty, "never ends"},
		"all of that differ":        {`{"allOf":[{"minimum":1},{"minimum":2}]}`, grammar.ErrUnsupported, "which differ"},
		"all of one property":       {`{"allOf":[{"properties":{"a":{"type":"null"}}},{"properties":{"a":{"type":"string"}}}]}`, grammar.ErrUnsupported, "of one name"},
		"all of closed":             {`{"allOf":[{"properties":{"a":{}},"additionalProperties":false},{"properties":{"b":{}}}]}`, grammar.ErrUnsupported, "additionalProperties"},
		"all of with any of":        {`{"allOf":[{"anyOf":[{"type":"null"}]},{"type":"null"}]}`, grammar.ErrUnsupported, "anyOf or oneOf"},
		"all of tuples":             {`{"allOf":[{"prefixItems":[{"type":"null"}]},{"items":{"type":"string"}}]}`, grammar.ErrUnsupported, "prefixItems"},
		"all of a reference beside": {`{"allOf":[{"$ref":"#/$defs/a","minimum":1},{}],"$defs":{"a":{}}}`, grammar.ErrUnsupported, "within allOf"},
		"all of itself":             {`{"allOf":[{"$ref":"#"},{"type":"null"}]}`, grammar.ErrLimit, "schemas of allOf"},
		"all of many":               {`{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/b"}]},"b":{"allOf":[{"$ref":"#/$defs/c"},{"$ref":"#/$defs/c"}]},"c":{"allOf":[{"$ref":"#/$defs/d"},{"$ref":"#/$defs/d"}]},"d":{"allOf":[{"$ref":"#/$defs/e"},{"$ref":"#/$defs/e"}]},"e":{"allOf":[{"$ref":"#/$defs/f"},{"$ref":"#/$defs/f"}]},"f":{"allOf":[{"type":"null"},{"type":"null"}]}},"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}`, grammar.ErrLimit, "schemas of allOf"},
		"all of what is none":       {`{"allOf":[{},5]}`, grammar.ErrSyntax, "a schema is"},
		"one of two":                {`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, grammar.ErrUnsupported, "exclude"},
		"one of two objects":        {`{"oneOf":[{"type":"object","properties":{"x":{}},"required":["x"]},{"type":"object","properties":{"y":{}},"required":["y"]}]}`, grammar.ErrUnsupported, "exclude"},
		"one of two closed objects": {`{"oneOf":[{"type":"object","properties":{"x":{}},"required":["x"],"additionalProperties":false},{"type":"object","properties":{"x":{},"y":{}},"additionalProperties":false}]}`, grammar.ErrUnsupported, "exclude"},
		"type":                      {`{"type":"int"}`, grammar.ErrSyntax, "type"},
		"no types":                  {`{"type":[]}`, grammar.ErrSyntax, "type"},
		"required":                  {`{"required":"a"}`, grammar.ErrSyntax, "required"},
		"properties":                {`{"properties":[]}`, grammar.ErrSyntax, "properties"},
		"no branches":               {`{"anyOf":[]}`, grammar.ErrSyntax, "anyOf"},
		"draft 4 bound":             {`{"minimum":1,"exclusiveMinimum":true}`, grammar.ErrSyntax, "exclusiveMinimum"},
		"long bound":                {`{"minimum":1e999999999}`, grammar.ErrUnsupported, "digits"},
		"negative count":            {`{"minItems":-1}`, grammar.ErrSyntax, "minItems"},
		"large count":               {`{"maxLength":1000000000000000000000}`, grammar.ErrLimit, "repeat"},
		"pattern assertion":         {`{"pattern":"a(?=b)"}`, grammar.ErrUnsupported, "?"},
		"pattern reference":         {`{"pattern":"(a)\\1"}`, grammar.ErrUnsupported, `\1`},
		"pattern border":            {`{"pattern":"\\bx"}`, grammar.ErrUnsupported, `\b`},
		"pattern anchor":            {`{"pattern":"a^b"}`, grammar.ErrUnsupported, "^"},
		"pattern end":               {`{"pattern":"(a$)"}`, grammar.ErrUnsupported, "want )"},
		"pattern bracket":           {`{"pattern":"[a"}`, grammar.ErrSyntax, "[ without ]"},
		"pattern repeats":           {`{"pattern":"a{99999}"}`, grammar.ErrLimit, "repeat"},
		"pattern depth":             {`{"pattern":"` + strings.Repeat("(", 300) + `"}`, grammar.ErrLimit, "nesting"},
		"pattern size":              {`{"pattern":"((\\w{9000}é){9000}.{9000}){9000}` + strings.Repeat(".{16000}", 40) + `"}`, grammar.ErrLimit, "states"},
		"too deep":                  {strings.Repeat(`{"items":`, 200) + `{}` + strings.Repeat(`}`, 200), grammar.ErrLimit, "nesting"},
		"too large":                 {`"` + strings.Repeat("x", 1<<20) + `"`, grammar.ErrLimit, "source bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := grammar.FromSchema([]byte(tt.schema), grammar.Limits{})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// TestRandomTextsAreValid lets random logits write under each schema, with the tokens of public models.
func TestRandomTextsAreValid(t *testing.T) {
	t.Parallel()

	for _, m := range public(t, "*.gguf") {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			ended, seed := 0, uint64(0)
			for name, tt := range schemas {
				judge := oracle(t, tt.schema)
				s, err := grammar.NewConstraint(fromSchema(t, tt.schema), m.v).Start()
				require.NoError(t, err)
				seed++
				text, done := generate(t, m, seed, &s, 8, 80)
				if done {
					ended++
					require.NoError(t, validate(t, judge, text), "%s: %q", name, text)
				}
			}
			require.Greater(t, ended*10, len(schemas)*9, "%d of %d texts ended", ended, len(schemas))
		})
	}
}

func FuzzSchema(f *testing.F) {
	for _, tt := range schemas {
		f.Add(tt.schema, tt.in[0])
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		g, err := grammar.FromSchema([]byte(schema), grammar.Limits{SourceBytes: 4096, Rules: 512, States: 1 << 13, Work: 1 << 16, CacheBytes: 1 << 19, Depth: 64})
		if err != nil {
			requireKnown(t, err)
			return
		}
		requireSound(t, g, text)
		if !matches(t, g, text) || longExponent.MatchString(schema) { // which the oracle writes out
			return
		}
		require.True(t, json.Valid([]byte(text)), "%q", text)
		tree, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
		require.NoError(t, err)
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		c.UseRegexpEngine(ecma)
		if c.AddResource("file:///schema.json", tree) != nil {
			return
		}
		if judge, err := c.Compile("file:///schema.json"); err == nil {
			require.NoError(t, validate(t, judge, text))
		}
	})
}
