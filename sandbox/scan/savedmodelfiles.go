package scan

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// Every saved model of TensorFlow holds operations that write and read checkpoints. Their file is given by whoever calls them;
// a graph in which it comes from a text of the graph's own writes or reads where the model says.

// Bounds of one graph.
const (
	maxTFInputs = 64
	maxTFTexts  = 1 << 14 // nodes that make texts
	maxTFPath   = 4096    // bytes of a text that may be a path
)

// tfCheckpoint are operations on checkpoints, and how many of their inputs name files.
var tfCheckpoint = map[string]int{"Save": 1, "SaveSlices": 1, "SaveV2": 1, "Restore": 1, "RestoreSlice": 1, "RestoreV2": 1, "MergeV2Checkpoints": 2}

// tfMakesText are operations whose results are followed to where they come from. Others are either given by the caller, or
// computed, which is refused for those in tfComputesText.
var (
	tfMakesText = sync.OnceValue(func() map[string]bool {
		return words("Const StringJoin ShardedFilename ShardedFilespec Identity IdentityN Pack Select SelectV2 Reshape Squeeze ExpandDims ConcatV2")
	})
	tfComputesText = sync.OnceValue(func() map[string]bool {
		return words("DecodeBase64 StringLower StringUpper Substr RegexReplace StaticRegexReplace AsString ReduceJoin StringFormat UnicodeEncode UnicodeTranscode StringSplitV2 StringSplit UnsortedSegmentJoin ParseTensor StringStrip Fill Reverse ReverseV2 GatherV2 Gather StridedSlice Slice")
	})
)

// tfElsewhere is a path, or the beginning of one, that does not lie in the directory that the program runs in.
var tfElsewhere = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:[/\\~]|[A-Za-z]:|[A-Za-z0-9]+://)|\.\.`) })

type tfNode struct {
	op     string
	inputs []string
	texts  []string
}

// tfFiles are the nodes of one graph that make texts, and those that take them for files.
type tfFiles struct {
	nodes map[string]tfNode
	uses  []tfNode // op and inputs of operations on checkpoints
}

func newTFFiles() *tfFiles { return &tfFiles{nodes: map[string]tfNode{}} }

func (t *tfFiles) add(name, op string, n tfNode) error {
	n.op = op
	inputs, uses := tfCheckpoint[op]
	switch {
	case uses:
		n.inputs = n.inputs[:min(len(n.inputs), inputs)]
		t.uses = append(t.uses, n)
	case op == "Const" && n.texts == nil:
		return nil
	case tfMakesText()[op] || tfComputesText()[op]:
		t.nodes[name] = n
	}
	if len(t.nodes)+len(t.uses) > maxTFTexts {
		return fmt.Errorf("more than %d operations on texts: %w", maxTFTexts, errForm)
	}
	return nil
}

// report says which operations on checkpoints take a file that the graph names.
func (t *tfFiles) report(s *scanner) {
	seen := map[string]bool{} // what was followed once leads nowhere else the second time
	for _, use := range t.uses {
		for _, input := range use.inputs {
			if hit := t.elsewhere(input, seen); hit != "" {
				s.add("savedmodel-operation", hallmark.SeverityCritical, use.op, "operation %.80q reads or writes %.80q, which the model names", use.op, hit)
				break
			}
		}
	}
}

// elsewhere returns a text of the graph that the input may be made of and that leads out of the directory.
func (t *tfFiles) elsewhere(input string, seen map[string]bool) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
	n, known := t.nodes[name]
	if !known || seen[name] {
		return ""
	}
	seen[name] = true
	if tfComputesText()[n.op] {
		return "a text that is computed"
	}
	for _, text := range n.texts {
		if tfElsewhere().MatchString(text) {
			return text
		}
	}
	for _, from := range n.inputs {
		if hit := t.elsewhere(from, seen); hit != "" {
			return hit
		}
	}
	return ""
}

// constant keeps the texts of a constant that are short enough for paths.
func (g *tfGraph) constant(f protoField, n *tfNode) error {
	return g.message(f, func(f protoField) error {
		if f.num != 2 {
			return nil
		}
		return g.message(f, func(f protoField) error {
			if f.num != 8 { // of an attribute: a tensor
				return nil
			}
			return g.message(f, func(f protoField) error {
				if f.num != 8 || f.value > maxTFPath || len(n.texts) >= maxTFInputs { // of a tensor: texts
					return nil
				}
				text, err := g.text(f, maxTFPath)
				n.texts = append(n.texts, text)
				return err
			})
		})
	})
}
