package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/api"
)

// TestReviewTour runs the commands of docs/review.md, with what must not work in between: the wrong people, the wrong
// keys, the wrong report. The second version of the line is tested after the first, and decided by a server that is killed.
func TestReviewTour(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile("../../docs/review.md")
	require.NoError(t, err)
	blocks := tourBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 4)
	w := newWorkspace(t)
	server := w.serve(t)
	w.runBlock(t, blocks[0])
	w.runBlock(t, blocks[1])
	w.refusedReviews(t)
	w.runBlock(t, blocks[2])
	w.runBlock(t, blocks[3])
	v := w.status(t, "tiny")
	require.Equal(t, hallmark.StateServing, v.State)
	code, out := w.sh(t, `hallmark review decide tiny --block --key bob --comment again --api-key "$(cat bob.token)"`)
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, "decided allow before")
	code, out = w.verifyReview(t, v.EvidenceCID)
	require.Equal(t, 13, code, out)
	if testing.Short() {
		return
	}
	w.killModel(t, server)
	w.decideAndKill(t, server, v)
	w.revokedKeys(t)
}

func (w *workspace) status(t *testing.T, name string) hallmark.Version {
	t.Helper()
	code, out := w.sh(t, "hallmark status "+name+" -o json")
	require.Zero(t, code, out)
	var v hallmark.Version
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	return v
}

func (w *workspace) verifyReview(t *testing.T, cid string) (int, string) {
	t.Helper()
	return w.sh(t, strings.Join([]string{
		"hallmark verify testdata/models/tinychat/base-f16.gguf --rpc", w.info.RPC, "--contract", w.info.Contract, "--gateway", w.info.Evidence, "--review", cid,
	}, " "))
}

// refusedReviews tries what nobody may do, and finds the version as it was.
func (w *workspace) refusedReviews(t *testing.T) {
	t.Helper()
	before := w.status(t, "tiny")
	const bob = ` --api-key "$(cat bob.token)"`
	for name, tt := range map[string]struct {
		script string
		code   int
	}{
		"no reviewer":                     {"hallmark review decide tiny --allow --key alice --comment x", exitUsage},
		"the submitter's key":             {"hallmark review decide tiny --allow --key alice --comment x" + bob, 12},
		"a key that nobody registered":    {"hallmark key new eve >/dev/null; hallmark review decide tiny --allow --key eve --comment x" + bob, 12},
		"the submitter, as a reviewer":    {"hallmark key register eve --role reviewer", exitUsage},
		"allow and block":                 {"hallmark review decide tiny --allow --block --key bob --comment x" + bob, exitUsage},
		"no comment":                      {"hallmark review decide tiny --allow --key bob --comment ''" + bob, exitUsage},
		"no finding of it":                {"hallmark review decide tiny --allow --problem x-1 --key bob --comment x" + bob, exitUsage},
		"no version that waits":           {"hallmark review decide nothing --allow --key bob --comment x" + bob, exitUsage},
		"an API key by one without right": {"hallmark apikey new eve --admin" + bob, exitUsage},
	} {
		code, out := w.sh(t, tt.script)
		require.Equal(t, tt.code, code, "%s: %s", name, out)
	}
	code, out := w.decideOtherReport(t, before)
	require.Equal(t, http.StatusUnprocessableEntity, code, out)
	require.Contains(t, out, `"type":"predicate"`)
	require.Equal(t, before, w.status(t, "tiny"))
}

