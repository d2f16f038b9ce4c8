# Everything that is done to hexpane from a shell. "make" alone lists it.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS     := -X github.com/hexpane/hexpane/deploy/service.Version=$(VERSION)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO_FILES     = $(shell find . -name '*.go' -not -path '*/node_modules/*' -not -path './.git/*')
COMMANDS     = $(addprefix ./,$(wildcard */cmd/*))

NPM_MARK     = dashboard/node_modules/.hexpane-installed
CLIENTS_MARK = edge/ingest/testdata/clients/node_modules/.hexpane-installed
PAGE         = dashboard/dist/index.html
PAGE_SOURCES = $(shell find dashboard/src dashboard/public dashboard/index.html dashboard/package.json dashboard/vite.config.ts -type f)

.PHONY: help demo build dashboard test lint fmt test-dashboard test-go test-browser bench soak clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: dashboard build ## a simulated city, its edges, its core and its map, in one process; ARGS="--vehicles 500"
	exec bin/hexpane demo $(ARGS)

build: ## bin/hexpane, bin/hexpane-edge, bin/hexpane-core, bin/hexpane-sim
	go build -ldflags '$(LDFLAGS)' -o bin/ $(COMMANDS)

dashboard: $(PAGE) ## dashboard/dist, when its sources are newer

$(NPM_MARK): dashboard/package-lock.json
	cd dashboard && npm ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

$(CLIENTS_MARK): edge/ingest/testdata/clients/package-lock.json
	cd edge/ingest/testdata/clients && npm ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

$(PAGE): $(NPM_MARK) $(PAGE_SOURCES)
	cd dashboard && npm run build
	@mkdir -p $(@D) && touch $@

test: lint test-dashboard test-go test-browser ## everything CI runs

lint: ## gofmt, go vet, staticcheck
	@bad=$$(gofmt -l $(GO_FILES)); if [ -n "$$bad" ]; then echo "not gofmt-ed (make fmt):"; echo "$$bad"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

fmt: ## gofmt all of it
	gofmt -w $(GO_FILES)

test-dashboard: $(NPM_MARK) ## type check and unit tests of the dashboard
	cd dashboard && npm run check
	cd dashboard && npm test

test-go: dashboard $(CLIENTS_MARK) ## go test -race: unit, property and integration tests with real servers
	go test -race -timeout 15m ./...
	go test -run TestSchedulesSurviveCrashes ./edge # two thousand; the race detector would take minutes

test-browser: dashboard build ## the page in a real browser, against bin/hexpane
	cd dashboard && npm run e2e:page
	cd dashboard && npm run e2e

bench: ## the benchmarks; a table with commit and machine goes to deploy/bench/
	deploy/bench.sh

soak: ## the long runs in full, hours; a table of what was tried and what was lost; FUZZTIME=1m
	deploy/soak.sh

clean: ## take away what was built
	rm -rf bin dashboard/test-results dashboard/artefacts
	find dashboard/dist -mindepth 1 -not -name placeholder.html -delete
