package app

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/backend/backendtest"
	"etcd-lock/tui/state"
)

func (d *driver) held() bool { return len(d.m.Requests) == 1 && d.m.Requests[0].State == state.OwnHeld }

// seen reports whether the watch has told of our first request.
func (d *driver) seen() bool {
	r := d.m.Requests[0]
	l, _ := d.m.Live.Find(r.Lock())
	return slices.ContainsFunc(l.Queue, func(q inspect.Request) bool { return q.Key == r.Key() })
}

func (d *driver) noneOfOurs() bool { return len(d.m.Requests) == 0 }

// What the user takes is held or waits, is marked, and goes when they say so.
func TestTake(t *testing.T) {
	t.Run("ReadIsHeldAndReleased", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.take("r")
		d.until("held", d.held)
		d.until("seen", d.seen)
		d.mustShow("read lock on /a: granted")
		d.mustShow("* /a")
		d.mustShow("yours etcd-lock")
		d.press("u")
		d.until("released", d.noneOfOurs)
		d.mustShow("read lock on /a: released")
	})

	t.Run("WriterWaitsAndIsCancelled", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.take("w")
		d.until("waiting", func() bool { return len(d.queue()) == 2 })
		d.until("seen", d.seen)
		d.mustShow("└ ○ write yours etcd-lock")
		d.press("u")
		d.until("canceled", d.noneOfOurs)
		d.mustShow("write lock on /a: canceled")
		d.until("its key is gone", func() bool { return len(d.queue()) == 1 })
	})

	t.Run("WaiterIsGrantedWhenTheHolderGoes", func(t *testing.T) {
		d := newDriver(t, nil)
		r := d.put("/a", keyspace.Write, 0)
		d.take("w")
		d.until("waiting", func() bool { return len(d.queue()) == 2 })
		d.cluster.Remove(r.Lock, r.Key)
		d.until("held", d.held)
	})

	t.Run("LatestGoesFirst", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.take("r")
		d.until("held", d.held)
		d.take("w")
		d.press("u")
		d.until("one is left", func() bool { return len(d.m.Requests) == 1 })
		if got := d.m.Requests[0].Mode; got != keyspace.Read {
			t.Errorf("left a %s lock", got)
		}
	})

	t.Run("TheOneUnderTheCursorOfTheQueueGoes", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.take("r")
		d.until("held", d.held)
		d.take("w")
		d.until("both are in the queue", func() bool { return len(d.queue()) == 3 })
		d.press("enter")
		d.in("lock")
		d.press("j", "u")
		d.until("one is left", func() bool { return len(d.m.Requests) == 1 })
		if got := d.m.Requests[0].Mode; got != keyspace.Write {
			t.Errorf("left a %s lock", got)
		}
	})

	t.Run("NothingOfOurs", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.press("u")
		d.mustShow("you hold and wait for nothing on this name")
	})
}

// Without locks, the screen says what was read and what to try, and no more than is known.
func TestNoLocks(t *testing.T) {
	jobs := keyspace.Prefixes{"/jbos/"}
	for name, tt := range map[string]struct {
		prefixes keyspace.Prefixes
		notice   string
		read     inspect.Snapshot
		says     string
		never    string
	}{
		"Empty":     {nil, "", inspect.Snapshot{}, "no locks, and no other keys", "a prefix is"},
		"OtherKeys": {nil, "", inspect.Snapshot{Other: 2}, "no locks, only 2 other keys\nto see why a key is no lock: etcd-lock layouts explain KEY", "a prefix is"},
		"Typo":      {jobs, "", inspect.Snapshot{}, "no locks below /jbos/, and no other keys\na prefix is how keys begin: etcd-lock tui shows all locks", ""},
		"NoLock":    {jobs, "", inspect.Snapshot{Other: 1}, "no locks below /jbos/, only 1 other key\nto see why", "a prefix is"},
		"NoRights":  {jobs, "reading only /jbos/: user bob may read nothing else", inspect.Snapshot{}, "no locks below /jbos/, and no other keys", "a prefix is"},
		"InPart": {
			jobs, "", inspect.Snapshot{Partial: []inspect.Partial{{Prefix: "/jbos/"}}},
			"no locks below /jbos/\nof the keys that begin with /jbos/, only the key /jbos/ could be read", "other keys",
		},
		"Unknown": {jobs, "", inspect.Snapshot{Other: flight.OtherUnknown}, "no locks below /jbos/", "other keys"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDriver(t, func(o *backend.Options) { o.Notice = tt.notice })
			d.send(resize(200, 24))
			d.m.Prefixes = keyspace.NewPrefixes(tt.prefixes...)
			tt.read.Revision, tt.read.Prefixes = 999, d.m.Prefixes
			d.show(tt.read)
			for _, line := range append(strings.Split(tt.says, "\n"), "n to type a name and take it") {
				d.mustShow(line)
			}
			if tt.never != "" {
				d.mustNotShow(tt.never)
			}
		})
	}
}

