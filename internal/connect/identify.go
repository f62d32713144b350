package connect

import (
	"context"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// identify is the timeout of asking which cluster it is: meanwhile nothing is recorded.
const identify = time.Second / 2

// ClusterID returns the ID of the cluster that answers for keys with one of the prefixes, in
// hex, or nothing if it is not known.
func (c *Conn) ClusterID(ctx context.Context, prefixes keyspace.Prefixes) (id string) {
	ctx, cancel := context.WithTimeout(ctx, identify)
	defer cancel()
	_ = c.Do(ctx, func(ctx context.Context) error {
		resp, err := c.Client.Get(ctx, prefixes.Ranges()[0].Start, clientv3.WithCountOnly(), clientv3.WithSerializable())
		if err == nil && resp.Header.ClusterId != 0 {
			id = strconv.FormatUint(resp.Header.ClusterId, 16)
		}
		return err
	})
	return id
}
