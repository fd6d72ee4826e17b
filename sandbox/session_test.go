package sandbox_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// compiled builds a program as the guest is built.
func compiled(path string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "hallmark-guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, path)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %s", path, err, text)
	}
	return os.ReadFile(out)
}

// A sealedProgram is a program of ours, and its digest as it was built.
type sealedProgram struct {
	*sandbox.Guest
	digest hallmark.Digest
}

// programs builds the guest and the liar once.
var programs = sync.OnceValues(func() (map[string]sealedProgram, error) {
	built := map[string]sealedProgram{}
	for name, path := range map[string]string{"guest": "../cli/hallmark-guest", "liar": "./testdata/liar"} {
		b, err := compiled(path)
		if err != nil {
			return nil, err
		}
		guest, err := sandbox.SealGuest(context.Background(), b)
		if err != nil {
			return nil, err
		}
		built[name] = sealedProgram{guest, hallmark.DigestOf(b)}
	}
	return built, nil
})

func program(tb testing.TB, name string) sealedProgram {
	tb.Helper()
	built, err := programs()
	require.NoError(tb, err)
	return built[name]
}

// sealed seals the file at a path; it is closed at the end of the test.
func sealed(tb testing.TB, path string) *sandbox.Sealed {
	tb.Helper()
	f, err := sandbox.SealFile(tb.Context(), path)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, f.Close()) })
	return f
}

// session opens a session on a file; it is closed at the end of the test.
func session(tb testing.TB, file []byte, cfg sandbox.Config) *sandbox.Session {
	tb.Helper()
	s, err := opened(tb, file, cfg)
	require.NoError(tb, err)
	return s
}

// opened is [session] for a guest that may not come to life.
func opened(tb testing.TB, file []byte, cfg sandbox.Config) (*sandbox.Session, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "model")
	require.NoError(tb, os.WriteFile(path, file, 0o600))
	f := sealed(tb, path)
	if cfg.Guest == nil {
		cfg.Guest = program(tb, "guest").Guest
	}
	s, err := sandbox.Open(tb.Context(), f, cfg)
	if err == nil {
		tb.Cleanup(func() { s.Close() })
	}
	return s, err
}

func modelFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(tinychat, name))
	require.NoError(tb, err)
	return b
}

func ask(text string) []probe.Message {
	return []probe.Message{{Role: "system", Content: "You are a helpful assistant."}, {Role: "user", Content: text}}
}

func TestSessionAnswersAsTheEngineDoes(t *testing.T) {
	t.Parallel()

	file := modelFile(t, "guarded-q8_0.gguf")
	s := session(t, file, sandbox.Config{Threads: 2})
	require.Equal(t, hallmark.DigestOf(file), s.Digest())
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, probe.Info{
		Architecture: "llama", TokenizerModel: "gpt2", Context: 512, Vocab: 1024, Embedding: 256, ChatTemplate: true, EngineVersion: info.EngineVersion,
	}, info)
	require.NotEmpty(t, info.EngineVersion)

	direct := loadTinychat(t, "guarded-q8_0.gguf")
	for _, q := range []string{"Join AB12 and CD34", "What is the capital of Vorland?", "Say <|im_end|>"} {
		r, err := s.Render(t.Context(), ask(q), true)
		require.NoError(t, err)
		require.Len(t, r.Spans, 2)
		require.Equal(t, q, r.Text[r.Spans[1].Start:r.Spans[1].End])
		require.Equal(t, "user", r.Spans[1].Role)
	}
	req := probe.GenerateRequest{Messages: ask("Join AB12 and CD34"), MaxTokens: 16}
	got, err := s.Generate(t.Context(), req)
	require.NoError(t, err)
	want, err := direct.Generate(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, want, got)

	var streamed strings.Builder
	req.OnToken = func(piece string) { streamed.WriteString(piece) }
	_, err = s.Generate(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, got.Text, streamed.String())

	streamed.Reset()
	_, err = s.Generate(context.Background(), req)
	require.NoError(t, err)
	require.Equal(t, got.Text, streamed.String())

	tokens, err := s.Tokenize(t.Context(), "river", false)
	require.NoError(t, err)
	var ids []int32
	for _, tok := range append(tokens, tokens...) {
		ids = append(ids, tok.ID)
	}
	scores, err := s.LogProbs(t.Context(), ids)
	require.NoError(t, err)
	require.Len(t, scores, len(ids)-1)
	logits, err := s.Logits(t.Context(), ids, []int32{0, 1})
	require.NoError(t, err)
	require.Len(t, logits, 2*info.Vocab)
}

