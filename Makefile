# Two commands matter: `make run` and `make test`. `make help` lists the rest.
# What is built lives outside the checkout, so that a fresh clone finds it again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export SOTTO_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sotto
export CARGO_TARGET_DIR ?= $(SOTTO_CACHE)/target
# rustup installs here; a shell that was open before does not know it yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

HTTP ?= 127.0.0.1:8080
FUZZ_SECONDS ?= 60

stage := tools/stage
web_sources = $(shell find web-client -type f -not -path '*/node_modules/*' -not -path '*/dist/*' \
	-not -path '*/wasm/*' 2>/dev/null)
wasm_sources = $(shell find codec web-client/wasm -name '*.rs' -o -name Cargo.toml) Cargo.lock tools/build-wasm
codec_wasm := web-client/public/sdk/sotto-codec.wasm
test_wasm := tests/browser/sotto-codec-test.wasm

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# --- run -------------------------------------------------------------------------------------

.PHONY: run
run: ## Install what is missing, build, serve http://localhost:8080 with a development key
	@tools/install run
	@$(MAKE) --no-print-directory web-client/dist/index.html
	@cargo build --release --package sotto-server --bin sotto
	@exec "$(CARGO_TARGET_DIR)/release/sotto" serve --dev --http $(HTTP) --web-root web-client/dist

.PHONY: web
web: web-client/dist/index.html ## Build the web client alone

web-client/dist/index.html: web-client/node_modules/.installed $(codec_wasm) $(web_sources)
	@$(stage) "web client: build" npm --prefix web-client run build
	@touch $@

.PHONY: wasm
wasm: $(codec_wasm) $(test_wasm) ## Build the model codec for browsers, also with its test plug-ins

$(codec_wasm): $(wasm_sources)
	@$(stage) "codec: wasm" tools/build-wasm $@

$(test_wasm): $(wasm_sources)
	@$(stage) "codec: wasm for tests" tools/build-wasm $@ --features test-plugins

%/node_modules/.installed: %/package.json %/package-lock.json
	@$(stage) "$*: npm ci" npm --prefix $* ci --no-audit --no-fund
	@touch $@

# --- test ------------------------------------------------------------------------------------

.PHONY: test
test: ## Install what is missing and run everything that says whether this tree is good
	@tools/install run test
	@$(MAKE) --no-print-directory check test-rust test-web test-browser
	@echo "make test: all passed"

.PHONY: check
check: web-client/node_modules/.installed ## Format, lints, dependency rules, file sizes, types
	@$(stage) "checks: their own tests" node --test tools/
	@$(stage) "dependency rules" node tools/check-dependencies.mjs
	@$(stage) "file sizes" node tools/check-file-sizes.mjs
	@$(stage) "rustfmt" cargo fmt --all --check
	@$(stage) "clippy" cargo clippy --quiet --workspace --all-targets --locked -- -D warnings
	@$(stage) "web client: types" npm --prefix web-client run check

.PHONY: test-rust
test-rust: ## Every Rust test: core, shell, end to end over loopback, fuzz corpora
	@$(stage) "cargo test" cargo test --quiet --workspace --locked -- --show-output

.PHONY: test-web
test-web: web-client/node_modules/.installed $(test_wasm) ## Unit tests and build of the web client
	@$(stage) "web client: unit tests" npm --prefix web-client test
	@$(MAKE) --no-print-directory web-client/dist/index.html

.PHONY: test-browser
test-browser: web-client/dist/index.html $(test_wasm) tests/browser/node_modules/.installed ## Real Chromium against a real node
	@$(stage) "browser tests: build" cargo build --quiet --locked --package sotto-server --package sotto-tests --bins
	@$(stage) "browser tests" node tests/browser/run.js test

# --- measure and explore ---------------------------------------------------------------------

.PHONY: bench
bench: web-client/dist/index.html tests/browser/node_modules/.installed ## Forwarding against the bare floor, join times, bad lines, bundles
	@tools/install run test
	@cargo build --quiet --release --locked --package sotto-server --package sotto-tests --bins
	@cargo bench --quiet --workspace --bench '*'
	@cargo run --quiet --release --locked --package sotto-lab -- bandwidth
	@cargo run --quiet --release --locked --package sotto-load -- bundle --sweep --seconds 20
	@cargo run --quiet --release --locked --package sotto-load -- bundle --flush-ms 40 --line loss=10,rtt=30
	@cargo run --quiet --release --locked --package sotto-load -- bundle --flush-ms 40 --line loss=10,rtt=200
	@SOTTO_PROFILE=release node tests/browser/run.js bench
ifdef SPEECH
	@$(MAKE) --no-print-directory bench-voice
else
	@echo "SKIPPED: voices: no speech to measure with, which SPEECH=DIR would name (see make bench-voice)"
endif
ifdef CLIPS
	@$(MAKE) --no-print-directory bench-face
else
	@echo "SKIPPED: faces: no clips to measure with, which CLIPS=FILES would name (see make bench-face)"
endif

.PHONY: bench-voice
bench-voice: ## Measure voices: SPEECH=DIR of WAV, one person a file [MUSIC=DIR NOISE=DIR OVERLAP=DIR VOICE_FLAGS=...]
	@test -n "$(SPEECH)" || { echo "make bench-voice needs SPEECH=DIR: a folder of .wav files, one person each"; exit 2; }
	@tools/install voice
	@SOTTO_VOICE_PYTHON="$$(tools/voice-venv)" cargo run --quiet --release --locked --package sotto-lab -- \
		voice --speech "$(SPEECH)" $(if $(MUSIC),--music "$(MUSIC)") $(if $(NOISE),--noise "$(NOISE)") \
		$(if $(OVERLAP),--overlap "$(OVERLAP)") $(VOICE_FLAGS)

.PHONY: bench-face
bench-face: ## Measure faces beside AV1, VP9, VP8: CLIPS="FILE ..." of one person each [SHEET=DIR FACE_FLAGS=...]
	@test -n "$(CLIPS)" || { echo "make bench-face needs CLIPS=\"FILE ...\": videos of one person on camera each"; exit 2; }
	@tools/install face
	@SOTTO_FACE_PYTHON="$$(tools/face-venv)" cargo run --quiet --release --locked --package sotto-lab -- \
		face --clip $(CLIPS) $(if $(SHEET),--sheet "$(SHEET)") $(FACE_FLAGS)

.PHONY: bench-janus
bench-janus: ## The same traffic through Sotto and Debian's Janus, in turn on core 0, clients on core 1 [JANUS_FLAGS=...]
	@tools/install run janus
	@cargo build --quiet --release --locked --package sotto-server --package sotto-load --bins
	@"$(CARGO_TARGET_DIR)/release/sotto-load" janus --server-cpu 0 --client-cpu 1 $(JANUS_FLAGS)

.PHONY: fuzz
fuzz: ## Explore every parser for FUZZ_SECONDS each (60)
	@tools/install run test fuzz
	@tools/fuzz $(FUZZ_SECONDS)

.PHONY: clean
clean: ## Remove what was built and generated, the cache outside the checkout too
	rm -rf $(dir $(codec_wasm)) $(test_wasm) web-client/dist web-client/node_modules tests/browser/node_modules tests/browser/artifacts
	rm -rf "$(SOTTO_CACHE)"
