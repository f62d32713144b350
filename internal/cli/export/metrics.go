package export

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// metric is what is said of a metric of this program, in /metrics and in
// docs/monitoring.md.
type metric struct {
	name   string
	kind   string // gauge, counter or histogram
	labels []string
	help   string

	desc *prometheus.Desc
}

func newMetric(kind, name, help string, labels ...string) metric {
	name = "etcd_lock_" + name
	return metric{name: name, kind: kind, labels: labels, help: help, desc: prometheus.NewDesc(name, help, labels, nil)}
}

// The metrics. Those of locks and findings are absent while they are not known.
var (
	mLocks       = newMetric("gauge", "locks", "Locks, by layout and state.", "layout", "state")
	mHolders     = newMetric("gauge", "holders", "Clients that hold a lock. Absent for a layout whose holders cannot be read.", "layout", "mode")
	mWaiters     = newMetric("gauge", "waiters", "Clients that wait for a lock. Absent for layouts whose waiting clients leave no key.", "layout")
	mLongestWait = newMetric("gauge", "longest_wait_seconds", "How long the client that waits longest has waited, at least. Absent for classes whose waiting clients leave no key.", "class")
	mLongestHold = newMetric("gauge", "longest_hold_seconds", "How long the client that holds longest has held its lock, at least.", "class")
	mFindings    = newMetric("gauge", "findings", "Problems that etcd-lock why lists, as of the last diagnosis.", "kind", "severity")

	mWait = newMetric("histogram", "wait_seconds", "How long clients waited until they were granted a lock. Only waits of which the beginning was seen.", "class")
	mHold = newMetric("histogram", "hold_seconds", "How long clients held a lock until it was released or ended. Only holds of which the beginning was seen.", "class")

	mUp          = newMetric("gauge", "up", "1 while etcd answers and sends what changes, else 0.")
	mContact     = newMetric("gauge", "last_contact_timestamp_seconds", "When etcd answered last; now, while up is 1. Absent before the first answer.")
	mRevision    = newMetric("gauge", "revision", "Revision of etcd that the metrics of locks show.")
	mLag         = newMetric("gauge", "watch_lag_seconds", "Since when etcd has a revision that the watch has not reached. 0 when it has reached what etcd had at the last diagnosis. Absent when that is not known.")
	mResyncs     = newMetric("counter", "watch_resyncs_total", "How often all locks were read anew because changes were lost, by cause. The waits and holds of that time are not in the histograms.", "cause")
	mMissed      = newMetric("counter", "watch_events_missed_total", "Changes that are not in the histograms because they came too fast.")
	mDiagnosed   = newMetric("gauge", "diagnosis_timestamp_seconds", "When the last diagnosis began.")
	mDiagnosis   = newMetric("gauge", "diagnosis_duration_seconds", "How long the last diagnosis computed.")
	mIncomplete  = newMetric("gauge", "diagnosis_incomplete", "1 if the last diagnosis could not read all that it needs, such as leases or alarms, else 0.")
	mClasses     = newMetric("gauge", "classes", "Classes of locks that have series of their own.")
	mFoldedClass = newMetric("counter", "locks_in_other_total", "How often the name of a lock was counted in the class other because there are too many classes.")
)

// metrics returns all metrics of this program, in the order of the documentation.
func metrics() []metric {
	return []metric{
		mLocks, mHolders, mWaiters, mLongestWait, mLongestHold, mFindings, mWait, mHold,
		mUp, mContact, mRevision, mLag, mResyncs, mMissed, mDiagnosed, mDiagnosis, mIncomplete, mClasses, mFoldedClass,
	}
}

// constant returns the metrics whose values are computed when they are asked for.
func constant() []metric {
	return slices.DeleteFunc(metrics(), func(m metric) bool { return m.kind == "histogram" })
}

// send sends the value of a metric.
func (m metric) send(ch chan<- prometheus.Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.kind == "counter" {
		kind = prometheus.CounterValue
	}
	ch <- prometheus.MustNewConstMetric(m.desc, kind, value, labels...)
}

// histogram returns the histogram of a metric, from a millisecond to an hour.
func (m metric) histogram() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: m.name, Help: m.help,
		Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600},
	}, m.labels)
}
