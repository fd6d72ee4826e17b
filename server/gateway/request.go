package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/hallmark-ml/hallmark"
)

// A Message is one turn of a chat.
type Message struct {
	Role    string
	Content string
}

// A Request asks a model for one completion. Exactly one of Messages and Prompt is set.
type Request struct {
	Messages    []Message
	Prompt      string
	MaxTokens   int
	Temperature float32
	TopP        float32
	Seed        uint64
	Stop        []string

	FrequencyPenalty, PresencePenalty float32

	JSONSchema string // that the answer keeps to; none if empty
}

// A Completion is what a model answered; Finish is "stop" or "length".
type Completion struct {
	Text         string
	PromptTokens int
	OutputTokens int
	Finish       string
}

const (
	maxMessages = 256
	maxStops    = 4
)

// wireRequest is the body of both completion endpoints, with the fields of OpenAI's API that we know. Other fields are
// ignored, as client libraries send many.
type wireRequest struct {
	Model               string          `json:"model"`
	Messages            []wireMessage   `json:"messages"`
	Prompt              json.RawMessage `json:"prompt"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	N                   *int            `json:"n"`
	Seed                *int64          `json:"seed"`
	Stop                json.RawMessage `json:"stop"`
	FrequencyPenalty    *float64        `json:"frequency_penalty"`
	PresencePenalty     *float64        `json:"presence_penalty"`
	ResponseFormat      *responseFormat `json:"response_format"`
	Stream              bool            `json:"stream"`
	StreamOptions       struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// responseFormat asks for JSON: any object, or one that a schema describes.
type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// schema returns the JSON schema that an answer has to keep to, or nothing.
func (f *responseFormat) schema() (string, error) {
	switch {
	case f == nil || f.Type == "text":
		return "", nil
	case f.Type == "json_object":
		return `{"type": "object"}`, nil
	case f.Type == "json_schema" && len(f.JSONSchema.Schema) > 0:
		return string(f.JSONSchema.Schema), nil
	case f.Type == "json_schema":
		return "", invalid("response_format.json_schema.schema is missing")
	default:
		return "", invalid("response_format.type %.40q: want text, json_object or json_schema", f.Type)
	}
}

type wireMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

func invalid(format string, a ...any) error {
	return fmt.Errorf(format+": %w", append(a, hallmark.ErrInvalid)...)
}

// decode reads a request body of at most maxBody bytes.
func decode(w http.ResponseWriter, r *http.Request, maxBody int64) (wireRequest, error) {
	var req wireRequest
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return req, fmt.Errorf("request body: more than %d bytes: %w", tooLarge.Limit, hallmark.ErrTooLarge)
	}
	if err != nil {
		return req, invalid("request body: %v", err)
	}
	if req.Model == "" {
		return req, invalid("model is missing")
	}
	return req, nil
}

// request checks what both endpoints share and returns it; the caller adds messages or prompt.
func (req wireRequest) request(maxTokens int) (Request, error) {
	out := Request{MaxTokens: maxTokens, Temperature: 1, TopP: 1}
	limit := req.MaxCompletionTokens
	if limit == nil {
		limit = req.MaxTokens
	}
	if limit != nil {
		if *limit < 1 {
			return out, invalid("max_tokens %d is not positive", *limit)
		}
		out.MaxTokens = min(*limit, maxTokens)
	}
	if req.N != nil && *req.N != 1 {
		return out, invalid("n is %d, and only 1 completion a request is supported", *req.N)
	}
	if req.Temperature != nil {
		if *req.Temperature < 0 || *req.Temperature > 2 {
			return out, invalid("temperature %v is not in 0..2", *req.Temperature)
		}
		out.Temperature = float32(*req.Temperature)
	}
	if req.TopP != nil {
		if *req.TopP <= 0 || *req.TopP > 1 {
			return out, invalid("top_p %v is not in (0, 1]", *req.TopP)
		}
		out.TopP = float32(*req.TopP)
	}
	for _, p := range []struct {
		name string
		from *float64
		to   *float32
	}{{"frequency_penalty", req.FrequencyPenalty, &out.FrequencyPenalty}, {"presence_penalty", req.PresencePenalty, &out.PresencePenalty}} {
		if p.from == nil {
			continue
		}
		if *p.from < -2 || *p.from > 2 {
			return out, invalid("%s %v is not in -2..2", p.name, *p.from)
		}
		*p.to = float32(*p.from)
	}
	if req.Seed != nil {
		out.Seed = uint64(*req.Seed) //nolint:gosec // a seed is 64 bits, whatever their sign
	}
	var err error
	if out.JSONSchema, err = req.ResponseFormat.schema(); err != nil {
		return out, err
	}
	if out.Stop, err = textOrList(req.Stop, "stop"); err != nil {
		return out, err
	}
	if len(out.Stop) > maxStops {
		return out, invalid("%d stop texts, at most %d", len(out.Stop), maxStops)
	}
	return out, nil
}

func (req wireRequest) chat(maxTokens int) (Request, error) {
	out, err := req.request(maxTokens)
	if err != nil {
		return out, err
	}
	if len(req.Messages) == 0 || len(req.Messages) > maxMessages {
		return out, invalid("%d messages, want 1 to %d", len(req.Messages), maxMessages)
	}
	for i, m := range req.Messages {
		switch m.Role {
		case "system", "user", "assistant":
		default:
			return out, invalid("messages[%d].role %.40q: want system, user or assistant", i, m.Role)
		}
		text, err := content(m.Content)
		if err != nil {
			return out, invalid("messages[%d].content: %v", i, err)
		}
		out.Messages = append(out.Messages, Message{Role: m.Role, Content: text})
	}
	return out, nil
}

func (req wireRequest) completion(maxTokens int) (Request, error) {
	out, err := req.request(maxTokens)
	if err != nil {
		return out, err
	}
	prompts, err := textOrList(req.Prompt, "prompt")
	if err != nil {
		return out, err
	}
	if len(prompts) != 1 || prompts[0] == "" {
		return out, invalid("prompt: want one text that is not empty")
	}
	out.Prompt = prompts[0]
	return out, nil
}

// content reads a message's content: a text, or a list of text parts.
func content(raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", fmt.Errorf("want a text or a list of text parts")
	}
	for _, p := range parts {
		if p.Type != "text" {
			return "", fmt.Errorf("part of type %.40q: only text is supported", p.Type)
		}
		text += p.Text
	}
	return text, nil
}

func textOrList(raw json.RawMessage, name string) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}, nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, invalid("%s: want a text or a list of texts", name)
	}
	return list, nil
}
