package hallmark_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/hallmark-ml/hallmark"

// layers says which packages of ours each package may import (path.Match patterns below the module; "." is the root).
// The first matching row counts; a package without a row fails the test, so that every new package gets a place.
var layers = []struct {
	pkg string
	may []string
}{
	{".", nil},
	{"contracts", nil},
	{"engine/al", nil},
	{"sandbox/stats", nil},
	{"engine/*", []string{
		"engine/gguf", "engine/kernel", "engine/quant", "engine/token", "engine/template", "engine/model", "engine/sample", "engine/grammar",
	}},
	{"sandbox/wire", []string{"."}},
	{"sandbox/pii", []string{"."}},
	{"sandbox/pii/*", []string{".", "sandbox/pii"}},
	{"sandbox/scan", []string{".", "engine/gguf", "engine/template", "sandbox/pii"}},
	{"sandbox/probe", []string{".", "engine/al", "sandbox/pii", "sandbox/pii/*", "sandbox/probe/*", "sandbox/scan", "sandbox/stats"}},
	{"sandbox/probe/*", []string{"."}},
	{"sandbox/jail/internal/weak", nil},
	{"sandbox/jail", []string{".", "sandbox/wire", "sandbox/jail/internal/weak"}},
	{"sandbox/jail/*", []string{".", "sandbox/wire", "sandbox/jail"}},
	{"sandbox/openai", []string{".", "sandbox/probe"}},
	{"sandbox/guest", []string{
		".", "engine/batch", "engine/gguf", "engine/kernel", "engine/quant", "engine/token", "engine/template", "engine/model", "engine/sample", "engine/grammar",
		"sandbox/wire", "sandbox/jail", "sandbox/scan",
	}},
	{"sandbox", []string{".", "engine/al", "sandbox/jail", "sandbox/wire", "sandbox/openai", "sandbox/probe", "sandbox/scan", "sandbox/pii", "sandbox/pii/*", "sandbox/stats"}},
	{"attest/fingerprint", []string{"."}},
	{"attest/statement", []string{".", "attest/fingerprint"}},
	{"attest/oms", []string{".", "attest/fingerprint"}},
	{"attest/policy", []string{".", "attest/statement"}},
	{"attest/sign", []string{".", "attest/statement"}},
	{"attest/evidence", []string{".", "attest/statement"}},
	{"attest/tlog", []string{".", "attest/statement"}},
	{"chain", []string{".", "contracts", "chain/*"}},
	{"chain/*", []string{".", "contracts", "chain", "chain/*"}},
	{"server/pipeline", []string{".", "engine/al", "attest/statement", "attest/policy"}},
	{"server/store", []string{"."}},
	{"server/api", []string{".", "attest/policy", "server/pipeline"}},
	{"server/gateway", []string{".", "attest/policy", "server/pipeline"}},
	{"server/web", []string{".", "attest/policy", "server/pipeline"}},
	{"cli/hallmark", []string{
		".", "contracts", "engine/al", "engine/model", "engine/sample", "sandbox", "sandbox/jail", "sandbox/openai", "sandbox/probe", "sandbox/scan", "sandbox/stats", "sandbox/pii", "sandbox/pii/*", "attest/*",
		"chain", "chain/*", "server/*", "cli/hallmark/*",
	}},
	{"cli/hallmark/*", []string{
		".", "contracts", "engine/al", "engine/model", "engine/sample", "sandbox", "sandbox/jail", "sandbox/probe", "sandbox/scan", "sandbox/stats", "sandbox/pii", "sandbox/pii/*", "attest/*",
		"chain", "chain/*", "server/*", "cli/hallmark/*",
	}},
	{"cli/hallmark-guest", []string{"sandbox/guest"}},
}

