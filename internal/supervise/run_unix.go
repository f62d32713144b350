//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"etcd-lock/internal/keyspace"
	"etcd-lock/rwlock"
)

// deadly are the signals that end a program that does nothing about them. One
// that we were started to ignore, as by nohup, is left alone: the command
// ignores it too.
func deadly() []os.Signal {
	return slices.DeleteFunc([]os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT}, signal.Ignored)
}

var errInterrupted = errors.New("interrupted")

// run takes the locks, runs the command at path and gives the locks back.
func (opts *execOptions) run(ctx context.Context, path string) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, deadly()...)
	defer signal.Stop(signals)
	if err := ctx.Err(); err != nil { // by a signal that came before
		return err
	}
	// From here on, signals are ours: one must not end the holding.
	ended, err := opts.runLocked(context.WithoutCancel(ctx), path, signals)
	switch {
	case ended.byKeyboard: // which meant all who would be in one group with the command
		dieOfInterrupt(0)
	case errors.Is(err, errInterrupted) && exitCode(err) == exitSignal+int(unix.SIGINT):
		dieOfInterrupt(unix.Getpid())
	}
	return err
}

// dieOfInterrupt ends us, or our group if pid is 0, by SIGINT: a shell gives up
// its loop or script only for a command that died of ctrl-C.
func dieOfInterrupt(pid int) {
	signal.Reset(os.Interrupt)
	_ = unix.Kill(pid, unix.SIGINT)
	time.Sleep(time.Second) // another thread may be the one to die
}

func (opts *execOptions) runLocked(ctx context.Context, path string, signals chan os.Signal) (ending, error) {
	waiting, caught := untilSignal(ctx, signals)
	c, err := opts.connect(waiting)
	if err != nil {
		return ending{}, firstError(caught(), err)
	}
	defer c.Close()
	var session *rwlock.Session
	err = c.Do(waiting, func(ctx context.Context) error {
		session, err = rwlock.NewSession(ctx, c.Client, opts.ttl)
		return err
	})
	if err != nil {
		return ending{}, firstError(caught(), err)
	}
	defer closeSession(session)
	set := session.NewSet(opts.wants(), rwlock.WithLabel(opts.label))
	a := acquisition{execOptions: opts, remote: c, session: session, said: map[string]string{}}
	err = a.lock(waiting, set)
	if err := firstError(caught(), err); err != nil {
		return ending{}, err
	}
	return opts.runHolding(path, signals, session, set)
}

// untilSignal is a context that ends with a signal. The function that it
// returns gives the signals back, and the error of one that has come.
func untilSignal(ctx context.Context, signals chan os.Signal) (context.Context, func() error) {
	ctx, cancel := context.WithCancel(ctx)
	came := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			came <- nil
		case sig := <-signals:
			signal.Stop(signals) // a second one ends us at once
			cancel()
			came <- exitError{code: exitSignal + int(sig.(syscall.Signal)), err: errInterrupted}
		}
	}()
	return ctx, func() error {
		cancel()
		return <-came
	}
}

func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// runHolding runs the command and says how it ended. The locks are held when it
// is called.
func (opts *execOptions) runHolding(path string, signals chan os.Signal, session *rwlock.Session, set *rwlock.Set) (ending, error) {
	child, err := startChild(path, opts.command, opts.environ(set), signals)
	if err != nil {
		return ending{}, cannotRun(opts.command[0], err)
	}
	defer child.release()
	s := supervisor{execOptions: opts, session: session, child: child}
	ended := s.supervise(signals, set.Lost())
	if s.told {
		s.clearGroup()
		return ending{}, exitError{code: exitLost}
	}
	err = set.Unlock()
	switch {
	case errors.Is(err, rwlock.ErrLost), errors.Is(err, rwlock.ErrSessionExpired):
		opts.say("%s was lost before the command ended", opts.locks())
		return ending{}, exitError{code: exitLost}
	case err != nil: // then it goes with the session
		opts.say("%s was not given back, and goes with its lease: %v", opts.locks(), err)
	}
	if code := ended.code(); code != exitDone {
		return ended, exitError{code: code}
	}
	return ended, nil
}

