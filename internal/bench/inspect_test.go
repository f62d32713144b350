package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/patrol"
)

// TestInspection measures the cost of reading and watching many locks.
func TestInspection(t *testing.T) {
	beside(t)
	size := crowdScale{locks: 20, queue: 3, others: 100, leases: 5, rounds: 1, rate: 200, writing: 200 * time.Millisecond}
	if *compare {
		size = crowdScale{locks: 10_000, queue: 10, others: 1_000_000, leases: 300, rounds: 9, rate: 5000, writing: 3 * time.Second}
	}
	member := etcdtest.StartProcess(t, func(cfg *etcd.EmbeddedConfig) { cfg.Durable = *compare })
	b := bench{T: t, endpoint: member.Endpoint}
	many := crowd{bench: b, crowdScale: size, prefix: "/jobs/"}
	many.fill()
	many.snapshot()
	many.follow()
	many.exported()
	size.locks, size.queue = 1, size.locks
	long := crowd{bench: b, crowdScale: size, prefix: "/nightly/"}
	long.fill()
	long.follow()
	many.fillOthers()
	many.layouts()
}

type crowdScale struct {
	locks   int
	queue   int // requests for each
	others  int // keys beside them, see fillOthers
	leases  int
	rounds  int
	rate    int // events per second to follow
	writing time.Duration
}

// crowd is a benchmark on many requests below one prefix.
type crowd struct {
	bench
	crowdScale
	prefix string
}

// fill creates requests of many processes for many locks, one reader in three.
// It takes the locks in turns, so that no queue is contiguous in etcd.
func (c crowd) fill() {
	client := etcdtest.Client(c.T, c.endpoint)
	var leases []clientv3.LeaseID
	for range c.leases {
		resp, err := client.Grant(context.Background(), 3600)
		c.must(err)
		leases = append(leases, resp.ID)
	}
	const txn = 100
	var ops []clientv3.Op
	for i := range c.locks * c.queue {
		process := i % c.leases
		ops = append(ops, clientv3.OpPut(c.key(i%c.locks, i), c.owner(process), clientv3.WithLease(leases[process])))
		if len(ops) == txn || i == c.locks*c.queue-1 {
			_, err := client.Txn(context.Background()).Then(ops...).Commit()
			c.must(err)
			ops = nil
		}
	}
}

func (c crowd) key(lock, i int) string {
	mode := keyspace.Write
	if i%3 == 0 {
		mode = keyspace.Read
	}
	return keyspace.Encode(fmt.Sprintf("%squeue-%04d", c.prefix, lock), mode, uuid.NewString())
}

func (crowd) owner(process int) string {
	return keyspace.Owner{
		Host:    fmt.Sprintf("worker-%03d.example.internal", process),
		PID:     1000 + process,
		Program: "nightly-report",
		Label:   "rebuild of the search index",
		Time:    time.Now(),
	}.Encode()
}

// snapshot measures reading all locks, compared with reading only their keys and
// values in pages.
func (c crowd) snapshot() {
	client := etcdtest.Client(c.T, c.endpoint)
	ways := []struct {
		name string
		read func() any
	}{
		{"keys and values, in pages of 1000", func() any { return c.readPages(client) }},
		{"`Source.Snapshot`", func() any { return c.readLocks(inspect.NewSource(client)) }},
	}
	used := make([][]usage, len(ways))
	for range c.rounds {
		for i, way := range ways {
			used[i] = append(used[i], use(way.read))
		}
	}
	rows := [][]string{{fmt.Sprintf("%d locks, %d requests", c.locks, c.locks*c.queue), "p50", "× plain read", "peak heap", "heap afterwards"}}
	plain := median(each(used[0], func(u usage) time.Duration { return u.took }))
	for i, way := range ways {
		took := median(each(used[i], func(u usage) time.Duration { return u.took }))
		rows = append(rows, []string{
			way.name, milliseconds(took), ratio(took, plain),
			mebibytes(slices.Max(each(used[i], func(u usage) int { return u.peak }))),
			mebibytes(median(each(used[i], func(u usage) int { return u.live }))),
		})
	}
	c.table("Reading all locks", rows)
}

