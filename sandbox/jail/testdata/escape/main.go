// Command escape is both halves of the jail's escape tests. Started by a test, it is a supervisor that runs itself in the
// jail; started by the jail, it is the payload that tries to get out. What the payload has to do stands in its "model".
//
// Every attempt is harmless where it succeeds: signals are signal 0, reboot has a bad magic, mounts are of places that do
// not exist, only loopback canaries are contacted, and bombs are bounded.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/jail/internal/weak"
)

// order is what the payload is told.
type order struct {
	Bomb    string // one of bombs, in the real filter; otherwise all attempts, with errors in place of death
	Canary  string // path of a file that must not be read
	TCP     int    // port of a loopback listener
	UDP     int
	Unix    string // name of an abstract socket
	Parent  int    // the supervisor's process id
	WorkDir string
	Off     string // a layer that is left out
	Plain   bool   // without a jail, or without its filter: what disturbs is not tried
}

// report is what the supervisor prints when the payload is gone.
type report struct {
	Verdict  hallmark.RunVerdict
	Detail   string
	Layers   []string
	PeakRSS  int64
	WallMS   int64
	Output   int64
	Owner    map[string]string
	Contacts int // connections and datagrams that the canaries saw
	Lines    []line
}

// line is one attempt's result.
type line struct {
	ID      string
	Blocked bool
	Skipped bool // it would disturb the test if it succeeded
	Detail  string
}

func main() {
	switch {
	case len(os.Args) == 1:
		payload()
	case os.Args[1] == jail.ContainerArg:
		weak.Off = ordered().Off
		os.Exit(jail.RunContainerInit(os.Args[2:]))
	case os.Args[1] == "plain":
		plain()
	case os.Args[1] == "nothing":
	case os.Args[1] == "bench":
		bench(number(os.Args[2]))
	case os.Args[1] == "table":
		if !table() {
			os.Exit(1)
		}
	case os.Args[1] == "kills":
		kills(os.Args[2], number(os.Args[3]), number(os.Args[4]))
	case os.Args[1] == "reaps":
		reaps(os.Args[2], number(os.Args[3]))
	case os.Args[1] == "figures":
		figure(os.Args[2], number(os.Args[3]))
	default:
		supervise(os.Args[1], os.Args[2:])
	}
}

// ordered reads the order, which is the model.
func ordered() (o order) {
	buf := make([]byte, 1<<16)
	n, err := unix.Pread(3, buf, 0)
	must(err)
	if n > 0 { // else only the start and the end matter
		must(json.Unmarshal(buf[:n], &o))
	} else {
		o.Bomb = "quick"
	}
	return o
}

func payload() {
	o := ordered()
	weak.Off = o.Off
	o.Plain = o.Off == "seccomp-tsync"
	var opts []jail.Option
	if o.Bomb == "" {
		opts = append(opts, jail.DenyWithError())
	}
	if _, err := jail.Enter(opts...); err != nil {
		os.Exit(3)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil { // the supervisor looks at it first
		return // and ends it, if it was only the start that mattered
	}
	if o.Bomb != "" {
		bombs()[o.Bomb]()
		return
	}
	attempt(o)
	waitForEnd()
}

// plain runs the attempts without any jail: those that fail here too say nothing.
func plain() {
	var o order
	must(json.NewDecoder(os.Stdin).Decode(&o))
	o.Plain = true
	attempt(o)
}

func attempt(o order) {
	for _, a := range attempts() {
		l := line{ID: a.id}
		if o.Plain && a.jailOnly && (!a.inside || o.Off == "") {
			l.Skipped, l.Detail = true, "not tried without the filter"
		} else {
			l.Blocked, l.Detail = a.run(o)
		}
		b, err := json.Marshal(l)
		must(err)
		_, err = os.Stdout.Write(append(b, '\n'))
		must(err)
	}
	_, err := os.Stdout.WriteString(endOfLines + "\n")
	must(err)
}

// endOfLines tells the supervisor that all attempts were made; the payload then waits for its end, as a guest does.
const endOfLines = "{}"

func number(s string) int {
	n, err := strconv.Atoi(s)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
}
