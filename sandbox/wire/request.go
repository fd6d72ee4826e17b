package wire

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// MaxRequests is the most prompts of one [GenerateAll].
const MaxRequests = 256

// generateSize is the least that a [Generate] takes, in bytes.
const generateSize = 61

// Type is a kind of message. Requests are below 64, replies from 64 on.
type Type uint8

// The types of messages.
const (
	TypeHello Type = iota + 1
	TypeLoad
	TypeScan
	TypeTokenize
	TypeRender
	TypeGenerate
	TypeLogProbs
	TypeLogits
	TypeContinue
	TypeNext
	TypeCancel
	TypeInspect
	TypeQuantise
	TypeGenerateAll
	TypeRows
	TypePrompt
	TypePieces
	TypeCount
)

// The types of replies.
const (
	TypeReady Type = iota + 64
	TypeLoaded
	TypeScanned
	TypeTokens
	TypeRendered
	TypePiece
	TypeCompletion
	TypeScores
	TypeFloats
	TypeFailure
	TypeInspection
	TypeQuantised
	TypeAnswers
	TypeNexts
	TypeTexts
	TypeCounted
)

// String names the type for error texts.
func (t Type) String() string {
	names := map[Type]string{
		TypeHello: "hello", TypeLoad: "load", TypeScan: "scan", TypeTokenize: "tokenize", TypeRender: "render",
		TypeGenerate: "generate", TypeLogProbs: "logprobs", TypeLogits: "logits", TypeContinue: "continue",
		TypeNext: "next", TypePrompt: "prompt", TypePieces: "pieces", TypeTexts: "texts", TypeRows: "rows", TypeNexts: "nexts", TypeCancel: "cancel", TypeReady: "ready", TypeLoaded: "loaded",
		TypeScanned: "scanned", TypeTokens: "tokens", TypeRendered: "rendered", TypePiece: "piece",
		TypeCompletion: "completion", TypeScores: "scores", TypeFloats: "floats", TypeFailure: "failure",
		TypeInspect: "inspect", TypeInspection: "inspection", TypeQuantise: "quantise", TypeQuantised: "quantised",
		TypeGenerateAll: "generate all", TypeAnswers: "answers", TypeCount: "count", TypeCounted: "counted",
	}
	if name, ok := names[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Hello is the first request; the guest locks itself in as it says and answers [Ready]. It comes from the supervisor
// before the guest has touched a byte of the model.
type Hello struct {
	Version    uint16
	Tier       hallmark.Tier
	Memory     int64  // bytes of memory beyond the model's own
	CPUSeconds uint32 // 0: no limit
	ModelSize  int64  // bytes behind descriptor 3
	Threads    uint16 // that compute, at least 1
	Grouped    bool   // a control group keeps the limit of memory
}

// Load reads the model file and answers [Loaded]. Other questions about the model load it too. ISA forces the engine's
// instruction-set level; empty leaves the best that the machine has. It changes no bit of a reply.
type Load struct{ ISA string }

// Scan looks for what is unsafe in the file, which does not have to be a model, and answers [ScanReport].
type Scan struct{ Name string }

// Tokenize splits a text and answers [Tokens].
type Tokenize struct {
	Text         string
	ParseSpecial bool
}

// ChatMessage is one turn of a chat.
type ChatMessage struct{ Role, Content string }

// Render writes a chat with the model's template and answers [Rendered].
type Render struct {
	Messages            []ChatMessage
	AddGenerationPrompt bool
}

// Generate completes Messages or, if there are none, Prompt. It answers pieces if Stream is set, then a [Completion].
type Generate struct {
	Messages    []ChatMessage
	Prompt      string
	MaxTokens   int
	Temperature float32
	TopP        float32
	TopK        int
	MinP        float32
	Seed        uint64
	Stop        []string
	Stream      bool

	RepeatPenalty, FrequencyPenalty, PresencePenalty float32

	// Grammar, in GBNF, or JSONSchema keeps the text within a language; at most one of them is set.
	Grammar, JSONSchema string
}

// GenerateAll completes several prompts together, which is faster, and answers [Answers]. Nothing of it streams.
type GenerateAll struct{ Requests []Generate }

// LogProbs rates the tokens of a text and answers [Scores], one for each token but the first.
type LogProbs struct{ Tokens []int32 }

// Logits runs Tokens and answers [Floats]: the vocabulary's logits after each of Positions, in order.
type Logits struct{ Tokens, Positions []int32 }

// Cancel stops the request that has its id, which then answers a [Failure] with [FailCanceled] unless it had already
// ended. Cancel has no answer of its own.
type Cancel struct{}

// Type implements [Message].
func (Hello) Type() Type { return TypeHello }

// Type implements [Message].
func (Load) Type() Type { return TypeLoad }

// Type implements [Message].
func (Scan) Type() Type { return TypeScan }

// Type implements [Message].
func (Tokenize) Type() Type { return TypeTokenize }

// Type implements [Message].
func (Render) Type() Type { return TypeRender }

// Type implements [Message].
func (Generate) Type() Type { return TypeGenerate }

// Type implements [Message].
func (GenerateAll) Type() Type { return TypeGenerateAll }

// Type implements [Message].
func (LogProbs) Type() Type { return TypeLogProbs }

// Type implements [Message].
func (Logits) Type() Type { return TypeLogits }

// Type implements [Message].
func (Cancel) Type() Type { return TypeCancel }

// tiers are those of guests; a tier's number is its place, and 0 is none.
func tiers() []hallmark.Tier {
	return []hallmark.Tier{"", hallmark.TierFull, hallmark.TierNoNamespaces, hallmark.TierRunc, hallmark.TierRunsc}
}

func (m Hello) encode(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, m.Version)
	b = append(b, byte(max(slices.Index(tiers(), m.Tier), 0)))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Memory))
	b = binary.LittleEndian.AppendUint32(b, m.CPUSeconds)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.ModelSize))
	return appendBool(binary.LittleEndian.AppendUint16(b, m.Threads), m.Grouped)
}

