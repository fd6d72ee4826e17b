// Command runner is the tests' program for jails of programs: a supervisor, the first process of the jail, and programs that
// attack it, by argument.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/jail/internal/weak"
	"github.com/hallmark-ml/hallmark/sandbox/jail/testdata/sabotage"
)

const port = 8080

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == jail.ProgramArg:
		weak.Off = layerToLeaveOut()
		os.Exit(jail.RunProgramInit())
	case len(os.Args) == 3 && os.Args[1] == "supervise":
		supervise(os.Args[2])
	case len(os.Args) >= 3 && os.Args[1] == "do":
		do(os.Args[2], os.Args[3:])
	default:
		fail(fmt.Errorf("unknown arguments %q", os.Args[1:]))
	}
}

// leaveOut begins a model that tells the first process of the jail to leave a layer out.
const leaveOut = "leave out "

func layerToLeaveOut() string {
	buf := make([]byte, 100)
	n, err := unix.Pread(3, buf, 0)
	if err != nil {
		return ""
	}
	layer, ok := strings.CutPrefix(string(buf[:n]), leaveOut)
	if !ok {
		return ""
	}
	return layer
}

func fail(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// job is what a supervisor is to do.
type job struct {
	Args, Env, Binds []string
	Model            string // its content
	MemoryMiB        int64
	CPU, Wall        time.Duration
	OutputKiB        int64
	ScratchMiB       int64
	Off              string    // a layer that the supervisor leaves out; the first process, if the model says so
	Sabotage         [2]string // a call of package sabotage, and how it fails
	Read             bool      // connect, and read to the end
	Wait             bool      // until the jail ends by itself; else stop it
}

// outcome is what it reports.
type outcome struct {
	Verdict hallmark.RunVerdict
	Detail  string
	Layers  []string
	Limits  map[string]string
	Log     string
	Output  string
	PeakRSS int64
	CPU     time.Duration
	WallMS  int64
	StartMS int64
	Open    int // descriptors of the supervisor beyond those before
}

func descriptors() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		fail(err)
	}
	return len(names)
}

func supervise(text string) {
	root, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	fail(err)
	_, err = unix.FcntlInt(uintptr(root), unix.F_DUPFD, 300) // without close-on-exec, as from a careless parent
	fail(err)
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		fail(err)
	}
	ctx := context.Background()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		fail(err)
	}
	program, _, err := jail.SealProgram(ctx, self)
	if err != nil {
		fail(err)
	}
	model, _, err := jail.Seal(ctx, "model", strings.NewReader(j.Model))
	if err != nil {
		fail(err)
	}
	r, w, err := os.Pipe() // the runtime's poller stays open from the first one on
	if err != nil {
		fail(err)
	}
	defer func() { fail(errors.Join(r.Close(), w.Close(), self.Close(), program.Close(), model.Close())) }()
	jail.CgroupKind() // opens what stays open
	before := descriptors()
	weak.Off = j.Off
	if j.Sabotage[0] != "" {
		fail(sabotage.Install(j.Sabotage[0], j.Sabotage[1]))
	}
	start := time.Now()
	p, err := jail.StartProgram(ctx, jail.ProgramSpec{
		Init: program, Args: j.Args, Env: j.Env, Port: port, Binds: j.Binds, Models: []jail.ProgramModel{{Name: "m.gguf", File: model}},
		Limits: jail.Limits{Memory: j.MemoryMiB << 20, CPU: j.CPU, Wall: j.Wall, Output: j.OutputKiB << 10}, Scratch: j.ScratchMiB << 20,
	})
	if run, ok := errors.AsType[*jail.RunError](err); ok {
		out := outcome{Verdict: run.Verdict, Detail: run.Detail}
		if j.Sabotage[0] == "" { // which may keep from counting, or pretend that descriptor 0 is another
			out.Open = descriptors() - before
		}
		fail(json.NewEncoder(os.Stdout).Encode(out))
		return
	}
	if err != nil {
		fail(err)
	}
	out := outcome{Layers: p.Layers(), Limits: p.Limits(), StartMS: time.Since(start).Milliseconds()}
	fmt.Fprintln(os.Stderr, "started", p.PID())
	if j.Read {
		out.Output = read(ctx, p)
	}
	if j.Wait {
		<-p.Done()
	}
	exit := p.Stop()
	out.Verdict, out.Detail, out.Log = exit.Verdict, exit.Detail, exit.Log
	out.PeakRSS, out.CPU, out.WallMS = exit.Usage.PeakRSS, exit.Usage.CPU, time.Since(start).Milliseconds()
	out.Open = descriptors() - before
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err)
	}
}

// read returns what the program sends on its first connection.
func read(ctx context.Context, p *jail.Program) string {
	for {
		conn, err := p.Dial(ctx)
		if err == nil {
			defer conn.Close()
			b, err := io.ReadAll(conn)
			return string(b) + errText(err)
		}
		select {
		case <-p.Done():
			return err.Error()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return " error: " + err.Error()
}

// serve gives text to whoever connects.
func serve(text string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		fail(err)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			fail(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}