// homes says where a third-party module may be imported outside tests; a prefix without a row is free.
var homes = []struct{ prefix, home string }{
	{"golang.org/x/sys/cpu", "engine/*"},
	{"golang.org/x/sys/unix", "sandbox/jail engine/kernel"}, // the kernels: what the machine says of itself at start
	{"golang.org/x/sys", "sandbox/jail"},
	{"github.com/nyaruka/phonenumbers", "sandbox/pii/*"},
	{"github.com/parquet-go", "sandbox/pii/*"}, // not sandbox/scan, which jailed processes link
	{"golang.org/x/net/html", "sandbox/probe"},
	{"github.com/yuin/goldmark", "sandbox/probe"},
	{"github.com/tdewolff/parse", "sandbox/probe"},
	{"mvdan.cc/sh", "sandbox/probe/splice"},
	{"github.com/tetratelabs/wazero", "sandbox/probe/module"},
	{"github.com/ipfs", "attest/evidence"},
	{"github.com/ipld", "attest/evidence"},
	{"github.com/libp2p", "attest/evidence"},
	{"github.com/sigstore", "attest/sign"},
	{"github.com/secure-systems-lab", "attest/sign"},
	{"github.com/in-toto", "attest/statement attest/oms"},
	{"github.com/transparency-dev", "attest/tlog"},
	{"github.com/google/cel-go", "attest/policy"},
	{"github.com/ethereum", "chain chain/*"},
	{"modernc.org", "server/store"},
	{"github.com/riverqueue", "server/store"},
	{"github.com/pressly/goose", "server/store"},
	{"github.com/jackc/pgx", "server/store"},
	{"github.com/go-chi/chi", "server/api server/gateway server/web"},
	{"github.com/spf13", "cli/hallmark cli/hallmark/*"},
	{"github.com/knadh/koanf", "cli/hallmark cli/hallmark/*"},
	{"github.com/vbauerster/mpb", "cli/hallmark cli/hallmark/*"},
	{"github.com/nikolalohinski/gonja", "nowhere"},
	{"github.com/dlclark/regexp2", "nowhere"},
	{"github.com/stretchr/testify", "chain/chaintest"},
}

// guestLibraries are the only modules outside the standard library that the jailed process links.
var guestLibraries = []string{"golang.org/x/sys"}

// gatewayBans are what the serving path must not link, directly or through others.
var gatewayBans = []string{
	"github.com/sigstore", "github.com/ipfs", "github.com/ipld", "github.com/libp2p", "github.com/ethereum",
	"k8s.io", "cuelang.org", "github.com/open-policy-agent",
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func goList(t *testing.T, goarch string, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Imports,Deps,Standard"}, args...)...)
	cmd.Env = append(os.Environ(), "GOARCH="+goarch, "GOOS=linux", "CGO_ENABLED=0")
	out, err := cmd.Output()
	require.NoError(t, err)
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
}

func relative(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, pkg)
		return err == nil && ok
	})
}

func within(prefix, importPath string) bool {
	return importPath == prefix || strings.HasPrefix(importPath, prefix+"/")
}

func TestImports(t *testing.T) {
	t.Parallel()

	for _, goarch := range []string{"amd64", "arm64", "riscv64"} {
		for _, p := range goList(t, goarch, "./...") {
			checkPackage(t, goarch, p)
		}
	}
}

func checkPackage(t *testing.T, goarch string, p listed) {
	t.Helper()
	pkg := relative(p.ImportPath)
	at := slices.IndexFunc(layers, func(l struct {
		pkg string
		may []string
	},
	) bool {
		return matches([]string{l.pkg}, pkg)
	})
	if at < 0 {
		t.Errorf("%s has no row in layers: place it", pkg)
		return
	}
	for _, imp := range p.Imports {
		if within(module, imp) {
			if !matches(layers[at].may, relative(imp)) {
				t.Errorf("%s: %s imports %s, which its row does not allow", goarch, pkg, relative(imp))
			}
			continue
		}
		for _, h := range homes {
			if within(h.prefix, imp) {
				if !matches(strings.Fields(h.home), pkg) {
					t.Errorf("%s: %s imports %s, whose home is %s", goarch, pkg, imp, h.home)
				}
				break
			}
		}
	}
}

func TestGuestLinksLittle(t *testing.T) {
	t.Parallel()

	allowed := []string{".", "cli/hallmark-guest", "engine/*", "sandbox/guest", "sandbox/scan", "sandbox/wire", "sandbox/jail", "sandbox/jail/internal/weak", "sandbox/pii"}
	for _, goarch := range []string{"amd64", "arm64", "riscv64"} {
		std := standard(t, goarch)
		for _, dep := range goList(t, goarch, "./cli/hallmark-guest")[0].Deps {
			switch {
			case within(module, dep):
				require.True(t, matches(allowed, relative(dep)) && relative(dep) != "engine/al", "%s: the guest links %s", goarch, dep)
			case slices.Contains(std, dep):
			default:
				require.True(t, slices.ContainsFunc(guestLibraries, func(m string) bool { return within(m, dep) }), "%s: the guest links %s", goarch, dep)
			}
		}
	}
}

func TestGatewayLinksNoAdapters(t *testing.T) {
	t.Parallel()

	for _, dep := range goList(t, "amd64", "./server/gateway")[0].Deps {
		for _, banned := range gatewayBans {
			require.False(t, within(banned, dep), "server/gateway links %s", dep)
		}
	}
}

func standard(t *testing.T, goarch string) []string {
	t.Helper()
	var names []string
	for _, p := range goList(t, goarch, "std") {
		names = append(names, p.ImportPath)
	}
	return names
}
