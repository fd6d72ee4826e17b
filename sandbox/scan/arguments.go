package scan

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxAllocation bounds what a pickle may ask a constructor to allocate, in bytes or elements.
const maxAllocation = 1 << 26

// argumentChecks look at the arguments of callables that are harmless with those that real files have, and not with
// others. A check returns what is wrong, or nothing. made is the object that the call makes.
var argumentChecks map[string]func(m *machine, args []value, made value) string

func init() { //nolint:gochecknoinits // the checks call functions that look into this table
	argumentChecks = map[string]func(m *machine, args []value, made value) string{
		"builtins.bytes": checkBytes, "builtins.bytearray": checkBytes, "__builtin__.bytes": checkBytes, "__builtin__.bytearray": checkBytes, "builtins.str": checkBytes, "__builtin__.str": checkBytes,
		"_codecs.encode":                                   checkEncode,
		"fractions.Fraction":                               checkFraction,
		"collections.defaultdict":                          checkFactory,
		"copyreg._reconstructor":                           checkReconstructor,
		"copy_reg._reconstructor":                          checkReconstructor,
		"copyreg.__newobj__":                               checkNewObj,
		"copy_reg.__newobj__":                              checkNewObj,
		"numpy.dtype":                                      checkDtype,
		"numpy.core.multiarray._reconstruct":               checkReconstruct,
		"numpy._core.multiarray._reconstruct":              checkReconstruct,
		"numpy.ma.core._mareconstruct":                     checkMaskedArray,
		"numpy.random._pickle.__randomstate_ctor":          checkRandom,
		"numpy.random._pickle.__generator_ctor":            checkRandom,
		"torch._tensor._rebuild_from_type":                 checkRebuildFromType,
		"torch._tensor._rebuild_from_type_v2":              checkRebuildFromType,
		"torch.tensor._rebuild_from_type":                  checkRebuildFromType,
		"torch._utils._rebuild_parameter_with_state":       checkParameterState,
		"torch._utils._rebuild_wrapper_subclass":           checkSubclass,
		"torch.storage._load_from_bytes":                   checkNested,
		"pandas.core.indexes.base._new_Index":              checkPandas,
		"pandas.core.indexes.datetimes._new_DatetimeIndex": checkPandas,
		"pandas.core.indexes.interval._new_IntervalIndex":  checkPandas,
		"pandas.core.indexes.period._new_PeriodIndex":      checkPandas,
		"pandas._libs.arrays.__pyx_unpickle_NDArrayBacked": checkPandas,
		"dill._dill._load_type":                            checkDillType,
		"dill._dill._create_array":                         checkDillArray,
		"dill._dill._eval_repr":                            checkDillRepr,
	}
}

func at(args []value, i int) value {
	if i < len(args) {
		return args[i]
	}
	return kindNone
}

var plainCodecs = []string{"latin1", "latin-1", "iso-8859-1", "ascii", "utf8", "utf-8"}

// checkBytes looks at bytes(n) and bytes(text, codec).
func checkBytes(m *machine, args []value, _ value) string {
	if n := at(args, 0); n.kind() == kindInt && n.payload() > maxAllocation {
		return "a size of " + strconv.FormatUint(n.payload(), 10)
	}
	return checkCodec(m, args)
}

func checkCodec(m *machine, args []value) string {
	if len(args) < 2 {
		return ""
	}
	if codec, ok := m.text(args[1]); !ok || !slices.Contains(plainCodecs, codec) {
		return "a codec, which imports a module"
	}
	return ""
}

// checkEncode looks at encode(text, codec), which is how protocol 2 writes bytes.
func checkEncode(m *machine, args []value, made value) string {
	if at, n := at(args, 0).unpack(); args != nil && at > 0 && n == notKept && args[0].kind() == kindText {
		m.objectOf(made).size = uint32(at) //nolint:gosec // G115: at most maxSpans
	}
	return checkCodec(m, args)
}

