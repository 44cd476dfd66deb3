# `make demo` and `make test` are all that a new machine needs: Python 3.11+, nothing else.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint types pytest generate fresh bench constraints clean

demo: $(VENV)/.demo
	$(VENV)/bin/stackwright demo

test: lint types fresh pytest

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev
	$(VENV)/bin/mypy

pytest: $(VENV)/.dev
	$(VENV)/bin/pytest $(ARGS)

# Everything a machine writes into the tree.
GENERATED := build_handler_permissions build_shapes build_schema build_docs build_usage_docs
generate: $(VENV)/.dev
	for script in $(GENERATED); do $(PY) scripts/$$script.py || exit 1; done

fresh: $(VENV)/.dev
	for script in $(GENERATED); do $(PY) scripts/$$script.py --check || exit 1; done

bench: $(VENV)/.dev
	$(PY) benchmarks/startup.py
	$(PY) benchmarks/synth.py
	$(PY) benchmarks/estimate.py

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip hatchling editables
	touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml constraints.txt
	$(PIP) --no-build-isolation --editable '.[cdk,demo]'
	touch $@

$(VENV)/.dev: $(VENV)/.demo package-lock.json
	$(PIP) --group dev
	$(PY) scripts/npm.py ci
	touch $@

# Takes the newest of everything; run the tests before you commit the result.
constraints:
	rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet --upgrade pip hatchling editables
	build/constraints/bin/python -m pip install --quiet '.[cdk,demo]' --group dev
	{ echo '# Every version that was tested together; `make constraints` writes it anew.'; \
	  build/constraints/bin/python -m pip freeze --all --exclude stackwright | sort -f; } > constraints.txt

clean:
	rm -rf $(VENV) node_modules build dist cdk.out
