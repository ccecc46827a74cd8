# Every target does its own set-up. `make demo` and `make test` are all that a newcomer needs.
.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-simulator check format types imports figures templates bench bench-smoke mutants mutants-planted mutants-generated outage conform histories places lock \
	azurite axe examples clean

BIN := .venv/bin

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

setup: ## make .venv (finds Python 3.13 by itself)
	@scripts/setup

demo: setup ## two regions on this machine, an outage, and what hubswitch does about it
	@$(BIN)/hubswitch demo

up: setup ## serve the function app on http://127.0.0.1:7071 with a local Azure beside it
	@$(BIN)/hubswitch up

# Many tests wait more than they work, so there are twice as many processes as processors. Neighbours in a file share its
# servers, so each process takes a run of tests, and one that is done takes over from the others.
PROCESSES ?= $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))
PYTEST = $(BIN)/pytest -n $(PROCESSES) --dist worksteal

test: setup azurite axe examples ## all tests of the product and of the simulated Azure
	@$(PYTEST) --ignore tests/bench

test-simulator: setup azurite ## the simulated Azure's own tests
	@$(PYTEST) tests/simulator

check: setup format types imports figures templates test bench-smoke ## everything that a change must pass

format: setup ## formatting and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: setup ## strict typing
	@$(BIN)/mypy
	@$(BIN)/mypy bench scripts

imports: setup ## import contracts
	@$(BIN)/lint-imports
	@cd client && PYTHONPATH=. ../$(BIN)/lint-imports

figures: setup ## sizes, names and imports of the code, as a table
	@$(BIN)/python scripts/figures.py

templates: setup ## type check of the Bicep files in infra/ (nothing is compiled)
	@$(BIN)/python -m bicepcheck

bench: setup ## measured times as JSON, each beside its baseline
	@$(BIN)/python -m bench

bench-smoke: setup ## every benchmark once with few samples: that it works, not how fast it is
	@$(BIN)/pytest -q tests/bench

mutants: mutants-planted mutants-generated ## test the tests with bugs: those planted by promise, then generated ones (half an hour)

mutants-planted: setup ## plant bugs one by one; the tests must find each (ONLY=part of a name)
	@$(BIN)/python tests/mutants.py $(ONLY)

mutants-generated: setup ## a sample of all small changes of the decision and the job table (MUTANTS="--seed 2 --size 500")
	@$(BIN)/python tests/generated_mutants.py $(MUTANTS)

outage: setup ## every type of job through an outage, twenty times over (SEEDS=n for more), and thirty kills at random
	@HUBSWITCH_SEEDS=$(or $(SEEDS),20) HUBSWITCH_KILLS=30 $(BIN)/pytest -q tests/crash/test_every_kind.py tests/crash/test_random_kills.py

histories: setup ## record anew what runs in flight look like; say in the changelog that those of before do not survive
	@$(BIN)/python tests/record_histories.py
	@$(BIN)/python tests/record_shapes.py

conform: setup ## a whole outage held against Microsoft's types and recorded traffic in ../shared (WIRE=folder for others)
	@$(BIN)/python -m conform $(if $(WIRE),--wire $(WIRE))

places: setup ## write anew at which places the crash tests disturb a run
	@HUBSWITCH_WRITE_PLACES=1 $(BIN)/pytest -q tests/crash -k undisturbed

lock: setup ## compile requirements*.in to pinned files with hashes
	@$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url requirements.in -o requirements.txt
	@$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url requirements-examples.in -o requirements-examples.txt

azurite: ## Microsoft's storage emulator as a second witness for the blob tests; they skip it where npm is missing
	@scripts/azurite

axe: ## axe-core for the tests of accessibility; they skip it where npm or a browser is missing
	@scripts/axe

examples: setup ## openai and litellm, for the tests of the client's examples; they skip them where these cannot be installed
	@scripts/examples

clean: ## remove what the targets made
	rm -rf .venv .azurite .axe build *.egg-info client/build client/*.egg-info client/.import_linter_cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
