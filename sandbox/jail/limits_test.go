package jail_test

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// output runs testdata/escape and decodes what it prints.
func output(t *testing.T, as *syscall.Credential, into any, args ...string) {
	t.Helper()
	cmd := command(t, as, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, into), "%s", out)
}

// TestKillsLeaveNothing kills supervisors, and some guests, at random moments: in the middle of a start, of a run, of an
// end. HALLMARK_FULL=1 does it a thousand times.
func TestKillsLeaveNothing(t *testing.T) {
	t.Parallel()

	n := 5
	if full() {
		n = 500
	}
	for seed, tier := range tiers() {
		for user, as := range users() {
			t.Run(string(tier)+"/"+user, func(t *testing.T) {
				t.Parallel()

				var got struct{ Kills, Survivors, Descriptors, Files, Groups, Started int }
				output(t, as, &got, "kills", string(tier), strconv.Itoa(n), strconv.Itoa(seed))
				require.Equal(t, n, got.Kills)
				require.Zero(t, got.Survivors)
				require.LessOrEqual(t, got.Descriptors, 2, "the runtime's poller is all that is opened once")
				require.Zero(t, got.Files)
				require.Zero(t, got.Groups)
				t.Logf("%+v", got)
			})
		}
	}
}

// TestLimitsInFigures prints how far limits are overrun. Of memory that holds on any machine; how late a kill comes depends on
// what else the machine does.
func TestLimitsInFigures(t *testing.T) {
	if !full() {
		t.Parallel()
	}
	n := 4
	if full() {
		n = 200
	}
	var got struct {
		Peak       map[string]float64
		Late, Reap []float64
	}
	output(t, nil, &got, "figures", string(hallmark.TierFull), strconv.Itoa(n))
	for bomb, share := range got.Peak {
		require.LessOrEqual(t, share, 1.07, "%s: 5 %% of 256 MiB, and the program's own pages", bomb)
	}
	slices.Sort(got.Late)
	slices.Sort(got.Reap)
	t.Logf("peaks %v of the limit; wall kill late p50 %.0f ms, most %.0f ms; kill to reap p50 %.1f ms, p90 %.1f ms, p99 %.1f ms",
		got.Peak, got.Late[n/2], got.Late[n-1], got.Reap[n/2], got.Reap[n*9/10], got.Reap[n*99/100])
}

// A guest that is over its limit from the start ends at it: before or after it is locked in, which never reads as a host that cannot
// isolate.
func TestMemoryLimitBelowTheProgramItself(t *testing.T) {
	t.Parallel()

	file, err := os.Open(program)
	require.NoError(t, err)
	defer file.Close()
	sealed, _, err := jail.SealProgram(t.Context(), file)
	require.NoError(t, err)
	defer sealed.Close()
	model, _, err := jail.Seal(t.Context(), "empty", strings.NewReader(""))
	require.NoError(t, err)
	defer model.Close()
	for _, tier := range tiers() {
		p, err := jail.Start(t.Context(), jail.Spec{Program: sealed, Model: model, Tier: tier, Limits: jail.Limits{Memory: 1 << 20}})
		if err == nil {
			<-p.Done()
			err = p.Stop().Err()
		}
		var run *jail.RunError
		require.ErrorAs(t, err, &run)
		require.Equal(t, hallmark.RunMemoryLimit, run.Verdict, run.Detail)
		require.ErrorIs(t, err, hallmark.ErrUndecided)
	}
}

// A program's jail has no weaker one below it, and its hint names none.
func TestHintOfAProgramNamesNoWeakerJail(t *testing.T) {
	t.Parallel()

	require.NotContains(t, jail.Hint(hallmark.TierProgram), "minTier")
	require.Contains(t, jail.Hint(hallmark.TierProgram), "/proc")
	require.Contains(t, jail.Hint(hallmark.TierFull), "minTier")
}
