SHELL := /bin/bash
# Two commands do it all on a fresh machine: `make demo` and `make test`.
export CGO_ENABLED ?= 0
GO       ?= go
TOOL      = $(GO) tool -modfile=tools/go.mod
GUEST     = cli/hallmark/guestbin/bin/guest
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   = -s -w -X main.buildVersion=$(VERSION)
# The race detector needs cgo. The jail locks down all threads of its own test binary, which a program with cgo cannot do; the
# kernels are straight-line arithmetic without a goroutine, and engine/model runs them on many. The other tests of the jail start
# the guest, which they build without cgo. Two packages that only compute are left uninstrumented, and the jail, whose child of a
# clone would ask the detector with its supervisor's state: the entry that assembly calls is instrumented in spite of go:norace. No more than
# these, since a generic function of a package without instrumentation may take the place of the others' and hide what orders them.
RACE_PKGS  = $(shell $(GO) list ./... | grep -vE '/(sandbox/jail|engine/kernel)$$')
RACE_FLAGS = $(foreach package,modernc.org/sqlite/lib golang.org/x/crypto/scrypt github.com/hallmark-ml/hallmark/sandbox/jail,-gcflags='$(package)=-race=false')

.PHONY: help demo test test-full check race lint deadcode vuln bench bench-engine bench-pii bench-gate bench-jail bench-kill escape build guest serve contracts deps peer clean
.DEFAULT_GOAL := help

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

build: guest ## the one binary, bin/hallmark
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/hallmark ./cli/hallmark

guest: ## the jailed process, embedded into the binary
	$(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(GUEST) ./cli/hallmark-guest

demo: build ## install, build and run the main job end to end on real models
	bin/hallmark demo --models testdata/models

serve: build ## leave a server running on loopback, data in .hallmark
	bin/hallmark server --data-dir .hallmark

deps: ## what the tests need beside Go: the contract's compiler and test runner
	@tools/deps.sh

peer: ## llama.cpp for comparisons, into .peer; then export HALLMARK_PEER as it says
	@tools/peer.sh .peer

test: deps guest ## every behaviour; prints seconds by package
	@set -o pipefail; $(GO) test -count=1 -timeout 20m -json ./... ./testdata/genmodel ./testdata/bench-engine | $(GO) -C tools run ./testsum -allowed $(CURDIR)/testdata/allowed-skips.txt

test-full: deps guest ## the same with all repetitions, full matrices and fuzzing: hours, by hand
	@set -o pipefail; HALLMARK_FULL=1 $(GO) test -count=1 -timeout 12h -json ./... ./testdata/genmodel ./testdata/bench-engine | $(GO) -C tools run ./testsum -allowed $(CURDIR)/testdata/allowed-skips.txt
	tools/fuzz.sh

check: lint deadcode race vuln ## format, lint, dead code, race detector, known vulnerabilities

lint:
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...
	$(GO) -C tools vet ./testsum && $(GO) -C tools test ./testsum

# A tool that fails, or a list with an empty line (which would match everything), must not pass for "no dead code".
deadcode:
	@all="$$($(TOOL) deadcode ./...)" || { echo "deadcode did not run"; exit 1; }; \
	out="$$(grep -vFf <(sed -E '/^#/d; s/ *#.*//; /^ *$$/d' tools/deadcode-allowed.txt) <<< "$$all")"; \
	if [ -n "$$out" ]; then echo "$$out"; echo "dead code: delete it"; exit 1; fi

race: guest
	@[ -n "$(RACE_PKGS)" ] || { echo "no packages for the race detector: go list failed"; exit 1; }
	CGO_ENABLED=1 $(GO) test -race $(RACE_FLAGS) -short -timeout 15m $(RACE_PKGS)

vuln: ## govulncheck, where GOVULNDB names a database
	@if [ -z "$$GOVULNDB" ]; then echo "vuln: skipped, no database (set GOVULNDB to a file:// database)"; \
	else $(TOOL) govulncheck -db "$$GOVULNDB" ./...; fi

bench: ## benchmarks, table in docs/benchmarks.md
	$(GO) test -run '^$$' -bench . -benchtime 1s ./engine/... ./attest/... ./sandbox/...

# Flags by BENCH="...": -quick, -rounds, -rows, -clock cpu; "kl" first for the distance of logits; -help.
bench-engine: ## the engine against llama.cpp, which is installed first; table in docs/benchmarks.md
	$(GO) run ./testdata/bench-engine $(or $(BENCH),-docs docs/benchmarks.md)

# Built where every user may run it: half of the attempts are made as nobody.
ESCAPE = dir=$$(mktemp -d); trap 'rm -rf $$dir' EXIT; chmod 755 $$dir; CGO_ENABLED=0 $(GO) build -o $$dir/escape ./sandbox/jail/testdata/escape && cd / && $$dir/escape

escape: ## try every way out of the jail, and see what stops it
	@$(ESCAPE) table

bench-jail: ## start of the jail against a plain start, bwrap, runc and runsc
	@$(ESCAPE) bench 100

bench-kill: ## from the kill of a guest until nothing of it is left, 1,000 times
	@$(ESCAPE) reaps full 1000

bench-pii: ## the scanner for personal data beside gitleaks, which is installed first; table in docs/benchmarks.md
	$(GO) run ./testdata/bench-pii $(or $(BENCH),-docs docs/benchmarks.md)

# Flags by BENCH="...": -vocabulary, -suites, -tiers, -threads; -help.
bench-gate: build ## both tiers of the gate on a model of 110M weights; table in docs/benchmarks.md
	$(GO) run ./testdata/bench-gate $(or $(BENCH),-docs docs/benchmarks.md)

contracts: deps ## compile the contract, regenerate artifact and bindings, run its Foundry tests
	npm --prefix contracts run build
	$(GO) generate ./chain/registry
	npm --prefix contracts test

clean:
	rm -rf bin $(GUEST)
