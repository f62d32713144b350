package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

// fillOthers creates keys below the prefix that are no locks, named as those of many
// programs are.
func (c crowd) fillOthers() {
	client := etcdtest.Client(c.T, c.endpoint)
	const txn = 100
	var ops []clientv3.Op
	for i := range c.others {
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("%sconfig/team-%03d/service-%07x", c.prefix, i%500, i), "value"))
		if len(ops) == txn || i == c.others-1 {
			_, err := client.Txn(context.Background()).Then(ops...).Commit()
			c.must(err)
			ops = nil
		}
	}
}

// layouts measures what the layouts of other software cost where there are none of their
// keys: reading with all of them, and with etcd's own only. It measures the processor time
// of this process, without that of etcd.
func (c crowd) layouts() {
	client := etcdtest.Client(c.T, c.endpoint)
	own, err := layout.NewSet(layout.Mutex, layout.RWLock)
	c.must(err)
	sources := []*inspect.Source{inspect.NewSourceOf(client, own), inspect.NewSource(client)}
	took, processor := make([][]time.Duration, 2), make([][]time.Duration, 2)
	for range c.rounds {
		for i, source := range sources {
			runtime.GC()
			began, before := time.Now(), processTime(c.T)
			s, err := source.Snapshot(context.Background(), c.prefix)
			c.must(err)
			took[i], processor[i] = append(took[i], time.Since(began)), append(processor[i], processTime(c.T)-before)
			if len(s.Locks) != c.locks || s.Other != c.others {
				c.Errorf("%d locks and %d other keys, want %d and %d", len(s.Locks), s.Other, c.locks, c.others)
			}
		}
	}
	rows := [][]string{{fmt.Sprintf("%d requests, %d other keys", c.locks*c.queue, c.others), "p50", "×", "processor", "×"}}
	for i, name := range []string{"`rwlock` and `mutex` only", "all built-in layouts"} {
		rows = append(rows, []string{
			name, milliseconds(median(took[i])), ratio(median(took[i]), median(took[0])),
			milliseconds(median(processor[i])), ratio(median(processor[i]), median(processor[0])),
		})
	}
	c.table("What layouts cost", rows)
}
