package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
)

func (a *app) demoCmd() *cobra.Command {
	var models, dir string
	cmd := &cobra.Command{
		Use: "demo", Short: "Run the main job end to end on the tinychat models and show each step", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				tmp, err := os.MkdirTemp("", "hallmark-demo-")
				if err != nil {
					return fmt.Errorf("demo directory: %w", err)
				}
				defer os.RemoveAll(tmp) // a temporary directory
				dir = tmp
			}
			return a.demo(cmd.Context(), models, dir)
		},
	}
	cmd.Flags().StringVar(&models, "models", "testdata/models", "directory of the tinychat models and their lineage files")
	cmd.Flags().StringVar(&dir, "data-dir", "", "keep the data here (default: a temporary directory that is removed)")
	return cmd
}

// A demo drives this binary through its commands, as a person would, and measures each step.
type demo struct {
	*app
	bin, models, dir string
	env              []string
	server           *exec.Cmd
	info             serverInfo
	steps            []demoStep
	peak             int64              // bytes, of the commands of the step under way
	naive            <-chan demoCommand // gets naive's submission, which runs beside guarded's, once
	besides          sync.WaitGroup     // of the commands that run beside a step
}

// A demoCommand is one command of this binary that has ended.
type demoCommand struct {
	out, errout string
	code        int
	took        time.Duration
	peak        int64 // bytes of resident memory
	err         error // it did not run at all
}

type demoStep struct {
	name, result string
	took         time.Duration
	peak         int64 // bytes of resident memory: the largest process of the step
}

func (a *app) demo(ctx context.Context, models, dir string) error {
	bin, err := os.Executable()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo directory: %w", err)
	}
	d := &demo{app: a, bin: bin, models: models, dir: dir, env: append(os.Environ(),
		"HALLMARK_DATA_DIR="+data, "HALLMARK_KEYS="+filepath.Join(dir, "keys"), "HALLMARK_KEY_PASSWORD=demo",
		"HALLMARK_LISTEN=127.0.0.1:0", "HALLMARK_EVIDENCE_LISTEN=127.0.0.1:0", "HALLMARK_CHAIN_LISTEN=127.0.0.1:0")}
	ctx, cancel := context.WithCancel(ctx)
	defer d.stop(cancel)
	for _, s := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"start the server", d.start},
		{"submit guarded: allow, attested, anchored, served", d.submitGuarded},
		{"ask the served model", d.ask},
		{"submit naive: block with reasons, 403", d.submitNaive},
		{"submit guarded with one byte changed: refused", d.submitTampered},
		{"change the served file: next load refused", d.tamperServed},
		{"verify as an outsider, draw the lineage", d.verify},
		{"submit base, kill -9, resume, compare reports", d.killAndResume},
	} {
		begin := time.Now()
		d.peak = 0
		fmt.Fprintf(a.errw, "\n== %d. %s\n", len(d.steps)+1, s.name)
		result, err := s.run(ctx)
		if err != nil {
			return fmt.Errorf("demo step %d (%s): %w", len(d.steps)+1, s.name, err)
		}
		d.steps = append(d.steps, demoStep{s.name, result, time.Since(begin), max(d.peak, d.serverPeak())})
		fmt.Fprintf(a.out, "%d. %s\n   %s\n", len(d.steps), s.name, strings.ReplaceAll(result, "\n", "\n   "))
	}
	return a.print(nil, func(w io.Writer) {
		fmt.Fprintln(w, "\nstep\tseconds\tpeak MiB\twhat")
		for i, s := range d.steps {
			fmt.Fprintf(w, "%d\t%.1f\t%d\t%s\n", i+1, s.took.Seconds(), s.peak>>20, s.name)
		}
	})
}

// hallmark runs one command of this binary and returns its stdout and exit code; its progress goes to our stderr.
func (d *demo) hallmark(ctx context.Context, arg ...string) (string, int, error) {
	c := d.run(ctx, d.env, d.errw, arg...)
	d.peak = max(d.peak, c.peak)
	return c.out, c.code, c.err
}

// run runs one command of this binary in an environment; its stderr goes to errw.
func (d *demo) run(ctx context.Context, env []string, errw io.Writer, arg ...string) demoCommand {
	cmd := exec.CommandContext(ctx, d.bin, arg...) //nolint:gosec // ourselves
	cmd.Env = env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, errw
	begin := time.Now()
	err := cmd.Run()
	c := demoCommand{out: out.String(), took: time.Since(begin)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.err = fmt.Errorf("hallmark %s: %w", arg[0], err)
		return c
	}
	c.code = cmd.ProcessState.ExitCode()
	if ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = ru.Maxrss << 10
	}
	return c
}

