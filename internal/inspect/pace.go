package inspect

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

const (
	// readBytes bounds the size of a read, which a slow network has to carry
	// within a watch's patience. Values may be unexpectedly huge, so few are read
	// before their length is known.
	readBytes = 1 << 20
	keyBytes  = 64 // overhead of a key

	// Of keys alone, reads grow as long as they are quick: etcd counts all keys after
	// those that it returns, so many small pages of many keys take time in proportion to
	// the square of their number.
	pageBytes   = 16 * readBytes
	quickRead   = 250 * time.Millisecond
	slowRead    = 3 * time.Second / 2 // less than the patience of a watch
	readTries   = 3                   // of a read, each time with fewer keys
	firstValues = 16
	maxValues   = 4000
)

// pace is the number of keys of the next read.
type pace struct {
	keys, most       int64
	bytes, mostBytes int64 // bytes is what a read is to have; it grows while reads are quick

	read int     // keys by the last read
	rate float64 // of it: keys a second
}

func newPace(keys, most, mostBytes int64) pace {
	return pace{keys: keys, most: most, bytes: readBytes, mostBytes: mostBytes}
}

// learn adapts the pace to the size of what has been read, and to how long that took, at
// most doubling it, or twice that where etcd is known to count for most of the time.
func (p *pace) learn(kvs []*mvccpb.KeyValue, took time.Duration) {
	if len(kvs) == 0 {
		return
	}
	size := int64(0)
	for _, kv := range kvs {
		size += int64(len(kv.Key) + len(kv.Value) + keyBytes)
	}
	bytes := size
	rate := float64(len(kvs)) / took.Seconds()
	counting, grow := p.isCounting(len(kvs), rate), int64(2)
	if counting && p.read > 0 && took > 0 {
		grow = 4
	}
	switch {
	case took < quickRead, took < slowRead && counting:
		bytes = grow * size
	case took > 2*quickRead:
		bytes = size / 2
	}
	p.bytes, p.read, p.rate = min(max(bytes, readBytes), p.mostBytes), len(kvs), rate
	fit := p.bytes * int64(len(kvs)) / size
	p.keys = max(1, min(fit, grow*p.keys, p.most))
}

// isCounting reports whether etcd takes most of the time of a read for counting, which is as
// long for fewer keys: when more are read, more come by the second, and fewer when fewer are.
// Of the first read it is not known, and found out by reading more.
func (p *pace) isCounting(keys int, rate float64) bool {
	return p.read == 0 || (keys > p.read*5/4 && rate > p.rate*4/3 || keys < p.read*4/5 && rate < p.rate*4/5)
}

// try reads, again with fewer keys when that takes longer than the read's timeout.
func (p *pace) try(ctx context.Context, read func() error) error {
	for tries := 1; ; tries++ {
		err := read()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || tries == readTries {
			return err
		}
		p.keys = max(p.keys/2, 1)
	}
}
