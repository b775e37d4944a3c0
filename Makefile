# What a newcomer types: `make run`, `make test`. Everything else serves these two.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find data modules components pipeline kubeflow -name '*.py' -o -name '*.txt' \
             -o -name '*.yaml' -o -name '*.pbtxt' -o -name '*.j2' | LC_ALL=C sort)
LISTING := $(shell printf '%s\n' $(SOURCES) | cksum | cut -d' ' -f1)

.PHONY: setup run test line-b image test-slow test-kubeflow lint format types check clean

setup: build/stamps/linked-$(LISTING)

# The packages: again when a lock, or what decides between the locks, changes.
build/stamps/installed: pipeline/locks/line-a.txt pipeline/locks/line-b.txt \
        pipeline/environment.py pipeline/lines.py
	@$(PYTHON) pipeline/environment.py
	@mkdir -p $(@D) && touch $@

# The project itself: again when a file was added or removed.
build/stamps/linked-$(LISTING): build/stamps/installed setup.py pyproject.toml
	@$(PYTHON) pipeline/environment.py --link
	@rm -f build/stamps/linked-* && touch $@

run: setup ## text in, gated and pushed GPT out, and a sample of its text
	@$(BIN)/gptfx run $(ARGS)

test: setup ## the tests, without the slow ones
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-slow: setup ## the slow tests alone, two at a time
	$(BIN)/python -m pytest -m slow -n 2 --dist worksteal $(ARGS)

test-kubeflow: setup ## the compiled package, task by task as Kubeflow would; in containers if it can
	@$(BIN)/python tests/kubeflow/pods.py $(BIN)/python -m pytest -m "" tests/kubeflow $(ARGS)

image: ## the image of the pipeline's nodes, with docker or podman; ARGS='--variant cuda'
	@$(PYTHON) pipeline/image.py $(ARGS)

line-b: ## tests and the preset smoke on the current TFX; in a Debian 13 root where glibc is old
	@$(PYTHON) pipeline/line_b.py $(ARGS)

bench-%: setup ## a benchmark of tests/bench, against peers that it sets up; ARGS='--only ROW --json'
	@$(BIN)/python tests/bench/$*.py $(ARGS)

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: setup
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: setup
	MYPYPATH=$$(echo build/__editable__.gptfx-*) $(BIN)/mypy -p gptfx.modules -p gptfx.data

check: lint types test

clean: ## what was made here, except runs
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache
