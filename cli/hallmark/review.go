package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

func (a *app) reviewCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "review", Short: "See and decide what a policy leaves to a person",
		Long: `A version whose verdict is challenge waits for a person. A reviewer, who is not its submitter, signs a decision with a key
registered for that (hallmark key register NAME --role reviewer); once that is logged and anchored, serving follows it. ID is
that of a version or a finding in the list, a digest, or a name. See docs/review.md.`,
		Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.reviewListCmd(), a.reviewShowCmd(), a.reviewDecideCmd())
	return cmd
}

func (a *app) reviewListCmd() *cobra.Command {
	var server serverFlags
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List the findings that wait for a person: what is new and uncertain first", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			var list api.ReviewList
			if err := c.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/api/v1/reviews?limit=%d", limit), nil, &list); err != nil {
				return err
			}
			return a.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "id\tversion\tdetector\trule\tseverity\tnovel\tuncertain\tproblem\tusual\tmessage")
				for _, i := range list.Items {
					writeReviewItem(w, i)
				}
				fmt.Fprintf(w, "\n%d versions wait\n", list.Open)
			})
		},
	}
	server.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "most findings to list")
	return cmd
}

func writeReviewItem(w io.Writer, i pipeline.ReviewItem) {
	usual := "-"
	if i.Finding.CaseID != "" {
		usual = fmt.Sprintf("%.2f", i.Usual)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.2f\t%.2f\t%.2f\t%s\t%s\n", i.ID, i.Name, i.Finding.Detector, i.Finding.Rule, i.Finding.Severity,
		i.Novelty, i.Uncertain, i.Problem, usual, sanitize(hallmark.CleanText(i.Finding.Message, 120)))
}

func (a *app) reviewShowCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show what there is to decide on: verdict, findings, and the texts of their cases", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			d, err := c.review(cmd.Context(), ids[0])
			if err != nil {
				return err
			}
			return a.print(d, func(w io.Writer) { writeReview(w, d, c.base) })
		},
	}
	server.add(cmd)
	return cmd
}

func (c *client) review(ctx context.Context, id string) (api.ReviewDetail, error) {
	var d api.ReviewDetail
	err := c.call(ctx, http.MethodGet, "/api/v1/reviews/"+url.PathEscape(id), nil, &d)
	return d, err
}

func writeReview(w io.Writer, d api.ReviewDetail, base string) {
	writeVersion(w, d.Version, base)
	fmt.Fprintf(w, "\nreview\t%s\n", d.ID)
	for _, i := range d.Items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.ID, i.Finding.Detector, i.Finding.Rule, i.Finding.Severity, sanitize(i.Finding.Message))
	}
	for _, e := range d.Cases {
		fmt.Fprintf(w, "\ncase\t%s (%s, %s)\n", sanitize(e.ID), e.Outcome, sanitize(e.Why))
		fmt.Fprintf(w, "  asked\t%q\n  answered\t%q\n", hallmark.CleanText(e.PromptText, 1000), hallmark.CleanText(e.OutputText, 1000))
	}
}

type decideFlags struct {
	server            serverFlags
	keys              keyFlags
	key, comment      string
	allow, block      bool
	problem, harmless []string
	wait              bool
	timeout           time.Duration
}

