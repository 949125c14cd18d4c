# `make demo` shows the product, `make test` shows that it works, `make check` is the fast part.
# Needs Python 3.11 or newer with pip, and make. Everything else is fetched into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCKED := --constraint constraints.txt --build-constraint constraints.txt
WORKERS ?= 3

# Tests start hundreds of processes; without bytecode each of them compiles everything first.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check coverage format servers torture bench docs changelog lock release clean
.PHONY: web types packages screenshots
.DELETE_ON_ERROR:

help:  ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

# make takes `--keep` for its own `--keep-going`, and tells of it by a letter.
KEEP := $(findstring k,$(firstword -$(MAKEFLAGS)))

demo: $(VENV)/.demo $(if $(KEEP),web)  ## Show the product on this machine; `make demo --keep` keeps it, with its page.
	$(BIN)/nameplate demo $(if $(KEEP),--keep)

# Many tests wait for servers, so that three processes fill two cores. A test that uses a real one is
# run once more when it fails, and the closing line says so. One that fails twice has failed, and so has
# any other that fails once. With worksteal the tests of a file stay together, and what they share is
# started once. `check` has run the house rules already.
test: servers check $(VENV)/.web  ## Set everything up, then check and run all tests.
	@# Without npm's registry the page's tests are skipped like those of a missing server; CI fails then.
	$(BIN)/python web/build.py || test $$? -eq 69
	if test -e web/node_modules/.installed; then \
	  $(BIN)/python web/build.py node_modules/vue-tsc/bin/vue-tsc.js --noEmit && \
	  $(BIN)/python web/build.py node_modules/vitest/vitest.mjs run; fi
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --ignore tests/house

# Tracing adds half to the time of a run, so it is a run of its own, and on one database.
coverage: $(VENV)/.dev  ## Run the tests on SQLite with branch coverage, which must not fall.
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --cov -k "not postgresql and not mariadb"

check: $(VENV)/.dev  ## Lint, format, types, import rules, house rules.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 tests/house

web: $(VENV)/.web  ## Build the page, with node of PyPI, when a source of it has changed.
	$(BIN)/python web/build.py

packages: web  ## Pack @nameplate/client and @nameplate/vue for npm into dist/.
	$(BIN)/python web/packages.py

screenshots: web  ## Write pictures of the page to docs/images.
	$(BIN)/python scripts/screenshots.py

format: $(VENV)/.dev  ## Let ruff repair what it can.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

servers:  ## Install the servers that the tests start (Debian, as root, only what is missing).
	sh scripts/servers.sh

torture: $(VENV)/.dev  ## Run the long campaigns.
	NAMEPLATE_TORTURE=1 $(BIN)/pytest -m torture --timeout 0

# The other files there are parts of these.
bench: $(VENV)/.dev  ## Run every benchmark; each prints its own ratios.
	set -e; for bench in $$(grep -l argparse bench/*.py); do echo "== $$bench"; $(BIN)/python $$bench; done

docs: $(VENV)/.dev  ## Write the pages that are made from code.
	$(BIN)/python scripts/schema_docs.py
	$(BIN)/python scripts/error_docs.py
	$(BIN)/python scripts/event_docs.py

types: $(VENV)/.web  ## Write the API's types for the page.
	$(BIN)/python scripts/web_schema.py

changelog: $(VENV)/.dev  ## Show the next release's part of CHANGELOG.md.
	$(BIN)/towncrier build --draft

lock: | $(BIN)/pip  ## Write constraints.txt from what pyproject.toml asks for, with today's versions.
	$(BIN)/python scripts/lock.py

release: web  ## Build wheel and npm packages, check, commit and tag VERSION=1.2.3; push nothing.
	$(BIN)/python scripts/release.py "$(VERSION)"

clean:  ## Remove the virtual environment and every cache.
	rm -rf $(VENV) build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -rf .hypothesis web/node_modules src/nameplate/web/static

# The stamps are older than these files exactly when something may be missing.
# The page is built by `make web`, not when the package is installed for development.
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/pip
	NAMEPLATE_SKIP_WEB=1 $(PIP) install $(LOCKED) --editable . --group dev
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/pip
	NAMEPLATE_SKIP_WEB=1 $(PIP) install $(LOCKED) --editable '.[demo]'
	@touch $@

$(VENV)/.web: pyproject.toml constraints.txt | $(VENV)/.dev
	$(PIP) install $(LOCKED) --group web
	@touch $@

# Dependency groups and constraints of builds need pip 25.3; Debian's Python comes without the
# module that venv takes pip from.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Nameplate needs Python 3.11 or newer; set PYTHON=python3.x" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  rm -rf $(VENV) && $(PYTHON) -m venv --without-pip $(VENV) \
	  && $(PYTHON) -m pip --python $(BIN)/python install --quiet 'pip>=25.3'; } || { \
	  rm -rf $(VENV); echo "No virtual environment: apt-get install python3-venv python3-pip" >&2; exit 1; }
	$(PIP) install --upgrade --constraint constraints.txt 'pip>=25.3'
	@touch $@
