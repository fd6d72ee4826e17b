package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
)

func (a *app) reportCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "report", Short: "Show and compare test reports",
		Long: `A REPORT is a version on a server, by name or digest, or a file: the report itself (hallmark report show -o json, hallmark gate
--report) or what hallmark gate -o json prints, which holds the texts of failing cases besides.`,
		Args: args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.reportShowCmd(), a.reportDiffCmd())
	return cmd
}

func (a *app) reportShowCmd() *cobra.Command {
	var server serverFlags
	var page string
	cmd := &cobra.Command{
		Use: "show REPORT", Short: "Show a test report and its failing cases; -o json prints the report as it was signed", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			r, err := a.loadReport(cmd.Context(), &server, names[0])
			if err != nil {
				return err
			}
			if page != "" {
				if err := writeOutput(page, os.O_TRUNC, r.writeHTML); err != nil {
					return err
				}
			}
			if a.format == "json" {
				_, err := a.out.Write(r.raw)
				return err
			}
			return a.print(nil, r.writeTable)
		},
	}
	server.add(cmd)
	cmd.Flags().StringVar(&page, "html", "", "write a self-contained HTML page with tables and plots to this file")
	return cmd
}

// A loadedReport is a report with what its source knows besides.
type loadedReport struct {
	gateResult

	raw                 []byte // canonical JSON, whose digest is the report's identity
	reportCID, casesCID string // of a version on a server
	previous            *hallmark.PreviousRun
}

func (r loadedReport) writeTable(w io.Writer) {
	r.gateResult.writeTable(w)
	if r.reportCID != "" {
		fmt.Fprintf(w, "\nreport CID\t%s\ncases CID\t%s\n", r.reportCID, r.casesCID)
	}
}

// loadReport reads a report from a file, or else from a server.
func (a *app) loadReport(ctx context.Context, server *serverFlags, name string) (loadedReport, error) {
	raw, err := readAtMost(name, maxReportFile)
	switch {
	case err == nil:
		return reportOf(name, raw)
	case !errors.Is(err, fs.ErrNotExist):
		return loadedReport{}, fmt.Errorf("report: %w", err)
	}
	c, err := server.client(a)
	if err != nil {
		return loadedReport{}, fmt.Errorf("report %q is no file here: %w", name, err)
	}
	return c.report(ctx, name)
}

// reportOf reads a report, or a gate's result with the report in it.
func reportOf(path string, text []byte) (loadedReport, error) {
	var r loadedReport
	var kind struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return r, fmt.Errorf("%s is no report: %w: %w", path, err, hallmark.ErrInvalid)
	}
	var err error
	if kind.Schema == "" {
		err = hallmark.DecodeJSON(text, &r.gateResult)
	} else {
		err = hallmark.DecodeJSON(text, &r.Report)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Report.Schema != hallmark.ReportSchema {
		return r, hallmark.WithHint(fmt.Errorf("%s: schema %.80q, want %s: %w", path, r.Report.Schema, hallmark.ReportSchema, hallmark.ErrInvalid),
			"name a file that hallmark gate --report or -o json wrote")
	}
	if r.raw, err = hallmark.CanonicalJSON(r.Report); err != nil {
		return r, err
	}
	r.ReportDigest = hallmark.DigestOf(r.raw)
	if r.Path == "" {
		r.Path = filepath.Base(path)
	}
	r.Fingerprint.Digest = r.Report.Model
	return r, nil
}

// report fetches the report of a version and the texts of its failing cases.
func (c *client) report(ctx context.Context, name string) (loadedReport, error) {
	v, err := c.version(ctx, name)
	if err != nil {
		return loadedReport{}, err
	}
	base := "/api/v1/versions/" + url.PathEscape(v.Digest.String())
	raw, err := c.raw(ctx, base+"/report")
	if err != nil {
		return loadedReport{}, err
	}
	if got := hallmark.DigestOf(raw); got != v.Report {
		return loadedReport{}, &hallmark.DigestMismatchError{What: "the report", Want: v.Report, Got: got}
	}
	r, err := reportOf(v.Name, raw)
	if err != nil {
		return r, err
	}
	r.raw, r.ReportDigest = raw, v.Report
	cases, err := c.raw(ctx, base+"/cases")
	if err != nil {
		return r, err
	}
	var texts struct{ Cases []hallmark.CaseEvidence }
	if err := json.Unmarshal(cases, &texts); err != nil {
		return r, fmt.Errorf("cases: %w: %w", err, hallmark.ErrInvalid)
	}
	r.Evidence, r.reportCID, r.casesCID = texts.Cases, v.ReportCID, v.CasesCID
	if n := len(v.Runs); n > 0 {
		r.previous = v.Runs[n-1].Previous
	}
	if v.Fingerprint != nil {
		r.Fingerprint = *v.Fingerprint
	}
	if v.Verdict != nil {
		r.Verdict = *v.Verdict
	}
	if v.Record != nil {
		r.Record = *v.Record
	}
	return r, nil
}
