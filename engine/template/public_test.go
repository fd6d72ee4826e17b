package template_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

// peerTemplates returns the folder of the public templates in llama.cpp's sources, or skips.
func peerTemplates(tb testing.TB) string {
	tb.Helper()
	root := os.Getenv("HALLMARK_PEER")
	if root == "" {
		tb.Skip("HALLMARK_PEER is not set: llama.cpp and the public templates in it are not at hand (make peer)")
	}
	return filepath.Join(root, "llama.cpp", "models", "templates")
}

// A namedChat is a chat of testdata/chats.json.
type namedChat struct {
	name string
	in   template.Input
}

// publicChats reads testdata/chats.json in its order.
func publicChats(tb testing.TB) []namedChat {
	tb.Helper()
	data, err := os.ReadFile("testdata/chats.json")
	require.NoError(tb, err)
	dec := json.NewDecoder(bytes.NewReader(data))
	_, err = dec.Token()
	require.NoError(tb, err)
	var out []namedChat
	for dec.More() {
		name, err := dec.Token()
		require.NoError(tb, err)
		var fields map[string]json.RawMessage
		require.NoError(tb, dec.Decode(&fields))
		out = append(out, namedChat{name.(string), publicInput(tb, fields)})
	}
	return out
}

func publicInput(tb testing.TB, fields map[string]json.RawMessage) template.Input {
	tb.Helper()
	in := template.Input{BOS: "<s>", EOS: "</s>"}
	var messages []json.RawMessage
	require.NoError(tb, json.Unmarshal(fields["messages"], &messages))
	delete(fields, "messages")
	more, err := json.Marshal(fields)
	require.NoError(tb, err)
	in.Fields = string(more)
	for _, raw := range messages {
		var m struct {
			Role    string
			Content any
		}
		require.NoError(tb, json.Unmarshal(raw, &m))
		message := template.Message{Role: m.Role}
		if s, ok := m.Content.(string); ok {
			message.Content = s
		}
		// What remains keeps its order: of arguments, for instance.
		message.Fields = withoutRole(tb, raw)
		in.Messages = append(in.Messages, message)
	}
	return in
}

// withoutRole returns a JSON object without its field role.
func withoutRole(tb testing.TB, raw json.RawMessage) string {
	tb.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, err := dec.Token()
	require.NoError(tb, err)
	var out bytes.Buffer
	for dec.More() {
		key, err := dec.Token()
		require.NoError(tb, err)
		var v json.RawMessage
		require.NoError(tb, dec.Decode(&v))
		if key == "role" {
			continue
		}
		sep := ","
		if out.Len() == 0 {
			sep = "{"
		}
		k, err := json.Marshal(key)
		require.NoError(tb, err)
		out.WriteString(sep + string(k) + ":" + string(v))
	}
	if out.Len() == 0 {
		return ""
	}
	return out.String() + "}"
}

// publicResult is what testdata/oracle.py wrote about a template.
type publicResult struct {
	Source string
	Want   []string
}

// Every public template renders every chat as Jinja does, or fails where it fails. The digests come from
// testdata/oracle.py.
func TestPublicTemplates(t *testing.T) {
	t.Parallel()

	requireLikeJinja(t, peerTemplates(t), "testdata/public.json")
}

// The templates have the features that the public ones have, tools and reasoning among them.
func TestFeaturesLikeJinja(t *testing.T) {
	t.Parallel()

	requireLikeJinja(t, "testdata/features", "testdata/features.json")
}

