package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
)

func (a *app) lineageCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "lineage DIGEST|NAME", Short: "Draw how a model was made", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var l hallmark.Lineage
			if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/versions/"+url.PathEscape(names[0])+"/lineage", nil, &l); err != nil {
				return err
			}
			return a.print(l, func(w io.Writer) { drawLineage(w, l) })
		},
	}
	server.add(cmd)
	return cmd
}

// drawLineage draws the graph as a tree with the target at its root; an artifact that was drawn before is named only.
func drawLineage(w io.Writer, l hallmark.Lineage) {
	d := lineageDrawing{w: w, made: map[hallmark.Digest]hallmark.LineageStep{}, drawn: map[hallmark.Digest]bool{}}
	for _, s := range l.Steps {
		d.made[s.Output.Digest] = s
	}
	root, ok := d.made[l.Target]
	if !ok {
		fmt.Fprintf(w, "%s\n", l.Target)
		return
	}
	d.node(root.Output, "", "", "")
}

type lineageDrawing struct {
	w     io.Writer
	made  map[hallmark.Digest]hallmark.LineageStep
	drawn map[hallmark.Digest]bool
}

// node draws an artifact after prefix+branch, and what it was made from below prefix+rest.
func (d *lineageDrawing) node(n hallmark.LineageNode, prefix, branch, rest string) {
	fmt.Fprintf(d.w, "%s%s%s  %s  %s", prefix, branch, hallmark.CleanText(n.Name, 80), n.Kind, n.Digest)
	step, made := d.made[n.Digest]
	switch {
	case made && d.drawn[n.Digest]:
		fmt.Fprint(d.w, "  (see above)\n")
		return
	case !made:
		fmt.Fprint(d.w, "\n")
		return
	}
	d.drawn[n.Digest] = true
	fmt.Fprint(d.w, "\n")
	prefix += rest
	fmt.Fprintf(d.w, "%s└─ %s%s  signed by key %.12s\n", prefix, step.Operation, parameters(step.Parameters), step.SignerKey)
	prefix += "   "
	for i, in := range step.Inputs {
		branch, rest := "├─ ", "│  "
		if i == len(step.Inputs)-1 {
			branch, rest = "└─ ", "   "
		}
		name := in.LineageNode
		label := string(in.Role) + " "
		if in.GitCommit != "" {
			name.Name += "@" + in.GitCommit[:min(12, len(in.GitCommit))]
		}
		d.node(name, prefix, branch+label, rest)
	}
}

func parameters(p map[string]string) string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var list []string
	for _, k := range keys {
		list = append(list, hallmark.CleanText(k+"="+p[k], 60))
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}
