# `make run` on a fresh machine needs Python 3.11 or newer and make. Nothing is installed outside of .venv.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

export LEUKOLENS_HOST := $(HOST)
export LEUKOLENS_PORT := $(PORT)

.PHONY: install run test lint bench bench-worklist bench-cells screenshots

install: $(VENV)/.installed

$(VENV)/.installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements.txt requirements-training.txt requirements-dev.txt | $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

# Migrates the database; the first time it also makes the lab and prints the admin's one-time password.
run: install
	$(BIN)/flask --app wsgi init
	exec $(BIN)/gunicorn --config gunicorn.conf.py

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

# Measures reading and serving, as ratios within one run, and writes bench.json. Wants an idle machine.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench

# Generates 100,000 cases and prints how long the worklist, its search and case pages take.
bench-worklist: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.worklist

# Prints how long all cells of a large field take to be found, measured and read.
bench-cells: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.cells

# Draws docs/screenshots anew; needs Chromium.
screenshots: $(VENV)/.installed-dev
	$(BIN)/python -m tests.browser.screenshots docs/screenshots
