# Auricle's commands. They need make and a python3 of 3.11 or newer, nothing else.

PYTHON ?= python3
MODEL :=
CORPUS :=
ARGS :=

VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check

PARITY := .venv-parity
PARITY_BIN := $(subst $(VENV),$(PARITY),$(BIN))
PARITY_PIP := $(PARITY_BIN)/python -m pip --disable-pip-version-check

RAY := .venv-ray
RAY_BIN := $(subst $(VENV),$(RAY),$(BIN))
RAY_PIP := $(RAY_BIN)/python -m pip --disable-pip-version-check

AUDIT := $(subst $(VENV),.audit,$(BIN))

NODE_MODULES := tests/sdk/node/node_modules
NODE_EXAMPLE := clients/node/node_modules
PAGE_MODULES := page/node_modules

QUICK := $(addprefix tests/,rules whisper queue reading speech output hosting \
	fields settings test_transcribe.py server/test_audio_request.py)
LOCKS := requirements
COMPILE = $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-package auricle --no-emit-package auricle-bench $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup serve test lint quick coverage hooks check audit sbom licences sdk deploy-test soak fuzz ray-test page page-test pictures parity clients bench download-model lock check-lock openapi viewer clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: $(VENV)/.engines ## install Auricle and what it needs into .venv

serve: $(VENV)/.engines ## start the server; MODEL=small picks a model, ARGS="--port 8000" adds options
	@$(BIN)/auricle serve $(MODEL) $(ARGS)

# Tests start many interpreters; where this is set, each of them compiles Auricle anew.
test quick coverage sdk deploy-test page-test clients: export PYTHONDONTWRITEBYTECODE =
# Two processes of tests share two cores already: numpy's threads would only wait for each other, and a third
# process is slower (235 s instead of 209 s), since it loads the models once more.
test quick coverage: export OPENBLAS_NUM_THREADS = 1

test: $(VENV)/.dev ## run the tests, after fetching the small models they use
	$(BIN)/auricle models download tiny.en base speakers turns
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.dev ## format, lint, and the rules about files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m pytest tests/rules

quick: $(VENV)/.dev ## the part of the tests that needs no model and no network: half a minute
	$(BIN)/python -m pytest -n 2 -m "not model" $(QUICK) $(ARGS)

coverage: $(VENV)/.dev ## run the tests and show what they leave out; fails under the floor in pyproject.toml
	$(BIN)/auricle models download tiny.en base speakers turns
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term $(ARGS)

hooks: $(VENV)/.dev ## have git run make lint before each commit
	$(BIN)/pre-commit install

check: $(VENV)/.dev .audit/.ready ## format, lint, types, lock files, generated docs, the built wheel and known weaknesses
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python -m mypy
	@$(MAKE) --silent check-lock
	$(BIN)/python -m auricle.cli.settings_doc --check
	$(BIN)/python scripts/openapi.py --check
	$(BIN)/python scripts/fields_doc.py --check
	$(BIN)/python scripts/licences.py --check
	$(BIN)/python scripts/check_wheel.py --transcribe
	$(BIN)/python scripts/audit.py $(AUDIT)/pip-audit --or-say

audit: $(VENV)/.dev .audit/.ready ## ask whether a known weakness is in what Auricle installs; fails where nobody can be asked
	$(BIN)/python scripts/audit.py $(AUDIT)/pip-audit

sbom: .audit/.ready ## write dist/auricle.cdx.json: what the wheel needs, as CycloneDX
	@mkdir -p dist
	$(AUDIT)/cyclonedx-py requirements requirements/runtime.lock --pyproject pyproject.toml --output-reproducible -o dist/auricle.cdx.json

licences: $(VENV)/.dev ## write docs/licences.md anew
	$(BIN)/python scripts/licences.py

parity: $(PARITY)/.ready ## compare with openai-whisper and transformers on the same weights, in .venv-parity
	$(PARITY_BIN)/auricle models download tiny.en base
	$(PARITY_BIN)/python -m pytest tests/parity -o faulthandler_timeout=900 $(ARGS)

sdk: $(NODE_MODULES)/.ready $(VENV)/.sdk .sdk/oldest/.ready .sdk/agents/.ready .sdk/vendors/.ready ## run OpenAI's SDKs, other clients, generated ones and a fuzzer against the server; needs Node.js
	$(BIN)/auricle models download tiny.en base
	$(BIN)/python -m pytest tests/sdk $(ARGS)

soak: $(VENV)/.dev ## put a server through kills, rude clients, full disks; ARGS="--only kills,jobs --kills 300 --seed 7"
	$(BIN)/auricle models download tiny.en speakers
	$(BIN)/python -m tests.chaos $(ARGS)

ray-test: $(RAY)/.ready ## try a server on a Ray cluster of several nodes on this machine, one of which is killed
	$(RAY_BIN)/auricle models download tiny.en
	RAY_USAGE_STATS_ENABLED=0 $(RAY_BIN)/python -m pytest -W ignore tests/ray_cluster $(ARGS)

