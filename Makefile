# Each target installs what it needs first.
#
#   make run        create a real Ray cluster on the CML emulator, from specs/quickstart.yaml
#   make test       run the whole test suite, with real Ray processes
#   make check      run format, lint, types and all tests that need no Ray
#   make soak       run the simulation with fresh seeds: make soak SECONDS=600 SEED=1
#   make matrix     run a cluster on each version of Ray, or on some: make matrix RAY="2.10.0 2.44.1"
#   make docs       build the documents as a site in .site
#   make reference  write generated pages and recorded sessions of the documents anew
#   make stop       delete the cluster of `make run`, and stop the CML emulator
#   make lock       write constraints.txt from what is installed

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && { echo $$p; exit; }; done; echo no-python)
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/sh
.DEFAULT_GOAL := help
# Compiled modules are kept, since tests start hundreds of processes that import them.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run stop test check soak matrix lint types reference docs lock clean

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/bin/python:
	@[ "$(PYTHON)" != no-python ] || { echo "raycml needs Python 3.11 or newer; install it, or run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Creating a virtual environment with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "the module venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.local: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing raycml and Ray (about 250 MB on first install) ..."
	@$(BIN)/python -m pip --disable-pip-version-check -q install -c constraints.txt -e '.[local]'
	@touch $@

$(VENV)/.dev: $(VENV)/.local
	@echo "Installing test dependencies ..."
	@$(BIN)/python -m pip --disable-pip-version-check -q install -c constraints.txt -e '.[local,dev,docs]'
	@touch $@

run: $(VENV)/.local
	@$(BIN)/raycml reconcile --local specs/quickstart.yaml
	@$(BIN)/python docs/examples/task_on_every_node.py quickstart
	@echo
	@echo "Open the dashboard: first the sign-in link, then the address of the cluster above."
	@$(BIN)/raycml emulator status
	@echo
	@echo "Submit a job (prints the command):      $(BIN)/raycml status --local quickstart"
	@echo "Edit specs/quickstart.yaml, then plan:  $(BIN)/raycml plan --local specs/quickstart.yaml"
	@echo "Stop everything:                        make stop"

# A cluster that does not exist (64) counts as deleted; a stopped CML is not started for this.
stop:
	@[ -x $(BIN)/raycml ] || { echo "nothing to stop: raycml is not installed here"; exit 0; }; \
	code=0; \
	if $(BIN)/raycml emulator status -o json | grep -q '"running": true'; then \
		said=$$($(BIN)/raycml delete --local --yes quickstart 2>&1) || code=$$?; \
		if [ $$code -eq 64 ]; then code=0; else echo "$$said"; fi; \
	fi; \
	$(BIN)/raycml emulator stop && exit $$code

lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.dev
	@$(BIN)/mypy

check: lint types
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not ray and not slow"

# Three processes on two cores: one of them mostly waits for real clusters, pods and signals.
# tests/conftest.py says which files begin.
test: lint types
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

SECONDS ?= 60
SEED ?= 1
soak: $(VENV)/.dev
	@$(BIN)/python -m tests.simulation.soak --seconds $(SECONDS) --seed $(SEED)

# Virtual environments of the versions are built once, in .venv-rays.
RAY ?=
matrix: $(VENV)/.dev
	@$(BIN)/python -m tests.matrix $(RAY)

# The pages that are made from the code, and recorded sessions whose output has changed.
reference: $(VENV)/.dev
	@RAYCML_ACCEPT=1 $(BIN)/python -m pytest -q tests/test_docs.py \
		tests/cli/test_documented_json.py tests/cli/test_documented_sessions.py

docs: $(VENV)/.dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "open .site/index.html"

lock: $(VENV)/.dev
	@$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:
	@rm -rf $(VENV) .venv-rays .site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
