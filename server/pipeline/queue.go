package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of the review queue.
const (
	maxReviewItems = 64   // of one version; the most severe are shown
	maxReviewQueue = 1024 // of all versions, those that have waited longest first
)

// A ReviewItem is one finding that a person has to look at, and why it stands where it does in the queue.
type ReviewItem struct {
	ID       string           `json:"id"` // that of its version and a number
	Model    hallmark.Digest  `json:"model"`
	Name     string           `json:"name"`
	Finding  hallmark.Finding `json:"finding"`
	Template string           `json:"template,omitempty"` // of the case that it is about
	// Novelty is how unlike it is to what was reviewed or stands before it, from 0 to 1.
	Novelty float64 `json:"novelty"`
	// Uncertain is how little is known of whether it is a problem, from 0 to 1, and Problem the chance that it is one, by what
	// reviewers said of others.
	Uncertain float64 `json:"uncertain"`
	Problem   float64 `json:"problem"`
	// Usual is the chance that such a case goes against a model, by all runs of this server; 0 of a finding without a case.
	Usual float64 `json:"usual,omitempty"`
}

// ReviewID is the name of a version in the review queue: the first digits of its digest.
func ReviewID(d hallmark.Digest) string { return d.Hex()[:12] }

// reviewItems returns what there is to be reviewed about a version: what its policy leaves to a person, then the findings of
// its report, the most severe first.
func reviewItems(v hallmark.Version, r hallmark.Report) []ReviewItem {
	var findings []hallmark.Finding
	for _, reason := range v.Verdict.Reasons {
		if reason.Decision == hallmark.Challenge {
			findings = append(findings, hallmark.Finding{
				Detector: reason.Detector, Rule: reason.Rule, Severity: hallmark.SeverityMedium, Message: reason.Message,
			})
		}
	}
	reported := slices.Clone(r.Findings)
	slices.SortStableFunc(reported, func(a, b hallmark.Finding) int { return cmp.Compare(severityRank(b), severityRank(a)) })
	findings = append(findings, reported...)
	templates := make(map[string]string, len(r.Cases))
	for _, c := range r.Cases {
		templates[c.ID] = c.Template
	}
	items := make([]ReviewItem, 0, min(len(findings), maxReviewItems))
	for i, f := range findings[:min(len(findings), maxReviewItems)] {
		items = append(items, ReviewItem{
			ID: fmt.Sprintf("%s-%d", ReviewID(v.Digest), i+1), Model: v.Digest, Name: v.Name, Finding: f, Template: templates[f.CaseID],
		})
	}
	return items
}

func severityRank(f hallmark.Finding) int {
	return slices.Index([]hallmark.Severity{hallmark.SeverityInfo, hallmark.SeverityMedium, hallmark.SeverityHigh, hallmark.SeverityCritical}, f.Severity)
}

// outcome is the item as the learners see it.
func (i ReviewItem) outcome() outcome {
	return outcome{
		Kind: reviewOutcome, ID: i.ID, Detector: i.Finding.Detector, Template: i.Template, Rule: i.Finding.Rule, Severity: i.Finding.Severity,
	}
}

// caseOutcome is the case that the item is about, as the learners see it.
func (i ReviewItem) caseOutcome() outcome {
	return outcome{Kind: caseOutcome, ID: i.Finding.CaseID, Detector: i.Finding.Detector, Template: i.Template}
}

// reviewable reports whether a version waits for a person: one whose policy says so, and that nobody decided on. An undecided
// verdict is not among those: it lacks evidence, and no word of a person is evidence.
func reviewable(v hallmark.Version) bool {
	return v.State == hallmark.StateChallenged && v.Verdict != nil && v.Verdict.Decision == hallmark.Challenge && v.Review == nil
}

// ReviewQueue returns up to limit findings of the versions that wait for a person, ranked: what is most unlike what was
// reviewed, and least certain. Open is the number of versions that wait. What cannot be read is left out and named in the
// log.
func (f *Flow) ReviewQueue(ctx context.Context, limit int) (items []ReviewItem, open int, err error) {
	versions, err := f.cfg.Store.VersionsIn(ctx, hallmark.StateChallenged)
	if err != nil && len(versions) == 0 {
		return nil, 0, err
	}
	waiting := make(map[string]ReviewItem)
	for _, v := range versions {
		if !reviewable(v) {
			continue
		}
		open++
		if len(waiting) >= maxReviewQueue {
			continue
		}
		of, err := f.ReviewItems(ctx, v)
		if err != nil {
			f.cfg.Logger.ErrorContext(ctx, "version cannot be reviewed", slog.String("model", v.Digest.String()), slog.Any("cause", err))
			continue
		}
		for _, i := range of {
			waiting[i.ID] = i
		}
	}
	return f.cfg.Learning.rank(waiting, limit), open, nil
}

// ReviewItems returns what there is to be reviewed about one version.
func (f *Flow) ReviewItems(ctx context.Context, v hallmark.Version) ([]ReviewItem, error) {
	f.mu.Lock()
	items, ok := f.items[v.Evidence]
	f.mu.Unlock()
	if ok {
		return items, nil
	}
	report, err := f.report(ctx, v)
	if err != nil {
		return nil, err
	}
	items = reviewItems(v, *report)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.items) >= maxReviewQueue {
		clear(f.items) // what is asked for again is read again
	}
	f.items[v.Evidence] = items
	return items, nil
}

// rank puts what waits into the order of the queue.
func (l *Learning) rank(waiting map[string]ReviewItem, limit int) []ReviewItem {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.queued {
		if _, waits := waiting[id]; !waits {
			l.queue.Remove(id)
			delete(l.queued, id)
		}
	}
	ids := make([]string, 0, len(waiting))
	for id := range waiting {
		ids = append(ids, id)
	}
	slices.Sort(ids) // the order in which equals stand
	for _, id := range ids {
		if !l.queued[id] {
			l.queue.Add(id, waiting[id].outcome())
			l.queued[id] = true
		}
	}
	cases := l.cases.Snapshot()
	out := make([]ReviewItem, 0, min(limit, len(ids)))
	for _, r := range l.queue.Next(limit) {
		item, waits := waiting[r.ID]
		if !waits {
			continue // it was decided meanwhile
		}
		item.Novelty, item.Uncertain, item.Problem = r.Novelty, r.Uncertain, r.Prediction.Mean
		if item.Finding.CaseID != "" {
			item.Usual = cases.Predict(item.caseOutcome()).Mean
		}
		out = append(out, item)
	}
	return out
}