fuzz: $(VENV)/.dev ## give damaged input to everything that takes any; ARGS="--only sockets --inputs 5000 --seed 7"
	$(BIN)/python -m tests.fuzz $(ARGS)

deploy-test: $(VENV)/.deploy ## try what is in deploy/: chart, alert rules, dashboard, proxies, systemd's unit; says what it lacks
	$(BIN)/python -m pytest tests/deploy -rs $(ARGS)

page: $(PAGE_MODULES)/.ready ## build the page at / from page/src; needs Node.js
	npm run build --prefix page --silent

page-test: $(PAGE_MODULES)/.ready $(VENV)/.sdk ## try the pages at / and /docs in Chromium; needs Node.js and chromium
	$(BIN)/auricle models download tiny.en base
	$(BIN)/python -m pytest tests/page $(ARGS)

pictures: $(PAGE_MODULES)/.ready $(VENV)/.sdk ## take the README's pictures anew, of the page in Chromium
	$(BIN)/auricle models download base
	AURICLE_PICTURES=docs/pictures $(BIN)/python -m pytest tests/page/test_pictures.py

clients: $(VENV)/.dev $(NODE_EXAMPLE)/.ready ## run the clients in clients/ against the server; needs bash, curl, jq and Node.js, builds Swift's if it can
	@for each in bash curl jq node; do command -v $$each >/dev/null || { echo "the tests of the clients need $$each" >&2; exit 1; }; done
	$(BIN)/auricle models download tiny.en
	$(BIN)/python -m pytest tests/clients $(ARGS)
	@if command -v swift >/dev/null; then swift build --package-path clients/swift; else echo "swift is not installed: clients/swift was not compiled"; fi

bench: $(VENV)/.bench ## measure speed and accuracy; ARGS="startup" picks one, CORPUS=DIR names clips with references
	$(BIN)/auricle models download tiny.en base
	$(BIN)/python -m auricle_bench.measurements $(ARGS) $(if $(CORPUS),--corpus "$(CORPUS)")

download-model: $(VENV)/.runtime ## fetch a model into the cache: make download-model MODEL=tiny
	@$(if $(MODEL),,$(error say which model: make download-model MODEL=tiny))
	$(BIN)/auricle models download $(MODEL)

# Each is bound to the versions of one before. What of parity.lock only PyTorch's CUDA build needs, which is
# gigabytes, is in a file of its own; parity-cpu.lock is written by hand.
lock: $(VENV)/.dev ## write requirements/*.lock anew from pyproject.toml; ARGS=--upgrade for newer versions
	$(COMPILE) pyproject.toml --group build -o $(LOCKS)/runtime.lock
	$(COMPILE) pyproject.toml --group dev --extra bench -c $(LOCKS)/runtime.lock -o $(LOCKS)/dev.lock
	$(COMPILE) pyproject.toml --extra openvino -c $(LOCKS)/dev.lock -o $(LOCKS)/openvino.lock
	$(COMPILE) pyproject.toml --group bench --extra bench -c $(LOCKS)/dev.lock -o $(LOCKS)/bench.lock
	$(COMPILE) pyproject.toml --group sdk --extra bench -c $(LOCKS)/dev.lock -o $(LOCKS)/sdk.lock
	$(COMPILE) pyproject.toml --group deploy --extra bench -c $(LOCKS)/sdk.lock -o $(LOCKS)/deploy.lock
	$(COMPILE) pyproject.toml --group ray --extra bench -c $(LOCKS)/dev.lock -o $(LOCKS)/ray.lock
	$(COMPILE) requirements/sdk-oldest.in -o $(LOCKS)/sdk-oldest.lock
	$(COMPILE) requirements/sdk-agents.in -o $(LOCKS)/sdk-agents.lock
	$(COMPILE) requirements/sdk-vendors.in -o $(LOCKS)/sdk-vendors.lock
	$(COMPILE) requirements/audit.in -o $(LOCKS)/audit.lock
	cat $(LOCKS)/parity-cuda.lock >> $(LOCKS)/parity.lock
	$(COMPILE) pyproject.toml --group parity --extra bench -c $(LOCKS)/bench.lock -o $(LOCKS)/parity.lock
	cp $(LOCKS)/parity.lock $(LOCKS)/whole.tmp
	awk '/^[a-z]/ { file = /^(cuda-|nvidia-|triton)/ ? "parity-cuda" : "parity" } { print > ("$(LOCKS)/" file ".lock") }' $(LOCKS)/whole.tmp
	rm $(LOCKS)/whole.tmp

