package statement

import (
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// maxLabels bounds the labels of a review.
const maxLabels = 1024

// A ReviewClaim is a person's decision on a version. It names the report and the manifest of evidence that the person
// decided on, so that it says nothing of another run or another submission of the same bytes.
type ReviewClaim struct {
	Subject     hallmark.LineageNode
	Decision    hallmark.Decision // allow or block
	Comment     string            // why, one line. Required.
	Report      hallmark.Digest
	ReportCID   string
	Evidence    hallmark.Digest // of the manifest
	EvidenceCID string
	Labels      []hallmark.ReviewLabel
	Time        time.Time // kept to the second, in UTC
}

type review struct {
	Decision    hallmark.Decision      `json:"decision"`
	Comment     string                 `json:"comment"`
	Report      ResourceDescriptor     `json:"report"`
	Evidence    ResourceDescriptor     `json:"evidence"`
	Labels      []hallmark.ReviewLabel `json:"labels"`
	TimeDecided time.Time              `json:"timeDecided"`
}

// Review returns the statement of a review.
func Review(c ReviewClaim) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	return build(describe(c.Subject), PredicateReview, review{
		Decision: c.Decision, Comment: c.Comment, TimeDecided: c.Time.UTC().Truncate(time.Second),
		Report:   describe(hallmark.LineageNode{Name: "report", Digest: c.Report, CID: c.ReportCID}),
		Evidence: describe(hallmark.LineageNode{Name: "evidence", Digest: c.Evidence, CID: c.EvidenceCID}),
		Labels:   append([]hallmark.ReviewLabel{}, c.Labels...),
	})
}

// ParseReview reads what [Review] wrote. A decision that is not a person's to make, and one without a comment, a time, a
// report or evidence, are [hallmark.ErrPredicate].
func ParseReview(b []byte) (ReviewClaim, error) {
	var p review
	subject, err := parseAs(b, PredicateReview, &p)
	if err != nil {
		return ReviewClaim{}, err
	}
	report, err := p.Report.node()
	if err != nil {
		return ReviewClaim{}, fmt.Errorf("review: report: %w", err)
	}
	evidence, err := p.Evidence.node()
	if err != nil {
		return ReviewClaim{}, fmt.Errorf("review: evidence: %w", err)
	}
	c := ReviewClaim{
		Subject: subject, Decision: p.Decision, Comment: p.Comment, Report: report.Digest, ReportCID: report.CID,
		Evidence: evidence.Digest, EvidenceCID: evidence.CID, Labels: p.Labels, Time: p.TimeDecided.UTC(),
	}
	if err := c.check(); err != nil {
		return ReviewClaim{}, fmt.Errorf("review: %w: %w", err, hallmark.ErrPredicate)
	}
	return c, nil
}

func (c ReviewClaim) check() error {
	switch {
	case c.Decision != hallmark.Allow && c.Decision != hallmark.Block:
		return fmt.Errorf("decision %.40q: want allow or block: %w", c.Decision, hallmark.ErrInvalid)
	case c.Comment == "":
		return fmt.Errorf("no comment says why: %w", hallmark.ErrInvalid)
	case c.Report.IsZero() || c.Evidence.IsZero() || c.Time.IsZero():
		return fmt.Errorf("report, evidence or time is missing: %w", hallmark.ErrInvalid)
	case c.Time.UTC().Year() < 1 || c.Time.UTC().Year() > 9999: // what JSON can write
		return fmt.Errorf("time %v is out of range: %w", c.Time, hallmark.ErrInvalid)
	case len(c.Labels) > maxLabels:
		return fmt.Errorf("%d labels, at most %d: %w", len(c.Labels), maxLabels, hallmark.ErrTooLarge)
	}
	seen := make(map[string]bool, len(c.Labels))
	for _, l := range c.Labels {
		if l.Finding == "" || seen[l.Finding] {
			return fmt.Errorf("finding %.80q is labelled twice, or has no ID: %w", l.Finding, hallmark.ErrInvalid)
		}
		seen[l.Finding] = true
		if err := checkText("finding", l.Finding); err != nil {
			return err
		}
	}
	return checkText("comment", c.Comment)
}
