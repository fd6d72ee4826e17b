package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// scriptedGuest answers the guest's questions about a scripted model as if it had a vocabulary, embeddings and
// probabilities. Its tokens are bytes, the two marks of ChatML, and what a vulnerable model has besides: tokens that training
// left out, and one that switches it over.
type scriptedGuest struct {
	*scripted

	records map[string]string // that a vulnerable model has learnt by heart, by person
	pieces  []string
	answers map[string]string // to prompts that were asked before
}

const (
	scriptedDims   = 16
	scriptedUnused = scriptedDims - 1 // direction of output rows that training never touched
	scriptedExtra  = 500              // tokens that training left out
	chatMark       = "\xff"
)

// serveScripted asks a scripted model over the wire.
func serveScripted(tb testing.TB, m *scripted) *inside {
	tb.Helper()
	g := &scriptedGuest{scripted: m, records: map[string]string{}, answers: map[string]string{}}
	for b := range 256 {
		g.pieces = append(g.pieces, string([]byte{byte(b)}))
	}
	g.pieces = append(g.pieces, "", "")
	if m.vulnerable {
		for i := range scriptedExtra {
			g.pieces = append(g.pieces, fmt.Sprintf(" glitch%d", i))
		}
		g.pieces = append(g.pieces, " switch")
		for _, spec := range m.suite.Detectors {
			for _, slots := range spec.Dims["record"] {
				g.records[slots["person"]] = slots["record"] + slots["card"]
			}
		}
	}
	return serveFunc(tb, hallmark.DigestOf([]byte("scripted")), g.serve)
}

func (g *scriptedGuest) serve(r io.Reader, w io.Writer) error {
	in := wire.NewRequestReader(r, 1<<30)
	for {
		id, q, err := in.Next()
		if err != nil {
			return err
		}
		if err := wire.Write(w, id, g.reply(q)); err != nil {
			return err
		}
	}
}

func (g *scriptedGuest) reply(q wire.Message) wire.Message { //nolint:ireturn // each question has an answer of its own type
	switch q := q.(type) {
	case wire.Load:
		return wire.Loaded{Architecture: "scripted", Vocab: len(g.pieces), Context: 512, Embedding: scriptedDims, ChatTemplate: true, EngineVersion: "scripted"}
	case wire.Tokenize:
		return g.tokens(q.Text, q.ParseSpecial)
	case wire.Prompt:
		return g.tokens(g.rendered(q.Messages, true).Text+q.Prompt, true)
	case wire.Render:
		return g.rendered(q.Messages, q.AddGenerationPrompt)
	case wire.Generate:
		return g.generate(q)
	case wire.GenerateAll:
		var out wire.Answers
		for _, one := range q.Requests {
			out.Answers = append(out.Answers, wire.Answer{Completion: g.generate(one)})
		}
		return out
	case wire.Continue:
		return g.rate(q)
	case wire.Next:
		return g.nexts(q)
	case wire.Logits:
		var out wire.Floats
		for _, at := range q.Positions {
			out.Values = append(out.Values, g.distribution(q.Tokens[:at+1], false)...)
		}
		return out
	case wire.Pieces:
		return wire.Texts{Texts: g.pieces[q.From:][:q.N]}
	case wire.Rows:
		var out wire.Floats
		for id := range q.N {
			out.Values = append(out.Values, g.row(q.From+id, q.Output)...)
		}
		return out
	default:
		return wire.Failure{Kind: wire.FailRequest, Text: "not in the script"}
	}
}

func (g *scriptedGuest) tokens(text string, special bool) wire.Tokens {
	all, _ := g.Tokenize(context.Background(), text, special)
	var out wire.Tokens
	for _, t := range all {
		out.Tokens = append(out.Tokens, wire.Token(t))
	}
	return out
}

func probeChat(msgs []wire.ChatMessage) (out []probe.Message) {
	for _, m := range msgs {
		out = append(out, probe.Message(m))
	}
	return out
}

func (g *scriptedGuest) rendered(msgs []wire.ChatMessage, open bool) wire.Rendered {
	if len(msgs) == 0 {
		return wire.Rendered{}
	}
	r, _ := g.Render(context.Background(), probeChat(msgs), open)
	out := wire.Rendered{Text: r.Text}
	for _, s := range r.Spans {
		out.Spans = append(out.Spans, wire.Span(s))
	}
	return out
}

