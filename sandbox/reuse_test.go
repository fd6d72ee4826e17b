package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/guest"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

// untrained is a model of one layer with random weights and tinychat's tokenizer. Its guest remembers 4,096 positions, of 300,000 (in a short run 120,000)
// that the prompts of the general pack have.
func untrained(t *testing.T) []byte {
	t.Helper()
	raw := modelFile(t, "guarded-q8_0.gguf")
	words, err := gguf.Parse(bytes.NewReader(raw), int64(len(raw)), gguf.Limits{})
	require.NoError(t, err)
	spec := genmodel.Spec{Arch: "llama", Embed: 64, Layers: 1, Heads: 1, Head: 1024, FF: 64, Tied: true, Type: gguf.Q8_0, Chat: true, Seed: 1, Tokenizer: words}
	var b bytes.Buffer
	require.NoError(t, spec.Write(&b))
	return b.Bytes()
}

// asked remembers the tokens of what a model is asked for texts.
type asked struct {
	*inside
	t       *testing.T
	prompts [][]int32
}

func (m *asked) GenerateAll(ctx context.Context, reqs []probe.GenerateRequest) ([]probe.Answer, error) {
	for _, req := range reqs {
		tokens, err := m.PromptTokens(ctx, req)
		require.NoError(m.t, err)
		ids := make([]int32, len(tokens))
		for i, tok := range tokens {
			ids[i] = tok.ID
		}
		m.prompts = append(m.prompts, ids)
	}
	return m.inside.GenerateAll(ctx, reqs)
}

// distinct is how many tokens have to be computed of prompts of which each beginning that some share is computed once, and the
// last token, whose logits are wanted, always; read is how many there are.
func distinct(prompts [][]int32) (computed, read int64) {
	prompts = slices.SortedFunc(slices.Values(prompts), slices.Compare[[]int32])
	for i, p := range prompts {
		same := 0
		for i > 0 && same < len(p)-1 && same < len(prompts[i-1]) && prompts[i-1][same] == p[same] {
			same++
		}
		computed, read = computed+int64(len(p)-same), read+int64(len(p))
	}
	return computed, read
}

// alone is a model that is asked one thing at a time.
type alone struct{ probe.WhiteBox }

// TestRunComputesWhatPromptsShareOnce runs the generating detectors of the general pack and counts the tokens of prompts that
// were computed: at most a twentieth more than the prompts have at all that are not the same. In what order a model is asked,
// and how much at a time, changes nothing of the report.
func TestRunComputesWhatPromptsShareOnce(t *testing.T) {
	t.Parallel()

	file := untrained(t)
	suite, err := probe.Builtin("chat")
	require.NoError(t, err)
	suite.Profiles = map[string][]string{probe.ProfileChat: generating(suite)}
	for i := range suite.Detectors { // what is generated is not counted
		suite.Detectors[i].MaxTokens = 4
		if !full() {
			suite.Detectors[i].Repeat = 1
		}
	}
	digest := func(m probe.Model) hallmark.Digest {
		res, err := sandbox.Run(t.Context(), sandbox.Plan{Model: m, ModelDigest: hallmark.DigestOf(file), Suite: suite, Profile: probe.ProfileChat})
		require.NoError(t, err)
		raw, err := hallmark.CanonicalJSON(res.Report)
		require.NoError(t, err)
		return hallmark.DigestOf(raw)
	}
	m := &asked{inside: serveWith(t, file, guest.Config{Threads: 2}), t: t}
	digest(m)
	n, err := told[wire.Counted](m.inside, wire.Count{})
	require.NoError(t, err)
	least, read := distinct(m.prompts)
	require.Equal(t, read, n.Read)
	t.Logf("%d prompts of %d tokens, %d computed (%.1f %% reused), %d at least", len(m.prompts), n.Read, n.Read-n.Reused, 100*float64(n.Reused)/float64(n.Read), least)
	require.GreaterOrEqual(t, n.Read-n.Reused, least)
	require.LessOrEqual(t, n.Read-n.Reused, least*21/20)

	for i := range suite.Detectors {
		suite.Detectors[i].Repeat, suite.Detectors[i].Templates = 1, 8
	}
	require.Equal(t, digest(serveWith(t, file, guest.Config{Threads: 1})), digest(alone{m.inside}))
}

// TestHalfOfThePromptsIsShared: at least half of the tokens that a run of the general pack asks with are what an earlier prompt
// begins with, whatever the vocabulary: tinychat's, and the public ones where they are at hand.
func TestHalfOfThePromptsIsShared(t *testing.T) {
	t.Parallel()

	vocabularies := map[string][]byte{"tinychat": modelFile(t, "guarded-q8_0.gguf")}
	if root := os.Getenv("HALLMARK_TESTDATA"); root != "" {
		files, err := filepath.Glob(filepath.Join(root, "vocab", "*.gguf"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			vocabularies[filepath.Base(file)], err = os.ReadFile(file)
			require.NoError(t, err)
		}
	}
	requests := requestsOf(t, "chat", probe.ProfileChat)
	for name, raw := range vocabularies {
		f, err := gguf.Parse(bytes.NewReader(raw), int64(len(raw)), gguf.Limits{})
		require.NoError(t, err)
		tokens, err := token.New(f)
		require.NoError(t, err)
		var prompts [][]int32
		for text := range requests {
			var ids []int32
			for _, tok := range tokens.Encode(text, token.EncodeOptions{}) {
				ids = append(ids, tok.ID)
			}
			prompts = append(prompts, ids)
		}
		computed, read := distinct(prompts)
		t.Logf("%s: %d prompts of %d tokens, %.1f %% shared", name, len(prompts), read, 100-100*float64(computed)/float64(read))
		require.LessOrEqual(t, 2*computed, read, name)
	}
}

// requestsOf are what the generating detectors of a suite ask, each once: both arms of the cases, and the plain requests.
func requestsOf(t *testing.T, suite, profile string) map[string]bool {
	t.Helper()
	s, err := probe.Builtin(suite)
	require.NoError(t, err)
	texts := map[string]bool{}
	add := func(req probe.GenerateRequest) {
		var b strings.Builder
		for _, m := range req.Messages {
			fmt.Fprintf(&b, "<s>%s\n%s</s>\n", m.Role, m.Content)
		}
		texts[b.String()+"<s>assistant\n"] = true
	}
	ids := generating(s)
	all, err := s.Cases(7, profile)
	require.NoError(t, err)
	for _, c := range all {
		if slices.Contains(ids, c.Detector) {
			add(c.Request)
			add(c.Control)
		}
	}
	for _, id := range ids {
		checks, err := s.Checks(7, profile, id)
		require.NoError(t, err)
		for _, c := range checks {
			add(c.Request)
		}
	}
	return texts
}

// generating are the detectors of a suite that have texts generated, perturb.word not among them.
func generating(suite *probe.Suite) []string {
	var ids []string
	for _, d := range suite.All() {
		if d.Kind == probe.Generating && suite.Applies(probe.ProfileChat, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}
