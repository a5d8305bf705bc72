# Two commands for everybody: `make run` and `make test`. Both work without root.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TEST_PROGRAMS := flite espeak-ng ffmpeg pulseaudio pactl festival tmux chromium
EXAMPLE := examples/conversation.flac

.PHONY: run example test check format clean

run: $(VENV)/.installed ## open Attune in the browser
	$(BIN)/python app.py web --open-browser

example: $(VENV)/.installed ## answer the bundled example conversation, and play it if possible
	$(BIN)/python app.py reply $(EXAMPLE) --out answers --play-if-possible

test: check ## everything that must hold before a change is merged
	@missing=; for program in $(TEST_PROGRAMS); do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	[ -z "$$missing" ] || echo "not installed, tests that need them are skipped:$$missing"
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make run PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# torch stands in the same pip command as the project, so that pip takes one build that fits all.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'torch>=2.13,<2.14' -e '.[voices,web]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet 'torch>=2.13,<2.14' -e '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build .pytest_cache .ruff_cache
