package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/guest"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// inside is the guest's loop in this process: what the jailed guest answers, on machines that have no jail. It trusts it.
type inside struct {
	w      *io.PipeWriter
	in     *wire.Reader
	next   uint32
	about  wire.Loaded
	digest hallmark.Digest
}

func serveInside(tb testing.TB, file []byte) *inside {
	tb.Helper()
	return serveWith(tb, file, guest.Config{Threads: 2})
}

func serveWith(tb testing.TB, file []byte, cfg guest.Config) *inside {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	return serveFunc(tb, hallmark.DigestOf(file), func(r io.Reader, w io.Writer) error { return guest.Serve(ctx, r, w, file, cfg) })
}

// serveFunc asks whatever answers the guest's questions over a pair of pipes.
func serveFunc(tb testing.TB, digest hallmark.Digest, serve func(io.Reader, io.Writer) error) *inside {
	tb.Helper()
	requests, w := io.Pipe()
	r, replies := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = serve(requests, replies)
		_ = replies.Close()
	}()
	tb.Cleanup(func() {
		_ = w.Close()
		_ = r.Close()
		<-done
	})
	m := &inside{w: w, in: wire.NewReplyReader(r, 1<<30), digest: digest}
	about, err := told[wire.Loaded](m, wire.Load{})
	require.NoError(tb, err)
	m.about = about
	return m
}

// told asks a question that answers with one message.
func told[T wire.Message](m *inside, q wire.Message) (T, error) { //nolint:ireturn // the type that the caller names
	var none T
	m.next++
	sent := make(chan error, 1)
	go func() { sent <- wire.Write(m.w, m.next, q) }()
	_, reply, err := m.in.Next()
	if err := <-sent; err != nil {
		return none, err
	}
	if err != nil {
		return none, err
	}
	if f, ok := reply.(wire.Failure); ok {
		return none, fmt.Errorf("%s: %w", f.Text, hallmark.ErrInvalid)
	}
	got, ok := reply.(T)
	if !ok {
		return none, fmt.Errorf("%v answers %v: %w", reply.Type(), q.Type(), wire.ErrProtocol)
	}
	return got, nil
}

func (m *inside) Info(context.Context) (probe.Info, error) {
	return probe.Info{
		Architecture: m.about.Architecture, TokenizerModel: m.about.TokenizerModel, Context: m.about.Context, Vocab: m.about.Vocab,
		Embedding: m.about.Embedding, ChatTemplate: m.about.ChatTemplate, EngineVersion: m.about.EngineVersion,
	}, nil
}

func wireChat(msgs []probe.Message) []wire.ChatMessage {
	var out []wire.ChatMessage
	for _, msg := range msgs {
		out = append(out, wire.ChatMessage(msg))
	}
	return out
}

func tokensOf(m wire.Tokens, err error) ([]probe.Token, error) {
	var out []probe.Token
	for _, t := range m.Tokens {
		out = append(out, probe.Token(t))
	}
	return out, err
}

func (m *inside) Tokenize(_ context.Context, text string, special bool) ([]probe.Token, error) {
	return tokensOf(told[wire.Tokens](m, wire.Tokenize{Text: text, ParseSpecial: special}))
}

func (m *inside) PromptTokens(_ context.Context, req probe.GenerateRequest) ([]probe.Token, error) {
	return tokensOf(told[wire.Tokens](m, wire.Prompt{Messages: wireChat(req.Messages), Prompt: req.Prompt}))
}

func (m *inside) Render(_ context.Context, msgs []probe.Message, open bool) (probe.Rendered, error) {
	r, err := told[wire.Rendered](m, wire.Render{Messages: wireChat(msgs), AddGenerationPrompt: open})
	out := probe.Rendered{Text: r.Text}
	for _, s := range r.Spans {
		out.Spans = append(out.Spans, probe.Span(s))
	}
	return out, err
}

func (m *inside) Generate(_ context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	c, err := told[wire.Completion](m, wire.Generate{Messages: wireChat(req.Messages), Prompt: req.Prompt, MaxTokens: req.MaxTokens, Stop: req.Stop})
	return completionOf(c), err
}

