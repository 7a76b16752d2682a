# `make demo` and `make test` set up everything they need in .venv.
PYTHON ?= python3
VENV := .venv
RUN := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check docs setup clean

demo: $(STAMP)
	$(VENV)/bin/pyrite demo

test: $(STAMP) check
	$(RUN)/pytest -n 2 --dist loadfile

check: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# The site in build/site; its generated pages are written anew first.
docs: $(STAMP)
	$(VENV)/bin/python docs/site/configuration.py
	$(VENV)/bin/python docs/site/layers.py
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict -q

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) build dist src/*.egg-info