// environ is our environment with what the command is told of its locks in
// place of what we were told of ours.
func (opts *execOptions) environ(set *rwlock.Set) []string {
	token := strconv.FormatInt(set.Token(), 10)
	told := []string{
		"ETCD_LOCK_NAME=" + strings.Join(opts.names, "\n"),
		keyspace.UnderEnv + "=" + strings.Join(set.Keys(), "\n"),
		"ETCD_LOCK_TOKEN=" + token,
		"ETCD_LOCK_REV=" + token,
	}
	env := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return slices.ContainsFunc(told, func(t string) bool { return nameOf(t) == nameOf(pair) })
	})
	return append(env, told...)
}

func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	return name
}

// supervisor keeps a command and its locks together.
type supervisor struct {
	*execOptions
	session *rwlock.Session
	child   *child
	lost    time.Time // as hold has it
	met     demand    // what has been done about the locks
	told    bool      // the command was, for the locks' sake
}

// supervise returns when the command has ended.
func (s *supervisor) supervise(signals <-chan os.Signal, lost <-chan struct{}) ending {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if next := s.meet(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case status := <-s.child.changes:
			if !status.Stopped() {
				return s.child.ended(status)
			}
			if s.child.suspend(status.StopSignal()) {
				s.meet() // before it goes on: that may have been long
				s.child.resume()
			}
		case sig := <-signals:
			s.child.forward(sig.(syscall.Signal))
		case <-lost:
			s.lost, lost = time.Now(), nil
		case <-timer.C:
		}
	}
}

func (s *supervisor) hold() hold {
	return hold{deadline: s.session.Deadline(), ttl: s.session.TTL(), lost: s.lost}
}

// meet does what the locks demand now, and returns when to look again.
func (s *supervisor) meet() time.Time {
	wanted, next := s.hold().demand(time.Now())
	if wanted > s.met {
		s.told = true
		s.tell(wanted)
	}
	s.met = wanted
	return next
}

func (s *supervisor) tell(d demand) {
	why := "the lease of " + s.locks() + " was not renewed in time"
	if !s.lost.IsZero() {
		why = s.locks() + " was lost"
	}
	if d == killIt {
		s.child.signal(unix.SIGKILL)
		s.sayInTime("%s: killed the command", why)
		return
	}
	s.child.signal(unix.SIGTERM)
	s.child.signal(unix.SIGCONT) // a process that is stopped does not hear the other
	s.sayInTime("%s: ending the command", why)
}

// sayInTime does not wait long for a reader: a terminal that is held with ctrl-S
// must not hold up the killing.
func (s *supervisor) sayInTime(format string, args ...any) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		s.say(format, args...)
	}()
	select {
	case <-said:
	case <-time.After(s.session.TTL() / 20):
	}
}

// clearGroup waits until nothing is left of the command's group, and kills what
// still is when it must be gone. Nothing tells when a group has become empty,
// so it looks.
func (s *supervisor) clearGroup() {
	const look = 10 * time.Millisecond
	told := s.lost
	if told.IsZero() {
		told = time.Now()
	}
	for kill := s.hold().killTime(told); s.met < killIt && s.child.signal(0) && time.Now().Before(kill); {
		time.Sleep(min(look, time.Until(kill)))
	}
	s.child.signal(unix.SIGKILL)
}

// closeTimeout bounds how long leaving waits for etcd.
const closeTimeout = 2 * time.Second

// closeSession closes s in a bounded time.
func closeSession(s *rwlock.Session) {
	closed := make(chan struct{})
	go func() { // ends with the client at the latest
		defer close(closed)
		_ = s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}