func (a *app) reviewDecideCmd() *cobra.Command {
	var f decideFlags
	cmd := &cobra.Command{
		Use: "decide ID --allow|--block --key NAME --comment TEXT", Short: "Sign a decision on a version, and follow it until it counts",
		Long: `Decide signs a statement that names the version, its report and its evidence. Every finding is labelled with it, as harmless by
--allow and as a problem by --block; --problem and --harmless say otherwise of single ones. What is asked for next is ranked by
these labels. The exit code is that of the version: 0 served, 1 blocked.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error { return a.decide(cmd.Context(), f, ids[0]) },
	}
	f.server.add(cmd)
	f.keys.add(cmd)
	cmd.Flags().StringVar(&f.key, "key", "", "your reviewer's key, by name or path")
	cmd.Flags().StringVar(&f.comment, "comment", "", "why, for those who check the decision later")
	cmd.Flags().BoolVar(&f.allow, "allow", false, "the version may be served")
	cmd.Flags().BoolVar(&f.block, "block", false, "the version must not be served")
	cmd.Flags().StringSliceVar(&f.problem, "problem", nil, "IDs of findings that are problems although the version is allowed")
	cmd.Flags().StringSliceVar(&f.harmless, "harmless", nil, "IDs of findings that are none although the version is blocked")
	cmd.Flags().BoolVar(&f.wait, "wait", true, "follow the version until the decision counts")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 30*time.Minute, "longest time to follow it")
	for _, required := range []string{"key", "comment"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func (a *app) decide(ctx context.Context, f decideFlags, id string) error {
	if f.allow == f.block {
		return fmt.Errorf("want one of --allow and --block: %w", errUsage)
	}
	c, err := f.server.client(a)
	if err != nil {
		return err
	}
	key, err := f.keys.load(a, f.key)
	if err != nil {
		return err
	}
	d, err := c.review(ctx, id)
	if err != nil {
		return err
	}
	text, err := f.statement(ctx, c, d)
	if err != nil {
		return err
	}
	bundle, err := key.Sign(ctx, text)
	if err != nil {
		return err
	}
	var v hallmark.Version
	if err := c.call(ctx, http.MethodPost, "/api/v1/reviews/"+d.ID+"/decision", api.DecisionRequest{Bundle: string(bundle)}, &v); err != nil {
		return err
	}
	if f.wait {
		ctx, cancel := context.WithTimeout(ctx, f.timeout)
		defer cancel()
		if v, err = a.follow(ctx, c, hallmark.Submission{ID: v.Submission, Model: v.Digest}); err != nil {
			return err
		}
	}
	if err := a.print(v, func(w io.Writer) { writeVersion(w, v, c.base) }); err != nil || !f.wait {
		return err
	}
	return versionError(v)
}

// statement is what the reviewer signs. That the report is the one that is named is checked here, so that nobody signs what
// cannot be shown.
func (f decideFlags) statement(ctx context.Context, c *client, d api.ReviewDetail) ([]byte, error) {
	v := d.Version
	raw, err := c.raw(ctx, "/api/v1/versions/"+v.Digest.String()+"/report")
	if err != nil {
		return nil, err
	}
	if got := hallmark.DigestOf(raw); got != v.Report {
		return nil, &hallmark.DigestMismatchError{What: "the report", Want: v.Report, Got: got}
	}
	claim := statement.ReviewClaim{
		Subject:  hallmark.LineageNode{Name: v.Name, Kind: hallmark.KindModel, Digest: v.Digest},
		Decision: hallmark.Block, Comment: f.comment, Report: v.Report, ReportCID: v.ReportCID, Evidence: v.Evidence, EvidenceCID: v.EvidenceCID,
		Time: time.Now(),
	}
	if v.Fingerprint != nil {
		claim.Subject = hallmark.LineageNode{
			Name: v.Fingerprint.Name, Kind: v.Fingerprint.Kind, Dir: v.Fingerprint.Dir, Digest: v.Digest, CID: v.Fingerprint.CID,
		}
	}
	if f.allow {
		claim.Decision = hallmark.Allow
	}
	claim.Labels, err = f.labels(d.Items)
	if err != nil {
		return nil, err
	}
	return statement.Review(claim)
}

// labels labels every finding with the decision, but for those named.
func (f decideFlags) labels(items []pipeline.ReviewItem) ([]hallmark.ReviewLabel, error) {
	labels := make([]hallmark.ReviewLabel, len(items))
	for i, item := range items {
		labels[i] = hallmark.ReviewLabel{Finding: item.ID, Problem: f.block}
	}
	for _, named := range []struct {
		ids     []string
		problem bool
	}{{f.problem, true}, {f.harmless, false}} {
		for _, id := range named.ids {
			at := slices.IndexFunc(labels, func(l hallmark.ReviewLabel) bool { return l.Finding == id })
			if at < 0 {
				return nil, hallmark.WithHint(fmt.Errorf("finding %q is none of this version: %w", id, errUsage), "see its findings: hallmark review show")
			}
			labels[at].Problem = named.problem
		}
	}
	return labels, nil
}
