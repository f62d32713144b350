package state

import (
	"slices"
	"strconv"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/narrate"
	"etcd-lock/tui/term"
)

// NotifyWhen is what a user wants to be notified of.
type NotifyWhen string

// What can be waited for: that nobody holds a lock; that another request is granted it; that a
// problem is found, of a lock or of a kind; that a session or a problem is gone.
const (
	WhenFree    NotifyWhen = "free"
	WhenGranted NotifyWhen = "granted"
	WhenRaised  NotifyWhen = "raised"
	WhenGone    NotifyWhen = "gone"
)

// Notification is something that the user is told of, once, when it happens.
type Notification struct {
	ID      uint64
	When    NotifyWhen
	About   string            // in words; printable
	Lock    inspect.LockID    // that it is about, if any
	Session inspect.SessionID // that is to be gone
	Finding string            // that is to be gone, as FindingID identifies it
	Kind    diagnose.Kind     // of the findings to be raised; empty: any of the lock

	Asked time.Time
	Told  time.Time // when it happened; zero: it has not yet
	Text  string    // what happened; printable
	known []string  // what was there when it was asked for, and is still: it does not count
}

// Open reports whether it is still waited for.
func (n *Notification) Open() bool { return n.Told.IsZero() }

// Same reports whether two are about the same.
func (n *Notification) Same(o *Notification) bool {
	return n.When == o.When && n.Lock == o.Lock && n.Session == o.Session && n.Finding == o.Finding && n.Kind == o.Kind
}

// String says what is waited for.
func (n *Notification) String() string {
	switch n.When {
	case WhenFree:
		return n.About + " is free"
	case WhenGranted:
		return n.About + " is granted to another request"
	case WhenRaised:
		return "a problem is found: " + n.About
	default:
		return n.About + " is gone"
	}
}

// Begin notes what is there already, which does not count. It reports whether what is waited
// for is so now.
func (n *Notification) Begin(s *Snapshot) (already bool) {
	n.known = n.there(s)
	return (n.When == WhenFree || n.When == WhenGone) && len(n.known) == 0
}

// OfVerdict reports whether only a diagnosis shows that it has happened.
func (n *Notification) OfVerdict() bool { return n.When == WhenRaised || n.When == WhenGone }

// Check reports whether it has happened, and says what.
func (n *Notification) Check(s *Snapshot) (text string, happened bool) {
	there := n.there(s)
	switch n.When {
	case WhenFree:
		return n.About + " is free", len(there) == 0
	case WhenGone:
		return n.About + " is gone", len(there) == 0
	}
	for _, id := range there {
		if !slices.Contains(n.known, id) {
			return n.news(s, id), true
		}
	}
	n.known = there // what is gone and comes back counts
	return "", false
}

// there returns identities of what is there of what it is about: who holds the lock, the
// session, the findings.
func (n *Notification) there(s *Snapshot) (ids []string) {
	switch n.When {
	case WhenFree, WhenGranted:
		l, _ := s.Find(n.Lock)
		for i := range l.Queue {
			if r := &l.Queue[i]; r.Holding {
				ids = append(ids, strconv.FormatInt(r.Revision, 10))
			}
		}
	case WhenGone, WhenRaised:
		if n.Finding == "" && n.When == WhenGone {
			if session, ok := s.Verdict.Session(n.Session); ok && session != nil {
				ids = append(ids, n.Session.String())
			}
			return ids
		}
		for i := range s.Verdict.Findings {
			if f := &s.Verdict.Findings[i]; n.isAbout(f) {
				ids = append(ids, FindingID(f))
			}
		}
		if len(ids) == 0 && n.When == WhenGone && s.Verdict.More.Len() > 0 { // it may be among those
			ids = append(ids, n.Finding)
		}
	}
	return ids
}

// isAbout reports whether a finding is one that is waited for, to come or to go.
func (n *Notification) isAbout(f *diagnose.Finding) bool {
	switch {
	case n.When == WhenGone:
		return FindingID(f) == n.Finding
	case n.Kind != "":
		return f.Kind == n.Kind
	default:
		return slices.Contains(f.Locks, n.Lock)
	}
}