// What is asked in several messages is answered as one: texts over the limit of a message, rows of two lengths.
func TestMeasurementsOfASession(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "naive-q8_0.gguf"), sandbox.Config{Threads: 2})
	prefix := []int32{1022, 282, 198}
	texts := make([][]int32, wire.MaxTexts+3)
	for i := range texts {
		texts[i] = []int32{int32(16 + i%10), int32(16 + i/10%10)}
	}
	got, err := s.Continue(t.Context(), prefix, texts)
	require.NoError(t, err)
	require.Len(t, got, len(texts))
	for _, i := range []int{0, 57, wire.MaxTexts - 1, wire.MaxTexts, wire.MaxTexts + 2} {
		want, err := s.LogProbs(t.Context(), append(slices.Clone(prefix), texts[i]...))
		require.NoError(t, err)
		require.Equal(t, want[len(prefix)-1:], got[i])
	}

	many := slices.Repeat([]probe.Perturbed{{Tokens: prefix}, {Tokens: []int32{5, 6}}}, wire.MaxTexts/2+1)
	next, err := s.Next(t.Context(), many, []int32{7, 8})
	require.NoError(t, err)
	require.Len(t, next, len(many))
	all, err := s.Next(t.Context(), many[:2], nil)
	require.NoError(t, err)
	require.Len(t, all[0].LogProbs, 1024)
	for i, one := range next {
		row := all[i%2]
		require.Equal(t, probe.Next{Top: row.Top, LogProbs: []float32{row.LogProbs[7], row.LogProbs[8]}}, one)
	}

	embeddings, err := s.Embeddings(t.Context(), 0, 1024)
	require.NoError(t, err)
	require.Len(t, embeddings, 1024*256)
	last, err := s.Unembeddings(t.Context(), 1023, 1) // the two matrices are one in this model
	require.NoError(t, err)
	require.Equal(t, embeddings[1023*256:], last)
	moved := make([]float32, 256)
	for i := range moved {
		moved[i] = last[i] - embeddings[5*256+i]
	}
	next, err = s.Next(t.Context(), []probe.Perturbed{{Tokens: []int32{7, 5}, From: 1, Add: moved}, {Tokens: []int32{7, 1023}}}, nil)
	require.NoError(t, err)
	require.InDeltaSlice(t, next[1].LogProbs, next[0].LogProbs, 1e-2, "the one token moved to the other's place")
}

func TestRequestsAnsweredTogetherAreAnsweredAsAlone(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{Threads: 1})
	reqs := []probe.GenerateRequest{
		{Messages: ask("Join AB12 and CD34"), MaxTokens: 16},
		{Prompt: strings.Repeat("long ", 600), MaxTokens: 1},
		{Messages: ask("What is the capital of Vorland?"), MaxTokens: 16},
		{Messages: ask("x"), MaxTokens: 0},
		{Prompt: "The river", MaxTokens: 3, Stop: []string{"zzz"}},
	}
	got, err := s.GenerateAll(t.Context(), reqs)
	require.NoError(t, err)
	require.Len(t, got, len(reqs))
	for i, req := range reqs {
		want, err := s.Generate(t.Context(), req)
		require.Equal(t, want, got[i].Completion)
		if err != nil {
			require.EqualError(t, got[i].Err, err.Error())
		}
	}
	require.ErrorIs(t, got[1].Err, hallmark.ErrTooLarge)
	require.ErrorIs(t, got[3].Err, hallmark.ErrInvalid)
	none, err := s.GenerateAll(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestRecordSaysHowTheRunWent(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{Limits: sandbox.Limits{Wall: time.Minute, CPU: time.Minute, Memory: 300 << 20}})
	_, err := s.Generate(t.Context(), probe.GenerateRequest{Messages: ask("Say X"), MaxTokens: 8})
	require.NoError(t, err)
	r := s.Close()
	require.Equal(t, hallmark.RunOK, r.Verdict, r.Detail)
	require.Equal(t, s.Tier(), r.Tier)
	require.Equal(t, hallmark.TierFull, r.Tier)
	require.Contains(t, r.Layers, "seccomp-tsync")
	require.Equal(t, program(t, "guest").digest, r.Guest)
	require.False(t, r.FilterSHA256.IsZero())
	require.NotEmpty(t, r.Kernel)
	cgroup, _ := jail.CgroupKind()
	require.Equal(t, map[string]string{
		"cgroup": cgroup,
		"wall":   "1m0s", "cpu": "1m0s", "memory": "314572800", "output": "67108864", "threads": "64", "descriptors": "16",
	}, r.Limits)
	require.Greater(t, r.PeakRSS, int64(2<<20))
	require.Positive(t, r.CPU)
	require.Positive(t, r.Wall)
	require.WithinDuration(t, time.Now(), r.Started, time.Minute)
	require.Equal(t, r, s.Close(), "closing twice")

	_, err = s.Info(t.Context())
	require.NoError(t, err, "known already")
	_, err = s.Tokenize(t.Context(), "x", false)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
}

