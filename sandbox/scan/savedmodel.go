package scan

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
)

// tfDenied are operations of TensorFlow that read or write files, run code of the program that loads the model, or open
// connections. It is a list of what is refused: TensorFlow has some 1,400 operations, nearly all of them mathematics, and
// a list of what is allowed would be out of date with each version. Families are refused by patterns, so that a new reader
// is found as well.
var tfDenied = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + strings.Join([]string{
		`ReadFile`, `WriteFile`, `MatchingFiles`, `PyFunc(?:Stateless)?`, `EagerPyFunc`, `NumpyFunc\w*`,
		`DebugIdentity(?:V\d+)?`, `DebugNanCount`, `DebugNumericSummary(?:V\d+)?`, `ImmutableConst`, `DumpTensor\w*`,
		`\w*Reader(?:V\d+)?`, `ReaderRead\w*`, `FixedLengthRecord\w*`, `TextLineDataset`, `TFRecordDataset(?:V\d+)?`, `\w*CSVDataset\w*`, `SqlDataset`,
		`SnapshotDataset\w*`, `SaveDataset\w*`, `LoadDataset\w*`, `DistributedSave`, `CacheDataset\w*`, `LMDBDataset`, `\w*Kafka\w*`, `\w*Bigtable\w*`, `\w*BigQuery\w*`,
		`CreateSummary(?:File|Db)Writer`, `WriteSummary`, `WriteRawProtoSummary`, `WriteGraphSummary`,
		`Rpc(?:Call|Client|Server\w*)?`, `TryRpc`, `RemoteCall`, `RemoteFusedGraphExecute`, `DataService\w*`, `RegisterDataset\w*`, `_Send`, `_Recv`,
		`DeleteFile\w*`, `CopyFile\w*`, `LoadLibrary\w*`, `GenerateVocabRemapping`, `LoadAndRemapMatrix`, `XlaCustomCall\w*`, `CustomCall\w*`,
	}, "|") + `)$`)
})

// A tfGraph walks the messages of TensorFlow's SavedModel and GraphDef.
//
// Source: saved_model.proto, meta_graph.proto, graph.proto, function.proto and node_def.proto of TensorFlow.
type tfGraph struct {
	*protoReader
	nodes int
	files *tfFiles // of the graph or function that is read
}

// savedModel scans saved_model.pb.
func (s *scanner) savedModel() {
	s.res.Format = FormatSavedModel
	g := &tfGraph{protoReader: newProto(s)}
	err := g.fields(0, s.size, func(f protoField) error {
		switch f.num {
		case 1:
			if f.wire != protoVarint || f.value != 1 {
				return fmt.Errorf("version %d is not known: %w", f.value, errForm)
			}
			return nil
		case 2:
			return g.metaGraph(f)
		default:
			return onnxUnknown("the model", f)
		}
	})
	g.end(err)
}

// graphDef scans a graph on its own, as frozen models are.
func (s *scanner) graphDef() {
	s.res.Format = FormatGraphDef
	g := &tfGraph{protoReader: newProto(s)}
	g.end(g.graphFields(0, s.size))
}

func (g *tfGraph) end(err error) {
	if err == nil && g.nodes == 0 {
		err = fmt.Errorf("it has no nodes: %w", errForm)
	}
	if err != nil {
		g.s.cannotParse(g.s.name, "TensorFlow graph: %v", err)
	}
}

func (g *tfGraph) metaGraph(f protoField) error {
	return g.message(f, func(f protoField) error {
		switch f.num {
		case 2:
			return g.graphFields(f.at, f.end())
		case 6:
			return g.asset(f)
		case 1, 3, 4, 5, 7:
			return nil
		default:
			return onnxUnknown("a meta graph", f)
		}
	})
}

// asset is a file beside the model that its tables are filled from.
func (g *tfGraph) asset(f protoField) error {
	return g.message(f, func(f protoField) error {
		if f.num != 2 {
			return nil
		}
		name, err := g.text(f, maxONNXName)
		if err == nil && insidePath(name) != nil {
			g.s.add("savedmodel-asset", hallmark.SeverityCritical, g.s.name, "the model reads file %.80q, which is outside of its directory", name)
		}
		return err
	})
}