func requireLikeJinja(t *testing.T, dir, results string) {
	t.Helper()
	data, err := os.ReadFile(results)
	require.NoError(t, err)
	var want map[string]publicResult
	require.NoError(t, json.Unmarshal(data, &want))
	files, err := filepath.Glob(filepath.Join(dir, "*.jinja"))
	require.NoError(t, err)
	require.Len(t, files, len(want))
	chats := publicChats(t)
	for name, result := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			src, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			sum := sha256.Sum256(src)
			require.Equal(t, result.Source, hex.EncodeToString(sum[:]), "another version of the template")
			tmpl, err := template.Parse(string(src))
			require.NoError(t, err)
			require.Len(t, result.Want, 2*len(chats))
			for i, want := range result.Want {
				in := chats[i/2].in
				in.AddGenerationPrompt = i%2 == 1
				out, err := tmpl.Render(in, template.Budget{})
				if want == "error" {
					require.ErrorIs(t, err, template.ErrRender, chats[i/2].name)
					continue
				}
				require.NoError(t, err, chats[i/2].name)
				sum := sha256.Sum256([]byte(out.Text))
				require.Equal(t, want, hex.EncodeToString(sum[:8]), "%s: %s", chats[i/2].name, out.Text)
				requireSpans(t, in, out)
				requireBudgets(t, tmpl, in, out)
			}
		})
	}
}

// requireBudgets says that a rendering that worked stops at limits below what it needs.
func requireBudgets(t *testing.T, tmpl *template.Template, in template.Input, out template.Rendered) {
	t.Helper()
	_, err := tmpl.Render(in, template.Budget{Steps: 3})
	require.ErrorIs(t, err, template.ErrBudget)
	if len(out.Text) > 1 {
		_, err = tmpl.Render(in, template.Budget{Output: len(out.Text) - 1})
		require.ErrorIs(t, err, template.ErrBudget)
	}
}