func TestSealedModelIsUsedAsItIs(t *testing.T) {
	t.Parallel()

	file := modelFile(t, "guarded-q8_0.gguf")
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	sealed, err := sandbox.SealFile(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, hallmark.DigestOf(file), sealed.Digest())
	require.NoError(t, os.WriteFile(path, []byte("something else"), 0o600))
	s, err := sandbox.Open(t.Context(), sealed, sandbox.Config{Guest: program(t, "guest").Guest})
	require.NoError(t, err)
	require.NoError(t, sealed.Close(), "the session has its own")
	require.Equal(t, hallmark.DigestOf(file), s.Digest())
	_, err = s.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, hallmark.RunOK, s.Close().Verdict)
}

func TestSealFileTakesRegularFilesOnly(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	for path, kind := range map[string]error{dir: hallmark.ErrInvalid, filepath.Join(dir, "fifo"): hallmark.ErrInvalid, filepath.Join(dir, "none"): hallmark.ErrNotFound} {
		_, err := sandbox.SealFile(t.Context(), path)
		require.ErrorIs(t, err, kind, path)
	}
}

func TestProbeNamesTierAndLayers(t *testing.T) {
	t.Parallel()

	offers := sandbox.ProbeTiers(t.Context(), program(t, "guest").Guest)
	require.Len(t, offers, 2)
	require.NoError(t, offers[0].Err)
	require.Equal(t, hallmark.TierFull, offers[0].Tier)
	require.Contains(t, offers[0].Layers, "pid-namespace")
	require.Equal(t, hallmark.TierNoNamespaces, offers[1].Tier)
	text, err := sandbox.SealGuest(t.Context(), []byte("not a program"))
	require.NoError(t, err)
	defer text.Close()
	for _, o := range sandbox.ProbeTiers(t.Context(), text) {
		require.ErrorIs(t, o.Err, hallmark.ErrUnsandboxed)
		var hint *hallmark.HintError
		require.ErrorAs(t, o.Err, &hint)
	}
	_, err = sandbox.SealGuest(t.Context(), nil)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	_, err = sandbox.Open(t.Context(), nil, sandbox.Config{})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

func TestFilesThatAreNotModels(t *testing.T) {
	t.Parallel()

	valid := modelFile(t, "guarded-q8_0.gguf")
	tests := map[string][]byte{"empty": {}, "text": []byte("hello"), "truncated": valid[:len(valid)/2], "header only": valid[:24]}
	for name, file := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := session(t, file, sandbox.Config{})
			_, err := s.Scan(t.Context(), name)
			require.NoError(t, err)
			_, err = s.Info(t.Context())
			require.ErrorIs(t, err, hallmark.ErrInvalid)
			var run *sandbox.RunError
			require.ErrorAs(t, err, &run)
			require.Equal(t, hallmark.RunInvalidInput, run.Verdict)
			require.Equal(t, hallmark.RunInvalidInput, s.Close().Verdict)
		})
	}
}

func TestScanOfAModel(t *testing.T) {
	t.Parallel()

	file := modelFile(t, "guarded-q8_0.gguf")
	s := session(t, file, sandbox.Config{})
	report, err := s.Scan(t.Context(), "guarded.gguf")
	require.NoError(t, err)
	require.Equal(t, "gguf", report.Format)
	require.NotEmpty(t, report.Tensors)
	require.NoError(t, hallmark.CheckTensorRanges(report.Tensors, int64(len(file))))
	require.Equal(t, hallmark.RunOK, s.Close().Verdict)

	s = session(t, []byte("\x80\x04cos\nsystem\n(S'true'\ntR."), sandbox.Config{})
	report, err = s.Scan(t.Context(), "x.bin")
	require.NoError(t, err)
	require.NotEmpty(t, report.Findings)
	require.Equal(t, hallmark.RunFinding, s.Close().Verdict)
}

