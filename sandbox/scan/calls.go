package scan

import (
	"fmt"
	"slices"
	"strings"
)

// opGlobal reads the name of a global from two lines.
func (m *machine) opGlobal(byte) error {
	module, err := m.in.shortLine()
	if err != nil {
		return err
	}
	name, err := m.in.shortLine()
	if err != nil {
		return err
	}
	v, err := m.global(module, name)
	m.push(v)
	return err
}

func (m *machine) opStackGlobal(byte) error {
	module, name, err := m.popTwo()
	if err != nil {
		return err
	}
	moduleText, ok1 := m.text(module)
	nameText, ok2 := m.text(name)
	if !ok1 || !ok2 {
		m.report("pickle-computed-global", "the pickle computes the name of what it imports")
		m.push(kindOther)
		return nil
	}
	v, err := m.global(moduleText, nameText)
	m.push(v)
	return err
}

// opInst calls a global that it names, with what stands above the mark.
func (m *machine) opInst(byte) error {
	if err := m.opGlobal('c'); err != nil {
		return err
	}
	callable, err := m.pop()
	if err != nil {
		return err
	}
	items, err := m.popMark()
	if err != nil {
		return err
	}
	m.push(m.call(callable, m.newTuple(items), useCall))
	return nil
}

func (m *machine) opObj(byte) error {
	items, err := m.popMark()
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return fmt.Errorf("nothing to call: %w", errPickle)
	}
	m.push(m.call(items[0], m.newTuple(items[1:]), useCall))
	return nil
}

func (m *machine) opReduce(byte) error {
	callable, args, err := m.popTwo()
	if err == nil {
		m.push(m.call(callable, args, useCall))
	}
	return err
}

func (m *machine) opNewObj(byte) error {
	class, args, err := m.popTwo()
	if err == nil {
		m.push(m.call(class, args, useNew))
	}
	return err
}

func (m *machine) opNewObjEx(byte) error {
	if _, err := m.pop(); err != nil { // named arguments
		return err
	}
	return m.opNewObj(0x81)
}

// opPersID takes what an archive's reader looks up: tensors have ("storage", type, key, location, elements), and the old
// torch format ("module", class, file, source) around a class.
func (m *machine) opPersID(op byte) error {
	if op == 'P' {
		line, err := m.in.shortLine()
		if err == nil {
			m.report("pickle-persistent-id", "the pickle refers to %.80q outside of it", line)
			m.push(kindOther)
		}
		return err
	}
	id, err := m.pop()
	if err != nil {
		return err
	}
	items, _ := m.items(id)
	what := ""
	if len(items) > 1 {
		what, _ = m.text(items[0])
	}
	switch {
	case what == "storage" && len(items) >= 5:
		m.push(kindStorage)
		m.storage(items)
	case what == "module":
		m.push(items[1])
	default:
		m.report("pickle-persistent-id", "the pickle refers to something outside of it that is no tensor")
		m.push(kindOther)
	}
	return nil
}

// storage notes the size of a tensor's storage.
func (m *machine) storage(items []value) {
	width, known := storageWidth[strings.TrimPrefix(strings.TrimPrefix(m.globalOf(items[1]), "torch.storage."), "torch.")]
	key, ok := m.text(items[2])
	if !ok || !known || items[4].kind() != kindInt {
		m.report("pickle-persistent-id", "the pickle refers to a tensor storage whose type, key or size is not plain")
		return
	}
	n := int64(min(items[4].payload(), maxInt/16))
	m.storages[key] = max(m.storages[key], n*width)
}

// storageWidth is the size of an element of torch's storage types, in bytes.
var storageWidth = map[string]int64{
	"FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8, "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1,
	"ByteStorage": 1, "BoolStorage": 1, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16, "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4,
	"QUInt4x2Storage": 1, "QUInt2x4Storage": 1, "UntypedStorage": 1, "TypedStorage": 1, "_UntypedStorage": 1,
}

