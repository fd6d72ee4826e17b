package hallmark

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// CanonicalJSON returns v as JSON with sorted keys, no white space and no HTML escaping: the form of RFC 8785 for the
// values that Hallmark signs, which hold integers, text, lists and objects with ASCII keys. Fractions and exponents are
// [ErrInvalid], because their text form is where implementations differ; they are stored as decimal text instead.
func CanonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	if err := checkCanonical(tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil { // maps are encoded with sorted keys
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	// encoding/json escapes these two even without HTML escaping; RFC 8785 does not.
	text := unescapeLineSeparators(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
	return text, nil
}

func checkCanonical(v any) error {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return fmt.Errorf("canonical JSON: number %s is not an integer: %w", v, ErrInvalid)
		}
	case []any:
		for _, e := range v {
			if err := checkCanonical(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for k, e := range v {
			for i := range len(k) {
				if k[i] >= 0x80 {
					return fmt.Errorf("canonical JSON: key %q is not ASCII: %w", k, ErrInvalid)
				}
			}
			if err := checkCanonical(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// unescapeLineSeparators turns the escapes of U+2028 and U+2029 back into UTF-8, leaving escaped backslashes alone.
func unescapeLineSeparators(b []byte) []byte {
	if !bytes.Contains(b, []byte(`\u202`)) {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 >= len(b) {
			out = append(out, b[i])
			continue
		}
		switch {
		case bytes.HasPrefix(b[i:], []byte(`\u2028`)):
			out, i = append(out, "\u2028"...), i+5
		case bytes.HasPrefix(b[i:], []byte(`\u2029`)):
			out, i = append(out, "\u2029"...), i+5
		default:
			out, i = append(out, b[i], b[i+1]), i+1
		}
	}
	return out
}
