# Every target makes its own virtual environment when it is missing and needs nothing but Python.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Installed means: this file is newer than what it was made from.
INSTALLED = $(VENV)/.installed
TESTS ?=

.PHONY: demo test lint bench bench-gpu clean

demo: $(INSTALLED)
	$(BIN)/voxgpu demo --output demo-output

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	$(BIN)/python -m benchmarks

# On a computer with an NVIDIA GPU; with a driver for CUDA 13 only: make bench-gpu CUDA=gpu13.
CUDA ?= gpu12
bench-gpu: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable ".[bench,$(CUDA)]"
	$(BIN)/python -m pytest -m gpu
	$(BIN)/python -m benchmarks --only gpu

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "voxgpu needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) demo-output build dist *.egg-info
