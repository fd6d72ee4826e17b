package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

const limit = 8 << 20

func requests() []wire.Message {
	return []wire.Message{
		wire.Hello{Version: wire.Version, Tier: hallmark.TierFull, Memory: 1 << 30, CPUSeconds: 9, ModelSize: 12, Threads: 8, Grouped: true},
		wire.Hello{Version: wire.Version, Tier: hallmark.TierRunsc, Memory: 1 << 30, ModelSize: 12, Threads: 1},
		wire.Hello{Version: 7, Tier: hallmark.TierNoNamespaces},
		wire.Load{ISA: "avx2"},
		wire.Inspect{},
		wire.Quantise{Target: "Q4_K_M"},
		wire.Cancel{},
		wire.Scan{Name: "a.gguf"},
		wire.Tokenize{Text: "a\x00\xff\x1b", ParseSpecial: true},
		wire.Render{Messages: []wire.ChatMessage{{Role: "user", Content: "hi"}, {}}, AddGenerationPrompt: true},
		wire.Generate{
			Messages: []wire.ChatMessage{}, Prompt: "p", MaxTokens: 3, Temperature: 0.5, TopP: 0.25, TopK: 4, Seed: math.MaxUint64,
			Stop: []string{"x", ""}, Stream: true, MinP: 0.125, RepeatPenalty: 1.5, FrequencyPenalty: 2, PresencePenalty: -2, Grammar: "root ::= \"a\"",
			JSONSchema: "{}",
		},
		wire.GenerateAll{Requests: []wire.Generate{{Messages: []wire.ChatMessage{}, Prompt: "p", MaxTokens: 1, Stop: []string{}}}},
		wire.LogProbs{Tokens: []int32{0, -1, math.MaxInt32}},
		wire.Logits{Tokens: []int32{1, 2}, Positions: []int32{1}},
		wire.Continue{Prefix: []int32{1, -1}, Texts: [][]int32{{}, {3, 4}}},
		wire.Next{Texts: []wire.Perturbed{{Tokens: []int32{1, 2}, From: 1, Add: []float32{0, float32(math.Inf(1))}}, {Tokens: []int32{}, Add: []float32{}}}, Watch: []int32{7}},
		wire.Prompt{Messages: []wire.ChatMessage{{Role: "user", Content: "hi"}}, Prompt: "p"},
		wire.Pieces{From: 3, N: 2},
		wire.Rows{Output: true, From: 3, N: 2},
		wire.Count{},
	}
}

func replies() []wire.Message {
	return []wire.Message{
		wire.Ready{Layers: []string{"a", "b"}},
		wire.Loaded{Architecture: "llama", TokenizerModel: "gpt2", Context: 512, Vocab: 1024, Embedding: 256, ChatTemplate: true, EngineVersion: "1"},
		wire.ScanReport{
			Format:   "gguf",
			Findings: []hallmark.Finding{{Detector: "d", Rule: "r", Severity: hallmark.SeverityHigh, CaseID: "c", Message: "m", Location: "l"}},
			Tensors:  []hallmark.TensorRange{{Name: "t", Offset: 1, Size: math.MaxInt64}},
			Metadata: map[string]string{"k": "v", "k2": ""},
		},
		wire.Tokens{Tokens: []wire.Token{{ID: 1, Start: 2, End: 3}}},
		wire.Rendered{Text: "<|x|>\n", Spans: []wire.Span{{Start: 1, End: 2, Role: "user"}}},
		wire.Piece{Text: "\x1b[31m"},
		wire.Completion{Text: "t", PromptTokens: 1, OutputTokens: 2, Finish: wire.FinishStop},
		wire.Answers{Answers: []wire.Answer{{Completion: wire.Completion{Text: "t", Finish: wire.FinishLength}}, {Failure: &wire.Failure{Kind: wire.FailTooLarge, Text: "long"}}}},
		wire.Scores{Scores: []wire.Score{{LogProb: float32(math.Inf(-1)), Rank: 3, Mean: -2, StdDev: 1}}},
		wire.Floats{Values: []float32{1, -2}},
		wire.Texts{Texts: []string{"a", ""}},
		wire.Nexts{Top: []int32{4}, LogProbs: []float32{-1, float32(math.Inf(-1))}},
		wire.Failure{Kind: wire.FailModel, Text: "why"},
		wire.Inspection{
			Version: 3, Alignment: 32, DataStart: 4096, Template: "{{ x }}\n", Refusal: "r",
			Metadata: []wire.MetaEntry{{Key: "k", Type: "string", Value: "v"}},
			Tensors:  []wire.TensorInfo{{Name: "t", Type: "Q8_0", Dims: []int64{32, 2}, Offset: 4096, Size: 68}},
		},
		wire.Quantised{Size: 9},
		wire.Counted{Read: 3, Reused: 2, Written: math.MaxInt64},
	}
}

