package sandbox_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
	chat "github.com/hallmark-ml/hallmark/engine/template"
	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// engineModel answers with the engine in this process, greedily and without a jail.
type engineModel struct {
	file   *gguf.File
	model  *model.Model
	tokens *token.Tokenizer
	chat   *chat.Template
	digest hallmark.Digest
	bytes  *bytes.Reader // the file
	asked  int           // prompts
	read   int           // prompt tokens
	wrote  int           // output tokens
}

const tinychat = "../testdata/models/tinychat"

func loadTinychat(tb testing.TB, name string) *engineModel {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(tinychat, name))
	require.NoError(tb, err)
	e := &engineModel{digest: hallmark.DigestOf(data), bytes: bytes.NewReader(data)}
	e.file, err = gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(tb, err)
	e.model, err = model.Load(e.file, data, model.Config{})
	require.NoError(tb, err)
	e.tokens, err = token.New(e.file)
	require.NoError(tb, err)
	source, _ := e.file.String("tokenizer.chat_template")
	e.chat, err = chat.Parse(source)
	require.NoError(tb, err)
	return e
}

func (e *engineModel) Info(context.Context) (probe.Info, error) {
	return probe.Info{Architecture: "llama", Context: e.model.Context(), Vocab: e.model.VocabSize(), ChatTemplate: true, EngineVersion: model.Version}, nil
}

func (e *engineModel) Tokenize(_ context.Context, text string, special bool) ([]probe.Token, error) {
	var out []probe.Token
	for _, t := range e.tokens.Encode(text, token.EncodeOptions{ParseSpecial: special}) {
		out = append(out, probe.Token{ID: t.ID, Start: t.Start, End: t.End})
	}
	return out, nil
}

func (e *engineModel) Render(_ context.Context, msgs []probe.Message, open bool) (probe.Rendered, error) {
	in := chat.Input{AddGenerationPrompt: open}
	for _, m := range msgs {
		in.Messages = append(in.Messages, chat.Message{Role: m.Role, Content: m.Content})
	}
	out, err := e.chat.Render(in, chat.Budget{})
	r := probe.Rendered{Text: out.Text}
	for _, s := range out.Spans {
		r.Spans = append(r.Spans, probe.Span{Start: s.Start, End: s.End, Role: s.Role})
	}
	return r, err
}

func (e *engineModel) Generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	text, opt := req.Prompt, token.EncodeOptions{ParseSpecial: true}
	if len(req.Messages) > 0 {
		r, err := e.Render(ctx, req.Messages, true)
		if err != nil {
			return probe.Completion{}, err
		}
		text = r.Text
		for _, s := range r.Spans {
			opt.Literal = append(opt.Literal, token.Range{Start: s.Start, End: s.End})
		}
	}
	var ids []int32
	for _, t := range e.tokens.Encode(text, opt) {
		ids = append(ids, t.ID)
	}
	seq := e.model.NewSequence()
	out := probe.Completion{PromptTokens: len(ids), Finish: probe.FinishLength}
	var made []int32
	logits, err := seq.Append(ctx, ids, model.Last)
	for ; err == nil; logits, err = seq.Append(ctx, made[len(made)-1:], model.Last) {
		next := sample.Greedy(logits)
		if e.tokens.EndOfGeneration(next) {
			out.Finish = probe.FinishStop
			break
		}
		if made = append(made, next); len(made) == req.MaxTokens {
			break
		}
	}
	out.Text, out.OutputTokens = e.tokens.Decode(made), len(made)
	e.asked, e.read, e.wrote = e.asked+1, e.read+out.PromptTokens, e.wrote+out.OutputTokens
	return out, err
}

func (e *engineModel) LogProbs(context.Context, []int32) ([]probe.LogProb, error) {
	return nil, hallmark.ErrUnavailable
}
