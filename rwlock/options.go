package rwlock

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/keyspace"
)

// session is what a lock needs of a Session or a concurrency.Session.
type session interface {
	Client() *clientv3.Client
	Lease() clientv3.LeaseID
	// Ctx ends with the session.
	Ctx() context.Context
}

// Option configures an RWMutex or a Set.
type Option func(*options)

type options struct {
	label        string
	tracers      []Tracer
	downgradable bool
	passes       int           // how many holds share a place in etcd's queue
	passTime     time.Duration // and for how long
	keep         time.Duration // how long a lock is kept that nobody uses; 0 is never
}

func newOptions(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithLabel adds a label to the owner that is stored with the lock's key, beside
// host, process and program: the name of a job, the ID of a request. It is shown
// to people who inspect the lock; the protocol does not read it.
func WithLabel(label string) Option { return func(o *options) { o.label = label } }

// WithDowngrade makes RWLock acquire the lock so that Downgrade can be called. It
// costs a second key in the same transaction.
func WithDowngrade() Option { return func(o *options) { o.downgradable = true } }

// thisProcess is the part of the owner that is the same for all requests.
var thisProcess = sync.OnceValue(processOwner)

func processOwner() keyspace.Owner {
	o := keyspace.Owner{PID: os.Getpid(), Under: keyspace.Under(os.Getenv(keyspace.UnderEnv))}
	if host, err := os.Hostname(); err == nil {
		o.Host = host
	}
	if len(os.Args) > 0 {
		o.Program = filepath.Base(os.Args[0])
	}
	return o
}

func newOwner(label string) keyspace.Owner {
	o := thisProcess()
	o.Label = label
	o.Time = time.Now().UTC().Truncate(time.Millisecond)
	return o
}

// Mode is how a lock is requested: for reading or for writing.
type Mode uint8

// The modes. Readers share a lock, a writer is alone. The zero Mode is neither.
const (
	Read Mode = iota + 1
	Write
)

// String returns "read" or "write", the words used in keys.
func (m Mode) String() string { return m.inKeys().String() }

// MarshalText returns the mode's word.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// inKeys converts m to the mode that keys are made of, which has the same values.
func (m Mode) inKeys() keyspace.Mode { return keyspace.Mode(m) }
