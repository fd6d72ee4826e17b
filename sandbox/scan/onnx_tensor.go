package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// bits of one element by the number of the data type. Texts have none.
var onnxBits = map[uint64]uint64{
	1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 8: 0, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16,
	17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}

// An onnxTensor is what a tensor says of itself.
type onnxTensor struct {
	name             string
	dims             int
	elements         uint64
	kind             uint64
	raw              int64 // bytes of raw data, or -1
	typed            uint64
	typedField       int
	external         bool
	location         string
	offset, length   uint64
	hasOffset, hasLn bool
}

// tensor checks that a tensor has as much data as its shape and type need, and where data in another file lies.
func (m *onnxModel) tensor(f protoField) error {
	t := &onnxTensor{elements: 1, raw: -1}
	if err := m.message(f, func(f protoField) error { return m.tensorField(t, f) }); err != nil {
		return err
	}
	if err := m.checkTensor(t); err != nil {
		return fmt.Errorf("tensor %.80q: %w", t.name, err)
	}
	return nil
}

// onnxTyped are the fields that hold elements one by one: how wide one is, 0 for varints.
var onnxTyped = map[int]uint64{4: 4, 5: 0, 7: 0, 10: 8, 11: 0}

func (m *onnxModel) tensorField(t *onnxTensor, f protoField) (err error) {
	switch f.num {
	case 1:
		return m.numbers(f, t.dim)
	case 2:
		t.kind = f.value
	case 4, 5, 7, 10, 11, 6:
		if t.typedField != 0 && t.typedField != f.num {
			return fmt.Errorf("data in two fields: %w", errForm)
		}
		t.typedField = f.num
		n := uint64(1)
		if f.num != 6 {
			n, err = m.count(f, onnxTyped[f.num])
		}
		t.typed += n
	case 8:
		t.name, err = m.text(f, maxONNXName)
	case 9:
		if f.wire != protoBytes || t.raw >= 0 {
			return fmt.Errorf("raw data twice or no bytes: %w", errForm)
		}
		t.raw = int64(f.value) //nolint:gosec // G115: inside the file
	case 13:
		return m.entry(f, t.externalEntry)
	case 14:
		t.external = f.value == 1
		if f.value > 1 {
			return fmt.Errorf("data at place %d: %w", f.value, errForm)
		}
	case 3, 12, 16:
	default:
		return onnxUnknown("a tensor", f)
	}
	return err
}

func (t *onnxTensor) dim(v uint64) error {
	if t.dims++; t.dims > maxONNXDims || v >= 1<<63 {
		return fmt.Errorf("dimension %d is %d: %w", t.dims, int64(v), errForm) //nolint:gosec // G115: shown with its sign
	}
	var over int
	if t.elements, over = product(t.elements, v); over != 0 {
		return fmt.Errorf("the shape overflows: %w", errForm)
	}
	return nil
}

func (t *onnxTensor) externalEntry(key, value string) (err error) {
	switch key {
	case "location":
		if t.location != "" {
			return fmt.Errorf("two places of data: %w", errForm)
		}
		t.location = value
	case "offset":
		t.hasOffset = true
		t.offset, err = strconv.ParseUint(value, 10, 62)
	case "length":
		t.hasLn = true
		t.length, err = strconv.ParseUint(value, 10, 62)
	case "checksum", "basepath", "prepacked":
	default:
		return fmt.Errorf("%.80q of external data is not known: %w", key, errForm)
	}
	if err != nil {
		return fmt.Errorf("%s %.40q: %w", key, value, errForm)
	}
	return nil
}

func (m *onnxModel) checkTensor(t *onnxTensor) error {
	width, ok := onnxBits[t.kind]
	if !ok {
		return fmt.Errorf("data type %d is not known: %w", t.kind, errForm)
	}
	total, over := product(t.elements, max(width, 1))
	if over != 0 {
		return fmt.Errorf("the shape overflows: %w", errForm)
	}
	size := (total + 7) / 8
	switch {
	case t.external:
		if t.raw >= 0 || t.typedField != 0 {
			return fmt.Errorf("data here and in another file: %w", errForm)
		}
		return m.externalData(t, size)
	case t.location != "":
		return fmt.Errorf("data in another file that is not marked as such: %w", errForm)
	case t.raw >= 0 && t.typedField != 0:
		return fmt.Errorf("data in two fields: %w", errForm)
	case t.raw >= 0:
		if t.kind == 8 || uint64(t.raw) != size {
			return fmt.Errorf("%d bytes of data, shape and type need %d: %w", t.raw, size, errForm)
		}
	default:
		return t.checkTyped()
	}
	return nil
}

// checkTyped compares how many elements there are one by one with the shape.
func (t *onnxTensor) checkTyped() error {
	want := t.elements
	var field int
	switch t.kind {
	case 1:
		field = 4
	case 14:
		field, want = 4, 2*want
	case 11:
		field = 10
	case 15:
		field, want = 10, 2*want
	case 7:
		field = 7
	case 12, 13:
		field = 11
	case 8:
		field = 6
	case 21, 22, 23:
		field, want = 5, (want+1)/2
	case 25, 26:
		field, want = 5, (want+3)/4
	default:
		field = 5
	}
	if t.typed != want || t.typedField != field && t.typed != 0 {
		return fmt.Errorf("%d elements of data in field %d, the shape needs %d in field %d: %w", t.typed, t.typedField, want, field, errForm)
	}
	return nil
}

var errOutside = errors.New("outside of the model's directory")

// externalData checks where data in another file lies. The file itself is not at hand: see [External].
func (m *onnxModel) externalData(t *onnxTensor, size uint64) error {
	if err := insidePath(t.location); err != nil {
		m.s.add("onnx-external-path", hallmark.SeverityCritical, t.name, "the data lies in file %.80q: %v", t.location, err)
		return nil
	}
	if t.kind == 8 || t.hasLn && t.length != size {
		return fmt.Errorf("%d bytes of data in another file, shape and type need %d: %w", t.length, size, errForm)
	}
	known, seen := m.external[t.location]
	if !seen {
		if len(m.external) >= maxONNXFiles {
			return fmt.Errorf("data in more than %d other files: %w", maxONNXFiles, errForm)
		}
		if len(m.external) < 64 {
			m.s.add(ruleExternalData, hallmark.SeverityInfo, t.name, "data lies in file %.80q", t.location)
		}
	}
	m.external[t.location] = max(known, t.offset+size)
	return nil
}

// insidePath accepts a path that stays below where it begins, on every system.
func insidePath(p string) error {
	if strings.ContainsAny(p, "\\:\x00") || !fs.ValidPath(strings.TrimPrefix(p, "./")) || p == "." {
		return errOutside
	}
	return nil
}
