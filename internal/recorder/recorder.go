// Package recorder watches the locks of an etcd and writes what happened to them
// as a scenario.
package recorder

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/simulate/record"
)

// Options say what to record.
type Options struct {
	Prefixes  []string      // of the locks; empty: all
	For       time.Duration // how long; 0: until ctx ends
	Anonymize bool          // replace the names of locks and clients
	Now       func() time.Time

	Replay   func(func(flight.Step) error) error // passes on what was recorded, in place of etcd
	From, To time.Time                           // of what was recorded; zero: its beginning, its end
}

// Record records until ctx ends or the time is over, or what is replayed is, and then
// writes the scenario to w. It returns lines to tell the user: gaps in the recording, and a summary.
func Record(ctx context.Context, source *inspect.Source, w io.Writer, o Options) (report []string, err error) {
	t := tape{now: o.Now}
	if o.Replay != nil {
		err = t.replay(o)
	} else {
		err = t.watch(ctx, source, o.Prefixes, o.For)
	}
	if err != nil {
		return t.notes, err
	}
	rec, err := record.Of(t.seen, record.Options{
		Name: "recording", Until: t.until, Anonymize: o.Anonymize, Notes: t.head(o),
	})
	if err != nil {
		return t.notes, err
	}
	if _, err := w.Write(rec.File); err != nil {
		return t.notes, err
	}
	return append(t.notes, summary(rec, t.until)), nil
}

// head returns the comments at the top of the file.
func (t *tape) head(o Options) []string {
	locks := "all locks"
	if p := keyspace.NewPrefixes(o.Prefixes...); !p.All() && !o.Anonymize {
		locks = "the locks below " + format.List(p, "and")
	}
	began := t.begin.UTC().Format(time.RFC3339)
	return append([]string{fmt.Sprintf("Recorded from %s, for %s from %s on.", locks, format.Duration(t.until), began)}, t.notes...)
}

func summary(rec record.Recording, d time.Duration) string {
	text := fmt.Sprintf("recorded %s as %s in %s", format.Count(rec.Requests, "request", "requests"),
		format.Count(len(rec.Clients), "client", "clients"), format.Duration(d))
	if n := len(rec.Unsure); n > 0 {
		text += fmt.Sprintf("; the order of grants is not certain in %s", format.Count(n, "place, which the file names", "places, which the file names"))
	}
	return text
}

// File is a new file for a scenario.
type File struct{ *os.File }

// Create creates a file, which must not exist. It is for before the recording, so
// that a file that cannot be written is reported in time.
func Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	return File{f}, err
}

// Finish closes the file. It removes the file, which is then incomplete, if the
// recording has failed with err or closing fails, and returns that error.
func (f File) Finish(err error) error {
	err = cmp.Or(err, f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
