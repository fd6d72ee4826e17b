// Genmodel writes a GGUF model with random weights.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, errw io.Writer) error {
	fs := flag.NewFlagSet("genmodel", flag.ContinueOnError)
	fs.SetOutput(errw)
	out := fs.String("o", "", "file to write (required)")
	preset := fs.String("preset", "", "start from one of "+strings.Join(genmodel.Presets(), " "))
	vocabFrom := fs.String("vocab-from", "", "GGUF file whose tokenizer is copied")
	typ := fs.String("type", "", "type of matrices: f32, f16, bf16, q8_0, q4_0, q4_k, ... (no mixes)")
	var s genmodel.Spec
	fs.StringVar(&s.Arch, "arch", "", "architecture: "+strings.Join(genmodel.Architectures(), " "))
	fs.IntVar(&s.Embed, "embd", 0, "elements of an embedding")
	fs.IntVar(&s.Layers, "layers", 0, "layers")
	fs.IntVar(&s.Heads, "heads", 0, "attention heads")
	fs.IntVar(&s.KVHeads, "kv", 0, "heads of keys and values")
	fs.IntVar(&s.Head, "head-dim", 0, "elements of a head")
	fs.IntVar(&s.FF, "ff", 0, "elements of the feed-forward layer")
	fs.IntVar(&s.Vocab, "vocab", 0, "tokens")
	fs.IntVar(&s.Context, "context", 0, "longest context")
	fs.IntVar(&s.Window, "window", 0, "sliding window in positions")
	fs.BoolVar(&s.Tied, "tied", false, "the embeddings are the output matrix too")
	fs.BoolVar(&s.Steady, "steady", false, "amplify rounding less, as trained models do")
	fs.BoolVar(&s.Frequency, "frequency", false, "frequency factors as in Llama 3.1")
	fs.BoolVar(&s.LongRope, "longrope", false, "frequency factors as in Phi-3 with 128k positions")
	fs.BoolVar(&s.Chat, "chat", false, "a chat template")
	fs.Uint64Var(&s.Seed, "seed", 0, "seed of the weights")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *out == "" || fs.NArg() > 0 {
		return errors.New("usage: genmodel -o FILE (-preset NAME | -arch ...); -help tells more")
	}
	spec := s
	if *preset != "" {
		var ok bool
		if spec, ok = genmodel.Preset(*preset); !ok {
			return fmt.Errorf("no preset %q; there are %s", *preset, strings.Join(genmodel.Presets(), " "))
		}
		fs.Visit(func(f *flag.Flag) { override(&spec, s, f.Name) })
	}
	if err := options(&spec, *typ, *vocabFrom); err != nil {
		return err
	}
	return write(*out, spec)
}

// override copies the field of the flag of that name from s.
func override(spec *genmodel.Spec, s genmodel.Spec, name string) {
	switch name {
	case "arch":
		spec.Arch = s.Arch
	case "embd":
		spec.Embed = s.Embed
	case "layers":
		spec.Layers = s.Layers
	case "heads":
		spec.Heads = s.Heads
	case "kv":
		spec.KVHeads = s.KVHeads
	case "head-dim":
		spec.Head = s.Head
	case "ff":
		spec.FF = s.FF
	case "vocab":
		spec.Vocab = s.Vocab
	case "context":
		spec.Context = s.Context
	case "window":
		spec.Window = s.Window
	case "tied":
		spec.Tied = s.Tied
	case "steady":
		spec.Steady = s.Steady
	case "frequency":
		spec.Frequency = s.Frequency
	case "longrope":
		spec.LongRope = s.LongRope
	case "chat":
		spec.Chat = s.Chat
	case "seed":
		spec.Seed = s.Seed
	}
}

// options sets what is no plain field.
func options(s *genmodel.Spec, typ, vocabFrom string) error {
	if typ != "" {
		t, ok := genmodel.ParseType(typ)
		if !ok {
			return fmt.Errorf("type %q is not one of %v", typ, quant.Types())
		}
		s.Type = t
	}
	if vocabFrom == "" {
		return nil
	}
	f, err := os.Open(vocabFrom)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.Tokenizer, err = gguf.Parse(f, info.Size(), gguf.Limits{})
	s.Vocab = 0
	return err
}

func write(name string, s genmodel.Spec) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(s.Write(w), w.Flush(), f.Close())
}
