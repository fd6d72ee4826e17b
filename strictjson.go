package hallmark

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxJSONDepth bounds nesting, so that hostile input cannot exhaust the stack.
const maxJSONDepth = 64

// DecodeJSON reads exactly one JSON value into v, which points to a struct, and refuses with [ErrInvalid] everything
// on which parsers differ: invalid UTF-8, a key given twice, a key whose letter case differs from the field's, an
// unknown key, trailing data, nesting deeper than 64. Signed documents are read with it before anything is believed.
func DecodeJSON(data []byte, v any) error { return decodeJSON(data, v, true) }

// DecodeOpenJSON is [DecodeJSON] for formats whose readers must ignore keys that they do not know. A key that is a
// known one in another letter case is still refused.
func DecodeOpenJSON(data []byte, v any) error { return decodeJSON(data, v, false) }

func decodeJSON(data []byte, v any, closed bool) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("JSON: not valid UTF-8: %w", ErrInvalid)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	c := jsonChecker{dec: dec, closed: closed}
	if err := c.value(reflect.TypeOf(v), 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("JSON: data after the value: %w", ErrInvalid)
	}
	err := json.Unmarshal(data, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok { // whose text is about types of ours
		name := "the value"
		if wrong.Field != "" {
			name = strconv.Quote(wrong.Field)
		}
		return fmt.Errorf("JSON: %s is a %s, which it cannot be: %w", name, wrong.Value, ErrInvalid)
	}
	if err != nil {
		return fmt.Errorf("JSON: %w: %w", err, ErrInvalid)
	}
	return nil
}

// jsonChecker walks the tokens of a document beside the type that it will be decoded into.
type jsonChecker struct {
	dec    *json.Decoder
	closed bool // unknown keys are refused
}

func (c *jsonChecker) token() (json.Token, error) {
	tok, err := c.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("JSON: %w: %w", err, ErrInvalid)
	}
	return tok, nil
}

// value checks one value. t is the type it will land in, or nil where any shape may stand.
func (c *jsonChecker) value(t reflect.Type, depth int) error {
	if depth > maxJSONDepth {
		return fmt.Errorf("JSON: nested deeper than %d: %w", maxJSONDepth, ErrInvalid)
	}
	tok, err := c.token()
	if err != nil {
		return err
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tok {
	case json.Delim('{'):
		return c.object(t, depth)
	case json.Delim('['):
		var elem reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t != rawMessage {
			elem = t.Elem()
		}
		for c.dec.More() {
			if err := c.value(elem, depth+1); err != nil {
				return err
			}
		}
		_, err := c.token()
		return err
	default:
		return nil
	}
}

func (c *jsonChecker) object(t reflect.Type, depth int) error {
	var fields map[string]reflect.Type // nil where the keys are free
	var elem reflect.Type
	switch {
	case t == nil || t == rawMessage:
	case t.Kind() == reflect.Struct:
		fields = make(map[string]reflect.Type)
		jsonFields(t, fields)
	case t.Kind() == reflect.Map:
		elem = t.Elem()
	}
	seen := make(map[string]struct{})
	for c.dec.More() {
		tok, err := c.token()
		if err != nil {
			return err
		}
		key, _ := tok.(string) // the decoder admits nothing else here
		if _, twice := seen[key]; twice {
			return fmt.Errorf("JSON: key %.80q is given twice: %w", key, ErrInvalid)
		}
		seen[key] = struct{}{}
		sub := elem
		if fields != nil {
			if sub, err = c.field(fields, key); err != nil {
				return err
			}
		}
		if err := c.value(sub, depth+1); err != nil {
			return err
		}
	}
	_, err := c.token()
	return err
}

func (c *jsonChecker) field(fields map[string]reflect.Type, key string) (reflect.Type, error) {
	if t, ok := fields[key]; ok {
		return t, nil
	}
	for name := range fields {
		if strings.EqualFold(name, key) {
			return nil, fmt.Errorf("JSON: key %.80q differs from %q in letter case: %w", key, name, ErrInvalid)
		}
	}
	if c.closed {
		return nil, fmt.Errorf("JSON: unknown key %.80q: %w", key, ErrInvalid)
	}
	return nil, nil //nolint:nilnil // no type: any shape may stand here
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// jsonFields collects the JSON names of a struct's fields, those of embedded structs included.
func jsonFields(t reflect.Type, into map[string]reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && f.Anonymous && f.Type.Kind() == reflect.Struct:
			jsonFields(f.Type, into)
		case !f.IsExported():
		case name == "":
			into[f.Name] = f.Type
		default:
			into[name] = f.Type
		}
	}
}
