# `make test` and `make demo` do all of their own set-up on a machine that has nothing but Python and make.

PYTHON ?= python3
PY := .venv/bin/python
PIP_INSTALL := $(PY) -m pip install -qq --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt

ON_SCREEN := OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE xvfb-run -a -s "-screen 0 1400x1000x24" $(PY)

.DEFAULT_GOAL := help
.PHONY: help test test-panel demo bench docs screenshots lint zip wheel clean system-run system-test

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

test: system-test lint ## lint, types, import rules, documentation, and all tests on a real PyMOL
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target docs test-panel
	$(ON_SCREEN) -m pytest

# PyMOL's window cannot start where PyMOL runs as a library already, so the panel's tests are a process of their own.
test-panel: .venv/installed-test
	$(ON_SCREEN) -m pytest tests/panel

demo: .venv/installed-run ## a tour without a window: tables and pictures into demo/
	$(PY) -m edmnoise_pymol.demo demo

bench: .venv/installed-test ## measure the speed of what matters
	$(PY) -m benchmarks

lint: .venv/installed-test ## style, types, and who may import whom
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy
	.venv/bin/lint-imports

docs: .venv/installed-test ## the documentation as web pages in build/docs/
	$(PY) -m sphinx -W --keep-going -q -b html docs build/docs

screenshots: .venv/installed-test system-test ## the pictures of the panel in docs/images/
	$(ON_SCREEN) docs/screenshots.py

zip: ## the plugin for PyMOL's Plugin Manager, in dist/
	$(PYTHON) tools/release_zip.py dist

wheel: ## the package for pip, in dist/
	$(PYTHON) -m pip wheel -qq --no-deps --wheel-dir dist .

clean: ## remove what these commands made, but the virtual environment
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

# The system first: the libraries may have gone since the environment was made, and asking takes 50 ms.
system-run system-test:
	@$(PYTHON) tools/system_packages.py $(@:system-%=%)

.venv/bin/python: | system-run
	$(PYTHON) -m venv .venv

.venv/installed-run: $(INPUTS) | system-run .venv/bin/python
	$(PIP_INSTALL) --editable '.[pymol]'
	@touch $@

.venv/installed-test: $(INPUTS) | system-run .venv/bin/python
	$(PIP_INSTALL) --editable '.[pymol,test,docs]'
	$(PIP_INSTALL) --no-deps k-diffusion # of the 17 packages it asks for, its samplers need those that are here
	@touch $@ .venv/installed-run