// news says what is new, by its identity.
func (n *Notification) news(s *Snapshot, id string) string {
	if n.When == WhenGranted {
		l, _ := s.Find(n.Lock)
		for _, r := range l.Queue {
			if r.Holding && strconv.FormatInt(r.Revision, 10) == id {
				return n.About + " is granted to " + Who(r) + " (" + r.Mode.String() + ")"
			}
		}
	}
	for i := range s.Verdict.Findings {
		if f := &s.Verdict.Findings[i]; FindingID(f) == id {
			return term.Safe(narrate.TenseOf(false).Finding(*f).Headline)
		}
	}
	return n.String()
}

// FindingID identifies a finding, also in the next diagnosis.
func FindingID(f *diagnose.Finding) string {
	id := string(f.Kind)
	for _, s := range f.Servers {
		id += "\x00" + s.Version
	}
	for _, l := range f.Locks[:min(len(f.Locks), 1)] {
		id += "\x00" + l.Name + "\x00" + l.Layout.String()
	}
	for _, s := range f.Sessions {
		id += "\x00" + s.ID.String()
	}
	return id
}

// notificationsMost bounds how many are waited for.
const notificationsMost = 100

// Notifications are all that were asked for, oldest first.
type Notifications struct {
	All     []*Notification
	last    uint64
	Edition int // of the list
}

// Open returns how many are still waited for.
func (b *Notifications) Open() (open int) {
	for _, n := range b.All {
		if n.Open() {
			open++
		}
	}
	return open
}

// Find returns the one that is waited for and about the same, nil if there is none.
func (b *Notifications) Find(of *Notification) *Notification {
	for _, n := range b.All {
		if n.Open() && n.Same(of) {
			return n
		}
	}
	return nil
}

// Add adds one, unless there are too many.
func (b *Notifications) Add(n Notification) bool {
	if b.Open() >= notificationsMost {
		return false
	}
	b.last++
	n.ID = b.last
	b.All = append(b.All, &n)
	if over := len(b.All) - 2*notificationsMost; over > 0 { // the oldest that were told
		b.All = slices.DeleteFunc(b.All, func(n *Notification) bool {
			over--
			return over >= 0 && !n.Open()
		})
	}
	b.Edition++
	return true
}

// End takes one off the list.
func (b *Notifications) End(id uint64) {
	b.All = slices.DeleteFunc(b.All, func(n *Notification) bool { return n.ID == id })
	b.Edition++
}

// Tell notes that one has happened.
func (b *Notifications) Tell(n *Notification, at time.Time, text string) {
	n.Told, n.Text = at, text
	b.Edition++
}

// AboutLock are what can be waited for of a lock.
func AboutLock(id inspect.LockID) []Notification {
	name := format.Name(id.Name)
	about := term.Safe(name)
	return []Notification{
		{When: WhenFree, About: about, Lock: id},
		{When: WhenGranted, About: about, Lock: id},
		{When: WhenRaised, About: "about " + about, Lock: id},
	}
}

// AboutSession is what can be waited for of a session.
func AboutSession(s *inspect.Session) []Notification {
	return []Notification{{When: WhenGone, About: "session " + term.Safe(s.Named(" of ")), Session: s.ID}}
}

// AboutFinding are what can be waited for of a finding: that it is gone, and the next one of
// its kind.
func AboutFinding(f *diagnose.Finding) []Notification {
	about := string(f.Kind)
	for _, l := range f.Locks[:min(len(f.Locks), 1)] {
		about += " on " + format.Name(l.Name)
	}
	gone := Notification{When: WhenGone, About: "problem " + term.Safe(about), Finding: FindingID(f)}
	if len(f.Locks) > 0 {
		gone.Lock = f.Locks[0]
	}
	return []Notification{gone, {When: WhenRaised, About: "the next " + term.Safe(string(f.Kind)), Kind: f.Kind}}
}