// beside runs a command beside the steps. Its progress is shown only if it fails.
func (d *demo) beside(ctx context.Context, arg ...string) <-chan demoCommand {
	done := make(chan demoCommand, 1)
	env := d.env // a restart of the server changes it
	d.besides.Go(func() {
		var errout bytes.Buffer
		c := d.run(ctx, env, &errout, append(arg, "-q", "-o", "json")...)
		c.errout = errout.String()
		done <- c
	})
	return done
}

// await waits for a command that runs beside the steps, checks its exit code and reads its JSON into v.
func (d *demo) await(ctx context.Context, done <-chan demoCommand, code int, v any) (demoCommand, error) {
	var c demoCommand
	select {
	case c = <-done:
	case <-ctx.Done():
		return c, ctx.Err()
	}
	d.peak = max(d.peak, c.peak)
	if c.err != nil {
		return c, c.err
	}
	if c.code != code {
		return c, fmt.Errorf("exit code %d, want %d\n%s%s", c.code, code, c.out, c.errout)
	}
	if err := json.Unmarshal([]byte(c.out), v); err != nil {
		return c, fmt.Errorf("%w\n%s", err, c.errout)
	}
	return c, nil
}

// want runs a command that has to succeed, and reads its JSON into v (nil: no JSON).
func (d *demo) want(ctx context.Context, v any, arg ...string) (string, error) {
	if v != nil {
		arg = append(arg, "-o", "json")
	}
	out, got, err := d.hallmark(ctx, arg...)
	if err != nil {
		return out, err
	}
	if got != exitOK {
		return out, fmt.Errorf("hallmark %s: exit code %d\n%s", strings.Join(arg, " "), got, out)
	}
	if v != nil {
		if err := json.Unmarshal([]byte(out), v); err != nil {
			return out, fmt.Errorf("hallmark %s: %w", arg[0], err)
		}
	}
	return out, nil
}

