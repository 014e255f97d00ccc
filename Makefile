# riposte: event-driven security response on Kafka. `make help` lists what there is.
LINT_VERSION := v2.15.0
LINT := .tools/golangci-lint-$(LINT_VERSION)
VULN_VERSION := v1.9.0
VULN := .tools/govulncheck-$(VULN_VERSION)
SBOM_VERSION := v1.10.0
SBOM := .tools/cyclonedx-gomod-$(SBOM_VERSION)
# The same source gives the same bytes, wherever it lies.
BUILD := CGO_ENABLED=0 go build -trimpath -ldflags "-s -w"
# Tests, tools and the binary are compiled in one way, so that each package is compiled once; but for the race detector, which has its own. The clients of the AWS
# SDK are more than half of all that is compiled, and wait for a network: without inlining they take half the time and the binary loses 30 MB (as in the Dockerfile).
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -gcflags=github.com/aws/aws-sdk-go-v2/service/...=-l $(GOFLAGS)
FUZZDIR ?= .
PRESSURE ?= 30s
# A number of runs, not a time: at the end of a time, go test may report its own deadline as a failure.
FUZZTIME ?= 5000x
COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

.PHONY: help build demo up test integration torture torture-short lint fmt generate bench fuzz smoke vuln sbom reproducible ci nightly bench-pipeline soak

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

build: ## the binary, as bin/riposte
	$(BUILD) -o bin/riposte .

demo: build ## play a recorded attack through the whole pipeline
	./bin/riposte demo

up: build ## all stages in one process; state in ./data
	./bin/riposte up --data data

# Pure functions and the facts they go by: what is shared of them by goroutines is so in the tests of formattest, the engine, the router and the
# app, which the race detector sees. Whatever is not named here it sees as well.
PURE := producers/format/[^/]*|producers/unpack|router/rule|router/rule/predicate|router/lists/(set|parse)|router/sigma|router/engine/scan|schemas|schemas/ocsf

# A worker calls one action at a time for a command, and actions share nothing but clients; what shares a ledger is consumers: the race detector sees that in the
# tests of consumers and catalog.
CALLS := consumers/(alert|block|remediate)/.*|consumers/ledger/sqlite

# Some of these do share.
YET := producers/format/formattest|consumers/remediate/invoke/runbook

# Tests of one goroutine, or of processes of their own, that take minutes under the race detector.
ALONE := TestSigma.*|TestManyTables|TestTamper|TestParquetOfAnotherVersion|TestTablesAreDeterministic|TestTooLarge|TestCrash|TestArchiveKilled|TestKilledTenTimes

# Those that the race detector sees with smaller samples; and where both are.
SAMPLED := TestAnotherWorkerTakesOver|TestLargeState|TestSameAsPlain
APART := ./internal/app ./internal/archive ./consumers ./consumers/iac ./router/engine

# The race detector needs a C compiler.
CC_THERE := $(shell command -v gcc cc clang)
RACE_TEST := $(if $(CC_THERE),CGO_ENABLED=1 go test -race,go test)

test: ## unit tests, what goroutines share under the race detector, and the tests of the rules: no containers
	go test -shuffle=on -vet=off $$(go list ./... | grep -E '/($(PURE)|$(CALLS))$$')
	go test -shuffle=on -vet=off -run '^($(ALONE)|$(SAMPLED))$$' $(APART)
	$(RACE_TEST) -short -shuffle=on -vet=off -skip '^($(ALONE))$$' $$(go list ./... | grep -vE '/($(PURE)|$(CALLS))$$') $$(go list ./... | grep -E '/($(YET))$$')
	go run . rules test rules examples/chain/rules

# The folders that have tests on real servers.
SERVERS := $$(grep -rl --include='*_test.go' '^//go:build integration' . | xargs -n1 dirname | sort -u)

integration: ## the same scenarios on Apache Kafka, PostgreSQL and moto, in containers
	go test -tags integration -count=1 -vet=off -p 2 -timeout 20m $(SERVERS)

SEED ?= 0

torture: build ## kill, stop, cut and refuse for ten minutes, then reconcile by id what was sent and what was done; SEED=n repeats a run
	go run ./internal/torture --riposte bin/riposte --seed $(SEED) --duration 10m --events 200000 --faults 66 --report torture.json

torture-short: build ## the same in two minutes
	go run ./internal/torture --riposte bin/riposte --seed $(SEED) --duration 2m --events 20000 --faults 20 --report torture.json

smoke: ## docker compose: up, publish an event, see the alert, share the work
	COMPOSE="$(COMPOSE)" ./deployments/docker/smoke.sh

lint: $(LINT) ## static checks, with the walls between the stages
	$(LINT) run ./...
	go run . rules check rules

$(LINT):
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv .tools/golangci-lint $@

# Of the day when somebody looked last; VULNDB=latest for what is known today.
VULNDB ?= v0.0.0-20261105234957-e22db6528018

vuln: $(VULN) ## known vulnerabilities in code that is reached; VULNDB=latest for what is known today
	GOVULNCHECK=$(VULN) VULNDB=$(VULNDB) ./deployments/vuln.sh

sbom: build $(SBOM) ## what is in the binary, as CycloneDX: bin/riposte.cdx.json
	$(SBOM) bin -json -output bin/riposte.cdx.json bin/riposte

reproducible: ## build twice, in two folders, and compare
	BUILD='$(BUILD)' ./deployments/reproducible.sh

$(VULN):
	GOBIN=$(CURDIR)/.tools go install golang.org/x/vuln/cmd/govulncheck@$(VULN_VERSION)
	mv .tools/govulncheck $@

$(SBOM):
	GOBIN=$(CURDIR)/.tools go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(SBOM_VERSION)
	mv .tools/cyclonedx-gomod $@

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

generate: ## schemas and facts from their sources
	go generate ./...

bench: ## benchmarks, each beside its alternative
	go test -run '^$$' -bench . -benchmem ./...

bench-pipeline: ## the stages on a real broker, each as a ratio to a loop on bare kafka-go; PRESSURE=5m for the whole time under twice the load
	RIPOSTE_PRESSURE=$(PRESSURE) RIPOSTE_SOAK=$(or $(SOAK),1m) go test -tags integration -run '^$$' -bench Pipeline -benchtime 1x -timeout 30m ./internal/pipeline

soak: ## an hour of half load: the router's memory; SOAK=10m for every night
	RIPOSTE_SOAK=$(or $(SOAK),1h) go test -tags integration -run '^$$' -bench Pipeline/soak -benchtime 1x -timeout 2h ./internal/pipeline

fuzz: ## every fuzz target below FUZZDIR for FUZZTIME
	@for p in $$(grep -rl '^func Fuzz' --include='*_test.go' ./$(FUZZDIR) | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -d' ' -f2); do \
	    go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

nightly: ## what takes too long for every change: ten minutes of soak, ten of torture with the seed of the day, all fuzz targets, the build twice
	go test -tags purego ./schemas/... ./router/engine/... # as on processors for which there is no assembly
	$(MAKE) soak SOAK=10m
	$(MAKE) torture SEED=$$(date +%Y%m%d)
	$(MAKE) fuzz FUZZTIME=50000x
	$(MAKE) reproducible
	$(MAKE) vuln VULNDB=latest

ci: ## what must pass before anything lands
	.ci/run
