package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"

	"etcd-lock/internal/etcd"
)

// childEnv is the environment variable that passes a child, as JSON, to the
// member's process.
const childEnv = "ETCD_LOCK_CLUSTER_MEMBER"

// served is the line that a member prints once it serves. Any other line is the
// reason why it does not.
const served = "serves"

// child configures the process of a member.
type child struct {
	Config etcd.EmbeddedConfig
	Remove string // the directory to remove when the parent has died

	owner  *os.File // locked; the member keeps it open, so that nobody removes its data
	server string   // the path of an etcd to run instead of this program; or ""
	flags  []string // further flags of server
	proxy  string   // the URL of the proxy through which it calls other members
	stderr io.Writer
}

// Main runs a member and does not return if this process was started as one.
// Otherwise it does nothing.
func Main() {
	if env := os.Getenv(childEnv); env != "" {
		os.Exit(serve(env))
	}
}

// serve runs a member and returns its exit code when the member stops, or when
// the parent dies, which closes standard input.
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

// keep passes the lock of the data folder on to the member's process, so that nobody removes the
// folder before that is dead. Windows cannot pass a file on, and there nobody removes folders of
// others.
func (c child) keep(cmd *exec.Cmd) {
	if runtime.GOOS != "windows" {
		cmd.ExtraFiles = []*os.File{c.owner}
	}
}

// clear removes the data of all members. It retries, because the other members
// do the same while some may still write, so a directory that was just emptied
// can have files again.
func (c child) clear() {
	for range 100 {
		if os.RemoveAll(c.Remove) == nil {
			return
		}
	}
}
