package format

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestPlainly(t *testing.T) {
	for want, err := range map[string]error{
		"session expired":               errors.New("rwlock: session expired"),
		"probe etcd: no answer in time": fmt.Errorf("inspect: probe etcd: %w", context.DeadlineExceeded),
		"session expired: dial tcp 127.0.0.1:2379: connect: connection refused": errors.New(
			`rwlock: session expired: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"`),
		"about rwlock: x": errors.New("about rwlock: x"),
	} {
		if got := Plainly(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
