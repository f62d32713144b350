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

// Kind is what a violation breaks; the package comment says what each means.
type Kind string

// The kinds of violations.
const (
	Overlap       Kind = "overlap"
	Unfenced      Kind = "unfenced"
	Unfair        Kind = "unfair"
	Dead          Kind = "dead"
	Phantom       Kind = "phantom"
	Untold        Kind = "untold"
	Left          Kind = "left"
	Contradiction Kind = "contradiction"
	Undecided     Kind = "undecided"
)

// Violation is one thing that must not be, with what concerns it and no more.
type Violation struct {
	Kind    Kind
	Lock    string   // or empty
	Clients []string // those concerned
	Holds   []Hold   // those concerned, in the order in which they were granted
	Text    string   // a sentence that names clients, lock, tokens and times
}

// Fence is a hold that its client believed in beside a later one which excludes
// it, when it had no claim to it any more. The later one's token is larger.
type Fence struct {
	Lock  string
	Late  Hold
	Other Hold // the first of the later ones
	Text  string
}

// Verdict is what a judgement comes to.
type Verdict struct {
	Violations []Violation
	Fenced     []Fence // each late hold once
}

// Options are how to judge.
type Options struct {
	// Limit bounds the search for an order in which the locks can have done what
	// the clients saw; 30 seconds if it is 0. What was not decided by then is
	// said to be Undecided.
	Limit time.Duration
	// Slack is by how much what clients were told may be earlier or later than
	// what the recorder was told, which hears of everything later than it is:
	// from then on, who was told too early was served unfairly, and who waited on
	// for what it had was Untold. 0 does not judge by that.
	Slack time.Duration
	// Exclusive says that nothing else was written to this etcd, so that a
	// revision that the history does not have is a gap.
	Exclusive bool
}

const defaultLimit = 30 * time.Second

// Judge says what of a run must not be.
func Judge(seen Seen, history History, opts Options) Verdict {
	if opts.Limit == 0 {
		opts.Limit = defaultLimit
	}
	j := &judge{
		Seen:    seen,
		opts:    opts,
		fold:    retell(history, upgradesOf(seen.Holds), opts.Exclusive),
		clashed: map[[2]int]bool{},
	}
	j.checkModel()
	j.checkTokens()
	j.checkOrder()
	j.checkGrants()
	j.checkWaits()
	j.checkRest(history.Since)
	return j.verdict
}

// judge is one judgement.
type judge struct {
	Seen
	opts    Options
	fold    *fold
	clashed map[[2]int]bool // pairs of holds that a violation tells of
	verdict Verdict
}

// violation says that something about these holds must not be.
func (j *judge) violation(kind Kind, holds []int, format string, args ...any) {
	v := Violation{Kind: kind, Text: fmt.Sprintf(format, args...)}
	for _, i := range holds {
		h := j.Holds[i]
		v.Lock, v.Holds, v.Clients = h.Lock, append(v.Holds, h), append(v.Clients, h.Client)
	}
	j.verdict.Violations = append(j.verdict.Violations, v)
}

// lacking says that something must not be that no hold tells of.
func (j *judge) lacking(kind Kind, lock, client, format string, args ...any) {
	v := Violation{Kind: kind, Lock: lock, Text: fmt.Sprintf(format, args...)}
	if client != "" {
		v.Clients = []string{client}
	}
	j.verdict.Violations = append(j.verdict.Violations, v)
}

// once reports whether no violation tells of these two yet, and that one does now.
func (j *judge) once(a, b int) bool {
	pair := [2]int{min(a, b), max(a, b)}
	defer func() { j.clashed[pair] = true }()
	return !j.clashed[pair]
}

// owner names whose session it is.
func (s Seen) owner(lease int64) string {
	if client, ok := s.Sessions[lease]; ok {
		return client
	}
	return "session " + format.Lease(lease)
}

// Story tells the moments of the holds concerned, a line each, as time went.
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
			add(h, s.Asked, "asks to %s %s", s.Mode, h.Lock)
			add(h, s.Granted, "is told that it has it to %s, token %d", s.Mode, s.Token)
		}
		add(h, h.End, "has no claim to it any more")
		if h.Known > h.End {
			add(h, h.Known, "learns of that")
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

// pictureLimit bounds the search for an order to draw. A picture without one
// still shows what happened.
const pictureLimit = 5 * time.Second

// Picture writes porcupine's page of holds: who asked, had and gave up what, and
// in which order the locks can have done it, as far as they can.
func Picture(w io.Writer, holds []Hold) error {
	m := Model()
	_, info := porcupine.CheckOperationsVerbose(m, Operations(holds), pictureLimit)
	return porcupine.Visualize(m, info, w)
}
