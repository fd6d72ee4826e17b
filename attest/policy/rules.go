package policy

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"

	"github.com/hallmark-ml/hallmark"
)

// Costs are in CEL's own unit, about one step of an evaluation. A policy may come from whoever submits, so both one
// evaluation and all of a decision are bounded.
const (
	costOfOne = 100_000
	costOfAll = 1_000_000
)

// A rule is a compiled rule of the file.
type rule struct {
	fileRule
	program cel.Program
}

// The evidence as rules see it. Fractions are whole millionths.
type (
	celModel struct {
		Digest  string `cel:"digest"`
		Name    string `cel:"name"`
		Kind    string `cel:"kind"`
		Size    int64  `cel:"size"` // bytes
		Files   int64  `cel:"files"`
		Tensors int64  `cel:"tensors"`
	}
	celRun struct {
		Verdict string `cel:"verdict"`
		Tier    string `cel:"tier"`
	}
	celEarlier struct {
		Verdict string `cel:"verdict"`
		Seed    string `cel:"seed"`
	}
	celReport struct {
		Suite   string `cel:"suite"`
		Digest  string `cel:"suiteDigest"`
		Engine  string `cel:"engine"`
		Profile string `cel:"profile"`
		Cases   int64  `cel:"cases"`
	}
	celLineage struct {
		ModelOnly  bool     `cel:"modelOnly"` // judged without lineage
		Signed     bool     `cel:"signed"`
		Steps      int64    `cel:"steps"`
		Operations []string `cel:"operations"`
		Datasets   int64    `cel:"datasets"`
		DatasetsOK int64    `cel:"datasetsOk"`
	}
	celFinding struct {
		Detector string `cel:"detector"`
		Rule     string `cel:"rule"`
		Severity string `cel:"severity"`
		CaseID   string `cel:"caseId"`
		Message  string `cel:"message"`
		Location string `cel:"location"`
	}
	celDetector struct {
		Name         string           `cel:"name"`
		Assessment   string           `cel:"assessment"`
		Cases        int64            `cel:"cases"`
		Templates    int64            `cel:"templates"`
		EffectiveN   int64            `cel:"effectiveN"`
		Passed       int64            `cel:"passed"`
		Failed       int64            `cel:"failed"`
		Inconclusive int64            `cel:"inconclusive"`
		Errors       int64            `cel:"errors"`
		Void         int64            `cel:"void"`
		Bound        int64            `cel:"bound"` // one-sided 95 % upper bound of the rate against the model
		Metrics      map[string]int64 `cel:"metrics"`
	}
)

// newEnv returns the environment that rules are compiled in.
func newEnv() (*cel.Env, error) {
	object := func(v any) *cel.Type { return cel.ObjectType(reflect.TypeOf(v).String()) }
	return cel.NewEnv(
		ext.NativeTypes(
			ext.ParseStructTags(true), reflect.TypeFor[celModel](), reflect.TypeFor[celRun](), reflect.TypeFor[celEarlier](), reflect.TypeFor[celReport](),
			reflect.TypeFor[celLineage](), reflect.TypeFor[celFinding](), reflect.TypeFor[celDetector](),
		),
		cel.ParserRecursionLimit(50),
		cel.ParserExpressionSizeLimit(4<<10),
		cel.Variable("model", object(celModel{})),
		cel.Variable("run", object(celRun{})),
		cel.Variable("earlier", cel.ListType(object(celEarlier{}))), // runs of the model that ended without a report
		cel.Variable("report", object(celReport{})),
		cel.Variable("lineage", object(celLineage{})),
		cel.Variable("findings", cel.ListType(object(celFinding{}))),
		cel.Variable("detectors", cel.MapType(cel.StringType, object(celDetector{}))),
		cel.Variable("finding", object(celFinding{})),
		cel.Variable("detector", object(celDetector{})),
	)
}

// compile returns a rule that can be evaluated, or what is wrong with its expression.
func compile(env *cel.Env, r fileRule) (rule, error) {
	ast, issues := env.Compile(r.When)
	if issues.Err() != nil {
		texts := make([]string, 0, len(issues.Errors()))
		for _, e := range issues.Errors() {
			texts = append(texts, e.Message)
		}
		return rule{}, fmt.Errorf("%s", strings.Join(texts, "; "))
	}
	if ast.OutputType() != cel.BoolType {
		return rule{}, fmt.Errorf("is %v and not bool", ast.OutputType())
	}
	for _, ref := range ast.NativeRep().ReferenceMap() {
		if name := ref.Name; (name == "finding" || name == "detector") && name != r.Each {
			return rule{}, fmt.Errorf("%s is there in a rule with each: %s only", name, name)
		}
	}
	program, err := env.Program(ast, cel.CostLimit(costOfOne), cel.EvalOptions(cel.OptTrackCost))
	return rule{fileRule: r, program: program}, err
}

