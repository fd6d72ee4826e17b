package gguf

import (
	"errors"
	"fmt"
)

// What is wrong with a file. Branch with [errors.Is].
var (
	ErrInvalid     = errors.New("invalid gguf")      // the file breaks the format
	ErrUnsupported = errors.New("unsupported gguf")  // the file may be right, but this engine does not know what it needs
	ErrLimit       = errors.New("over a gguf limit") // the file asks for more than the reader's limits allow
)

// A ParseError says where in a file the reader stopped, and why. It wraps one of the three kinds above.
type ParseError struct {
	Part   string // "header", "key" or "tensor"
	Name   string // the key or tensor, as far as it is known; raw bytes of the file
	Offset int64  // byte offset in the file
	Reason string // free of raw bytes of the file
	Kind   error
}

func (e *ParseError) Error() string {
	part := e.Part
	if e.Name != "" {
		part = fmt.Sprintf("%s %s", e.Part, quote(e.Name))
	}
	return fmt.Sprintf("reading %s at byte %d: %s: %v", part, e.Offset, e.Reason, e.Kind)
}

// Unwrap returns the kind.
func (e *ParseError) Unwrap() error { return e.Kind }

// quote makes bytes of a file fit for a message: escaped and short.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q... (%d bytes)", s[:most], len(s))
	}
	return fmt.Sprintf("%q", s)
}
