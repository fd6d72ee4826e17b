package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a JSON value of a schema, with the order of its members.
type value struct {
	kind    valueKind
	text    string // of a string; a number as it is written
	truth   bool
	items   []*value // of an array, or the values of the members
	names   []string // of the members
	members map[string]*value
}

type valueKind uint8

const (
	isNull valueKind = iota
	isBool
	isNumber
	isString
	isArray
	isObject
)

// get returns a member, nil if there is none.
func (v *value) get(name string) *value { return v.members[name] }

func notJSON(format string, args ...any) error {
	return &SchemaError{"", "", fmt.Sprintf(format, args...), ErrSyntax}
}

// reader reads JSON values.
type reader struct {
	d       *json.Decoder
	depth   int
	nesting int // largest depth
}

// readJSON reads one value that nests at most a number of levels and names no member twice.
func readJSON(data []byte, nesting int) (*value, error) {
	if !utf8.Valid(data) {
		return nil, notJSON("not UTF-8")
	}
	r := reader{d: json.NewDecoder(bytes.NewReader(data)), nesting: nesting}
	r.d.UseNumber()
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if _, err := r.d.Token(); !errors.Is(err, io.EOF) {
		return nil, notJSON("more than one JSON value")
	}
	return v, nil
}

func (r *reader) value() (*value, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, notJSON("not JSON: %v", err)
	}
	switch t := t.(type) {
	case nil:
		return &value{kind: isNull}, nil
	case bool:
		return &value{kind: isBool, truth: t}, nil
	case json.Number:
		return &value{kind: isNumber, text: t.String()}, nil
	case string:
		return &value{kind: isString, text: t}, nil
	}
	if r.depth++; r.depth > r.nesting {
		return nil, &LimitError{"nesting", r.nesting}
	}
	v := &value{kind: isArray}
	if t == json.Delim('{') {
		v.kind, v.members = isObject, map[string]*value{}
	}
	for r.d.More() {
		if err := r.item(v); err != nil {
			return nil, err
		}
	}
	if _, err := r.d.Token(); err != nil {
		return nil, notJSON("not JSON: %v", err)
	}
	r.depth--
	return v, nil
}

// item reads an item of an array or a member of an object.
func (r *reader) item(v *value) error {
	name := ""
	if v.kind == isObject {
		t, err := r.d.Token()
		if err != nil {
			return notJSON("not JSON: %v", err)
		}
		name, _ = t.(string)
		if v.members[name] != nil {
			return notJSON("two members %.40q", name)
		}
	}
	item, err := r.value()
	if err != nil {
		return err
	}
	v.items = append(v.items, item)
	if v.kind == isObject {
		v.names, v.members[name] = append(v.names, name), item
	}
	return nil
}

// appendJSON appends a value without white space.
func (v *value) appendJSON(b []byte) []byte {
	switch v.kind {
	case isNull:
		return append(b, "null"...)
	case isBool:
		return strconv.AppendBool(b, v.truth)
	case isNumber:
		return append(b, v.text...)
	case isString:
		return appendQuoted(b, v.text)
	case isArray:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	default:
		b = append(b, '{')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendQuoted(b, v.names[i]), ':')
			b = item.appendJSON(b)
		}
		return append(b, '}')
	}
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		b = append(b, escaped(r)...)
	}
	return append(b, '"')
}

// escaped is how a character is written within a JSON string.
func escaped(r rune) string {
	const letters = "btnfr"
	switch {
	case r == '"' || r == '\\':
		return `\` + string(r)
	case r >= '\b' && r <= '\r' && r != '\v':
		return `\` + letters[strings.IndexRune("\b\t\n\f\r", r):][:1]
	case r < 0x20:
		return fmt.Sprintf(`\u%04x`, r)
	default:
		return string(r)
	}
}
