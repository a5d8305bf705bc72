# Two commands for everybody: `make run` and `make test`. Both work without root.
PYTHON ?= python3
VENV ?= .venv
# The versions that were tested; `make run PINS=` takes the newest ones instead.
PINS ?= constraints.txt
# What pytest is told besides, such as TESTS='-m "not slow"'.
TESTS ?=
BIN := $(VENV)/bin
TEST_PROGRAMS := flite espeak-ng ffmpeg pulseaudio pactl festival tmux chromium
EXAMPLE := examples/conversation.flac

.PHONY: run example test check format pins clean

run: $(VENV)/.installed ## open Attune in the browser; the first time it fetches 1.3 GB of parts, once
	$(BIN)/python app.py web --open-browser

example: $(VENV)/.installed ## answer the bundled example conversation, and play it if possible
	$(BIN)/python app.py reply $(EXAMPLE) --out answers --play-if-possible

test: check ## everything that must hold before a change is merged
	@missing=; for program in $(TEST_PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	[ -z "$$missing" ] || echo "not installed, tests that need them are skipped:$$missing"
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(TESTS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyright --pythonpath $(BIN)/python --project tests

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make run PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# torch stands in the same pip command as the project, so that pip takes one build that fits all.
# It is not among the pins: which build is right, for a CPU or for CUDA, is the machine's affair.
INSTALL = $(BIN)/python -m pip install --quiet $(if $(PINS),-c $(PINS)) 'torch>=2.13,<2.14'

$(VENV)/.installed: pyproject.toml $(PINS) | $(BIN)/python
	@echo "Installing what Attune needs into $(VENV), and nothing anywhere else: about 0.7 GB to fetch, with a"
	@echo "PyTorch for NVIDIA cards about 3 GB. This takes some minutes, in which pip prints nothing. The first"
	@echo "start then fetches model and voice, 1.3 GB, once; 'python app.py doctor' shows what works."
	@$(INSTALL) -e '.[voices,web]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(PINS) | $(BIN)/python
	@echo "Installing what the tests need into $(VENV): about 1 GB to fetch, if it is not there yet."
	@$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.installed

pins: $(BIN)/python ## take the newest versions of everything for the pins; `make test` then tries them
	$(BIN)/python -m pip install --quiet 'uv>=0.9'
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --all-extras --universal \
	    --python-version 3.11 --override .ci/without-torch.txt --no-annotate \
	    --custom-compile-command 'make pins' --output-file constraints.txt

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache
