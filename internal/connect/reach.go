package connect

import (
	"context"
	"fmt"

	"etcd-lock/internal/access"
	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
)

// Reach is what a command reads.
type Reach struct {
	Prefixes keyspace.Prefixes
	Limited  bool // to what the user may read, because the user may not read all keys

	user string
	more bool // the user may read more, which is no prefix
}

// Reach returns what to read for a user who gave these prefixes. If there are none,
// that is all keys or, if the user may not read them, each prefix that the user may read.
// It fails if there is no such prefix, or etcd does not say which there are.
func (c *Conn) Reach(ctx context.Context, given []string) (Reach, error) {
	r := Reach{Prefixes: keyspace.NewPrefixes(given...)}
	if len(given) > 0 || c.User == "" {
		return r, nil
	}
	var unknown bool
	err := c.Do(ctx, func(ctx context.Context) error {
		refusal := access.MayRead(ctx, c.Client, "")
		if refusal == nil || !access.IsPermissionDenied(refusal) {
			return nil // if anything else is wrong, reading will say so
		}
		grants, err := access.FindGrants(ctx, c.Client, c.User)
		prefixes := grants.ReadPrefixes()
		if len(prefixes) == 0 {
			unknown = err != nil
			return refusal
		}
		r = Reach{Prefixes: keyspace.NewPrefixes(prefixes...), Limited: true, user: c.User, more: len(prefixes) < len(grants.Read)}
		return nil
	})
	if unknown {
		err = hint.Add(err, "give the prefixes that the user may read, as in /jobs/ /reports/")
	}
	return r, err
}

// Note says that not all keys are read, and why.
func (r Reach) Note() string {
	why := "may read nothing else"
	if r.more {
		why = "may read more, but no other prefix"
	}
	return fmt.Sprintf("reading only %s: user %s %s", r.words(), printable.Shell(r.user), why)
}

// Elsewhere says what is not known, for a list of such things.
func (r Reach) Elsewhere() string {
	return fmt.Sprintf("locks elsewhere: user %s may read only %s", printable.Shell(r.user), r.words())
}

func (r Reach) words() string {
	quoted := make([]string, 0, len(r.Prefixes))
	for _, p := range r.Prefixes {
		quoted = append(quoted, printable.Shell(p))
	}
	const most = 10
	return format.Some(quoted, most)
}
