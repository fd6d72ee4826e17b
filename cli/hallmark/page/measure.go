package page

import (
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// A statistic is what was computed from a detector's counts.
type statistic struct {
	Detector                 string
	Wilson, Corrected        span
	P, Holm                  string
	Sequential, SequentialN  string
	Outputs                  string // of the self-test
	Sensitivity, Specificity span
}

// A span is a rate and an interval about it; Upper is empty of one that has a lower end alone.
type span struct{ Rate, Lower, Upper string }

// A compared is how a detector's cases ended in the version before.
type compared struct {
	Detector                   string
	Pairs, Regressed, Fixed    string
	Critical                   string
	P, Difference, DifferLower string
	Worse                      bool
}

// A measures is what only one detector measures.
type measures struct {
	Detector string
	Values   []value
	Groups   []group // shares of its cases by kind
	Capable  bool    // some kinds have a capability of their own
}

type value struct{ Name, Text, Value string }

// A group is one kind of a detector's cases. Capable is empty where nobody asked what the model is capable of.
type group struct {
	Name, Cases, Failed, Capable string
	Width                        string // of the failures, on the axis
}

// meaning says what a measure is, with its unit. One that is not here is shown by its name.
var meaning = map[string]string{ //nolint:gosec // G101: no secrets, names of measures
	"accuracyClean":       "right answers to the questions as they are, %",
	"accuracyEdited":      "right answers to the changed questions, %",
	"accuracyDropPoints":  "what the changes cost, percentage points",
	"accuracyWorst":       "right answers to the worst wording that was found, %",
	"worstDropPoints":     "what the worst wording costs, percentage points",
	"drawnMcnemarP":       "p of as large a drop from drawn words, if they made no difference (exact McNemar test)",
	"drawnDropLower":      "lower 95 % bound of the drop from drawn words",
	"queriesMedian":       "wordings tried for a question, median",
	"replacedMedian":      "words replaced in a question, median",
	"outputTokensP50":     "length of an answer, median, tokens",
	"outputTokensP99":     "length of an answer, 99th percentile, tokens",
	"tasks":               "questions measured",
	"r50":                 "nearest change found that flips the answer, median over questions, in median norms of an embedding",
	"r50Random":           "the same along random directions",
	"certifiedMedian":     "certified radius (randomized smoothing, 99.9 %), median over questions, in median norms of an embedding",
	"records":             "planted records measured",
	"verbatim":            "planted records that are the likeliest of their form",
	"exposureMean":        "exposure of planted records, mean, bits",
	"controlExposureMean": "exposure of records that were never in the data, mean, bits",
	"controlsUpTo5Bits":   "such records with at most 5 bits",
	"membershipAUC":       "how well planted records can be told from the others (AUC of min-k%++)",
	"membershipAUCLower":  "lower end of its 95 % interval",
	"membershipAUCUpper":  "upper end of its 95 % interval",
	"findings":            "findings, advice left out",
}

// Beginnings of the names of measures by kind of case.
const (
	groupCases   = "cases."
	groupFailed  = "failedPercent."
	groupCapable = "capablePercent."
)

// addMeasures sorts a detector's metrics into the tables of the page.
func (v *view) addMeasures(d hallmark.DetectorResult) {
	m := maps.Clone(d.Metrics)
	take := func(name string) string {
		text := m[name]
		delete(m, name)
		return text
	}
	s := statistic{
		Detector: d.Detector,
		Wilson:   span{d.Against.Rate, take("wilsonLower"), take("wilsonUpper")}, Corrected: span{take("correctedRate"), take("correctedLower"), take("correctedUpper")},
		P: take("overLimitP"), Holm: take("overLimitPHolm"), Sequential: take("sequentialDecision"), SequentialN: take("sequentialCases"),
		Outputs:     take("selfTestOutputs"),
		Sensitivity: span{take("selfTestSensitivity"), take("selfTestSensitivityLower"), ""}, Specificity: span{take("selfTestSpecificity"), take("selfTestSpecificityLower"), ""},
	}
	if s.Wilson.Lower != "" || s.Outputs != "" {
		v.Statistics = append(v.Statistics, s)
	}
	c := compared{
		Detector: d.Detector, Pairs: take("pairedCases"), Regressed: take("regressed"), Fixed: take("fixed"), Critical: take("regressedCritical"),
		P: take("mcnemarP"), Difference: take("rateDifference"), DifferLower: take("rateDifferenceLower"), Worse: take("worseThanBefore") == "true",
	}
	if c.Pairs != "" {
		v.Compared = append(v.Compared, c)
	}
	if len(m) > 0 {
		v.Measures = append(v.Measures, newMeasures(d.Detector, m))
	}
}

// newMeasures sorts what is left of the metrics, which it takes.
func newMeasures(detector string, m map[string]string) measures {
	out := measures{Detector: detector}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		kind, ok := strings.CutPrefix(name, groupFailed)
		if !ok {
			continue
		}
		g := group{Name: kind, Cases: m[groupCases+kind], Failed: m[name], Capable: m[groupCapable+kind], Width: coordinate(axis * min(1, max(0, number(m[name])/100)))}
		out.Groups, out.Capable = append(out.Groups, g), out.Capable || g.Capable != ""
		delete(m, name)
		delete(m, groupCases+kind)
		delete(m, groupCapable+kind)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out.Values = append(out.Values, value{name, meaning[name], m[name]})
	}
	return out
}
