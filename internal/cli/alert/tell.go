package alert

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"etcd-lock/internal/cli/docs"
	"etcd-lock/internal/cli/output"
)

// teller prints lines and passes them on, for the watchers of all contexts.
type teller struct {
	opts *Options
	stop func() // ends all watchers

	mu      sync.Locker // guards what follows
	mutes   muteFile
	stream  *output.Stream // nil: nothing is followed yet
	senders []*sender
	failed  error // of the output
}

func newTeller(ctx context.Context, o *Options) (*teller, error) {
	t := &teller{opts: o, mu: &sync.Mutex{}, mutes: muteFile{name: o.Mutes, always: o.muted}}
	if o.Several != nil {
		t.mu = o.Several.Terminal
	}
	var err error
	t.mutes.mutes, err = readMutes(ctx, o.Mutes)
	return t, err
}

// begin begins to print and to pass on, unless it has begun.
func (t *teller) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stream != nil {
		return
	}
	for _, h := range t.opts.hooks() {
		t.senders = append(t.senders, newSender(h, t.opts.Warn))
	}
	columns := []output.Column{{Heading: "EVENT", Width: 10}, {Heading: "PROBLEM"}}
	if t.opts.Several != nil {
		columns = append([]output.Column{docs.ContextColumn()}, columns...)
	}
	t.stream = output.NewStream(t.opts.Out, true, columns)
}

// write prints a line, and passes it on if pass is set. It is called with the mutex locked.
func (t *teller) write(n docs.Notice, pass bool) {
	if err := t.stream.Write([]output.Entry{n}); err != nil {
		t.failed = err
		t.stop()
	}
	for _, s := range t.senders {
		if pass {
			s.send(n)
		}
	}
}

// farewell passes on what is queued, for a few seconds.
func (t *teller) farewell() {
	var all sync.WaitGroup
	for _, s := range t.senders {
		all.Go(s.close)
	}
	all.Wait()
}

// hooks returns whom to tell, as the flags say.
func (f *Flags) hooks() []hook {
	var all []hook
	for _, command := range f.Exec {
		all = append(all, program{strings.Fields(command)})
	}
	for _, u := range f.Webhooks {
		all = append(all, webhook{url: u, name: fmt.Sprintf("--webhook %s", hostOf(u))})
	}
	return all
}