// celRules evaluates the rules of the file.
func (j *judge) celRules() {
	if len(j.policy.rules) == 0 {
		return
	}
	vars, findings, detectors := j.view()
	left := uint64(costOfAll)
	for _, r := range j.policy.rules {
		var matched []string
		var err error
		switch r.Each {
		case "finding":
			for i := range findings {
				vars["finding"] = findings[i]
				if err = r.evaluate(vars, &left, &matched, findingName(findings[i])); err != nil {
					break
				}
			}
		case "detector":
			for _, d := range detectors {
				vars["detector"] = d
				if err = r.evaluate(vars, &left, &matched, d.Name); err != nil {
					break
				}
			}
		default:
			err = r.evaluate(vars, &left, &matched, "")
		}
		switch {
		case err != nil:
			j.add(hallmark.Undecided, RuleBroken, "", "rule %s could not be evaluated: %s", r.ID, hallmark.CleanText(err.Error(), maxText))
		case len(matched) > 0:
			j.reasons = append(j.reasons, reason{Reason: j.spoken(r, matched)})
		}
	}
}

func (j *judge) spoken(r rule, matched []string) hallmark.Reason {
	message := r.Message
	if r.Each != "" {
		message = fmt.Sprintf("%s (%s)", message, plural(len(matched), r.Each))
	}
	out := j.reason(hallmark.Decision(r.Decide), r.ID, r.Detector, "%s", message)
	if r.Each != "" {
		out.Findings = firstNamed(matched)
	}
	return out
}

// evaluate adds name to matched when the rule is true. It takes what it costs from left.
func (r rule) evaluate(vars map[string]any, left *uint64, matched *[]string, name string) error {
	out, details, err := r.program.Eval(vars)
	if err != nil {
		return err
	}
	cost := details.ActualCost()
	if cost == nil || *cost+1 > *left {
		return fmt.Errorf("the rules together cost more than %d", costOfAll)
	}
	*left -= *cost + 1
	if out == types.True {
		*matched = append(*matched, name)
	}
	return nil
}

func findingName(f celFinding) string {
	switch {
	case f.CaseID != "":
		return f.CaseID
	case f.Location != "":
		return f.Rule + " at " + f.Location
	default:
		return f.Rule
	}
}

// view returns the variables of rules, and the lists that rules with each go through.
func (j *judge) view() (vars map[string]any, findings []celFinding, detectors []celDetector) {
	r, fp, l := j.ev.Report, j.ev.Fingerprint, j.ev.Lineage
	findings = []celFinding{}
	for _, f := range r.Findings {
		findings = append(findings, celFinding{
			Detector: f.Detector, Rule: f.Rule, Severity: string(f.Severity), CaseID: f.CaseID, Message: f.Message, Location: f.Location,
		})
	}
	byName := map[string]celDetector{}
	for i := range r.Detectors {
		d := detectorView(&r.Detectors[i])
		detectors = append(detectors, d)
		byName[d.Name] = d
	}
	earlier := []celEarlier{}
	for _, e := range j.ev.Earlier {
		earlier = append(earlier, celEarlier{Verdict: string(e.Outcome), Seed: e.Seed})
	}
	operations := []string{}
	for _, s := range l.Steps {
		operations = append(operations, string(s.Operation))
	}
	return map[string]any{
		"model": celModel{
			Digest: j.ev.Model.String(), Name: fp.Name, Kind: string(fp.Kind), Size: fp.Size, Files: int64(len(fp.Files)), Tensors: int64(len(fp.Tensors)),
		},
		"run":     celRun{Verdict: string(j.ev.Run), Tier: string(j.ev.Tier)},
		"earlier": earlier,
		"report":  celReport{Suite: r.Suite, Digest: r.SuiteHash.String(), Engine: r.Engine, Profile: r.Profile, Cases: int64(len(r.Cases))},
		"lineage": celLineage{
			ModelOnly: j.ev.ModelOnly, Signed: l.Signed, Steps: int64(len(l.Steps)), Operations: operations,
			Datasets: int64(l.Datasets), DatasetsOK: int64(l.DatasetsOK),
		},
		"findings":  findings,
		"detectors": byName,
	}, findings, detectors
}

// detectorView leaves out metrics that are no decimals, so that a rule that asks for one errs and the model is
// undecided; a bound that is none is the largest number.
func detectorView(d *hallmark.DetectorResult) celDetector {
	bound, err := millionths(d.Against.Bound)
	if err != nil {
		bound = math.MaxInt64
	}
	metrics := map[string]int64{}
	for name, text := range d.Metrics {
		if r, err := parseDecimal(text); err == nil {
			metrics[name] = ceil(r.Mul(r, big.NewRat(million, 1)))
		}
	}
	return celDetector{
		Name: d.Detector, Assessment: string(d.Assessment), Cases: int64(d.Cases), Templates: int64(d.Templates), EffectiveN: int64(d.EffectiveN),
		Passed: int64(d.Passed), Failed: int64(d.Failed), Inconclusive: int64(d.Inconclusive), Errors: int64(d.Errors), Void: int64(d.Void),
		Bound: bound, Metrics: metrics,
	}
}
