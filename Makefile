# The commands of a developer's day. `make` alone lists them.
SHELL := /bin/sh
PYTHON_BIN := .venv/bin/python
WORKERS ?= 2
NO_STACK := --ignore platform/tests/e2e --ignore platform/tests/faults --ignore platform/tests/fuzz
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help up down reset logs shell test test-browser test-faults test-fuzz test-clusters test-isolation check format lock venv venv-dev openapi coverage

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

up: venv ## start everything: servers, demo data, all processes (Ctrl-C stops it)
	@exec $(PYTHON_BIN) -m infra.dev.up

down: venv ## stop what `make up` started in another shell
	@exec $(PYTHON_BIN) -m infra.dev.down down

reset: venv ## stop, and delete the data folder
	@exec $(PYTHON_BIN) -m infra.dev.down reset

logs: venv ## follow the logs of all processes
	@exec $(PYTHON_BIN) -m infra.dev.down logs

shell: venv ## a Python shell with the models of the running system
	@exec $(PYTHON_BIN) manage.py shell

test: venv-dev ## the whole suite, on throw-away servers
	@exec $(PYTHON_BIN) -m pytest -n $(WORKERS) $(ARGS)

test-browser: venv-dev ## the browser tests alone
	@exec $(PYTHON_BIN) -m pytest -p no:randomly -m browser platform/tests/e2e $(ARGS)

test-faults: venv-dev ## the long kill storm: 500 mails and hooks while processes die, and operations on tenants killed at 60 points
	@ATENDE_FAULTS=full exec $(PYTHON_BIN) -m pytest -m faults platform/tests/faults shared_apps/tenants/tests $(ARGS)

test-fuzz: venv-dev ## the API under five minutes of generated requests
	@ATENDE_FUZZ=full exec $(PYTHON_BIN) -m pytest platform/tests/fuzz $(ARGS)

test-clusters: venv-dev ## the suite with both test tenants on a second PostgreSQL server
	@ATENDE_TEST_CLUSTER=second exec $(PYTHON_BIN) -m pytest -n $(WORKERS) $(NO_STACK) $(ARGS)

test-isolation: venv-dev ## the isolation suite in full: six tenants, long storm (several minutes)
	@ATENDE_ISOLATION=full exec $(PYTHON_BIN) -m pytest platform/tests/isolation $(ARGS)

coverage: venv-dev ## the suite without the tests of the running system, with branch coverage; fails below the floor
	@$(PYTHON_BIN) -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered $(NO_STACK) $(ARGS)

check: venv-dev ## everything that is checked without running the product
	@exec $(PYTHON_BIN) -m infra.checks

format: venv-dev ## let ruff order imports and lay out the code
	@.venv/bin/ruff check --fix-only --quiet . ; .venv/bin/ruff format --quiet .

openapi: venv-dev ## write docs/reference/openapi.yaml again
	@ATENDE_ENV=test DJANGO_SETTINGS_MODULE=config.settings.base exec $(PYTHON_BIN) -m infra.checks.openapi --write

lock: venv-dev ## resolve the requirements again, with hashes and without host names
	@exec $(PYTHON_BIN) -m infra.checks.lock --write

venv:
	@infra/dev/venv.sh runtime

venv-dev:
	@infra/dev/venv.sh dev
