// Command etcd-lock inspects and tests distributed read/write locks on etcd.
package main

import (
	"os"

	"etcd-lock/internal/cli"
	"etcd-lock/internal/cluster"
	"etcd-lock/internal/etcd"
)

func main() {
	etcd.Quiet()
	cluster.Main()
	os.Exit(cli.Main(cli.System{
		Args:   os.Args[1:],
		In:     os.Stdin,
		Out:    os.Stdout,
		Err:    os.Stderr,
		Getenv: os.Getenv,
	}))
}