// checkFraction refuses exponents: Fraction("1e999999999") computes the power.
func checkFraction(m *machine, args []value, _ value) string {
	if text, ok := m.text(at(args, 0)); at(args, 0).kind() == kindText && (!ok || strings.ContainsAny(text, "eE")) {
		return "an exponent or a long text"
	}
	return ""
}

// checkFactory looks at what a default dictionary calls later.
func checkFactory(m *machine, args []value, _ value) string {
	f := at(args, 0)
	if f.kind() == kindNone {
		return ""
	}
	if f.kind() == kindGlobal {
		g := m.names.list[f.payload()]
		if g.uses&(useCall|useNew) != 0 && argumentChecks[g.full] == nil || strings.HasPrefix(g.full, "builtins.") && g.uses&useCall != 0 {
			return ""
		}
	}
	return "a factory that is no plain class"
}

// checkReconstructor looks at (class, base, state), how protocols 0 and 1 make objects.
func checkReconstructor(m *machine, args []value, made value) string {
	if len(args) != 3 {
		return "other than three arguments"
	}
	if base := m.globalOf(args[1]); !strings.HasPrefix(base, "builtins.") && !strings.HasPrefix(base, "__builtin__.") {
		return "a base class of its own"
	}
	return m.makes(args[0], made)
}

// checkNewObj looks at (class, arguments...).
func checkNewObj(m *machine, args []value, made value) string { return m.makes(at(args, 0), made) }

// makes lets an object be one of a class that may be instantiated.
func (m *machine) makes(class, made value) string {
	if class.kind() != kindGlobal {
		return "a class that the pickle computes"
	}
	g := m.names.list[class.payload()]
	if g.uses != 0 && g.uses&useNew == 0 {
		return strconv.Quote(g.full) + ", which is no class of weights"
	}
	m.objectOf(made).global = uint32(class.payload()) //nolint:gosec // G115: an index
	return ""
}

// product multiplies the integers of a shape; ok is false for anything else, or more than 2^58.
func (m *machine) product(shape value) (n uint64, ok bool) {
	if shape.kind() == kindInt {
		return shape.payload(), true
	}
	items, ok := m.items(shape)
	n = 1
	for _, v := range items {
		if v.kind() != kindInt || v.payload() != 0 && n > maxInt/v.payload() {
			return 0, false
		}
		n *= v.payload()
	}
	return n, ok
}

// checkReconstruct looks at (class, shape, type), which makes an array to be filled by BUILD.
func checkReconstruct(m *machine, args []value, _ value) string {
	if len(args) != 3 {
		return "other than three arguments"
	}
	if g := m.globalOf(args[0]); g == "" || !strings.HasPrefix(g, "numpy.") && !strings.HasPrefix(g, "pandas.") {
		return "a class that is no array"
	}
	if n, ok := m.product(args[1]); !ok || n > maxAllocation {
		return "a shape that is too large or not plain"
	}
	return ""
}

// checkMaskedArray looks at (class, base class, shape, type).
func checkMaskedArray(m *machine, args []value, made value) string {
	if len(args) != 4 || !strings.HasPrefix(m.globalOf(args[1]), "numpy.") {
		return "other than two classes, a shape and a type"
	}
	return checkReconstruct(m, []value{args[0], args[2], args[3]}, made)
}

// checkDtype notes the size of an element.
func checkDtype(m *machine, args []value, made value) string {
	name, ok := m.text(at(args, 0))
	if !ok {
		if m.globalOf(at(args, 0)) != "" {
			return ""
		}
		return "a type that is computed"
	}
	name = strings.TrimLeft(name, "<>|=")
	o := m.objectOf(made)
	if len(name) > 1 {
		if n, err := strconv.ParseUint(name[1:], 10, 24); err == nil {
			o.size = uint32(n)
			if name[0] == 'U' {
				o.size *= 4
			}
		}
	}
	o.object, o.record = strings.HasPrefix(name, "O"), strings.HasPrefix(name, "V")
	m.object8 = m.object8 || o.object
	return ""
}

