# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
RUN := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check setup clean

demo: $(STAMP)
	$(VENV)/bin/pyrite demo

test: $(STAMP) check
	$(RUN)/pytest

check: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist src/*.egg-info
