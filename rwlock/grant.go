package rwlock

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// grantPatience is how long a grant is waited for before it is sent again. Each wait is
// twice as long as the one before, so that an etcd that is slow is not asked for much
// more.
const grantPatience = time.Second

// grant is the answer to the grant of a lease.
type grant struct {
	*clientv3.LeaseGrantResponse
	sent time.Time
	err  error
}

// grantLease grants a lease of ttl seconds. A member hands a grant on to etcd's leader,
// and if that one has just stopped, does not answer for 7 s although the others have
// elected another leader meanwhile. So a grant that is not answered is sent again, and
// the first that is answered counts. Of another one that was carried out, a lease is
// left without keys, which expires.
func grantLease(ctx context.Context, client *clientv3.Client, ttl int64) grant {
	var sending sync.WaitGroup
	defer sending.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan grant)
	open, patience := 0, grantPatience
	send := time.NewTimer(0)
	defer send.Stop()
	for {
		select {
		case <-send.C:
			open++
			sending.Go(func() {
				g := grant{sent: time.Now()}
				g.LeaseGrantResponse, g.err = client.Grant(ctx, ttl)
				select {
				case answers <- g:
				case <-ctx.Done():
				}
			})
			send.Reset(patience)
			patience *= 2
		case g := <-answers:
			if open--; g.err == nil || open == 0 {
				return g
			}
		case <-ctx.Done():
			return grant{err: ctx.Err()}
		}
	}
}
