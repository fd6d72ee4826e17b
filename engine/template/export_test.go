package template

// RenderSteps is Render, and tells how many steps were used and whether all that was entered was left again.
func (t *Template) RenderSteps(in Input, b Budget) (out Rendered, steps int, left bool, err error) {
	r := newInterp(b)
	out, err = t.render(in, r)
	return out, r.steps, r.depth == 0 && r.level == 0, err
}
