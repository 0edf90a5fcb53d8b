# Thin on purpose: every target is what one would type by hand. `make` alone lists them.
TARGET := $(or $(CARGO_TARGET_DIR),target)
INSTALLED := node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help build run test fuzz bench fmt lint audit coverage clean bundle

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: bundle ## Fetch what is not Rust, bundle the frontend's libraries, build everything in release mode
	cargo build --release --workspace

run: build ## Build what changed, then serve; options in ARGS="--port 9000"
	exec $(TARGET)/release/squaretable serve $(ARGS)

test: bundle ## Formatting, clippy, and every test: unit, integration, against the original, in a browser
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --no-fail-fast

fuzz: ## Hostile input with fresh cases for FUZZ_MINUTES=10, within 2 GiB; stops at the first failure
	node scripts/fuzz.mjs

bench: build ## Measure the server, and the original beside it
	node scripts/bench.mjs

fmt: ## Format the Rust code
	cargo fmt --all

lint: ## Formatting, clippy, and the checkers that are installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/run-if-installed.sh cargo-deny cargo deny --workspace check bans licenses sources
	@scripts/run-if-installed.sh cargo-machete cargo machete
	@scripts/run-if-installed.sh typos typos

audit: ## Known vulnerabilities in the dependencies (needs cargo-deny, and github.com for the advisories)
	cargo deny --workspace check advisories

coverage: bundle ## Line coverage of the tests, in target/coverage (needs cargo-tarpaulin)
	cargo tarpaulin --workspace --engine llvm --out Html --out Lcov --output-dir target/coverage

clean: ## Remove what was built and fetched; data stays
	cargo clean
	rm -rf node_modules

bundle: $(INSTALLED)
	@node scripts/bundle-lib.mjs

$(INSTALLED): package-lock.json .npmrc scripts/link-postgres.mjs
	npm ci
	node scripts/link-postgres.mjs
	@touch $@
