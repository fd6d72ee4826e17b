package wire

import (
	"encoding/binary"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of what a reply may list, so that a message within its size limit cannot become many times its size in memory.
const (
	maxLayers   = 32
	maxFindings = 4096
	maxMetadata = 4096

	maxLabel   = 256  // bytes of a name
	maxMessage = 2048 // bytes of a sentence
)

// Ready says that the guest is locked in and by which layers.
type Ready struct{ Layers []string }

// Loaded describes the model.
type Loaded struct {
	Architecture   string
	TokenizerModel string
	Context        int // longest sequence, tokens
	Vocab          int // tokens
	Embedding      int // floats in an embedding
	ChatTemplate   bool
	EngineVersion  string
}

// ScanReport is what one file holds. The reader cleans every string; Tensors are attacker-made until
// hallmark.CheckTensorRanges accepts them.
type ScanReport struct {
	Format   string
	Findings []hallmark.Finding
	Tensors  []hallmark.TensorRange
	Metadata map[string]string
}

// Token is one token of a text and the byte range that it covers.
type Token struct {
	ID         int32
	Start, End int
}

// Tokens answers [Tokenize] and [Prompt].
type Tokens struct{ Tokens []Token }

// Span is the byte range of one message's content in a rendered chat.
type Span struct {
	Start, End int
	Role       string
}

// Rendered answers [Render].
type Rendered struct {
	Text  string
	Spans []Span
}

// Piece is a part of the text of a streamed [Generate]. The pieces joined are the completion's text.
type Piece struct{ Text string }

// Finish says why a completion ended.
type Finish uint8

// The reasons to end a completion.
const (
	FinishStop Finish = iota + 1
	FinishLength
)

// Completion answers [Generate].
type Completion struct {
	Text         string
	PromptTokens int
	OutputTokens int
	Finish       Finish
}

// An Answer is that to one of several requests.
type Answer struct {
	Completion Completion
	Failure    *Failure // in place of the completion; nil if there is one
}

// Answers answers [GenerateAll], in the order of its requests.
type Answers struct{ Answers []Answer }

// Score rates one token of a given text; see probe.LogProb.
type Score struct {
	LogProb      float32
	Rank         int32
	Mean, StdDev float32
}

// Scores answers [LogProbs] and [Continue].
type Scores struct{ Scores []Score }

// Floats answers questions for rows of numbers, row-major.
type Floats struct{ Values []float32 }

// FailureKind says why a request did not work.
type FailureKind uint8

// The kinds of failure.
const (
	FailModel       FailureKind = iota + 1 // the file is not a valid model
	FailUnsupported                        // the file is a model of a kind that the engine does not know
	FailRequest                            // the request does not fit the model
	FailTooLarge                           // the request is longer than the model's context or than a limit
	FailMissing                            // the model has no such thing, a chat template for example
	FailCanceled                           // stopped by [Cancel]
	FailUnsandboxed                        // the guest could not lock itself in
	FailInternal
)

// Failure answers a request that did not work. Text is cleaned by the reader.
type Failure struct {
	Kind FailureKind
	Text string
}

// Type implements [Message].
func (Ready) Type() Type { return TypeReady }

// Type implements [Message].
func (Loaded) Type() Type { return TypeLoaded }

// Type implements [Message].
func (ScanReport) Type() Type { return TypeScanned }

// Type implements [Message].
func (Tokens) Type() Type { return TypeTokens }

// Type implements [Message].
func (Rendered) Type() Type { return TypeRendered }

// Type implements [Message].
func (Piece) Type() Type { return TypePiece }

// Type implements [Message].
func (Completion) Type() Type { return TypeCompletion }

// Type implements [Message].
func (Answers) Type() Type { return TypeAnswers }

// Type implements [Message].
func (Scores) Type() Type { return TypeScores }

// Type implements [Message].
func (Floats) Type() Type { return TypeFloats }

// Type implements [Message].
func (Failure) Type() Type { return TypeFailure }

func (m Ready) encode(b []byte) []byte { return appendStrings(b, m.Layers) }

func decodeReady(d *decoder) Ready {
	n := d.bounded(4, maxLayers, "layers")
	m := Ready{Layers: make([]string, n)}
	for i := range m.Layers {
		m.Layers[i] = d.label(maxLabel)
	}
	return m
}

// bounded is a count of at most limit.
func (d *decoder) bounded(size, limit int, what string) int {
	n := d.count(size)
	if n > limit {
		d.fail("%d %s, at most %d", n, what, limit)
		return 0
	}
	return n
}

func (m Loaded) encode(b []byte) []byte {
	b = appendString(appendString(b, m.Architecture), m.TokenizerModel)
	b = appendCount(appendCount(appendCount(b, m.Context), m.Vocab), m.Embedding)
	return appendString(appendBool(b, m.ChatTemplate), m.EngineVersion)
}

func decodeLoaded(d *decoder) Loaded {
	return Loaded{
		Architecture: d.label(maxLabel), TokenizerModel: d.label(maxLabel),
		Context: d.number(), Vocab: d.number(), Embedding: d.number(),
		ChatTemplate: d.bool(), EngineVersion: d.label(maxLabel),
	}
}

func (m ScanReport) encode(b []byte) []byte {
	b = appendString(b, m.Format)
	b = appendCount(b, len(m.Findings))
	for _, f := range m.Findings {
		for _, s := range []string{f.Detector, f.Rule, string(f.Severity), f.CaseID, f.Message, f.Location} {
			b = appendString(b, s)
		}
	}
	b = appendCount(b, len(m.Tensors))
	for _, t := range m.Tensors {
		b = appendString(b, t.Name)
		b = binary.LittleEndian.AppendUint64(b, uint64(t.Offset))
		b = binary.LittleEndian.AppendUint64(b, uint64(t.Size))
	}
	keys := make([]string, 0, len(m.Metadata))
	for k := range m.Metadata {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = appendCount(b, len(keys))
	for _, k := range keys {
		b = appendString(appendString(b, k), m.Metadata[k])
	}
	return b
}

func decodeScanReport(d *decoder) ScanReport {
	m := ScanReport{Format: d.label(maxLabel)}
	m.Findings = make([]hallmark.Finding, d.bounded(24, maxFindings, "findings"))
	for i := range m.Findings {
		m.Findings[i] = decodeFinding(d)
	}
	m.Tensors = make([]hallmark.TensorRange, d.bounded(20, hallmark.MaxTensors, "tensors"))
	for i := range m.Tensors {
		m.Tensors[i] = hallmark.TensorRange{Name: d.label(maxMessage), Offset: d.size(), Size: d.size()}
	}
	n := d.bounded(8, maxMetadata, "metadata keys")
	m.Metadata = make(map[string]string, n)
	for range n {
		k := d.label(maxLabel)
		if _, twice := m.Metadata[k]; twice {
			d.fail("metadata key %q is there twice", k)
		}
		m.Metadata[k] = d.label(maxMessage)
	}
	return m
}

func decodeFinding(d *decoder) hallmark.Finding {
	f := hallmark.Finding{Detector: d.label(maxLabel), Rule: d.label(maxLabel)}
	switch s := hallmark.Severity(d.label(maxLabel)); s {
	case hallmark.SeverityInfo, hallmark.SeverityMedium, hallmark.SeverityHigh, hallmark.SeverityCritical:
		f.Severity = s
	default:
		d.fail("severity %q", string(s))
	}
	f.CaseID, f.Message, f.Location = d.label(maxLabel), d.label(maxMessage), d.label(maxMessage)
	return f
}

func (m Tokens) encode(b []byte) []byte {
	b = appendCount(b, len(m.Tokens))
	for _, t := range m.Tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t.ID))
		b = appendCount(appendCount(b, t.Start), t.End)
	}
	return b
}

