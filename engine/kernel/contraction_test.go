package kernel_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// fused matches the instructions of arm64 and riscv64 that a compiler contracts a product and a sum to.
var fused = regexp.MustCompile(`\bFN?M(ADD|SUB)[SD]?\b`)

// contractions compiles packages of a folder for another machine, and returns the lines of its listing with fused
// instructions. Only compiled code is listed, not what is written in assembly, where they belong.
func contractions(t *testing.T, dir, goarch string, packages ...string) (found []string, lines int) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", append([]string{"build", "-gcflags=-S"}, packages...)...)
	build.Dir = dir
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOARCH="+goarch)
	listing, err := build.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, build.Start())
	for in := bufio.NewScanner(listing); in.Scan(); lines++ {
		if fused.MatchString(in.Text()) {
			found = append(found, in.Text())
		}
	}
	require.NoError(t, build.Wait())
	return found, lines
}

// TestCompilersFuseNothing looks into object code for what rule 1 of the package comment keeps compilers from.
func TestCompilersFuseNothing(t *testing.T) {
	t.Parallel()

	for _, goarch := range []string{"arm64", "riscv64"} {
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			found, lines := contractions(t, "..", goarch, "./...")
			require.Greater(t, lines, 50000, "the listing of all packages of the engine")
			require.Empty(t, found)

			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module bad\n"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(`package bad

func Single(a, b, c float32) float32  { return a*b + c }
func Double(a, b, c float64) float64  { return c - a*b }
func Rounded(a, b, c float32) float32 { return float32(a*b) + c }
`), 0o600))
			found, _ = contractions(t, dir, goarch, ".")
			require.Len(t, found, 2, "the check itself: %q", found)
		})
	}
}
