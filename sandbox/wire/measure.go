package wire

import (
	"encoding/binary"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of what is asked and answered in one message.
const (
	MaxTexts   = 4096    // texts of a [Continue], a [Next] or a [Pieces]
	MaxScores  = 1 << 20 // tokens that a [Continue] rates
	MaxNumbers = 8 << 20 // in [Floats] and [Nexts], and added by a [Next]
)

// Continue rates how Prefix goes on with each of Texts and answers [Scores]: those of the tokens of the first text, then
// those of the second. Prefix, and what texts begin with alike, is computed once.
type Continue struct {
	Prefix []int32
	Texts  [][]int32
}

// Next asks how each of Texts goes on and answers [Nexts] with the tokens of Watch, or with all of the vocabulary if there
// are none. What all texts begin with alike is computed once.
type Next struct {
	Texts []Perturbed
	Watch []int32
}

// Perturbed is a text with Add, [positions][embedding], added to the embeddings of its tokens from position From on.
type Perturbed struct {
	Tokens []int32
	From   int
	Add    []float32 // nothing is added if empty
}

// Nexts answers [Next]: for each text the most likely token, and the natural logarithms of probabilities,
// [texts][watched].
type Nexts struct {
	Top      []int32
	LogProbs []float32
}

// Rows asks for the embeddings of N tokens from From on or, with Output, for the rows of the output matrix that give their
// logits, and answers [Floats].
type Rows struct {
	Output  bool
	From, N int
}

// Prompt asks which tokens the model reads for Messages or, if there are none, for Prompt, as [Generate] has them, and answers
// [Tokens] with places in the rendered chat or the prompt.
type Prompt struct {
	Messages []ChatMessage
	Prompt   string
}

// Pieces asks for the texts of N tokens from From on and answers [Texts]; control tokens have none.
type Pieces struct{ From, N int }

// Texts answers [Pieces].
type Texts struct{ Texts []string }

// Count asks what the answers took so far and answers [Counted].
type Count struct{}

// Counted answers [Count].
type Counted hallmark.TokenCount

// Type implements [Message].
func (Count) Type() Type { return TypeCount }

// Type implements [Message].
func (Counted) Type() Type { return TypeCounted }

// Type implements [Message].
func (Pieces) Type() Type { return TypePieces }

// Type implements [Message].
func (Texts) Type() Type { return TypeTexts }

// Type implements [Message].
func (Prompt) Type() Type { return TypePrompt }

// Type implements [Message].
func (Continue) Type() Type { return TypeContinue }

// Type implements [Message].
func (Next) Type() Type { return TypeNext }

// Type implements [Message].
func (Rows) Type() Type { return TypeRows }

// Type implements [Message].
func (Nexts) Type() Type { return TypeNexts }

func (Count) encode(b []byte) []byte { return b }

func (m Counted) encode(b []byte) []byte {
	for _, n := range []int64{m.Read, m.Reused, m.Written} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func decodeCounted(d *decoder) Counted {
	return Counted{Read: d.size(), Reused: d.size(), Written: d.size()}
}

func (m Pieces) encode(b []byte) []byte { return appendCount(appendCount(b, m.From), m.N) }

func decodePieces(d *decoder) Pieces { return Pieces{From: d.number(), N: d.number()} }

func (m Texts) encode(b []byte) []byte { return appendStrings(b, m.Texts) }

func decodeTexts(d *decoder) Texts {
	m := Texts{Texts: make([]string, d.bounded(4, MaxTexts, "texts"))}
	for i := range m.Texts {
		m.Texts[i] = d.text()
	}
	return m
}

func (m Prompt) encode(b []byte) []byte { return appendString(appendChat(b, m.Messages), m.Prompt) }

func decodePrompt(d *decoder) Prompt { return Prompt{Messages: d.chat(), Prompt: d.text()} }

func (m Continue) encode(b []byte) []byte {
	b = appendCount(appendInts(b, m.Prefix), len(m.Texts))
	for _, text := range m.Texts {
		b = appendInts(b, text)
	}
	return b
}

func decodeContinue(d *decoder) Continue {
	m := Continue{Prefix: d.ints()}
	m.Texts = make([][]int32, d.bounded(4, MaxTexts, "texts"))
	for i := range m.Texts {
		m.Texts[i] = d.ints()
	}
	return m
}

func (m Next) encode(b []byte) []byte {
	b = appendCount(b, len(m.Texts))
	for _, text := range m.Texts {
		b = appendFloats(appendCount(appendInts(b, text.Tokens), text.From), text.Add)
	}
	return appendInts(b, m.Watch)
}

func decodeNext(d *decoder) Next {
	m := Next{Texts: make([]Perturbed, d.bounded(12, MaxTexts, "texts"))}
	for i := range m.Texts {
		m.Texts[i] = Perturbed{Tokens: d.ints(), From: d.number(), Add: d.floats()}
	}
	m.Watch = d.ints()
	return m
}

func (m Rows) encode(b []byte) []byte {
	return appendCount(appendCount(appendBool(b, m.Output), m.From), m.N)
}

func decodeRows(d *decoder) Rows { return Rows{Output: d.bool(), From: d.number(), N: d.number()} }

func (m Nexts) encode(b []byte) []byte { return appendFloats(appendInts(b, m.Top), m.LogProbs) }

func decodeNexts(d *decoder) Nexts { return Nexts{Top: d.ints(), LogProbs: d.floats()} }