// call is what REDUCE and its kin do: it checks that the callable may be called in this way, and with these arguments.
func (m *machine) call(callable, args value, how use) value {
	m.called = m.called || m.named
	if callable.kind() != kindGlobal {
		m.report("pickle-computed-call", "the pickle calls something that it computes")
		return kindOther
	}
	id := uint32(callable.payload()) //nolint:gosec // G115: an index
	g := m.names.list[id]
	made := m.newObject(kindObject, id)
	if g.full == joblibWrapper && m.states == nil {
		m.states = map[uint64]map[string]value{}
	}
	if g.uses == 0 {
		return made // reported when it was imported
	}
	if g.uses&how == 0 {
		m.report("pickle-call", "the pickle calls %.120q, of which weights only need the name", g.full)
		return made
	}
	items, known := m.items(args)
	if args.kind() != kindTuple {
		m.report("pickle-call", "the arguments of %.120q are computed", g.full)
		return made
	}
	m.checkArguments(g.full, items, known, made)
	for _, arg := range items {
		if strings.HasSuffix(m.madeBy(arg), "range") && !strings.HasPrefix(g.full, "pandas.") {
			m.report("pickle-bomb", "%.120q is called with a range, which may be without end", g.full)
		}
	}
	if name, ok := m.text(at(items, 0)); ok && g.full == "dill._dill._load_type" && slices.Contains(dillTypes, name) {
		if v, err := m.global("builtins", name); err == nil {
			return v
		}
	}
	return made
}

// checkArguments looks at the arguments of a callable that is harmless with some only.
func (m *machine) checkArguments(callable string, items []value, known bool, made value) {
	check := argumentChecks[callable]
	switch {
	case check == nil:
	case !known:
		m.report("pickle-call", "%.120q is called with more arguments than it takes", callable)
	case m.calls >= maxCalls:
		m.report("pickle-call", "%.120q is called by a call of a call, more than %d deep", callable, maxCalls)
	default:
		m.calls++
		if problem := check(m, items, made); problem != "" {
			m.report("pickle-call", "%.120q is called with %s", callable, problem)
		}
		m.calls--
	}
}

// opBuild sets the state of an object: its own method does it, or attributes are set by name.
func (m *machine) opBuild(byte) error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	m.called = m.called || m.named
	switch target.kind() {
	case kindObject, kindOther: // the latter was reported
	case kindGlobal:
		m.report("pickle-build", "the pickle changes %.120q itself", m.globalOf(target))
	case kindStorage:
		m.report("pickle-build", "the pickle changes a tensor storage")
	default:
		return fmt.Errorf("a value that has no attributes: %w", errPickle)
	}
	m.checkState(state, m.madeBy(target))
	if items, ok := m.items(state); ok {
		for _, part := range items {
			if part.kind() == kindDict || m.isMapping(part) {
				m.checkState(part, m.madeBy(target))
			}
		}
	}
	switch m.madeBy(target) {
	case "numpy.dtype":
		m.dtypeState(target, state)
	case joblibWrapper:
		return m.joblibArray(state)
	}
	return nil
}

// checkState refuses names of special methods among attributes: they would replace what Python calls by itself.
func (m *machine) checkState(state value, of string) {
	if m.isMapping(state) {
		m.report("pickle-build", "the pickle sets attributes of an object of %.120q whose names it computes", of)
	}
	if o := m.objectOf(state); o != nil && state.kind() == kindDict {
		if o.flags&keyDunder != 0 {
			m.report("pickle-build", "the pickle sets special attributes of an object of %.120q", of)
		}
		if o.flags&keyComputed != 0 {
			m.report("pickle-build", "the pickle sets attributes of an object of %.120q whose names it computes", of)
		}
	}
	if state.kind() == kindGlobal {
		m.report("pickle-build", "the pickle makes %.120q the state of an object", m.globalOf(state))
	}
}

// isMapping reports whether a value is an object that is made from pairs.
func (m *machine) isMapping(v value) bool {
	if v.kind() != kindObject {
		return false
	}
	switch m.madeBy(v) {
	case "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict", "__builtin__.dict", "sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch":
		return true
	}
	return false
}
