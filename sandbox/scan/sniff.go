package scan

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Messages of protocol buffers have no magic number: the fields at the top and, where they leave it open, the name tell
// what they are.

// rawTensors are names of tensor data without any format, which an ONNX model beside it describes, or the index of a
// checkpoint of TensorFlow.
var rawTensors = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:\.onnx[._]data(?:_[0-9]+)?|\.data-[0-9]{5}-of-[0-9]{5})$`)
})

// proto recognises ONNX and TensorFlow models and scans them.
func (s *scanner) proto(head []byte) bool {
	name := strings.ToLower(path.Base(s.name))
	switch {
	case name == "keras_metadata.pb":
		s.kerasMetadata()
	case path.Ext(name) == ".onnx":
		s.onnx()
	case name == "fingerprint.pb" && s.size < 4096 && s.isFingerprint():
		s.res.Format = FormatSavedModel
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
	case len(head) > 2 && head[0] == 0x0a && s.isSentencePiece():
		s.res.Format = FormatSentencePiece
	default:
		return false
	}
	return true
}

// isFingerprint recognises the message of numbers and a name that TensorFlow writes beside a saved model.
//
// Source: fingerprint.proto of TensorFlow.
func (s *scanner) isFingerprint() bool {
	seen, ok := s.topFields()
	for num := range seen {
		ok = ok && num >= 1 && num <= 7
	}
	return ok && seen[1]
}

// isSentencePiece recognises the vocabulary of a tokenizer: a message whose first field is, over and over, a text with a
// score and a kind. Nothing in it is run.
//
// Source: sentencepiece_model.proto of the SentencePiece project.
func (s *scanner) isSentencePiece() bool {
	p := newProto(s)
	pieces := 0
	err := p.fields(0, s.size, func(f protoField) error {
		if f.wire != protoBytes || f.num > 5 {
			return errForm
		}
		if f.num > 1 {
			return p.message(f, func(protoField) error { return nil })
		}
		pieces++
		return p.message(f, func(f protoField) error {
			if want := map[int]int{1: protoBytes, 2: proto32, 3: protoVarint}; want[f.num] != f.wire || f.num > 3 {
				return errForm
			}
			return nil
		})
	})
	return err == nil && pieces > 0
}

// tableMagic ends a table of sorted keys, which the index of a checkpoint of TensorFlow is.
const tableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb"

// isTable recognises the index of a checkpoint, which says where in the shards beside it each tensor lies.
func (s *scanner) isTable() bool {
	var end [len(tableMagic)]byte
	return path.Ext(s.name) == ".index" && s.size > int64(len(end)) && readFull(s.r, end[:], s.size-int64(len(end))) == nil && string(end[:]) == tableMagic
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
