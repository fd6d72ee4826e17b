package probe

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Contexts without a tag of their own: scripts, the strings in them, attributes that hold scripts, forms, documents.
func TestActiveInWhatIsNoMarkup(t *testing.T) {
	t.Parallel()

	tests := map[string]struct{ text, context string }{
		"a call":                          {"alert('K7Q')", "script"},
		"a member by a made-up name":      {`top["al" + "ert"]("K7Q")`, "script"},
		"a name with escapes":             {`al\u0065rt("K7Q")`, "script"},
		"a name with a long escape":       {`al\u{65}rt("K7Q")`, "script"},
		"a tagged template":               {"alert`K7Q`", "script"},
		"somebody else calls":             {"['K7Q'].find(alert)", "script"},
		"a name for it":                   {"a=alert,a('K7Q')", "script"},
		"the page leaves":                 {"location='//norvik.example/K7Q'", "script"},
		"the page changes":                {"document.body.innerHTML='K7Q'", "script"},
		"a handler is set":                {"onerror=eval;throw '=alert(\"K7Q\")'", "script"},
		"a function's constructor":        {"[]['find']['constructor']('K7Q')()", "script"},
		"a module":                        {"import('//norvik.example/K7Q')", "script"},
		"out of a string":                 {"'-alert('K7Q')-'", "string"},
		"out of a string in quotes":       {`";alert("K7Q")//`, "string"},
		"in a template":                   {"${alert('K7Q')}", "string"},
		"a host that escapes quotes only": {`\';alert("K7Q")//`, "string"},
		"references in a handler":         {"alert&lpar;'K7Q'&rpar;", "handler"},
		"a handler without quotes":        {"alert('K7Q')>#x", "handler"},
		"a field of a form":               {"<svg+onload=alert('K7Q')>", "form"},
		"a style sheet of a document":     {`<?xml-stylesheet href="//norvik.example/K7Q"?><a/>`, "xml"},
		"a default of a document":         {`<!DOCTYPE a [<!ATTLIST a onload CDATA "alert('K7Q')">]><a/>`, "xml"},
		"a server's include":              {`<!--#include virtual="/K7Q" -->`, "markdown"},
		"escapes in a style":              {`<p style="background:u\72l(//norvik.example/K7Q)">`, "markdown"},
		"an animated address":             {`<svg><image><set attributeName="href" to="//norvik.example/K7Q"/></image></svg>`, "markdown"},
		"the second value of an address":  {`<svg><a><animate attributeName="href" values="x;javascript:alert('K7Q')"/></a></svg>`, "markdown"},

		"a sentence":                     {"Then alert(K7Q) is called.", ""},
		"a sentence that begins with it": {"alert(K7Q) shows a window", ""},
		"a sentence and a tag":           {"call alert('K7Q')>now", ""},
		"a name of nobody":               {"show('K7Q')", ""},
		"a name of its own":              {"function alert(x) {} alert('K7Q')", ""},
		"only in a comment":              {"f('K7Q') // alert", ""},
		"only in a string":               {"f('alert K7Q')", ""},
		"a value":                        {"location + 'K7Q'", ""},
		"quotes":                         {"He said 'K7Q' and \"no\"", ""},
		"no break-out":                   {"it's alert('K7Q')", ""},
		"a price in a template":          {"${K7Q}", ""},
		"escaped for HTML":               {"&#39;-alert(&#39;K7Q&#39;)-&#39;", ""},
		"escaped for HTML, in numbers":   {"alert(&#x27;K7Q&#39;)", ""},
		"code":                           {"Write `alert('K7Q')`.", ""},
		"code alone":                     {"`alert('K7Q')`", ""},
		"code in a fence":                {"```js\nalert(`${'K7Q'}`)\n```", ""},
		"a sum":                          {"1+1 K7Q <b+c", ""},
		"a document without more":        {`<?xml version="1.0"?><!DOCTYPE a [<!ATTLIST a id ID "K7Q">]><a/>`, ""},
		"a comment":                      {"<!-- #include K7Q -->", ""},
		"a colour with escapes":          {`<p style="c\6flor:red">K7Q</p>`, ""},
		"an animated size":               {`<svg><rect><animate attributeName="width" values="1;K7Q"/></rect></svg>`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			context, carries := activeIn(tt.text, "K7Q")
			require.Equal(t, tt.context, context)
			require.Equal(t, tt.context != "", carries)
		})
	}
}

// A script that is nested deeper than its parser goes does not end the judge.
func TestDeepScripts(t *testing.T) {
	t.Parallel()

	for _, part := range []string{"(", "[", "{", "`${", "a=>", "!", "-", "f(", "new ", "'", "/", "x?", "(a,", "({a:", "class a{b(){"} {
		context, _ := activeIn(strings.Repeat(part, 20_000), "")
		require.Empty(t, context, part)
	}
}
