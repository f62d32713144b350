// Package promrwlock counts what happens to requests of package rwlock, for Prometheus.
//
//	locks := promrwlock.New()
//	prometheus.MustRegister(locks)
//	m := session.NewRWMutex("/orders/17", locks.Count("/orders/*"))
//
// The metrics, with the labels lock and mode:
//
//	rwlock_requests_total   requests that ended, by result: granted, refused (a Try),
//	                        cancelled (the caller's context ended), failed
//	rwlock_wait_seconds     histogram of how long granted requests waited
//	rwlock_hold_seconds     histogram of how long locks were held
//	rwlock_lost_total       holds that ended other than by Unlock
//	rwlock_waiting          requests that wait now
//	rwlock_held             holds now
//	rwlock_permits_held     permits of semaphores that are held now
//
// The mode of a semaphore is slot. A Set counts once, for writing if any of its locks is, or
// else as a slot if any is one.
package promrwlock

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"etcd-lock/rwlock"
)

// Metrics are metrics of locks, to be registered as a prometheus.Collector.
type Metrics struct {
	requests, lost *prometheus.CounterVec
	waits, holds   *prometheus.HistogramVec
	waiting, held  *prometheus.GaugeVec
	permits        *prometheus.GaugeVec
}

// buckets are upper bounds in seconds, from a hand-off to a nightly job.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}

// New returns metrics that nothing was counted in.
func New() *Metrics {
	labels := []string{"lock", "mode"}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &Metrics{
		requests: counter("rwlock_requests_total", "Requests for locks that ended, by result.", "lock", "mode", "result"),
		lost:     counter("rwlock_lost_total", "Holds that ended other than by Unlock.", labels...),
		waits:    histogram("rwlock_wait_seconds", "How long granted requests waited."),
		holds:    histogram("rwlock_hold_seconds", "How long locks were held."),
		waiting:  gauge("rwlock_waiting", "Requests that wait now."),
		held:     gauge("rwlock_held", "Locks that are held now."),
		permits:  gauge("rwlock_permits_held", "Permits of semaphores that are held now."),
	}
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.lost, m.waits, m.holds, m.waiting, m.held, m.permits}
}

// Describe sends the descriptions of the metrics.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect sends the metrics.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

// Count returns an option that counts the requests of a mutex, a semaphore or a Set with lock as their
// label: the name of a lock if there are few, and one text for all of a kind otherwise, such as
// "/orders/*", since Prometheus keeps each series for a long time.
// Nil metrics count nothing.
func (m *Metrics) Count(lock string) rwlock.Option {
	if m == nil {
		return rwlock.WithTracer(nil)
	}
	return rwlock.WithTracer(func(_ context.Context, e rwlock.Event) (string, func(rwlock.Event)) {
		r := &request{metrics: m, labels: []string{lock, mode(e.Locks)}, weight: weight(e.Locks)}
		m.waiting.WithLabelValues(r.labels...).Inc()
		return "", r.count
	})
}

func mode(locks []rwlock.LockRequest) string {
	for _, m := range []rwlock.Mode{rwlock.Write, rwlock.Slot} {
		if slices.ContainsFunc(locks, func(l rwlock.LockRequest) bool { return l.Mode == m }) {
			return m.String()
		}
	}
	return rwlock.Read.String()
}

// weight returns how many permits of semaphores are requested.
func weight(locks []rwlock.LockRequest) float64 {
	sum := 0
	for _, l := range locks {
		sum += l.Weight
	}
	return float64(sum)
}

// request is a request that is counted.
type request struct {
	metrics *Metrics
	labels  []string
	weight  float64 // the permits requested

	mu   sync.Mutex
	over bool // the hold has ended: a loss comes before the Unlock that follows it, or beside it
}

func (r *request) count(e rwlock.Event) {
	m := r.metrics
	switch e.Kind {
	case rwlock.EventGranted:
		r.answered("granted")
		m.waits.WithLabelValues(r.labels...).Observe(e.Waited.Seconds())
		m.held.WithLabelValues(r.labels...).Inc()
		r.addPermits(r.weight)
	case rwlock.EventFailed:
		r.answered(result(e.Err))
	case rwlock.EventLost, rwlock.EventReleased:
		r.ended(e)
	}
}

// answered counts the end of the wait.
func (r *request) answered(result string) {
	r.metrics.waiting.WithLabelValues(r.labels...).Dec()
	r.metrics.requests.WithLabelValues(append(slices.Clone(r.labels), result)...).Inc()
}

// ended counts the end of the hold, once.
func (r *request) ended(e rwlock.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	r.over = true
	r.metrics.held.WithLabelValues(r.labels...).Dec()
	r.addPermits(-r.weight)
	r.metrics.holds.WithLabelValues(r.labels...).Observe(e.Held.Seconds())
	if e.Kind == rwlock.EventLost || errors.Is(e.Err, rwlock.ErrLost) {
		r.metrics.lost.WithLabelValues(r.labels...).Inc()
	}
}

// addPermits adds to the permits that are held, if the request is for any.
func (r *request) addPermits(n float64) {
	if n != 0 {
		r.metrics.permits.WithLabelValues(r.labels...).Add(n)
	}
}

// result is the label of a request that was not granted its lock.
func result(err error) string {
	switch {
	case errors.Is(err, rwlock.ErrLocked):
		return "refused"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "cancelled"
	default:
		return "failed"
	}
}