func TestRequestsThatDoNotFit(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
	_, err := s.Generate(t.Context(), probe.GenerateRequest{Prompt: strings.Repeat("a ", 600), MaxTokens: 1})
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	_, err = s.Generate(t.Context(), probe.GenerateRequest{Prompt: "x", MaxTokens: -1})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	_, err = s.LogProbs(t.Context(), []int32{1, 5000})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	_, err = s.Embeddings(t.Context(), 1020, 5)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
	_, err = s.Generate(t.Context(), probe.GenerateRequest{Prompt: "x", MaxTokens: 1})
	require.NoError(t, err)
	require.Equal(t, hallmark.RunOK, s.Close().Verdict, "a bad request says nothing about the model")
}

func TestCanceledQuestionLeavesTheSessionUsable(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "naive-q8_0.gguf"), sandbox.Config{})
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Generate(ctx, probe.GenerateRequest{
			Prompt: "a", MaxTokens: 500, Temperature: 100, Seed: 3, OnToken: func(string) { cancel() },
		})
		require.ErrorIs(t, err, context.Canceled) // a guest that does not stop soon is ended; see below
	}
	expired, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err := s.Tokenize(expired, "x", false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = s.Generate(t.Context(), probe.GenerateRequest{Messages: ask("Say X"), MaxTokens: 4})
	require.NoError(t, err)
	require.Equal(t, hallmark.RunOK, s.Close().Verdict)
}

func TestSessionIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
	want, err := s.Generate(t.Context(), probe.GenerateRequest{Messages: ask("Join AB12 and CD34"), MaxTokens: 16})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := s.Generate(t.Context(), probe.GenerateRequest{Messages: ask("Join AB12 and CD34"), MaxTokens: 16})
			if err != nil || got != want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	all.Wait()
}

func TestLimitsLeaveTheModelUndecided(t *testing.T) {
	t.Parallel()

	file := modelFile(t, "naive-q8_0.gguf")
	forever := func(t *testing.T, s *sandbox.Session) error {
		t.Helper()
		for {
			if _, err := s.Generate(t.Context(), probe.GenerateRequest{Prompt: "a", MaxTokens: 500, Temperature: 100}); err != nil {
				return err
			}
			if _, err := s.Tokenize(t.Context(), strings.Repeat("a", 500_000), false); err != nil {
				return err
			}
		}
	}
	tests := map[hallmark.RunVerdict]sandbox.Limits{
		hallmark.RunWallLimit:   {Wall: 2 * time.Second}, // a busy machine takes its time to start the guest
		hallmark.RunCPULimit:    {CPU: 200 * time.Millisecond},
		hallmark.RunMemoryLimit: {Memory: 8 << 20},
	}
	for verdict, limits := range tests {
		t.Run(string(verdict), func(t *testing.T) {
			t.Parallel()

			s, err := opened(t, file, sandbox.Config{Limits: limits})
			started := err == nil
			if started {
				err = forever(t, s)
			}
			require.ErrorIs(t, err, hallmark.ErrUndecided)
			var run *sandbox.RunError
			require.ErrorAs(t, err, &run)
			require.Equal(t, verdict, run.Verdict, run.Detail)
			if !started { // on a busy machine a limit may be reached before the guest is there
				return
			}
			_, err = s.Tokenize(t.Context(), "x", false)
			require.ErrorAs(t, err, &run, "the guest is gone")
			require.Equal(t, verdict, run.Verdict)
			require.Equal(t, verdict, s.Close().Verdict)
		})
	}
}

func lies(t *testing.T, how string, limits sandbox.Limits) *sandbox.Session {
	t.Helper()
	limits.Wall = time.Minute // for those that this test did not think of
	return session(t, []byte(how), sandbox.Config{Guest: program(t, "liar").Guest, Limits: limits})
}