func decodeHello(d *decoder) Hello {
	m := Hello{Version: d.uint16()}
	if n := int(d.uint8()); 0 < n && n < len(tiers()) {
		m.Tier = tiers()[n]
	} else {
		d.fail("tier %d", n)
	}
	m.Memory = d.size()
	m.CPUSeconds = d.uint32()
	m.ModelSize = d.size()
	m.Threads = d.uint16()
	m.Grouped = d.bool()
	return m
}

func (Cancel) encode(b []byte) []byte { return b }

func (m Load) encode(b []byte) []byte { return appendString(b, m.ISA) }

func (m Scan) encode(b []byte) []byte { return appendString(b, m.Name) }

func (m Tokenize) encode(b []byte) []byte {
	return appendBool(appendString(b, m.Text), m.ParseSpecial)
}

func appendChat(b []byte, msgs []ChatMessage) []byte {
	b = appendCount(b, len(msgs))
	for _, m := range msgs {
		b = appendString(appendString(b, m.Role), m.Content)
	}
	return b
}

func (d *decoder) chat() []ChatMessage {
	msgs := make([]ChatMessage, d.count(8))
	for i := range msgs {
		msgs[i] = ChatMessage{Role: d.text(), Content: d.text()}
	}
	return msgs
}

func (m Render) encode(b []byte) []byte {
	return appendBool(appendChat(b, m.Messages), m.AddGenerationPrompt)
}

func (m Generate) encode(b []byte) []byte {
	b = appendString(appendChat(b, m.Messages), m.Prompt)
	b = appendFloat(appendFloat(appendCount(b, m.MaxTokens), m.Temperature), m.TopP)
	b = binary.LittleEndian.AppendUint64(appendCount(b, m.TopK), m.Seed)
	b = appendFloat(appendBool(appendStrings(b, m.Stop), m.Stream), m.MinP)
	b = appendFloat(appendFloat(appendFloat(b, m.RepeatPenalty), m.FrequencyPenalty), m.PresencePenalty)
	return appendString(appendString(b, m.Grammar), m.JSONSchema)
}

func decodeGenerate(d *decoder) Generate {
	return Generate{
		Messages: d.chat(), Prompt: d.text(),
		MaxTokens: d.number(), Temperature: d.float(), TopP: d.float(), TopK: d.number(), Seed: d.uint64(),
		Stop: d.texts(), Stream: d.bool(), MinP: d.float(),
		RepeatPenalty: d.float(), FrequencyPenalty: d.float(), PresencePenalty: d.float(),
		Grammar: d.text(), JSONSchema: d.text(),
	}
}

func (m GenerateAll) encode(b []byte) []byte {
	b = appendCount(b, len(m.Requests))
	for _, q := range m.Requests {
		b = q.encode(b)
	}
	return b
}

func decodeGenerateAll(d *decoder) GenerateAll {
	m := GenerateAll{Requests: make([]Generate, d.bounded(generateSize, MaxRequests, "requests"))}
	for i := range m.Requests {
		m.Requests[i] = decodeGenerate(d)
	}
	return m
}

func (m LogProbs) encode(b []byte) []byte { return appendInts(b, m.Tokens) }

func (m Logits) encode(b []byte) []byte { return appendInts(appendInts(b, m.Tokens), m.Positions) }

// decodeRequest returns nil for a type that is not a request.
func decodeRequest(t Type, d *decoder) Message {
	switch t {
	case TypeHello:
		return decodeHello(d)
	case TypeLoad:
		return Load{ISA: d.label(maxLabel)}
	case TypeScan:
		return Scan{Name: d.text()}
	case TypeTokenize:
		return Tokenize{Text: d.text(), ParseSpecial: d.bool()}
	case TypeRender:
		return Render{Messages: d.chat(), AddGenerationPrompt: d.bool()}
	case TypeGenerate:
		return decodeGenerate(d)
	case TypeLogProbs:
		return LogProbs{Tokens: d.ints()}
	case TypeLogits:
		return Logits{Tokens: d.ints(), Positions: d.ints()}
	case TypeContinue:
		return decodeContinue(d)
	case TypeNext:
		return decodeNext(d)
	case TypePrompt:
		return decodePrompt(d)
	case TypePieces:
		return decodePieces(d)
	case TypeRows:
		return decodeRows(d)
	case TypeCount:
		return Count{}
	case TypeCancel:
		return Cancel{}
	case TypeInspect:
		return Inspect{}
	case TypeGenerateAll:
		return decodeGenerateAll(d)
	case TypeQuantise:
		return Quantise{Target: d.label(maxLabel)}
	default:
		return nil
	}
}
