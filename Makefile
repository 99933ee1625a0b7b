# `make demo` and `make test` set up everything they need; nothing else has to be installed but Python ≥ 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --prefer-binary -c constraints.txt
DEMO_DIR ?= demo

.PHONY: demo test check check-pages docs clean

demo: $(VENV)/installed
	$(BIN)/mapsight demo --out $(DEMO_DIR)

# one thread a worker: two workers with two threads each would wait for each other
test: export OMP_NUM_THREADS = 1
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2

check: $(VENV)/installed-dev check-pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# the pages' scripts and styles; `npx biome check --write` mends what can be mended
check-pages:
	@if command -v npm > /dev/null; then npm ci --silent --no-audit --no-fund && npx biome check --error-on-warnings; \
	else echo "npm is not there: the pages' scripts are not checked" >&2; fi

docs: $(VENV)/installed-dev
	$(BIN)/python docs/assemble.py
	$(BIN)/zensical build --clean --strict

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e '.[web]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO_DIR)
