package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// errStarted marks an error after the first byte of an answer: the status is out and cannot be changed any more.
var errStarted = errors.New("answer had begun")

// endpoint is what differs between the two completion endpoints.
type endpoint struct {
	prefix, object, chunk string
	request               func(wireRequest, int) (Request, error)
	chat                  bool
}

var (
	chatEndpoint = endpoint{prefix: "chatcmpl-", object: "chat.completion", chunk: "chat.completion.chunk", request: wireRequest.chat, chat: true}
	textEndpoint = endpoint{prefix: "cmpl-", object: "text_completion", chunk: "text_completion", request: wireRequest.completion}
)

func newID(e endpoint) string { return e.prefix + rand.Text() }

// answer writes one completion in OpenAI's forms.
type answer struct {
	endpoint endpoint
	w        http.ResponseWriter
	model    string
	created  int64
	id       string
	usage    bool // the client wants a last chunk with the token counts
	started  bool
}

type wireAnswer struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []wireChoice `json:"choices"`
	Usage   *wireUsage   `json:"usage,omitempty"`
}

type wireChoice struct {
	Index        int        `json:"index"`
	Message      *wireDelta `json:"message,omitempty"`
	Delta        *wireDelta `json:"delta,omitempty"`
	Text         *string    `json:"text,omitempty"`
	FinishReason *string    `json:"finish_reason"`
}

type wireDelta struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

type wireUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func usageOf(c Completion) *wireUsage {
	return &wireUsage{c.PromptTokens, c.OutputTokens, c.PromptTokens + c.OutputTokens}
}

func (a *answer) frame(object string, choices ...wireChoice) wireAnswer {
	if choices == nil {
		choices = []wireChoice{}
	}
	return wireAnswer{ID: a.id, Object: object, Created: a.created, Model: a.model, Choices: choices}
}

// whole answers with one body.
func (a *answer) whole(ctx context.Context, m Model, req Request) error {
	c, err := m.Generate(ctx, req, nil)
	if err != nil {
		return err
	}
	choice := wireChoice{FinishReason: &c.Finish}
	if a.endpoint.chat {
		choice.Message = &wireDelta{Role: "assistant", Content: &c.Text}
	} else {
		choice.Text = &c.Text
	}
	body := a.frame(a.endpoint.object, choice)
	body.Usage = usageOf(c)
	return writeJSON(a.w, body)
}

// stream answers with server-sent events, one a piece of text. An error before the first event is an ordinary error
// answer; after it, an event that carries the error ends the stream.
func (a *answer) stream(ctx context.Context, m Model, req Request) error {
	var broken error // the client no longer reads
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := m.Generate(ctx, req, func(piece string) {
		if broken == nil {
			if broken = a.event(a.piece(piece)); broken != nil {
				cancel()
			}
		}
	})
	if broken != nil {
		return fmt.Errorf("streaming: %w: %w", broken, errStarted)
	}
	if err != nil {
		if !a.started {
			return err
		}
		_, body := statusOf(err)
		return fmt.Errorf("streaming: %w: %w", errors.Join(err, a.event(body)), errStarted)
	}
	last := wireChoice{FinishReason: &c.Finish}
	if a.endpoint.chat {
		last.Delta = &wireDelta{}
	} else {
		last.Text = new(string)
	}
	events := []any{a.frame(a.endpoint.chunk, last)}
	if a.usage {
		count := a.frame(a.endpoint.chunk)
		count.Usage = usageOf(c)
		events = append(events, count)
	}
	for _, e := range events {
		if err := a.event(e); err != nil {
			return fmt.Errorf("streaming: %w: %w", err, errStarted)
		}
	}
	return a.send("[DONE]")
}

func (a *answer) piece(text string) wireAnswer {
	choice := wireChoice{Text: &text}
	if a.endpoint.chat {
		choice = wireChoice{Delta: &wireDelta{Content: &text}}
		if !a.started {
			choice.Delta.Role = "assistant"
		}
	}
	return a.frame(a.endpoint.chunk, choice)
}

func (a *answer) event(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.send(string(raw))
}

func (a *answer) send(data string) error {
	if !a.started {
		a.started = true
		h := a.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
		a.w.WriteHeader(http.StatusOK)
	}
	if _, err := fmt.Fprintf(a.w, "data: %s\n\n", data); err != nil {
		return fmt.Errorf("sending: %w: %w", err, errStarted)
	}
	if err := http.NewResponseController(a.w).Flush(); err != nil {
		return fmt.Errorf("sending: %w: %w", err, errStarted)
	}
	return nil
}
