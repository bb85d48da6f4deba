# The front door. `make demo` and `make test` do all the set-up they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Small models on few rows: threads cost more than they bring (docs/decisions.md).
export OMP_NUM_THREADS ?= 1

PATIENTS ?=
AT_HOUR ?=
DEMO_OPTIONS = $(if $(PATIENTS),--patients '$(PATIENTS)') $(if $(AT_HOUR),--at-hour $(AT_HOUR)) $(if $(STRICT),--strict) \
  $(if $(filter 0 no,$(HISTORY)),--without-history)

.PHONY: venv-package help demo demo-check test test-suites test-hostile test-roads test-charts test-other test-fast conformance check format lock train evidence wheel screenshots screenshots-oversight bench bench-stages bench-models bench-page bench-oversight clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.demo ## Start the EHR simulator and Chartside, load patients, show their cards (PATIENTS=DIR, AT_HOUR=H, STRICT=1, HISTORY=0)
	$(BIN)/python -m ehr_simulator demo $(DEMO_OPTIONS)

demo-check: $(VENV)/.demo ## The same without staying up; fails if any step of the road fails
	$(BIN)/python -m ehr_simulator demo --check $(DEMO_OPTIONS)

# Two processes use two cores; the files of a folder may go to either, a file stays whole (its servers are shared).
WORKERS ?= 2
SHARED_OUT = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Whole roads through browser and servers, and every chart. Nothing of the coverage rests on them.
LONG_ROADS = tests/road tests/ehr_simulator/test_ehr_simulator_whole_demo.py tests/what_if/test_what_if_made_charts.py
EVERY_CHART = tests/what_if/test_what_if_real_path.py tests/what_if/test_what_if_browser.py

# Suites that take minutes and stand by themselves: training and what it leaves, the memory of every service, each state of
# the pages in a browser, each fault that the doctor has to find, and how often drawn intervals hold.
LONG_SUITES = tests/training tests/models_mortality tests/models_readmission tests/models_sepsis tests/bench \
  tests/chartside/test_training_commands.py tests/chartside/test_models_command.py tests/doctor/test_doctor_faults.py \
  tests/smart_app/test_smart_axe.py tests/what_if/test_what_if_page.py tests/oversight_statistics/test_stats_drawn_coverage.py

# What a stranger, another EHR or any input may send: thousands of made requests and records. None of it is measured.
HOSTILE = tests/hostile tests/smart_hostile tests/fhir_adapters/test_fhir_plans.py tests/fhir_adapters/test_fhir_shapes.py \
  tests/fhir_adapters/test_fhir_resolver_properties.py tests/models/test_record_digest.py tests/models/test_words.py

test: $(VENV)/.dev ## All tests but the long and hostile suites and the roads, in WORKERS processes
	$(BIN)/python -m pytest $(SHARED_OUT) $(addprefix --ignore=,$(LONG_ROADS) $(LONG_SUITES) $(HOSTILE) $(EVERY_CHART)) \
	  --cov --cov-report=
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage report --include='clinical/*' --fail-under=100

test-suites: $(VENV)/.dev ## The long suites: training, every service's memory, each state of the pages, planted faults
	$(BIN)/python -m pytest $(SHARED_OUT) $(LONG_SUITES)

test-hostile: $(VENV)/.dev ## Hostile callers and EHRs, and any input: made requests and records by the thousand
	$(BIN)/python -m pytest $(SHARED_OUT) $(HOSTILE)

test-roads: $(VENV)/.dev ## The long roads: the demo as a whole, browser and servers, made charts
	$(BIN)/python -m pytest $(SHARED_OUT) $(LONG_ROADS)

test-charts: $(VENV)/.dev ## What-if against the real path on every chart and input
	$(BIN)/python -m pytest $(SHARED_OUT) --every-chart $(EVERY_CHART)

