package guest

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/batch"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/grammar"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/template"
	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// textLimit bounds the text of a chat or prompt, in bytes. It is far beyond any context and keeps templates in budget.
const textLimit = 512 << 10

// model is the loaded file.
type model struct {
	engine *engine.Model
	tokens *token.Tokenizer
	about  wire.Loaded

	template    *template.Template // nil if there is none or it does not parse
	templateErr error

	texts  *batch.Generator // completions
	memory memory           // texts whose logits were asked for

	spent hallmark.TokenCount

	together int // sequences that are computed in one go, at most

	vocabulary  *grammar.Vocabulary // nil until a request has a grammar
	constraints map[[2]string]*grammar.Constraint
}

func (g *guest) scan(q wire.Scan) (wire.Message, error) {
	res, err := scan.File(bytes.NewReader(g.file), int64(len(g.file)), q.Name)
	if err != nil {
		return nil, fmt.Errorf("scan the file: %w", err)
	}
	return wire.ScanReport{Format: res.Format, Findings: res.Findings, Tensors: res.Tensors, Metadata: res.Metadata}, nil
}

// load reads the model once; a file that is not one stays so.
func (g *guest) load() (*model, error) {
	if !g.tried {
		g.tried = true
		g.model, g.loadErr = open(g.file, g.threads)
	}
	return g.model, g.loadErr
}

// vocabulary returns the model's tokenizer, reading it the first time.
func (g *guest) vocabulary() (*token.Tokenizer, error) {
	if g.tokens == nil {
		f, err := gguf.Parse(bytes.NewReader(g.file), int64(len(g.file)), gguf.Limits{})
		if err != nil {
			return nil, err
		}
		if g.tokens, err = token.New(f); err != nil {
			return nil, err
		}
	}
	return g.tokens, nil
}

// force chooses the engine's instruction-set level, once, before the model is loaded.
func (g *guest) force(isa string) error {
	if isa == "" {
		return nil
	}
	if g.tried {
		return fail(wire.FailRequest, "the model is loaded, its instruction-set level stays %s", kernel.ISA())
	}
	if err := kernel.SetISA(isa); err != nil {
		return fail(wire.FailRequest, "%v", err)
	}
	return nil
}

func open(file []byte, threads int) (*model, error) {
	f, err := gguf.Parse(bytes.NewReader(file), int64(len(file)), gguf.Limits{})
	if err != nil {
		return nil, err
	}
	if err := engine.Known(f); err != nil {
		return nil, err
	}
	tokens, err := token.New(f)
	if err != nil {
		return nil, err
	}
	e, err := engine.Load(f, file, engine.Config{Threads: threads})
	if err != nil {
		return nil, err
	}
	if tokens.Size() != e.VocabSize() {
		return nil, fail(wire.FailModel, "the vocabulary has %d tokens and the weights %d", tokens.Size(), e.VocabSize())
	}
	m := &model{engine: e, tokens: tokens, together: together(e)}
	m.memory.limit = remembered(e)
	if m.texts, err = batch.New(e, batch.Config{Slots: mostSlots, Active: activeMemory, Texts: mostRemembered, Memory: m.memory.limit}); err != nil {
		return nil, err
	}
	m.about = wire.Loaded{
		Context: e.Context(), Vocab: e.VocabSize(), Embedding: e.EmbeddingSize(), EngineVersion: engine.Version,
	}
	m.about.Architecture, _ = f.String("general.architecture")
	m.about.TokenizerModel, _ = f.String("tokenizer.ggml.model")
	if source, ok := f.String("tokenizer.chat_template"); ok {
		m.about.ChatTemplate = true
		m.template, m.templateErr = template.Parse(source)
	}
	return m, nil
}

// Bounds of the completions that are under way together: how many, and their keys and values in bytes. Small models have many
// at a time, large ones as many as fit.
const (
	mostSlots    = 32
	activeMemory = 256 << 20
)

func (m *model) info() wire.Loaded { return m.about }

// reading counts texts of so many tokens; the function that it returns is called when they are computed.
func (m *model) reading(tokens int) func() {
	before := m.engine.Computed()
	return func() {
		m.spent.Read += int64(tokens)
		m.spent.Reused += int64(tokens) - int64(m.engine.Computed()-before) //nolint:gosec // G115: positions that were computed since
	}
}

