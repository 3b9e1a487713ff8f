# Everything runs from a local virtual environment that these targets make for themselves.
PYTHON ?= python3
BIN := .venv/bin
unexport PYTHONDONTWRITEBYTECODE   # where it is set, each of a thousand processes of the tests compiles all that it imports

FAST := not (slow or soak or browser or ray or integration)
WHOLE := integration or browser or ray
MOST := 2   # seconds of processor time of a fast test, which takes half as long without lint beside it
TWO := -n 2 --dist loadfile --no-loadscope-reorder   # what a file's tests look at is made once; the slow ones come first

# Lint and types run beside the tests; they speak after them, and only if something is wrong.
define beside_lint
@said=$$(mktemp); $(MAKE) --no-print-directory lint > $$said 2>&1 & lint=$$!; \
trap 'kill $$lint 2> /dev/null; rm -f $$said' EXIT; trap 'exit 130' INT TERM; \
$(BIN)/python -m pytest $(1); tests=$$?; \
wait $$lint && exit $$tests; cat $$said; exit 1
endef

.PHONY: help smoke search digests weight check coverage mutants test integration faults docs lint format schema reference notebooks results gpu clean

help:
	@echo "make smoke    20 trials of small networks, compared with the published digest: less than a minute"
	@echo "make search   50 trials of spaces/conv.yaml on the full data: 6 minutes on 2 cores of a Zen 4"
	@echo "make digests  every digest of the base commit and of this tree, compared: 10 minutes; PART=quick: 2 minutes"
	@echo "make weight   lines, tokens, modules, classes, functions, tests and words of the project"
	@echo "make check    lint, types, import contracts, and the fast tests"
	@echo "make coverage how much of the code the fast tests run; under the floor it fails"
	@echo "make mutants  how many of 200 planted faults the fast tests notice"
	@echo "make test     lint, types, import contracts, and all tests but those of the two lines below"
	@echo "make integration   tests with Chromium, a Ray cluster and other programs; long tests of whole commands"
	@echo "make faults   every fault of tests/FAULTS.md, injected for real, every property in its full dose, every pair, emulated processors"
	@echo "make docs     the documentation as a site, build/site/index.html; a link that leads nowhere fails"
	@echo "make results  make the published searches and the notebook's table again: about 2.5 hours on 2 cores"
	@echo "make gpu      training and searching on a CUDA device: times, and whether both repeat"
	@echo "make format   lay out the code"
	@echo "make schema   write spaces/schema.json"
	@echo "make reference   write what pages take from the code and from results/published"
	@echo "make notebooks   write the notebooks of docs/notebooks from their pages"
	@echo "make clean    remove the virtual environments and caches; studies stay"

smoke: .venv/installed
	$(BIN)/mnist-bench search smoke --trials 20

search: .venv/installed
	$(BIN)/mnist-bench search spaces/conv.yaml --trials 50

digests: .venv/tested
	$(BIN)/python benchmarks/digests.py --part $(or $(PART),all)

weight: .venv/installed
	@$(BIN)/python benchmarks/weight.py

check: .venv/tested
	$(call beside_lint,-q -m "$(FAST)" $(TWO) --most-seconds $(MOST))

coverage: .venv/tested
	$(BIN)/python -m pytest -q -m "$(FAST)" $(TWO) --cov --cov-report term

mutants: .venv/tested
	$(BIN)/python benchmarks/mutants.py --jobs 2

test: .venv/tested
	$(call beside_lint,-m "not (soak or $(WHOLE))" $(TWO))

integration: .venv/tested
	$(BIN)/python -m pytest -m "$(WHOLE)" $(TWO)

faults: export HYPOTHESIS_PROFILE := full
faults: .venv/tested
	$(BIN)/python -m pytest -m "hypothesis or dosed or soak" $(TWO)
	$(BIN)/python -m pytest -v $$(grep -o 'tests/[a-z_/]*\.py::[a-z_0-9]*' tests/FAULTS.md | sort -u)

docs: .venv/tested
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lint: .venv/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin search
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 --no-warn-unreachable search
	$(BIN)/lint-imports

format: .venv/tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schema: .venv/installed
	$(BIN)/python -m mnist_bench.space_files.json_schema > spaces/schema.json

reference: .venv/installed
	$(BIN)/python docs/reference_pages.py
	$(BIN)/python docs/figures.py

notebooks: .venv/installed
	$(BIN)/python docs/notebooks.py

results: .venv/tested
	$(BIN)/python benchmarks/publish.py

gpu: .venv/tested
	$(BIN)/python benchmarks/gpu.py

clean:
	rm -rf .venv .base .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "mnist-bench needs Python 3.11 or newer; $$($(PYTHON) --version) is $(PYTHON). Try: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/tested: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@