test-other: ## All tests on another interpreter, in an environment of their own: make test-other PYTHON=python3.13
	$(PYTHON) -m venv --clear $(VENV)-other
	$(VENV)-other/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements/dev.txt
	$(VENV)-other/bin/python -m pytest $(SHARED_OUT)

test-fast: $(VENV)/.dev ## Tests without browser, servers and training data
	$(BIN)/python -m pytest tests/clinical tests/cds_hooks tests/fhir_adapters tests/shape

check: $(VENV)/.dev ## Lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

DATA ?= $(firstword $(wildcard ../shared/data/tabular))
DATA_HELP = set DATA to the folder with the open data files

train: $(VENV)/.dev ## Train MODEL (such as icu-mortality) anew from DATA, the folder of the open data files
	$(BIN)/python -m chartside train $(or $(MODEL),$(error set MODEL, for example MODEL=icu-mortality)) \
	  --data $(or $(DATA),$(error $(DATA_HELP))) $(if $(KEY),--key $(KEY))

evidence: $(VENV)/.dev ## Work out every evaluation report and model card anew from DATA; fails where one is not as it was signed
	$(BIN)/python -m chartside evidence --data $(or $(DATA),$(error $(DATA_HELP))) $(MODEL)

conformance: $(VENV)/.dev ## Run the tests that show rows of the CDS Hooks checklist, and write docs/conformance.md
	$(BIN)/python -m pytest --conformance-page=docs/conformance.md

screenshots: $(VENV)/.dev ## Take the pictures of docs/smart.md anew
	PYTHONPATH=.:tests $(BIN)/python tests/smart_app/pictures.py

screenshots-oversight: $(VENV)/.dev ## Take the pictures of docs/oversight.md anew (PAGES="drift equity" for some of them)
	PYTHONPATH=.:tests $(BIN)/python tests/oversight_analytics/oversight_pictures.py $(PAGES)

bench: $(VENV)/.dev $(VENV)-healthchain/.made ## CPU time of one hook call beside healthchain, in turns, then a load run (about 5 minutes)
	$(BIN)/python -m bench.side_by_side

bench-stages: $(VENV)/.dev ## CPU time of the parts of one hook call, in this process
	$(BIN)/python -m bench.hook_call

bench-models: $(VENV)/.dev ## Each trained model's CPU time for a prediction (open rows in DATA), start and memory of the service, against their goals
	$(BIN)/python -m bench.predictions --data $(or $(DATA),$(error $(DATA_HELP)))

bench-page: $(VENV)/.dev ## How soon the page's first byte follows the record, with every model, against its goal
	$(BIN)/python -m bench.first_byte

bench-oversight: $(VENV)/.dev ## How long each page of the quality team takes on a million entries, against its goal
	$(BIN)/python -m bench.oversight_pages

wheel: $(VENV)/.demo ## Build the wheel into dist/
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

lock: $(VENV)/.dev ## Resolve the locked requirement files anew
	cd requirements && for name in build runtime demo training dev healthchain; do \
	  ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-strip-extras --no-emit-index-url --no-emit-find-links --upgrade -o $$name.txt $$name.in || exit 1; done

clean: ## Remove what the targets made
	rm -rf $(VENV) $(VENV)-other $(VENV)-healthchain dist var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage tests/output

$(VENV)-healthchain/.made: requirements/healthchain.txt | $(VENV)/bin/python
	$(BIN)/python -m venv --clear $(VENV)-healthchain
	$(VENV)-healthchain/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); $(MAKE) --no-print-directory venv-package && $(PYTHON) -m venv $(VENV); } || \
	  { rm -rf $(VENV); exit 1; }

# Debian keeps venv in a package of its own.
venv-package:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; \
	else echo "Python's venv module is missing. On Debian: sudo apt-get install python3-venv" >&2; exit 1; fi

$(VENV)/.demo: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the demo needs into $(VENV) (once, a few minutes) …"
	$(PIP) install --quiet --require-hashes -r requirements/demo.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what the tests need into $(VENV) (once, a few minutes) …"
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo
