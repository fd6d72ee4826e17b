package statement

import (
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// maxSteps bounds a lineage graph.
const maxSteps = 10_000

// CheckLineage orders steps into the graph behind target and refuses every graph that proves nothing: a cycle, an input
// that no step makes and that have does not know, two steps for one output, one digest with two kinds, a step that
// has nothing to do with target, a missing step for target, inputs that do not fit the operation. These are
// [hallmark.ErrLineage] with the node named. have reports whether the artifact itself is there.
func CheckLineage(steps []hallmark.LineageStep, have func(hallmark.Digest) bool, target hallmark.Digest) (hallmark.Lineage, error) {
	g, err := newGraph(steps)
	if err != nil {
		return hallmark.Lineage{}, fmt.Errorf("lineage of %s: %w", target, err)
	}
	if _, ok := g.maker[target]; !ok {
		return hallmark.Lineage{}, fmt.Errorf("lineage of %s: no step has it as output: %w", target, hallmark.ErrLineage)
	}
	if err := g.follow(target, have); err != nil {
		return hallmark.Lineage{}, fmt.Errorf("lineage of %s: %w", target, err)
	}
	for i, s := range steps {
		if g.mark[i] != unseen {
			continue
		}
		if !g.evaluates(s) {
			return hallmark.Lineage{}, fmt.Errorf("lineage of %s: step %s is not part of it: %w", target, stepName(s), hallmark.ErrLineage)
		}
		if err := g.follow(s.Output.Digest, have); err != nil {
			return hallmark.Lineage{}, fmt.Errorf("lineage of %s: %w", target, err)
		}
	}
	return hallmark.Lineage{Target: target, Steps: g.order}, nil
}

// Marks of a step during the depth-first walk.
const (
	unseen = iota
	open   // on the path that is being followed
	done
)

type graph struct {
	steps []hallmark.LineageStep
	maker map[hallmark.Digest]int // output to step
	mark  []int
	order []hallmark.LineageStep
}

func newGraph(steps []hallmark.LineageStep) (*graph, error) {
	if len(steps) > maxSteps {
		return nil, fmt.Errorf("%d steps, at most %d: %w", len(steps), maxSteps, hallmark.ErrTooLarge)
	}
	g := &graph{steps: steps, maker: make(map[hallmark.Digest]int, len(steps)), mark: make([]int, len(steps))}
	kinds := make(map[hallmark.Digest]hallmark.LineageNode)
	for i, s := range steps {
		if err := checkStep(s); err != nil {
			return nil, fmt.Errorf("step %s: %w", stepName(s), err)
		}
		if other, twice := g.maker[s.Output.Digest]; twice {
			return nil, fmt.Errorf("output %s is ambiguous: steps %s and %s both make it: %w", nodeName(s.Output), stepName(steps[other]), stepName(s), hallmark.ErrLineage)
		}
		g.maker[s.Output.Digest] = i
		nodes := []hallmark.LineageNode{s.Output}
		for _, in := range s.Inputs {
			nodes = append(nodes, in.LineageNode)
		}
		for _, n := range nodes {
			if first, ok := kinds[n.Digest]; ok && (first.Kind != n.Kind || first.Dir != n.Dir) {
				return nil, fmt.Errorf("%s is called %q in one place and %q in another, or a file and a directory: %w", nodeName(n), first.Kind, n.Kind, hallmark.ErrLineage)
			}
			kinds[n.Digest] = n
		}
	}
	return g, nil
}

// follow appends the step that makes d after all that it depends on. Depth is bounded by maxSteps.
func (g *graph) follow(d hallmark.Digest, have func(hallmark.Digest) bool) error {
	i := g.maker[d]
	step := g.steps[i]
	switch g.mark[i] {
	case done:
		return nil
	case open:
		return fmt.Errorf("cycle through %s: %w", nodeName(step.Output), hallmark.ErrLineage)
	}
	g.mark[i] = open
	for _, in := range step.Inputs {
		if _, made := g.maker[in.Digest]; made {
			if err := g.follow(in.Digest, have); err != nil {
				return err
			}
		} else if !have(in.Digest) {
			return fmt.Errorf("input %s (%s) of step %s is not there and no step makes it: %w", nodeName(in.LineageNode), in.Role, stepName(step), hallmark.ErrLineage)
		}
	}
	g.mark[i] = done
	g.order = append(g.order, step)
	return nil
}

// evaluates reports whether s is an evaluation of something that belongs to the lineage.
func (g *graph) evaluates(s hallmark.LineageStep) bool {
	if s.Operation != hallmark.OpEvaluate {
		return false
	}
	for _, in := range s.Inputs {
		if i, made := g.maker[in.Digest]; made && g.mark[i] == done {
			return true
		}
	}
	return false
}

// checkOperation holds the inputs and the output to what the operation means.
func checkOperation(step hallmark.LineageStep) error {
	count := make(map[hallmark.Role]int)
	for _, in := range step.Inputs {
		count[in.Role]++
		if in.Digest == step.Output.Digest {
			return fmt.Errorf("%s is input and output of one step, a cycle: %w", nodeName(step.Output), hallmark.ErrLineage)
		}
	}
	bases, data := count[hallmark.RoleBase], count[hallmark.RoleDataset]
	var fits bool
	var want string
	kind := hallmark.KindModel
	switch step.Operation {
	case hallmark.OpTrain:
		fits, want = bases == 0 && data > 0, "a dataset and no base model"
	case hallmark.OpFinetune:
		fits, want = bases == 1 && data > 0, "one base model and a dataset"
	case hallmark.OpAdapter:
		fits, want, kind = bases == 1 && data > 0, "one base model and a dataset", hallmark.KindAdapter
	case hallmark.OpQuantize, hallmark.OpConvert:
		fits, want = bases == 1, "one base model"
	case hallmark.OpMerge:
		fits, want = bases > 1, "two or more base models"
	case hallmark.OpEvaluate:
		fits, want, kind = bases > 0, "a base model, the one evaluated", hallmark.KindReport
	default:
		return fmt.Errorf("unknown operation %.40q: %w", step.Operation, hallmark.ErrLineage)
	}
	if !fits {
		return fmt.Errorf("%s makes %s from %d base models and %d datasets, want %s: %w", step.Operation, nodeName(step.Output), bases, data, want, hallmark.ErrLineage)
	}
	if rewrites := step.Operation == hallmark.OpConvert || step.Operation == hallmark.OpQuantize; rewrites && step.Output.Kind == hallmark.KindAdapter {
		return nil // these keep the kind of what they are given
	}
	if step.Output.Kind != kind {
		return fmt.Errorf("%s makes %s, whose kind is %q, want %q: %w", step.Operation, nodeName(step.Output), step.Output.Kind, kind, hallmark.ErrLineage)
	}
	return nil
}

func nodeName(n hallmark.LineageNode) string {
	return fmt.Sprintf("%.100q (%s)", n.Name, n.Digest)
}

func stepName(s hallmark.LineageStep) string {
	return fmt.Sprintf("%.40s -> %.100q", s.Operation, s.Output.Name)
}
