package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// FromSchema reads a JSON schema and returns the grammar of JSON texts that are valid under it: all that come out are, but
// not all that are valid come out. Members come in the order of the schema's properties; white space is at most one space,
// or a new line and up to 20; numbers have at most 18 digits before and after the point; an object with properties has
// others only if additionalProperties says so; text outside of ASCII is written as itself or as an escape, names as
// themselves.
//
// Known are type, enum, const, anyOf, oneOf (whose branches must exclude one another by type, values, or a required
// member), allOf of schemas that say nothing different about the same (nor limit members that they do not name), $ref within the schema, properties, required, additionalProperties, items, prefixItems,
// minItems, maxItems, minLength, maxLength, pattern, the formats date, time, date-time, duration, email, hostname, uri,
// uuid, ipv4 and ipv6 (not all of their forms), minimum, maximum,
// exclusiveMinimum, exclusiveMaximum, and true and false as schemas. Any other keyword is refused by name, except for those
// that only tell something: title, description, default, examples, deprecated, readOnly, writeOnly, $schema, $comment, and
// $id at the root. Errors are of type *[SchemaError] or *[LimitError].
func FromSchema(schema []byte, limits Limits) (*Grammar, error) {
	limits = limits.filled()
	if len(schema) > limits.SourceBytes {
		return nil, &LimitError{"source bytes", limits.SourceBytes}
	}
	root, err := readJSON(schema, limits.Nesting)
	if err != nil {
		return nil, err
	}
	s := &schemas{root: root, b: builder{limits: limits}, rules: map[*value]int32{}, basics: map[string]int32{}}
	start := s.rule(&place{value: root})
	for len(s.todo) > 0 && s.b.err == nil {
		next := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		body, err := s.schema(next)
		if err != nil {
			return nil, err
		}
		s.b.bodies[s.rules[next.value]] = body
	}
	return s.b.compile(start)
}

// schemas makes rules of schemas: one for each that is reached.
type schemas struct {
	root   *value
	b      builder
	rules  map[*value]int32
	basics map[string]int32 // rules that schemas share
	todo   []*place
}

// place is a schema and where it stands.
type place struct {
	up    *place // nil for the whole
	token string // below up
	*value
}

func (p *place) at(token string, v *value) *place { return &place{p, token, v} }

