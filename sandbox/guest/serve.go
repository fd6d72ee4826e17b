package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/hallmark-ml/hallmark/engine/token"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// requestLimit bounds a request, in bytes. The longest carry embeddings.
const requestLimit = 64 << 20

// Config tunes a guest.
type Config struct {
	// Threads computes with so many threads. Optional; 1 if zero. It changes no bit of a reply.
	Threads int
}

// Main is the guest's process: it locks itself in and serves until its input ends, or, when its arguments say so, it is the
// first process of another program's jail, or of a container with the guest in it. It returns the exit status.
func Main(ctx context.Context, args []string) int {
	if len(args) == 2 && args[1] == jail.ProgramArg {
		return jail.RunProgramInit()
	}
	if len(args) > 1 && args[1] == jail.ContainerArg {
		return jail.RunContainerInit(args[2:])
	}
	file, err := jail.Enter()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	if err := Serve(ctx, os.Stdin, os.Stdout, file, Config{Threads: runtime.GOMAXPROCS(0)}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 4
	}
	return 0
}

// request is a question with the context that a cancel ends.
type request struct {
	ctx context.Context //nolint:containedctx // a request in a queue carries its own
	id  uint32
	msg wire.Message
}

// Serve answers the requests on r about a file until r ends. It runs in the jail and, in tests that compare instruction
// sets, without one; it opens nothing. After an error the peer is not to be trusted and the process ends.
func Serve(ctx context.Context, r io.Reader, w io.Writer, file []byte, cfg Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests := make(chan request, 1)
	answered := make(chan error, 1)
	go func() {
		g := &guest{file: file, threads: max(cfg.Threads, 1), w: w}
		answered <- g.answer(requests)
		cancel()
	}()
	err := receive(ctx, wire.NewRequestReader(r, requestLimit), requests)
	cancel() // there is nobody left to wait for an answer
	close(requests)
	if answerErr := <-answered; answerErr != nil {
		return answerErr
	}
	return err
}

// receive queues requests and carries out cancels, until the input ends.
func receive(ctx context.Context, in *wire.Reader, requests chan<- request) error {
	var active struct {
		id   uint32
		stop context.CancelFunc
	}
	active.stop = func() {}
	defer func() { active.stop() }()
	for {
		id, m, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && !errors.Is(err, wire.ErrProtocol):
			return nil
		case err != nil:
			return err
		}
		switch m.(type) {
		case wire.Cancel:
			if id == active.id {
				active.stop()
			}
			continue
		case wire.Hello:
			return fmt.Errorf("a second hello: %w", wire.ErrProtocol)
		}
		active.stop()
		own, stop := context.WithCancel(ctx)
		active.id, active.stop = id, stop
		select {
		case requests <- request{ctx: own, id: id, msg: m}:
		case <-ctx.Done():
			return nil
		}
	}
}

// guest answers questions about one file. One goroutine uses it.
type guest struct {
	file    []byte
	threads int
	w       io.Writer

	model   *model
	loadErr error
	tried   bool

	tokens *token.Tokenizer // nil until it is asked for
}

func (g *guest) answer(requests <-chan request) error {
	for req := range requests {
		reply, err := g.reply(req)
		if err != nil {
			reply = failure(err)
		}
		if err := wire.Write(g.w, req.id, reply); err != nil {
			return err
		}
	}
	return nil
}

// reply is the last message of a request's answer.
func (g *guest) reply(req request) (wire.Message, error) {
	switch q := req.msg.(type) {
	case wire.Scan:
		return g.scan(q)
	case wire.Inspect:
		return g.inspect()
	case wire.Tokenize:
		return g.tokenize(q)
	case wire.Quantise:
		return g.quantise(req.ctx, q, g.emit(req.id))
	case wire.Load:
		if err := g.force(q.ISA); err != nil {
			return nil, err
		}
	}
	m, err := g.load()
	if err != nil {
		return nil, err
	}
	switch q := req.msg.(type) {
	case wire.Load:
		return m.info(), nil
	case wire.Render:
		return m.render(q)
	case wire.Generate:
		return m.generate(req.ctx, q, g.emit(req.id))
	case wire.GenerateAll:
		return m.generateAll(req.ctx, q)
	case wire.LogProbs:
		return m.logProbs(req.ctx, q)
	case wire.Logits:
		return m.logits(req.ctx, q)
	case wire.Continue:
		return m.continues(req.ctx, q)
	case wire.Next:
		return m.next(req.ctx, q)
	case wire.Prompt:
		return m.promptTokens(q)
	case wire.Pieces:
		return m.pieces(q)
	case wire.Rows:
		return m.rowsOf(q)
	case wire.Count:
		return wire.Counted(m.spent), nil
	default:
		return nil, fail(wire.FailRequest, "%v is not a question", q.Type())
	}
}

// emit returns the function that sends pieces of the answer to a request.
func (g *guest) emit(id uint32) func(string) error {
	return func(text string) error { return wire.Write(g.w, id, wire.Piece{Text: text}) }
}
