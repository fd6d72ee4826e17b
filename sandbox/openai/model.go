package openai

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// modelList is the reply to GET /models.
type modelList struct {
	Data []struct {
		ID      string `json:"id"`
		OwnedBy string `json:"owned_by"`
	} `json:"data"`
}

// EnginePrefix begins the engine version of a model behind an API, in reports.
const EnginePrefix = "openai:"

// Info implements [probe.Model]. The engine's version is "openai:" and the name that the server gives itself. Lengths of
// context and vocabulary are not known and zero; that there is a chat template is the API's promise.
func (c *Client) Info(ctx context.Context) (probe.Info, error) {
	r, err := c.call(ctx, http.MethodGet, "models", nil)
	info := probe.Info{Architecture: "unknown", TokenizerModel: "unknown", ChatTemplate: true, EngineVersion: EnginePrefix + serverName(r.header.Get("Server"))}
	if errors.Is(err, hallmark.ErrNotFound) { // a server that lists nothing can still answer
		return info, nil
	}
	if err != nil {
		return probe.Info{}, err
	}
	var list modelList
	if err := hallmark.DecodeOpenJSON(r.body, &list); err != nil {
		return probe.Info{}, badReply("list of models: %v", err)
	}
	if len(list.Data) > 0 && r.header.Get("Server") == "" {
		info.EngineVersion = EnginePrefix + serverName(list.Data[0].OwnedBy)
	}
	return info, nil
}

// serverName is a server's name as it may stand in a report: at most 40 characters that names are made of.
func serverName(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/+-", r) {
			return r
		}
		return '_'
	}, s[:min(len(s), 40)])
	if clean == "" {
		return "unknown"
	}
	return clean
}

// message is a turn of a chat.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// request is the body of a completion's request. Only what every server knows is in it.
type request struct {
	Model            string    `json:"model,omitempty"`
	Messages         []message `json:"messages,omitempty"`
	Prompt           string    `json:"prompt,omitempty"`
	MaxTokens        int       `json:"max_tokens"`
	Temperature      float32   `json:"temperature"` // 0 is greedy, and not the default
	TopP             float32   `json:"top_p,omitempty"`
	Seed             uint64    `json:"seed"`
	Stop             []string  `json:"stop,omitempty"`
	FrequencyPenalty float32   `json:"frequency_penalty,omitempty"`
	PresencePenalty  float32   `json:"presence_penalty,omitempty"`
	Stream           bool      `json:"stream"`
}

// completion is its reply. Message is of a chat, Text of a prompt.
type completion struct {
	Choices []struct {
		Message *struct {
			Content *string `json:"content"`
		} `json:"message"`
		Text         *string `json:"text"`
		FinishReason *string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	} `json:"usage"`
}

// Generate implements [probe.Model]; OnToken is called once, with the whole text.
func (c *Client) Generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	if req.TopK != 0 || req.MinP != 0 || req.RepeatPenalty != 0 || req.Grammar != "" || req.JSONSchema != "" {
		return probe.Completion{}, unanswered("a sampler or grammar that the API does not have")
	}
	if req.MaxTokens < 1 || (len(req.Messages) > 0) == (req.Prompt != "") {
		return probe.Completion{}, fmt.Errorf("ask the endpoint: want messages or a prompt, and a number of tokens: %w", hallmark.ErrInvalid)
	}
	q := request{
		Model: c.cfg.Model, Prompt: req.Prompt, MaxTokens: req.MaxTokens, Temperature: req.Temperature, TopP: req.TopP, Seed: req.Seed & math.MaxInt32,
		Stop: req.Stop, FrequencyPenalty: req.FrequencyPenalty, PresencePenalty: req.PresencePenalty,
	}
	for _, m := range req.Messages {
		q.Messages = append(q.Messages, message(m))
	}
	path := "completions"
	if len(q.Messages) > 0 {
		path = "chat/completions"
	}
	r, err := c.call(ctx, http.MethodPost, path, q)
	if err != nil {
		return probe.Completion{}, err
	}
	got, err := readCompletion(r.body, len(q.Messages) > 0)
	if err == nil && req.OnToken != nil {
		req.OnToken(got.Text)
	}
	return got, err
}

// readCompletion reads the body of a reply.
func readCompletion(body []byte, chat bool) (probe.Completion, error) { //nolint:revive // chat says which of two formats
	var raw completion
	if err := hallmark.DecodeOpenJSON(body, &raw); err != nil {
		return probe.Completion{}, badReply("%v", err)
	}
	if len(raw.Choices) != 1 {
		return probe.Completion{}, badReply("has %d choices, want 1", len(raw.Choices))
	}
	choice := raw.Choices[0]
	text := choice.Text
	if chat && choice.Message != nil {
		text = choice.Message.Content
		if text == nil { // a refusal, or a call of a tool
			text = new(string)
		}
	}
	if text == nil || chat != (choice.Message != nil) {
		return probe.Completion{}, badReply("has no text")
	}
	finish, err := finishOf(choice.FinishReason)
	if err != nil {
		return probe.Completion{}, err
	}
	out := probe.Completion{Text: *text, Finish: finish}
	if raw.Usage != nil {
		out.PromptTokens, out.OutputTokens = raw.Usage.PromptTokens, raw.Usage.CompletionTokens
	}
	if out.PromptTokens < 0 || out.OutputTokens < 0 || out.PromptTokens > math.MaxInt32 || out.OutputTokens > math.MaxInt32 {
		return probe.Completion{}, badReply("counts %d and %d tokens", out.PromptTokens, out.OutputTokens)
	}
	return out, nil
}

func finishOf(reason *string) (probe.Finish, error) {
	if reason == nil {
		return "", badReply("has no reason to end")
	}
	switch *reason {
	case "stop", "content_filter", "tool_calls", "function_call":
		return probe.FinishStop, nil
	case "length":
		return probe.FinishLength, nil
	default:
		return "", badReply("ends for reason %q", *reason)
	}
}

func unanswered(what string) error {
	return fmt.Errorf("an OpenAI-compatible endpoint cannot be asked for %s: %w", what, hallmark.ErrUnavailable)
}

// Tokenize implements [probe.Model]: it is not assessable here.
func (c *Client) Tokenize(context.Context, string, bool) ([]probe.Token, error) {
	return nil, unanswered("tokens")
}

// Render implements [probe.Model]: it is not assessable here.
func (c *Client) Render(context.Context, []probe.Message, bool) (probe.Rendered, error) {
	return probe.Rendered{}, unanswered("a rendered chat")
}

// LogProbs implements [probe.Model]: it is not assessable here.
func (c *Client) LogProbs(context.Context, []int32) ([]probe.LogProb, error) {
	return nil, unanswered("log-probabilities of a text")
}
