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

// fused matches the instructions of arm64 and riscv64, and of amd64, that a compiler contracts a product and a sum to.
var fused = regexp.MustCompile(`\b(FN?M(ADD|SUB)[SD]?|VFN?M(ADD|SUB)\d+S[SD])\b`)

// function matches the beginning of a function of the engine in a listing, and gives its package.
var function = regexp.MustCompile(`^github\.com/hallmark-ml/hallmark/engine/(\w+)\.\S+ STEXT`)

// contractions compiles packages of a folder for another machine, and returns the lines of its listing with fused
// instructions, and how many functions of which packages of the engine it has. Only compiled code is listed, not what is
// written in assembly, where they belong.
func contractions(t *testing.T, dir, goarch string, packages ...string) (found []string, functions map[string]int) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", append([]string{"build", "-gcflags=-S"}, packages...)...)
	build.Dir = dir
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOARCH="+goarch, "GOAMD64=v3")
	listing, err := build.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, build.Start())
	functions = map[string]int{}
	for in := bufio.NewScanner(listing); in.Scan(); {
		if m := function.FindStringSubmatch(in.Text()); m != nil {
			functions[m[1]]++
		}
		if fused.MatchString(in.Text()) {
			found = append(found, in.Text())
		}
	}
	require.NoError(t, build.Wait())
	return found, functions
}

// TestCompilersFuseNothing looks into object code for what rule 1 of the package comment keeps compilers from.
func TestCompilersFuseNothing(t *testing.T) {
	t.Parallel()

	for goarch, bad := range map[string]int{"arm64": 3, "riscv64": 3, "amd64": 2} { // amd64 fuses additions only
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			found, functions := contractions(t, "..", goarch, "./...")
			for _, pkg := range []string{"al", "kernel", "model", "batch", "sample", "quant", "grammar", "gguf"} {
				require.Greater(t, functions[pkg], 10, "functions of package %s in the listing", pkg)
			}
			require.Empty(t, found)

			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module bad\n"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.go"), []byte(`package bad

func Single(a, b, c float32) float32  { return a*b + c }
func Double(a, b, c float64) float64  { return a*b + c }
func Less(a, b, c float64) float64    { return c - a*b }
func Rounded(a, b, c float32) float32 { return float32(a*b) + c }
`), 0o600))
			found, _ = contractions(t, dir, goarch, ".")
			require.Len(t, found, bad, "the check itself: %q", found)
		})
	}
}
