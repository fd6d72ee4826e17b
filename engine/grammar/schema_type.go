package grammar

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (s *schemas) objectType(p *place, says []string) (*expr, error) {
	if !slices.ContainsFunc(says, func(name string) bool { return keywordTypes[name] == "object" }) {
		return s.basic("object"), nil
	}
	names, required, err := p.properties()
	if err != nil {
		return nil, err
	}
	others := p.get("additionalProperties")
	var list []member
	for _, name := range names {
		pair := seq(text(string(appendQuoted(nil, name))), s.colon())
		switch declared := p.get("properties"); {
		case declared != nil && declared.get(name) != nil:
			pair.parts = append(pair.parts, s.sub(p.at("properties", declared).at(name, declared.get(name))))
		case others != nil:
			pair.parts = append(pair.parts, s.sub(p.at("additionalProperties", others)))
		default:
			pair.parts = append(pair.parts, s.basic("value"))
		}
		list = append(list, member{pair, required[name]})
	}
	var more *expr
	switch {
	case others != nil:
		more = s.sub(p.at("additionalProperties", others))
	case p.get("properties") == nil:
		more = s.basic("value")
	default:
		return s.members(list, nil), nil
	}
	key, err := s.otherName(names)
	return s.members(list, seq(text(`"`), key, text(`"`), s.colon(), more)), err
}

// properties returns the names of the members that the schema knows, and those that are required.
func (p *place) properties() (names []string, required map[string]bool, err error) {
	if v := p.get("properties"); v != nil {
		if v.kind != isObject {
			return nil, nil, p.fail(ErrSyntax, "properties", "not an object")
		}
		names = slices.Clone(v.names)
	}
	required = map[string]bool{}
	v := p.get("required")
	if v == nil {
		return names, required, nil
	}
	if v.kind != isArray {
		return nil, nil, p.fail(ErrSyntax, "required", "not a list of names")
	}
	declared := p.get("properties")
	for _, name := range v.items {
		if name.kind != isString {
			return nil, nil, p.fail(ErrSyntax, "required", "not a list of names")
		}
		if !required[name.text] && (declared == nil || declared.get(name.text) == nil) {
			names = append(names, name.text)
		}
		required[name.text] = true
	}
	return names, required, nil
}

// statesPerByte is how many states a byte of a name that others must differ from takes, about.
const statesPerByte = 16

// otherName is a name, without escapes, that is none of names.
func (s *schemas) otherName(names []string) (*expr, error) {
	total := 0
	for _, n := range names {
		total += len(n)
	}
	if total > s.b.limits.States/statesPerByte {
		return nil, &LimitError{"states", s.b.limits.States}
	}
	anything := repeat(class(plainRunes...), 0, unlimited)
	anything.shared = true
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return otherTail(sorted, 0, anything), nil
}

// otherTail is what can stand from byte at on, where the sorted names, of which there are some, agree on what is before.
func otherTail(names []string, at int, anything *expr) *expr {
	e, rest := alt(), plainRunes
	if len(names) == 0 || len(names[0]) > at {
		e.parts = append(e.parts, seq()) // the name so far is none of names
	}
	for len(names) > 0 {
		if len(names[0]) == at {
			names = names[1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(names[0][at:])
		n := 1
		for n < len(names) && strings.HasPrefix(names[n][at:], names[0][at:at+size]) {
			n++
		}
		if r != '"' && r != '\\' && r >= 0x20 { // others are not written without an escape
			e.parts = append(e.parts, seq(text(string(r)), otherTail(names[:n], at+size, anything)))
			rest = without(rest, []runes{{r, r}})
		}
		names = names[n:]
	}
	e.parts = append(e.parts, seq(class(rest...), anything))
	return e
}

func (s *schemas) arrayType(p *place) (*expr, error) {
	low, err := s.count(p, "minItems", 0)
	if err != nil {
		return nil, err
	}
	high, err := s.count(p, "maxItems", unlimited)
	if err != nil {
		return nil, err
	}
	if high != unlimited && high < low {
		return alt(), nil
	}
	var first []*value
	if v := p.get("prefixItems"); v != nil {
		if v.kind != isArray {
			return nil, p.fail(ErrSyntax, "prefixItems", "not a list of schemas")
		}
		first = v.items
	}
	others := s.basic("value")
	if v := p.get("items"); v != nil {
		others = s.sub(p.at("items", v))
	}
	return s.list(func(i int) *expr {
		if i < len(first) {
			return s.sub(p.at("prefixItems", p.get("prefixItems")).at(strconv.Itoa(i), first[i]))
		}
		return others
	}, len(first), low, high), nil
}

// formats are the values of format that are followed, as patterns. February has 28 days here.
var formats = map[string]string{
	"date":      `^` + datePattern + `$`,
	"time":      `^` + timePattern + `$`,
	"date-time": `^` + datePattern + `T` + timePattern + `$`,
	"uuid":      `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	"ipv4":      `^(` + octetPattern + `\.){3}` + octetPattern + `$`,
	"ipv6":      `^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$`,
	"email":     `^[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9_+-]{1,20}){0,2}@` + hostPattern + `\.[a-z]{2,10}$`,
	"hostname":  `^` + hostPattern + `$`,
	"uri":       `^https?://` + hostPattern + `(:[1-9]\d{0,3})?(/` + pathPattern + `{0,40}){0,8}(\?` + pathPattern + `{1,40}(=` + pathPattern + `{0,40})?)?(#` + pathPattern + `{0,40})?$`,
	"duration":  `^P(\d{1,4}W|(\d{1,4}Y(\d{1,2}M(\d{1,3}D)?)?|\d{1,2}M(\d{1,3}D)?|\d{1,3}D)(T` + clockPattern + `)?|T` + clockPattern + `)$`,
}

const (
	datePattern  = `\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))`
	timePattern  = `([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)`
	labelPattern = `[A-Za-z0-9]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?`
	hostPattern  = labelPattern + `(\.` + labelPattern + `){0,4}`
	pathPattern  = `[A-Za-z0-9._~-]`
	clockPattern = `(\d{1,2}H(\d{1,2}M(\d{1,2}S)?)?|\d{1,2}M(\d{1,2}S)?|\d{1,2}S)`
	octetPattern = `(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])`
)

func (s *schemas) stringType(p *place) (*expr, error) {
	low, err := s.count(p, "minLength", 0)
	if err != nil {
		return nil, err
	}
	high, err := s.count(p, "maxLength", unlimited)
	if err != nil {
		return nil, err
	}
	pattern, format := p.get("pattern"), p.get("format")
	counted := p.get("minLength") != nil || p.get("maxLength") != nil
	switch {
	case format != nil && pattern != nil:
		return nil, p.fail(ErrUnsupported, "format", "beside pattern")
	case format != nil && counted:
		return nil, p.fail(ErrUnsupported, "format", "beside minLength or maxLength")
	case pattern != nil && counted:
		return nil, p.fail(ErrUnsupported, "pattern", "beside minLength or maxLength")
	case format != nil:
		if format.kind != isString || formats[format.text] == "" {
			return nil, p.fail(ErrUnsupported, "format", "%.40q", format.text)
		}
		return s.pattern(p, "format", formats[format.text])
	case pattern != nil && pattern.kind != isString:
		return nil, p.fail(ErrSyntax, "pattern", "not a text")
	case pattern != nil:
		return s.pattern(p, "pattern", pattern.text)
	case !counted:
		return s.basic("string"), nil
	case high != unlimited && high < low:
		return alt(), nil
	}
	return seq(text(`"`), repeat(s.basic("char"), low, high), text(`"`)), nil
}
