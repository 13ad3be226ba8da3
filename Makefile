# Everything happens in .venv; a machine with Python 3.11 (its venv module) and make needs nothing else.
PYTHON ?= python3
EXTRAS ?= all
TESTS ?= tests
MARKS ?= not slow
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint configs/constraints.txt

.PHONY: demo install test check fix lint types docs bench build clean

demo: $(VENV)/base.stamp ## separate the song that ships with the project
	$(BIN)/stem demo

install: $(VENV)/base.stamp ## everything: all extras, development tools; EXTRAS=postgres,... chooses
	$(BIN)/python scripts/install.py "$(EXTRAS)"
	@touch $(VENV)/full.stamp

test: $(VENV)/full.stamp ## the tests; MARKS="" runs the slow ones as well
	$(BIN)/python -m pytest -n $(WORKERS) -m "$(MARKS)" $(TESTS)

check: lint types test ## what CI checks

lint: $(VENV)/full.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/full.stamp
	$(BIN)/mypy

fix: $(VENV)/full.stamp ## format, and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/full.stamp ## write docs/commands.md anew from the commands
	$(BIN)/python scripts/make_docs.py

bench: $(VENV)/full.stamp ## speed and memory
	$(BIN)/python scripts/bench.py

build: $(VENV)/full.stamp ## the wheel
	$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .

clean: ## remove the environment and what was built
	rm -rf $(VENV) dist build

$(VENV)/base.stamp: pyproject.toml configs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/full.stamp: $(VENV)/base.stamp scripts/install.py
	$(BIN)/python scripts/install.py "$(EXTRAS)"
	@touch $@