// In every public template the spans of a message are where its text is, and nowhere else.
func TestPublicTemplatesSpans(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob(filepath.Join(peerTemplates(t), "*.jinja"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	roles := []string{"system", "user", "assistant", "user", "assistant", "user"}
	spanned := 0
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		tmpl, err := template.Parse(string(src))
		require.NoError(t, err)
		for skip := range 2 { // some take no system message
			in := template.Input{AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>", Fields: `{"tools":[],"functions":"","datetime":""}`}
			for i, role := range roles[skip:] {
				in.Messages = append(in.Messages, template.Message{
					Role: role, Content: fmt.Sprintf("Qx%dyQ <|im_end|> </s> [/INST]", i), Fields: fmt.Sprintf(`{"reasoning_content":"Zr%dsZ"}`, i),
				})
			}
			out, err := tmpl.Render(in, template.Budget{})
			if err != nil {
				require.ErrorIs(t, err, template.ErrRender, file)
				continue
			}
			spanned++
			requireSpans(t, in, out)
			covered := make([]int, len(out.Text)) // 1 + message
			for _, s := range out.Spans {
				for i := s.Start; i < s.End; i++ {
					covered[i] = s.Message + 1
				}
			}
			for i, m := range in.Messages {
				for _, word := range []string{m.Content, fmt.Sprintf("Zr%dsZ", i)} {
					for at := 0; ; at += len(word) {
						n := strings.Index(out.Text[at:], word)
						if n < 0 {
							break
						}
						at += n
						for _, c := range covered[at : at+len(word)] {
							require.Equal(t, i+1, c, "%s: %s", file, word)
						}
					}
				}
			}
			require.Contains(t, out.Text, in.Messages[len(in.Messages)-1].Content, file)
		}
	}
	require.Greater(t, spanned, len(files))
}

// gonjaFails says why the second oracle cannot run a template, or runs it wrongly.
var gonjaFails = map[string]string{
	"Bielik-11B-v3.0-Instruct.jinja":                      "cannot parse a conditional expression in parentheses",
	"Cohere2MoE.jinja":                                    "cannot parse a conditional expression in parentheses",
	"GigaChat3-10B-A1.8B.jinja":                           "cannot parse a conditional expression in parentheses",
	"GigaChat3.1-10B-A1.8B.jinja":                         "cannot parse a conditional expression in parentheses",
	"LFM2-8B-A1B.jinja":                                   "cannot parse a conditional expression in parentheses",
	"LFM2.5-8B-A1B.jinja":                                 "cannot parse a conditional expression in parentheses",
	"LFM2.5-Instruct.jinja":                               "cannot parse a conditional expression in parentheses",
	"MiniMax-M2.jinja":                                    "cannot parse a conditional expression in parentheses",
	"MiniMax-M3.jinja":                                    "cannot parse a conditional expression in parentheses",
	"NVIDIA-Nemotron-Nano-v2.jinja":                       "cannot parse a conditional expression in parentheses",
	"Spark2.5.jinja":                                      "cannot parse a conditional expression in parentheses",
	"muse-glimmer.jinja":                                  "cannot parse a conditional expression in parentheses",
	"openai-gpt-oss-120b.jinja":                           "cannot parse a conditional expression in parentheses",
	"poolside-Laguna-S-2.1.jinja":                         "has no generation blocks",
	"poolside-Laguna-XS-2.1.jinja":                        "has no generation blocks",
	"poolside-Laguna-XS.2.jinja":                          "has no generation blocks",
	"CohereForAI-c4ai-command-r-plus-tool_use.jinja":      "takes none for a list without items",
	"NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja": "takes none for a list without items",
	"NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja":   "takes none for a list without items",
	"fireworks-ai-llama-3-firefunction-v2.jinja":          "takes what is undefined for an empty text",
	"google-gemma-4-31B-it.jinja":                         "takes an attribute of what is undefined",
	"google-gemma-4-31B-it-interleaved.jinja":             "takes an attribute of what is undefined",
	"Qwen-QwQ-32B.jinja":                                  "has no method lstrip",
	"Reka-Edge.jinja":                                     "has no method lstrip",
	"HuggingFaceTB-SmolLM3-3B.jinja":                      "replace needs a count",
	"ByteDance-Seed-OSS.jinja":                            "finds no integer keys of a mapping",
	"Kimi-K3.jinja":                                       "calls a macro with arguments that nobody gave",
	"deepseek-ai-DeepSeek-V3.1.jinja":                     "split with a limit makes a piece too few",
}

// The templates give the same text as with gonja where that gives one, for the chats that it can be given: without tools,
// documents and parts, since its mappings have no order.
func TestPublicTemplatesLikeGonja(t *testing.T) {
	t.Parallel()

	files, err := filepath.Glob(filepath.Join(peerTemplates(t), "*.jinja"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	chats := publicChats(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()

			src, err := os.ReadFile(file)
			require.NoError(t, err)
			tmpl, err := template.Parse(string(src))
			require.NoError(t, err)
			equal, failed := 0, ""
			for _, chat := range chats {
				if !onlyText(chat.in) {
					continue
				}
				for _, prompt := range []bool{false, true} {
					chat.in.AddGenerationPrompt = prompt
					want, oracleErr := gonjaRender(string(src), chat.in)
					got, err := tmpl.Render(chat.in, template.Budget{})
					if (oracleErr == nil) == (err == nil) && (err != nil || got.Text == want) {
						equal++
						continue
					}
					failed = fmt.Sprintf("%s: oracle %v, we %v", chat.name, oracleErr, err)
				}
			}
			reason, known := gonjaFails[filepath.Base(file)]
			require.Equal(t, known, failed != "", failed)
			t.Logf("%d renderings equal; %s", equal, reason)
		})
	}
}

// onlyText reports whether a chat has nothing but texts, so that the order of fields does not matter.
func onlyText(in template.Input) bool {
	for _, k := range []string{`"tools"`, `"documents"`} {
		if strings.Contains(in.Fields, k) {
			return false
		}
	}
	for _, m := range in.Messages {
		if strings.Contains(m.Fields, `"content":[`) || strings.Contains(m.Fields, `"content":null`) || strings.Contains(m.Fields, `"tool_calls"`) {
			return false
		}
	}
	return true
}
