# make demo [HOST=… PORT=… FRESH=1]   an invented district to try everything on
# make test [ARGS="tests/engine -k …"]  the whole suite, or what ARGS names
# make front                            what a page loads, and the translations
# make words                            collect the sentences to be translated into the catalogues
# make wheel                            dist/yishi-….whl, which needs neither Node nor the checkout
# make lock                             write the lock files and THIRD_PARTY.md anew
#
# Needs Python 3.11 or later, git and make. Node is the system's from version 20 on, else one for .venv alone.
# What has been done leaves a stamp, so that a second run only does what has changed.

PYTHON ?= $(shell for p in python3 python python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PIP := $(VENV)/bin/python -m pip -q --disable-pip-version-check install
STAMPS := $(VENV)/stamps
JS := web/js
FRONT := web/static/vendor/packages.json
SCRIPTS := $(wildcard $(JS)/*.mjs $(JS)/*.json $(JS)/*/*.js $(JS)/*/*.css)
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard web/translations/*/LC_MESSAGES/*.po))

# `npm run` looks for node by its name.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test front words wheel lock
.DELETE_ON_ERROR:

demo: $(STAMPS)/yishi front
	@exec $(VENV)/bin/yishi demo $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(FRESH),--fresh)

test: $(STAMPS)/test $(STAMPS)/yishi front
	@exec $(VENV)/bin/python -m tests $(ARGS)

front: $(FRONT) $(CATALOGUES)

words: $(STAMPS)/run
	@$(VENV)/bin/pybabel -q extract -F babel.cfg -k say -k lazy_gettext --no-location -o $(STAMPS)/messages.pot .
	@$(VENV)/bin/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date -i $(STAMPS)/messages.pot -d web/translations

wheel: $(STAMPS)/run front
	@$(VENV)/bin/hatchling build -t wheel

lock: $(STAMPS)/test $(STAMPS)/lock $(STAMPS)/node
	@echo "· lock files"
	@$(call compile,pyproject.toml,requirements.lock)
	@$(call compile,pyproject.toml --group test,requirements-dev.lock)
	@$(call compile,--group pyproject.toml:build,requirements-build.lock)
	@$(call compile,--group pyproject.toml:node,$(JS)/requirements-node.lock)
	@cd $(JS) && npm run --silent lock
	@$(MAKE) --no-print-directory $(STAMPS)/test front
	@$(VENV)/bin/python -m tests.third_party

compile = $(VENV)/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(1) -o $(2)

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "Yishi needs Python 3.11 or later, and there is none on the PATH."; exit 1; }
	@echo "· virtual environment ($$($(PYTHON) --version))"
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: requirements.lock requirements-build.lock | $(STAMPS)/venv
	@echo "· Python packages"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --require-hashes -r requirements-build.lock
	@touch $@

$(STAMPS)/yishi: pyproject.toml $(STAMPS)/run
	@echo "· Yishi itself"
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

$(STAMPS)/test: requirements-dev.lock $(STAMPS)/run
	@echo "· Python packages for the tests"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/lock: pyproject.toml | $(STAMPS)/venv
	@$(PIP) $$(sed -n 's/^lock = \["\(.*\)"\]$$/\1/p' pyproject.toml)
	@touch $@

$(STAMPS)/node: $(JS)/requirements-node.lock | $(STAMPS)/venv
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || { \
		echo "· Node"; $(PIP) --require-hashes -r $(JS)/requirements-node.lock; }
	@touch $@

$(STAMPS)/npm: $(JS)/package-lock.json $(JS)/package.json $(STAMPS)/node
	@echo "· packages of the front end"
	@cd $(JS) && npm ci --loglevel=error >/dev/null
	@touch $@

$(FRONT): $(SCRIPTS) $(STAMPS)/npm
	@echo "· front end"
	@cd $(JS) && npm run --silent build

%.mo: %.po $(STAMPS)/run
	@echo "· translation $*"
	@$(VENV)/bin/pybabel -q compile -i $< -o $@
