package pipeline

import (
	"context"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// scan lets the jailed guest look at the files before anything is run: the model's, and every data set's that the
// lineage names. Findings do not stop the flow; the policy weighs them.
func (f *Flow) scan(ctx context.Context, t *task) error {
	result, err := f.cfg.Sandbox.Scan(ctx, Target{Artifact: t.artifact, MinTier: t.policy.MinTier()})
	if err != nil {
		return err
	}
	result.Datasets = nil
	for _, node := range inputsOf(t.sub.Lineage, hallmark.RoleDataset) {
		data, err := f.scanDataset(ctx, t, node)
		if err != nil {
			return fmt.Errorf("data set %q: %w", node.Name, err)
		}
		result.Datasets = append(result.Datasets, data)
	}
	t.version.Scan = &result
	t.enter(hallmark.StateScanned, JobPlan)
	return nil
}

func (f *Flow) scanDataset(ctx context.Context, t *task, node hallmark.LineageNode) (hallmark.DatasetScan, error) {
	artifact, err := f.cfg.Store.Artifact(ctx, node.Digest)
	if err != nil {
		return hallmark.DatasetScan{}, err
	}
	result, err := f.cfg.Sandbox.Scan(ctx, Target{Artifact: artifact, MinTier: t.policy.MinTier()})
	if err != nil {
		return hallmark.DatasetScan{}, err
	}
	return hallmark.DatasetScan{Name: node.Name, Digest: node.Digest, Findings: result.Findings}, nil
}

// inputsOf returns the distinct inputs of a lineage that have a role, in order.
func inputsOf(l hallmark.Lineage, role hallmark.Role) []hallmark.LineageNode {
	seen := make(map[hallmark.Digest]bool)
	var nodes []hallmark.LineageNode
	for _, step := range l.Steps {
		for _, in := range step.Inputs {
			if in.Role == role && !seen[in.Digest] {
				seen[in.Digest] = true
				nodes = append(nodes, in.LineageNode)
			}
		}
	}
	return nodes
}
