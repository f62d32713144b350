// Package asking is what the command ask does: it asks the holders of a lock to give it back.
package asking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
	"etcd-lock/rwlock"
)

// Long describes the command.
const Long = `Asks the holders of the read/write lock or the semaphore NAME to give it back, and waits
until they have, or for --wait. It never takes the lock away.

The ask is an ordinary request for writing, or for all permits of the semaphore, which is
withdrawn at the end, or when the lock is granted. Holders that listen are those that use
Wanted or WithKeep of package rwlock, and "etcd-lock exec --on-ask"; of the others nothing
is expected. While the request waits, later requests wait behind it, those of readers and
for single permits too.

With -o json:
  name, revision  the lock, and the revision at which its holders were read
  holders         key, mode, client, and keeps: true if it caches the lock between its
                  uses and gives it back when asked; false: not known; of a semaphore
                  weight and permits too: how many of how many it holds
  given_back      true if all of them have given it back, or the lock was not held

Exit codes: 0 given back, or not held; 3 not given back in time.`

// Options are the options of Run.
type Options struct {
	Name    string
	Wait    time.Duration // how long to wait for the lock to be given back
	Connect func(context.Context) (*connect.Conn, error)
	Out     output.Printer

	// Meant says which name may be meant by one that no lock has; empty: it is not known.
	Meant func(ctx context.Context, c *connect.Conn, name string) (string, error)
}

// sessionTTL is how long the request outlives this program if that is killed.
const sessionTTL = 10 * time.Second

// holder is one that was asked.
type holder struct {
	Key    string `json:"key"`
	Mode   string `json:"mode"`
	Client string `json:"client"`
	Keeps  bool   `json:"keeps"` // it caches the lock between its uses, and gives it back when asked

	Weight  int `json:"weight,omitempty"`  // of a semaphore: how many permits it holds
	Permits int `json:"permits,omitempty"` // of a semaphore: how many there are, as it was told
}

// doc is the JSON document of the command.
type doc struct {
	Name      string   `json:"name"`
	Revision  int64    `json:"revision"`
	Holders   []holder `json:"holders"`
	GivenBack bool     `json:"given_back"`

	meant string // if there is no lock of the name
}

// Run asks the holders of a lock to give it back, by a request for writing, or of a semaphore for
// all permits, and waits until they have, or for the given time. It withdraws the request then, and reports whether the
// lock was given back, or not held.
func Run(ctx context.Context, opts *Options) (givenBack bool, err error) {
	c, err := opts.Connect(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	s, err := c.SnapshotOf(ctx, 0, opts.Name)
	if err != nil {
		return false, err
	}
	l, known := find(s, opts.Name)
	if !known && len(s.Named(opts.Name)) > 0 {
		return false, fmt.Errorf("%s is a lock of other software, which cannot be asked", opts.Name)
	}
	d := doc{Name: opts.Name, Revision: s.Revision, Holders: holders(l), GivenBack: true}
	if len(d.Holders) > 0 {
		if d.GivenBack, err = opts.ask(ctx, c, d, askFor(l)); err != nil {
			return false, err
		}
	}
	if len(s.Named(opts.Name)) == 0 {
		if d.meant, err = opts.Meant(ctx, c, opts.Name); err != nil {
			return false, err
		}
	}
	return d.GivenBack, opts.print(d)
}

// find returns the read/write lock or the semaphore of a name.
func find(s inspect.Snapshot, name string) (l inspect.Lock, known bool) {
	for _, kind := range []*layout.Rule{layout.RWLock, layout.Semaphores} {
		if l, known = s.Find(inspect.LockID{Layout: kind, Name: name}); known {
			return l, true
		}
	}
	return l, false
}

// askFor returns the request that asks for a lock: it waits for all holders.
func askFor(l inspect.Lock) rwlock.LockRequest {
	if p := l.Permits(); p.Total > 0 {
		return rwlock.LockRequest{Name: l.ID.Name, Mode: rwlock.Slot, Weight: p.Total, Permits: p.Total}
	}
	return rwlock.LockRequest{Name: l.ID.Name, Mode: rwlock.Write}
}

// holders returns who holds a lock.
func holders(l inspect.Lock) []holder {
	found := []holder{}
	for _, r := range l.Queue {
		if r.Holding {
			owner := r.Owner.Value()
			found = append(found, holder{
				Key: r.Key, Mode: r.Mode.String(), Client: r.Who(), Keeps: owner.Keep, Weight: owner.Weight, Permits: owner.Permits,
			})
		}
	}
	return found
}

// ask requests the lock until its holders have given it back.
func (opts *Options) ask(ctx context.Context, c *connect.Conn, d doc, request rwlock.LockRequest) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.Wait)
	defer cancel()
	session, err := rwlock.NewSession(ctx, c.Client, sessionTTL)
	if err != nil {
		return false, err
	}
	defer func() { _ = session.Close() }() // removes the request too
	released, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer stop()
		awaitDeleted(released, c.Client, d)
	}()
	set := session.NewSet([]rwlock.LockRequest{request}, rwlock.WithLabel("etcd-lock ask"))
	err = set.Lock(released)
	switch {
	case err == nil:
		return true, set.Unlock()
	case ctx.Err() == nil && errors.Is(err, context.Canceled): // others are granted the lock now
		return true, nil
	case errors.Is(err, context.DeadlineExceeded):
		return false, nil
	default:
		return false, err
	}
}

// awaitDeleted returns when the keys of all holders were deleted, or at the end of ctx. If
// etcd ends the watch, it waits for ctx: the request is granted later than that.
func awaitDeleted(ctx context.Context, client *clientv3.Client, d doc) {
	held := map[string]bool{}
	for _, h := range d.Holders {
		held[h.Key] = true
	}
	watch := client.Watch(ctx, d.Name+"/", clientv3.WithPrefix(), clientv3.WithFilterPut(), clientv3.WithRev(d.Revision+1))
	for resp := range watch {
		for _, ev := range resp.Events {
			delete(held, string(ev.Kv.Key))
		}
		if len(held) == 0 {
			return
		}
	}
	<-ctx.Done()
}

func (opts *Options) print(d doc) error {
	if opts.Out.Format == output.JSON {
		return opts.Out.Document(d)
	}
	if len(d.Holders) == 0 {
		return cmp.Or(opts.say(d.Name+" is not held"), opts.say(d.meant))
	}
	for _, h := range d.Holders {
		text := "; whether it listens is not known"
		if h.Keeps {
			text = ", which caches the lock between its uses and gives it back when asked"
		}
		held := h.Mode
		if h.Permits > 0 {
			held += fmt.Sprintf(" %d/%d", h.Weight, h.Permits)
		}
		if err := opts.say("asked " + h.Client + " (" + held + ")" + text); err != nil {
			return err
		}
	}
	if d.GivenBack {
		return opts.say(d.Name + " was given back")
	}
	return opts.say(fmt.Sprintf("%s was not given back within %s", d.Name, opts.Wait))
}

func (opts *Options) say(text string) error {
	if text == "" {
		return nil
	}
	return opts.Out.Line(output.Cell{Text: text})
}
