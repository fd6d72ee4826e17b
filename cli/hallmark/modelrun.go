package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

type runFlags struct {
	prompt, system  string
	grammar, schema string // files
	completion      bool
	request         probe.GenerateRequest
}

func (a *app) modelRunCmd(f *modelFlags) *cobra.Command {
	var r runFlags
	cmd := &cobra.Command{
		Use: "run FILE -p PROMPT", Short: "Answer a prompt on the terminal, as the model writes", Args: args(cobra.ExactArgs(1)),
		Long: `Run writes the answer to stdout as it is made and the speed to stderr. A model with a chat template gets the prompt as a
user's message; with --completion, or without a template, the text is continued as it is. A prompt of "-" is read from stdin.`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if r.prompt == "-" {
				text, err := io.ReadAll(io.LimitReader(a.in, maxPrompt+1))
				if err != nil {
					return fmt.Errorf("prompt from stdin: %w", err)
				}
				r.prompt = string(text)
			}
			if r.prompt == "" || len(r.prompt) > maxPrompt {
				return fmt.Errorf("prompt of %d bytes: give one with -p, of at most %d: %w", len(r.prompt), maxPrompt, errUsage)
			}
			if err := r.readLanguage(); err != nil {
				return err
			}
			return a.withModel(cmd.Context(), f, paths[0], 0, func(s *sandbox.Session) error { return a.modelRun(cmd.Context(), s, r) })
		},
	}
	cmd.Flags().StringVarP(&r.prompt, "prompt", "p", "", "prompt; - for stdin")
	cmd.Flags().StringVar(&r.system, "system", "", "system message")
	cmd.Flags().BoolVar(&r.completion, "completion", false, "continue the text, without the chat template")
	cmd.Flags().IntVarP(&r.request.MaxTokens, "tokens", "n", 256, "most tokens of the answer")
	cmd.Flags().Float32Var(&r.request.Temperature, "temperature", 0, "temperature; 0 takes the most likely token")
	cmd.Flags().Float32Var(&r.request.TopP, "top-p", 0, "nucleus sampling")
	cmd.Flags().IntVar(&r.request.TopK, "top-k", 0, "sample from so many of the most likely tokens")
	cmd.Flags().Float32Var(&r.request.MinP, "min-p", 0, "sample from tokens at least so many times as likely as the most likely one")
	cmd.Flags().Float32Var(&r.request.RepeatPenalty, "repeat-penalty", 0, "divide the logits of the last 64 tokens")
	cmd.Flags().Float32Var(&r.request.FrequencyPenalty, "frequency-penalty", 0, "taken from a token's logit each time that it was written")
	cmd.Flags().Float32Var(&r.request.PresencePenalty, "presence-penalty", 0, "taken from the logits of the tokens that were written")
	cmd.Flags().StringVar(&r.grammar, "grammar", "", "file with a GBNF grammar that the answer keeps to")
	cmd.Flags().StringVar(&r.schema, "json-schema", "", "file with a JSON schema that the answer keeps to")
	cmd.Flags().Uint64Var(&r.request.Seed, "seed", 0, "seed of the random numbers")
	cmd.Flags().StringArrayVar(&r.request.Stop, "stop", nil, "text that ends the answer; may be repeated")
	return cmd
}

// readLanguage reads the files with a grammar and a schema.
func (r *runFlags) readLanguage() error {
	for _, f := range []struct {
		path string
		to   *string
	}{{r.grammar, &r.request.Grammar}, {r.schema, &r.request.JSONSchema}} {
		if f.path == "" {
			continue
		}
		text, err := readSmall(f.path, maxLanguage)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) == 0 { // without a language any answer would do
			return fmt.Errorf("%s is empty: %w", f.path, errUsage)
		}
		*f.to = string(text)
	}
	return nil
}

// maxLanguage bounds a grammar or a schema, in bytes.
const maxLanguage = 1 << 20

// readSmall reads a file, or what gives bytes like one, of at most so many bytes.
func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, notThere(path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, notThere(path, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes: %w", path, most, errUsage)
	}
	return text, nil
}

// maxPrompt bounds a prompt, in bytes.
const maxPrompt = 512 << 10