func decodeTokens(d *decoder) Tokens {
	m := Tokens{Tokens: make([]Token, d.count(12))}
	for i := range m.Tokens {
		m.Tokens[i] = Token{ID: int32(d.uint32()), Start: d.number(), End: d.number()}
	}
	return m
}

func (m Rendered) encode(b []byte) []byte {
	b = appendCount(appendString(b, m.Text), len(m.Spans))
	for _, s := range m.Spans {
		b = appendString(appendCount(appendCount(b, s.Start), s.End), s.Role)
	}
	return b
}

func decodeRendered(d *decoder) Rendered {
	m := Rendered{Text: d.text()}
	m.Spans = make([]Span, d.count(12))
	for i := range m.Spans {
		m.Spans[i] = Span{Start: d.number(), End: d.number(), Role: d.label(maxLabel)}
	}
	return m
}

func (m Piece) encode(b []byte) []byte { return appendString(b, m.Text) }

func (m Completion) encode(b []byte) []byte {
	b = appendCount(appendCount(appendString(b, m.Text), m.PromptTokens), m.OutputTokens)
	return append(b, byte(m.Finish))
}

func decodeCompletion(d *decoder) Completion {
	m := Completion{Text: d.text(), PromptTokens: d.number(), OutputTokens: d.number(), Finish: Finish(d.uint8())}
	if m.Finish != FinishStop && m.Finish != FinishLength {
		d.fail("finish %d", m.Finish)
	}
	return m
}

