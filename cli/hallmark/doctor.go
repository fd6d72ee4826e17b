package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
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
	Hint   string `json:"hint,omitempty"` // how to get what is missing
	err    error  // nil if hallmark works without it
}

func (a *app) doctorCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check what this host can do, and a server if one is named", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list := append(checkJail(cmd.Context(), a.guest), checkGit())
			if c, err := server.client(a); err == nil {
				list = append(list, checkServer(cmd.Context(), c))
			}
			var worst error
			for _, d := range list {
				if d.err != nil && worst == nil {
					worst = fmt.Errorf("%s: %w", d.What, d.err)
				}
			}
			if err := a.print(list, func(w io.Writer) {
				for _, d := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\n", d.mark(), d.What, sanitize(d.Detail))
				}
				for _, d := range list {
					if d.Hint != "" {
						fmt.Fprintf(w, "\n%s: %s\n", d.What, d.Hint)
					}
				}
			}); err != nil {
				return err
			}
			if _, ok := errors.AsType[*hallmark.HintError](worst); !ok {
				worst = hallmark.WithHint(worst, "get what is missing above")
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
	d := diagnosis{What: what, OK: err == nil, Detail: detail, err: err}
	if hint, ok := errors.AsType[*hallmark.HintError](err); ok {
		d.Hint = hint.Hint
	}
	return d
}

func (d diagnosis) mark() string {
	switch {
	case d.OK:
		return "ok"
	case d.err == nil:
		return "missing"
	default:
		return "PROBLEM"
	}
}

// checkJail starts a guest in each tier, through the whole chain of layers, and says what the host has of each mechanism.
// That a host has the weaker tier alone is no problem of hallmark's; which one will do is the policy's to say.
func checkJail(ctx context.Context, program func() ([]byte, error)) []diagnosis {
	guest, err := sealGuest(ctx, program)
	if err != nil {
		return append([]diagnosis{diagnose("jail", "", err)}, checkHost()...)
	}
	defer guest.Close()
	var list []diagnosis
	works := false
	for _, t := range sandbox.ProbeTiers(ctx, guest) {
		works = works || t.Err == nil
		list = append(list, diagnose("jail, tier "+string(t.Tier), strings.Join(t.Layers, ", "), t.Err))
	}
	for i := range list {
		if works {
			list[i].err = nil
		}
	}
	if !list[0].OK && list[0].Hint != "" {
		list[0].Hint += "\n" + sandbox.ContainerHint()
	}
	for _, c := range sandbox.ProbeContainers(ctx, guest) {
		d := diagnose("container, tier "+string(c.Tier), c.Version+": "+strings.Join(c.Layers, ", "), c.Err)
		d.err = nil // a host without one is no problem, unless a policy or a flag names it
		if !d.OK {
			d.Hint = "optional, for --backend " + string(c.Tier) + " or minTier: " + string(c.Tier) + ". " + d.Hint
		}
		list = append(list, d)
	}
	return append(append(list, checkPrograms(ctx, guest)), checkHost()...)
}

// checkPrograms tries the jail of other programs, which `hallmark gate MODEL -- PROGRAM` needs. A host without it is no problem
// until somebody wants that.
func checkPrograms(ctx context.Context, guest *sandbox.Guest) diagnosis {
	path, err := exec.LookPath("true")
	if err != nil {
		path, err = os.Executable()
	}
	if err != nil {
		return diagnosis{What: "jail of other programs", Detail: err.Error()}
	}
	o := sandbox.ProbeProgram(ctx, guest, path)
	d := diagnose("jail of other programs", strings.Join(o.Layers, ", "), o.Err)
	d.err = nil
	if !d.OK {
		d.Hint = "optional, for `hallmark gate MODEL -- PROGRAM`. " + d.Hint
	}
	return d
}

// checkHost says what this host has of each mechanism.
func checkHost() []diagnosis {
	var list []diagnosis
	for _, o := range sandbox.Host() {
		d := diagnosis{What: o.Name, OK: o.OK, Detail: o.Detail}
		if !o.OK {
			d.Hint = o.Remedy
		}
		list = append(list, d)
	}
	return list
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
