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
	ctx, source, flags := f.Tasks.Ctx, f.ports.Source, f.ports.Flags
	var texts []string
	for _, r := range v.Nested("", unseenMost) {
		texts = append(texts, narrate.Present.Nested(r, read, narrate.UICommand(flags)))
	}
	ids := v.RootLeases(v.Roots, unseenMost)
	if len(ids) == 0 {
		f.Unseen = texts
		return nil
	}
	f.unseen.asking = true
	return f.background(func() tea.Msg {
		ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
		defer cancel()
		for _, id := range ids {
			out, err := source.Outside(ctx, id, read)
			if err != nil {
				return unseenMsg{append(texts, "whether sessions that others wait for have keys elsewhere: "+term.ShortReason(err))}
			}
			if text := narrate.Outside(id, out, read, narrate.UICommand(flags)); text != "" {
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
