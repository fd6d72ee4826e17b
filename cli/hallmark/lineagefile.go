package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
)

// A lineageFile is what a submitter writes down: how each artifact was made, by paths relative to the file. The commands
// compute the digests and sign one statement a step.
type lineageFile struct {
	Steps []lineageEntry `yaml:"steps"`
}

type lineageEntry struct {
	Operation  hallmark.Operation `yaml:"operation"`
	Output     string             `yaml:"output"`
	Inputs     []lineageSource    `yaml:"inputs"`
	Parameters map[string]string  `yaml:"parameters"`
}

// A lineageSource is one input. A script names its commit, or lies unchanged in a git repository that tells it.
type lineageSource struct {
	Role   hallmark.Role `yaml:"role"`
	Path   string        `yaml:"path"`
	Commit string        `yaml:"commit"`
	Repo   string        `yaml:"repo"`
}

const maxLineageFile = 1 << 20

func readLineageFile(path string) (lineageFile, error) {
	var f lineageFile
	in, err := os.Open(path)
	if err != nil {
		return f, fmt.Errorf("lineage file: %w: %w", err, errUsage)
	}
	defer in.Close() // only read
	raw, err := io.ReadAll(io.LimitReader(in, maxLineageFile+1))
	if err != nil {
		return f, fmt.Errorf("lineage file: %w", err)
	}
	if len(raw) > maxLineageFile {
		return f, fmt.Errorf("lineage file %s: more than %d bytes: %w", path, maxLineageFile, hallmark.ErrTooLarge)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return f, hallmark.WithHint(fmt.Errorf("lineage file %s: %w: %w", path, err, hallmark.ErrInvalid), "see docs/lineage.md for its form")
	}
	if len(f.Steps) == 0 {
		return f, hallmark.WithHint(fmt.Errorf("lineage file %s: no steps: %w", path, hallmark.ErrInvalid), "see docs/lineage.md for its form")
	}
	return f, nil
}

// A lineageSet is a lineage file with its artifacts found and hashed.
type lineageSet struct {
	steps     []hallmark.LineageStep
	artifacts []localArtifact // each once
}

type localArtifact struct {
	path string
	node hallmark.LineageNode
}

// resolve hashes every artifact that the file names and looks up the commits of its scripts.
func (f lineageFile) resolve(ctx context.Context, dir string) (lineageSet, error) {
	r := lineageResolver{dir: dir, seen: map[string]localArtifact{}}
	var set lineageSet
	for i, e := range f.Steps {
		step, err := r.step(ctx, e)
		if err != nil {
			return set, fmt.Errorf("lineage step %d (%s): %w", i+1, e.Operation, err)
		}
		set.steps = append(set.steps, step)
	}
	set.artifacts = r.order
	return set, nil
}

type lineageResolver struct {
	dir   string
	seen  map[string]localArtifact
	order []localArtifact
}

func (r *lineageResolver) step(ctx context.Context, e lineageEntry) (hallmark.LineageStep, error) {
	step := hallmark.LineageStep{Operation: e.Operation, Parameters: e.Parameters}
	out, err := r.artifact(ctx, e.Output, hallmark.KindModel)
	if err != nil {
		return step, err
	}
	step.Output = out.node
	for _, in := range e.Inputs {
		art, err := r.artifact(ctx, in.Path, kindOf(in.Role))
		if err != nil {
			return step, err
		}
		input := hallmark.LineageInput{LineageNode: art.node, Role: in.Role, GitCommit: in.Commit, GitRepo: in.Repo}
		if in.Role == hallmark.RoleScript {
			if err := gitFacts(ctx, art.path, &input); err != nil {
				return step, err
			}
		}
		step.Inputs = append(step.Inputs, input)
	}
	return step, nil
}

// kindOf is the kind of artifact that a role takes; an unknown role is refused when the statement is built.
func kindOf(role hallmark.Role) hallmark.ArtifactKind {
	switch role {
	case hallmark.RoleScript:
		return hallmark.KindScript
	case hallmark.RoleBase:
		return hallmark.KindModel
	case hallmark.RoleDataset, hallmark.RoleConfig:
		return hallmark.KindDataset
	default:
		return hallmark.KindDataset
	}
}

func (r *lineageResolver) artifact(ctx context.Context, rel string, kind hallmark.ArtifactKind) (localArtifact, error) {
	if rel == "" {
		return localArtifact{}, fmt.Errorf("a path is missing: %w", hallmark.ErrInvalid)
	}
	path := rel
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, rel)
	}
	if known, ok := r.seen[path]; ok {
		return known, nil
	}
	fp, err := fingerprint.Compute(ctx, path, fingerprint.Options{Kind: kind})
	if err != nil {
		return localArtifact{}, err
	}
	art := localArtifact{path, hallmark.LineageNode{Name: fp.Name, Kind: kind, Dir: fp.Dir, Digest: fp.Digest, CID: fp.CID}}
	r.seen[path] = art
	r.order = append(r.order, art)
	return art, nil
}

// gitFacts fills in the commit that last changed a script, and its path in the repository. A script with uncommitted
// changes has no commit and is refused.
func gitFacts(ctx context.Context, path string, in *hallmark.LineageInput) error {
	if in.GitCommit != "" {
		if in.GitPath == "" {
			in.GitPath = filepath.Base(path)
		}
		return nil
	}
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", filepath.Dir(path)}, args...)...).Output() //nolint:gosec // the file that the user named
		return strings.TrimSpace(string(out)), err
	}
	name := filepath.Base(path)
	commit, err := git("log", "-1", "--format=%H", "--", name)
	if err != nil || commit == "" {
		return hallmark.WithHint(fmt.Errorf("script %s is in no git commit: %w", path, hallmark.ErrInvalid), "commit it, or give its commit in the lineage file")
	}
	changed, err := git("status", "--porcelain", "--", name)
	if err != nil || changed != "" {
		return hallmark.WithHint(fmt.Errorf("script %s has uncommitted changes: %w", path, hallmark.ErrInvalid), "commit it, or give its commit in the lineage file")
	}
	in.GitCommit = commit
	in.GitPath, err = git("ls-files", "--full-name", "--", name)
	if err != nil {
		return errors.Join(fmt.Errorf("script %s: asking git for its path", path), err)
	}
	if in.GitRepo == "" {
		if remote, err := git("remote", "get-url", "origin"); err == nil {
			in.GitRepo = publicURL(remote)
		}
	}
	return nil
}

// publicURL returns an https remote without the user and password that it may hold, and nothing for other remotes.
func publicURL(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.Scheme != "https" {
		return ""
	}
	u.User = nil
	return u.String()
}
