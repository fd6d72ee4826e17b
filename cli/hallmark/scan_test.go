package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// Pickles of protocol 2: an empty dictionary, and a call of os.system.
const (
	safePickle   = "\x80\x02}."
	unsafePickle = "\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."
)

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

// scanLines reads the output of scan -o json: one object a line, with these fields and no others.
func scanLines(t *testing.T, out string) []scan.FileVerdict {
	t.Helper()
	var list []scan.FileVerdict
	for line := range strings.Lines(out) {
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		var v scan.FileVerdict
		require.NoError(t, dec.Decode(&v), line)
		require.NotNil(t, v.Reasons, line)
		list = append(list, v)
	}
	return list
}

func TestScanOfATree(t *testing.T) {
	t.Parallel()

	dir := writeTree(t, map[string]string{
		"a/model.pkl": unsafePickle, "b.pkl": safePickle, "c.pt": "\x80\x02cposix\n", "weights.safetensors": safePickle,
	})
	require.NoError(t, os.Symlink("b.pkl", filepath.Join(dir, "link.pkl")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	got := command(t, nil, "scan", dir, "-o", "json")
	require.Equal(t, exitBlock, got.code, got.errout)

	verdicts, rules := map[string]scan.Verdict{}, map[string]string{}
	list := scanLines(t, got.out)
	for _, v := range list {
		rel, err := filepath.Rel(dir, v.Path)
		require.NoError(t, err)
		verdicts[rel] = v.Verdict
		for _, r := range v.Reasons {
			rules[rel] += r.Rule + " "
		}
	}
	require.Equal(t, map[string]scan.Verdict{
		"a/model.pkl": scan.Unsafe, "b.pkl": scan.Safe, "c.pt": scan.CannotParse, "weights.safetensors": scan.Unsafe, "link.pkl": scan.Unsafe, "pipe": scan.Unsafe,
	}, verdicts)
	require.Equal(t, map[string]string{
		"a/model.pkl": "pickle-global ", "c.pt": "cannot-parse ", "weights.safetensors": "wrong-extension ", "link.pkl": "link ", "pipe": "link ",
	}, rules)
	require.True(t, slices.IsSortedFunc(list, func(a, b scan.FileVerdict) int { return strings.Compare(a.Path, b.Path) }))
}

func TestScanExitCodes(t *testing.T) {
	t.Parallel()

	dir := writeTree(t, map[string]string{"safe.pkl": safePickle, "unsafe.pkl": unsafePickle, "cut.pkl": "\x80\x02}"})
	at := func(name string) string { return filepath.Join(dir, name) }
	require.Equal(t, exitOK, command(t, nil, "scan", at("safe.pkl")).code)
	require.Equal(t, exitOK, command(t, nil, "scan", tinychat+"naive-q8_0.gguf", at("safe.pkl")).code)
	require.Equal(t, exitBlock, command(t, nil, "scan", at("unsafe.pkl")).code)
	require.Equal(t, exitBlock, command(t, nil, "scan", at("cut.pkl")).code)
	require.Equal(t, exitUsage, command(t, nil, "scan").code)
	require.Equal(t, exitUsage, command(t, nil, "scan", at("nothing-here")).code)
	require.Equal(t, exitUsage, command(t, nil, "scan", at("safe.pkl"), "--sarif", at("no/such/directory")).code)

	var out, errw strings.Builder
	a := &app{out: &out, errw: &errw, getenv: os.Getenv, guest: func() ([]byte, error) { return nil, errors.New("no guest") }}
	require.Equal(t, exitUnsandboxed, a.run(t.Context(), []string{"scan", at("safe.pkl")}))
	require.Empty(t, out.String())
	a.guest = func() ([]byte, error) { return []byte("#!/bin/false\n"), nil }
	require.Equal(t, exitUnsandboxed, a.run(t.Context(), []string{"scan", at("safe.pkl")}), errw.String())
	require.Empty(t, out.String())
}

func TestScanPrintsATableAndSARIF(t *testing.T) {
	t.Parallel()

	dir := writeTree(t, map[string]string{"safe.pkl": safePickle, "un\x1bsafe.pkl": unsafePickle})
	sarif := filepath.Join(t.TempDir(), "out.sarif")
	got := command(t, nil, "scan", dir, "--sarif", sarif)
	require.Equal(t, exitBlock, got.code, got.errout)
	require.Regexp(t, `(?m)^unsafe +pickle .*safe.pkl\n +pickle-global +.*"system" of "posix"`, got.out)
	require.Regexp(t, `(?m)^2 files +1 safe, 1 unsafe, 0 cannot be parsed`, got.out)
	require.NotContains(t, got.out, "\x1b")

	raw, err := os.ReadFile(sarif)
	require.NoError(t, err)
	var log sarifLog
	require.NoError(t, json.Unmarshal(raw, &log))
	require.Len(t, log.Runs[0].Results, 2, "what it calls, and its name")
	r := log.Runs[0].Results[0]
	require.Equal(t, "pickle-global", r.RuleID)
	require.Equal(t, r.RuleID, log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID)
	require.NotContains(t, string(raw), dir)
}

func TestScanSaysThatItWasEnded(t *testing.T) {
	t.Parallel()

	var out strings.Builder
	o := scanOutput{w: &out, cut: true}
	require.NoError(t, o.add(scan.Judge("a", scan.FormatText, nil)))
	require.NoError(t, o.close())
	require.Contains(t, out.String(), "1 safe, 0 unsafe, 0 cannot be parsed; the scan was ended")
}

// What a colon would make a scheme, and what else has a meaning in a URI, names the file all the same.
func TestScanWritesURIs(t *testing.T) {
	t.Parallel()

	o := scanOutput{}
	for _, name := range []string{"a:b.pkl", "c d%20#?.pkl"} {
		require.NoError(t, o.add(scan.Judge(filepath.Join(t.TempDir(), name), scan.FormatPickle, []hallmark.Finding{{Rule: "pickle-global", Severity: hallmark.SeverityHigh}})))
	}
	var out strings.Builder
	require.NoError(t, o.writeSARIF(&out))
	var log sarifLog
	require.NoError(t, json.Unmarshal([]byte(out.String()), &log))
	for i, want := range []string{"a:b.pkl", "c d%20#?.pkl"} {
		u, err := url.Parse(log.Runs[0].Results[i].Locations[0].PhysicalLocation.ArtifactLocation.URI)
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimPrefix(u.Path, "./"))
		require.Empty(t, u.Scheme+u.Opaque+u.RawQuery+u.Fragment)
	}
}

func TestScanOfNothingIsNotSafe(t *testing.T) {
	t.Parallel()

	full := writeTree(t, map[string]string{"safe.pkl": safePickle})
	for _, args := range [][]string{{"scan", t.TempDir()}, {"scan", full, t.TempDir()}, {"scan", "--pii", t.TempDir()}} {
		got := command(t, nil, args...)
		require.Equal(t, exitUsage, got.code, got.errout)
		require.Contains(t, got.errout, "holds no files")
	}
}

// What the jailed process cannot see of a file: that it may be started, and how long the files beside it are.
func TestScanLooksAroundAFile(t *testing.T) {
	t.Parallel()

	dir := writeTree(t, map[string]string{
		"run.sh": "#!/bin/sh\necho\n", "start": "#!/bin/sh\necho\n", "weights.v2": "#!/bin/sh\necho\n", "plain.v2": "#!/bin/sh\necho\n", "safe.pkl": safePickle,
		"m/model.onnx": externalModel("w.data", 64), "m/short.onnx": externalModel("short.onnx.data", 64), "m/short.onnx.data": strings.Repeat("x", 64),
		"m/right.onnx": externalModel("right.onnx.data", 48), "m/right.onnx.data": strings.Repeat("x", 64),
	})
	for _, name := range []string{"run.sh", "start", "weights.v2", "safe.pkl"} {
		require.NoError(t, os.Chmod(filepath.Join(dir, name), 0o700))
	}
	got := command(t, nil, "scan", dir, "-o", "json")
	require.Equal(t, exitBlock, got.code, got.errout)
	reasons := map[string]string{}
	for _, v := range scanLines(t, got.out) {
		for _, r := range v.Reasons {
			rel, err := filepath.Rel(dir, v.Path)
			require.NoError(t, err)
			reasons[rel] += r.Rule + ": " + r.Detail
		}
	}
	require.Equal(t, map[string]string{
		"weights.v2":   "executable-file: the file may be started, and is a script, which its name does not say",
		"m/short.onnx": "onnx-external-data: short.onnx.data: the tensor data end at byte 80, the file has 64 bytes",
	}, reasons)
}

// externalModel is an ONNX model with one tensor of 16 bytes at a place of another file.
func externalModel(location string, offset int) string {
	field := func(number int, content string) string {
		return string([]byte{byte(number<<3 | 2), byte(len(content))}) + content
	}
	entry := func(key, value string) string { return field(13, field(1, key)+field(2, value)) }
	tensor := "\x08\x04\x10\x01" + field(8, "w") + "\x70\x01" + entry("location", location) + entry("offset", strconv.Itoa(offset))
	return "\x08\x08" + field(7, field(5, tensor)) + field(8, field(1, "")+"\x10\x11")
}

// Files are scanned side by side; their verdicts come in order all the same, each once, and a large file's among them.
func TestScanSideBySideKeepsTheOrder(t *testing.T) {
	t.Parallel()

	files := map[string]string{"m.txt": strings.Repeat("word ", smallFile/5+1)}
	for i := range 24 {
		files[string(rune('a'+i))+".pkl"] = safePickle
	}
	files["n.pkl"], files["z/hostile.pkl"] = unsafePickle, unsafePickle
	dir := writeTree(t, files)
	got := command(t, nil, "scan", filepath.Join(dir, "z"), dir, "-o", "json")
	require.Equal(t, exitBlock, got.code, got.errout)
	list := scanLines(t, got.out)
	require.Len(t, list, len(files)+1)
	require.Equal(t, list[0].Path, list[len(list)-1].Path)
	require.True(t, slices.IsSortedFunc(list[1:], func(a, b scan.FileVerdict) int { return strings.Compare(a.Path, b.Path) }))
	for _, v := range list {
		unsafe := slices.Contains([]string{"n.pkl", "hostile.pkl"}, filepath.Base(v.Path))
		require.Equal(t, unsafe, v.Verdict == scan.Unsafe, v.Path)
	}
}

// The first error ends the scan, and nothing is left running or told behind it.
func TestScanStopsAtAnError(t *testing.T) {
	t.Parallel()

	files := map[string]string{}
	for i := range 20 {
		files[string(rune('a'+i))+".pkl"] = safePickle
	}
	j, err := openJail(t.Context(), serverConfig{Threads: 1, RunMemory: scanMemory}, func() ([]byte, error) { return os.ReadFile(guestPath(t)) })
	require.NoError(t, err)
	full := errors.New("the disk is full")
	told := 0
	err = j.judgeFiles(t.Context(), []string{writeTree(t, files)}, func(_ scan.FileVerdict, done, total int64) error {
		told++
		require.EqualValues(t, told, done)
		require.EqualValues(t, 20, total)
		if told == 3 {
			return full
		}
		return nil
	})
	require.ErrorIs(t, err, full)
	require.Equal(t, 3, told)

	ctx, stop := context.WithCancel(t.Context())
	err = j.judgeFiles(ctx, []string{writeTree(t, files)}, func(_ scan.FileVerdict, done, _ int64) error {
		if done == 2 {
			stop()
		}
		require.Less(t, done, int64(20))
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
}
