package scan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of an ONNX model.
const (
	maxONNXDepth   = 64      // graphs in one another
	maxONNXName    = 1 << 16 // bytes of a name
	maxONNXText    = 1 << 20 // bytes of a metadata value
	maxONNXCustom  = 1 << 14 // operators outside of the known domains
	maxONNXExpands = 1 << 24 // nodes when all functions are written out
	maxONNXDims    = 64
	maxONNXFiles   = 1024 // with tensor data beside the model
)

// onnxDomains are those that runtimes bring operators for.
var onnxDomains = []string{
	"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview", "ai.onnx.preview.training",
	"com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc",
}

// onnxCode are operators of those domains that run code or load files that the model names.
var onnxCode = []string{"EPContext", "PythonOp", "PythonOpGrad", "ATen", "ATenOp", "TritonOp", "ExternalGraph"}

// An onnxModel walks a model. Messages are told by their place, so each has a table of the fields that it may have.
//
// Source: onnx.proto of the ONNX project, IR versions 1 to 13.
type onnxModel struct {
	*protoReader
	functions map[string]*onnxFunction // by domain and name
	used      map[string]*onnxUse      // operators outside of the known domains
	opsets    []string
	current   *onnxFunction // that is read, or nil in the graph
	graphs    int
	external  map[string]uint64 // files with tensor data, and how long each has to be
}

type onnxFunction struct {
	nodes uint64
	calls map[string]uint64
	size  uint64 // written out; 0 until it is known
	open  bool
}

type onnxUse struct{ node string }

func onnxKey(domain, name string) string { return domain + "\x00" + name }

func (s *scanner) onnx() {
	m := &onnxModel{protoReader: newProto(s), functions: map[string]*onnxFunction{}, used: map[string]*onnxUse{}, external: map[string]uint64{}}
	s.res.Format = FormatONNX
	root := &onnxFunction{calls: map[string]uint64{}}
	m.current = root
	err := m.fields(0, s.size, m.model)
	if err == nil && (m.graphs != 1 || len(m.opsets) == 0) {
		err = fmt.Errorf("it has %d graphs and imports %d sets of operators: %w", m.graphs, len(m.opsets), errForm)
	}
	if err == nil {
		err = m.expand("the graph", root)
	}
	if err != nil {
		s.cannotParse(s.name, "ONNX: %v", err)
		return
	}
	m.report()
}

// report says which operators need code from elsewhere.
func (m *onnxModel) report() {
	for i, location := range slices.Sorted(maps.Keys(m.external)) {
		m.s.external(i, location, m.external[location])
	}
	for key, use := range m.used {
		if m.functions[key] != nil {
			continue
		}
		domain, name, _ := strings.Cut(key, "\x00")
		m.s.add("onnx-custom-operator", hallmark.SeverityCritical, use.node, "operator %.80q of domain %.80q is a program that the model does not hold", name, domain)
	}
	for _, domain := range m.opsets {
		defined := slices.Contains(onnxDomains, domain)
		for key := range m.functions {
			defined = defined || strings.HasPrefix(key, domain+"\x00")
		}
		if !defined {
			m.s.add("onnx-custom-operator", hallmark.SeverityHigh, "opset_import", "domain %.80q is not known", domain)
		}
	}
}

func onnxUnknown(message string, f protoField) error {
	return fmt.Errorf("field %d of %s is not known: %w", f.num, message, errForm)
}

func (m *onnxModel) model(f protoField) error {
	switch f.num {
	case 1, 2, 3, 4, 5, 6, 26:
		return nil
	case 7:
		m.graphs++
		return m.graph(f, 0)
	case 8:
		return m.opset(f)
	case 14:
		return m.entry(f, func(key, value string) error {
			m.s.metadata(key, value)
			m.s.suspicious(key, value)
			return nil
		})
	case 20:
		return m.message(f, func(f protoField) error {
			if f.num <= 2 {
				return m.graph(f, 0)
			}
			return nil
		})
	case 25:
		return m.function(f)
	default:
		return onnxUnknown("the model", f)
	}
}

func (m *onnxModel) opset(f protoField) error {
	domain, version := "", int64(0)
	err := m.message(f, func(f protoField) (err error) {
		switch f.num {
		case 1:
			domain, err = m.text(f, maxONNXName)
		case 2:
			version = int64(f.value) //nolint:gosec // G115: a number with a sign
		default:
			err = onnxUnknown("an opset", f)
		}
		return err
	})
	if err != nil {
		return err
	}
	if version < 0 || version > 1<<16 || len(m.opsets) >= maxONNXCustom {
		return fmt.Errorf("version %d of domain %.80q: %w", version, domain, errForm)
	}
	if !slices.Contains(m.opsets, domain) {
		m.opsets = append(m.opsets, domain)
	}
	return nil
}

