package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/evidence"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/oms"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/tlog"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/chain/devnet"
	"github.com/hallmark-ml/hallmark/server/api"
	"github.com/hallmark-ml/hallmark/server/gateway"
	"github.com/hallmark-ml/hallmark/server/pipeline"
	"github.com/hallmark-ml/hallmark/server/store"
)

// A node is a running server: every adapter, wired. Parts are opened in the order of their dependencies and closed in
// reverse.
type node struct {
	cfg   serverConfig
	opt   nodeOptions
	log   *slog.Logger
	close []func() error // in the order of opening

	secrets  secrets
	store    *store.Store
	evidence *evidence.Store
	tlog     *tlog.Log
	chain    *devnet.Node
	contract chain.Address
	anchorer *chain.Anchorer
	gateway  *gateway.Gateway
	flow     *pipeline.Flow
	info     serverInfo
	jail     *jail
	learning *pipeline.Learning
	waker    *pipeline.Broadcaster
	// serveErr receives the first error of a listener.
	serveErr chan error
}

// verifierID names the service in verification summaries.
const verifierID = projectURI + "/service"

// nodeOptions are what a node needs beside its configuration.
type nodeOptions struct {
	password passwordSource // of the server's keys
	guest    func() ([]byte, error)
	log      *slog.Logger
}

