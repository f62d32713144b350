package contexts

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"etcd-lock/internal/access"
	"etcd-lock/internal/backoff"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
)

// Lasting are several contexts that a command follows until it is interrupted.
type Lasting struct {
	Members  []Member
	Terminal *sync.Mutex                     // held while a password is asked for: nothing is printed then
	Failed   func(m Member, err error) error // says that a context is not followed any more, and returns the command's error
	Note     func(text string)               // says what is known of several

	mu       sync.Mutex
	clusters map[string]string // IDs by context, where they are known
	said     []string
}

// Follower follows contexts. Its methods are called for several of them at a time, and for each
// by one goroutine.
type Follower interface {
	// Follow follows a context until ctx ends, which is no error.
	Follow(ctx context.Context, m Member, c *connect.Conn) error
	// Down is called when a context does not answer before it is followed. It is tried again.
	Down(m Member, err error)
}

// The pauses before a context that does not answer is tried again.
const firstRetry, lastRetry = time.Second, 5 * time.Second

// Follow has f follow all contexts side by side until ctx ends, or none is left to follow: one
// that refuses this client is not tried again. It returns the error of the first of these.
func (l *Lasting) Follow(ctx context.Context, f Follower) error {
	l.clusters = map[string]string{}
	failed := make([]error, len(l.Members))
	var all sync.WaitGroup
	for i, m := range l.Members {
		all.Go(func() {
			if err := l.keep(ctx, m, f); err != nil {
				failed[i] = l.Failed(m, err)
			}
		})
	}
	all.Wait()
	if i := slices.IndexFunc(failed, func(err error) bool { return err != nil }); i >= 0 {
		return failed[i]
	}
	return nil
}

// keep has f follow a context, and tries again while it does not answer.
func (l *Lasting) keep(ctx context.Context, m Member, f Follower) error {
	retry := backoff.Exponential{First: firstRetry, Max: lastRetry}
	err := l.once(ctx, m, f)
	for err != nil && ctx.Err() == nil && !IsFinal(err) {
		f.Down(m, err)
		if !retry.Pause(ctx) {
			break
		}
		err = l.once(ctx, m, f)
	}
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func (l *Lasting) once(ctx context.Context, m Member, f Follower) error {
	c, err := m.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	l.identify(ctx, m, c)
	return f.Follow(ctx, m, c)
}

// identify notes which contexts seem to be one etcd.
func (l *Lasting) identify(ctx context.Context, m Member, c *connect.Conn) {
	id := c.ClusterID(ctx, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clusters[m.Name] = id
	for _, says := range Alike(l.clusters, l.Members) {
		if !slices.Contains(l.said, says) {
			l.said = append(l.said, says)
			l.Note(says)
		}
	}
}

// IsFinal reports whether trying again does not help against an error: it is not done on a
// timer then, for a password that is refused many times can cost its user the account.
func IsFinal(err error) bool {
	return errors.As(err, new(*connect.OptionError)) || errors.Is(err, etcd.ErrRefused) ||
		access.IsPermissionDenied(err) || access.IsAuthRequired(err) || access.IsBadCredentials(err)
}
