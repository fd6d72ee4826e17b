package template

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Template is a parsed chat template. It may be rendered by several goroutines at once.
type Template struct {
	src      string
	body     []stmt
	exhausts error // a limit that it reaches by its own constants
}

// Parse reads the source of a chat template.
//
// A construct that reaches outside the language is a *[ForbiddenError]. A source that does not parse, or that names a
// filter, test, method or function that is not known, is a *[SyntaxError]. One that is too large or nested too deep is
// a *[BudgetError]. Nothing is rendered before all of it was checked.
func Parse(src string) (*Template, error) {
	src = normalize(src)
	t, err := parse(src)
	if err != nil {
		return nil, public(src, err)
	}
	return t, nil
}

// normalize makes all ends of lines "\n" and drops the one that ends the source, as Jinja does.
func normalize(src string) string {
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	return strings.TrimSuffix(src, "\n")
}

// A Message is one turn of a chat.
type Message struct {
	Role    string // "system", "user", "assistant"; handed to the template as it is
	Content string
	// Fields is a JSON object with more of the message, such as tool_calls and reasoning_content. It may have another
	// content, a list of parts for instance, but no role. All strings in it count as content of the message.
	Fields string
}

// An Input is what a template is rendered with.
type Input struct {
	Messages            []Message
	AddGenerationPrompt bool   // end with what opens the answer of the model
	BOS, EOS            string // spellings of the tokens bos_token and eos_token
	// Fields is a JSON object with more variables, such as tools, documents and enable_thinking. What is in it belongs to
	// no message.
	Fields string
	// Now is the time that strftime_now formats, in UTC. Zero is 2024-07-26, so that a rendering depends on its input
	// alone.
	Now time.Time
}

// A Budget bounds one rendering. Zero fields have the default.
type Budget struct {
	// Steps is how many nodes of the tree are evaluated, where long texts and lists cost more: 1,000,000.
	Steps int
	// Depth is how many macros may be inside one another: 100.
	Depth int
	// Output is how many bytes may be written, and the size of any text on the way: 1 MiB.
	Output int
}

// A Span is the byte range [Start, End) of a rendered text that was taken from the content of one message.
type Span struct {
	Start, End int
	Role       string
	Message    int // index in Input.Messages
}

// Rendered is a chat as the model reads it.
type Rendered struct {
	Text string
	// Spans are sorted and disjoint. A message that is written twice, or in pieces, has several; one that is not
	// written, or is empty, has none. White space that the template trims is not part of a span.
	Spans []Span
}

// Render writes a chat. It fails with [ErrInput] for fields that are not JSON objects, with a *[BudgetError], with a
// *[RenderError] when the template stops itself (raise_exception) or uses a value wrongly, or with a *[ForbiddenError] for a
// name that was hidden from [Parse].
func (t *Template) Render(in Input, b Budget) (Rendered, error) { return t.render(in, newInterp(b)) }

func (t *Template) render(in Input, r *interp) (Rendered, error) {
	r.now = in.Now
	if r.now.IsZero() {
		r.now = time.Date(2024, time.July, 26, 0, 0, 0, 0, time.UTC)
	}
	vars, err := in.vars(r)
	if err != nil {
		return Rendered{}, fmt.Errorf("render chat: %w", err)
	}
	var out textBuilder
	if _, err := r.exec(t.body, &scope{vars: vars}, &out); err != nil {
		return Rendered{}, fmt.Errorf("render chat: %w", public(t.src, err))
	}
	done := Rendered{Text: out.b.String()}
	for _, o := range out.from {
		done.Spans = append(done.Spans, Span{o.start, o.end, in.Messages[o.msg].Role, o.msg})
	}
	return done, nil
}

// vars are the names that a template starts with. The ones without a value are none, as transformers has them.
func (in Input) vars(r *interp) (map[string]value, error) {
	messages := &list{}
	for i, m := range in.Messages {
		content := text{s: m.Content}
		if m.Content != "" {
			content.from = []origin{{0, len(m.Content), i}}
		}
		d := newDict(2)
		d.setString("role", str(m.Role))
		d.setString("content", content)
		err := r.fields(m.Fields, i, func(k string, v value) error {
			if k == "role" {
				return ErrInput
			}
			d.setString(k, v)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("fields of message %d: %w", i, err)
		}
		messages.items = append(messages.items, d)
	}
	vars := map[string]value{"tools": none{}, "documents": none{}}
	err := r.fields(in.Fields, fromTemplate, func(k string, v value) error {
		vars[k] = v
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fields: %w", err)
	}
	vars["messages"] = messages
	vars["add_generation_prompt"] = boolean(in.AddGenerationPrompt)
	vars["bos_token"] = str(in.BOS)
	vars["eos_token"] = str(in.EOS)
	return vars, nil
}

// fields calls set for each field of a JSON object, whose strings come from message msg. An empty s has none.
func (in *interp) fields(s string, msg int, set func(k string, v value) error) error {
	if s == "" {
		return nil
	}
	v, err := in.readJSON(s, msg)
	d, ok := v.(*dict)
	switch {
	case errors.Is(err, errJSON), err == nil && !ok:
		return ErrInput
	case err != nil:
		return err
	}
	for i, k := range d.keys {
		if err := set(k.(text).s, d.values[i]); err != nil { // keys of JSON are texts
			return err
		}
	}
	return nil
}
