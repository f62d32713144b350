package contexts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

// recorder notes what it is told of contexts.
type recorder struct {
	mu     sync.Mutex
	said   []string
	follow func(ctx context.Context, m Member) error
}

func (r *recorder) note(words ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprint(words...))
}

func (r *recorder) Down(m Member, err error) { r.note(m.Name, " is down: ", err) }

func (r *recorder) Follow(ctx context.Context, m Member, _ *connect.Conn) error {
	r.note(m.Name, " is followed")
	return r.follow(ctx, m)
}

// A context that does not answer is tried again, one that refuses is not, and both keep no
// other from being followed.
func TestLasting(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t)
	open := func(ctx context.Context) (*connect.Conn, error) {
		return connect.Open(ctx, connect.Options{Etcd: etcd.Config{Endpoints: []string{endpoint}, DialTimeout: time.Minute}, Timeout: time.Minute})
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answers := false
	var others sync.WaitGroup // that are followed, or were
	others.Add(2)
	r := &recorder{follow: func(ctx context.Context, m Member) error {
		switch m.Name {
		case "denied":
			others.Done()
			return &connect.OptionError{Err: errors.New("denied")}
		case "there":
			others.Done()
		case "late":
			others.Wait()
			stop()
		}
		<-ctx.Done()
		return ctx.Err() // which is no failure
	}}
	l := &Lasting{
		Members: []Member{
			{Name: "refused", Connect: func(context.Context) (*connect.Conn, error) {
				return nil, fmt.Errorf("no: %w", etcd.ErrRefused)
			}},
			{Name: "late", Connect: func(ctx context.Context) (*connect.Conn, error) {
				if !answers {
					answers = true
					return nil, errors.New("no answer")
				}
				return open(ctx)
			}},
			{Name: "there", Connect: open},
			{Name: "denied", Connect: open},
		},
		Failed: func(m Member, err error) error {
			r.note(m.Name, " failed: ", err)
			return errors.New(m.Name)
		},
		Note: func(string) {}, // it is not certain that etcd says in time which cluster it is
	}
	if err := l.Follow(ctx, r); err == nil || err.Error() != "refused" {
		t.Errorf("error %v, want that of the first that failed", err)
	}
	slices.Sort(r.said)
	want := []string{
		"denied failed: denied", "denied is followed", "late is down: no answer", "late is followed", "refused failed: no: etcd: refused", "there is followed",
	}
	if !slices.Equal(r.said, want) {
		t.Errorf("%q, want %q", r.said, want)
	}
}