// decideOtherReport sends the reviewer's signature on a decision about another report.
func (w *workspace) decideOtherReport(t *testing.T, v hallmark.Version) (int, string) {
	t.Helper()
	private, err := os.ReadFile(filepath.Join(w.dir, "keys", "bob.key"))
	require.NoError(t, err)
	key, err := sign.LoadKey(private, []byte("change-me"))
	require.NoError(t, err)
	text, err := statement.Review(statement.ReviewClaim{
		Subject: hallmark.LineageNode{Name: "base-f16.gguf", Kind: hallmark.KindModel, Digest: v.Digest}, Decision: hallmark.Allow, Comment: "x",
		Report: hallmark.Digest{1}, ReportCID: v.ReportCID, Evidence: v.Evidence, EvidenceCID: v.EvidenceCID, Time: time.Now(),
	})
	require.NoError(t, err)
	bundle, err := key.Sign(t.Context(), text)
	require.NoError(t, err)
	body, err := json.Marshal(api.DecisionRequest{Bundle: string(bundle)})
	require.NoError(t, err)
	token, err := os.ReadFile(filepath.Join(w.dir, "bob.token"))
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.info.API+"/api/v1/reviews/tiny/decision", strings.NewReader(string(body)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(out)
}

// killModel kills the jailed process of the served model. A session replaces the first one itself; after the second the
// model is loaded again.
func (w *workspace) killModel(t *testing.T, server *exec.Cmd) {
	t.Helper()
	ask := `curl -s -o /dev/null -w '%{http_code}' "http://` + hostOf(w.info.API) + `/v1/completions" -H "Authorization: Bearer $(cat .hallmark/api-key)" -d '{"model": "tiny", "prompt": "Join", "max_tokens": 4}'`
	code, out := w.sh(t, ask)
	require.Zero(t, code, out)
	require.Equal(t, "200", out)
	for _, want := range []string{"200", "503"} {
		for _, pid := range childrenOf(t, server.Process.Pid) {
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		_, out = w.sh(t, ask)
		require.Equal(t, want, out)
	}
	require.Eventually(t, func() bool {
		_, out := w.sh(t, ask)
		return out == "200"
	}, time.Minute, 100*time.Millisecond)
}

func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	var children []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		require.NoError(t, err)
		for field := range strings.FieldsSeq(string(text)) {
			child, err := strconv.Atoi(field)
			require.NoError(t, err)
			children = append(children, child)
		}
	}
	require.NotEmpty(t, children)
	return children
}

// decideAndKill submits another version of the line, kills the server right behind the decision, and finds it followed by
// the next one.
func (w *workspace) decideAndKill(t *testing.T, server *exec.Cmd, first hallmark.Version) {
	t.Helper()
	code, out := w.sh(t, "hallmark submit testdata/models/tinychat/guarded-q8_0.gguf --name tiny --policy ./seen.yaml --profile completion --key alice --lineage testdata/models/lineage-guarded.yaml")
	require.Equal(t, exitChallenge, code, out)
	v := w.status(t, "tiny")
	require.Equal(t, first.Digest, v.Runs[0].Previous.Model, "tested after the first one")
	require.Equal(t, first.Report, v.Runs[0].Previous.Report)
	require.Equal(t, first.Runs[0].Seed, v.Runs[0].Seed)
	code, out = w.sh(t, `hallmark review decide tiny --block --key bob --comment "not this one" --wait=false --api-key "$(cat bob.token)"`)
	require.NoError(t, server.Process.Kill())
	require.Zero(t, code, out)
	require.Eventually(t, func() bool { return server.Process.Signal(syscall.Signal(0)) != nil }, 10*time.Second, 10*time.Millisecond)
	w.serve(t)
	require.Eventually(t, func() bool { return w.status(t, v.Digest.String()).State == hallmark.StateBlocked }, time.Minute, 100*time.Millisecond)
	v = w.status(t, v.Digest.String())
	require.Contains(t, []hallmark.AnchorState{hallmark.AnchorSafe, hallmark.AnchorFinal}, v.Review.Anchor.State, "as deep as the policy asks")
	code, out = w.sh(t, "curl -sf http://"+hostOf(w.info.API)+"/healthz")
	require.Zero(t, code, out)
	var health api.Health
	require.NoError(t, json.Unmarshal([]byte(out), &health))
	require.Equal(t, "running", health.Feedback.State)
	require.Greater(t, health.Feedback.Learned, health.Feedback.Taken, "the journal was replayed")
	code, out = w.sh(t, "curl -sf http://"+hostOf(w.info.API)+"/metrics")
	require.Zero(t, code, out)
	require.Regexp(t, `(?m)^al_feedback_running\{.*\} 1$`, out)
	require.Regexp(t, `(?m)^al_feedback_learned\{.*\} [1-9]`, out)
	if os.Getenv("HALLMARK_FULL") == "1" { // one more run of the suite
		code, out = w.sh(t, "hallmark reproduce tiny testdata/models/tinychat/guarded-q8_0.gguf")
		require.Zero(t, code, out)
		require.Contains(t, out, "every byte")
	}
}

// revokedKeys ends the reviewer's API key.
func (w *workspace) revokedKeys(t *testing.T) {
	t.Helper()
	code, out := w.sh(t, `id=$(hallmark apikey list | awk '$2 == "bob" {print $1}'); hallmark apikey revoke "$id"; hallmark apikey list`)
	require.Zero(t, code, out)
	code, out = w.sh(t, `hallmark review list --api-key "$(cat bob.token)"`)
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, "revoked")
	code, out = w.sh(t, "hallmark apikey revoke 1")
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, "last one of an admin")
}
