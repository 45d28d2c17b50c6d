# Every target makes its own virtual environment when it is missing and needs nothing but Python.
# The first of these that is new enough: what `python3` is called differs from system to system.
PYTHONS = python3 python3.14 python3.13 python3.12 python3.11 python
PYTHON ?= $(shell for each in $(PYTHONS); do \
  "$$each" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && { echo "$$each"; break; }; done)
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11))
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --progress-bar on
# Installed means: this file is newer than what it was made from. What programs need, and what
# developers need besides (tests, linters, and on Linux what compiles for GPUs: 1.5 GB).
INSTALLED = $(VENV)/.installed
DEVELOP = $(VENV)/.installed-dev
TESTS ?=

.PHONY: demo test lint docs mutants links bench bench-strategies bench-gpu gallery clean

demo: $(INSTALLED)
	$(BIN)/voxgpu demo --output demo-output
	@echo
	@echo "Type   . $(BIN)/activate   so that the shell finds voxgpu; then   voxgpu --help"

test: $(DEVELOP)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

lint: $(DEVELOP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The documentation site, build/site/index.html: a warning or a broken link within it is an error.
SPHINX = $(BIN)/python -m sphinx -c docs --nitpicky --fail-on-warning --keep-going --quiet
docs: $(DEVELOP)
	$(SPHINX) --builder html . build/site

# Asks the servers of other sites whether the pages are there that ours link to.
links: $(DEVELOP)
	$(BIN)/python .ci/links

# Plants faults, and runs the tests that should notice them: docs/mutants.md. About an hour for all;
# goes on where an earlier run ended.
mutants: $(DEVELOP)
	$(BIN)/python -m tests.mutants

bench: $(INSTALLED)
	$(PIP) --editable ".[bench]"
	$(BIN)/python -m benchmarks

# Compares ways to execute a schedule, on an idle computer; goes on where an earlier run ended. Other
# engines are compared if VOXGPU_OTHER_ENGINES names a Python that has them and voxgpu.
bench-strategies: $(DEVELOP)
	$(BIN)/python -m benchmarks.strategies

# Runs the programs of docs/gallery and writes their pictures, their numbers and the page.
gallery: $(DEVELOP)
	$(BIN)/python -m benchmarks.gallery

# On a computer with an NVIDIA GPU; with a driver for CUDA 13 only: make bench-gpu CUDA=gpu13.
CUDA ?= gpu12
bench-gpu: $(DEVELOP)
	$(PIP) --editable ".[bench,$(CUDA)]"
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python -m benchmarks --only gpu

# Modules are compiled when they are first used, most of them never.
$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { \
	  echo "voxgpu needs Python 3.11 or newer, which none of these is: $(PYTHONS)"; \
	  echo "Install one (apt install python3.12 python3.12-venv, brew install python, or"; \
	  echo "conda create -n py312 python=3.12), or say where it is: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { \
	  echo "voxgpu needs Python 3.11 or newer, which $(PYTHON) is not: make PYTHON=python3.12"; \
	  exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: apt install python3-venv (as Debian and"; \
	  echo "Ubuntu call it), or say where another Python is: make PYTHON=/path/to/python3"; \
	  exit 1; }
	@echo "setting up $(VENV) with $$("$(PYTHON)" --version): some 100 MB to fetch ..."
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) --no-compile --editable .
	@touch $@

$(DEVELOP): $(INSTALLED)
	$(PIP) --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) demo-output build dist *.egg-info
