# The commands of this repository; each is a script in scripts/. `make` alone lists them.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run user test lint build swift-test example-test blackbox-test bench bench-modules bench-core format docs clean

help: ## List these commands
	@echo "Axolemma, a Matrix homeserver. Commands:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

run: ## Install what is needed, build, configure at first start, and start the server on 127.0.0.1:8008
	@scripts/run

user: ## Create a user on the running server
	@scripts/register-user

test: ## Everything a change must pass: lint, build, Swift tests on SQLite and PostgreSQL, black-box tests
	@scripts/test

lint: ## Check formatting and layers
	@scripts/lint

build: ## Build everything in debug, warnings being errors
	@scripts/build

swift-test: ## Build, then only the Swift tests
	@scripts/test build swift

example-test: ## Only the example module: its tests, and its plug-in
	@scripts/test example

blackbox-test: ## Build, then only the black-box tests (PYTEST_ARGS="-k nio" to choose)
	@scripts/test build example blackbox

bench: ## Measure speed and memory against the budgets (BENCH_ARGS="--quick --postgres"; see docs/develop.md)
	@scripts/bench $(BENCH_ARGS)

bench-modules: ## Measure what modules cost, in Swift and in Python (BENCH_ARGS as above)
	@scripts/bench-modules $(BENCH_ARGS)

bench-core: ## Measure parsing, canonical JSON, authorization and state resolution
	@scripts/toolchain swift run -c release CoreBenchmarks

format: ## Format all Swift files
	@scripts/format

docs: ## Write docs/options.md, docs/compatibility.md and docs/modules/coverage.md from the code
	@scripts/docs

clean: ## Delete what was built (not ./data)
	rm -rf .build .venv