// entry reads a pair of texts.
func (m *onnxModel) entry(f protoField, pair func(key, value string) error) error {
	var texts [2]string
	err := m.message(f, func(f protoField) (err error) {
		if f.num != 1 && f.num != 2 {
			return onnxUnknown("an entry", f)
		}
		texts[f.num-1], err = m.text(f, maxONNXText)
		return err
	})
	if err != nil {
		return err
	}
	return pair(texts[0], texts[1])
}

func (m *onnxModel) graph(f protoField, depth int) error {
	if depth > maxONNXDepth {
		return fmt.Errorf("graphs more than %d deep: %w", maxONNXDepth, errForm)
	}
	return m.message(f, func(f protoField) error {
		switch f.num {
		case 1:
			return m.node(f, depth)
		case 5:
			return m.tensor(f)
		case 15:
			return m.sparse(f)
		case 2, 10, 11, 12, 13, 14, 16:
			return nil
		default:
			return onnxUnknown("a graph", f)
		}
	})
}

func (m *onnxModel) node(f protoField, depth int) error {
	var name, op, domain string
	err := m.message(f, func(f protoField) (err error) {
		switch f.num {
		case 3:
			name, err = m.text(f, maxONNXName)
		case 4:
			op, err = m.text(f, maxONNXName)
		case 7:
			domain, err = m.text(f, maxONNXName)
		case 5:
			err = m.attribute(f, depth)
		case 1, 2, 6, 8, 9, 10:
		default:
			err = onnxUnknown("a node", f)
		}
		return err
	})
	if err != nil {
		return err
	}
	m.current.nodes++
	if slices.Contains(onnxDomains, domain) {
		if domain != "" && slices.Contains(onnxCode, op) {
			m.s.add("onnx-custom-operator", hallmark.SeverityCritical, name, "operator %.80q of domain %.80q runs code or loads a file that the model names", op, domain)
		}
		return nil
	}
	key := onnxKey(domain, op)
	if m.used[key] == nil {
		if len(m.used) >= maxONNXCustom || len(key) > maxONNXName {
			return fmt.Errorf("more than %d operators outside of the known domains: %w", maxONNXCustom, errForm)
		}
		m.used[key] = &onnxUse{node: name[:min(len(name), maxValue)]}
	}
	m.current.calls[key]++
	return nil
}

func (m *onnxModel) attribute(f protoField, depth int) error {
	return m.message(f, func(f protoField) error {
		switch f.num {
		case 5, 10:
			return m.tensor(f)
		case 6, 11:
			return m.graph(f, depth+1)
		case 22, 23:
			return m.sparse(f)
		case 1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 20, 21:
			return nil
		default:
			return onnxUnknown("an attribute", f)
		}
	})
}

func (m *onnxModel) sparse(f protoField) error {
	return m.message(f, func(f protoField) error {
		switch f.num {
		case 1, 2:
			return m.tensor(f)
		case 3:
			return nil
		default:
			return onnxUnknown("a sparse tensor", f)
		}
	})
}

func (m *onnxModel) function(f protoField) error {
	if len(m.functions) >= maxONNXCustom {
		return fmt.Errorf("more than %d functions: %w", maxONNXCustom, errForm)
	}
	outer := m.current
	defer func() { m.current = outer }()
	m.current = &onnxFunction{calls: map[string]uint64{}}
	var name, domain string
	err := m.message(f, func(f protoField) (err error) {
		switch f.num {
		case 1:
			name, err = m.text(f, maxONNXName)
		case 10:
			domain, err = m.text(f, maxONNXName)
		case 7:
			err = m.node(f, 0)
		case 9:
			err = m.opset(f)
		case 11:
			err = m.attribute(f, 0)
		case 2, 3, 4, 5, 6, 8, 12, 13, 14:
		default:
			err = onnxUnknown("a function", f)
		}
		return err
	})
	if err != nil {
		return err
	}
	key := onnxKey(domain, name)
	if m.functions[key] != nil {
		m.s.metadata("onnx.function", name) // overloads share a name; their nodes count together
		for call, n := range m.functions[key].calls {
			m.current.calls[call] += n
		}
		m.current.nodes += m.functions[key].nodes
	}
	m.functions[key] = m.current
	return nil
}

var errONNXLoop = errors.New("a function that calls itself")

// expand computes how large a function is when those that it calls are written out.
func (m *onnxModel) expand(name string, f *onnxFunction) error {
	if f.open {
		return fmt.Errorf("%.80q: %w: %w", name, errONNXLoop, errForm)
	}
	if f.size > 0 {
		return nil
	}
	f.open = true
	f.size = 1 + f.nodes
	for key, n := range f.calls {
		callee := m.functions[key]
		if callee == nil {
			continue
		}
		if err := m.expand(key, callee); err != nil {
			return err
		}
		more, over := product(n, callee.size)
		if f.size += more; over != 0 || more > maxONNXExpands || f.size > maxONNXExpands {
			return fmt.Errorf("functions grow to more than %d nodes: %w", maxONNXExpands, errForm)
		}
	}
	f.open = false
	return nil
}
