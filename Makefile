# `make` lists the targets. Two of them do everything on a fresh machine: `make rebuild` and `make test`.
# Windows: docs/how-to/windows.md has the same as plain commands.

VENV := .venv
BIN := $(abspath $(VENV)/bin)
READY := $(VENV)/.ready
export PATH := $(BIN):$(PATH)
# Without bytecode each `import tensorflow` takes 17 s and not 6.
unexport PYTHONDONTWRITEBYTECODE

# The first python on this machine that crackflow runs on; `make PYTHON=... ` names another.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c "$(SUITABLE)" >/dev/null 2>&1 && { echo $$p; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help setup rebuild test lint real weights soak mutants results params graph lock wheel docs docs-serve docs-lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install the locked versions

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found; install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || { echo "error: $(PYTHON) has no venv; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements.lock)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(READY)

rebuild: $(READY) ## run what changed of the pipeline, then print figures and where to look
	@crackflow check >/dev/null
	dvc repro
	@crackflow figures

test: $(READY) lint ## every check and test
	pytest -n auto --dist loadfile --no-loadscope-reorder

lint: $(READY)
	ruff check .
	ruff format --check .
	mypy
	deptry .
	zizmor --offline --quiet .github/workflows
	python -m scripts.graph --check
	python -m scripts.rooms --check

real: $(READY) ## the pipeline on DATA=DIR in a work tree of its own; figures to docs/results/; CV=1 for five folds too
	@test -n "$(DATA)" || { echo "error: name a folder or zip of pairs: make real DATA=/path/to/pairs" >&2; exit 2; }
	python -m benchmarks.accuracy.real "$(DATA)" $(if $(CV),--crossvalidate)
	@$(MAKE) --no-print-directory results

weights: $(READY) ## pack the model of the last `make real` into crackflow/weights, with its card
	python -m scripts.pack

soak: $(READY) ## the tests that make test leaves out, then break rebuilds in every way we know, and fuzz; some hours
	pytest -n auto --dist loadfile --no-loadscope-reorder -m soak
	python -m benchmarks.soak
	python -m benchmarks.fuzz

mutants: $(READY) ## change the code that scores, splits and unpacks one place at a time: does a test fail? hours; goes on where it was killed
	python -m benchmarks.soak.mutants

results: $(READY) ## write the results shown in README and docs from docs/results and metrics
	python -m scripts.results

params: $(READY) ## write params.yaml (its defaults, over what is there) and docs/reference/parameters.md from crackflow/params
	python -m scripts.parameters

graph: $(READY) ## write the code deps of dvc.yaml, and the drawing of rooms, from the imports
	python -m scripts.graph
	python -m scripts.rooms

lock: $(READY) ## resolve pyproject.toml anew into requirements.lock
	uv pip compile pyproject.toml --extra train --extra onnx --extra dask --extra geo --extra heic --extra app --extra stores --group dev \
		--universal --python-version 3.11 \
		--no-annotate --no-header --no-emit-index-url --upgrade -o requirements.lock

DOCS := .venv-docs
DOCS_READY := $(DOCS)/.ready

$(DOCS_READY): requirements-docs.lock
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found; install one, or name it: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	@touch $(DOCS_READY)

# its theme would print an advertisement of another one
export NO_MKDOCS_2_WARNING := 1

docs: $(DOCS_READY) ## build the documentation site in site/, in an environment of its own (0.1 GB); a broken link ends it
	@# not --quiet: a strict build counts no warning that is hidden
	$(DOCS)/bin/python -m mkdocs build
	$(DOCS)/bin/python -m scripts.docs_site site

docs-serve: $(DOCS_READY) ## show the documentation site, with its search, at http://127.0.0.1:8000
	$(DOCS)/bin/python -m mkdocs serve --dev-addr 127.0.0.1:8000

docs-lock: $(READY) ## resolve the packages of the documentation site anew into requirements-docs.lock
	uv pip compile --group docs --universal --python-version 3.11 --no-annotate --no-header --no-emit-index-url \
		--upgrade -o requirements-docs.lock

wheel: $(READY) ## build dist/crackflow-VERSION-py3-none-any.whl; docs/how-to/install.md says how to install it
	uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist
	@ls -s -h dist/*.whl

clean: ## remove what runs and make docs made here, but for DVC's cache and the champion of scheduled runs
	@test -x $(BIN)/python || { echo "error: there is no .venv here, with which it is seen whether a run is on; run make setup first" >&2; exit 2; }
	@python -m pipelines.dvc_runner.clean
