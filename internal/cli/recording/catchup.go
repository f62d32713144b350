package recording

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"etcd-lock/internal/connect"
	"etcd-lock/internal/flight"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// maxCatchUp is how many revisions are read from etcd's history without being asked for:
// it makes etcd read everything that was written, whatever the prefixes.
const maxCatchUp = 100_000

// errNotFollowed says why a recording cannot go on where another ended.
var errNotFollowed = errors.New("etcd has other data than the recording")

// catchUp reads from etcd's history what happened between the end of a recording and the
// first update of the watch. What cannot be read is a gap, and no failure.
func (opts *RecordOptions) catchUp(ctx context.Context, c *connect.Conn, r *flight.Recorder, first inspect.Update) {
	end, own, err := opts.end(c)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, flight.ErrNoRecording) {
		if opts.Follow != "" {
			opts.Warn("there is no recording to follow: " + format.Plainly(err))
		}
		return
	}
	to := first.Snapshot
	if len(first.Steps) > 0 && first.Steps[0].Read != nil {
		to = *first.Steps[0].Read
	}
	var history *inspect.History
	if err == nil {
		history, err = opts.history(ctx, c, end, to)
	}
	if err == nil {
		err = r.Recover(history.Updates(ctx), own && history.Begin.Revision == end.Snapshot.Revision)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		opts.Warn("what was not recorded before stays a gap: " + format.Plainly(err))
	case err == nil && to.Revision > history.Begin.Revision:
		opts.Note(fmt.Sprintf("read revisions %d to %d from etcd's history", history.Begin.Revision+1, to.Revision))
	}
}

// end returns the end of the recording to follow, and whether it is that in Dir.
func (opts *RecordOptions) end(c *connect.Conn) (end flight.Moment, own bool, err error) {
	end, err = endOf(opts.Dir, c)
	if opts.Follow == "" || opts.Follow == opts.Dir {
		return end, true, err
	}
	other, otherErr := endOf(opts.Follow, c)
	if err == nil && otherErr == nil && end.Snapshot.Revision >= other.Snapshot.Revision {
		return end, true, nil
	}
	return other, errors.Is(err, flight.ErrNoRecording), otherErr
}

func endOf(path string, c *connect.Conn) (flight.Moment, error) {
	recording, err := flight.Open(path, c.Source.Layouts())
	if err != nil {
		return flight.Moment{}, err
	}
	return recording.End()
}

// history returns etcd's history from the end of a recording on, or as far back as etcd
// has it, up to the locks that were read.
func (opts *RecordOptions) history(ctx context.Context, c *connect.Conn, end flight.Moment, to inspect.Snapshot) (*inspect.History, error) {
	from := end.Snapshot.Revision
	switch {
	case from > to.Revision || !slices.Equal(end.Snapshot.Prefixes, to.Prefixes):
		return nil, errNotFollowed
	case to.Revision-from > maxCatchUp && opts.Follow == "":
		return nil, fmt.Errorf("%d revisions are more than are read without being asked for: use --follow-from", to.Revision-from)
	}
	history, err := c.Source.History(ctx, from, to.Prefixes...)
	compacted := errors.Is(err, inspect.ErrCompacted)
	if compacted {
		history, err = c.Source.History(ctx, 0, to.Prefixes...)
	}
	switch {
	case err != nil:
		return nil, err
	case !compacted && (len(inspect.Compare(end.Snapshot, history.Begin)) > 0 || end.Snapshot.Other != history.Begin.Other):
		return nil, errNotFollowed
	case history.Begin.Revision > to.Revision:
		return nil, fmt.Errorf("%w: %d", inspect.ErrCompacted, from)
	}
	history.End = to.Revision
	return history, nil
}
