package effects

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"etcd-lock/internal/narrate"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/term"
)

// Whether sessions that others wait for have keys that are not read changes seldom, so
// only a few of them are looked up, now and then.
const (
	unseenEvery = 5 * time.Second
	unseenMost  = 8
)

// unseen is when that was looked up.
type unseen struct {
	asking bool
	began  time.Time
}

// lookOutside looks up what sessions that others wait for have outside the prefixes
// that are read, when it is time to.
func (f *feed) lookOutside() nav.Action {
	v := &f.Live.Verdict
	read := v.Snapshot.Prefixes
	if !v.Known || read.All() || f.unseen.asking || f.Now.Sub(f.unseen.began) < unseenEvery {
		return nil
	}
	f.unseen.began = f.Now
	f.unseen.asking = true
	ctx, source, with, d := f.Tasks.Ctx, f.ports.Source, narrate.UICommand(f.ports.Flags), v.Diagnosis
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
		defer cancel()
		var texts []string
		for _, r := range d.Nested("", unseenMost) {
			texts = append(texts, narrate.Present.Nested(r, read, with))
		}
		for _, id := range d.RootLeases(d.Roots, unseenMost) {
			out, err := source.Outside(ctx, id, read)
			if err != nil {
				return unseenMsg{append(texts, "whether sessions that others wait for have keys elsewhere: "+term.ShortReason(err))}
			}
			if text := narrate.Outside(id, out, read, with); text != "" {
				texts = append(texts, text)
			}
		}
		return unseenMsg{texts}
	})
}

// unseenMsg brings what is not known because keys are not read.
type unseenMsg struct{ texts []string }

// Apply notes it.
func (msg unseenMsg) Apply(e *Effects) nav.Action {
	e.feed.unseen.asking = false
	e.Unseen = msg.texts
	return nav.Refresh{}
}
