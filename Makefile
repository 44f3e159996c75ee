# Commands of the house. Each does its own set-up; nothing but Python 3.11, git and make is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVER_STAMP := $(VENV)/.server-installed
TEST_STAMP := $(VENV)/.test-installed
# What the database decides. Of the API, those whose rows come by SQL of their own or by locks, and of the rest not what is about
# files alone; `make test-long` tries all.
FILE_TESTS := $(addprefix tests/store_app/test_,bad_connections.py storages.py) \
	$(addprefix tests/scenarios/test_,nuclei_corrections.py coco_instances.py)
DATABASE_TESTS := $(FILE_TESTS:%=--ignore %) tests/store_app tests/people_app tests/labels_app tests/datasets_app tests/scenarios \
	$(wildcard $(patsubst %,tests/api/test_%.py,blobs commits compare distributions images jobs large_lists \
	merges_and_reverts pull resumable_uploads splits taxonomy_publishing transfers versions))
EVERY_DATABASE_TEST := tests/store_app tests/people_app tests/labels_app tests/datasets_app tests/scenarios tests/api tests/web
# What is slow is tried on SQLite; `make test-postgres POSTGRES_MARKS="not browser"` tries it here, too.
POSTGRES_MARKS ?= not browser and not slow and not long
# In the order of folders: browsers early, so that nothing long is left for the end.
PYTEST := $(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

# The tests start hundreds of processes, each of which would compile the same files again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-sqlite test-postgres test-long check lint types contracts schema format bench clean

run: $(SERVER_STAMP)
	$(BIN)/python manage.py run_service

test: test-sqlite test-postgres

test-sqlite: $(TEST_STAMP)
	$(PYTEST) -m "not long" tests

test-postgres: $(TEST_STAMP)
	TESSERA_LAW_EXAMPLES=12 TESSERA_TEST_DATABASE=postgres $(PYTEST) -m "$(POSTGRES_MARKS)" $(DATABASE_TESTS)

THOROUGH := TESSERA_LAW_EXAMPLES=200 TESSERA_GARBAGE_ROUNDS=1000 TESSERA_STATS_COMMITS=1000 TESSERA_KILLS=50

# What is random is tried for longer, and what is long on both databases: about an hour.
test-long: $(TEST_STAMP)
	$(THOROUGH) $(PYTEST) tests
	$(THOROUGH) TESSERA_TEST_DATABASE=postgres $(PYTEST) -m "not browser" $(EVERY_DATABASE_TEST)

check: lint types contracts schema test

lint: $(TEST_STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(TEST_STAMP)
	$(BIN)/mypy panoptic tessera

contracts: $(TEST_STAMP)
	$(BIN)/lint-imports

# The committed OpenAPI document is the one that the code makes.
schema: $(TEST_STAMP)
	$(BIN)/python manage.py spectacular --validate --fail-on-warn | diff docs/openapi.yaml - \
		|| { echo "docs/openapi.yaml is out of date: make docs/openapi.yaml"; exit 1; }

docs/openapi.yaml: $(TEST_STAMP)
	$(BIN)/python manage.py spectacular --validate --fail-on-warn > $@.new && mv $@.new $@
.PHONY: docs/openapi.yaml

format: $(TEST_STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(TEST_STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(SERVER_STAMP): $(VENV)/bin/python pyproject.toml
	@echo "Installing the service (about half a minute the first time) …"
	$(BIN)/pip install -qq --editable '.[server]'
	@touch $@
	@$(BIN)/python -m panoptic.warm_up &  # compiles beside what comes next

$(TEST_STAMP): $(SERVER_STAMP) tests/parity/requirements.txt
	@echo "Installing what the tests need (about a minute the first time) …"
	$(BIN)/pip install -qq --editable '.[server,test]'
	$(BIN)/pip install -qq --no-deps --requirement tests/parity/requirements.txt
	@touch $@
	@$(BIN)/python -m pytest -q --collect-only tests >/dev/null 2>&1 &  # rewrites asserts once, not in each process
