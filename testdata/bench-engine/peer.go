package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The release of llama.cpp: its source (a git bundle) and its libraries for each kind of x86-64 processor.
const (
	peerPackage = "node-llama-cpp"
	peerVersion = "3.22.1"
	peerLibrary = "@node-llama-cpp/linux-x64"
	peerRelease = "v0.5.0"
)

//go:embed peer
var sources embed.FS

// peer is an installed llama.cpp.
type peer struct {
	dir  string // of the npm package and the source
	libs string
	bin  string // of our programs that use it
}

// install installs llama.cpp into cache and builds what uses it, unless that is there.
func install(ctx context.Context, cache string) (*peer, error) {
	dir := filepath.Join(cache, "peer")
	p := &peer{dir: dir, libs: filepath.Join(dir, "node_modules", peerLibrary, "bins/linux-x64"), bin: filepath.Join(dir, "bin")}
	if err := os.MkdirAll(p.bin, 0o755); err != nil {
		return nil, err
	}
	if !exists(filepath.Join(p.libs, "libllama."+peerRelease+".so")) {
		say("installing %s %s", peerPackage, peerVersion)
		if err := p.run(ctx, "npm", "install", "--prefix", dir, "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
			peerLibrary+"@"+peerVersion, peerPackage+"@"+peerVersion); err != nil {
			return nil, err
		}
	}
	if !exists(filepath.Join(dir, "llama.cpp", "include")) {
		if err := p.run(ctx, "git", "clone", "--quiet", filepath.Join("node_modules", peerPackage, "llama/gitRelease.bundle"), "llama.cpp"); err != nil {
			return nil, err
		}
	}
	return p, p.build(ctx)
}

// include lists directories of headers.
func include(dirs ...string) []string {
	var flags []string
	for _, d := range dirs {
		flags = append(flags, "-Illama.cpp/"+d)
	}
	return flags
}

// build builds our programs and two of llama.cpp's own.
func (p *peer) build(ctx context.Context) error {
	if err := p.unpack(); err != nil {
		return err
	}
	define := fmt.Sprintf("-DPEER_LIBS=%q", p.libs)
	for _, name := range []string{"gold", "worker"} {
		args := append([]string{"-O2", define, "src/" + name + ".cpp"}, include("include", "ggml/include")...)
		if err := p.compile(ctx, name, []string{"src/" + name + ".cpp", "src/peer.hpp"}, append(args, p.libraries(false)...)); err != nil {
			return err
		}
	}
	if err := p.compile(ctx, "machine", []string{"src/machine.cpp"}, []string{"-O3", "-march=native", "src/machine.cpp", "-lpthread"}); err != nil {
		return err
	}
	quantize, err := filepath.Glob(filepath.Join(p.dir, "llama.cpp/tools/quantize/*.cpp"))
	if err != nil {
		return err
	}
	args := append([]string{"-O1"}, quantize...)
	args = append(append(args, include("include", "ggml/include", "common", "vendor", "src")...), p.libraries(true)...)
	if err := p.compile(ctx, "llama-quantize", nil, args); err != nil {
		return err
	}
	return p.buildServer(ctx)
}

// buildServer builds llama.cpp's server without pictures, sound and pages for browsers. It takes a minute and a half.
func (p *peer) buildServer(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(p.dir, "llama.cpp/tools/server/*.cpp"))
	if err != nil {
		return err
	}
	if err := p.noPages(); err != nil {
		return err
	}
	headers := append([]string{"-O1", "-Isrc"}, include("include", "ggml/include", "common", "vendor", "tools/mtmd", "tools/server", "src", "")...)
	var objects []string
	for _, f := range append(files, "src/ui.cpp") {
		name := strings.TrimSuffix(filepath.Base(f), ".cpp") + ".o"
		if err := p.compile(ctx, name, nil, append(headers[:len(headers):len(headers)], "-c", f)); err != nil {
			return err
		}
		objects = append(objects, "bin/"+name)
	}
	args := append(append(append(headers, "src/no_mtmd.cpp"), objects...), p.libraries(true)...)
	return p.compile(ctx, "llama-server", []string{"src/no_mtmd.cpp"}, args)
}

// noPages fills in the templates of the server's pages: none.
func (p *peer) noPages() error {
	for _, name := range []string{"ui.h", "ui.cpp"} {
		b, err := os.ReadFile(filepath.Join(p.dir, "llama.cpp/tools/ui", name+".in"))
		if err != nil {
			return err
		}
		var out []string
		for line := range strings.Lines(string(b)) {
			if !strings.HasPrefix(line, "@ASSET") && !strings.HasPrefix(line, "#cmakedefine") {
				out = append(out, strings.NewReplacer("@N_ASSETS@", "0", "@USE_GZIP@", "false").Replace(line))
			}
		}
		if err := os.WriteFile(filepath.Join(p.dir, "src", name), []byte(strings.Join(out, "")), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) libraries(common bool) []string {
	names := []string{"libllama." + peerRelease + ".so", "libggml." + peerRelease + ".so", "libggml-base.so"}
	if common {
		names = append([]string{"libllama-common.so"}, names...)
	}
	var args []string
	for _, n := range names {
		args = append(args, filepath.Join(p.libs, n))
	}
	return append(args, "-Wl,-rpath,"+p.libs, "-Wl,-rpath-link,"+p.libs, "-lpthread")
}

// compile builds bin/name, unless what it is built from has not changed since.
func (p *peer) compile(ctx context.Context, name string, inputs, args []string) error {
	h := sha256.New()
	fmt.Fprintln(h, peerVersion, args)
	for _, in := range inputs {
		b, err := os.ReadFile(filepath.Join(p.dir, in))
		if err != nil {
			return err
		}
		h.Write(b)
	}
	stamp, digest := filepath.Join(p.bin, "."+name), hex.EncodeToString(h.Sum(nil))
	if old, err := os.ReadFile(stamp); err == nil && string(old) == digest && exists(filepath.Join(p.bin, name)) {
		return nil
	}
	say("building %s", name)
	if err := p.run(ctx, "g++", append([]string{"-std=c++17", "-o", filepath.Join(p.bin, name)}, args...)...); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(digest), 0o600)
}

// unpack writes our sources to src.
func (p *peer) unpack() error {
	files, err := fs.Glob(sources, "peer/*")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(p.dir, "src"), 0o755); err != nil {
		return err
	}
	for _, name := range files {
		b, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(p.dir, "src", filepath.Base(name)), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command in the peer's directory.
func (p *peer) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = p.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// say tells what takes time.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
