package scan

import (
	_ "embed" // the list
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A use is what a pickle may do with a global that it names.
type use uint8

const (
	useName use = 1 << iota // name it, as an argument or a value
	useCall                 // call it (REDUCE, OBJ, INST)
	useNew                  // make an object of it without calling it (NEWOBJ), whose state is set by BUILD
)

// globals.txt lists what pickles of weights, arrays and estimators need: containers, numbers, the constructors of tensors
// and arrays, and classes whose objects do nothing when their state is set. Everything else can run code when it is
// loaded, or has not been looked at, and is refused.
//
//go:embed globals.txt
var globalsText string

// allowedGlobals maps module and name, with a dot between them, to the allowed uses.
var allowedGlobals = sync.OnceValue(func() map[string]use {
	uses := map[string]use{"name": useName, "call": useName | useCall, "new": useName | useNew, "any": useName | useCall | useNew}
	list := map[string]use{}
	for line := range strings.Lines(globalsText) {
		fields := strings.Fields(line)
		if len(fields) < 3 || strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range fields[2:] {
			list[fields[0]+"\n"+name] |= uses[fields[1]]
		}
	}
	return list
})

// A global is a name that a pickle imports.
type global struct {
	full   string // module and name
	uses   use    // 0 if it is not allowed
	direct bool   // the pickle may only call it itself
}

// directOnly are callables that are harmless where the pickle itself calls them, with arguments that are looked at. Kept in
// an object they are called later with whatever comes: the transformer of an estimator that loads its input as a pickle, or
// the preprocessor of a vectorizer that evaluates the texts it is given.
var directOnly = map[string]bool{
	"torch.storage._load_from_bytes": true, "dill._dill._eval_repr": true, "dill._dill._load_type": true, "dill._dill._create_array": true,
	"_codecs.encode": true, "copyreg._reconstructor": true, "copyreg.__newobj__": true, "copy_reg._reconstructor": true, "copy_reg.__newobj__": true,
	"torch._tensor._rebuild_from_type": true, "torch._tensor._rebuild_from_type_v2": true, "torch.tensor._rebuild_from_type": true,
}

// keeps reports callables among values that go into a container which may only be called.
func (m *machine) keeps(items []value) {
	for _, v := range items {
		if v.kind() == kindGlobal && m.names.list[v.payload()].direct {
			m.report("pickle-call", "the pickle keeps %.120q, which weights only need to call, in an object", m.globalOf(v))
		}
	}
}

// A globalTable holds the names that a file imports, each once.
type globalTable struct {
	list  []global
	index map[string]uint32
}

// maxGlobals bounds the different names of one file.
const maxGlobals = 1 << 16

var nameForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`) })

// global imports a name, and reports one that is not allowed.
func (m *machine) global(module, name string) (value, error) {
	m.named = m.named || nameForm().MatchString(module) && nameForm().MatchString(name)
	key := module + "\n" + name
	if id, known := m.names.index[key]; known {
		return kindGlobal | value(id), nil
	}
	if len(m.names.list) >= maxGlobals {
		return 0, fmt.Errorf("more than %d names: %w", maxGlobals, errFull)
	}
	g := global{full: module + "." + name, uses: allowedGlobals()[key]}
	g.direct = directOnly[g.full]
	if strings.Contains(module, "\n") {
		g.uses = 0
	}
	if g.uses == 0 {
		m.report("pickle-global", "loading the pickle imports or calls %.80q of %.80q, which is not on the list of what weights need", name, module)
	}
	if m.names.index == nil {
		m.names.index = map[string]uint32{}
	}
	id := uint32(len(m.names.list)) //nolint:gosec // G115: at most maxGlobals
	m.names.list = append(m.names.list, g)
	m.names.index[key] = id
	return kindGlobal | value(id), nil
}
