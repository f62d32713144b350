package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"etcd-lock/internal/etcd"
)

// childEnv holds, in the process of a member, its child as JSON.
const childEnv = "ETCD_LOCK_CLUSTER_MEMBER"

// served is what a member says when it serves. Anything else is why it does not.
const served = "serves"

// child is what the process of a member is given.
type child struct {
	Config etcd.EmbeddedConfig
	Remove string // what to remove when the parent is gone

	proxy  string // that it reaches the other members by
	stderr io.Writer
}

// Main runs the member that this process is meant to be, and does not return
// then. In all other processes it does nothing.
func Main() {
	if env := os.Getenv(childEnv); env != "" {
		os.Exit(serve(env))
	}
}

// serve returns when there is no parent any more, whose death closes the
// standard input, or no member.
func serve(env string) int {
	var c child
	if err := json.Unmarshal([]byte(env), &c); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", childEnv, err)
		return 1
	}
	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(orphaned)
	}()
	died := make(chan struct{})
	go func() {
		defer close(died)
		member, err := etcd.StartEmbedded(context.Background(), c.Config)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(served)
		<-member.Done()
	}()
	select {
	case <-died:
		return 1
	case <-orphaned:
		c.clear()
		return 0
	}
}

// clear removes the data. The other members do so too, while they and this one
// may still write, and so a folder can be found full that was emptied just now.
func (c child) clear() {
	for range 100 {
		if os.RemoveAll(c.Remove) == nil {
			return
		}
	}
}
