package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// modelInspection is what `hallmark model inspect` prints as JSON.
type modelInspection struct {
	Digest       hallmark.Digest    `json:"digest"`
	Architecture string             `json:"architecture"`
	Name         string             `json:"name,omitempty"`
	Version      int                `json:"ggufVersion"`
	Alignment    int64              `json:"alignment"`
	DataStart    int64              `json:"dataStart"`
	Parameters   int64              `json:"parameters"`
	Bytes        int64              `json:"tensorBytes"`
	Types        map[string]typeUse `json:"types"`
	Tokenizer    string             `json:"tokenizer"`
	Pre          string             `json:"preTokenizer,omitempty"`
	Template     string             `json:"chatTemplate,omitempty"`
	Supported    bool               `json:"supported"`
	Refusal      string             `json:"refusal,omitempty"`
	Metadata     []metaEntry        `json:"metadata"`
	Tensors      []tensorInfo       `json:"tensors"`
}

type typeUse struct {
	Tensors int   `json:"tensors"`
	Bytes   int64 `json:"bytes"`
}

type metaEntry struct {
	Key   string `json:"key"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

type tensorInfo struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"`
	Dims   []int64 `json:"dims"`
	Offset int64   `json:"offset"`
	Size   int64   `json:"size"`
}

func (a *app) modelInspectCmd(f *modelFlags) *cobra.Command {
	return &cobra.Command{
		Use: "inspect FILE", Short: "Show architecture, types, tokenizer, chat template and tensors of a GGUF file", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			var report modelInspection
			err := a.withModel(cmd.Context(), f, paths[0], 0, func(s *sandbox.Session) error {
				raw, err := s.Inspect(cmd.Context())
				report = inspectionOf(raw)
				report.Digest = s.Digest()
				return err
			})
			if err != nil {
				return err
			}
			return a.print(report, report.write)
		},
	}
}

func inspectionOf(raw sandbox.Inspection) modelInspection {
	r := modelInspection{
		Version: raw.Version, Alignment: raw.Alignment, DataStart: raw.DataStart, Template: raw.Template,
		Supported: raw.Refusal == "", Refusal: raw.Refusal, Types: map[string]typeUse{},
		Metadata: []metaEntry{}, Tensors: []tensorInfo{},
	}
	for _, e := range raw.Metadata {
		switch e.Key {
		case "general.architecture":
			r.Architecture = e.Value
		case "general.name":
			r.Name = e.Value
		case "tokenizer.ggml.model":
			r.Tokenizer = e.Value
		case "tokenizer.ggml.pre":
			r.Pre = e.Value
		}
		r.Metadata = append(r.Metadata, metaEntry(e))
	}
	for _, t := range raw.Tensors {
		elements := int64(1)
		for _, d := range t.Dims {
			elements *= d
		}
		use := r.Types[t.Type]
		r.Types[t.Type] = typeUse{Tensors: use.Tensors + 1, Bytes: use.Bytes + t.Size}
		r.Parameters += elements
		r.Bytes += t.Size
		r.Tensors = append(r.Tensors, tensorInfo(t))
	}
	return r
}

func (r modelInspection) write(w io.Writer) {
	fmt.Fprintf(w, "digest\t%s\n", r.Digest)
	fmt.Fprintf(w, "architecture\t%s\t%s\n", r.Architecture, r.Name)
	fmt.Fprintf(w, "GGUF\tversion %d\talignment %d, data from byte %d\n", r.Version, r.Alignment, r.DataStart)
	fmt.Fprintf(w, "parameters\t%d\t%d bytes in %d tensors\n", r.Parameters, r.Bytes, len(r.Tensors))
	for _, name := range slices.Sorted(maps.Keys(r.Types)) {
		fmt.Fprintf(w, "type\t%s\t%d tensors, %d bytes\n", name, r.Types[name].Tensors, r.Types[name].Bytes)
	}
	fmt.Fprintf(w, "tokenizer\t%s\t%s\n", r.Tokenizer, r.Pre)
	if r.Supported {
		fmt.Fprintf(w, "engine\truns it\n")
	} else {
		fmt.Fprintf(w, "engine\trefuses it\t%s\n", r.Refusal)
	}
	for _, e := range r.Metadata {
		fmt.Fprintf(w, "key\t%s\t%s\t%s\n", e.Key, e.Type, hallmark.CleanText(strings.ReplaceAll(e.Value, "\n", " "), 100))
	}
	for _, t := range r.Tensors {
		fmt.Fprintf(w, "tensor\t%s\t%s\t%v\t%d\n", t.Name, t.Type, t.Dims, t.Size)
	}
	if r.Template != "" {
		fmt.Fprintf(w, "chat template\n%s\n", hallmark.CleanText(r.Template, 4000))
	}
}
