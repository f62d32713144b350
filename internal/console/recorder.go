package console

import (
	"context"

	"etcd-lock/internal/connect"
)

// recorder records what happens to the locks as a scenario.
type recorder struct {
	record func(ctx context.Context, c *connect.Conn, prefix, file string) (summary string, err error)
	conn   *connect.Conn
	prefix string
}

// Record implements backend.Recorder.
func (r recorder) Record(ctx context.Context, file string) (summary string, err error) {
	return r.record(ctx, r.conn, r.prefix, file)
}