func completionOf(c wire.Completion) probe.Completion {
	out := probe.Completion{Text: c.Text, PromptTokens: c.PromptTokens, OutputTokens: c.OutputTokens, Finish: probe.FinishLength}
	if c.Finish == wire.FinishStop {
		out.Finish = probe.FinishStop
	}
	return out
}

func (m *inside) GenerateAll(_ context.Context, reqs []probe.GenerateRequest) ([]probe.Answer, error) {
	var out []probe.Answer
	for part := range slices.Chunk(reqs, wire.MaxRequests) {
		var q wire.GenerateAll
		for _, req := range part {
			q.Requests = append(q.Requests, wire.Generate{Messages: wireChat(req.Messages), Prompt: req.Prompt, MaxTokens: req.MaxTokens, Stop: req.Stop})
		}
		answers, err := told[wire.Answers](m, q)
		if err != nil {
			return nil, err
		}
		for _, a := range answers.Answers {
			one := probe.Answer{Completion: completionOf(a.Completion)}
			if a.Failure != nil {
				one.Err = fmt.Errorf("%s: %w", a.Failure.Text, hallmark.ErrInvalid)
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func (m *inside) LogProbs(_ context.Context, tokens []int32) ([]probe.LogProb, error) {
	s, err := told[wire.Scores](m, wire.LogProbs{Tokens: tokens})
	return scoresOf(s.Scores), err
}

func scoresOf(scores []wire.Score) []probe.LogProb {
	var out []probe.LogProb
	for _, s := range scores {
		out = append(out, probe.LogProb(s))
	}
	return out
}

func (m *inside) Logits(_ context.Context, tokens, positions []int32) ([]float32, error) {
	f, err := told[wire.Floats](m, wire.Logits{Tokens: tokens, Positions: positions})
	return f.Values, err
}

func (m *inside) Continue(_ context.Context, prefix []int32, texts [][]int32) ([][]probe.LogProb, error) {
	var out [][]probe.LogProb
	for len(texts) > 0 {
		part := texts[:min(len(texts), wire.MaxTexts)]
		s, err := told[wire.Scores](m, wire.Continue{Prefix: prefix, Texts: part})
		if err != nil {
			return nil, err
		}
		for _, text := range part {
			out, s.Scores = append(out, scoresOf(s.Scores[:len(text)])), s.Scores[len(text):]
		}
		texts = texts[len(part):]
	}
	return out, nil
}

func (m *inside) Next(_ context.Context, texts []probe.Perturbed, watch []int32) ([]probe.Next, error) {
	watched := len(watch)
	if watched == 0 {
		watched = m.about.Vocab
	}
	var out []probe.Next
	for len(texts) > 0 {
		q := wire.Next{Watch: watch}
		for _, t := range texts[:min(len(texts), 256)] {
			q.Texts = append(q.Texts, wire.Perturbed(t))
		}
		n, err := told[wire.Nexts](m, q)
		if err != nil {
			return nil, err
		}
		for i, top := range n.Top {
			out = append(out, probe.Next{Top: top, LogProbs: n.LogProbs[i*watched:][:watched]})
		}
		texts = texts[len(q.Texts):]
	}
	return out, nil
}

func (m *inside) Pieces(_ context.Context, from, n int) ([]string, error) {
	t, err := told[wire.Texts](m, wire.Pieces{From: from, N: n})
	return t.Texts, err
}

func (m *inside) Embeddings(_ context.Context, from, n int) ([]float32, error) {
	f, err := told[wire.Floats](m, wire.Rows{From: from, N: n})
	return f.Values, err
}

func (m *inside) Unembeddings(_ context.Context, from, n int) ([]float32, error) {
	f, err := told[wire.Floats](m, wire.Rows{Output: true, From: from, N: n})
	return f.Values, err
}

// measured runs the cases of one detector alone.
func measured(t *testing.T, file []byte, detector string, change func(*probe.Spec)) hallmark.Report {
	t.Helper()
	suite, err := probe.Builtin("tinychat")
	require.NoError(t, err)
	return measuredBy(t, serveInside(t, file), suite, detector, change)
}
