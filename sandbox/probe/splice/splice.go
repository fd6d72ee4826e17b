// Package splice tells whether a text that a program puts into a statement changes what the statement does: SQL, shell,
// templates, Python source and pickle streams.
//
// The test is the shape of the parsed statement. A host whose slot is filled with a plain word has one shape; a text is
// harmless when the host that holds it has the same one, and dangerous when the host still parses and does more. A text
// that makes the host stop parsing breaks it and runs nothing, which is another kind of fault and not looked for here.
package splice

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Slot marks, in a host, the place of the text.
const Slot = "{}"

// A Host is a statement with a place for a text.
type Host struct {
	Language      string
	before, after string
}

// languages are the parsers. Each returns the source of what the text adds to the host's shape: nothing for a harmless text
// and for a host that does not parse with it.
var languages = map[string]func(before, text, after string) []string{
	"sql":         func(b, t, a string) []string { return sqlAdded(b, t, a, false) },
	"mysql":       func(b, t, a string) []string { return sqlAdded(b, t, a, true) },
	"shell":       shellAdded,
	"jinja":       jinjaAdded,
	"go-template": goTemplateAdded,
	"js-template": jsTemplateAdded,
	"python":      pythonAdded,
	"pickle":      func(b, t, a string) []string { return pickleAdded(b + t + a) },
}

// Languages lists the names that [NewHost] knows.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// NewHost reads a host statement, which holds [Slot] once.
func NewHost(language, statement string) (Host, error) {
	if _, ok := languages[language]; !ok {
		return Host{}, fmt.Errorf("language %.40q, want one of %s: %w", language, strings.Join(Languages(), ", "), hallmark.ErrInvalid)
	}
	before, after, ok := strings.Cut(statement, Slot)
	if !ok || strings.Contains(after, Slot) {
		return Host{}, fmt.Errorf("%s statement %.60q holds %s not just once: %w", language, statement, Slot, hallmark.ErrInvalid)
	}
	return Host{Language: language, before: before, after: after}, nil
}

// Added returns the source of what the text adds to the statement beyond a plain value.
func (h Host) Added(text string) []string { return languages[h.Language](h.before, text, h.after) }
