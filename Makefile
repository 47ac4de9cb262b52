# Everything a newcomer or a developer types. `make` alone lists it.
# Tools and packages are brought once and again only when a lock file changes.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help demo test lint check chaos bench bench-night bench-workers bench-load bench-mail bench-web bench-workbench fuzz-api lock format schema shell clean

BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes
# The locks are made with Python 3.11; newer ones work too. `true`: make takes a last name that is
# not found (127) for a failure of the whole, and drops what was found.
PYTHON ?= $(firstword $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name"; done; true))

# What `check --deploy` judges: the settings of a server that is told what it must be told.
AS_PRODUCTION := EVENKEEL_ENV=production \
	SECRET_KEY=not-a-secret-but-long-and-varied-enough-0123456789-to-be-judged-as-one \
	FIELD_ENCRYPTION_KEYS=bm90LWEta2V5LW9mLWFueWJvZHktanVzdC1hLWp1ZGc= \
	DATABASE_URL=postgresql://localhost/evenkeel REDIS_URL=redis://localhost:6379/0 \
	ALLOWED_HOSTS=evenkeel.example.org
# Tools that load the settings and need no server.
WITHOUT_SERVERS := EVENKEEL_ENV=test DATABASE_URL=postgresql://localhost/evenkeel \
	REDIS_URL=redis://localhost:6379/0

help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F '\t' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: .venv/local.stamp node_modules/.package-lock.json .env  ## run the product with demo data; PORT=8000 MARKET_DATA_DIR=
	@exec $(BIN)/python manage.py demo

test: .venv/development.stamp node_modules/.package-lock.json .env  ## run all tests, in a real browser too; JOBS=2 ARGS= for pytest
	@EVENKEEL_CHROMIUM="$$(sh requirements/chromium.sh)" exec $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

lint: .venv/development.stamp node_modules/.package-lock.json .env  ## run every check but the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(WITHOUT_SERVERS) $(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet --check --lint templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(AS_PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/hadolint Dockerfile

check: lint test  ## run all that CI runs

chaos: .venv/development.stamp  ## break ROUNDS=10 nights in every stage, at random
	@ROUNDS="$(ROUNDS)" exec $(BIN)/python -m pytest -m chaos tests/faults $(ARGS)

bench: .venv/development.stamp  ## time the numeric core beside its peers; JSON=FILE keeps the rows
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 exec $(BIN)/python -m benchmarks.core \
		$(if $(JSON),--json "$(JSON)") $(if $(ONLY),--only $(ONLY))

JOBS ?= 2
ROUNDS ?= 10
EXAMPLES ?= 200
N ?= 100000
bench-night: .venv/development.stamp  ## measure a night of N=100000 portfolios; AT=venues, everything or quarter
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.night $(N) $(AT)

bench-workers: .venv/development.stamp  ## measure a night of N=100000 with one worker and with two
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.workers $(N)

bench-load: .venv/development.stamp node_modules/.package-lock.json  ## measure the overview while nights of N=100000 run
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.load $(N)

bench-mail: .venv/development.stamp  ## measure how N=100000 due messages drain; MAILS_PER_SECOND=50 SECONDS=60, 0 for all
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.mail $(N)

bench-web: .venv/development.stamp node_modules/.package-lock.json  ## measure the pages beside a bare view
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.web

bench-workbench: .venv/development.stamp node_modules/.package-lock.json  ## measure the workbench as one types, 30 coins
	@EVENKEEL_VAR="$(CURDIR)/var/bench" exec $(BIN)/python -m portfolio_site.embedded \
		$(BIN)/python -m benchmarks.workbench

format: .venv/development.stamp  ## put code and templates into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	-$(BIN)/djlint --quiet --reformat templates

schema: .venv/development.stamp .env  ## write the description of the API, docs/openapi.yaml
	$(WITHOUT_SERVERS) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

fuzz-api: .venv/development.stamp  ## try the API with EXAMPLES=200 generated requests an operation
	@API_EXAMPLES="$(EXAMPLES)" exec $(BIN)/python -m pytest tests/api/test_fuzzing.py $(ARGS)

shell: .venv/local.stamp .env  ## open a Python shell with the models
	@exec $(BIN)/python manage.py shell

clean:  ## remove all that make has made, the demo's data included
	@for link in var/run var/postgres var/*/run var/*/postgres; do \
		if [ -L "$$link" ]; then rm -rf "$$(readlink "$$link")"; fi; done
	rm -rf .venv node_modules staticfiles var .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis

# --- Packages ---------------------------------------------------------------------------------------

# The smaller sets start from the largest, so that all three agree on every version.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes \
	--strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock: .venv/development.stamp  ## pin all packages anew, with hashes; UPGRADE=1 for newer versions
	$(COMPILE) $(if $(UPGRADE),--upgrade) -o requirements/development.txt requirements/development.in
	@for set in local production; do cp requirements/development.txt requirements/$$set.txt; done
	$(COMPILE) -o requirements/local.txt requirements/local.in
	$(COMPILE) -o requirements/production.txt requirements/production.in
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only --ignore-scripts --silent

.venv/bin/pip:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Evenkeel needs Python 3.11 or newer, and found none. Install it," \
			"or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) -m venv --clear .venv || { \
		echo "$(PYTHON) cannot make .venv. On Debian: apt-get install python3-venv" >&2; exit 1; }

.venv/local.stamp: requirements/local.txt | .venv/bin/pip
	@echo "Installing the Python packages."
	@$(PIP_INSTALL) -r requirements/local.txt
	@touch $@

.venv/development.stamp: requirements/development.txt | .venv/bin/pip
	@echo "Installing the Python packages, those for development too."
	@$(PIP_INSTALL) -r requirements/development.txt
	@touch $@ .venv/local.stamp

node_modules/.package-lock.json: package-lock.json .npmrc | .venv/bin/pip
	@echo "Installing the front-end packages."
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --silent
	@touch $@

.env:
	@cp .env.example .env
