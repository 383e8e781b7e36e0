# The commands of the project: `make` alone lists them. Each does its own set-up and repeats only what has changed.
# Needs Rust, Node with npm, and make; the browser test's Chromium is installed where that can be done.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# `make run ARGS="--listen 0.0.0.0:8080 --lab false"` hands arguments to the server; CI sets CARGO_ARGS=--locked. The
# laboratory behind the pages Race and Server is open unless told otherwise; whoever reaches the port can press its buttons.
ARGS ?=
CARGO_ARGS ?=
TARGET := $(or $(CARGO_TARGET_DIR),target)
WEB := dashboards
NODE := $(shell command -v node 2>/dev/null)
NPM := $(shell command -v npm 2>/dev/null)
CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome 2>/dev/null))
HAVE_NODE := $(and $(NODE),$(NPM))
NO_NODE := Node with npm is missing: install Node 20.19 or later (https://nodejs.org), then run this again

MODULES := $(WEB)/node_modules/.package-lock.json
PAGES := $(WEB)/app/dist/index.html
PAGE_SOURCES := $(shell find $(WEB)/app/src $(WEB)/app/public $(WEB)/app/frame $(WEB)/app/build $(WEB)/app/licences $(WEB)/sdk/src $(WEB)/report/src -type f 2>/dev/null) \
	$(wildcard $(WEB)/app/*.html) $(WEB)/app/vite.config.ts $(WEB)/tsconfig.base.json \
	$(WEB)/sdk/tsconfig.build.json $(WEB)/sdk/vite.config.ts $(WEB)/sdk/package.json $(WEB)/app/package.json \
	$(WEB)/report/vite.config.ts $(WEB)/report/package.json

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | awk -F'\t' '{ printf "  make %-20s %s\n", $$1, $$2 }'

.PHONY: run
run: $(if $(HAVE_NODE),$(PAGES),say-no-node) ## build everything and run the server with the simulator and the dashboards
	cargo build --release $(CARGO_ARGS) -p feed-server -p load-tester --bin feed-server --bin load-tester
	TICKCAST_LAB="$${TICKCAST_LAB:-true}" exec $(TARGET)/release/feed-server $(ARGS)

.PHONY: test
test: test-rust test-ts test-browser ## set up, then pass every test: Rust, TypeScript, browser

.PHONY: test-rust
test-rust: $(PAGES)
	cargo test --workspace --no-fail-fast $(CARGO_ARGS)

# The release profile optimises across crates, which takes its time for each program: the server's tests are one program here.
CORE_TESTS := -p feed-protocol -p feed-server --lib --test golden --test together

.PHONY: test-release
test-release: ## pass the Rust tests again in the release profile, which is the one that is measured
	cargo test --release --no-fail-fast $(CARGO_ARGS) $(CORE_TESTS)
	cargo test --release --no-fail-fast $(CARGO_ARGS) --workspace --exclude feed-protocol --exclude feed-server

.PHONY: test-release-core
test-release-core: ## of these, those of the server and the protocol
	cargo test --release --no-fail-fast $(CARGO_ARGS) $(CORE_TESTS)

.PHONY: test-ts
test-ts: $(MODULES)
	cargo build -p feed-server $(CARGO_ARGS)
	cd $(WEB) && FEED_SERVER="$${FEED_SERVER:-$(abspath $(TARGET))/debug/feed-server}" npm test

.PHONY: test-browser
test-browser: $(PAGES) chromium
	cargo build --workspace --bin feed-server --bin load-tester --example sample_run $(CARGO_ARGS)
	cd $(WEB) && FEED_SERVER="$${FEED_SERVER:-$(abspath $(TARGET))/debug/feed-server}" npm run test:browser

.PHONY: budget
budget: $(PAGES) chromium ## measure what the market page costs a browser; BUDGET_S=600 watches its memory for ten minutes
	cargo build --release $(CARGO_ARGS) -p feed-server
	cd $(WEB) && FEED_SERVER="$${FEED_SERVER:-$(abspath $(TARGET))/release/feed-server}" npm run budget -w app

.PHONY: pages
pages: $(PAGES) ## build the dashboards, and the charts of the load tester’s reports, alone

.PHONY: fmt
fmt: $(MODULES) ## format Rust and TypeScript
	cargo fmt --all
	cd $(WEB) && npm run format

.PHONY: lint
lint: lint-rust lint-ts ## formatting, clippy, rustdoc, tsc and licences; changes nothing

.PHONY: lint-rust
lint-rust: need-node
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(CARGO_ARGS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps $(CARGO_ARGS)
	node .ci/licences.mjs

.PHONY: lint-ts
lint-ts: $(MODULES)
	cd $(WEB) && npm run format:check
	cd $(WEB) && npm run typecheck
	cd $(WEB) && npm run size -w sdk

.PHONY: bench
bench: ## run the benchmarks
	cargo bench $(CARGO_ARGS) -p benches

.PHONY: instructions
instructions: valgrind ## count the hot paths’ instructions; fails if one grew by more than 5 % over benches/instructions.json
	cargo run --release $(CARGO_ARGS) -q -p benches --bin instructions -- check

.PHONY: instructions-accept
instructions-accept: valgrind ## write the present counts to benches/instructions.json
	cargo run --release $(CARGO_ARGS) -q -p benches --bin instructions -- accept

.PHONY: peers
peers: ## compare with other servers at the same work (some 25 minutes); ARGS="--only tickcast,uwebsockets --rows 1k"
	benches/peers/run $(ARGS)

.PHONY: clean
clean: ## remove everything that was built or installed here
	cargo clean
	rm -rf $(WEB)/node_modules $(WEB)/*/dist $(WEB)/*/test-results

.PHONY: need-node
need-node:
	@$(if $(HAVE_NODE),:,echo "$(NO_NODE)" >&2; exit 1)

.PHONY: say-no-node
say-no-node:
	@echo "$(NO_NODE); until then the server runs without its dashboards" >&2

.PHONY: chromium
chromium:
	@if [ -n "$(CHROMIUM)" ]; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "Chromium is missing: install it (Debian: sudo apt-get install chromium), or set CHROMIUM to its path" >&2; exit 1; fi

.PHONY: valgrind
valgrind:
	@if command -v valgrind >/dev/null; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq valgrind >/dev/null; \
	else echo "valgrind is missing: install it (Debian: sudo apt-get install valgrind)" >&2; exit 1; fi

# npm writes this file at the end of an installation.
$(MODULES): $(WEB)/package-lock.json $(WEB)/package.json $(WEB)/sdk/package.json $(WEB)/app/package.json $(WEB)/report/package.json $(WEB)/grafana/package.json $(WEB)/examples/react/package.json | need-node
	cd $(WEB) && npm ci
	@touch $@

$(PAGES): $(MODULES) $(PAGE_SOURCES) | need-node
	cd $(WEB) && npm run build
	@touch $@
