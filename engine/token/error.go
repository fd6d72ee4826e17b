package token

import (
	"errors"
	"fmt"
)

// What is wrong with a vocabulary. Branch with [errors.Is].
var (
	ErrInvalid     = errors.New("invalid vocabulary")      // it contradicts itself, or parts are missing
	ErrUnsupported = errors.New("unsupported vocabulary")  // a tokenizer or pre-tokenizer that this package does not know
	ErrLimit       = errors.New("over a vocabulary limit") // more or longer tokens than this package takes
)

// A VocabError says which metadata key of a file is wrong, and why. It wraps one of the three kinds above.
type VocabError struct {
	Key    string // "tokenizer.ggml.tokens" and the like
	Reason string // what the file says is quoted and cut
	Kind   error
}

func (e *VocabError) Error() string {
	return fmt.Sprintf("reading %s: %s: %v", e.Key, e.Reason, e.Kind)
}

// Unwrap returns the kind.
func (e *VocabError) Unwrap() error { return e.Kind }

func invalid(key, format string, args ...any) error {
	return &VocabError{Key: key, Reason: fmt.Sprintf(format, args...), Kind: ErrInvalid}
}
