package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// withRule returns a policy with one rule.
func withRule(tb testing.TB, each, when string) *Policy {
	tb.Helper()
	return load(tb, head+limits+"rules:\n  - id: the-rule\n    each: \""+each+"\"\n    when: |\n      "+when+"\n    decide: block\n    message: it speaks\n")
}

func TestRulesSeeTheEvidence(t *testing.T) {
	t.Parallel()

	ev := good()
	ev.Fingerprint = hallmark.Fingerprint{
		Name: "m.gguf", Kind: hallmark.KindModel, Size: 1000, Files: make([]hallmark.FileDigest, 2), Tensors: make([]hallmark.TensorDigest, 3),
	}
	ev.Report.Engine, ev.Report.SuiteHash = "7", hallmark.DigestOf([]byte("suite"))
	ev.Lineage.Datasets, ev.Lineage.DatasetsOK = 3, 2
	ev = with(ev, "perturb.char", exampleDetector{Passed: 150, Templates: 30, Metrics: map[string]string{"accuracyDropPoints": "2.5", "odd": "x"}})
	ev = withFindings(ev, hallmark.Finding{
		Detector: "file.unsafe", Rule: "r", Severity: hallmark.SeverityInfo, CaseID: "c", Message: "m", Location: "l",
	})

	for _, expression := range []string{
		`model.digest == "` + ev.Model.String() + `" && model.name == "m.gguf" && model.kind == "model"`,
		`model.size == 1000 && model.files == 2 && model.tensors == 3`,
		`run.verdict == "ok" && run.tier == "full"`,
		`report.suite == "chat" && report.suiteDigest == "` + ev.Report.SuiteHash.String() + `" && report.engine == "7"`,
		`report.profile == "chat" && report.cases == 250`,
		`lineage.signed && lineage.steps == 1 && !lineage.modelOnly && lineage.operations == ["finetune"]`,
		`lineage.datasets == 3 && lineage.datasetsOk == 2`,
		`size(findings) == 1 && findings[0].detector == "file.unsafe" && findings[0].rule == "r" && findings[0].severity == "info"`,
		`findings.exists(f, f.caseId == "c" && f.message == "m" && f.location == "l")`,
		`size(detectors) == 3 && detectors["inject.direct"].passed == 100 && detectors["inject.direct"].assessment == "assessed"`,
		`detectors["perturb.char"].cases == 150 && detectors["perturb.char"].templates == 30 && detectors["perturb.char"].effectiveN == 150`,
		`detectors["perturb.char"].metrics["accuracyDropPoints"] == 2500000 && !("odd" in detectors["perturb.char"].metrics)`,
		`detectors.all(name, detectors[name].name == name && detectors[name].bound <= 1000000)`,
		`detectors["inject.direct"].bound == 29514`,
		`detectors["inject.direct"].failed + detectors["inject.direct"].inconclusive + detectors["inject.direct"].errors + detectors["inject.direct"].void == 0`,
	} {
		decides(t, withRule(t, "", expression), ev, hallmark.Block, "the-rule")
		decides(t, withRule(t, "", "!("+expression+")"), ev, hallmark.Allow, "")
	}
}

func TestRulesForEach(t *testing.T) {
	t.Parallel()

	ev := withFindings(good(),
		hallmark.Finding{Detector: "file.unsafe", Rule: "a", Severity: hallmark.SeverityInfo, CaseID: "case/1"},
		hallmark.Finding{Detector: "file.unsafe", Rule: "b", Severity: hallmark.SeverityInfo, Location: "x.bin"},
		hallmark.Finding{Detector: "file.unsafe", Rule: "c", Severity: hallmark.SeverityInfo},
		hallmark.Finding{Detector: "file.unsafe", Rule: "d", Severity: hallmark.SeverityInfo})
	v := decides(t, withRule(t, "finding", `finding.rule != "d"`), ev, hallmark.Block, "the-rule")
	require.Equal(t, []string{"case/1", "b at x.bin", "c"}, v.Reasons[0].Findings)
	require.Equal(t, "it speaks (3 findings)", v.Reasons[0].Message)
	v = decides(t, withRule(t, "detector", `detector.passed == 100`), ev, hallmark.Block, "the-rule")
	require.Equal(t, []string{"inject.direct", "perturb.char"}, slices.Sorted(slices.Values(v.Reasons[0].Findings)))
	decides(t, withRule(t, "detector", `detector.passed == 99`), ev, hallmark.Allow, "")
	decides(t, withRule(t, "finding", `true`), good(), hallmark.Allow, "") // of no findings none matches

	p := load(t, head+limits+"rules:\n  - {id: named, detector: file.unsafe, when: \"true\", decide: undecided, message: m}\n")
	require.Equal(t, "file.unsafe", decides(t, p, ev, hallmark.Undecided, "named").Reasons[0].Detector)
}