func encode(tb testing.TB, id uint32, m wire.Message) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, wire.Write(&b, id, m))
	return b.Bytes()
}

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()

	for name, dir := range map[string]struct {
		messages []wire.Message
		reader   func(io.Reader, int) *wire.Reader
	}{
		"requests": {requests(), wire.NewRequestReader},
		"replies":  {replies(), wire.NewReplyReader},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var stream bytes.Buffer
			for i, m := range dir.messages {
				require.NoError(t, wire.Write(&stream, uint32(i), m))
			}
			r := dir.reader(iotest.OneByteReader(&stream), limit)
			for i, want := range dir.messages {
				id, got, err := r.Next()
				require.NoError(t, err)
				require.EqualValues(t, i, id)
				require.Equal(t, want, got)
			}
			_, _, err := r.Next()
			require.Equal(t, io.EOF, err)
		})
	}
}

func TestLongMessageTakesSeveralFrames(t *testing.T) {
	t.Parallel()

	want := wire.Tokenize{Text: strings.Repeat("hallmark", wire.MaxFrame/4)} // two frames and a bit
	b := encode(t, 5, want)
	require.Equal(t, uint32(wire.MaxFrame), binary.LittleEndian.Uint32(b))
	id, got, err := wire.NewRequestReader(bytes.NewReader(b), limit).Next()
	require.NoError(t, err)
	require.EqualValues(t, 5, id)
	require.Equal(t, want, got)

	_, _, err = wire.NewRequestReader(bytes.NewReader(b), wire.MaxFrame+100).Next()
	require.ErrorIs(t, err, wire.ErrProtocol, "limit of the message")
}

func TestTruncatedStreamIsAViolation(t *testing.T) {
	t.Parallel()

	long := encode(t, 5, wire.Tokenize{Text: strings.Repeat("x", wire.MaxFrame)})
	for _, b := range [][]byte{encode(t, 1, wire.Tokenize{Text: "abc"}), long[:wire.MaxFrame+4]} {
		for _, n := range []int{1, 3, 4, 9, 10, 11, len(b) - 1} {
			_, _, err := wire.NewRequestReader(bytes.NewReader(b[:n]), limit).Next()
			require.ErrorIs(t, err, wire.ErrProtocol, "%d of %d bytes", n, len(b))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
	}
	_, _, err := wire.NewRequestReader(bytes.NewReader(long[:wire.MaxFrame+4]), limit).Next()
	require.ErrorIs(t, err, wire.ErrProtocol, "between two frames of a message")
}

// frame makes a frame by hand.
func frame(length uint32, typ wire.Type, flags byte, id uint32, payload ...byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, length)
	b = append(b, byte(typ), flags)
	return append(binary.LittleEndian.AppendUint32(b, id), payload...)
}

func whole(typ wire.Type, payload ...byte) []byte {
	return frame(uint32(6+len(payload)), typ, 0, 1, payload...)
}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// part is a frame of a piece that goes on.
func part() []byte {
	return frame(wire.MaxFrame, wire.TypePiece, 1, 1, make([]byte, wire.MaxFrame-6)...)
}

