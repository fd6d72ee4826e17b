package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
)

// engine answers commands about one model.
type engine struct {
	file    *gguf.File
	data    []byte
	context int
	threads int
	models  map[int]*model.Model    // by threads
	texts   map[int]*model.Sequence // by threads, of the ids that someID gives
}

func newEngine(threads, context int) *engine {
	return &engine{threads: threads, context: context, models: map[int]*model.Model{}, texts: map[int]*model.Sequence{}}
}

// work is the worker of the engine: commands on in, an answer to each on out.
func work(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	path := fs.String("model", "", "GGUF file")
	e := newEngine(1, 0)
	fs.IntVar(&e.threads, "threads", 1, "threads")
	fs.IntVar(&e.context, "ctx", 0, "positions of a sequence, those of the model if 0")
	isa := fs.String("isa", "", "instruction set, the best one if empty")
	if err := fs.Parse(args); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	enc := json.NewEncoder(w)
	reply := func(a answer, err error) error {
		if err != nil {
			a = answer{Error: err.Error()}
		}
		_ = enc.Encode(a) // Flush returns its error
		return w.Flush()
	}
	if err := errorsOf(force(*isa), e.open(*path)); err != nil {
		return reply(answer{}, err)
	}
	if err := reply(answer{CPU: cpu()}, nil); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := reply(e.command(ctx, lines.Text())); err != nil {
			return err
		}
	}
	return nil
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// open maps the file and loads the model.
func (e *engine) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if e.file, err = gguf.Parse(f, info.Size(), gguf.Limits{}); err != nil {
		return err
	}
	if e.data, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED); err != nil {
		return err
	}
	return e.use(e.threads)
}

// close unmaps the file. Nothing may use the models after it.
func (e *engine) close() {
	e.models, e.texts = nil, nil
	_ = syscall.Munmap(e.data) // of what was mapped
}

// use sets the number of threads.
func (e *engine) use(threads int) error {
	e.threads = threads
	if e.models[threads] != nil {
		return nil
	}
	m, err := model.Load(e.file, e.data, model.Config{Threads: threads, Context: e.context})
	if err != nil {
		return err
	}
	e.models[threads], e.texts[threads] = m, m.NewSequence()
	return nil
}

func (e *engine) command(ctx context.Context, line string) (answer, error) {
	verb, rest, _ := strings.Cut(line, " ")
	var n [4]int
	_, _ = fmt.Sscan(rest, &n[0], &n[1], &n[2], &n[3]) // what is not there is 0
	switch verb {
	case "decode":
		return e.decode(ctx, n[0], n[1])
	case "prefill":
		return e.prefill(ctx, n[0])
	case "batched":
		return e.batched(ctx, suite{prompts: n[0], prefix: n[1], suffix: n[2], fresh: n[3]}, slots)
	case "alone":
		return e.batched(ctx, suite{prompts: n[0], prefix: n[1], suffix: n[2], fresh: n[3]}, 1)
	case "gemm":
		return gemm(n[0], n[1], n[2])
	case "threads":
		return answer{}, e.use(n[0])
	case "peak":
		var u syscall.Rusage
		err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return answer{PeakKB: u.Maxrss}, err
	default:
		return answer{}, fmt.Errorf("unknown command %q", verb)
	}
}

// someID is the id at position i of the text that both workers measure with.
func someID(i, vocab int) int32 { return int32((i*7919 + 13) % vocab) }

// reach makes the text n positions long.
func (e *engine) reach(ctx context.Context, n int) (*model.Sequence, error) {
	m, s := e.models[e.threads], e.texts[e.threads]
	s.Truncate(n)
	var ids []int32
	for i := s.Len(); i < n; i++ {
		ids = append(ids, someID(i, m.VocabSize()))
	}
	if len(ids) == 0 {
		return s, nil
	}
	_, err := s.Append(ctx, ids, model.Last)
	return s, err
}

func (e *engine) decode(ctx context.Context, depth, n int) (answer, error) {
	s, err := e.reach(ctx, depth+n) // makes room: pages of keys and values are allocated once
	if err != nil {
		return answer{}, err
	}
	s.Truncate(depth)
	m := e.models[e.threads]
	id := []int32{someID(depth, m.VocabSize())}
	if _, err := s.Append(ctx, id, model.Last); err != nil { // the buffers of one token
		return answer{}, err
	}
	s.Truncate(depth)
	each := make([]int64, 0, n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := newClock()
	for i := range n {
		from := time.Now()
		id[0] = someID(depth+i, m.VocabSize())
		if _, err := s.Append(ctx, id, model.Last); err != nil {
			return answer{}, err
		}
		each = append(each, int64(time.Since(from)))
	}
	a := c.stop(n)
	runtime.ReadMemStats(&after)
	a.Each, a.Allocs, a.Bytes = each, float64(after.Mallocs-before.Mallocs)/float64(n), e.read()
	s.Truncate(depth)
	return a, nil
}

func (e *engine) prefill(ctx context.Context, n int) (answer, error) {
	e.texts[e.threads].Truncate(0)
	c := newClock()
	_, err := e.reach(ctx, n)
	return c.stop(n), err
}

// read returns the bytes of weights that one token needs: all of the file's but the rows of embeddings.
func (e *engine) read() int64 {
	sum := int64(0)
	_, own := e.file.Tensor("output.weight")
	for i := range e.file.Tensors {
		if t := &e.file.Tensors[i]; t.Name != "token_embd.weight" || !own {
			sum += t.Size
		}
	}
	return sum
}

// clock measures the time and the processor time of this process.
type clock struct {
	wall time.Time
	cpu  float64
}

func newClock() clock { return clock{time.Now(), cpu()} }

func (c clock) stop(tokens int) answer {
	return answer{Wall: time.Since(c.wall).Seconds(), CPU: cpu() - c.cpu, Tokens: tokens}
}

// cpu returns the processor time of this process in seconds.
func cpu() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
