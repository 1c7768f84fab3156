# Everything starts from a bare checkout and Python 3.11 or newer: the first target
# that needs it makes $(VENV) and installs into it. No compiler, no system package.

VENV ?= .venv
# The first Python that is new enough; `make test PYTHON=/path/to/python` overrides.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$name"; break; }; done)

BIN := $(VENV)/bin
# Half of the time of an installation goes to bytecode of which little is ever used; Python
# makes that when it imports a module.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --editable
PYTEST := $(BIN)/python -m pytest -q -n auto

.DEFAULT_GOAL := help
.PHONY: help run test test-all check format lint links types layers bench golden clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) \
	| awk -F ':.*## +' '{ printf "  make %-9s %s\n", $$1, $$2 }'

run: $(VENV)/run  ## put a photograph through a compiled pipeline: examples/photo.py
	@$(BIN)/python examples/photo.py

test: check  ## check, then all tests but the slow ones; this is what CI runs
	@$(PYTEST) -m "not slow"

test-all: check  ## check, then all tests
	@$(PYTEST)

check: lint types layers  ## format, lint, types and import layers; no tests

format: $(VENV)/test  ## rewrite the sources in the one format
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format .

lint: $(VENV)/test
	@$(BIN)/ruff format --check --quiet . || { \
	  $(BIN)/ruff format --check .; echo "make format rewrites them"; exit 1; }
	@$(BIN)/ruff check --quiet .

# mypy and import-linter read files, so they need the package as one folder.
links: $(VENV)/test
	@$(BIN)/python tools/link_tree.py >/dev/null

types: links
	@$(BIN)/mypy --no-error-summary -p penstock
	@$(BIN)/mypy --no-error-summary examples benchmarks tools

layers: links
	@report=$$(PYTHONPATH=build/links $(BIN)/lint-imports --no-logo) \
	|| { echo "$$report"; exit 1; }

bench: $(VENV)/$(if $(PEERS),peers-$(PEERS),run)  ## measure; ONLY=calls, PEERS=1 or PEERS=torch
	@$(BIN)/python -m benchmarks $(ONLY)

golden: $(VENV)/test  ## write the expected texts of tests again, to be reviewed
	@$(PYTEST) --golden

clean:  ## remove all that was made here, the environment included
	rm -rf build dist *.egg-info $(VENV) \
	  .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again only when pyproject.toml changes.
$(VENV)/base: pyproject.toml
	@test -n "$(PYTHON)" || { \
	  echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/base
	$(INSTALL) '.[examples]'
	@touch $@

$(VENV)/test: $(VENV)/base
	$(INSTALL) '.[examples,test]'
	@touch $@ $(VENV)/run

$(VENV)/peers-1: $(VENV)/run
	$(INSTALL) '.[examples,peers]'
	@touch $@

$(VENV)/peers-torch: $(VENV)/run
	$(INSTALL) '.[examples,peers,peers-torch]'
	@touch $@
