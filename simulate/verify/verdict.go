package verify

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"etcd-lock/internal/format"
)

// Kind is the promise that a violation breaks. The package comment explains each.
type Kind string

// The kinds of violations.
const (
	Overlap       Kind = "overlap"
	Unfenced      Kind = "unfenced"
	Unfair        Kind = "unfair"
	Stale         Kind = "stale"
	Phantom       Kind = "phantom"
	NotNotified   Kind = "not_notified"
	LeftBehind    Kind = "left_behind"
	Contradiction Kind = "contradiction"
	Undecided     Kind = "undecided"
)

// Kinds returns all kinds, in the order in which reports list them.
func Kinds() []Kind {
	return []Kind{Overlap, Unfenced, Unfair, Stale, Phantom, NotNotified, LeftBehind, Contradiction, Undecided}
}

// Violation is one broken promise, with the holds and clients that it is about.
type Violation struct {
	Kind    Kind
	Lock    string // "" if it is about no single lock
	Clients []string
	Holds   []Hold // in the order in which they were granted
	Text    string // one sentence that names clients, lock, tokens and times
}

// Fence is a hold that had ended, but that its client still believed in when a later
// hold excluded it. The later hold's token is larger.
type Fence struct {
	Lock  string
	Late  Hold
	Other Hold // the first of the later holds
	Text  string
}

// Verdict is the result of Judge.
type Verdict struct {
	Violations []Violation
	Fenced     []Fence // one for each late hold
}

// Options are the options of Judge.
type Options struct {
	// Limit is the time limit of the search for an order in which the locks can have
	// done what the clients saw; 0 is 30 seconds. What is not decided by then is
	// reported as Undecided.
	Limit time.Duration
	// Slack is by how much the notifications of clients may be earlier or later than
	// those of the recorder, which are always later than the change. A client that is
	// notified earlier than that is Unfair, one that is notified later is
	// NotNotified. With 0, neither is judged by time.
	Slack time.Duration
	// Exclusive says that nothing else was written to this etcd, so that a revision
	// that is missing in the history is a gap.
	Exclusive bool
}

const defaultLimit = 30 * time.Second

// Judge returns the promises that locks broke, and the late holders that were fenced.
func Judge(seen Seen, history History, opts Options) Verdict {
	if opts.Limit == 0 {
		opts.Limit = defaultLimit
	}
	j := &judge{
		Seen:     seen,
		opts:     opts,
		fold:     newFold(history, upgradesOf(seen.Holds), opts.Exclusive),
		reported: map[[2]int]bool{},
	}
	j.checkModel()
	j.checkTokens()
	j.checkOrder()
	j.checkGrants()
	j.checkWaits()
	j.checkRest(history.Since)
	return j.verdict
}

// judge is one run of Judge.
type judge struct {
	Seen
	opts     Options
	fold     *fold
	reported map[[2]int]bool // pairs of holds that a violation is about
	verdict  Verdict
}

// violation adds a violation about holds, by their indices.
func (j *judge) violation(kind Kind, holds []int, format string, args ...any) {
	v := Violation{Kind: kind, Text: fmt.Sprintf(format, args...)}
	for _, i := range holds {
		h := j.Holds[i]
		v.Lock, v.Holds, v.Clients = h.Lock, append(v.Holds, h), append(v.Clients, h.Client)
	}
	j.verdict.Violations = append(j.verdict.Violations, v)
}

// report adds a violation that is about no hold.
func (j *judge) report(kind Kind, lock, client, format string, args ...any) {
	v := Violation{Kind: kind, Lock: lock, Text: fmt.Sprintf(format, args...)}
	if client != "" {
		v.Clients = []string{client}
	}
	j.verdict.Violations = append(j.verdict.Violations, v)
}

// once reports whether no violation is about these two yet, and notes that one is now.
func (j *judge) once(a, b int) bool {
	pair := [2]int{min(a, b), max(a, b)}
	defer func() { j.reported[pair] = true }()
	return !j.reported[pair]
}

// owner names the client of a session.
func (s Seen) owner(lease int64) string {
	if client, ok := s.Sessions[lease]; ok {
		return client
	}
	return "session " + format.Lease(lease)
}

// Story lists the events of the holds that the violation is about, a line each, in the
// order of time.
func (v Violation) Story() []string {
	type moment struct {
		at   time.Duration
		line string
	}
	var moments []moment
	add := func(h *Hold, at time.Duration, what string, args ...any) {
		moments = append(moments, moment{at, format.Clock(at) + " " + h.Client + " " + fmt.Sprintf(what, args...)})
	}
	for i := range v.Holds {
		h := &v.Holds[i]
		for _, s := range h.Stages {
			add(h, s.Asked, "asks %s", s.use().of(h.Lock))
			add(h, s.Granted, "is granted it %s, token %d", s.use(), s.Token)
		}
		add(h, h.End, "no longer claims it")
		if h.Known > h.End {
			add(h, h.Known, "learns that it has ended")
		}
		if h.Released > 0 {
			add(h, h.Released, "has released it")
		}
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	var lines []string
	for _, m := range moments {
		lines = append(lines, m.line)
	}
	return lines
}

// pictureLimit is the time limit of the search for an order to draw. A picture without
// one still shows what happened.
const pictureLimit = 5 * time.Second

// Picture writes porcupine's HTML page of holds: which client acquired and released
// what, and an order in which the locks can have done it, if there is one.
func Picture(w io.Writer, holds []Hold) error {
	m := model()
	_, info := porcupine.CheckOperationsVerbose(m, operations(holds), pictureLimit)
	return porcupine.Visualize(m, info, w)
}
