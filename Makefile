# One verb for each thing one does here. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo setup tools test check fix cluster-up benchmark benchmark-webhook benchmark-reconcile soak nightly lock clean
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
TOOLS := .tools/bin
export CARGO_TARGET_DIR := $(shell . scripts/cache.sh && cargo_target)
export PLOYD_POLICY_TOOLS ?= $(CURDIR)/$(TOOLS)

# Peers that only benchmarks run.
BENCHMARK_TOOLS := conftest gatekeeper kubeconform
TEST_TOOLS := $(filter-out $(BENCHMARK_TOOLS),$(patsubst tools/%/go.mod,%,$(wildcard tools/*/go.mod)))

# Cheapest first. T= runs something else: make test T=tests/unit/documents, or T='-k receipt'.
LAYERS := $(wildcard tests/house tests/unit tests/property tests/ports tests/acceptance tests/webhook tests/cluster)
T ?= $(LAYERS)
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 8 ? n : 8)))

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo:  ## set up what running takes, then judge the example repository
	@scripts/setup runtime
	$(BIN)/ployd-policy check fixtures/repositories/ployd-platform-config

setup:  ## .venv with everything for developing
	@scripts/setup dev

tools:  ## the Go programs that tests compare with, in .tools/bin
	@tools/build $(TEST_TOOLS)

test: setup tools  ## set up, then run the tests; T=... for some of them
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup --no-loadscope-reorder $(T)

check: setup tools  ## everything but the tests: format, lint, types, contracts, Rust, Rego, locks
	@scripts/check

fix: setup tools  ## put right what can be put right by a program
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .
	cargo fmt --manifest-path native/Cargo.toml
	$(TOOLS)/opa fmt --write policies

cluster-up: setup  ## a real control plane on this machine, until Ctrl-C
	@tools/build etcd kubernetes kwok
	@$(BIN)/python scripts/control_plane.py

benchmark: setup tools  ## check next to kubeconform plus conftest on 5,000 manifests (minutes)
	@tools/build $(BENCHMARK_TOOLS)
	$(BIN)/python benchmarks/check_repository/run.py

benchmark-webhook: setup  ## the webhook next to Gatekeeper's and opa run; needs wrk (minutes)
	@tools/build opa etcd kubernetes gatekeeper
	$(BIN)/python benchmarks/webhook $(ARGUMENTS)

benchmark-reconcile: setup  ## the reconciler with a thousand models at once (minutes)
	@tools/build etcd kubernetes kwok
	$(BIN)/python benchmarks/reconcile $(ARGUMENTS)

soak: setup tools  ## the webhook's promises over half an hour; ARGUMENTS='--help' lists more
	$(BIN)/python scripts/soak.py $(ARGUMENTS)

nightly: setup tools  ## parity with the API server over 10,000 objects
	PLOYD_POLICY_PARITY=10000 $(BIN)/pytest tests/cluster/test_parity.py

lock: setup  ## requirements/*.lock anew from pyproject.toml; UPGRADE=--upgrade for newer versions
	@scripts/lock $(UPGRADE)

clean:  ## remove what was built in the checkout; the cache outside it stays
	rm -rf .venv .tools build dist *.egg-info ployd_policy/_native*.so native/target
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
