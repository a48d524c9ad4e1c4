# The two commands of the README, the documentation, and the linter. Each sets up what it needs; any order, any number of
# times. `make PYTHON=python3.12 test` takes another interpreter (3.11 to 3.13).

PYTHON ?= python3
# `make HOSTS=onedl test`: the packages of OneDL in the place of OpenMMLab's, in an environment of its own.
HOSTS ?= openmmlab
ifeq ($(HOSTS),onedl)
VENV := .venv-onedl
PINNED := requirements/onedl.txt
# Without --no-deps mmcv-lite would bring OpenMMLab's mmengine. torch's own needs come after it.
NO_DEPS := --no-deps
# The bridge, the plugin, and whole trainings by the tools.
TESTS := tests/bridge tests/plugin tests/test_registry.py tests/tools/test_tools.py
else
VENV := .venv
PINNED := requirements/quickstart.txt
TESTS :=
endif
BIN := $(VENV)/bin

.PHONY: demo benchmark test docs lint format clean
.DELETE_ON_ERROR:

demo: $(VENV)/quickstart.done
	$(BIN)/python tools/demo.py

benchmark: $(VENV)/quickstart.done
	$(BIN)/python tools/benchmark.py $(or $(SUITE),digits)

# A process for each core, one thread for each process.
test: $(VENV)/tests.done
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=8 --dist worksteal $(TESTS)

# Warnings are errors, and nothing is fetched.
docs: $(VENV)/docs.done
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs/en docs/en/_build/html

lint: $(VENV)/tests.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/tests.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# An environment that was begun and not finished has no .done file and is made anew.
$(VENV)/quickstart.done: $(PINNED) requirements/runtime.txt setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v[:2] <= (3, 13) or sys.exit("The quick start needs Python 3.11 to 3.13 and $(PYTHON) is %d.%d: make PYTHON=/path/to/python3.11 ..., or install by hand as the README says." % v[:2])'
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(NO_DEPS) --requirement $(PINNED)
	$(if $(NO_DEPS),$(BIN)/pip install --quiet `grep -E '^(torch|torchvision)==' $(PINNED)`)
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/tests.done: $(VENV)/quickstart.done requirements/tests.txt
	$(BIN)/pip install --quiet --requirement requirements/tests.txt
	touch $@

$(VENV)/docs.done: $(VENV)/quickstart.done requirements/docs.txt
	$(BIN)/pip install --quiet --requirement requirements/docs.txt
	touch $@

clean:
	rm -rf .venv .venv-onedl build dist *.egg-info mmnystrom/.mim work_dirs/demo docs/en/_build