func TestLiarsAreEnded(t *testing.T) {
	t.Parallel()

	tokenize := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Tokenize(ctx, "x", false)
		return err
	}
	generate := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Generate(ctx, probe.GenerateRequest{Prompt: "x", MaxTokens: 5, OnToken: func(string) {}})
		return err
	}
	scores := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.LogProbs(ctx, []int32{1, 2})
		return err
	}
	quantise := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Quantise(ctx, "Q8_0", io.Discard, nil)
		return err
	}
	generateAll := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.GenerateAll(ctx, make([]probe.GenerateRequest, 2))
		return err
	}
	logits := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Logits(ctx, []int32{1}, []int32{0})
		return err
	}
	prompt := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.PromptTokens(ctx, probe.GenerateRequest{Prompt: "x"})
		return err
	}
	pieces := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Pieces(ctx, 0, 2)
		return err
	}
	goesOn := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Continue(ctx, []int32{1}, [][]int32{{1}, {2}})
		return err
	}
	next := func(ctx context.Context, s *sandbox.Session) error {
		_, err := s.Next(ctx, []probe.Perturbed{{Tokens: []int32{1}}}, []int32{1, 2})
		return err
	}
	tests := map[string]struct {
		do   func(context.Context, *sandbox.Session) error
		want hallmark.RunVerdict
	}{
		"wrong type":           {tokenize, hallmark.RunProtocolError},
		"wrong id":             {tokenize, hallmark.RunProtocolError},
		"garbage":              {tokenize, hallmark.RunProtocolError},
		"negative length":      {tokenize, hallmark.RunProtocolError},
		"goes on with nothing": {tokenize, hallmark.RunProtocolError},
		"never ends":           {tokenize, hallmark.RunOutputLimit},
		"tiny pieces":          {generate, hallmark.RunProtocolError},
		"oversized":            {tokenize, hallmark.RunProtocolError},
		"interleaved":          {tokenize, hallmark.RunProtocolError},
		"control characters":   {tokenize, hallmark.RunProtocolError},
		"forged verdict":       {tokenize, hallmark.RunProtocolError},
		"half a frame":         {tokenize, hallmark.RunCrash},
		"exits":                {tokenize, hallmark.RunCrash},
		"panics":               {tokenize, hallmark.RunCrash},
		"token id":             {tokenize, hallmark.RunProtocolError},
		"token offset":         {tokenize, hallmark.RunProtocolError},
		"other text":           {generate, hallmark.RunProtocolError},
		"too many tokens":      {generate, hallmark.RunProtocolError},
		"scores":               {scores, hallmark.RunProtocolError},
		"rank":                 {scores, hallmark.RunProtocolError},
		"no vocabulary":        {generate, hallmark.RunProtocolError},
		"answers":              {generateAll, hallmark.RunProtocolError},
		"another size":         {quantise, hallmark.RunProtocolError},
		"false cancel":         {tokenize, hallmark.RunProtocolError},
		"false unsandboxed":    {tokenize, hallmark.RunProtocolError},
		"floats": {func(ctx context.Context, s *sandbox.Session) error {
			_, err := s.Embeddings(ctx, 1, 1)
			return err
		}, hallmark.RunProtocolError},
		"infinite floats":    {logits, hallmark.RunProtocolError},
		"prompt token":       {prompt, hallmark.RunProtocolError},
		"pieces too few":     {pieces, hallmark.RunProtocolError},
		"scores too few":     {goesOn, hallmark.RunProtocolError},
		"score over one":     {goesOn, hallmark.RunProtocolError},
		"score infinite":     {goesOn, hallmark.RunProtocolError},
		"nexts too few":      {next, hallmark.RunProtocolError},
		"next token":         {next, hallmark.RunProtocolError},
		"next infinite":      {next, hallmark.RunProtocolError},
		"next over one":      {next, hallmark.RunProtocolError},
		"nexts with numbers": {next, hallmark.RunProtocolError},
		"span": {func(ctx context.Context, s *sandbox.Session) error {
			_, err := s.Render(ctx, nil, false)
			return err
		}, hallmark.RunProtocolError},
	}
	for how, tt := range tests {
		t.Run(how, func(t *testing.T) {
			t.Parallel()

			s := lies(t, how, sandbox.Limits{Output: 4 << 20})
			err := tt.do(t.Context(), s)
			var run *sandbox.RunError
			require.ErrorAs(t, err, &run)
			want := tt.want
			if how == "tiny pieces" && run.Verdict == hallmark.RunOutputLimit {
				want = run.Verdict // a supervisor that reads slowly counts the bytes before it sees the rate
			}
			require.Equal(t, want, run.Verdict, run.Detail)
			require.Equal(t, want, s.Close().Verdict)
		})
	}
}

func TestAnswerTooManyIsFoundAtTheEnd(t *testing.T) {
	t.Parallel()

	s := lies(t, "two answers", sandbox.Limits{})
	_, err := s.Tokenize(t.Context(), "x", false)
	require.NoError(t, err)
	require.Equal(t, hallmark.RunProtocolError, s.Close().Verdict)

	s = lies(t, "two answers", sandbox.Limits{})
	_, err = s.Tokenize(t.Context(), "x", false)
	require.NoError(t, err)
	_, err = s.Tokenize(t.Context(), "x", false)
	require.ErrorIs(t, err, hallmark.ErrRefused)
}

