# Each target makes what it needs; `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run demo test lint soak bench screenshots

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: .venv/run ## run everything here, against GitHub
	@$(BIN)/python -m local.run

demo: .venv/run ## the same, offline, against a fake GitHub
	@$(BIN)/python -m local.run --demo

test: .venv/dev ## run all tests
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(PYTEST)

lint: .venv/dev ## check format, style, types and the arrows between rooms
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

soak: .venv/dev ## everything that can go wrong, for half an hour
	@$(BIN)/python -m tests.end_to_end.soak

bench: .venv/dev ## measure what it costs, in under ten minutes: docs/performance.md
	@$(BIN)/python -m bench

screenshots: .venv/dev ## look at the page in Chromium, and keep what it looks like
	@$(BIN)/python -m tests.support.screenshots

.venv/run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "starboard: needs Python 3.11 or newer; set PYTHON=python3.11")'
	@test -x $(BIN)/python || { echo "Creating .venv"; $(PYTHON) -m venv .venv; }
	@echo "Installing requirements.txt" && $(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	@echo "Installing requirements-dev.txt" && $(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