func (m Answers) encode(b []byte) []byte {
	b = appendCount(b, len(m.Answers))
	for _, a := range m.Answers {
		if b = appendBool(b, a.Failure != nil); a.Failure != nil {
			b = a.Failure.encode(b)
		} else {
			b = a.Completion.encode(b)
		}
	}
	return b
}

func decodeAnswers(d *decoder) Answers {
	m := Answers{Answers: make([]Answer, d.bounded(6, MaxRequests, "answers"))}
	for i := range m.Answers {
		if d.bool() {
			f := decodeFailure(d)
			m.Answers[i].Failure = &f
		} else {
			m.Answers[i].Completion = decodeCompletion(d)
		}
	}
	return m
}

func (m Scores) encode(b []byte) []byte {
	b = appendCount(b, len(m.Scores))
	for _, s := range m.Scores {
		b = binary.LittleEndian.AppendUint32(appendFloat(b, s.LogProb), uint32(s.Rank))
		b = appendFloat(appendFloat(b, s.Mean), s.StdDev)
	}
	return b
}

func decodeScores(d *decoder) Scores {
	m := Scores{Scores: make([]Score, d.count(16))}
	for i := range m.Scores {
		m.Scores[i] = Score{LogProb: d.float(), Rank: int32(d.number()), Mean: d.float(), StdDev: d.float()}
	}
	return m
}

func (m Floats) encode(b []byte) []byte { return appendFloats(b, m.Values) }

func (m Failure) encode(b []byte) []byte { return appendString(append(b, byte(m.Kind)), m.Text) }

func decodeFailure(d *decoder) Failure {
	m := Failure{Kind: FailureKind(d.uint8()), Text: d.label(maxMessage)}
	if m.Kind < FailModel || m.Kind > FailInternal {
		d.fail("failure of kind %d", m.Kind)
	}
	return m
}

// decodeReply returns nil for a type that is not a reply.
func decodeReply(t Type, d *decoder) Message {
	switch t {
	case TypeReady:
		return decodeReady(d)
	case TypeLoaded:
		return decodeLoaded(d)
	case TypeScanned:
		return decodeScanReport(d)
	case TypeTokens:
		return decodeTokens(d)
	case TypeRendered:
		return decodeRendered(d)
	case TypePiece:
		return Piece{Text: d.text()}
	case TypeCompletion:
		return decodeCompletion(d)
	case TypeScores:
		return decodeScores(d)
	case TypeFloats:
		return Floats{Values: d.floats()}
	case TypeTexts:
		return decodeTexts(d)
	case TypeNexts:
		return decodeNexts(d)
	case TypeCounted:
		return decodeCounted(d)
	case TypeFailure:
		return decodeFailure(d)
	case TypeAnswers:
		return decodeAnswers(d)
	case TypeInspection:
		return decodeInspection(d)
	case TypeQuantised:
		return decodeQuantised(d)
	default:
		return nil
	}
}
