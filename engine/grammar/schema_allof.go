package grammar

import (
	"bytes"
	"maps"
	"slices"
)

// allOf joins schemas into one that says all that they say. Where two of them say something different about the same, or
// one limits members that it does not name, it refuses to guess.
func (s *schemas) allOf(p *place, says []string) (*expr, error) {
	looks := maxLooks
	parts, err := s.conjuncts(p, says, &looks)
	if err != nil {
		return nil, err
	}
	whole := &value{kind: isObject, members: map[string]*value{}}
	for _, part := range parts {
		if part.kind == isBool {
			return alt(), nil // false: nothing
		}
		for i, name := range part.names {
			if name == "allOf" || slices.Contains(annotations, name) || name == "$id" {
				continue
			}
			if err := whole.join(part, name, part.items[i]); err != nil {
				return nil, err
			}
		}
	}
	for _, part := range parts { // items are those behind prefixItems of the same schema
		if whole.get("items") != nil && whole.get("prefixItems") != nil && (part.get("items") == nil) != (part.get("prefixItems") == nil) {
			return nil, p.fail(ErrUnsupported, "items", "and prefixItems in different schemas of allOf")
		}
	}
	if len(parts) > 1 && slices.ContainsFunc(whole.names, func(name string) bool { return combiners[name] != nil }) && len(whole.names) > 1 {
		return nil, p.fail(ErrUnsupported, "allOf", "of schemas with anyOf or oneOf beside others")
	}
	if t := whole.get("type"); t != nil && t.kind == isArray && len(t.items) == 0 && len(parts) > 1 {
		return alt(), nil // no type is common to all
	}
	return s.schema(&place{up: p.up, token: p.token, value: whole})
}

// conjuncts lists the schemas whose allOf p is, and those that they refer to: objects, and false.
func (s *schemas) conjuncts(p *place, says []string, looks *int) ([]*place, error) {
	if *looks--; *looks < 0 {
		return nil, &LimitError{"schemas of allOf", maxLooks}
	}
	var parts []*place
	if len(says) > 1 {
		parts = append(parts, p)
	}
	branches, err := p.branches("allOf", p.get("allOf"))
	if err != nil {
		return nil, err
	}
	for _, b := range branches {
		more, err := s.conjunct(b, looks)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	return parts, nil
}

func (s *schemas) conjunct(p *place, looks *int) ([]*place, error) {
	switch {
	case p.kind == isBool && p.truth:
		return nil, nil
	case p.kind == isBool:
		return []*place{p}, nil
	case p.kind != isObject:
		return nil, p.fail(ErrSyntax, "", "a schema is an object, true or false")
	}
	says, err := s.keywords(p)
	if err != nil {
		return nil, err
	}
	switch v := p.get("$ref"); {
	case v != nil && len(says) > 1:
		return nil, p.fail(ErrUnsupported, "$ref", "beside others within allOf")
	case v != nil:
		if *looks--; *looks < 0 {
			return nil, &LimitError{"schemas of allOf", maxLooks}
		}
		target, err := s.resolve(p, v)
		if err != nil {
			return nil, err
		}
		return s.conjunct(target, looks)
	case p.get("allOf") != nil:
		return s.conjuncts(p, says, looks)
	}
	return []*place{p}, nil
}

// join adds what a schema says under a keyword.
func (v *value) join(p *place, name string, says *value) error {
	old := v.get(name)
	var joined *value
	switch {
	case name == "additionalProperties" && (says.kind != isBool || !says.truth):
		return p.fail(ErrUnsupported, name, "within allOf")
	case old == nil:
		v.names, v.items = append(v.names, name), append(v.items, says)
		v.members[name] = says
		return nil
	case bytes.Equal(old.appendJSON(nil), says.appendJSON(nil)):
		return nil
	case name == "required" && old.kind == isArray && says.kind == isArray:
		joined = &value{kind: isArray, items: slices.Concat(old.items, says.items)}
	case name == "type":
		joined = commonTypes(old, says)
	case name == "properties" && old.kind == isObject && says.kind == isObject:
		var same bool
		if joined, same = both(old, says); !same {
			return p.fail(ErrUnsupported, name, "of one name in several schemas of allOf, which differ")
		}
	default:
		return p.fail(ErrUnsupported, name, "in several schemas of allOf, which differ")
	}
	v.items[slices.Index(v.names, name)], v.members[name] = joined, joined
	return nil
}

// both has the members of two objects. It returns false if they have a member that differs.
func both(a, b *value) (*value, bool) {
	out := &value{kind: isObject, names: slices.Clone(a.names), items: slices.Clone(a.items), members: maps.Clone(a.members)}
	for i, name := range b.names {
		switch old := a.get(name); {
		case old == nil:
			out.names, out.items = append(out.names, name), append(out.items, b.items[i])
			out.members[name] = b.items[i]
		case !bytes.Equal(old.appendJSON(nil), b.items[i].appendJSON(nil)):
			return nil, false
		}
	}
	return out, true
}

// commonTypes are the types that both lists have; an integer is a number.
func commonTypes(a, b *value) *value {
	list := func(v *value) []*value {
		if v.kind == isArray {
			return v.items
		}
		return []*value{v}
	}
	out := &value{kind: isArray}
	for _, x := range list(a) {
		for _, y := range list(b) {
			switch {
			case x.text == y.text, x.text == "integer" && y.text == "number":
				out.items = append(out.items, x)
			case x.text == "number" && y.text == "integer":
				out.items = append(out.items, y)
			}
		}
	}
	return out
}