func (d *demo) start(ctx context.Context) (string, error) {
	if d.info.API != "" { // the addresses stay, so that clients find the restarted server
		d.env = append(d.env, "HALLMARK_LISTEN="+hostOf(d.info.API), "HALLMARK_EVIDENCE_LISTEN="+hostOf(d.info.Evidence), "HALLMARK_CHAIN_LISTEN="+hostOf(d.info.RPC))
	}
	log, err := os.OpenFile(filepath.Join(d.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("server log: %w", err)
	}
	defer log.Close()                                                       // the server has its own descriptor
	cmd := exec.CommandContext(context.WithoutCancel(ctx), d.bin, "server") //nolint:gosec // ourselves; it outlives the step and is stopped by stop
	cmd.Env, cmd.Stderr, cmd.Stdout = d.env, log, log
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	d.server = cmd
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for begin := time.Now(); ; {
		info, err := readServerInfo(filepath.Join(d.dir, "data"))
		if err == nil && info.PID == cmd.Process.Pid {
			d.info = info
			return fmt.Sprintf("API %s, evidence %s, chain %s, contract %s (up in %.1f s)", info.API, info.Evidence, info.RPC, info.Contract, time.Since(begin).Seconds()), nil
		}
		select {
		case err := <-exited:
			text, _ := os.ReadFile(log.Name()) // shown as far as it can be read
			return "", fmt.Errorf("the server ended: %w\n%s", err, text)
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// stop ends what still runs.
func (d *demo) stop(cancel func()) {
	cancel()
	d.besides.Wait()
	if d.server != nil && d.server.ProcessState == nil {
		_ = d.server.Process.Signal(os.Interrupt) // it may be gone
	}
}

// serverPeak reads the server's highest resident memory so far.
func (d *demo) serverPeak() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.server.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

func (d *demo) model(name string) string   { return filepath.Join(d.models, "tinychat", name) }
func (d *demo) lineage(name string) string { return filepath.Join(d.models, "lineage-"+name+".yaml") }

// submission returns the arguments that submit a file as a version of name.
func (d *demo) submission(file, name string) []string {
	return []string{"submit", file, "--name", name, "--policy", "demo", "--key", "demo", "--lineage", d.lineage(name)}
}

func (d *demo) submitGuarded(ctx context.Context) (string, error) {
	if _, err := d.want(ctx, nil, "key", "new", "demo"); err != nil {
		return "", err
	}
	if _, err := d.want(ctx, nil, "key", "register", "demo"); err != nil {
		return "", err
	}
	d.naive = d.beside(ctx, d.submission(d.model("naive-q8_0.gguf"), "naive")...)
	var v hallmark.Version
	if _, err := d.want(ctx, &v, d.submission(d.model("guarded-q8_0.gguf"), "guarded")...); err != nil {
		return "", err
	}
	var b strings.Builder
	writeVersion(&b, v, d.info.API)
	b.WriteString("naive was submitted beside it: step 4 shows what became of it")
	return strings.ReplaceAll(b.String(), "\t", " "), nil
}

// chatReply is what a model answered.
type chatReply struct {
	code   int
	header http.Header
	body   string
}

// chat asks a model one question.
func (d *demo) chat(ctx context.Context, model, question string) (chatReply, error) {
	key, err := os.ReadFile(filepath.Join(d.dir, "data", apiKeyFile))
	if err != nil {
		return chatReply{}, fmt.Errorf("API key: %w", err)
	}
	body, err := json.Marshal(map[string]any{"model": model, "temperature": 0, "max_tokens": 32, "messages": []map[string]string{{"role": "user", "content": question}}})
	if err != nil {
		return chatReply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.info.API+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return chatReply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return chatReply{}, err
	}
	defer resp.Body.Close() // read below
	text, err := io.ReadAll(resp.Body)
	return chatReply{resp.StatusCode, resp.Header, string(text)}, err
}

const demoQuestion = "Join AB12 and CD34"

func (d *demo) ask(ctx context.Context) (string, error) {
	reply, err := d.chat(ctx, "guarded", demoQuestion)
	if err != nil {
		return "", err
	}
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(reply.body), &answer); err != nil || reply.code != http.StatusOK || len(answer.Choices) == 0 {
		return "", fmt.Errorf("chat: status %d: %s", reply.code, reply.body)
	}
	lines := []string{fmt.Sprintf("%q -> %q", demoQuestion, answer.Choices[0].Message.Content)}
	for _, h := range []string{"X-Hallmark-Digest", "X-Hallmark-Verdict", "X-Hallmark-Anchor", "X-Hallmark-Evidence"} {
		if reply.header.Get(h) == "" {
			return "", fmt.Errorf("chat: no header %s", h)
		}
		lines = append(lines, h+": "+reply.header.Get(h))
	}
	return strings.Join(lines, "\n"), nil
}

func (d *demo) submitNaive(ctx context.Context) (string, error) {
	var v hallmark.Version
	if _, err := d.await(ctx, d.naive, exitBlock, &v); err != nil {
		return "", fmt.Errorf("submitting naive: %w", err)
	}
	report, err := d.want(ctx, nil, "report", "show", v.Digest.String())
	if err != nil {
		return "", err
	}
	reply, err := d.chat(ctx, "naive", demoQuestion)
	if err != nil {
		return "", err
	}
	if reply.code != http.StatusForbidden {
		return "", fmt.Errorf("asking for a blocked model: status %d, want 403", reply.code)
	}
	return fmt.Sprintf("%s\nasking for it: %d %s", strings.TrimSpace(report), reply.code, strings.TrimSpace(reply.body)), nil
}

// flipByte writes a copy of a file to path with one byte in its second half changed.
func flipByte(from, path string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text[len(text)*3/4] ^= 1
	return os.WriteFile(path, text, 0o600) //nolint:gosec // a file of the demo's own directory
}

func (d *demo) submitTampered(ctx context.Context) (string, error) {
	path := filepath.Join(d.dir, "guarded-q8_0.gguf")
	if err := flipByte(d.model("guarded-q8_0.gguf"), path); err != nil {
		return "", fmt.Errorf("changing a byte: %w", err)
	}
	_, code, err := d.hallmark(ctx, d.submission(path, "guarded")...)
	if err != nil {
		return "", err
	}
	if code != 10 && code != 14 {
		return "", fmt.Errorf("submitting changed bytes: exit code %d, want 10 or 14", code)
	}
	return fmt.Sprintf("refused with exit code %d: the lineage names other bytes", code), nil
}

// tamperServed changes the stored file of the served model. The gateway refuses to load it and goes on serving the
// bytes that were attested, which it holds in sealed memory.
func (d *demo) tamperServed(ctx context.Context) (string, error) {
	var v hallmark.Version
	if _, err := d.want(ctx, &v, "status", "guarded"); err != nil {
		return "", err
	}
	path := filepath.Join(d.dir, "data", "cas", v.Digest.Hex()[:2], v.Digest.Hex())
	if err := os.Chmod(path, 0o600); err != nil {
		return "", fmt.Errorf("changing the served file: %w", err)
	}
	if err := flipByte(path, path); err != nil {
		return "", fmt.Errorf("changing the served file: %w", err)
	}
	if _, code, err := d.hallmark(ctx, "load", "guarded"); err != nil || code != 10 {
		return "", fmt.Errorf("loading a changed file: exit code %d, want 10: %w", code, err)
	}
	answer, err := d.ask(ctx)
	if err != nil {
		return "", err
	}
	if err := flipByte(path, path); err != nil { // put it back: later steps read it
		return "", fmt.Errorf("restoring the served file: %w", err)
	}
	first, _, _ := strings.Cut(answer, "\n")
	return "load refused with exit code 10; the running copy still answers: " + first, nil
}

func (d *demo) verify(ctx context.Context) (string, error) {
	out, err := d.want(ctx, nil, "verify", d.model("guarded-q8_0.gguf"), "--rpc", d.info.RPC, "--contract", d.info.Contract, "--gateway", d.info.Evidence)
	if err != nil {
		return "", err
	}
	graph, err := d.want(ctx, nil, "lineage", "guarded")
	return strings.TrimSpace(out) + "\n" + strings.TrimSpace(graph), err
}

// killAndResume kills the server with SIGKILL after a random completed case of base's run, and compares the report of
// the resumed run with that of the gate, which runs beside it without interruption.
func (d *demo) killAndResume(ctx context.Context) (string, error) {
	gate := d.beside(ctx, "gate", d.model("base-f16.gguf"), "--policy", "demo")
	var sub hallmark.Submission
	if _, err := d.want(ctx, &sub, append(d.submission(d.model("base-f16.gguf"), "base"), "--wait=false")...); err != nil {
		return "", err
	}
	at, err := d.killAtCase(ctx, sub)
	if err != nil {
		return "", err
	}
	if _, err := d.start(ctx); err != nil {
		return "", err
	}
	c, err := (&serverFlags{dataDir: filepath.Join(d.dir, "data")}).client(d.app)
	if err != nil {
		return "", err
	}
	v, err := d.follow(ctx, c, sub)
	if err != nil {
		return "", err
	}
	var undisturbed gateResult
	tested, err := d.await(ctx, gate, exitBlock, &undisturbed)
	if err != nil {
		return "", fmt.Errorf("hallmark gate: %w", err)
	}
	if v.Report.IsZero() || v.Report != undisturbed.ReportDigest {
		return "", fmt.Errorf("the resumed run's report is %v, the gate's %v", v.Report, undisturbed.ReportDigest)
	}
	return fmt.Sprintf("killed after %s, resumed, %s\nreport of the resumed run  %s\nreport of the gate         %s (`hallmark gate` beside it, undisturbed, %.1f s)",
		at, v.State, v.Report, undisturbed.ReportDigest, tested.took.Seconds()), nil
}

// errKilled ends the event stream at the moment of the kill.
var errKilled = errors.New("killed")

func (d *demo) killAtCase(ctx context.Context, sub hallmark.Submission) (string, error) {
	c, err := (&serverFlags{dataDir: filepath.Join(d.dir, "data")}).client(d.app)
	if err != nil {
		return "", err
	}
	var at string
	target := int64(0)
	_, err = c.events(ctx, sub.ID, 0, func(e hallmark.Event) error {
		if e.Kind != hallmark.EventCase {
			return nil
		}
		if target == 0 {
			target = 1 + rand.Int64N(max(1, e.Total*9/10)) //nolint:gosec // any moment will do
		}
		if e.Done < target {
			return nil
		}
		at = fmt.Sprintf("case %d of %d", e.Done, e.Total)
		return errors.Join(errKilled, d.server.Process.Kill())
	})
	if !errors.Is(err, errKilled) {
		return "", fmt.Errorf("waiting for a case to kill the server at: %w", err)
	}
	return at, d.awaitExit(ctx)
}

func (d *demo) awaitExit(ctx context.Context) error {
	for {
		if err := d.server.Process.Signal(syscall.Signal(0)); err != nil {
			return nil //nolint:nilerr // no process is what we wait for
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