// hostileReplies are streams that no honest guest sends; fuzzing starts from them.
func hostileReplies() map[string][]byte {
	nan := math.Float32bits(float32(math.NaN()))
	return map[string][]byte{
		"length 0":                       frame(0, wire.TypePiece, 0, 1),
		"length below the header":        frame(5, wire.TypePiece, 0, 1),
		"length over the maximum":        frame(wire.MaxFrame+1, wire.TypePiece, 0, 1),
		"negative length":                frame(0xffffffff, wire.TypePiece, 0, 1),
		"unknown flag":                   frame(10, wire.TypePiece, 2, 1, 0, 0, 0, 0),
		"type 0":                         whole(0),
		"unknown type":                   whole(200),
		"a request":                      whole(wire.TypeLoad),
		"bytes after the message":        whole(wire.TypePiece, 0, 0, 0, 0, 9),
		"string longer than payload":     whole(wire.TypePiece, words(5)...),
		"string of 2^32-1 bytes":         whole(wire.TypePiece, words(math.MaxUint32)...),
		"list longer than payload":       whole(wire.TypeTokens, words(2, 0, 0, 0)...),
		"list of 2^32-1":                 whole(wire.TypeFloats, words(math.MaxUint32)...),
		"not a number":                   whole(wire.TypeFloats, words(1, nan)...),
		"score not a number":             whole(wire.TypeScores, words(1, 0, 0, nan, 0)...),
		"negative rank":                  whole(wire.TypeScores, words(1, 0, math.MaxUint32, 0, 0)...),
		"negative offset":                whole(wire.TypeTokens, words(1, 0, math.MaxUint32, 0)...),
		"finish 0":                       whole(wire.TypeCompletion, append(words(0, 0, 0), 0)...),
		"4097 texts":                     whole(wire.TypeTexts, words(append([]uint32{wire.MaxTexts + 1}, make([]uint32, wire.MaxTexts+1)...)...)...),
		"log-probability not one":        whole(wire.TypeNexts, words(0, 1, nan)...),
		"next of 2^32-1 texts":           whole(wire.TypeNexts, words(math.MaxUint32)...),
		"failure of kind 0":              whole(wire.TypeFailure, append([]byte{0}, words(0)...)...),
		"failure of kind 99":             whole(wire.TypeFailure, append([]byte{99}, words(0)...)...),
		"truth value 2":                  whole(wire.TypeLoaded, append(append(words(0, 0, 1, 1, 1), 2), words(0)...)...),
		"33 layers":                      whole(wire.TypeReady, words(append([]uint32{33}, make([]uint32, 33)...)...)...),
		"unknown severity":               whole(wire.TypeScanned, words(0, 1, 0, 0, 0, 0, 0, 0, 0, 0)...),
		"tensor of negative size":        whole(wire.TypeScanned, words(0, 0, 1, 0, 0, 0, 0, 1<<31, 0)...),
		"metadata key twice":             whole(wire.TypeScanned, words(0, 0, 0, 2, 0, 0, 0, 0)...),
		"goes on as another type":        append(part(), frame(7, wire.TypeFloats, 0, 1, 'x')...),
		"goes on as another request":     append(part(), frame(7, wire.TypePiece, 0, 2, 'x')...),
		"goes on with nothing":           append(part(), frame(6, wire.TypePiece, 0, 1)...),
		"goes on with nothing, for ever": append(part(), frame(6, wire.TypePiece, 1, 1)...),
		"goes on for ever":               append(part(), part()...),
		"goes on in crumbs":              append(frame(10, wire.TypePiece, 1, 1, 1, 0, 0, 0), frame(7, wire.TypePiece, 0, 1, 'x')...),
		"two replies in one another":     append(part(), append(whole(wire.TypePiece, words(0)...), part()...)...),
		"text instead of frames":         []byte("verdict: ok\n\x1b[2J"),
		"ends in a length":               {6, 0},
		"ends in a header":               frame(10, wire.TypePiece, 0, 1)[:7],
	}
}

// TestHostileReplies: each is refused, with no more memory than a few frames.
func TestHostileReplies(t *testing.T) {
	for name, b := range hostileReplies() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, m, err := wire.NewReplyReader(bytes.NewReader(b), limit).Next()
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, wire.ErrProtocol, "%v", m)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6*wire.MaxFrame))
		})
	}
}

// hostileRequests are streams that no supervisor sends.
func hostileRequests() map[string][]byte {
	return map[string][]byte{
		"a reply":                whole(wire.TypeReady, words(0)...),
		"tier 3":                 whole(wire.TypeHello, append([]byte{1, 0, 3}, make([]byte, 20)...)...),
		"negative size":          whole(wire.TypeHello, append([]byte{1, 0, 1}, bytes.Repeat([]byte{0xff}, 20)...)...),
		"max tokens -1":          whole(wire.TypeGenerate, words(0, 0, math.MaxUint32, 0, 0, 0, 0, 0, 0)...),
		"too many turns":         whole(wire.TypeRender, words(1<<28)...),
		"4097 texts to continue": whole(wire.TypeContinue, words(append([]uint32{0, wire.MaxTexts + 1}, make([]uint32, wire.MaxTexts+1)...)...)...),
		"4097 texts":             whole(wire.TypeNext, words(append([]uint32{wire.MaxTexts + 1}, make([]uint32, 3*(wire.MaxTexts+1)+1)...)...)...),
		"more texts than bytes":  whole(wire.TypeNext, words(2, 0, 0, 0, 0)...),
		"added not a number":     whole(wire.TypeNext, words(1, 0, 0, 1, math.Float32bits(float32(math.NaN())), 0)...),
		"negative position":      whole(wire.TypeNext, words(1, 0, math.MaxUint32, 0, 0)...),
		"negative row":           whole(wire.TypeRows, append([]byte{0}, words(math.MaxUint32, 1)...)...),
		"other matrix":           whole(wire.TypeRows, append([]byte{2}, words(0, 1)...)...),
	}
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()

	for name, b := range hostileRequests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, m, err := wire.NewRequestReader(bytes.NewReader(b), limit).Next()
			require.ErrorIs(t, err, wire.ErrProtocol, "%v", m)
		})
	}
}

