// Package predicting is what "why --potential" does: it follows locks and says which orders
// of acquiring them could deadlock. It says so of scenarios too.
package predicting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"etcd-lock/internal/cli/follow"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/narrate"
	"etcd-lock/internal/order"
)

// Help documents the fields of JSON.
const Help = `With --potential -o json:
  from, to            of the time that was watched
  doubts              of a recording: what cannot be read of it; absent without any
  potential           deadlocks that could happen:
    text, clauses       as for findings
    classes             of the locks that are held, of each story
    stories             each client holds what the one before it requested:
      client, session
      held, wanted        locks, each: name, name_base64, mode, revision; of a semaphore
                          weight, permits: it takes so many, of so many
      gates               what it held too, as held
      together            true: it requested both at one revision
      time                of the later request; absent when unknown
      count               how often this was seen, of this client and others like it
  more                true: there were more orders than are kept`

// Options are the options of Run.
type Options struct {
	Patterns []string // of classes
	Live     follow.Live
	Recorded follow.Recorded // with a path, in place of Live
	Flags    cmdline.Flags   // of printed commands
	Out      output.Printer
}

// Run follows locks and prints which orders could deadlock. If ctx ends, it goes by what was
// seen until then.
func Run(ctx context.Context, opts *Options) error {
	rules, err := lockclass.Parse(opts.Patterns)
	if err != nil {
		return err
	}
	f := &watcher{Follower: order.NewFollower(rules, order.Limits{})}
	var doubts []string
	if opts.Recorded.Path != "" {
		err = opts.Recorded.Noting(&doubts).Follow(ctx, f)
	} else {
		err = opts.Live.Follow(ctx, f)
	}
	if err != nil {
		return err
	}
	found := f.Potentials()
	if opts.Out.Format == output.JSON {
		return opts.Out.Document(doc{From: f.from, To: f.to, Doubts: doubts, Found: Documents(opts.Flags, found), More: f.Full()})
	}
	return f.write(opts.Out, opts.Flags, found)
}

// watcher is a follower that knows when it was.
type watcher struct {
	*order.Follower
	from, to time.Time
}

// Begin implements flight.Follower.
func (w *watcher) Begin(t time.Time, s inspect.Snapshot) {
	w.from, w.to = t, t
	w.Follower.Begin(t, s)
}

// Advance implements flight.Follower.
func (w *watcher) Advance(t time.Time) { w.to = t }

func (w *watcher) write(out output.Printer, flags cmdline.Flags, found []order.Potential) error {
	var errs []error
	for _, p := range found {
		errs = append(errs, Write(out, flags, p))
	}
	span := fmt.Sprintf("from %s to %s", w.from.Local().Format(time.DateTime), w.to.Local().Format(time.DateTime))
	if len(found) == 0 {
		errs = append(errs, out.Line(output.Cell{Text: "no orders of locks that could deadlock were seen " + span}))
	}
	if w.Full() {
		errs = append(errs, out.Line(output.Cell{Text: "there were more orders than are kept: some may not be told", Tone: output.Warning}))
	}
	return errors.Join(errs...)
}

// Write prints a deadlock that could happen.
func Write(out output.Printer, flags cmdline.Flags, p order.Potential) error {
	text := narrate.Potential(flags, p)
	return out.Sentences("", output.Cell{Text: "warning", Tone: output.Warning}, append([]string{text.Headline}, text.Clauses...)...)
}

type doc struct {
	From   time.Time   `json:"from"`
	To     time.Time   `json:"to"`
	Doubts []string    `json:"doubts,omitempty"`
	Found  []Potential `json:"potential"`
	More   bool        `json:"more,omitempty"`
}

// Potential is a deadlock that could happen, in JSON.
type Potential struct {
	Text    string   `json:"text"`
	Clauses []string `json:"clauses"`
	Classes []string `json:"classes"`
	Stories []story  `json:"stories"`
}

type story struct {
	Client   string    `json:"client"`
	Session  string    `json:"session"`
	Held     step      `json:"held"`
	Wanted   step      `json:"wanted"`
	Gates    []step    `json:"gates"`
	Together bool      `json:"together,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Count    int       `json:"count"`
}

type step struct {
	Name       string `json:"name"`
	NameBase64 string `json:"name_base64,omitempty"`
	Mode       string `json:"mode"`
	Weight     int    `json:"weight,omitempty"`
	Permits    int    `json:"permits,omitempty"`
	Revision   int64  `json:"revision,omitempty"`
}

// Documents returns deadlocks that could happen, in JSON.
func Documents(flags cmdline.Flags, found []order.Potential) []Potential {
	all := []Potential{}
	for _, p := range found {
		text := narrate.Potential(flags, p)
		d := Potential{Text: text.Headline, Clauses: text.Clauses, Classes: p.Classes}
		for _, s := range p.Stories {
			told := story{
				Client: s.Who, Session: s.Session, Held: newStep(s.Held), Wanted: newStep(s.Wanted), Gates: []step{},
				Together: s.Together, Time: s.Time, Count: s.Count,
			}
			for _, g := range s.Gates {
				told.Gates = append(told.Gates, newStep(g))
			}
			d.Stories = append(d.Stories, told)
		}
		all = append(all, d)
	}
	return all
}

func newStep(s order.Step) step {
	return step{
		Name: s.Lock.Name, NameBase64: output.Base64(s.Lock.Name), Mode: s.Mode.String(),
		Weight: s.Weight, Permits: s.Permits, Revision: s.Revision,
	}
}