func TestRulesThatBreakLeaveTheModelUndecided(t *testing.T) {
	t.Parallel()

	many := withFindings(good(), slices.Repeat([]hallmark.Finding{{
		Detector: "file.unsafe", Rule: "r", Severity: hallmark.SeverityInfo, Message: strings.Repeat("a", 200),
	}}, maxFindings)...)
	for name, tt := range map[string]struct {
		policy *Policy
		ev     Evidence
	}{
		"no such detector":              {withRule(t, "", `detectors["out.render"].failed > 0`), good()},
		"no such metric":                {withRule(t, "", `detectors["inject.direct"].metrics["x"] > 0`), good()},
		"no such finding":               {withRule(t, "", `findings[0].rule == "x"`), good()},
		"division by zero":              {withRule(t, "", `100 / detectors["inject.direct"].failed > 3`), good()},
		"bad pattern":                   {withRule(t, "", `model.name.matches("(" + model.name)`), good()},
		"one evaluation costs too much": {withRule(t, "", `findings.all(a, findings.all(b, a.rule == b.rule))`), many},
		"all evaluations cost too much": {withRule(t, "finding", `detectors.all(name, detectors.all(other, name + other + finding.message != "" && finding.message.contains("a")))`), many},
		"each detector":                 {withRule(t, "detector", `detector.metrics["accuracyDropPoints"] > 100000000`), good()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decides(t, tt.policy, tt.ev, hallmark.Undecided, RuleBroken)
		})
	}

	// What another detector shows still blocks.
	ev := with(good(), "inject.direct", exampleDetector{Failed: 50})
	decides(t, withRule(t, "", `detectors["out.render"].failed > 0`), ev, hallmark.Block, "limit/inject.*")
	decides(t, withRule(t, "finding", `finding.rule == "x"`), many, hallmark.Allow, "")
}

func TestFractionsAreRoundedUp(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]int64{"0": 0, "0.000001": 1, "0.0000001": 1, "0.000000999": 1, "0.05": 50_000, "1": million, "0.0500001": 50_001} {
		got, err := millionths(text)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	// A bound that is none is larger than every limit for a rule.
	ev := good()
	for i := range ev.Report.Detectors {
		ev.Report.Detectors[i].Against.Bound = "low"
	}
	decides(t, withRule(t, "detector", "detector.bound > 1000000"), ev, hallmark.Block, "the-rule")
}

func TestRulesThatDoNotCompile(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct{ each, when, text string }{
		"syntax":                {"", "model.", "Syntax error"},
		"no such variable":      {"", "modell.size > 1", "undeclared reference"},
		"no such field":         {"", "model.weight > 1", "undefined field"},
		"other type":            {"", "model.size == 'x'", "no matching overload"},
		"a fraction":            {"", "detectors['a.b'].bound > 0.05", "no matching overload"},
		"not bool":              {"", "model.size", "is int and not bool"},
		"finding, not each":     {"", "finding.rule == 'x'", "each: finding only"},
		"detector of a finding": {"finding", "detector.failed > 0", "each: detector only"},
		"too long":              {"", "true" + strings.Repeat(" && true", 1000), "exceeds limit"},
		"too deep":              {"", strings.Repeat("(", 60) + "true" + strings.Repeat(")", 60), "recursion"},
		"the time":              {"", "now() > timestamp('2020-01-01T00:00:00Z')", "undeclared reference"},
		"empty":                 {"", "", "Syntax error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := Lint([]byte(head + limits + "rules:\n  - id: x\n    each: \"" + tt.each + "\"\n    when: |\n      " + tt.when + "\n    decide: block\n    message: m\n"))
			require.Len(t, problems, 1, "%v", problems)
			require.Contains(t, problems[0].Text, tt.text)
			require.Equal(t, strings.Count(head+limits, "\n")+4, problems[0].Line)
		})
	}
}
