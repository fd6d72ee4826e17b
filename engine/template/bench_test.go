package template_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/template"
)

func BenchmarkParse(b *testing.B) {
	src, err := os.ReadFile("testdata/qwen.jinja")
	require.NoError(b, err)
	for b.Loop() {
		_, err := template.Parse(string(src))
		require.NoError(b, err)
	}
}

func BenchmarkRender(b *testing.B) {
	src, err := os.ReadFile("testdata/qwen.jinja")
	require.NoError(b, err)
	tmpl, err := template.Parse(string(src))
	require.NoError(b, err)
	in := template.Input{AddGenerationPrompt: true}
	for range 10 {
		in.Messages = append(in.Messages,
			template.Message{Role: "user", Content: strings.Repeat("word ", 50)},
			template.Message{Role: "assistant", Content: "<think>\nhm\n</think>\n\n" + strings.Repeat("answer ", 50)})
	}
	for b.Loop() {
		_, err := tmpl.Render(in, template.Budget{})
		require.NoError(b, err)
	}
}