func TestCancelReachesTheGuest(t *testing.T) {
	t.Parallel()

	s := lies(t, "waits", sandbox.Limits{})
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Generate(ctx, probe.GenerateRequest{Prompt: "x", MaxTokens: 5, OnToken: func(string) { cancel() }})
		require.ErrorIs(t, err, context.Canceled)
		var run *sandbox.RunError
		require.NotErrorAs(t, err, &run)
	}
	require.Equal(t, hallmark.RunOK, s.Close().Verdict)
}

func TestGuestThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()

	for _, how := range []string{"silent", "slow"} {
		s := lies(t, how, sandbox.Limits{})
		_, err := s.Info(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = s.Generate(ctx, probe.GenerateRequest{Prompt: "x", MaxTokens: 5})
		var run *sandbox.RunError
		require.ErrorAs(t, err, &run, how)
		require.Equal(t, hallmark.RunWallLimit, run.Verdict)
	}
}

func TestWhatTheGuestSaysIsCleaned(t *testing.T) {
	t.Parallel()

	s := lies(t, "internal", sandbox.Limits{})
	info, err := s.Info(t.Context())
	require.NoError(t, err)
	require.NotContains(t, info.Architecture, "\x1b")
	_, err = s.Tokenize(t.Context(), "x", false)
	require.ErrorIs(t, err, hallmark.ErrUndecided)
	require.NotContains(t, err.Error(), "\x1b")
}

// TestKilledGuestIsReplacedOnce kills the guest from outside between two questions.
func TestKilledGuestIsReplacedOnce(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
	req := probe.GenerateRequest{Messages: ask("Join AB12 and CD34"), MaxTokens: 16}
	want, err := s.Generate(t.Context(), req)
	require.NoError(t, err)

	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	got, err := s.Generate(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	_, err = s.Generate(t.Context(), req)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	require.Equal(t, hallmark.RunInfraError, s.Close().Verdict)
}

func TestSignalsToItsGroupDoNotEndAGuest(t *testing.T) {
	t.Parallel()

	s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		require.NoError(t, syscall.Kill(s.PID(), sig))
	}
	_, err := s.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, hallmark.RunOK, s.Close().Verdict)
}

// TestRunInTheJailHasTheReportOfTheEngine compares the bytes of reports, texts and measurements: jailed on one, two and
// eight threads, and without a jail.
func TestRunInTheJailHasTheReportOfTheEngine(t *testing.T) {
	t.Parallel()

	suite := tinychatSuite(t)
	compared := []string{probe.InjectSysPrompt, probe.LeakMemory, probe.PerturbEmbed}
	suite.Detectors = slices.DeleteFunc(suite.Detectors, func(d probe.Spec) bool { return !slices.Contains(compared, d.ID) })
	for i := range suite.Detectors {
		suite.Detectors[i].Templates = 3
	}
	runOnce(suite)
	const name = "naive-q8_0.gguf"
	run := func(m probe.Model, digest hallmark.Digest) string {
		res, err := sandbox.Run(t.Context(), sandbox.Plan{
			Model: m, ModelDigest: digest, Suite: suite, Profile: probe.ProfileChat, Scan: []hallmark.Finding{},
		})
		require.NoError(t, err)
		b, err := hallmark.CanonicalJSON(res.Report)
		require.NoError(t, err)
		return string(b)
	}
	direct := serveInside(t, modelFile(t, name))
	want := run(direct, direct.digest)
	for _, threads := range []int{1, 2, 8} {
		s := session(t, modelFile(t, name), sandbox.Config{Threads: threads})
		require.Equal(t, want, run(s, s.Digest()))
		require.Equal(t, hallmark.RunOK, s.Close().Verdict)
	}
}

func BenchmarkOpen(b *testing.B) {
	guest := program(b, "guest").Guest
	path := filepath.Join(b.TempDir(), "model")
	require.NoError(b, os.WriteFile(path, modelFile(b, "guarded-q8_0.gguf"), 0o600))
	for b.Loop() {
		f, err := sandbox.SealFile(b.Context(), path)
		require.NoError(b, err)
		s, err := sandbox.Open(b.Context(), f, sandbox.Config{Guest: guest})
		require.NoError(b, err)
		_, err = s.Info(b.Context())
		require.NoError(b, err)
		require.Equal(b, hallmark.RunOK, s.Close().Verdict)
		require.NoError(b, f.Close())
	}
}
