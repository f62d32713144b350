// Package stories holds tests that run the real program against real etcd servers: of
// several versions, mixed in one cluster, behind etcd's grpc-proxy, and with logins that
// expire. The servers are obtained with
//
//	go test -count=1 -v ./internal/stories -servers
//
// from Debian and as Go modules; one that cannot be had is skipped with the reason, and
// the last line says how many have run. With
//
//	go test -count=1 -v -timeout 0 ./internal/stories -run '^TestMatrix$' -matrix 10m
//
// the locks are soaked on such servers too. With
//
//	go test -count=1 -v ./internal/stories -run '^TestReal' -real
//
// other programs that keep locks in etcd are run, from Debian, npm and Go modules, and what
// is said of their locks is checked. Without these flags, logins are tested on an
// etcd in the test binary, and an incident that is recorded on one in a child process.
package stories
