package scan

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Messages of protocol buffers have no magic number: the fields at the top and, where they leave it open, the name tell
// what they are.

// rawTensors are names of tensor data without any format, which an ONNX model beside it describes.
var rawTensors = regexp.MustCompile(`\.onnx[._]data(?:_[0-9]+)?$`)

// proto recognises ONNX and TensorFlow models and scans them.
func (s *scanner) proto(head []byte) bool {
	name := strings.ToLower(path.Base(s.name))
	switch {
	case name == "keras_metadata.pb":
		s.kerasMetadata()
	case path.Ext(name) == ".onnx":
		s.onnx()
	case len(head) > 2 && head[0] == 0x08 && head[1] < 0x80:
		seen, ok := s.topFields()
		switch {
		case ok && seen[7] && !seen[0]:
			s.onnx()
		case ok && seen[2] && len(seen) == 2 && head[1] == 1, name == "saved_model.pb":
			s.savedModel()
		default:
			return false
		}
	case name == "saved_model.pb":
		s.savedModel()
	case path.Ext(name) == ".pb" && len(head) > 0 && (head[0] == 0x0a || head[0] == 0x22):
		s.graphDef()
	default:
		return false
	}
	return true
}

// topFields returns the fields that the file has at its top if it is a message; 0 stands for those over 31.
func (s *scanner) topFields() (map[int]bool, bool) {
	seen := map[int]bool{}
	n := 0
	err := newProto(s).fields(0, s.size, func(f protoField) error {
		if n++; n > 1<<16 {
			return fmt.Errorf("too many: %w", errForm)
		}
		if f.num > 31 {
			f.num = 0
		}
		seen[f.num] = true
		return nil
	})
	return seen, err == nil
}
