package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/server/api"
)

// A finding of the doctor: one thing that was looked at.
type diagnosis struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	err    error
}

func (a *app) doctorCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what this host can do, and a server if one is named", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := []diagnosis{checkJail(cmd.Context(), a.guest), checkGit()}
			if c, err := server.client(a); err == nil {
				list = append(list, checkServer(cmd.Context(), c))
			}
			var worst error
			for _, d := range list {
				if !d.OK && worst == nil {
					worst = fmt.Errorf("%s: %w", d.What, d.err)
				}
			}
			if err := a.print(list, func(w io.Writer) {
				for _, d := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\n", map[bool]string{true: "ok", false: "PROBLEM"}[d.OK], d.What, sanitize(d.Detail))
				}
			}); err != nil {
				return err
			}
			return worst
		},
	}
	server.add(cmd)
	return cmd
}

func diagnose(what, detail string, err error) diagnosis {
	if err != nil {
		detail = err.Error()
	}
	return diagnosis{what, err == nil, detail, err}
}

// checkJail starts a guest through the whole chain of layers.
func checkJail(ctx context.Context, program func() ([]byte, error)) diagnosis {
	guest, err := program()
	if err != nil {
		return diagnose("jail", "", fmt.Errorf("%w: %w", err, hallmark.ErrUnsandboxed))
	}
	tier, layers, err := sandbox.Probe(ctx, guest)
	return diagnose("jail", fmt.Sprintf("tier %s: %s", tier, strings.Join(layers, ", ")), err)
}

// checkGit looks for git, which tells the commits of scripts in lineage files.
func checkGit() diagnosis {
	path, err := exec.LookPath("git")
	if err != nil {
		err = hallmark.WithHint(fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable), "install git, or give commits in the lineage file")
	}
	return diagnose("git", path, err)
}

func checkServer(ctx context.Context, c *client) diagnosis {
	var r api.Readiness
	if err := c.call(ctx, http.MethodGet, "/readyz", nil, &r); err != nil {
		return diagnose("server "+c.base, "", err)
	}
	return diagnose("server "+c.base, "ready", nil)
}
