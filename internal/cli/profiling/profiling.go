// Package profiling is what the command profile does: it follows locks and says what waiting
// for them has cost.
package profiling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"etcd-lock/internal/cli/follow"
	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/lockclass"
	"etcd-lock/internal/profile"
)

// Options are the options of Run.
type Options struct {
	Page     string // HTML file to write; empty: none
	Top      int    // rows of each table
	Patterns []string
	Live     follow.Live
	Recorded follow.Recorded // with a path, in place of Live
	Out      output.Printer
	Now      func() time.Time
}

// source is what is followed.
type source interface {
	Follow(ctx context.Context, f flight.Follower) error
}

// Run follows locks and prints a profile. If ctx ends, it prints what was seen until then.
func Run(ctx context.Context, opts *Options) (err error) {
	rules, err := lockclass.Parse(opts.Patterns)
	if err != nil {
		return err
	}
	if opts.Out.Format == output.Pprof && opts.Out.Terminal {
		return errors.New("-o pprof is not text: redirect it to a file")
	}
	var page *os.File
	if opts.Page != "" { // before anything else, so that nothing is followed in vain
		if page, err = os.Create(opts.Page); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		defer func() { err = errors.Join(err, page.Close()) }()
	}
	var doubts []string
	var from source = &opts.Live
	if opts.Recorded.Path != "" {
		from = opts.Recorded.Noting(&doubts)
	}
	p, err := collect(ctx, from, rules)
	if err != nil {
		return err
	}
	if page != nil {
		if err := writePage(page, p); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	return opts.write(p, doubts)
}

// collect follows a source and returns its profile.
func collect(ctx context.Context, from source, rules lockclass.Rules) (profile.Profile, error) {
	c := profile.New(profile.Options{Classes: rules})
	err := from.Follow(ctx, c)
	return c.Profile(time.Time{}), err
}

func (opts *Options) write(p profile.Profile, doubts []string) error {
	switch opts.Out.Format {
	case output.JSON:
		doc := newDoc(p)
		doc.Doubts = doubts
		return opts.Out.Document(doc)
	case output.Folded:
		return writeFolded(opts.Out.Writer, p)
	case output.Pprof:
		return writePprof(opts.Out.Writer, p)
	default:
		return writeTables(opts.Out, p, opts.Top, opts.Now())
	}
}
