# Two commands matter: `make demo` and `make test`. Both set everything up in .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export OMP_NUM_THREADS := 1

.PHONY: demo test test-all check bench docs notebooks papers clean

demo: $(READY)          ## three-layer QMLHFL on real handwritten digits: a run, then its sweep over bandwidth; names both reports
	@$(BIN)/netsim run scenarios/quickstart.yaml
	@$(BIN)/netsim sweep scenarios/quickstart.yaml

test: $(READY)          ## the test suite, without the slow and GPU marks
	$(BIN)/python -m pytest -q -n 2

test-all: $(READY)      ## everything but benchmarks and GPU tests
	$(BIN)/python -m pytest -q -n 2 -m "not bench and not gpu"

check: $(READY)         ## format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n 2

bench: $(READY)         ## benchmarks under tests/bench (medians; ratios within one run)
	$(BIN)/python -m pytest -q -m bench tests/bench

docs: $(READY)          ## docs/yaml.md and docs/cli.md, made from the schema and the commands
	$(BIN)/python -m netsim.docgen docs

notebooks: $(READY)     ## notebooks/*.ipynb, made from their scripts, without outputs
	$(BIN)/python notebooks/pair.py

papers: $(READY)        ## the papers' claims in full into docs/results.md; says first what that costs (about an hour on one core)
	$(BIN)/python -m tests.papers.make

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(None if sys.version_info >= (3, 11) else f"netsim needs Python >= 3.11, found {v}; say: make PYTHON=python3.12")'
	@echo "Setting up $(VENV): PyTorch is large, this takes a few minutes the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $(READY)

clean:
	rm -rf $(VENV) runs build dist
