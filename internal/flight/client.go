package flight

import (
	"time"

	"github.com/google/uuid"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

// client is a BatchClient as a key.
type client struct {
	tail  string
	mode  keyspace.Mode
	lease int64
	owner keyspace.OwnerRef // without what is of one request
	owned bool
	timed bool
	uuid  bool
}

func clientOf(r inspect.Request) (client, bool) {
	tail, ok := cutName(r)
	c := client{tail: tail, mode: r.Mode, lease: r.Lease, owner: r.Owner.Client(), owned: r.Owned, timed: !r.Owner.Time.IsZero()}
	return c, ok
}

// record returns the record of a client.
func (c client) record() BatchClient {
	record := BatchClient{Tail: Text(c.tail), Mode: c.mode.String(), Lease: LeaseID(c.lease), Timed: c.timed, UUID: c.uuid}
	if c.owned {
		record.Owner = newOwner(c.owner.Value())
	}
	return record
}

func cutName(r inspect.Request) (tail string, ok bool) {
	n := len(r.Lock.Name)
	if len(r.Key) < n || r.Key[:n] != r.Lock.Name {
		return "", false
	}
	return r.Key[n:], true
}

// request returns the request with which a client joins a queue. A zero seen is not known.
func (c client) request(lock inspect.LockID, revision int64, at, seen time.Time, made int64, holding bool) inspect.Request {
	r := inspect.Request{
		Key: lock.Name + c.tail, Lock: lock, Mode: c.mode, Lease: c.lease, Revision: revision, Modified: revision,
		Owner: c.owner, Owned: c.owned, Since: seen, Seen: seen, Saw: !seen.IsZero(), Holding: holding,
	}
	if c.timed {
		r.Owner.Time = at.Add(-time.Duration(made) * time.Microsecond)
		r.Since = r.Owner.Time
	}
	return r
}

// rounded returns a request as a recording says it.
func rounded(r inspect.Request) inspect.Request {
	r.Since, r.Seen, r.Owner.Time = newTime(r.Since).Time, newTime(r.Seen).Time, newTime(r.Owner.Time).Time
	return r
}

// uuidLength is that of a UUID as a text.
const uuidLength = 36

// maker returns a client without the UUID with which its key ends, and that.
func (c client) maker() (maker client, id uuid.UUID, ok bool) {
	i := len(c.tail) - uuidLength
	if i < 1 || c.tail[i-1] != '/' {
		return client{}, id, false
	}
	id, ok = parseUUID(c.tail[i:])
	c.tail, c.uuid = c.tail[:i], true
	return c, id, ok
}

// parseUUID parses a random UUID, of version 4, that is written as most programs do.
func parseUUID(text string) (id uuid.UUID, ok bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.Version() == 4 && id.Variant() == uuid.RFC4122 && id.String() == text
}

// made returns the client with a UUID that its maker has made up.
func (c client) made(id uuid.UUID) client {
	c.tail, c.uuid = c.tail+id.String(), false
	return c
}
