package template_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/template"
)

// chats are rendered with every template.
var chats = map[string][]template.Message{
	"empty": {},
	"one":   {{Role: "user", Content: "Hello there"}},
	"system and odd characters": {
		{Role: "system", Content: "You are kind."},
		{Role: "user", Content: "  What is 2+2?\n"},
		{Role: "assistant", Content: "4"},
		{Role: "user", Content: "And \"3+3\" <b>it's</b> é漢🙂 {{ 7*7 }} {% if %}?"},
	},
	"thinking": {
		{Role: "user", Content: "a"},
		{Role: "assistant", Content: "<think>\nhmm\n</think>\n\nb "},
		{Role: "user", Content: "c\n\nd"},
		{Role: "assistant", Content: "<think>\nlast\n</think>\n\ne"},
	},
	"empty contents": {{Role: "system", Content: ""}, {Role: "user", Content: ""}},
	"another role":   {{Role: "user", Content: "x"}, {Role: "tool-result", Content: "[result]1[/result]"}, {Role: "assistant", Content: "done"}},
	"wrong order":    {{Role: "assistant", Content: "I begin"}, {Role: "system", Content: "late"}, {Role: "user", Content: "u"}},
}

// gonjaRender renders with the test oracle, set up as transformers sets up Jinja.
func gonjaRender(src string, in template.Input) (string, error) {
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = true, true
	loader, err := loaders.NewMemoryLoader(map[string]string{"/chat": src})
	if err != nil {
		return "", err
	}
	env := &exec.Environment{
		Context:           exec.EmptyContext().Update(builtins.GlobalFunctions),
		Filters:           builtins.Filters,
		Tests:             builtins.Tests,
		ControlStructures: builtins.ControlStructures,
		Methods:           builtins.Methods,
	}
	t, err := exec.NewTemplate("/chat", cfg, loader, env)
	if err != nil {
		return "", err
	}
	messages := []any{}
	for _, m := range in.Messages {
		fields := jsonFields(m.Fields)
		if _, ok := fields["content"]; !ok {
			fields["content"] = m.Content
		}
		fields["role"] = m.Role
		messages = append(messages, fields)
	}
	var out bytes.Buffer
	vars := map[string]any{"tools": nil, "documents": nil}
	maps.Copy(vars, jsonFields(in.Fields))
	maps.Copy(vars, map[string]any{
		"messages":              messages,
		"add_generation_prompt": in.AddGenerationPrompt,
		"bos_token":             in.BOS,
		"eos_token":             in.EOS,
		"raise_exception": func(_ *exec.Evaluator, args *exec.VarArgs) *exec.Value {
			return exec.AsValue(errors.New(args.Args[0].String()))
		},
		"strftime_now": func(_ *exec.Evaluator, args *exec.VarArgs) *exec.Value {
			at := time.Date(2024, time.July, 26, 0, 0, 0, 0, time.UTC)
			return exec.AsValue(strings.NewReplacer("%Y", at.Format("2006"), "%m", "07", "%d", "26", "%B", "July", "%b", "Jul").Replace(args.Args[0].String()))
		},
	})
	err = t.Execute(&out, exec.NewContext(vars))
	return out.String(), err
}

func jsonFields(s string) map[string]any {
	out := map[string]any{}
	if s != "" {
		if err := json.Unmarshal([]byte(s), &out); err != nil {
			panic(err) // the chats are ours
		}
	}
	return out
}

// requireLikeOracle renders every chat with both engines. One that the oracle refuses must be refused here too.
func requireLikeOracle(t *testing.T, src string) {
	t.Helper()
	tmpl, err := template.Parse(src)
	require.NoError(t, err)
	for name, chat := range chats {
		for _, prompt := range []bool{false, true} {
			in := template.Input{Messages: chat, AddGenerationPrompt: prompt, BOS: "<s>", EOS: "</s>"}
			want, oracleErr := gonjaRender(src, in)
			got, err := tmpl.Render(in, template.Budget{})
			if oracleErr != nil {
				require.ErrorIs(t, err, template.ErrRender, "%s: %v", name, oracleErr)
				continue
			}
			require.NoError(t, err, name)
			require.Equal(t, want, got.Text, name)
			requireSpans(t, in, got)
		}
	}
}

// requireSpans says that spans are sorted, disjoint and inside the text, and carry the role of their message.
func requireSpans(tb testing.TB, in template.Input, got template.Rendered) {
	tb.Helper()
	at := 0
	for _, s := range got.Spans {
		require.LessOrEqual(tb, at, s.Start)
		require.Less(tb, s.Start, s.End)
		require.LessOrEqual(tb, s.End, len(got.Text))
		require.Equal(tb, in.Messages[s.Message].Role, s.Role)
		at = s.End
	}
}

// The templates are written in the style of public model families.
func TestStylesLikeOracle(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob("testdata/*.jinja")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jinja"), func(t *testing.T) {
			t.Parallel()

			src, err := os.ReadFile(file)
			require.NoError(t, err)
			requireLikeOracle(t, string(src))
		})
	}
}

func TestTinychatLikeOracle(t *testing.T) {
	t.Parallel()

	data, err := os.ReadFile("../../testdata/models/tinychat/guarded-q4_k_m.gguf")
	require.NoError(t, err)
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(t, err)
	src, ok := f.String("tokenizer.chat_template")
	require.True(t, ok)
	requireLikeOracle(t, src)
}
