package template

import "errors"

// RenderSteps is Render, and tells how many steps were used. It fails if something that was entered was not left again.
func (t *Template) RenderSteps(in Input, b Budget) (Rendered, int, error) {
	r := newInterp(b)
	out, err := t.render(in, r)
	if r.depth != 0 || r.level != 0 {
		err = errors.New("a macro or node was not left")
	}
	return out, r.steps, err
}
