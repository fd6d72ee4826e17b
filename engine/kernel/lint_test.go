package kernel_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unrounded returns the positions of float products that a compiler may fuse with an addition: all that do not stand
// directly inside a conversion to float32 or float64.
func unrounded(fset *token.FileSet, files []*ast.File, info *types.Info) []string {
	var found []string
	rounded := map[ast.Expr]bool{}
	report := func(n ast.Node) { found = append(found, fset.Position(n.Pos()).String()) }
	isFloat := func(e ast.Expr) bool {
		t := info.TypeOf(e)
		if t == nil {
			return true // not understood, so not allowed
		}
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if len(n.Args) == 1 && info.Types[n.Fun].IsType() && isFloat(n) {
					rounded[ast.Unparen(n.Args[0])] = true
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL && info.Types[n].Value == nil && isFloat(n) && !rounded[n] {
					report(n)
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && isFloat(n.Lhs[0]) {
					report(n)
				}
			}
			return true
		})
	}
	return found
}

// check type-checks the non-test files of a package for all build tags that this machine has, and returns its products.
func check(t *testing.T, fset *token.FileSet, imp types.Importer, name string, sources map[string]any) []string {
	t.Helper()
	var files []*ast.File
	for path, src := range sources {
		f, err := parser.ParseFile(fset, path, src, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, f)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	_, err := (&types.Config{Importer: imp}).Check(name, fset, files, info)
	require.NoError(t, err)
	return unrounded(fset, files, info)
}

// TestFloatProductsAreRounded reads the sources of the engine for products that break rule 1 of the package comment.
func TestFloatProductsAreRounded(t *testing.T) {
	t.Parallel()

	fset := token.NewFileSet()
	imp := importer.ForCompiler(fset, "source", nil)
	machine := regexp.MustCompile(`_(amd64|arm64|riscv64)\.go$`) // these call assembly, and declare what generic.go has
	packages, err := os.ReadDir("..")
	require.NoError(t, err)
	require.Greater(t, len(packages), 7)
	for _, p := range packages {
		pkg := p.Name()
		entries, err := os.ReadDir(filepath.Join("..", pkg))
		require.NoError(t, err)
		sources := map[string]any{}
		for _, e := range entries {
			name := e.Name()
			if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !machine.MatchString(name) {
				sources[filepath.Join("..", pkg, name)] = nil
			}
		}
		require.Empty(t, check(t, fset, imp, pkg, sources), "float products without a conversion around them")
	}

	require.Len(t, check(t, fset, imp, "bad", map[string]any{"bad.go": `package bad
func f(a, b, c float32, n int) float32 {
	p := a * b                 // 1
	p *= c                     // 2
	n = n * n
	return float32(a*b) + float32((b * c)) + p + 2*3.0*float32(n) + float32(a*(b*c)) // 3: times n; 4: b*c
}`}), 4, "the check itself")
}
