package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/jail/internal/weak"
	"github.com/hallmark-ml/hallmark/sandbox/jail/testdata/sabotage"
)

// canaries are listeners that nothing in the jail may reach.
type canaries struct {
	order    order
	contacts atomic.Int64
}

func setCanaries() *canaries {
	dir, err := os.MkdirTemp("", "escape")
	must(err)
	c := &canaries{order: order{Canary: filepath.Join(dir, "canary"), WorkDir: dir, Parent: os.Getpid(), Unix: fmt.Sprintf("hallmark-escape-%d", os.Getpid())}}
	must(os.Chmod(dir, 0o755)) // nothing but the jail keeps anybody out
	must(os.WriteFile(c.order.Canary, []byte(canary), 0o644))
	must(os.Setenv("HALLMARK_CANARY", canary))
	_, err = unix.Open(c.order.Canary, unix.O_RDONLY, 0) // without close-on-exec, as from a careless parent
	must(err)

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	c.order.TCP = tcp.Addr().(*net.TCPAddr).Port
	unixSocket, err := net.Listen("unix", "@"+c.order.Unix)
	must(err)
	for _, l := range []net.Listener{tcp, unixSocket} {
		go func() {
			for {
				if _, err := l.Accept(); err != nil {
					return
				}
				c.contacts.Add(1)
			}
		}()
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	c.order.UDP = udp.LocalAddr().(*net.UDPAddr).Port
	go func() {
		for {
			if _, _, err := udp.ReadFrom(make([]byte, 16)); err != nil {
				return
			}
			c.contacts.Add(1)
		}
	}()
	return c
}

// supervise runs one of: attempts TIER, without TIER LAYER, bomb TIER NAME, control, sabotage TIER NAME ERRNO.
func supervise(mode string, args []string) {
	c := setCanaries()
	defer os.RemoveAll(c.order.WorkDir)
	if mode == "control" {
		control(c)
		return
	}
	tier := hallmark.Tier(args[0])
	o := c.order
	switch mode {
	case "bomb":
		o.Bomb = args[1]
	case "without":
		o.Off, weak.Off = args[1], args[1]
	case "sabotage":
		o.Bomb = "none"
		must(sabotage.Install(args[1], args[2]))
	}
	r := run(tier, o, boundedBy(o.Bomb))
	r.Contacts = int(c.contacts.Load())
	must(json.NewEncoder(os.Stdout).Encode(r))
}

// boundedBy are the limits of a bomb.
func boundedBy(bomb string) jail.Limits {
	limits := jail.Limits{Wall: 10 * time.Second, CPU: 9 * time.Second, Memory: 256 << 20, Output: 1 << 20}
	switch bomb {
	case "spin":
		limits.CPU = time.Second
	case "deaf":
		limits.Wall = time.Minute // another limit is to end it
	case "sleep", "sigstop":
		limits.Wall = 300 * time.Millisecond
	}
	return limits
}

// start starts this program in the jail with an order.
func start(tier hallmark.Tier, o order, limits jail.Limits) (*jail.Process, error) {
	ctx := context.Background()
	exe, err := os.Open("/proc/self/exe")
	must(err)
	defer exe.Close()
	program, _, err := jail.SealProgram(ctx, exe)
	must(err)
	defer program.Close()
	b, err := json.Marshal(o)
	must(err)
	model, _, err := jail.Seal(ctx, "order", bytes.NewReader(b))
	must(err)
	defer model.Close()
	spec := jail.Spec{Program: program, Model: model, Tier: tier, Limits: limits, Threads: 2}
	if jail.InContainer(tier) {
		spec.Runtime, err = jail.FindRuntime(ctx, tier)
		if err != nil {
			return nil, err
		}
		defer func() { must(spec.Runtime.Close()) }()
	}
	return jail.Start(ctx, spec)
}

// reapTime is how long it takes from the kill of a guest until nothing of it is left.
func reapTime(tier string) time.Duration {
	p, err := start(hallmark.Tier(tier), order{Bomb: "hold"}, boundedBy("hold"))
	must(err)
	killed := time.Now()
	p.Kill(hallmark.RunWallLimit, "measured")
	<-p.Done()
	took := time.Since(killed)
	p.Stop()
	return took
}

// run starts this program in the jail with an order and says how it ended.
func run(tier hallmark.Tier, o order, limits jail.Limits) report {
	p, err := start(tier, o, limits)
	if err != nil {
		r := report{Detail: err.Error()}
		if e, ok := errors.AsType[*jail.RunError](err); ok {
			r.Verdict, r.Detail = e.Verdict, e.Detail
		}
		return r
	}
	r := report{Owner: owner(p.PID())}
	_, err = p.Write([]byte{0}) // now
	must(err)
	if o.Bomb == "hold" {
		fmt.Println(p.PID())
	}
	switch o.Bomb {
	case "late", "deaf", "none":
	default:
		r.Lines, r.Output = results(p)
	}
	if o.Bomb != "none" && o.Bomb != "" && o.Bomb != "late" && o.Bomb != "deaf" {
		p.Wait()
	}
	exit := p.Stop()
	r.Verdict, r.Detail, r.Layers = exit.Verdict, exit.Detail, p.Layers()
	r.PeakRSS, r.WallMS = exit.Usage.PeakRSS, exit.Usage.Wall.Milliseconds()
	if r.Verdict != hallmark.RunOK && exit.Log != "" {
		fmt.Fprintln(os.Stderr, exit.Log)
	}
	return r
}

// owner returns the user, group and supplementary groups that the kernel says a process has.
func owner(pid int) map[string]string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(err)
	fields := map[string]string{}
	for l := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(l, ":"); name == "Uid" || name == "Gid" || name == "Groups" {
			fields[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return fields
}

func results(r io.Reader) ([]line, int64) {
	counted := &counter{r: r}
	var lines []line
	for s := bufio.NewScanner(counted); s.Scan(); {
		if s.Text() == endOfLines {
			return lines, counted.n
		}
		var l line
		if json.Unmarshal(s.Bytes(), &l) == nil {
			lines = append(lines, l)
		}
	}
	_, _ = io.Copy(io.Discard, counted)
	return lines, counted.n
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// control runs the attempts in an ordinary child process.
func control(c *canaries) {
	b, err := json.Marshal(c.order)
	must(err)
	cmd := exec.Command("/proc/self/exe", "plain")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	must(err)
	lines, _ := results(bytes.NewReader(out))
	must(json.NewEncoder(os.Stdout).Encode(report{Verdict: "unjailed", Lines: lines, Contacts: int(c.contacts.Load())}))
}
