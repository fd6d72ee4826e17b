package scan

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxAllocation bounds what a pickle may ask a constructor to allocate, in bytes or elements.
const maxAllocation = 1 << 26

// argumentChecks look at the arguments of callables that are harmless with those that real files have, and not with
// others. A check returns what is wrong, or nothing. made is the object that the call makes.
var argumentChecks map[string]func(m *machine, args []value, made value) string

func init() { //nolint:gochecknoinits // the checks call functions that look into this table
	argumentChecks = map[string]func(m *machine, args []value, made value) string{
		"builtins.bytes": checkBytes, "builtins.bytearray": checkBytes, "__builtin__.bytes": checkBytes, "__builtin__.bytearray": checkBytes, "builtins.str": checkText, "__builtin__.str": checkText, "__builtin__.unicode": checkText, "numpy.str_": checkText, "numpy.bytes_": checkText,
		"_codecs.encode":                                   checkEncode,
		"builtins.int":                                     checkNumber,
		"__builtin__.int":                                  checkNumber,
		"__builtin__.long":                                 checkNumber,
		"numpy.void":                                       checkBytes,
		"numpy.record":                                     checkBytes,
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
	if n := at(args, 0); n.kind() == kindInt && !m.mayAllocate(n.payload()) {
		return "a size of " + strconv.FormatUint(n.payload(), 10)
	}
	return checkCodec(m, args)
}

// mayAllocate counts what constructors allocate, all in all.
func (m *machine) mayAllocate(n uint64) bool {
	m.asked = min(m.asked+n, maxInt)
	return m.asked <= maxAllocation
}

// checkText looks at str(value) and str(bytes, codec): to write out lists that stand in one another takes time without end.
func checkText(m *machine, args []value, _ value) string {
	switch v := at(args, 0); {
	case v.kind() == kindTuple, v.kind() == kindList, v.kind() == kindDict, v.kind() == kindObject && m.madeBy(v) != "_codecs.encode":
		return "a value that is written out"
	}
	return checkCodec(m, args)
}

// checkNumber looks at int(value): of an object with an exponent it computes the power.
func checkNumber(_ *machine, args []value, _ value) string {
	if at(args, 0).kind() == kindObject {
		return "a number that is computed"
	}
	return ""
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
	return checkNumber(m, args, 0)
}

// checkFactory looks at what a default dictionary calls later.
func checkFactory(m *machine, args []value, _ value) string {
	f := at(args, 0)
	if f.kind() == kindNone {
		return ""
	}
	if f.kind() == kindGlobal {
		g := m.names.list[f.payload()]
		if g.uses&(useCall|useNew) != 0 && argumentChecks[g.full] == nil || isBuiltin(g.full) && g.uses&useCall != 0 {
			return ""
		}
	}
	return "a factory that is no plain class"
}

// isBuiltin reports whether a global is one of Python's own, under the module's name in either version.
func isBuiltin(name string) bool {
	return strings.HasPrefix(name, "builtins.") || strings.HasPrefix(name, "__builtin__.")
}

// checkReconstructor looks at (class, base, state), how protocols 0 and 1 make objects.
func checkReconstructor(m *machine, args []value, made value) string {
	if len(args) != 3 {
		return "other than three arguments"
	}
	if !isBuiltin(m.globalOf(args[1])) {
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
	if n, ok := m.product(args[1]); !ok || !m.mayAllocate(n) {
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

// dtypeForm is the text of a type that says what an element is, as numpy writes it.
var dtypeForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[<>|=]?([?bBhHiIlLqQefdgFDGSUaVmMcuO])([0-9]{0,7})$`)
})

// checkDtype notes the size of an element. Of a class, or another text, as "object", it is not known, nor whether the elements
// are objects.
func checkDtype(m *machine, args []value, made value) string {
	name, isText := m.text(at(args, 0))
	if !isText && m.globalOf(at(args, 0)) == "" {
		return "a type that is computed"
	}
	form, o := dtypeForm().FindStringSubmatch(name), m.objectOf(made)
	if form == nil {
		o.odd = true
		return ""
	}
	if n, err := strconv.ParseUint(form[2], 10, 24); err == nil {
		o.size = uint32(n)
	}
	if form[1] == "U" {
		o.size *= 4
	}
	o.object, o.record, o.wide = form[1] == "O", form[1] == "V", strings.Contains("SUaV", form[1])
	return ""
}

// plainDtype reports whether a value is a type whose elements are no objects, as far as is known.
func (m *machine) plainDtype(v value) bool {
	o := m.objectOf(v)
	return o != nil && m.madeBy(v) == "numpy.dtype" && !o.object && !o.odd
}

// dtypeState reads the state of a type: (version, order, base, names, fields, size, alignment, flags...). The size counts for
// types of records and texts alone. The flags say whether the elements are objects, whatever the type and its fields are: where
// they say otherwise, numpy takes bytes for objects.
func (m *machine) dtypeState(dtype, state value) {
	o := m.objectOf(dtype)
	items, _ := m.items(state)
	if len(items) != 8 && len(items) != 9 || items[7].kind() != kindInt {
		o.size, o.object, o.odd = 0, false, true
		return
	}
	objects, size := items[7].payload()&1 != 0, items[5]
	switch {
	case objects && !o.object && !o.record, !objects && (o.object || !m.plainFields(items[2], items[4])):
		o.size, o.object, o.odd = 0, false, true
	case objects:
		o.object = true
	case o.wide && size.kind() == kindInt && size.payload() > 0 && size.payload() < 1<<31:
		o.size = uint32(size.payload()) //nolint:gosec // G115: 31 bits
	case size.kind() == kindInt && size.payload() != uint64(o.size):
		o.size = 0
	}
}

// plainFields reports whether no element of a type's base or fields is an object.
func (m *machine) plainFields(base, fields value) bool {
	if base.kind() != kindNone {
		if items, _ := m.items(base); len(items) == 0 || !m.plainDtype(items[0]) {
			return false
		}
	}
	return fields.kind() == kindNone || fields.kind() == kindDict && m.objectOf(fields).flags&fieldObject == 0
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

var dillRepr = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:Ellipsis|NotImplemented|range\(-?[0-9]{1,18}, -?[0-9]{1,18}(?:, -?[0-9]{1,18})?\))$`)
})

func checkDillRepr(m *machine, args []value, _ value) string {
	if text, ok := m.text(at(args, 0)); !ok || !dillRepr().MatchString(text) {
		return "a text that is evaluated"
	}
	return ""
}