// An empty cluster is no dead end: the name can be typed.
func TestNewName(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		d := newDriver(t, nil)
		d.mustShow("no locks below /, and no other keys")
		d.mustShow("n to type a name and take it")
		d.press("n")
		d.typed("jobs/q?")
		d.press("backspace", "enter")
		d.mustShow(">    /jobs/q")
		d.mustShow("· free")
		d.mustShow("selected /jobs/q: r requests a read lock, w a write lock")
		d.take("w")
		d.until("held", d.held)
		d.press("u")
		d.until("released", d.noneOfOurs)
		d.until("gone from etcd", func() bool { return len(d.m.Live.Locks) == 0 })
		d.mustShow(">    /jobs/q") // and can be taken again
	})

	t.Run("BesideOthers", func(t *testing.T) {
		d := newDriver(t, nil)
		d.cluster.Put(inspect.Request{Lock: rw("/a"), Mode: keyspace.Write})
		d.cluster.Put(inspect.Request{Lock: rw("/b"), Mode: keyspace.Write})
		d.until("on the screen", func() bool { return len(d.names()) == len("/a /b") })
		d.press("j", "n")
		d.typed("new")
		d.press("enter")
		if d.selected() != "/new" {
			t.Errorf("selected %q", d.selected())
		}
	})

	t.Run("OutsideOfThePrefix", func(t *testing.T) {
		d := newDriver(t, func(o *backend.Options) { o.Prefixes = keyspace.Prefixes{"/mine/"} })
		d.press("n", "ctrl+w", "ctrl+w")
		d.typed("x")
		d.press("enter")
		d.mustShow("✗ only names that begin with /mine/")
		d.press("esc")
		d.mustNotShow("name: ")
	})

	t.Run("HiddenByTheFilter", func(t *testing.T) {
		d := newDriver(t, nil)
		d.press("/")
		d.typed("zzz")
		d.press("enter", "n")
		d.typed("a")
		d.press("enter")
		if d.selected() != "/a" || d.home().Filtered() != "" {
			t.Errorf("selected %q, filter %q", d.selected(), d.home().Filtered())
		}
	})
}

// A read/write lock would not be respected by the clients of a mutex.
func TestMutexIsNotTaken(t *testing.T) {
	d := newDriver(t, nil)
	d.cluster.Put(inspect.Request{Lock: inspect.LockID{Layout: layout.Mutex, Name: "/m"}, Mode: keyspace.Write, Key: "/m/1f", Lease: 0x1f})
	d.until("on the screen", func() bool { return d.names() == "/m" })
	d.take("w")
	if len(d.m.Requests) != 0 {
		t.Error("asked for a mutex")
	}
	d.mustShow("✗ not requested")
}

// A lock that somebody took from us is not shown as ours any longer.
func TestLost(t *testing.T) {
	d := newDriver(t, nil)
	d.press("n")
	d.typed("a")
	d.press("enter")
	d.take("w")
	d.until("held", d.held)
	d.cluster.Remove(rw("/a"), d.m.Requests[0].Key())
	d.until("lost", d.noneOfOurs)
	d.mustShow("✗ write lock on /a: lost")
}

// A lock that was lost with its session says why that ended.
func TestLostWithItsSession(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	d.take("r")
	d.until("held", d.held)
	d.m.Requests[0].Client.Client.(*backendtest.Client).Expire(errors.New("rwlock: session expired: its renewals are not answered"))
	d.until("lost", d.noneOfOurs)
	d.mustShow("✗ read lock on /a: lost: session expired: its renewals are not answered")
}

// A lock that was lost before we heard that we had it is not shown for ever.
func TestLostBeforeItWasHeld(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/a", keyspace.Read, 0)
	d.take("r")
	d.until("asked", func() bool { return d.m.Requests[0].Key() != "" })
	d.cluster.Remove(rw("/a"), d.m.Requests[0].Key())
	d.until("over", d.noneOfOurs)
}