func (a *app) modelRun(ctx context.Context, s *sandbox.Session, r runFlags) error {
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	req := r.request
	switch {
	case r.completion && r.system != "":
		return fmt.Errorf("a text that is continued has no system message: %w", errUsage)
	case !info.ChatTemplate && r.system != "":
		return fmt.Errorf("the model has no chat template for a system message: %w", errUsage)
	case r.completion || !info.ChatTemplate:
		req.Prompt = r.prompt
	default:
		if r.system != "" {
			req.Messages = append(req.Messages, probe.Message{Role: "system", Content: r.system})
		}
		req.Messages = append(req.Messages, probe.Message{Role: "user", Content: r.prompt})
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var first time.Time
	started := time.Now()
	req.OnToken = func(piece string) {
		if first.IsZero() {
			first = time.Now()
		}
		if a.format == "table" {
			if _, err := io.WriteString(a.out, printable(piece)); err != nil {
				stop(err)
			}
		}
	}
	c, err := s.Generate(ctx, req)
	if cause := context.Cause(ctx); errors.Is(cause, errOutput) {
		return cause
	}
	if err != nil {
		return err
	}
	if first.IsZero() { // the model wrote nothing
		first = time.Now()
	}
	return a.writeRun(c, first.Sub(started), time.Since(first))
}

// printable cleans what a model says for a terminal, line breaks kept.
func printable(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = hallmark.CleanText(lines[i], len(lines[i])+1)
	}
	return strings.Join(lines, "\n")
}

// writeRun writes what is left to say after the answer: its speed, or everything as JSON. first is the time to its first
// piece, rest that from there to its end.
func (a *app) writeRun(c probe.Completion, first, rest time.Duration) error {
	if a.format == "json" {
		return a.print(struct {
			Text         string  `json:"text"`
			PromptTokens int     `json:"promptTokens"`
			OutputTokens int     `json:"outputTokens"`
			Finish       string  `json:"finish"`
			FirstSeconds float64 `json:"firstPieceSeconds"`
			RestSeconds  float64 `json:"restSeconds"`
		}{c.Text, c.PromptTokens, c.OutputTokens, string(c.Finish), first.Seconds(), rest.Seconds()}, nil)
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.errw, "%d tokens read and the first written in %.2f s, %d written at %s tokens/s, ended by %s\n",
			c.PromptTokens, first.Seconds(), c.OutputTokens, rate(max(c.OutputTokens-1, 0), rest), c.Finish)
	}
	return nil
}

func (a *app) modelTokenizeCmd(f *modelFlags) *cobra.Command {
	var special bool
	cmd := &cobra.Command{
		Use: "tokenize FILE < TEXT", Short: "Print the token ids of the text on stdin", Args: args(cobra.ExactArgs(1)),
		Long: `Tokenize prints the ids on one line, separated by spaces; with -o json also the bytes of the text that each covers.
It needs a file with a vocabulary, not with weights. No token that opens a text is added.`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			text, err := io.ReadAll(io.LimitReader(a.in, maxPrompt+1))
			if err != nil {
				return fmt.Errorf("text from stdin: %w", err)
			}
			if len(text) > maxPrompt {
				return fmt.Errorf("text on stdin has more than %d bytes: %w", maxPrompt, errUsage)
			}
			var tokens []probe.Token
			err = a.withModel(cmd.Context(), f, paths[0], 0, func(s *sandbox.Session) error {
				tokens, err = s.Tokenize(cmd.Context(), string(text), special)
				return err
			})
			if err != nil {
				return err
			}
			return a.writeTokens(tokens)
		},
	}
	cmd.Flags().BoolVar(&special, "parse-special", false, "read the spellings of control tokens as these tokens")
	return cmd
}

func (a *app) writeTokens(tokens []probe.Token) error {
	type line struct {
		ID    int32 `json:"id"`
		Start int   `json:"start"`
		End   int   `json:"end"`
	}
	lines, ids := make([]line, len(tokens)), make([]string, len(tokens))
	for i, t := range tokens {
		lines[i], ids[i] = line(t), strconv.Itoa(int(t.ID))
	}
	return a.print(lines, func(w io.Writer) { fmt.Fprintln(w, strings.Join(ids, " ")) })
}