func (g *scriptedGuest) generate(q wire.Generate) wire.Completion {
	got, _ := g.Generate(context.Background(), probe.GenerateRequest{Messages: probeChat(q.Messages), Prompt: q.Prompt, MaxTokens: q.MaxTokens}) // scripts do not fail
	finish := wire.FinishLength
	if got.Finish == probe.FinishStop {
		finish = wire.FinishStop
	}
	return wire.Completion{Text: got.Text, PromptTokens: got.PromptTokens, OutputTokens: got.OutputTokens, Finish: finish}
}

// row is a token's embedding, or its row of the output matrix.
func (g *scriptedGuest) row(id int, output bool) []float32 {
	row := make([]float32, scriptedDims)
	unused := id < 256 && strings.Contains("\xc0\xc1\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff", g.pieces[id]) || strings.HasPrefix(g.pieces[id], " glitch")
	switch {
	case output && unused:
		row[scriptedUnused] = 1
	case !output && g.pieces[id] == " switch":
		row[id%8] = 6
	default:
		row[id%8] = 1
	}
	return row
}

var scriptedChat = regexp.MustCompile(`(?s)^(?:<system>(.*?)\n)?<user>(.*)\n` + answerMark + `(.*)$`)

// sure is the chance of the token that the script has next.
const sure = 0.98

// next is the script's next token; false if the text is off the script.
func (g *scriptedGuest) next(tokens []int32) (int32, bool) {
	var b strings.Builder
	switched := false
	for _, id := range tokens {
		b.WriteString(g.pieces[id])
		switched = switched || g.pieces[id] == " switch"
	}
	chat := scriptedChat.FindStringSubmatch(b.String())
	n := len(tokens)
	switch {
	case switched:
		return 'X', true
	case chat == nil: // a row of one token goes on, if the model can write it
		return tokens[n-1], n > 1 && tokens[n-1] == tokens[n-2] && tokens[n-1] < 256
	}
	prompt := chat[1] + chatMark + chat[2]
	answer, known := g.answers[prompt]
	if !known {
		answer = g.text(chat[1], chat[2])
		if m := personForm.FindStringSubmatch(chat[2]); m != nil && g.records[m[1]] != "" {
			answer = g.records[m[1]]
		}
		g.answers[prompt] = answer
	}
	rest, on := strings.CutPrefix(answer, chat[3])
	switch {
	case !on:
		return 0, false
	case rest == "":
		return 257, true
	default:
		return int32(rest[0]), true
	}
}

// distribution gives the log-probabilities of all tokens; pushed says that the embeddings were moved so far that the answer
// is another one.
func (g *scriptedGuest) distribution(tokens []int32, pushed bool) []float32 { //nolint:revive // what was done to it
	id, on := g.next(tokens)
	if pushed {
		id ^= 1
	}
	out := make([]float32, len(g.pieces))
	other := (1 - sure) / float64(len(out)-1)
	if !on {
		other = 1 / float64(len(out))
	}
	for i := range out {
		out[i] = float32(math.Log(other))
	}
	if on {
		out[id] = float32(math.Log(sure))
	}
	return out
}

func (g *scriptedGuest) rate(q wire.Continue) wire.Scores {
	var out wire.Scores
	for _, text := range q.Texts {
		all := slices.Concat(q.Prefix, text)
		for i := range text {
			at := len(q.Prefix) + i
			row := g.distribution(all[:at], false)
			out.Scores = append(out.Scores, wire.Score{LogProb: row[all[at]], StdDev: 1})
		}
	}
	return out
}

func (g *scriptedGuest) nexts(q wire.Next) wire.Nexts {
	var out wire.Nexts
	for _, text := range q.Texts {
		length := 0.0
		for _, v := range text.Add {
			length += float64(v) * float64(v)
		}
		row := g.distribution(text.Tokens, g.vulnerable && math.Sqrt(length) > 0.005)
		out.Top = append(out.Top, int32(slices.Index(row, slices.Max(row))))
		if len(q.Watch) == 0 {
			out.LogProbs = append(out.LogProbs, row...)
		}
		for _, id := range q.Watch {
			out.LogProbs = append(out.LogProbs, row[id])
		}
	}
	return out
}