// tokenize needs the vocabulary alone, so that files without weights do.
func (g *guest) tokenize(q wire.Tokenize) (wire.Message, error) {
	if len(q.Text) > textLimit {
		return nil, fail(wire.FailTooLarge, "text of %d bytes, at most %d", len(q.Text), textLimit)
	}
	vocabulary, err := g.vocabulary()
	if err != nil {
		return nil, err
	}
	tokens := vocabulary.Encode(q.Text, token.EncodeOptions{ParseSpecial: q.ParseSpecial})
	reply := wire.Tokens{Tokens: make([]wire.Token, len(tokens))}
	for i, t := range tokens {
		reply.Tokens[i] = wire.Token(t)
	}
	return reply, nil
}

func (m *model) render(q wire.Render) (wire.Message, error) {
	r, err := m.chat(q.Messages, q.AddGenerationPrompt)
	if err != nil {
		return nil, err
	}
	reply := wire.Rendered{Text: r.Text, Spans: make([]wire.Span, len(r.Spans))}
	for i, s := range r.Spans {
		reply.Spans[i] = wire.Span{Start: s.Start, End: s.End, Role: s.Role}
	}
	return reply, nil
}

func (m *model) chat(msgs []wire.ChatMessage, addGenerationPrompt bool) (template.Rendered, error) {
	if m.templateErr != nil {
		return template.Rendered{}, fmt.Errorf("chat template: %w", m.templateErr)
	}
	if m.template == nil {
		return template.Rendered{}, fail(wire.FailMissing, "the model has no chat template")
	}
	in := template.Input{AddGenerationPrompt: addGenerationPrompt, BOS: m.spelling(m.tokens.BOS), EOS: m.spelling(m.tokens.EOS)}
	size := 0
	for _, msg := range msgs {
		if !roleName(msg.Role) {
			return template.Rendered{}, fail(wire.FailRequest, "role %.40q is not a name", msg.Role)
		}
		in.Messages = append(in.Messages, template.Message{Role: msg.Role, Content: msg.Content})
		size += len(msg.Role) + len(msg.Content)
	}
	if size > textLimit {
		return template.Rendered{}, fail(wire.FailTooLarge, "chat of %d bytes, at most %d", size, textLimit)
	}
	r, err := m.template.Render(in, template.Budget{})
	if err != nil {
		return template.Rendered{}, fmt.Errorf("chat template: %w", err)
	}
	return r, nil
}

// roleName reports whether a role is a plain name. Templates write roles as they are, and the spelling of a control token
// there would be one.
func roleName(s string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// spelling is how a token that the vocabulary may name is written.
func (m *model) spelling(which func() (int32, bool)) string {
	id, ok := which()
	if !ok {
		return ""
	}
	return string(m.tokens.Piece(id))
}

// prompt returns the tokens of a request.
func (m *model) prompt(q wire.Generate) ([]token.Token, error) {
	if len(q.Messages) == 0 {
		if len(q.Prompt) > textLimit {
			return nil, fail(wire.FailTooLarge, "prompt of %d bytes, at most %d", len(q.Prompt), textLimit)
		}
		return m.tokens.Encode(q.Prompt, token.EncodeOptions{AddSpecial: true, ParseSpecial: true}), nil
	}
	r, err := m.chat(q.Messages, true)
	if err != nil {
		return nil, err
	}
	return m.chatTokens(r), nil
}

// chatTokens reads a rendered chat. The template's own text may spell control tokens; the contents of messages may not,
// or a message could end its turn and begin another's.
func (m *model) chatTokens(r template.Rendered) []token.Token {
	// A template that opens the text itself must not get a second opening.
	opening := m.spelling(m.tokens.BOS)
	opt := token.EncodeOptions{ParseSpecial: true, AddSpecial: opening == "" || !strings.HasPrefix(r.Text, opening)}
	for _, s := range r.Spans {
		opt.Literal = append(opt.Literal, token.Range{Start: s.Start, End: s.End})
	}
	return m.tokens.Encode(r.Text, opt)
}

func ids(tokens []token.Token) []int32 {
	out := make([]int32, len(tokens))
	for i, t := range tokens {
		out[i] = t.ID
	}
	return out
}
