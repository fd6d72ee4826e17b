package grammar

import (
	"errors"
	"fmt"
)

// Kinds of failure, for [errors.Is].
var (
	ErrSyntax      = errors.New("grammar syntax")           // not a grammar, not a schema
	ErrUnsupported = errors.New("unsupported construct")    // valid, but not known here
	ErrRecursion   = errors.New("left recursion")           // a rule begins with itself
	ErrEmpty       = errors.New("no text fits")             // the language has no text that ends
	ErrLimit       = errors.New("grammar limit")            // too large, too deep or too ambiguous
	ErrRejected    = errors.New("outside of the grammar")   // the token cannot come next
	ErrStuck       = errors.New("no token can come next")   // the vocabulary cannot spell what must come
	ErrVocabulary  = errors.New("unusable vocabulary size") // none or too many tokens
)

// A SyntaxError is a grammar that does not parse, or a rule that cannot be used. It wraps ErrSyntax, ErrUnsupported,
// ErrRecursion or ErrEmpty.
type SyntaxError struct {
	Line    int // from 1; 0 if the whole grammar is meant
	Message string
	Kind    error
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("grammar: %s: %v", e.Message, e.Kind)
	}
	return fmt.Sprintf("grammar line %d: %s: %v", e.Line, e.Message, e.Kind)
}

// Unwrap returns the kind.
func (e *SyntaxError) Unwrap() error { return e.Kind }

// A SchemaError is a keyword of a schema that cannot be followed. It wraps ErrSyntax, ErrUnsupported, ErrRecursion or
// ErrEmpty.
type SchemaError struct {
	Pointer string // JSON pointer of the schema, "" for the whole
	Keyword string // may be empty
	Message string
	Kind    error
}

func (e *SchemaError) Error() string {
	keyword := e.Keyword
	if keyword != "" {
		keyword = fmt.Sprintf("%.40q: ", keyword)
	}
	return fmt.Sprintf("schema at %.80q: %s%s: %v", "#"+e.Pointer, keyword, e.Message, e.Kind)
}

// Unwrap returns the kind.
func (e *SchemaError) Unwrap() error { return e.Kind }

// A LimitError names the limit that was reached. It wraps ErrLimit.
type LimitError struct {
	Limit string
	Value int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("grammar: limit of %d %s reached", e.Value, e.Limit)
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }
