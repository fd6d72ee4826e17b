package sandbox_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
)

// verdictList reads the closed list of run verdicts out of the root package's source.
func verdictList(t *testing.T) []hallmark.RunVerdict {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "report.go"), nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var list []hallmark.RunVerdict
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "RunVerdict" {
				continue
			}
			for _, value := range v.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				require.NoError(t, err)
				list = append(list, hallmark.RunVerdict(text))
			}
		}
	}
	return list
}

// lied is the record of a guest of ours that, asked one thing, does as it is told. Before that it writes a verdict of its own
// to its log.
func lied(t *testing.T, how string, limits sandbox.Limits) hallmark.RunRecord {
	t.Helper()
	s, err := opened(t, []byte(how), sandbox.Config{Guest: program(t, "liar").Guest, Limits: limits})
	if run, ok := errors.AsType[*sandbox.RunError](err); ok { // on a busy machine a limit may be reached before the guest is there
		return hallmark.RunRecord{Verdict: run.Verdict, Detail: run.Detail}
	}
	require.NoError(t, err)
	_, err = s.Tokenize(t.Context(), "x", false)
	require.Error(t, err)
	return s.Close()
}

// verdictProducers makes each verdict come about in a run of a real guest in a real jail.
func verdictProducers() map[hallmark.RunVerdict]func(t *testing.T) hallmark.RunRecord {
	lie := func(how string, limits sandbox.Limits) func(t *testing.T) hallmark.RunRecord {
		if limits.Wall == 0 {
			limits.Wall = time.Minute // for a test that fails
		}
		return func(t *testing.T) hallmark.RunRecord { t.Helper(); return lied(t, how, limits) }
	}
	return map[hallmark.RunVerdict]func(t *testing.T) hallmark.RunRecord{
		hallmark.RunOK: func(t *testing.T) hallmark.RunRecord {
			t.Helper()
			s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
			_, err := s.Info(t.Context())
			require.NoError(t, err)
			return s.Close()
		},
		hallmark.RunFinding: func(t *testing.T) hallmark.RunRecord {
			t.Helper()
			s := session(t, []byte("cos\nsystem\n(S'true'\ntR."), sandbox.Config{})
			_, err := s.Scan(t.Context(), "x.pkl")
			require.NoError(t, err)
			return s.Close()
		},
		hallmark.RunInvalidInput: func(t *testing.T) hallmark.RunRecord {
			t.Helper()
			s := session(t, []byte("no model"), sandbox.Config{})
			_, err := s.Info(t.Context())
			require.Error(t, err)
			return s.Close()
		},
		hallmark.RunCrash:           lie("panics", sandbox.Limits{}),
		hallmark.RunPolicyViolation: lie("opens a file", sandbox.Limits{}),
		hallmark.RunCPULimit:        lie("spins", sandbox.Limits{CPU: 300 * time.Millisecond}),
		hallmark.RunWallLimit:       lie("silent", sandbox.Limits{Wall: 300 * time.Millisecond}),
		hallmark.RunMemoryLimit:     lie("eats", sandbox.Limits{Memory: 64 << 20}),
		hallmark.RunOutputLimit:     lie("never ends", sandbox.Limits{Output: 4 << 20}),
		hallmark.RunProtocolError:   lie("garbage", sandbox.Limits{}),
		hallmark.RunUnsandboxed: func(t *testing.T) hallmark.RunRecord {
			t.Helper()
			f := sealed(t, filepath.Join(tinychat, "guarded-q8_0.gguf"))
			truth, err := os.ReadFile("/bin/true") // which does not lock itself in
			require.NoError(t, err)
			guest, err := sandbox.SealGuest(t.Context(), truth)
			require.NoError(t, err)
			defer guest.Close()
			_, err = sandbox.Open(t.Context(), f, sandbox.Config{Guest: guest})
			run, ok := errors.AsType[*sandbox.RunError](err)
			require.True(t, ok, "%v", err)
			return hallmark.RunRecord{Verdict: run.Verdict, Detail: run.Detail}
		},
		hallmark.RunInfraError: func(t *testing.T) hallmark.RunRecord {
			t.Helper()
			s := session(t, modelFile(t, "guarded-q8_0.gguf"), sandbox.Config{})
			for range 2 { // the first one is replaced
				require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
				_, _ = s.Tokenize(t.Context(), "x", false)
			}
			return s.Close()
		},
	}
}

// TestEveryVerdictComesAbout ties the closed list to runs: a verdict that nothing produces fails it, and so does one that is
// not in the list. That each of the lying guests claims to be well changes none of them.
func TestEveryVerdictComesAbout(t *testing.T) {
	t.Parallel()

	producers := verdictProducers()
	require.ElementsMatch(t, verdictList(t), slices.Collect(maps.Keys(producers)))
	for verdict, run := range producers {
		t.Run(string(verdict), func(t *testing.T) {
			t.Parallel()

			r := run(t)
			require.Equal(t, verdict, r.Verdict, r.Detail)
			t.Log(r.Detail)
		})
	}
}
