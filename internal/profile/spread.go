package profile

import (
	"math/bits"
	"time"
)

// Amount is a duration. With AtLeast, it may have been longer: something of it was not seen.
type Amount struct {
	time.Duration
	AtLeast bool
}

// Spread says how long waits or holds lasted, each from its beginning to its end. P50 and
// P99 are right to a few percent.
type Spread struct {
	Count   int
	AtLeast int // of these, the beginning or the end was not seen
	Total   time.Duration
	P50     Amount
	P99     Amount
	Max     Amount
}

// A histogram has 16 buckets for each power of two of microseconds.
const (
	subBits = 4
	sub     = 1 << subBits
)

// histogram counts durations by their length.
type histogram []uint32

func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < sub {
		return int(us)
	}
	exp := bits.Len64(us) - subBits - 1
	return exp<<subBits + int(us>>exp)
}

// bounds returns the shortest duration of a bucket, and that of the next one.
func bounds(bucket int) (from, to time.Duration) {
	low := func(b int) time.Duration {
		if b < 2*sub {
			return time.Duration(b) * time.Microsecond
		}
		exp := b>>subBits - 1
		return time.Duration(b-exp<<subBits) << exp * time.Microsecond
	}
	return low(bucket), low(bucket + 1)
}

func (h *histogram) add(bucket int) {
	if bucket >= len(*h) {
		*h = append(*h, make(histogram, bucket+1-len(*h))...)
	}
	(*h)[bucket]++
}

// rank returns the bucket of the n-th duration, counted from 1; false if there are less.
func (h histogram) rank(n int) (bucket int, ok bool) {
	for b, count := range h {
		if n -= int(count); n <= 0 {
			return b, true
		}
	}
	return 0, false
}

// durations collects what a Spread says.
type durations struct {
	known   histogram // of which the beginning and the end were seen
	open    histogram // the others, as far as they were seen
	count   int
	cut     int // in open
	total   time.Duration
	longest Amount
}

func (d *durations) add(length time.Duration, atLeast bool) {
	if length < 0 {
		length = 0
	}
	bucket := bucketOf(length)
	if atLeast {
		d.open.add(bucket)
		d.cut++
	} else {
		d.known.add(bucket)
	}
	d.count++
	d.total += length
	if length > d.longest.Duration || length == d.longest.Duration && atLeast {
		d.longest.Duration = length
	}
	// An open one that looks shorter may have been the longest.
	d.longest.AtLeast = d.longest.AtLeast || atLeast
}

// clone returns a copy that can be added to.
func (d *durations) clone() durations {
	c := *d
	c.known = append(histogram(nil), d.known...)
	c.open = append(histogram(nil), d.open...)
	return c
}

// spread returns what was collected.
func (d *durations) spread() Spread {
	return Spread{Count: d.count, AtLeast: d.cut, Total: d.total, P50: d.quantile(50), P99: d.quantile(99), Max: d.longest}
}

// quantile returns the duration that so many percent are not longer than. It is certain if
// it is the same where all those of which not all was seen were endless.
func (d *durations) quantile(percent int) Amount {
	if d.count == 0 {
		return Amount{}
	}
	n := max(1, (d.count*percent+99)/100)
	if n == d.count {
		return d.longest
	}
	all := make(histogram, max(len(d.known), len(d.open)))
	copy(all, d.known)
	for b, count := range d.open {
		all[b] += count
	}
	bucket, _ := all.rank(n)
	most, ok := d.known.rank(n)
	from, to := bounds(bucket)
	if !ok || most != bucket {
		return Amount{from, true}
	}
	return Amount{min(from+(to-from)/2, d.longest.Duration), false}
}
