package template

import "errors"

// Exhausts reports, as a *[BudgetError], whether a template is made to take time and memory: by loops over large ranges and
// repetitions that stand in it, or because a short chat already takes a large part of what rendering may take, which loops
// and texts that double do. It renders with the interpreter of this package, which has no way to
// its host, under a budget of a fifth of a second.
func (t *Template) Exhausts() error {
	if t.exhausts != nil {
		return t.exhausts
	}
	messages := []Message{
		{Role: "system", Content: "Be brief."},
		{Role: "user", Content: "Hello."},
		{Role: "assistant", Content: "Hello."},
		{Role: "user", Content: "Count to three."},
	}
	const tools = `{"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}]}`
	for _, in := range []Input{
		{Messages: messages, AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>"},
		{Messages: messages[1:], AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>", Fields: tools},
	} {
		_, err := t.Render(in, Budget{Steps: 200_000, Output: 256 << 10})
		if errors.Is(err, ErrBudget) || errors.Is(err, ErrForbidden) {
			return err
		}
	}
	return nil
}