// pointer returns the JSON pointer of the place.
func (p *place) pointer() string {
	var tokens []string
	for ; p.up != nil; p = p.up {
		tokens = append(tokens, "/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(p.token))
	}
	slices.Reverse(tokens)
	return strings.Join(tokens, "")
}

func (p *place) fail(kind error, keyword, format string, args ...any) error {
	return &SchemaError{p.pointer(), keyword, fmt.Sprintf(format, args...), kind}
}

// rule returns the rule of a schema, which will get its body later.
func (s *schemas) rule(p *place) int32 {
	r, ok := s.rules[p.value]
	if !ok {
		r = s.b.declare("", 0)
		if s.b.err == nil {
			s.b.rules[r].place = p
		}
		s.rules[p.value] = r
		s.todo = append(s.todo, p)
	}
	return r
}

// sub is an expression for a schema.
func (s *schemas) sub(p *place) *expr { return call(s.rule(p)) }

// keywordTypes are the keywords that say something about values of one type.
var keywordTypes = map[string]string{
	"properties": "object", "required": "object", "additionalProperties": "object",
	"items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array",
	"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
}

// annotations say nothing about which values are valid.
var annotations = []string{
	"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$comment", "$defs", "definitions",
}

// combiners are the keywords that a schema has without others, and what reads them.
var combiners = map[string]func(*schemas, *place, *value) (*expr, error){
	"$ref": (*schemas).ref, "anyOf": (*schemas).anyOf, "oneOf": (*schemas).oneOf,
}

func (s *schemas) schema(p *place) (*expr, error) {
	switch {
	case p.kind == isBool && p.truth:
		return s.basic("value"), nil
	case p.kind == isBool:
		return alt(), nil // nothing
	case p.kind != isObject:
		return nil, p.fail(ErrSyntax, "", "a schema is an object, true or false")
	}
	says, err := s.keywords(p)
	if err != nil {
		return nil, err
	}
	if v := p.get("allOf"); v != nil && (len(says) > 1 || len(v.items) != 1) {
		return s.allOf(p, says)
	} else if v != nil {
		branches, err := p.branches("allOf", v)
		if err != nil {
			return nil, err
		}
		return s.sub(branches[0]), nil
	}
	for _, name := range says {
		if read, ok := combiners[name]; ok {
			if len(says) > 1 {
				other := says[(slices.Index(says, name)+1)%len(says)]
				return nil, p.fail(ErrUnsupported, other, "beside %s", name)
			}
			return read(s, p, p.get(name))
		}
	}
	types, err := p.types(says)
	if err != nil {
		return nil, err
	}
	for _, name := range says {
		if name == "enum" || name == "const" {
			return p.constants(says, types)
		}
	}
	if len(says) == 0 {
		return s.basic("value"), nil
	}
	return s.typed(p, says, types)
}

// keywords returns the keywords that limit the values, all of them known.
func (s *schemas) keywords(p *place) ([]string, error) {
	var says []string
	for _, name := range p.names {
		_, combines := combiners[name]
		switch {
		case slices.Contains(annotations, name) || name == "$id" && p.up == nil:
		case name == "uniqueItems" && p.get(name).kind == isBool && !p.get(name).truth:
		case combines || keywordTypes[name] != "" || name == "allOf" || name == "type" || name == "enum" || name == "const":
			says = append(says, name)
		default:
			return nil, p.fail(ErrUnsupported, name, "unknown or not supported")
		}
	}
	return says, nil
}

// typeNames are the types of JSON schema.
var typeNames = []string{"string", "number", "integer", "object", "array", "boolean", "null"}

// types returns the types that the schema names, or else those that its keywords are about. None: all.
func (p *place) types(says []string) ([]string, error) {
	var types []string
	if v := p.get("type"); v != nil {
		list := []*value{v}
		if v.kind == isArray {
			list = v.items
		}
		for _, t := range list {
			if t.kind != isString || !slices.Contains(typeNames, t.text) {
				return nil, p.fail(ErrSyntax, "type", "not the name of a type or a list of them")
			}
			if !slices.Contains(types, t.text) {
				types = append(types, t.text)
			}
		}
		if len(types) == 0 {
			return nil, p.fail(ErrSyntax, "type", "an empty list")
		}
	}
	for _, name := range says {
		switch t := keywordTypes[name]; {
		case t == "" || slices.Contains(types, t) || t == "number" && slices.Contains(types, "integer"):
		case p.get("type") != nil:
			return nil, p.fail(ErrUnsupported, name, "without type %s", t)
		default:
			types = append(types, t)
		}
	}
	return types, nil
}

// constants reads enum or const: the values that have one of the types.
func (p *place) constants(says, types []string) (*expr, error) {
	var values []*value
	for _, name := range says {
		switch v := p.get(name); {
		case name == "type":
		case values != nil || name != "enum" && name != "const":
			return nil, p.fail(ErrUnsupported, name, "beside enum or const")
		case name == "const":
			values = []*value{v}
		case v.kind != isArray || len(v.items) == 0:
			return nil, p.fail(ErrSyntax, name, "not a list of values")
		default:
			values = v.items
		}
	}
	e := alt()
	for _, v := range values {
		if len(types) == 0 || slices.ContainsFunc(types, v.hasType) {
			e.parts = append(e.parts, text(string(v.appendJSON(nil))))
		}
	}
	return e, nil
}

// hasType says that a value is of a type. Of numbers only those without point and exponent are taken for integers.
func (v *value) hasType(name string) bool {
	switch v.kind {
	case isNull:
		return name == "null"
	case isBool:
		return name == "boolean"
	case isNumber:
		return name == "number" || name == "integer" && !strings.ContainsAny(v.text, ".eE")
	case isString:
		return name == "string"
	case isArray:
		return name == "array"
	default:
		return name == "object"
	}
}

func (s *schemas) typed(p *place, says, types []string) (*expr, error) {
	e := alt()
	for _, t := range types {
		var part *expr
		var err error
		switch t {
		case "string":
			part, err = s.stringType(p)
		case "number", "integer":
			part, err = s.numberType(p, t)
		case "object":
			part, err = s.objectType(p, says)
		case "array":
			part, err = s.arrayType(p)
		case "boolean":
			part = alt(text("true"), text("false"))
		default:
			part = text("null")
		}
		if err != nil {
			return nil, err
		}
		e.parts = append(e.parts, part)
	}
	if len(e.parts) == 1 {
		return e.parts[0], nil
	}
	return e, nil
}

// ref reads a reference to another schema within the whole.
func (s *schemas) ref(p *place, v *value) (*expr, error) {
	target, err := s.resolve(p, v)
	if err != nil {
		return nil, err
	}
	return s.sub(target), nil
}

func (s *schemas) resolve(p *place, v *value) (*place, error) {
	switch {
	case v.kind != isString:
		return nil, p.fail(ErrSyntax, "$ref", "not a text")
	case v.text != "#" && !strings.HasPrefix(v.text, "#/") || strings.Contains(v.text, "%"):
		return nil, p.fail(ErrUnsupported, "$ref", "%.60q does not begin with #/ or has escapes", v.text)
	}
	found := &place{value: s.root}
	for i, token := range strings.Split(v.text, "/") {
		if i == 0 {
			continue
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		var next *value
		if found.kind == isArray {
			if n, err := strconv.Atoi(token); err == nil && n >= 0 && n < len(found.items) && strconv.Itoa(n) == token {
				next = found.items[n]
			}
		} else {
			next = found.get(token)
		}
		if next == nil {
			return nil, p.fail(ErrSyntax, "$ref", "%.60q leads nowhere", v.text)
		}
		found = found.at(token, next)
	}
	return found, nil
}

func (p *place) branches(keyword string, v *value) ([]*place, error) {
	if v.kind != isArray || len(v.items) == 0 {
		return nil, p.fail(ErrSyntax, keyword, "not a list of schemas")
	}
	var all []*place
	for i, item := range v.items {
		all = append(all, p.at(keyword, v).at(strconv.Itoa(i), item))
	}
	return all, nil
}

func (s *schemas) anyOf(p *place, v *value) (*expr, error) {
	branches, err := p.branches("anyOf", v)
	e := alt()
	for _, b := range branches {
		e.parts = append(e.parts, s.sub(b))
	}
	return e, err
}

// maxBranches is how many schemas oneOf may have, each of which is held against all others.
const maxBranches = 128

func (s *schemas) oneOf(p *place, v *value) (*expr, error) {
	branches, err := p.branches("oneOf", v)
	if err != nil {
		return nil, err
	}
	if len(branches) > maxBranches {
		return nil, &LimitError{"schemas of oneOf", maxBranches}
	}
	e := alt()
	for i, b := range branches {
		for j := range i {
			if !s.exclude(branches[j], b) {
				return nil, p.fail(ErrUnsupported, "oneOf", "schemas %d and %d do not clearly exclude one another", j, i)
			}
		}
		e.parts = append(e.parts, s.sub(b))
	}
	return e, nil
}

// count reads a number of items or characters.
func (s *schemas) count(p *place, keyword string, absent int) (int, error) {
	v := p.get(keyword)
	if v == nil {
		return absent, nil
	}
	if v.kind != isNumber || strings.ContainsAny(v.text, "-.eE") {
		return 0, p.fail(ErrSyntax, keyword, "not a count")
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || n > s.b.limits.Repeat {
		return 0, &LimitError{"repeat", s.b.limits.Repeat}
	}
	return n, nil
}
