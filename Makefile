# The two commands to know: make run, make test.

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# A copy without history is built too: then there is no revision to stamp.
BUILDVCS := $(shell git rev-parse -q --verify HEAD >/dev/null 2>&1 && echo auto || echo false)
ARGS     ?=

# The client is built again when one of these changed; directories notice what was removed.
CLIENT := $(shell find web -name node_modules -prune -o -name dist -prune -o -name test -prune -o ! -name '*.go' ! -path web -print 2>/dev/null)

.PHONY: help run demo-cluster build test lint bench sim setup setup-test setup-bench versions
.DEFAULT_GOAL := help

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: versions setup build ## Start a node with sample clips; ARGS="--http :3004" adds flags
	@bin/shoal serve --demo $(ARGS)

demo-cluster: versions setup build ## Run three nodes on this machine as one library, until Ctrl-C
	@scripts/demo-cluster.sh

build: versions web/dist/index.html ## Build bin/shoal
	@go build -trimpath -buildvcs=$(BUILDVCS) -ldflags '-X main.version=$(VERSION)' -o bin/ ./cmd/shoal

test: versions setup-test build ## Run every test: Go, TypeScript, browser
	@scripts/test.sh

lint: versions web/node_modules/.installed ## Check formatting, types, style, and that it builds for other systems
	@scripts/lint.sh

bench: versions setup-bench build .build/bench/node_modules/.installed ## Measure beside others that do the same; ARGS="-rows import -rounds 3" chooses
	@go run ./bench $(ARGS)

sim: versions web/node_modules/.installed ## Simulate 100 viewers; ARGS="-viewers 1000 -seconds 30 -grain 50 -seed 1" chooses
	@go build -o .build/sim/ ./sim/room
	@cd web && npx rolldown test/sim/main.ts --platform node --format esm -o ../.build/sim/sim.mjs --logLevel silent
	@node .build/sim/sim.mjs $(ARGS)

setup: ## Install what running needs: ffmpeg
	@scripts/setup.sh ffmpeg

setup-test: ## Install what testing needs: ffmpeg, chromium
	@scripts/setup.sh ffmpeg chromium

setup-bench: ## Install what measuring needs: ffmpeg, chromium, nginx, wrk
	@scripts/setup.sh ffmpeg chromium nginx wrk

versions:
	@scripts/versions.sh

web/node_modules/.installed: web/package-lock.json
	@echo "installing the web client's packages (npm ci)"
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# What the node is only measured beside is no part of the client.
.build/bench/node_modules/.installed: bench/package.json bench/package-lock.json
	@echo "installing the packages that the benchmark compares with (npm ci)"
	@mkdir -p .build/bench && cp $^ .build/bench
	@cd .build/bench && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.installed $(CLIENT)
	@echo "building the web client"
	@cd web && npm run --silent build -- --logLevel warn
	@touch $@
