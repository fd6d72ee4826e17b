package policy

import "github.com/hallmark-ml/hallmark"

// Evidence is all that a policy looks at.
type Evidence struct {
	// Model is the digest that the verdict is about; a report on any other model is refused.
	Model hallmark.Digest
	// Fingerprint of the model. Optional: rules see its name, kind, size and number of files.
	Fingerprint hallmark.Fingerprint
	// Report is what the run decided, or nil when there is none; static findings are in Report.Findings.
	Report *hallmark.Report
	// ReportCID names the stored report in reasons; the digest of the model is named when it is empty.
	ReportCID string
	// Run and Tier come from the supervisor's run record, never from the guest.
	Run  hallmark.RunVerdict
	Tier hallmark.Tier
	// ModelOnly says that the model is judged without its lineage, as the gate of a CI job does. A policy's lineage
	// requirement then does not apply; such a verdict is never used for serving.
	ModelOnly bool
	Lineage   Lineage
	// Earlier are the runs of the same model that ended before this one, all of them without a report.
	Earlier []hallmark.Run
}

// Lineage is what was established about the lineage of the model, by verification and not by claim.
type Lineage struct {
	// Signed says that every step's signature was verified with a key registered for the submitter.
	Signed     bool
	Steps      []hallmark.LineageStep
	Datasets   int // data sets that the lineage names
	DatasetsOK int // of those, how many were scanned without a finding
}
