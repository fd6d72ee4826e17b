package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// suites compares many prompts at a time with llama.cpp's server, with its library, and with one prompt at a time.
func (b *bench) suites(ctx context.Context) error {
	ids := []string{"suite/server", "suite/library", "suite/alone"}
	if !b.want(ids...) {
		return nil
	}
	z := b.sizes()
	path, err := b.shelf.path(ctx, recipe{preset: z.large, typ: "Q8_0"})
	if err != nil {
		return err
	}
	w, err := ours(ctx, path, "-threads", "2")
	if err != nil {
		return b.unable(err, ids...)
	}
	return w.stop(b.suitesOf(ctx, w, path))
}

func (b *bench) suitesOf(ctx context.Context, w *process, path string) error {
	z := b.sizes()
	s := z.suite
	a, err := w.ask("batched %d %d %d %d", s.prompts, s.prefix, s.suffix, s.fresh)
	if err != nil {
		return err
	}
	rate := b.rate(2)
	if a.Tokens != s.prompts*s.fresh {
		return fmt.Errorf("%d tokens were made instead of %d", a.Tokens, s.prompts*s.fresh)
	}
	figure := fmt.Sprintf("%d prompts sharing %d tokens, %d of their own, %d made, %s, Q8_0, 2 threads", s.prompts, s.prefix, s.suffix, s.fresh, z.large)
	add := func(id, note string, other answer, t target) {
		b.add(row{id: id, figure: figure, unit: "tokens/s", ours: rate(a), theirs: rate(other), value: rate(a) / rate(other), floor: t.floor, goal: t.goal, note: note})
	}
	if b.want("suite/server") {
		other, err := b.p.serve(ctx, path, s)
		if err != nil {
			return err
		}
		add("suite/server", "against its server with 32 slots and prompt cache", other, target{1.5, 2.5})
	}
	if b.want("suite/library") {
		other, err := b.library(ctx, path, s)
		if err != nil {
			return err
		}
		add("suite/library", "against its library with the prefix copied to 32 sequences", other, target{})
	}
	if b.want("suite/alone") {
		other, err := w.ask("alone %d %d %d %d", z.alone, s.prefix, s.suffix, s.fresh)
		if err != nil {
			return err
		}
		without, err := w.ask("prefill %d", s.prefix) // few prompts would bear the whole prefix
		if err != nil {
			return err
		}
		other.Wall -= without.Wall
		add("suite/alone", "against own batch 1 with the prefix given", other, target{4, 6})
	}
	return nil
}

// library runs the suite with llama.cpp's library.
func (b *bench) library(ctx context.Context, path string, s suite) (answer, error) {
	room := s.prefix + slots*(s.suffix+s.fresh) + 512
	w, err := b.p.theirs(ctx, path, "--threads", "2", "--sequences", strconv.Itoa(slots+1), "--ctx", strconv.Itoa(room))
	if err != nil {
		return answer{}, err
	}
	b.backend = w.ready.Backend
	a, err := w.ask("batched %d %d %d %d", s.prompts, s.prefix, s.suffix, s.fresh)
	return a, w.stop(err)
}

// serve runs the suite with llama.cpp's server.
func (p *peer) serve(ctx context.Context, path string, s suite) (a answer, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return a, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		return a, err
	}
	ctx, cancel := context.WithCancel(ctx)
	each := s.prefix + s.suffix + s.fresh + 8
	log := new(bytes.Buffer)
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "llama-server"), "--model", path, "--host", "127.0.0.1", "--port", port,
		"--parallel", strconv.Itoa(slots), "--ctx-size", strconv.Itoa(slots*each), "--threads", "2", "--cont-batching", "--cache-prompt", "--no-webui")
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.libs, log, log
	if err := cmd.Start(); err != nil {
		cancel()
		return a, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, or has said why it ends
		cancel()
		close(ended)
	}()
	a, err = askAll(ctx, "http://127.0.0.1:"+port, s)
	cancel()
	<-ended
	if err != nil {
		err = fmt.Errorf("llama-server: %w\n%s", err, log)
	}
	return a, err
}

// askAll waits for the server, then asks for one prompt with the prefix and, when the server knows that, for all at once.
func askAll(ctx context.Context, base string, s suite) (answer, error) {
	vocab, err := waitFor(ctx, base)
	if err != nil {
		return answer{}, err
	}
	prefix := make([]int32, s.prefix)
	for i := range prefix {
		prefix[i] = someID(i, vocab)
	}
	from := time.Now()
	results := make(chan error, s.prompts)
	one := func(i int) {
		results <- complete(ctx, base, append(append([]int32(nil), prefix...), s.ids(i, vocab)...), s.fresh)
	}
	one(0)
	err = <-results
	for i := 1; i < s.prompts; i++ {
		go one(i)
	}
	for range s.prompts - 1 {
		err = errors.Join(err, <-results)
	}
	return answer{Wall: time.Since(from).Seconds(), CPU: math.NaN(), Tokens: s.prompts * s.fresh}, err
}

// waitFor waits until the server has loaded its model and returns the size of the vocabulary.
func waitFor(ctx context.Context, base string) (int, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		var models struct {
			Data []struct {
				Meta struct {
					Vocab int `json:"n_vocab"`
				} `json:"meta"`
			} `json:"data"`
		}
		if err := call(ctx, http.MethodGet, base+"/health", nil, nil); err != nil {
			continue
		}
		if err := call(ctx, http.MethodGet, base+"/v1/models", nil, &models); err != nil {
			return 0, err
		}
		if len(models.Data) == 1 && models.Data[0].Meta.Vocab > 0 {
			return models.Data[0].Meta.Vocab, nil
		}
	}
	return 0, errors.New("it does not come up")
}

// complete asks for n greedy tokens after a prompt.
func complete(ctx context.Context, base string, prompt []int32, n int) error {
	body, err := json.Marshal(map[string]any{"prompt": prompt, "n_predict": n, "ignore_eos": true, "temperature": 0, "top_k": 1, "cache_prompt": true})
	if err != nil {
		return err
	}
	var result struct {
		Predicted int `json:"tokens_predicted"`
	}
	if err := call(ctx, http.MethodPost, base+"/completion", body, &result); err != nil {
		return err
	}
	if result.Predicted != n {
		return fmt.Errorf("%d tokens instead of %d", result.Predicted, n)
	}
	return nil
}

func call(ctx context.Context, method, url string, body []byte, result any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.200s", url, resp.Status, b)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(b, result)
}