func (g *tfGraph) graphFields(at, end int64) error {
	outer := g.files
	g.files = newTFFiles()
	defer func() {
		g.files.report(g.s)
		g.files = outer
	}()
	return g.fields(at, end, func(f protoField) error {
		switch f.num {
		case 1:
			return g.node(f)
		case 2: // functions
			return g.message(f, func(f protoField) error {
				if f.num != 1 {
					return nil
				}
				return g.function(f)
			})
		case 3, 4, 5:
			return nil
		default:
			return onnxUnknown("a graph", f)
		}
	})
}

func (g *tfGraph) function(f protoField) error {
	outer := g.files
	g.files = newTFFiles()
	defer func() {
		g.files.report(g.s)
		g.files = outer
	}()
	return g.message(f, func(f protoField) error {
		if f.num == 3 {
			return g.node(f)
		}
		return nil
	})
}

func (g *tfGraph) node(f protoField) error {
	var name, op, stream string
	n := tfNode{}
	err := g.message(f, func(f protoField) (err error) {
		switch f.num {
		case 1:
			name, err = g.text(f, maxONNXName)
		case 2:
			op, err = g.text(f, maxONNXName)
		case 3:
			if n.inputs = append(n.inputs, ""); len(n.inputs) <= maxTFInputs {
				n.inputs[len(n.inputs)-1], err = g.text(f, maxONNXName)
			}
			n.inputs = n.inputs[:min(len(n.inputs), maxTFInputs)]
		case 5:
			stream, err = g.outputStream(f, stream)
			if err == nil {
				err = g.constant(f, &n)
			}
		case 4, 6, 7:
		default:
			err = onnxUnknown("a node", f)
		}
		return err
	})
	if err != nil {
		return err
	}
	g.nodes++
	if op == "" {
		return fmt.Errorf("node %.80q has no operation: %w", name, errForm)
	}
	if tfDenied().MatchString(op) {
		g.s.add("savedmodel-operation", hallmark.SeverityCritical, name, "operation %.80q reads or writes files, opens connections or runs code", op)
	}
	if err := g.files.add(name, op, n); err != nil {
		return err
	}
	if op == "PrintV2" && strings.HasPrefix(stream, "file:") {
		g.s.add("savedmodel-operation", hallmark.SeverityCritical, name, "operation %q writes to %.80q", op, stream)
	}
	return nil
}

// outputStream returns the text of the attribute of that name, or what was there before.
func (g *tfGraph) outputStream(f protoField, before string) (string, error) {
	key, value := "", ""
	err := g.message(f, func(f protoField) (err error) {
		switch f.num {
		case 1:
			key, err = g.text(f, maxONNXName)
		case 2:
			if key != "output_stream" {
				return nil
			}
			err = g.message(f, func(f protoField) (err error) {
				if f.num == 2 {
					value, err = g.text(f, maxONNXName)
				}
				return err
			})
		}
		return err
	})
	if key == "output_stream" && value != "" {
		return value, err
	}
	return before, err
}

// kerasMetadata scans keras_metadata.pb, which stands beside saved_model.pb and holds configurations as JSON.
func (s *scanner) kerasMetadata() {
	s.res.Format = FormatSavedModel
	p := newProto(s)
	err := p.fields(0, s.size, func(f protoField) error {
		if f.num != 1 {
			return onnxUnknown("the metadata", f)
		}
		return p.message(f, func(f protoField) error {
			if f.num != 5 {
				return nil
			}
			if f.value > maxConfig {
				return fmt.Errorf("a configuration of %d bytes: %w", f.value, errForm)
			}
			s.kerasJSON(fmt.Sprintf("byte %d", f.at), s.section(f.at, int64(f.value)))
			return nil
		})
	})
	if err != nil {
		s.cannotParse(s.name, "metadata of Keras: %v", err)
	}
}
