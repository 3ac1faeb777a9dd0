# Every verb a developer or CI needs. `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup web build run demo test lint fmt asan tsan sim model crash fuzz bench golden clean ci configure-% build-%

BINARY := build/release/metergate
# Anything that comes after the verb: make run ARGS="--config metergate.yaml"
ARGS ?=

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## install every package that any verb needs (Debian 12)
	@tools/setup all

web: setup-build  ## build the pages that the binary embeds, build/pages.pack
	@tools/web

build: setup-build web build-release  ## build the binary, build/release/metergate

run: build  ## build and start it: OPENAI_API_KEY=… make run, or without a key against a built-in upstream
	exec $(BINARY) serve $(ARGS)

demo: build  ## build and start it with nothing to keep: memory store, built-in upstream
	exec $(BINARY) demo $(ARGS)

test: setup-test web build-dev build-release  ## unit tests, then the end-to-end tests against the binary
	@tools/test_env
	@build/venv/bin/python tools/run_tests.py --cpp build/dev --e2e $(BINARY) --select "$(ARGS)"

lint: setup-lint configure-tidy  ## formatting, clang-tidy, layers, house rules
	@python3 tools/lint.py

fmt: setup-lint  ## format the C++ sources
	@git ls-files -co --exclude-standard -- '*.h' '*.cpp' | xargs clang-format-19 -i

asan: setup-test build-asan  ## unit and smoke tests with the address and undefined-behaviour sanitizers
	@tools/test_env
	@build/venv/bin/python tools/run_tests.py --cpp build/asan --e2e build/asan/metergate --select smoke

tsan: setup-test build-tsan  ## unit tests of the rooms with threads, with the thread sanitizer
	@python3 tools/run_tests.py --cpp build/tsan

sim: setup-test configure-dev  ## simulate the money engine: make sim SEED=7, make sim RANGE=1-100000
	@cmake --build --preset dev --target sim
	@$(if $(SEED)$(RANGE),,build/dev/sim --store sqlite --quiet)
	@build/dev/sim $(if $(SEED),--seed $(SEED),$(if $(RANGE),--from $(firstword $(subst -, ,$(RANGE))) \
	  --to $(lastword $(subst -, ,$(RANGE))) --state build/sim.state,--exchanges 2000000))

model: setup-model  ## search the model of the lease protocol, whole and with one rule at a time left out
	@python3 tools/check_model.py $(ARGS)

crash: setup-test build-release  ## kill the binary under load, and audit what is left: make crash ARGS="--kills 200"
	@tools/test_env
	@METERGATE_BIN=$(BINARY) build/venv/bin/python tests/crash/crash.py $(ARGS)

fuzz: setup-fuzz configure-fuzz  ## fuzz one target: make fuzz NAME=http_parser SECONDS=60
	@tools/fuzz "$(NAME)" "$(or $(SECONDS),60)"

bench: setup-bench build  ## compare with nginx and HAProxy on this machine: make bench ARGS=--quick
	@python3 bench/run.py $(ARGS)

golden: setup-test build-release  ## replay recorded provider traffic through the official clients
	@tools/test_env
	@build/venv/bin/python tools/run_tests.py --e2e $(BINARY) --select replay

clean:  ## remove everything built
	rm -rf build

ci:  ## what CI runs: test, lint, asan, tsan, sim, model, crash
	@python3 tools/ci.py

setup-%:
	@tools/setup $*
configure-%:
	@mkdir -p build
	@cmake --preset $* >build/$*.configure.log 2>&1 || (cat build/$*.configure.log; exit 1)
build-%: configure-%
	@cmake --build --preset $*
