package grammar

import (
	"slices"
	"strings"
)

// maxLooks bounds the references and branches that are followed to find out whether schemas exclude one another.
const maxLooks = 64

// maxPairs bounds how many pairs of values are compared.
const maxPairs = 1 << 14

// maxNames bounds how many required members are looked at.
const maxNames = 64

// exclude says that no value is valid under both schemas, as far as that can be seen.
func (s *schemas) exclude(a, b *place) bool {
	looks := maxLooks
	a, b = s.target(a), s.target(b)
	if a == nil || b == nil {
		return false
	}
	if s.kinds(a, &looks)&s.kinds(b, &looks) == 0 {
		return true
	}
	if excludeValues(s.values(a), s.values(b)) {
		return true
	}
	if s.kinds(a, &looks)&s.kinds(b, &looks) != 1<<isObject {
		return false
	}
	return s.excludeMembers(a, b) || lacks(a, b) || lacks(b, a)
}

// target follows references.
func (s *schemas) target(p *place) *place {
	for range maxLooks {
		v := p.value.get("$ref")
		if v == nil {
			return p
		}
		next, err := s.resolve(p, v)
		if err != nil {
			return nil
		}
		p = next
	}
	return nil
}

// kinds returns a bit for each kind of value that may be valid: all if that cannot be seen.
func (s *schemas) kinds(p *place, looks *int) uint {
	const all = 1<<(isObject+1) - 1
	if *looks--; *looks < 0 {
		return all
	}
	if p = s.target(p); p == nil || p.kind != isObject {
		return all
	}
	if values := s.values(p); values != nil {
		bits := uint(0)
		for _, v := range values {
			bits |= 1 << v.kind
		}
		return bits
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		if v := p.get(keyword); v != nil && v.kind == isArray {
			bits := uint(0)
			for _, item := range v.items {
				bits |= s.kinds(p.at(keyword, item), looks)
			}
			return bits
		}
	}
	return typeBits(p.get("type"), all)
}

func typeBits(v *value, all uint) uint {
	if v == nil {
		return all
	}
	list := []*value{v}
	if v.kind == isArray {
		list = v.items
	}
	bits := uint(0)
	for _, t := range list {
		switch t.text {
		case "null":
			bits |= 1 << isNull
		case "boolean":
			bits |= 1 << isBool
		case "number", "integer":
			bits |= 1 << isNumber
		case "string":
			bits |= 1 << isString
		case "array":
			bits |= 1 << isArray
		case "object":
			bits |= 1 << isObject
		}
	}
	return bits
}

// values returns the only values that may be valid; nil if there are others.
func (s *schemas) values(p *place) []*value {
	if p = s.target(p); p == nil || p.kind != isObject {
		return nil
	}
	if v := p.get("const"); v != nil {
		return []*value{v}
	}
	if v := p.get("enum"); v != nil && v.kind == isArray {
		return v.items
	}
	return nil
}

// excludeValues says that no value is in both lists. Numbers that may be written in several ways, and values with parts,
// could be equal to others of their kind.
func excludeValues(a, b []*value) bool {
	if a == nil || b == nil || len(a)*len(b) > maxPairs {
		return false
	}
	for _, x := range a {
		if slices.ContainsFunc(b, x.mayEqual) {
			return false
		}
	}
	return true
}

func (v *value) mayEqual(w *value) bool {
	switch {
	case v.kind != w.kind:
		return false
	case v.kind == isBool:
		return v.truth == w.truth
	case v.kind == isString:
		return v.text == w.text
	case v.kind == isNumber:
		return v.text == w.text || strings.ContainsAny(v.text+w.text, ".eE") || strings.Trim(v.text+w.text, "-0") == ""
	default:
		return true
	}
}

// excludeMembers says that both require a member for which they allow different values.
func (s *schemas) excludeMembers(a, b *place) bool {
	for _, name := range requires(a) {
		if !slices.Contains(requires(b), name) {
			continue
		}
		one, other := a.property(name), b.property(name)
		if one != nil && other != nil && excludeValues(s.values(one), s.values(other)) {
			return true
		}
	}
	return false
}

// lacks says that a requires a member that b forbids.
func lacks(a, b *place) bool {
	others := b.get("additionalProperties")
	if others == nil || others.kind != isBool || others.truth {
		return false
	}
	return slices.ContainsFunc(requires(a), func(name string) bool { return b.property(name) == nil })
}

func requires(p *place) []string {
	v := p.get("required")
	if v == nil {
		return nil
	}
	var names []string
	for _, item := range v.items[:min(len(v.items), maxNames)] {
		if item.kind == isString {
			names = append(names, item.text)
		}
	}
	return names
}

func (p *place) property(name string) *place {
	v := p.get("properties")
	if v == nil || v.get(name) == nil {
		return nil
	}
	return p.at("properties", v).at(name, v.get(name))
}
