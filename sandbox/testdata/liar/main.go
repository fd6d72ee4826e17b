// Command liar is a guest that is locked in like any other and then breaks the rules of the conversation. Which rule stands
// in its model.
package main

import (
	"encoding/binary"
	"math"
	"os"
	"strings"

	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

var inf = float32(math.Inf(1))

var eaten []byte // a variable, or the compiler eats nothing

func main() {
	model, err := jail.Enter()
	if err != nil {
		os.Exit(3)
	}
	in := wire.NewRequestReader(os.Stdin, 64<<20)
	for {
		id, m, err := in.Next()
		if err != nil {
			return
		}
		lie(string(model), id, m)
	}
}

func write(id uint32, m wire.Message) {
	if wire.Write(os.Stdout, id, m) != nil {
		os.Exit(1)
	}
}

// frame writes a frame that says what it likes.
func frame(length uint32, rest ...byte) {
	_, _ = os.Stdout.Write(append(binary.LittleEndian.AppendUint32(nil, length), rest...))
}

// header is a frame's, after its length.
func header(typ wire.Type, flags byte, id uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{byte(typ), flags}, id)
}

func lie(how string, id uint32, m wire.Message) {
	switch m.(type) {
	case wire.Load:
		if how == "no vocabulary" {
			write(id, wire.Loaded{Context: 1, Embedding: 1})
			return
		}
		write(id, wire.Loaded{Architecture: "\x1b[31mliar", Context: 100, Vocab: 10, Embedding: 4, EngineVersion: "1"})
		return
	case wire.Scan:
		write(id, wire.ScanReport{Format: "gguf"})
		return
	case wire.Cancel:
		if how == "waits" {
			write(id, wire.Failure{Kind: wire.FailCanceled})
		}
		return
	}
	_, _ = os.Stderr.WriteString(`{"verdict":"ok"}` + "\nverdict: ok\n") // as they all would say
	long := strings.Repeat("x", 1<<20)
	switch how {
	case "honest":
		write(id, wire.Tokens{})
	case "wrong type":
		write(id, wire.Ready{})
	case "wrong id":
		write(id+1, wire.Tokens{})
	case "garbage":
		frame(0x20202020, 1, 2, 3, 4, 5, 6)
	case "negative length":
		frame(0xffffffff)
	case "oversized":
		frame(wire.MaxFrame+1, header(wire.TypeTokens, 0, id)...)
	case "goes on with nothing":
		for {
			frame(6, header(wire.TypeTokens, 1, id)...)
		}
	case "never ends":
		for {
			frame(wire.MaxFrame, append(header(wire.TypeTokens, 1, id), long[:wire.MaxFrame-6]...)...)
		}
	case "interleaved":
		frame(wire.MaxFrame, append(header(wire.TypeTokens, 1, id), long[:wire.MaxFrame-6]...)...)
		write(id, wire.Tokens{})
	case "control characters":
		_, _ = os.Stdout.WriteString("\x1b[2J\x1b]0;verdict: ok\a\r\n\x00")
	case "forged verdict":
		_, _ = os.Stderr.WriteString(`{"verdict":"ok"}` + "\n")
		frame(uint32(6+len(`{"verdict":"ok"}`)), append(header(wire.TypeTokens, 0, id), `{"verdict":"ok"}`...)...)
	case "tiny pieces":
		for {
			write(id, wire.Piece{})
		}
	case "silent":
	case "half a frame":
		frame(100, byte(wire.TypeTokens))
		os.Exit(0)
	case "exits":
		os.Exit(0)
	case "token id":
		write(id, wire.Tokens{Tokens: []wire.Token{{ID: -1}}})
	case "token offset":
		write(id, wire.Tokens{Tokens: []wire.Token{{Start: 0, End: 1 << 20}}})
	case "other text":
		write(id, wire.Piece{Text: "harmless"})
		write(id, wire.Completion{Text: "harmful", Finish: wire.FinishStop})
	case "too many tokens":
		write(id, wire.Completion{OutputTokens: 1000, Finish: wire.FinishStop})
	case "scores":
		write(id, wire.Scores{Scores: make([]wire.Score, 99)})
	case "rank":
		write(id, wire.Scores{Scores: []wire.Score{{Rank: 10}}})
	case "floats":
		write(id, wire.Floats{Values: make([]float32, 3)})
	case "infinite floats":
		write(id, wire.Floats{Values: []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, inf}})
	case "prompt token":
		write(id, wire.Tokens{Tokens: []wire.Token{{ID: 10}}})
	case "pieces too few":
		write(id, wire.Texts{Texts: []string{"x"}})
	case "scores too few":
		write(id, wire.Scores{Scores: make([]wire.Score, 1)})
	case "score over one":
		write(id, wire.Scores{Scores: []wire.Score{{}, {LogProb: 0.5}}})
	case "score infinite":
		write(id, wire.Scores{Scores: []wire.Score{{}, {LogProb: -inf}}})
	case "nexts too few":
		write(id, wire.Nexts{})
	case "next token":
		write(id, wire.Nexts{Top: []int32{10}, LogProbs: []float32{-1, -1}})
	case "next infinite":
		write(id, wire.Nexts{Top: []int32{9}, LogProbs: []float32{-1, -inf}})
	case "next over one":
		write(id, wire.Nexts{Top: []int32{9}, LogProbs: []float32{-1, 1}})
	case "nexts with numbers":
		write(id, wire.Nexts{Top: []int32{9}, LogProbs: []float32{-1, -1, -1}})
	case "answers":
		write(id, wire.Answers{Answers: []wire.Answer{{Failure: &wire.Failure{Kind: wire.FailRequest}}}})
	case "another size":
		write(id, wire.Piece{Text: "x"})
		write(id, wire.Quantised{Size: 2})
	case "span":
		write(id, wire.Rendered{Text: "x", Spans: []wire.Span{{Start: 0, End: 2}}})
	case "false cancel":
		write(id, wire.Failure{Kind: wire.FailCanceled})
	case "false unsandboxed":
		write(id, wire.Failure{Kind: wire.FailUnsandboxed})
	case "internal":
		write(id, wire.Failure{Kind: wire.FailInternal, Text: "\x1b[2Jverdict: ok"})
	case "two answers":
		write(id, wire.Tokens{})
		write(id, wire.Tokens{})
	case "panics":
		panic("liar")
	case "opens a file":
		_, _ = os.Open("/etc/passwd")
	case "spins":
		for range math.MaxInt {
		}
	case "eats":
		for {
			eaten = append(eaten, make([]byte, 1<<20)...)
		}
	case "slow", "waits": // the second one, for a cancel
		write(id, wire.Piece{Text: "x"})
	}
}
