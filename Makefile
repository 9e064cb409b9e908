# `make run` on a fresh machine needs make and one of these Pythons. Nothing is installed outside of .venv.
PYTHONS := 3.11 3.12 3.13
PYTHON ?= python3
HOST ?= $(or $(LEUKOLENS_HOST),127.0.0.1)
PORT ?= $(or $(LEUKOLENS_PORT),8000)
VENV := .venv
BIN := $(VENV)/bin
NODE = PATH="$(abspath $(BIN)):$$PATH"
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

export LEUKOLENS_HOST := $(HOST)
export LEUKOLENS_PORT := $(PORT)

.PHONY: install run test test-postgres test-faults test-js coverage lint lint-js docs lock sbom bench bench-guard bench-worklist bench-cells screenshots docs-screenshots

# Ends make, before anything is installed, when the Python that would be used is none of PYTHONS.
INTERPRETER = $(or $(wildcard $(BIN)/python),$(PYTHON))
VERSION = $(shell $(INTERPRETER) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
WRONG_PYTHON = LeukoLens runs on Python 3.11, 3.12 or 3.13, but $(INTERPRETER) is $(or $(1),not there): \
    choose one that is, as in `PYTHON=python3.12 make run`
define check_python
$(if $(filter $(PYTHONS),$(VERSION)),,$(error $(call WRONG_PYTHON,$(VERSION))))
endef

install: $(VENV)/.installed

$(VENV)/.installed: requirements.txt
	$(check_python)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt | $(VENV)/.installed
	$(INSTALL) -r requirements-dev.txt
	touch $@

# Migrates the database; the first time it also makes the lab and prints the admin's one-time password.
run: install
	$(BIN)/flask --app wsgi init
	exec $(BIN)/flask --app wsgi serve

PYTEST = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
test: $(VENV)/.installed-dev
	$(PYTEST)

# The tests of the application once more, with every lab on PostgreSQL; wants LEUKOLENS_TEST_POSTGRES_URL. Those of faults
# that are about PostgreSQL are on it anyway.
test-postgres: $(VENV)/.installed-dev
	LEUKOLENS_TEST_APP_ON=postgresql $(PYTEST) -m "not faults" tests/app

# What breaks, many at once and attacks, tried much harder than by `make test`: a few minutes.
test-faults: $(VENV)/.installed-dev
	LEUKOLENS_TEST_FAULTS=all $(PYTEST) -m faults tests/app tests/smear

# Which lines and branches the tests run, by room; fails where it is too few. The pages are in build/coverage/html.
coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage html --quiet
	$(BIN)/coverage json --quiet
	$(BIN)/python -m tests.coverage_by_room build/coverage/coverage.json

# The scripts' tests, by Node's own runner. Node comes with the development requirements; nothing else of npm is needed.
test-js: $(VENV)/.installed-dev
	$(NODE) npm test

lint: $(VENV)/.installed-dev lint-js docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/djlint --lint --quiet templates

lint-js: node_modules/.installed
	$(NODE) npm run --silent lint

# Only lint needs it.
node_modules/.installed: package-lock.json | $(VENV)/.installed-dev
	$(NODE) npm ci --no-audit --no-fund --loglevel=error
	touch $@

# The documentation as a site, in build/docs; a link that leads nowhere is an error, which mkdocs overlooks when --quiet.
docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Writes requirements*.txt anew from the lists in pyproject.toml. What they pin already stays as it is, unless asked for
# with LOCK=--upgrade or LOCK="--upgrade-package NAME".
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --custom-compile-command 'make lock' $(LOCK) pyproject.toml
lock: $(VENV)/.installed-dev
	$(COMPILE) --output-file requirements.txt
	for extra in training postgres s3 ray tracking cuda; do \
	    $(COMPILE) --extra $$extra --constraint requirements.txt --output-file requirements-$$extra.txt || exit 1; \
	done
	$(COMPILE) --extra training --extra postgres --extra s3 --extra ray --extra tracking --group dev --constraint requirements.txt \
	    --output-file requirements-dev.txt

# The bill of materials of what serves, with hashes, in CycloneDX: build/sbom.cdx.json.
sbom: $(VENV)/.installed-dev
	mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
	    --output-file build/sbom.cdx.json

# Measures reading and serving, as ratios within one run, and writes bench.json. Wants an idle machine.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench

# Fails when reading became much dearer beside the forward pass than it was; any machine will do.
bench-guard: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.guard

# Generates 100,000 cases and prints how long the worklist, its search and case pages take.
bench-worklist: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.worklist

# Prints how long all cells of a large field take to be found, measured and read.
bench-cells: $(VENV)/.installed-dev
	$(BIN)/python -m tests.bench.cells

# Draws every page into build/screenshots; needs Chromium.
screenshots: $(VENV)/.installed-dev
	$(BIN)/python -m tests.screenshots build/screenshots

# The same, and renews those of docs/screenshots whose page looks different now.
docs-screenshots: $(VENV)/.installed-dev
	$(BIN)/python -m tests.screenshots build/screenshots --documented
