# Each target is one line that works without make too.
.DEFAULT_GOAL := help
.PHONY: help build test environments lint bench cover golden fuzz soak seeds monkey slow remedies servers matrix cases real module law kills prometheus docs model kubernetes release reproduce
FUZZTIME ?= 30s
TIMES ?= 1
SOAK ?= 10m
MONKEY ?= 1h
N ?= 1000000
FIRST ?= 1

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile
build: ## build bin/etcd-lock
	go build -o bin/etcd-lock .
test: ## run the tests with the race detector
	go test -race -shuffle=on ./...
environments: ## run the tests detached, on one core and on a busy machine, TIMES times
	.ci/environments -n $(TIMES) detached+longtmp onecore busy -- go test -count=1 ./...
lint: ## run the linters
	go tool -modfile=.ci/tools/go.mod golangci-lint run ./...
bench: ## measure this build beside its peers; the tables of docs/benchmarks.md
	go test -count=1 -timeout 60m -v -run 'TestComparison|TestInspection|TestRecording|TestLongQueue|TestScreens' ./internal/bench -compare
	go test -count=1 -timeout 30m -v -run TestDay -bench Record ./internal/flight -day 10000000
	go test -run '^$$' -bench 'Collector|Recorded' ./internal/profile ./internal/cli/follow
cover: ## print the coverage of all tests
	go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -1
golden: ## write the golden files anew
	go test ./tui/app ./tui/clusters ./internal/report ./internal/narrate -update
fuzz: ## run every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)
soak: ## lock under faults for SOAK; until ctrl-C
	go test ./rwlock -race -count=1 -v -timeout 0 -run '^TestSoak$$' -soak $(SOAK)
model: ## check the models of the protocol in all their states; needs Spin and a C compiler
	go test ./internal/model -count=1 -v -timeout 60m -model
monkey: ## press random keys in the terminal UI for MONKEY
	go test ./internal/cli -count=1 -v -timeout 0 -run '^TestMonkey$$' -monkey $(MONKEY)
seeds: ## run N seeds of the locks and the inspector on a simulated etcd, from FIRST on; until ctrl-C
	go test ./internal/deterministic -count=1 -v -timeout 0 -run '^TestSeeds$$' -seeds $(N) -first $(FIRST)
remedies: ## carry out the first remedy of 10,000 random incidents in an etcd
	go test ./internal/diagnose -count=1 -v -timeout 0 -run '^TestFirstRemedyOnEtcd$$' -incidents 10000
slow: ## run the built-in scenarios on etcds with long election timeouts
	go test ./simulate -count=1 -v -timeout 20m -run '^TestLibraryOnASlowEtcd$$' -slow-etcd
servers: ## test on etcd servers 3.4 to 3.7 that it obtains
	go test -count=1 -v -timeout 30m ./internal/stories -servers
matrix: ## run the commands and soak the locks on etcd 3.4 to 3.7, on a cluster that is upgraded, and with clocks that jump, for SOAK each; until ctrl-C
	go test -count=1 -v -timeout 0 ./internal/stories -run '^TestMatrix$$' -matrix $(SOAK)
cases: ## play all cases, or CASE, TIMES times, with BUSY=1 on a busy machine; see docs/cases.md
	$(if $(BUSY),.ci/environments busy -- )go test -count=$(TIMES) -v -timeout 6h ./internal/house -run '^TestCases$$/$(if $(CASE),^$(CASE)$$)' -cases
real: ## run programs that keep locks in etcd, and check what is said of them; from Debian, npm and Go modules
	go test -count=1 -v -timeout 60m ./internal/stories -run '^TestReal' -real
law: ## compare a recording with etcd at each of 100,000 revisions
	go test ./internal/flight -count=1 -v -timeout 60m -run '^TestLaw$$' -law 110000
kills: ## kill a recorder of locks 200 times
	go test ./internal/flight -count=1 -v -timeout 20m -run '^TestKilled$$' -kills 200
prometheus: ## check the alert rules and the dashboard of docs/prometheus with the code of Prometheus
	cd .ci/prometheus && go test -count=1 -v ./...
kubernetes: ## check the manifests of docs/kubernetes with the types of Kubernetes
	cd .ci/kubernetes && go test -count=1 -v ./...
release: ## make archives, packages, checksums and bills of materials of the last commit in dist; publishes nothing
	.ci/release/run
reproduce: ## make the release for Linux twice and compare; COLD=-cold compiles everything anew
	.ci/release/reproduce $(COLD)
docs: ## build the documentation as static pages in bin/docs
	.ci/site/build bin/docs
module: ## rename the module everywhere: make module MODULE=example.com/you/etcd-lock
	.ci/module $(MODULE)