// A failed request is told, whichever step failed.
func TestTakeFails(t *testing.T) {
	t.Run("Request", func(t *testing.T) {
		d := newDriver(t, func(o *backend.Options) {
			o.Locker = backendtest.Locker(func() (backend.Ticket, error) { return nil, errors.New("no\x1b session") })
		})
		d.put("/a", keyspace.Read, 0)
		d.take("r")
		d.until("over", d.noneOfOurs)
		d.mustShow(`✗ read lock on /a: no\x1b session`)
	})

	// Of what is not watched either, nobody may think that it is given back.
	for name, lock := range map[string]string{"Release": "/watched/a", "ReleaseOfWhatIsNotWatched": "/elsewhere"} {
		t.Run(name, func(t *testing.T) {
			tk := backendtest.NewStuckTicket(lock+"/read/1", errors.New("unavailable"))
			d := newDriver(t, func(o *backend.Options) {
				o.Prefixes, o.Locker = keyspace.Prefixes{"/watched/"}, backendtest.Locker(func() (backend.Ticket, error) { return tk, nil })
			})
			d.press("4")
			d.ask("r", lock, "")
			d.until("held", d.held)
			d.press("u")
			d.until("told", func() bool { return d.m.Requests[0].State == state.OwnStuck })
			d.mustShow("✗ read lock on " + lock + ": not released yet: unavailable")
			d.mustShow("! not released yet")
			d.clock.add(flashTime)
			d.send(tickMsg{})
			d.mustShow("yours: 0 held, 0 waiting, 1 not released yet")
			d.until("told once", func() bool { return d.m.Requests[0].State == state.OwnStuck })
			if n := strings.Count(d.plain(), ": unavailable"); n != 1 {
				t.Errorf("told %d times", n)
			}
			tk.Fail(nil)
			d.send(tickMsg{})
			d.until("released", d.noneOfOurs)
		})
	}

	t.Run("ReleaseOfWhatIsLost", func(t *testing.T) {
		d := newDriver(t, func(o *backend.Options) {
			o.Locker = backendtest.Locker(func() (backend.Ticket, error) { return backendtest.NewStuckTicket("/a/read/1", backend.ErrLost), nil })
		})
		d.press("4")
		r := d.ask("r", "/a", "")
		d.until("held", d.held)
		d.press("u")
		d.until("over", d.noneOfOurs)
		if r.Over != "lost" {
			t.Errorf("over: %q", r.Over)
		}
	})
}

// Leaving gives everything back, and does not take for ever.
func TestClose(t *testing.T) {
	t.Run("HeldAndWaiting", func(t *testing.T) {
		d := newDriver(t, nil)
		d.put("/a", keyspace.Read, 0)
		d.take("r")
		d.until("held", d.held)
		d.take("w")
		d.until("waiting", func() bool { return len(d.queue()) == 3 })
		if err := d.m.Close(patience); err != nil {
			t.Fatal(err)
		}
		if n := len(d.cluster.Queue(rw("/a"))); n != 1 {
			t.Errorf("%d requests are left, want the other client's", n)
		}
	})
}

// Where others use a lock, taking it asks first, and says what that would do to them; on a
// free name it does not.
func TestTakeAsksFirst(t *testing.T) {
	d := newDriver(t, nil)
	d.put("/free", keyspace.Read, 0)
	d.put("/a", keyspace.Write, time.Minute)
	d.put("/a", keyspace.Read, 0)
	asked := func(key, name string, says ...string) {
		t.Helper()
		d.press("home")
		d.cursorOn(name)
		d.press(key)
		d.asked()
		for _, text := range says {
			d.mustShow(text)
		}
		d.press("enter") // which is No
		if len(d.m.Requests) > 0 {
			t.Fatal("it was taken")
		}
	}
	asked("w", "/a", "write lock on /a", "● write lock of worker[42]@web-1, held ≤1m",
		"! You would wait behind 1 holder and 1 waiter; requests that come later", "no deadline: u cancels it; TTL of the session 10s")
	asked("r", "/free", "You would share it with 1 reader; writers would wait for you.")
	byName := func(name, deadline string) {
		d.press("4", "w")
		d.m.line.input.Set(name)
		d.press("enter")
		d.typed(deadline)
		d.press("enter")
	}
	byName("/a", "30s")
	d.asked()
	d.mustShow("canceled if it is not granted within 30s")
	d.press("esc")
	byName("/nobody", "")
	d.until("held at once", d.held)

	d.press(":")
	d.typed("ask always")
	d.press("enter")
	byName("/nobody-else", "")
	d.asked()
	d.mustShow("No other client holds it or waits for it.")
	d.press("y")
	d.until("asked for", func() bool { return len(d.m.Requests) == 2 })
	d.press(":")
	d.typed("ask never")
	d.press("enter")
	d.mustShow("✗ ask: others or always")
}
