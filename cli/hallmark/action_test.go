package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/hallmark-ml/hallmark"
)

// An action is the part of a composite GitHub action that the test executes.
type action struct {
	Inputs map[string]struct {
		Default  string `yaml:"default"`
		Required bool   `yaml:"required"`
	} `yaml:"inputs"`
	Runs struct {
		Using string       `yaml:"using"`
		Steps []actionStep `yaml:"steps"`
	} `yaml:"runs"`
}

type actionStep struct {
	Name  string            `yaml:"name"`
	If    string            `yaml:"if"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	Run   string            `yaml:"run"`
}

// checkout makes a git repository with a model in it.
func checkout(t *testing.T, model string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "models"), 0o700))
	raw, err := os.ReadFile(tinychat + model)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "models", "model.gguf"), raw, 0o600))
	require.NoError(t, exec.CommandContext(t.Context(), "git", "init", "-q", dir).Run())
	return dir
}

// TestActionGatesAModel executes the steps of action.yml as a runner does, in a checkout with a good and with a bad model.
func TestActionGatesAModel(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("runs two suites")
	}

	for name, tt := range map[string]struct {
		model   string
		code    int
		verdict hallmark.Decision
	}{
		"good": {"guarded-q8_0.gguf", exitOK, hallmark.Allow},
		"bad":  {"naive-q8_0.gguf", exitBlock, hallmark.Block},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir, temp := checkout(t, tt.model), t.TempDir()
			code, log := runAction(t, dir, temp, map[string]string{"model": "models/model.gguf", "policy": "demo"})
			require.Equal(t, tt.code, code, log)
			outputs, err := os.ReadFile(filepath.Join(temp, "output"))
			require.NoError(t, err)
			require.Contains(t, string(outputs), "verdict="+string(tt.verdict)+"\n")
			require.Contains(t, string(outputs), "digest=sha256:")
			checkGateFiles(t, temp, tt.verdict)
		})
	}
}

// runAction executes the steps of the action whose condition holds and returns the last exit code.
func runAction(t *testing.T, dir, temp string, given map[string]string) (int, string) {
	t.Helper()
	raw, err := os.ReadFile("../../action.yml")
	require.NoError(t, err)
	var act action
	require.NoError(t, yaml.Unmarshal(raw, &act))
	require.Equal(t, "composite", act.Runs.Using)
	exe, err := os.Executable()
	require.NoError(t, err)
	given["hallmark"] = exe
	expressions := []string{"${{ github.action_path }}", dir}
	for name, in := range act.Inputs {
		value := first(given[name], in.Default)
		require.False(t, in.Required && value == "", name)
		expressions = append(expressions, "${{ inputs."+name+" }}", value)
	}
	replace := strings.NewReplacer(expressions...)
	var log strings.Builder
	ran := 0
	for _, step := range act.Runs.Steps {
		if step.If == "inputs.hallmark == ''" {
			continue // the program is given
		}
		require.Empty(t, step.If, "a condition that this test does not know")
		require.Equal(t, "bash", step.Shell)
		ran++
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &log, &log
		cmd.Env = append(os.Environ(), mainEnv+"=1", guestEnv+"="+guestPath(t), "RUNNER_TEMP="+temp,
			"GITHUB_OUTPUT="+filepath.Join(temp, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(temp, "summary"))
		for k, v := range step.Env {
			value := replace.Replace(v)
			require.NotContains(t, value, "${{", "an expression that this test does not know")
			cmd.Env = append(cmd.Env, k+"="+value)
		}
		if err := cmd.Run(); err != nil {
			return cmd.ProcessState.ExitCode(), log.String()
		}
	}
	require.Equal(t, 1, ran)
	return 0, log.String()
}

func checkGateFiles(t *testing.T, temp string, verdict hallmark.Decision) {
	t.Helper()
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(temp, name))
		require.NoError(t, err)
		return raw
	}
	var g gateResult
	require.NoError(t, json.Unmarshal(read("hallmark.json"), &g))
	raw, err := hallmark.CanonicalJSON(g.Report)
	require.NoError(t, err)
	require.Equal(t, g.ReportDigest, hallmark.DigestOf(raw))
	require.Equal(t, "models/model.gguf", g.Path)

	var suites junitSuites
	require.NoError(t, xml.Unmarshal(read("hallmark.xml"), &suites))
	require.Greater(t, suites.Tests, len(g.Report.Cases))
	var log sarifLog
	require.NoError(t, json.Unmarshal(read("hallmark.sarif"), &log))
	for _, r := range log.Runs[0].Results {
		require.Equal(t, "models/model.gguf", r.Locations[0].PhysicalLocation.ArtifactLocation.URI)
	}
	require.Contains(t, string(read("summary")), "Hallmark: "+strings.ToUpper(string(verdict)))
	if verdict == hallmark.Allow {
		return
	}
	require.Positive(t, suites.Failures)
	require.NotEmpty(t, log.Runs[0].Results)
	var detectors []string
	for _, r := range g.Verdict.Reasons {
		detectors = append(detectors, r.Detector)
	}
	require.Subset(t, detectors, []string{"inject.indirect", "inject.sysprompt", "leak.scan"})
}