check-lock: $(VENV)/.dev
	@scratch=$$(mktemp -d) && trap 'rm -r "$$scratch"' EXIT && cp requirements/*.lock requirements/*.in "$$scratch" && \
		$(MAKE) --silent lock LOCKS="$$scratch" ARGS= && diff -r requirements "$$scratch" || \
		{ echo "the lock files are out of date: run make lock" >&2; exit 1; }

openapi: $(VENV)/.dev ## write openapi.yaml and the table of fields in docs/api.md anew
	$(BIN)/python scripts/openapi.py
	$(BIN)/python scripts/fields_doc.py

viewer: $(NODE_MODULES)/.ready ## copy Swagger UI from its npm package into the server's; needs Node.js
	$(PYTHON) scripts/viewer.py

clean: ## remove what builds and tests leave behind; environments and fetched models stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests scripts bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg $(PARITY)/pyvenv.cfg $(RAY)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "auricle needs Python 3.11 or newer: '$(PYTHON)' was not found; try make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "auricle needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; try make PYTHON=python3.12 (or another you have)")'
	$(PYTHON) -m venv $(@D)

$(VENV)/.runtime: $(VENV)/pyvenv.cfg requirements/runtime.lock pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements/runtime.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# OpenVINO, where the processor gains from it: without it everything works, only slower.
$(VENV)/.engines: $(VENV)/.runtime requirements/openvino.lock
	@! $(BIN)/python -c 'import sys; from auricle.engine import machine; sys.exit(not machine.gains_from_openvino())' || \
		$(PIP) install --quiet --require-hashes -r requirements/openvino.lock || \
		echo "OpenVINO, which would be faster on this processor, could not be installed: CTranslate2 computes. '$(PIP) install openvino' tries again." >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock bench/pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements/dev.lock
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) install --quiet --no-deps --no-build-isolation -e bench
	@touch $@

$(VENV)/.sdk: $(VENV)/.dev requirements/sdk.lock
	$(PIP) install --quiet --require-hashes -r requirements/sdk.lock
	@touch $@

$(VENV)/.deploy: $(VENV)/.dev requirements/deploy.lock
	$(PIP) install --quiet --require-hashes -r requirements/deploy.lock
	@touch $@

.sdk/oldest/.ready: $(VENV)/pyvenv.cfg requirements/sdk-oldest.lock
	$(PYTHON) -m venv $(@D)
	$(subst $(VENV),$(@D),$(PIP)) install --quiet --require-hashes -r requirements/sdk-oldest.lock
	@touch $@

.audit/.ready: $(VENV)/pyvenv.cfg requirements/audit.lock
	$(PYTHON) -m venv $(@D)
	$(subst $(VENV),$(@D),$(PIP)) install --quiet --require-hashes -r requirements/audit.lock
	@touch $@

.sdk/agents/.ready: $(VENV)/pyvenv.cfg requirements/sdk-agents.lock
	$(PYTHON) -m venv $(@D)
	$(subst $(VENV),$(@D),$(PIP)) install --quiet --require-hashes -r requirements/sdk-agents.lock
	@touch $@

.sdk/vendors/.ready: $(VENV)/pyvenv.cfg requirements/sdk-vendors.lock
	$(PYTHON) -m venv $(@D)
	$(subst $(VENV),$(@D),$(PIP)) install --quiet --require-hashes -r requirements/sdk-vendors.lock
	@touch $@

$(NODE_EXAMPLE)/.ready: clients/node/package.json clients/node/package-lock.json
	npm ci --prefix clients/node --silent
	@touch $@

$(NODE_MODULES)/.ready: tests/sdk/node/package.json tests/sdk/node/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "make sdk needs Node.js 20.19 or newer with npm: https://nodejs.org" >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error(`make sdk needs Node.js 20.19 or newer, and $$(command -v node) is $${process.versions.node}`); process.exit(1) }'
	npm ci --prefix tests/sdk/node --silent
	@touch $@

$(PAGE_MODULES)/.ready: page/package.json page/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "the page is built with Node.js 20.19 or newer and npm: https://nodejs.org" >&2; exit 1; }
	npm ci --prefix page --silent
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/bench.lock
	$(PIP) install --quiet --require-hashes -r requirements/bench.lock
	@touch $@

$(RAY)/.ready: $(RAY)/pyvenv.cfg requirements/ray.lock pyproject.toml
	$(RAY_PIP) install --quiet --require-hashes -r requirements/ray.lock
	PATH="$(CURDIR)/$(RAY_BIN):$$PATH" $(RAY_PIP) install --quiet --no-deps --no-build-isolation -e . -e bench
	@touch $@

# PyTorch without CUDA if pip finds it; else the build that the index has, and what that one needs.
$(PARITY)/.ready: $(PARITY)/pyvenv.cfg $(wildcard requirements/parity*.lock) pyproject.toml
	$(PARITY_PIP) install --quiet --require-hashes --no-deps -r requirements/parity-cpu.lock || true
	$(PARITY_PIP) install --quiet --require-hashes --no-deps -r requirements/parity.lock
	$(PARITY_BIN)/python -c 'import torch' 2>/dev/null || \
		$(PARITY_PIP) install --quiet --require-hashes --no-deps -r requirements/parity-cuda.lock
	PATH="$(CURDIR)/$(PARITY_BIN):$$PATH" $(PARITY_PIP) install --quiet --no-deps --no-build-isolation -e . -e bench
	@touch $@
