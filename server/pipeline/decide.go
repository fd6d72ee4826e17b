package pipeline

import (
	"context"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
)

// decide lets the policy, as it was submitted, judge the evidence.
func (f *Flow) decide(ctx context.Context, t *task) error {
	report, err := f.report(ctx, t.version)
	if err != nil {
		return err
	}
	v := &t.version
	verdict := t.policy.Decide(policy.Evidence{
		Model: v.Digest, Fingerprint: *v.Fingerprint, Report: report, ReportCID: v.ReportCID,
		Run: v.Record.Verdict, Tier: v.Record.Tier, Lineage: lineageFacts(t.sub.Lineage, *v.Scan),
		Earlier: v.Runs[:max(len(v.Runs)-1, 0)],
	})
	v.Verdict = &verdict
	t.enter(hallmark.StateDecided, JobSign)
	return nil
}

// lineageFacts says what was established about a lineage: its signatures when it was submitted, its data sets by the scan.
func lineageFacts(l hallmark.Lineage, s hallmark.Scan) policy.Lineage {
	facts := policy.Lineage{Signed: true, Steps: l.Steps, Datasets: len(s.Datasets)}
	for _, d := range s.Datasets {
		if len(d.Findings) == 0 {
			facts.DatasetsOK++
		}
	}
	return facts
}
