# `make demo` and `make test` set up everything they need; nothing else has to be installed but Python ≥ 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --prefer-binary -c constraints.txt
DEMO_DIR ?= demo

.PHONY: demo test test-fast test-lowest check check-pages docs clean

demo: $(VENV)/installed
	$(BIN)/mapsight demo --out $(DEMO_DIR)

# one thread a worker: two workers with two threads each would wait for each other
test: export OMP_NUM_THREADS = 1
test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2

# what can be run after every change: the slow files (tests/conftest.py) left out
test-fast: export OMP_NUM_THREADS = 1
test-fast: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m "not slow"

# the lowest versions that pyproject.toml allows, in an environment of their own; the slow tests and
# pictures drawn by another matplotlib are left out
test-lowest: export OMP_NUM_THREADS = 1
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) tests/lowest.py > $(VENV)-lowest/lowest.txt
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check install --quiet -c constraints.txt torch
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check install --quiet -c $(VENV)-lowest/lowest.txt -e '.[test]'
	$(VENV)-lowest/bin/python -m pytest -n 2 -m "not slow"

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
	rm -rf $(VENV) $(VENV)-lowest $(DEMO_DIR)
