# Each target is one line that works without make too.
.PHONY: build test lint bench cover golden fuzz soak

build:
	go build -o bin/etcd-lock .
test:
	go test -race -shuffle=on ./...
lint:
	go tool -modfile=tools/go.mod golangci-lint run ./...
bench:
	go test -count=1 -timeout 30m -v -run 'TestComparison|TestInspection|TestScreens' ./internal/bench -compare
cover:
	go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -1
golden:
	go test ./tui ./internal/report -update
fuzz:
	go test ./internal/keyspace -run XXX -fuzz FuzzEncodeParse -fuzztime 30s
soak:
	go test ./rwlock -race -count=1 -v -timeout 0 -run '^TestSoak$$' -soak 10m
