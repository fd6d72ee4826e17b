package template

import (
	"errors"
	"fmt"
	"strings"
)

// Kinds of failure, for [errors.Is].
var (
	ErrSyntax    = errors.New("template syntax")            // the source is not a template that this package knows
	ErrForbidden = errors.New("forbidden construct")        // the template reaches for something outside the language
	ErrBudget    = errors.New("template budget is used up") // steps, depth or output of a rendering, or a limit of Parse
	ErrInput     = errors.New("template input")             // fields of an Input that are not JSON objects
	ErrRender    = errors.New("template rendering")         // the template stopped itself or used a value wrongly
)

// A SyntaxError is a source that does not parse, or that names a filter, test, method or function that is not known.
type SyntaxError struct {
	Line, Column int // from 1; the column counts bytes
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("template line %d column %d: %s", e.Line, e.Column, e.Message)
}

// Unwrap returns [ErrSyntax].
func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// A ForbiddenError is a construct that no chat template needs and that attacks on template engines are made of.
type ForbiddenError struct {
	Line, Column int
	Construct    string // what was found, quoted where it comes from the template
}

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("template line %d column %d: forbidden construct: %s", e.Line, e.Column, e.Construct)
}

// Unwrap returns [ErrForbidden].
func (e *ForbiddenError) Unwrap() error { return ErrForbidden }

// A RenderError stopped a rendering.
type RenderError struct {
	Line, Column int
	Message      string
	Raised       bool // the template itself called raise_exception with Message
}

func (e *RenderError) Error() string {
	return fmt.Sprintf("template line %d column %d: %s", e.Line, e.Column, e.Message)
}

// Unwrap returns [ErrRender].
func (e *RenderError) Unwrap() error { return ErrRender }

// A BudgetError names the limit that was reached.
type BudgetError struct {
	Limit string // "steps", "depth", "output", "source bytes", "nesting" or "nodes"
	Value int    // of the limit
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("template: limit of %d %s reached", e.Value, e.Limit)
}

// Unwrap returns [ErrBudget].
func (e *BudgetError) Unwrap() error { return ErrBudget }

// posError is an error at a byte offset of the source, until the offset is made a line and column.
type posError struct {
	pos    int
	kind   error // ErrSyntax, ErrForbidden or ErrRender
	msg    string
	raised bool
}

func (e *posError) Error() string { return e.msg }

func (e *posError) Unwrap() error { return e.kind }

func syntaxf(pos int, format string, args ...any) error {
	return &posError{pos: pos, kind: ErrSyntax, msg: fmt.Sprintf(format, args...)}
}

func forbiddenf(pos int, format string, args ...any) error {
	return &posError{pos: pos, kind: ErrForbidden, msg: fmt.Sprintf(format, args...)}
}

func renderf(pos int, format string, args ...any) error {
	return &posError{pos: pos, kind: ErrRender, msg: fmt.Sprintf(format, args...)}
}

// at gives err the position pos unless it has one, or is about a budget.
func at(pos int, err error) error {
	var p *posError
	var b *BudgetError
	if err == nil || errors.As(err, &p) || errors.As(err, &b) {
		return err
	}
	return renderf(pos, "%s", err.Error())
}

// public turns the package's own errors into the exported types.
func public(src string, err error) error {
	var p *posError
	if !errors.As(err, &p) {
		return err
	}
	before := src[:min(max(p.pos, 0), len(src))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndexByte(before, '\n')
	switch {
	case errors.Is(p.kind, ErrSyntax):
		return &SyntaxError{Line: line, Column: column, Message: p.msg}
	case errors.Is(p.kind, ErrForbidden):
		return &ForbiddenError{Line: line, Column: column, Construct: p.msg}
	default:
		return &RenderError{Line: line, Column: column, Message: p.msg, Raised: p.raised}
	}
}