// dtypeState reads the size of an element from the state of a type of records or texts:
// (version, order, base, names, fields, size, alignment, flags...).
func (m *machine) dtypeState(dtype, state value) {
	items, ok := m.items(state)
	if ok && len(items) >= 8 && items[5].kind() == kindInt && items[5].payload() > 0 && items[5].payload() < 1<<31 {
		m.objectOf(dtype).size = uint32(items[5].payload()) //nolint:gosec // G115: 31 bits
	}
}

// checkRandom looks at (generator or its name, what makes it): the second argument is called.
func checkRandom(m *machine, args []value, _ value) string {
	if len(args) > 2 || len(args) == 2 && m.globalOf(args[1]) != "numpy.random._pickle.__bit_generator_ctor" {
		return "a constructor of its own"
	}
	return ""
}

// checkRebuildFromType looks at (function, type, arguments, state): the function is called with the arguments.
func checkRebuildFromType(m *machine, args []value, made value) string {
	if len(args) != 4 {
		return "other than four arguments"
	}
	if args[1].kind() != kindGlobal {
		return "a type that is computed"
	}
	m.call(args[0], args[2], useCall)
	m.checkState(args[3], m.madeBy(made))
	if parts, ok := m.items(args[3]); ok {
		for _, part := range parts {
			m.checkState(part, m.madeBy(made))
		}
	}
	return ""
}

func checkParameterState(m *machine, args []value, made value) string {
	state := at(args, 3)
	m.checkState(state, m.madeBy(made))
	if parts, ok := m.items(state); ok {
		for _, part := range parts {
			m.checkState(part, m.madeBy(made))
		}
	}
	return ""
}

// checkSubclass looks at (class, ...), whose constructor is called.
func checkSubclass(m *machine, args []value, _ value) string {
	if g := m.globalOf(at(args, 0)); !strings.HasPrefix(g, "torch.") {
		return "a class that is no tensor"
	}
	return ""
}

// checkNested looks into bytes that torch loads as a file of its own: bytes of the pickle, or of protocol 2, a text whose
// characters are the bytes.
func checkNested(m *machine, args []value, _ value) string {
	v := at(args, 0)
	span := v.payload()
	encoded := m.madeBy(v) == "_codecs.encode"
	if encoded {
		span = uint64(m.objectOf(v).size)
	}
	if v.kind() != kindBytes && !encoded || span == 0 || m.nested == nil {
		return "bytes that cannot be looked into"
	}
	if at := m.spans[span-1]; !m.loaded[at] { // a value of the memo may be loaded any number of times
		m.loaded[at] = true
		m.nested(at, encoded)
	}
	return ""
}

// checkPandas looks at (class, ...): an object of the class is made.
func checkPandas(m *machine, args []value, _ value) string {
	if !strings.HasPrefix(m.globalOf(at(args, 0)), "pandas.") {
		return "a class that is not its own"
	}
	return ""
}

// dillTypes are the types that dill may look up by name.
var dillTypes = []string{"int", "float", "complex", "bool", "str", "bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset", "object", "range", "slice"}

func checkDillType(m *machine, args []value, _ value) string {
	if name, ok := m.text(at(args, 0)); !ok || len(args) != 1 || !slices.Contains(dillTypes, name) {
		return "other than a plain type"
	}
	return ""
}

// checkDillArray looks at (function, arguments, state, attributes): the function is called with the arguments.
func checkDillArray(m *machine, args []value, made value) string {
	if len(args) != 4 {
		return "other than four arguments"
	}
	m.call(args[0], args[1], useCall)
	m.checkState(args[3], m.madeBy(made))
	return ""
}

var dillRepr = regexp.MustCompile(`^(?:Ellipsis|NotImplemented|range\(-?[0-9]{1,18}, -?[0-9]{1,18}(?:, -?[0-9]{1,18})?\))$`)

func checkDillRepr(m *machine, args []value, _ value) string {
	if text, ok := m.text(at(args, 0)); !ok || !dillRepr.MatchString(text) {
		return "a text that is evaluated"
	}
	return ""
}