func (c crowd) readLocks(source *inspect.Source) inspect.Snapshot {
	s, err := source.Snapshot(context.Background(), c.prefix)
	c.must(err)
	if len(s.Locks) != c.locks || s.Other != 0 {
		c.Errorf("%d locks and %d other keys, want %d and none", len(s.Locks), s.Other, c.locks)
	}
	return s
}

// readPages reads all keys and values, and discards them.
func (c crowd) readPages(client *clientv3.Client) int {
	n := 0
	start, end := c.prefix, clientv3.GetPrefixRangeEnd(c.prefix)
	for revision, more := int64(0), true; more; {
		page, err := client.Get(context.Background(), start,
			clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithLimit(1000))
		c.must(err)
		n += len(page.Kvs)
		revision, more = page.Header.Revision, page.More
		start = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
	return n
}

// usage is what a call costs: its time, and the bytes that it adds to the heap,
// at the peak with garbage included, and afterwards for its result alone.
type usage struct {
	took       time.Duration
	peak, live int
}

func use(call func() any) usage {
	runtime.GC()
	before := heap()
	stop, peak := make(chan struct{}), make(chan int)
	go func() { peak <- heapPeak(stop) }()
	began := time.Now()
	result := call()
	u := usage{took: time.Since(began)}
	close(stop)
	u.peak = max(<-peak, heap()) - before
	runtime.GC()
	u.live = heap() - before
	runtime.KeepAlive(result)
	return u
}

func heapPeak(stop <-chan struct{}) int {
	peak := 0
	for !closed(stop) {
		peak = max(peak, heap())
		time.Sleep(time.Millisecond)
	}
	return peak
}

func heap() int {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int(sample[0].Value.Uint64())
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func each[T, U any](values []T, f func(T) U) []U {
	out := make([]U, 0, len(values))
	for _, v := range values {
		out = append(out, f(v))
	}
	return out
}

// follow measures how far a watch falls behind when many locks change.
func (c crowd) follow() {
	writers, ways := c.writers(), c.watches()
	found := make([][]chase, len(ways))
	for range min(c.rounds, 3) {
		for i, way := range ways {
			found[i] = append(found[i], c.chase(writers, way.watch))
		}
	}
	rows := [][]string{{
		fmt.Sprintf("%d events/s on %d × %d requests, watched by", c.rate, c.locks, c.queue),
		"events/s", "revisions behind at the end", "caught up after", "processor, with the writers", "× a bare watch", "peak heap",
	}}
	bare := median(each(found[1], func(f chase) float64 { return f.cores }))
	for i, way := range ways {
		rows = append(rows, []string{
			way.name,
			perSecond(median(each(found[i], func(f chase) float64 { return f.rate }))),
			fmt.Sprint(median(each(found[i], func(f chase) int { return f.behind }))),
			milliseconds(median(each(found[i], func(f chase) time.Duration { return f.caughtUp }))),
			fmt.Sprintf("%.2f cores", median(each(found[i], func(f chase) float64 { return f.cores }))),
			ratio(median(each(found[i], func(f chase) float64 { return f.cores })), bare),
			mebibytes(slices.Max(each(found[i], func(f chase) int { return f.heap }))),
		})
	}
	c.table("Following changes", rows)
}

// writers returns the clients that lock and unlock.
func (c crowd) writers() (all []*clientv3.Client) {
	for range 4 {
		all = append(all, etcdtest.Client(c.T, c.endpoint))
	}
	return all
}

// watching is a way to follow changes. It records the latest revision it has seen.
type watching struct {
	name  string
	watch func(ctx context.Context, seen *atomic.Int64)
}

func (c crowd) watches() []watching {
	client := etcdtest.Client(c.T, c.endpoint)
	connected, err := etcd.Config{Endpoints: []string{c.endpoint}, DialTimeout: 5 * time.Second}.Connect(context.Background())
	c.must(err)
	c.Cleanup(func() { _ = connected.Close() })
	source := inspect.NewSource(connected)
	return []watching{
		{"nothing", nil},
		{"a bare watch", func(ctx context.Context, seen *atomic.Int64) {
			for resp := range client.Watch(ctx, c.prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify()) {
				seen.Store(resp.Header.Revision)
			}
		}},
		{"`Source.Watch`", func(ctx context.Context, seen *atomic.Int64) {
			for u := range source.Watch(ctx, c.prefix) {
				seen.Store(u.Snapshot.Revision)
			}
		}},
		{"`record`", func(ctx context.Context, seen *atomic.Int64) { c.record(ctx, source, seen) }},
	}
}

// record records the locks as etcd-lock record does, without looking for problems.
func (c crowd) record(ctx context.Context, source *inspect.Source, seen *atomic.Int64) {
	defer patrol.BeModest(true)()
	r, err := flight.NewRecorder(c.TempDir(), flight.Options{Limits: flight.Limits{Keep: time.Hour, MaxSize: 1 << 30}})
	if err != nil {
		c.Error(err)
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	updates := source.WatchSteps(ctx, c.prefix)
	for {
		select {
		case u, ok := <-updates:
			if !ok {
				if err := r.Close(); err != nil {
					c.Error(err)
				}
				return
			}
			r.Update(u)
			seen.Store(u.Snapshot.Revision)
		case <-second.C:
			r.Tick()
		}
	}
}

// chase is the result of following a writer.
type chase struct {
	rate     float64 // events per second
	behind   int     // revisions, when the writers stop
	caughtUp time.Duration
	cores    float64 // used by this process
	heap     int     // at its peak, with garbage
}

func (c crowd) chase(writers []*clientv3.Client, watch func(context.Context, *atomic.Int64)) chase {
	var seen atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	if watch != nil {
		watching.Go(func() { watch(ctx, &seen) })
		etcdtest.Eventually(c.T, "the watch is there", func() bool { return seen.Load() > 0 })
	}
	runtime.GC()
	stop, peak := make(chan struct{}), make(chan int)
	go func() { peak <- heapPeak(stop) }()
	began, busy := time.Now(), processTime(c.T)
	w := c.lockAndUnlock(writers)
	ended, took := time.Now(), time.Since(began).Seconds()
	result := chase{rate: float64(w.events) / took, cores: (processTime(c.T) - busy).Seconds() / took}
	close(stop)
	result.heap = <-peak
	if watch != nil {
		result.behind = int(max(0, w.revision-seen.Load()))
		etcdtest.Eventually(c.T, "the watch has caught up", func() bool { return seen.Load() >= w.revision })
		result.caughtUp = time.Since(ended)
	}
	cancel()
	watching.Wait()
	return result
}

// written is the result of one writer.
type written struct {
	events   int
	revision int64 // of the last one
}

// lockAndUnlock puts and deletes requests at the configured rate.
func (c crowd) lockAndUnlock(writers []*clientv3.Client) written {
	const at = 32 // a time
	done := make(chan written, at)
	for i := range at {
		go func() { done <- c.write(writers[i%len(writers)], i, at) }()
	}
	var all written
	for range at {
		w := <-done
		all.events += w.events
		all.revision = max(all.revision, w.revision)
	}
	return all
}

// write does every step-th write, starting at first.
func (c crowd) write(client *clientv3.Client, first, step int) (w written) {
	ctx := context.Background()
	pause := time.Duration(2*step) * time.Second / time.Duration(c.rate)
	began := time.Now()
	for i := 0; time.Since(began) < c.writing; i++ {
		n := first + i*step
		key := c.key(n%c.locks, n)
		_, err := client.Put(ctx, key, c.owner(n%c.leases))
		var resp *clientv3.DeleteResponse
		if err == nil {
			resp, err = client.Delete(ctx, key)
		}
		if err != nil {
			c.Error(err)
			return w
		}
		w.events += 2
		w.revision = resp.Header.Revision
		time.Sleep(time.Until(began.Add(time.Duration(i+1) * pause)))
	}
	return w
}

// processTime returns the processor time that this process has used.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
