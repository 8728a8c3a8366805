# Everything a newcomer needs: `make demo` and `make test`. Needs Python >= 3.11 with venv, and make; Go is used if there.
PYTHON ?= python3
UV_VERSION := 0.13.8

# Tests mostly wait for real servers: more of them than cores, each with a control plane of its own.
TEST_PROCESSES ?= 3
NO_TESTS := 5

# What `make conformance` tries: CHECKS=mlflow is one of them.
CHECKS ?= kserve istio object_stores mlflow alertmanager

VENV := .venv/.ready
ML_VENV := pipelines/.venv/.ready
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test conformance lint verify lock binaries clean

help: ## Show what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV) $(ML_VENV) ## Watch a model degrade, be retrained and rolled out, and a bad one be rolled back
	@$(BIN)/python -m modelwright_playground.demo $(DEMO_ARGS)

test: $(VENV) $(ML_VENV) ## Run all tests; the last of them is the demo
	@$(BIN)/python -m modelwright_playground.controlplane.build
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) -m 'not alone' $(PYTEST_ARGS) || [ $$? -eq $(NO_TESTS) ]
	@$(BIN)/python -m pytest -m alone $(PYTEST_ARGS) || [ $$? -eq $(NO_TESTS) ]

conformance: $(VENV) $(ML_VENV) ## Try the real programs of others, which are built first (an hour); no part of `make test`
	@set -e; for check in $(CHECKS); do echo "conformance.$$check"; $(BIN)/python -m conformance.$$check $(PYTEST_ARGS); done

lint: $(VENV) ## Check style, types and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@PYTHONPATH=operator $(BIN)/lint-imports --no-logo

verify: $(VENV) $(ML_VENV) ## Check that everything generated or copied is up to date
	@$(BIN)/python tools/verify_copies.py
	@$(BIN)/python tools/api_reference.py --check
	@cd pipelines && .venv/bin/python -m modelwright_pipelines.compile --check

lock: $(VENV) ## Write the lock files anew from the two pyproject.toml, and see that all extras fit together
	$(BIN)/uv pip compile -q pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-header -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml --all-extras --universal --python-version 3.11 --no-header -o /dev/null
	$(BIN)/uv pip compile -q pipelines/pyproject.toml --generate-hashes --universal --python-version 3.11 --no-header -o pipelines/requirements.lock

binaries: $(VENV) ## Build the control plane and Prometheus, if that was not done yet
	@$(BIN)/python -m modelwright_playground.controlplane.build

clean: ## Remove the environments and what tools left; built binaries stay in the user's cache
	rm -rf .venv pipelines/.venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-report.*

$(VENV): requirements.lock pyproject.toml
	@echo "Making the operator's environment (.venv)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed, found $$($(PYTHON) -V)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed: install your distribution's python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync -q --require-hashes --python .venv requirements.lock
	@$(BIN)/uv pip install -q --no-deps --no-build-isolation --python .venv -e .
	@touch $@

$(ML_VENV): pipelines/requirements.lock $(VENV)
	@echo "Making the pipelines' environment (pipelines/.venv)"
	@$(PYTHON) -m venv --without-pip pipelines/.venv
	@$(BIN)/uv pip sync -q --require-hashes --python pipelines/.venv pipelines/requirements.lock
	@touch $@
