package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
)

func (a *app) reportCmd() *cobra.Command {
	var server serverFlags
	cmd := &cobra.Command{
		Use: "report DIGEST|NAME", Short: "Show a version's test report and its failing cases; -o json prints the report as it was signed", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := server.client(a)
			if err != nil {
				return err
			}
			v, err := c.version(cmd.Context(), names[0])
			if err != nil {
				return err
			}
			base := "/api/v1/versions/" + url.PathEscape(v.Digest.String())
			raw, err := c.raw(cmd.Context(), base+"/report")
			if err != nil {
				return err
			}
			if got := hallmark.DigestOf(raw); got != v.Report {
				return &hallmark.DigestMismatchError{What: "the report", Want: v.Report, Got: got}
			}
			if a.format == "json" {
				_, err := a.out.Write(raw)
				return err
			}
			cases, err := c.raw(cmd.Context(), base+"/cases")
			if err != nil {
				return err
			}
			return a.printReport(v, raw, cases)
		},
	}
	server.add(cmd)
	return cmd
}

func (a *app) printReport(v hallmark.Version, report, cases []byte) error {
	g := gateResult{Path: v.Name, ReportDigest: v.Report}
	if v.Fingerprint != nil {
		g.Fingerprint = *v.Fingerprint
	}
	if v.Verdict != nil {
		g.Verdict = *v.Verdict
	}
	if v.Record != nil {
		g.Record = *v.Record
	}
	if err := json.Unmarshal(report, &g.Report); err != nil {
		return fmt.Errorf("report: %w: %w", err, hallmark.ErrInvalid)
	}
	var texts struct{ Cases []hallmark.CaseEvidence }
	if err := json.Unmarshal(cases, &texts); err != nil {
		return fmt.Errorf("cases: %w: %w", err, hallmark.ErrInvalid)
	}
	g.Evidence = texts.Cases
	return a.print(nil, func(w io.Writer) {
		g.writeTable(w)
		fmt.Fprintf(w, "\nreport CID\t%s\ncases CID\t%s\n", v.ReportCID, v.CasesCID)
	})
}
