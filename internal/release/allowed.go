package release

import (
	"errors"
	"fmt"

	"etcd-lock/internal/format"
	"etcd-lock/internal/hint"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/layout"
)

var (
	// ErrNotOurs is returned for locks that must not be released by deleting keys, and for
	// sessions that cannot be ended because of them.
	ErrNotOurs = errors.New("release: only the software that holds it can release it")
	// ErrShared is returned for sessions whose lease may serve more than their locks. The
	// requests can be released one by one.
	ErrShared = errors.New("release: the session is not ended, because its lease may serve other things")
)

// allowed returns an error if the layout of a request is not released in this way: one
// request by its key, or with its session.
func allowed(r inspect.Request, session bool) error {
	rule := r.Lock.Layout
	name := format.Name(r.Lock.Name)
	switch {
	case rule.Release.How == layout.Advise:
		err := fmt.Errorf("%w: %s is a lock of %s", ErrNotOurs, name, rule)
		command, look := rule.Command(r.Lock.Name), rule.Look(r.Lock.Name)
		switch {
		case command != "" && look != "":
			return hint.Add(err, "run: "+look+"; if it shows that the holder runs: "+command)
		case command != "":
			return hint.Add(err, "run: "+command)
		}
		return hint.Add(err, "its name has something that is not safe in a command, so the command is not shown")
	case rule.Release.How == layout.Refuse:
		return fmt.Errorf("%w: %s is a lock of %s; %s", ErrNotOurs, name, rule, rule.Release.Why)
	case session && rule.Release.How == layout.Delete:
		err := fmt.Errorf("%w: %s is a lock of %s", ErrShared, name, rule)
		return hint.Add(err, "release the request alone, by its key "+format.Name(r.Key))
	}
	return nil
}

// allAllowed returns an error if any request of the plan is not released in its way.
func (plan Plan) allAllowed() error {
	for _, r := range plan.Gone {
		if err := allowed(r, plan.Lease != 0); err != nil {
			return err
		}
	}
	return nil
}
