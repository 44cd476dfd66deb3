# `make demo` and `make test` are all that a new machine needs: Python 3.11+, nothing else.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# pip compiles on one core, which takes longer than the rest of an installation: ours is compiled on all of them
# afterwards, the tools' as far as they are imported.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile --constraint
PIP := $(PY) $(INSTALL) constraints.txt
# A package may ship a file that compiles nowhere: that is no failure.
COMPILE := $(PY) -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint types pytest postgresql audit zenml environments generate fresh bench soak constraints clean

demo: $(VENV)/.demo
	$(VENV)/bin/stackwright demo

# The fast tests first. Downloads wait and tests compute: the tools' environments are made beside the tests.
test:
	@$(MAKE) --no-print-directory lint types fresh
	@$(MAKE) --no-print-directory -j2 pytest environments
	@$(MAKE) --no-print-directory audit zenml

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev
	$(VENV)/bin/mypy

pytest: $(VENV)/.dev postgresql
	$(VENV)/bin/pytest --ignore tests/audit --ignore tests/zenml -n auto --maxprocesses 4 $(ARGS)

# Debian's PostgreSQL: the registry's tests start one of their own and need nothing but the programs.
postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; \
	  else echo 'PostgreSQL is missing; install it with: sudo apt-get install -y postgresql' >&2; exit 1; fi

ENVIRONMENTS := $(foreach tool,audit zenml zenml-client tools,build/$(tool)-venv/.ok)
environments: $(ENVIRONMENTS)

# Our templates through cfn-lint, checkov, cdk-nag, parliament and our own checks.
audit: $(VENV)/.dev build/audit-venv/.ok
	$(VENV)/bin/pytest tests/audit $(ARGS)

# What we register, against a real ZenML server on this machine, and pipelines on it. ARGS="-m 'not slow'" for half of it.
zenml: $(VENV)/.dev build/zenml-venv/.ok build/zenml-client-venv/.ok build/tools-venv/.ok
	$(VENV)/bin/pytest tests/zenml $(ARGS)

# Everything a machine writes into the tree.
GENERATED := build_handler_permissions build_shapes build_schema build_docs build_usage_docs build_scan_docs
generate: $(VENV)/.dev
	for script in $(GENERATED); do $(PY) scripts/$$script.py || exit 1; done

fresh: $(VENV)/.dev
	for script in $(GENERATED); do $(PY) scripts/$$script.py --check || exit 1; done

bench: $(VENV)/.dev
	$(PY) benchmarks/startup.py
	$(PY) benchmarks/synth.py
	$(PY) benchmarks/estimate.py
	$(PY) benchmarks/scan.py

# 200 accounts × 17 regions in bad weather, once straight and once killed on the way; SOAK_ACCOUNTS=20 is a small one.
soak: $(VENV)/.dev
	$(VENV)/bin/pytest -s tests/soak/soak_scan.py

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(PIP) pip hatchling editables
	touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml constraints.txt
	$(PIP) --no-build-isolation --editable '.[cdk,demo]'
	$(COMPILE)
	touch $@

$(VENV)/.dev: $(VENV)/.demo package-lock.json
	$(PIP) --group dev
	$(COMPILE)
	$(PY) scripts/npm.py ci
	touch $@

# Takes the newest of everything; run the tests before you commit the result.
constraints:
	rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet --upgrade pip hatchling editables
	build/constraints/bin/python -m pip install --quiet '.[cdk,demo]' --group dev
	{ echo '# Every version that was tested together; `make constraints` writes it anew.'; \
	  build/constraints/bin/python -m pip freeze --all --exclude stackwright | sort -f; } > constraints.txt

# checkov pins other versions of what we use, so it lives apart.
build/audit-venv/.ok: constraints-audit.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python $(INSTALL) $< checkov
	touch $@

build/zenml-venv/.ok: tests/zenml/constraints.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python $(INSTALL) $< 'zenml[server]' sagemaker
	touch $@

# That server again, with what its AWS connector and pipelines on an S3 store import: tests/zenml/e2e runs real
# ones with it, benchmarks/scan.py scans with it.
build/zenml-client-venv/.ok: tests/zenml/e2e/constraints.txt build/zenml-venv/.ok
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -c 'import site, sys; from pathlib import Path; Path(site.getsitepackages()[0], "zenml.pth").write_text(sys.argv[1])' \
	  "$$(build/zenml-venv/bin/python -c 'import site; print(site.getsitepackages()[0])')"
	$(@D)/bin/python $(INSTALL) $< \
	  s3fs boto3 botocore kubernetes aws-profile-manager
	touch $@

# The clients that `stack export` writes for, where they are light.
build/tools-venv/.ok: tests/zenml/e2e/tools-constraints.txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python $(INSTALL) $< metaflow kubernetes awscli
	touch $@

clean:
	rm -rf $(VENV) node_modules build dist cdk.out