func openNode(ctx context.Context, cfg serverConfig, opt nodeOptions) (*node, error) {
	n := &node{cfg: cfg, opt: opt, log: opt.log, waker: &pipeline.Broadcaster{}, serveErr: make(chan error, 3)}
	for _, open := range []func(context.Context) error{
		n.openStore, n.openSecrets, n.openEvidence, n.openChain, n.openJail, n.openLearning, n.openFlow, n.openAPI,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// Close closes every part, last opened first.
func (n *node) Close() error {
	var errs []error
	for _, closePart := range slices.Backward(n.close) {
		errs = append(errs, closePart())
	}
	n.close = nil
	return errors.Join(errs...)
}

func (n *node) path(name string) string { return filepath.Join(n.cfg.DataDir, name) }

func (n *node) openStore(ctx context.Context) error {
	var err error
	n.store, err = store.Open(ctx, store.Config{Dir: n.cfg.DataDir, Committed: n.waker.Wake, Logger: n.log})
	if err != nil {
		return err
	}
	n.close = append(n.close, n.store.Close)
	return n.firstAPIKey(ctx)
}

// firstAPIKey makes an admin's write key on the first start and leaves its token in the data directory (0600). A crash between the
// two leaves a key whose token nobody has; then one more is made.
func (n *node) firstAPIKey(ctx context.Context) error {
	keys, err := n.store.APIKeys(ctx)
	if err != nil {
		return err
	}
	if _, err := os.Stat(n.path(apiKeyFile)); err == nil || len(keys) > 1 {
		return nil
	}
	token, _, err := n.store.CreateAPIKey(ctx, hallmark.APIKey{Name: "first", Scope: hallmark.ScopeWrite, Admin: true})
	if err != nil {
		return err
	}
	return writeFileAtomic(n.path(apiKeyFile), []byte(token+"\n"), 0o600)
}

func (n *node) openSecrets(context.Context) error {
	var err error
	n.secrets, err = openSecrets(n.path("keys"), n.opt.password)
	return err
}

func (n *node) openEvidence(ctx context.Context) error {
	var err error
	if n.evidence, err = evidence.Open(ctx, n.path(blockDir)); err != nil {
		return err
	}
	n.close = append(n.close, n.evidence.Close)
	handler, err := n.evidence.Handler()
	if err != nil {
		return err
	}
	if n.info.Evidence, err = n.listen(ctx, "evidence-listen", n.cfg.EvidenceListen, handler); err != nil {
		return err
	}
	tlog.RouteLibraryLog(n.log)
	if n.tlog, err = tlog.Open(ctx, n.path("log"), n.secrets.logPrivate); err != nil {
		return err
	}
	n.close = append(n.close, func() error { return n.tlog.Close(context.WithoutCancel(ctx)) })
	return nil
}

func (n *node) openChain(ctx context.Context) error {
	var err error
	n.chain, err = devnet.Start(ctx, devnet.Config{Dir: n.path("chain"), Addr: n.cfg.ChainListen, Gas: n.secrets.chain.Gas(), Log: n.log})
	if err != nil {
		return err
	}
	n.close = append(n.close, n.chain.Close)
	n.info.RPC = n.chain.URL()
	if n.contract, err = chain.Deploy(ctx, n.info.RPC, n.secrets.chain); err != nil {
		return err
	}
	n.info.Contract = n.contract.String()
	n.anchorer, err = chain.NewAnchorer(chain.AnchorerConfig{RPC: n.info.RPC, Contract: n.contract, Keys: n.secrets.chain, Outbox: n.store, Log: n.log})
	return err
}

func (n *node) openJail(ctx context.Context) error {
	var err error
	if n.jail, err = openJail(ctx, n.cfg, n.opt.guest); err != nil {
		return err
	}
	return n.openGateway(ctx)
}

func (n *node) openGateway(context.Context) error {
	var err error
	n.gateway, err = gateway.New(gateway.Config{Loader: loader{n.jail}, Versions: n.store, Authenticate: n.store.Authenticate, Logger: n.log})
	if err != nil {
		return err
	}
	n.close = append(n.close, n.gateway.Close)
	return nil
}

// feedbackFile is the journal of the feedback loop in the data directory; when it is longer than feedbackLimit, in bytes, it is
// begun anew.
const (
	feedbackFile  = "feedback.journal"
	feedbackLimit = 64 << 20
)

func (n *node) openLearning(ctx context.Context) error {
	journal, err := store.OpenJournal(n.path(feedbackFile))
	if err != nil {
		return err
	}
	n.close = append(n.close, journal.Close)
	n.learning = pipeline.NewLearning(journal, feedbackLimit, n.log)
	if err := journal.Replay(n.learning.ReplaySnapshot, n.learning.Replay); err != nil {
		return hallmark.WithHint(fmt.Errorf("feedback: %w", err), "restore "+n.path(feedbackFile)+" from a copy, or move it away: the server then learns anew; no version, verdict or review is in it")
	}
	if err := n.learning.Start(); err != nil {
		return err
	}
	n.close = append(n.close, func() error { return n.learning.Stop(context.WithoutCancel(ctx)) })
	return nil
}

func (n *node) openFlow(ctx context.Context) error {
	client, err := chain.Dial(ctx, n.info.RPC, n.contract)
	if err != nil {
		return err
	}
	defer client.Close()
	n.flow, err = pipeline.New(pipeline.Config{
		Store: n.store, Broadcaster: n.waker, Fingerprinter: n.jail, Sandbox: n.jail, Evidence: n.evidence, Verifier: lineageVerifier{},
		Signer: signer{n.secrets, n.store}, Log: transparencyLog{n.tlog}, Anchorer: anchorer{n.anchorer, client.ChainID(), n.contract},
		Gateway: n.gateway, Learning: n.learning, OMS: oms.Statement, Logger: n.log, VerifierID: verifierID, Poll: 100 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	return n.flow.Restore(ctx)
}

func (n *node) openAPI(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))
	n.close = append(n.close, func() error { return provider.Shutdown(context.WithoutCancel(ctx)) })
	meter := provider.Meter("hallmark")
	if err := n.observe(meter); err != nil {
		return err
	}
	a, err := api.New(api.Config{
		Flow: n.flow, Reviews: n.flow, Store: n.store, Blobs: n.evidence, Import: n.importEvidence, Learning: n.learning.Health, Reload: n.gateway.Reload, Verify: n.verify, HashDirectory: hashDirectory, CheckKey: checkKey,
		Ready: n.ready, Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Meter: meter, Logger: n.log,
		Dir: n.cfg.DataDir, Roots: n.cfg.Root, MaxUpload: n.cfg.MaxUpload,
	})
	if err != nil {
		return err
	}
	n.info.API, err = n.listen(ctx, "listen", n.cfg.Listen, a.Handler(n.gateway.Handler()))
	return err
}

// observe counts what is in service and what is learned, by nothing that grows with the number of models.
func (n *node) observe(meter metric.Meter) error {
	count := func(of func() uint64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(min(of(), math.MaxInt64)))
			return nil
		}
	}
	flag := func(of func(pipeline.LearningHealth) bool) metric.Int64Callback {
		return count(func() uint64 {
			if of(n.learning.Health()) {
				return 1
			}
			return 0
		})
	}
	_, err1 := meter.Int64ObservableGauge("al_models_served", metric.WithDescription("versions in service"),
		metric.WithInt64Callback(count(func() uint64 { return uint64(len(n.gateway.Serving())) })))
	_, err2 := meter.Int64ObservableCounter("al_feedback_items_total", metric.WithDescription("outcomes and labels taken since the start"),
		metric.WithInt64Callback(count(func() uint64 { return n.learning.Health().Taken })))
	_, err3 := meter.Int64ObservableGauge("al_feedback_learned", metric.WithDescription("outcomes and labels in the learners"),
		metric.WithInt64Callback(count(func() uint64 { return n.learning.Health().Learned })))
	_, err4 := meter.Int64ObservableGauge("al_feedback_degraded", metric.WithDescription("1 while submissions are put together"),
		metric.WithInt64Callback(flag(func(h pipeline.LearningHealth) bool { return h.Degraded })))
	_, err5 := meter.Int64ObservableGauge("al_feedback_running", metric.WithDescription("1 while the feedback loop takes outcomes"),
		metric.WithInt64Callback(flag(func(h pipeline.LearningHealth) bool { return h.State == "running" && h.Err == nil })))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

func (n *node) ready(ctx context.Context) map[string]error {
	return map[string]error{"database": n.store.Ping(ctx), "chain": n.anchorer.Trouble(), "feedback": n.learning.Health().Err}
}

// verify checks a version as an outsider would, over the server's own endpoints.
func (n *node) verify(ctx context.Context, d hallmark.Digest) (any, error) {
	f := verifyFlags{rpc: n.info.RPC, contract: n.info.Contract, gateway: n.info.Evidence, head: string(hallmark.AnchorIncluded)}
	v, err := n.store.Version(ctx, d)
	if err != nil {
		return nil, err
	}
	if v.Review != nil && v.Review.Settled {
		f.review = v.Review.EvidenceCID
	}
	return f.run(ctx, d.String())
}

// importEvidence stores a CAR of at most limit bytes. Blocks of files have 1 MiB, of trees and documents less.
func (n *node) importEvidence(ctx context.Context, car io.Reader, limit int64) (api.Imported, error) {
	var got api.Imported
	var err error
	got.Roots, err = n.evidence.ImportCAR(ctx, car, evidence.Limits{Bytes: limit, Blocks: int(min(mostImported, 1<<16+limit>>19)), Told: func(n evidence.Tally) {
		got.Blocks, got.Bytes = n.Blocks, n.Bytes
	}})
	return got, err
}

func hashDirectory(ctx context.Context, path string) (hallmark.Digest, int64, error) {
	fp, err := fingerprint.Compute(ctx, path, fingerprint.Options{Kind: hallmark.KindModel})
	return fp.Digest, fp.Size, err
}

func checkKey(text []byte) error {
	_, err := sign.ParsePublicKey(text)
	return err
}

// listen serves handler at addr and returns its URL. The server is shut down when the node closes: it stops accepting
// and waits for requests under way.
func (n *node) listen(ctx context.Context, key, addr string, handler http.Handler) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", hallmark.WithHint(fmt.Errorf("%s: %w: %w", key, err, hallmark.ErrConflict), "stop what uses the port, or choose another with --"+key)
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
	var done sync.WaitGroup
	done.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.serveErr <- fmt.Errorf("%s: %w", key, err)
		}
	})
	n.close = append(n.close, func() error {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		err := srv.Shutdown(grace)
		if err != nil {
			err = srv.Close() // streams that would not end
		}
		done.Wait()
		return err
	})
	return "http://" + l.Addr().String(), nil
}

// drainTime is how long a stopping server waits for requests under way.
const drainTime = 10 * time.Second

// run works until ctx ends or a part fails.
func (n *node) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, 2)
	go func() { errs <- n.anchorer.Run(ctx) }()
	go func() {
		errs <- n.store.Work(ctx, store.WorkConfig{Handlers: n.flow.Handlers(), Parallel: n.cfg.Parallel})
	}()
	n.info.PID = os.Getpid()
	info, err := json.MarshalIndent(n.info, "", "  ")
	if err == nil {
		err = writeFileAtomic(n.path(serverInfoFile), info, 0o600)
	}
	pending := 2
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-n.serveErr:
		case err = <-errs:
			pending--
		}
	}
	cancel()
	for range pending {
		err = errors.Join(err, <-errs)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
