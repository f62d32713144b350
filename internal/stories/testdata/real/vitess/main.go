// Program vitess takes the lock of a keyspace, a named lock, or wins an election, with
// Vitess's topology on etcd: HOST:PORT NAME TTL {keyspace|named|election}.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"vitess.io/vitess/go/vt/topo"
	_ "vitess.io/vitess/go/vt/topo/etcd2topo"
)

func main() {
	ctx := context.Background()
	ts, err := topo.OpenServer("etcd2", os.Args[1], "/vitess/global")
	check(err)
	fmt.Println("waiting")
	release, err := take(ctx, ts, os.Args[2], os.Args[4])
	check(err)
	fmt.Println("held")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	release()
	fmt.Println("released")
	in.Scan()
}

func take(ctx context.Context, ts *topo.Server, name, what string) (release func(), err error) {
	if what == "election" {
		conn, err := ts.ConnForCell(ctx, topo.GlobalCell)
		if err != nil {
			return nil, err
		}
		election, err := conn.NewLeaderParticipation(name, "candidate")
		if err != nil {
			return nil, err
		}
		_, err = election.WaitForLeadership()
		return election.Stop, err
	}
	var unlock func(*error)
	if what == "named" {
		_, unlock, err = ts.LockName(ctx, name, "orphan collector")
	} else {
		_ = ts.CreateKeyspace(ctx, name, nil) // it may exist
		_, unlock, err = ts.LockKeyspace(ctx, name, "SwitchTraffic")
	}
	return func() { unlock(&err) }, err
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
