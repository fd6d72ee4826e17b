package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/api"
)

func (a *app) statusCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "status [DIGEST|NAME]", Short: "Show one version, or list the newest ones", Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			if len(names) == 1 {
				v, err := c.version(cmd.Context(), names[0])
				if err != nil {
					return err
				}
				return a.print(v, func(w io.Writer) { writeVersion(w, v, c.base) })
			}
			var list api.VersionList
			if err := c.call(cmd.Context(), http.MethodGet, "/api/v1/versions", nil, &list); err != nil {
				return err
			}
			return a.print(list, func(w io.Writer) { writeVersions(w, list) })
		},
	}
	server.add(cmd)
	return cmd
}

func writeVersions(w io.Writer, list api.VersionList) {
	fmt.Fprintln(w, "name\tstate\tverdict\tdigest\tanchor")
	for _, v := range list.Versions {
		var decision hallmark.Decision
		var anchor hallmark.AnchorState
		if v.Verdict != nil {
			decision = v.Verdict.Decision
		}
		if v.Anchor != nil {
			anchor = v.Anchor.State
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.Name, v.State, decision, v.Digest, anchor)
	}
	if list.Unreadable != "" {
		fmt.Fprintf(w, "unreadable\t%s\n", sanitize(list.Unreadable))
	}
}

// writeVersion shows a version: its state first, then what it rests on.
func writeVersion(w io.Writer, v hallmark.Version, base string) {
	fmt.Fprintf(w, "%s\t%s\n", v.Name, v.State)
	if v.Problem != "" {
		fmt.Fprintf(w, "problem\t%s\n", sanitize(v.Problem))
	}
	if v.Hint != "" {
		fmt.Fprintf(w, "next\t%s\n", sanitize(v.Hint))
	}
	fmt.Fprintf(w, "digest\t%s\n", v.Digest)
	if v.Fingerprint != nil {
		fmt.Fprintf(w, "CID\t%s (profile %s)\n", v.Fingerprint.CID, v.Fingerprint.CIDProfile)
	}
	if v.Verdict != nil {
		fmt.Fprintf(w, "verdict\t%s (policy %s)\n", v.Verdict.Decision, v.Verdict.Policy)
		writeReasons(w, "  reason", v.Verdict.Reasons)
		writeReasons(w, "  exempted", v.Verdict.Exempted)
	}
	if v.Review != nil {
		writeDecision(w, *v.Review)
	}
	if v.ReportCID != "" {
		fmt.Fprintf(w, "report\t%s (%s)\n", v.ReportCID, v.Report)
	}
	if v.Record != nil {
		fmt.Fprintf(w, "jail\ttier %s, %d layers, peak %.1f MiB, %.1f s\n", v.Record.Tier, len(v.Record.Layers), float64(v.Record.PeakRSS)/(1<<20), v.Record.Wall.Seconds())
	}
	if v.EvidenceCID != "" {
		fmt.Fprintf(w, "evidence\t%s (%d bundles)\n", v.EvidenceCID, len(v.Bundles))
	}
	if v.Anchor != nil {
		fmt.Fprintf(w, "anchor\t%s, block %d, chain %d, contract %s\n", v.Anchor.State, v.Anchor.Block, v.Anchor.ChainID, v.Anchor.Contract)
		fmt.Fprintf(w, "transaction\t%s\n", v.Anchor.Tx)
		if v.Anchor.Problem != "" {
			fmt.Fprintf(w, "  problem\t%s\n", sanitize(v.Anchor.Problem))
		}
	}
	if v.State == hallmark.StateServing {
		fmt.Fprintf(w, "served at\t%s/v1/chat/completions, model %q\n", base, v.Name)
	}
}

// writeDecision shows what a person decided.
func writeDecision(w io.Writer, r hallmark.Review) {
	fmt.Fprintf(w, "review\t%s by key %s, %s\n  comment\t%s\n", r.Decision, r.Reviewer, r.Time.Format(time.RFC3339), sanitize(r.Comment))
	if !r.Settled {
		fmt.Fprintln(w, "  \tit counts once it is logged and anchored")
	}
	if r.EvidenceCID != "" {
		fmt.Fprintf(w, "  evidence\t%s (hallmark verify --review)\n", r.EvidenceCID)
	}
}

// versionError is the exit of a version that has come to rest.
func versionError(v hallmark.Version) error {
	switch v.State {
	case hallmark.StateServing:
		return nil
	case hallmark.StateFailed:
		return hallmark.WithHint(fmt.Errorf("version %v failed: %s: %w", v.Digest.Short(), sanitize(v.Problem), hallmark.ErrUndecided), first(v.Hint, "mend the cause and submit it again"))
	case hallmark.StateRevoked:
		return fmt.Errorf("version %v: %s: %w", v.Digest.Short(), sanitize(v.Problem), hallmark.ErrRevoked)
	default:
		if v.Review != nil && v.Review.Settled {
			return fmt.Errorf("version %v was blocked by a reviewer: %s: %w", v.Digest.Short(), sanitize(v.Review.Comment), hallmark.ErrRefused)
		}
		if v.Verdict != nil {
			return verdictError(*v.Verdict)
		}
		return fmt.Errorf("version %v is %s: %w", v.Digest.Short(), v.State, hallmark.ErrUndecided)
	}
}

func (a *app) loadCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "load DIGEST|NAME", Short: "Load a served model's file again; refused, with the running copy kept, if it changed", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var v hallmark.Version
			if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/versions/"+url.PathEscape(names[0])+"/load", nil, &v); err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "loaded\t%s\t%s\n", v.Name, v.Digest) })
		},
	}
	server.add(cmd)
	return cmd
}

func (a *app) retryCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "retry DIGEST|NAME", Short: "Go on with a version that failed after it was attested: with its anchor, or with serving", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var v hallmark.Version
			if err := c.call(cmd.Context(), http.MethodPost, "/api/v1/versions/"+url.PathEscape(names[0])+"/retry", nil, &v); err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\t%s\n", v.State, v.Name, v.Digest) })
		},
	}
	server.add(cmd)
	return cmd
}
