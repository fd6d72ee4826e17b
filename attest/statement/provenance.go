package statement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
)

// maxInputs bounds the inputs of one transformation, maxParameters its parameters.
const (
	maxInputs     = 1024
	maxParameters = 1024
)

// provenance is SLSA provenance v1 with the fields that Hallmark uses. Source: slsa.dev/spec/v1.0/provenance.
type provenance struct {
	BuildDefinition struct {
		BuildType            string               `json:"buildType"`
		ExternalParameters   map[string]any       `json:"externalParameters"`
		InternalParameters   map[string]any       `json:"internalParameters,omitempty"`
		ResolvedDependencies []ResourceDescriptor `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	} `json:"runDetails"`
}

const (
	buildTypePrefix = "https://github.com/hallmark-ml/hallmark/build/"
	buildTypeSuffix = "/v1"
	submitterID     = "https://github.com/hallmark-ml/hallmark/submitter/v1" // the signature says which one
)

// Provenance returns the statement of one transformation. SignerKey and Bundle are not part of it: the signature around
// the statement tells them. The step must keep to the rules of its operation; see [CheckLineage].
func Provenance(step hallmark.LineageStep) ([]byte, error) {
	if err := checkStep(step); err != nil {
		return nil, fmt.Errorf("provenance: %w", err)
	}
	var p provenance
	def := &p.BuildDefinition
	def.BuildType = buildTypePrefix + string(step.Operation) + buildTypeSuffix
	def.ExternalParameters = map[string]any{"operation": string(step.Operation)}
	def.InternalParameters = make(map[string]any, len(step.Parameters))
	for k, v := range step.Parameters {
		def.InternalParameters[k] = v
	}
	def.ResolvedDependencies = make([]ResourceDescriptor, 0, len(step.Inputs))
	for _, in := range step.Inputs {
		d := describe(in.LineageNode)
		for key, text := range map[string]string{
			"role": string(in.Role), "kind": string(in.Kind),
			"gitCommit": in.GitCommit, "gitRepo": in.GitRepo, "gitPath": in.GitPath,
		} {
			if text == "" {
				continue
			}
			if d.Annotations == nil {
				d.Annotations = make(map[string]any)
			}
			d.Annotations[key] = text
		}
		def.ResolvedDependencies = append(def.ResolvedDependencies, d)
	}
	p.RunDetails.Builder.ID = submitterID
	return build(describe(step.Output), PredicateProvenance, p)
}

// ParseProvenance reads a transformation. The build type must be one of Hallmark's and every input needs a digest and
// a role; fields that Hallmark does not use are ignored.
func ParseProvenance(b []byte) (hallmark.LineageStep, error) {
	var p provenance
	output, err := parseAs(b, PredicateProvenance, &p)
	if err != nil {
		return hallmark.LineageStep{}, err
	}
	def := &p.BuildDefinition
	op, isOurs := strings.CutPrefix(def.BuildType, buildTypePrefix)
	op, isV1 := strings.CutSuffix(op, buildTypeSuffix)
	if !isOurs || !isV1 {
		return hallmark.LineageStep{}, fmt.Errorf("provenance: build type %.200q, want %s<operation>%s: %w", def.BuildType, buildTypePrefix, buildTypeSuffix, hallmark.ErrPredicate)
	}
	step := hallmark.LineageStep{Operation: hallmark.Operation(op), Output: output}
	for key, v := range def.InternalParameters {
		text, ok := v.(string)
		if !ok {
			return hallmark.LineageStep{}, fmt.Errorf("provenance: parameter %.80q is not text: %w", key, hallmark.ErrInvalid)
		}
		if step.Parameters == nil {
			step.Parameters = make(map[string]string)
		}
		step.Parameters[key] = text
	}
	for i := range def.ResolvedDependencies {
		in, err := parseInput(&def.ResolvedDependencies[i])
		if err != nil {
			return hallmark.LineageStep{}, fmt.Errorf("provenance: input %d: %w", i, err)
		}
		step.Inputs = append(step.Inputs, in)
	}
	if err := checkStep(step); err != nil {
		return hallmark.LineageStep{}, fmt.Errorf("provenance: %w", err)
	}
	return step, nil
}

func parseInput(d *ResourceDescriptor) (hallmark.LineageInput, error) {
	node, err := d.node()
	if err != nil {
		return hallmark.LineageInput{}, err
	}
	in := hallmark.LineageInput{LineageNode: node}
	role, err := d.annotation("role")
	if err != nil {
		return in, err
	}
	in.Role = hallmark.Role(role)
	for key, to := range map[string]*string{"gitCommit": &in.GitCommit, "gitRepo": &in.GitRepo, "gitPath": &in.GitPath} {
		if *to, err = d.annotation(key); err != nil {
			return in, err
		}
	}
	return in, nil
}

// checkStep holds a step to what can be said without the rest of the graph.
func checkStep(step hallmark.LineageStep) error {
	if step.Output.Digest.IsZero() {
		return fmt.Errorf("output %.100q has no digest: %w", step.Output.Name, hallmark.ErrInvalid)
	}
	if len(step.Inputs) > maxInputs || len(step.Parameters) > maxParameters {
		return fmt.Errorf("%d inputs and %d parameters, at most %d of each: %w", len(step.Inputs), len(step.Parameters), maxInputs, hallmark.ErrTooLarge)
	}
	for key, text := range step.Parameters {
		if err := checkText("parameter", key+text); err != nil {
			return err
		}
		if strings.ContainsFunc(key, func(r rune) bool { return r >= 0x80 }) {
			return fmt.Errorf("parameter %.80q: its name is not ASCII: %w", key, hallmark.ErrInvalid)
		}
	}
	for _, in := range step.Inputs {
		if err := checkInput(in); err != nil {
			return fmt.Errorf("input %.100q: %w", in.Name, err)
		}
	}
	return checkOperation(step)
}

func checkInput(in hallmark.LineageInput) error {
	roles := []hallmark.Role{hallmark.RoleDataset, hallmark.RoleScript, hallmark.RoleBase, hallmark.RoleConfig}
	notHex := func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }
	switch {
	case in.Digest.IsZero():
		return fmt.Errorf("no digest: %w", hallmark.ErrInvalid)
	case !slices.Contains(roles, in.Role):
		return fmt.Errorf("unknown role %.40q: %w", in.Role, hallmark.ErrInvalid)
	case in.GitCommit == "":
		return nil
	case len(in.GitCommit) != 40 && len(in.GitCommit) != 64, strings.ContainsFunc(in.GitCommit, notHex):
		return fmt.Errorf("git commit %.80q is not 40 or 64 hex digits: %w", in.GitCommit, hallmark.ErrInvalid)
	default:
		return nil
	}
}