func TestTextForPeopleIsCleanedByTheReader(t *testing.T) {
	t.Parallel()

	evil := "\x1b[31m\r\n\u202e" + strings.Repeat("x", 5000)
	read := func(m wire.Message) wire.Message {
		_, got, err := wire.NewReplyReader(bytes.NewReader(encode(t, 1, m)), limit).Next()
		require.NoError(t, err)
		return got
	}
	clean := func(s string) {
		require.Less(t, len(s), 2100)
		require.NotContains(t, s, "\x1b")
		require.NotContains(t, s, "\n")
		require.NotContains(t, s, "\u202e")
	}
	failure, _ := read(wire.Failure{Kind: wire.FailModel, Text: evil}).(wire.Failure)
	clean(failure.Text)
	loaded, _ := read(wire.Loaded{Architecture: evil, TokenizerModel: evil, EngineVersion: evil}).(wire.Loaded)
	clean(loaded.Architecture)
	clean(loaded.TokenizerModel)
	clean(loaded.EngineVersion)
	finding := hallmark.Finding{Detector: evil, Rule: evil, Severity: hallmark.SeverityHigh, CaseID: evil, Message: evil, Location: evil}
	scan, _ := read(wire.ScanReport{
		Format: evil, Findings: []hallmark.Finding{finding}, Tensors: []hallmark.TensorRange{{Name: evil}}, Metadata: map[string]string{evil: evil},
	}).(wire.ScanReport)
	clean(scan.Format)
	clean(scan.Findings[0].Message)
	clean(scan.Findings[0].Location)
	clean(scan.Tensors[0].Name)
	for k, v := range scan.Metadata {
		clean(k)
		clean(v)
	}
	// Model text is evidence and passes as it is.
	piece, _ := read(wire.Piece{Text: evil}).(wire.Piece)
	require.Equal(t, evil, piece.Text)
}

func TestAWriterThatFailsIsReported(t *testing.T) {
	t.Parallel()

	r, w := io.Pipe()
	require.NoError(t, r.CloseWithError(errors.New("gone")))
	require.EqualError(t, wire.Write(w, 1, wire.Load{}), "write load: gone")
}

// fuzz checks that any bytes are either refused or a stream of messages that have one encoding.
func fuzz(f *testing.F, reader func(io.Reader, int) *wire.Reader, seeds []wire.Message) {
	f.Helper()
	for i, m := range seeds {
		b := encode(f, uint32(i), m)
		f.Add(b)
		f.Add(b[:len(b)/2])
		f.Add(append(b, b...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := reader(bytes.NewReader(b), limit)
		for {
			id, m, err := r.Next()
			if err != nil {
				if err != io.EOF { //nolint:errorlint // exactly the end, not an error that wraps it
					require.ErrorIs(t, err, wire.ErrProtocol)
				}
				return
			}
			again := encode(t, id, m)
			id2, m2, err := reader(bytes.NewReader(again), 2*limit+len(again)).Next()
			require.NoError(t, err)
			require.Equal(t, id, id2)
			require.Equal(t, m.Type(), m2.Type())
			require.Equal(t, again, encode(t, id, m2))
		}
	})
}

func FuzzRequests(f *testing.F) {
	for _, b := range hostileRequests() {
		f.Add(b)
	}
	fuzz(f, wire.NewRequestReader, requests())
}

func FuzzReplies(f *testing.F) {
	for _, b := range hostileReplies() {
		f.Add(b)
	}
	fuzz(f, wire.NewReplyReader, replies())
}
