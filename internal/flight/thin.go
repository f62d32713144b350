package flight

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	thinFraction = 4 // of Limits.Keep, after which segments are thinned
	thinSpan     = 6 * time.Hour
	thinLeastAge = time.Hour // of segments that are thinned because the recording is large
	maxThinSize  = 1 << 20   // of the segments that become one, unless it is one already
	maxThinFrame = 1 << 20   // before compression

	// Of ticks: how long segments that were thinned stay, for those who are reading them,
	// and how long thinning rests after a failure.
	thinRest   = 80
	thinResign = 800
)

const thinFile = "thinning.tmp"

// thin rewrites the oldest segments that are to be thinned as one, and removes them some
// ticks later. Whenever the process is killed, either they or the new one are complete. A
// failure leaves them as they are.
func (f *folder) thin(now time.Time) {
	if f.rest > 0 {
		f.rest--
		return
	}
	f.rest = thinResign
	if f.removeCovered() != nil {
		return
	}
	group := f.toThin(now)
	if len(group) > 0 && f.makeRoom(sizeOfAll(group), now) != nil { // for both of them
		return
	}
	if group = f.toThin(now); len(group) == 0 || f.size+sizeOfAll(group) > f.limits.MaxSize {
		f.rest = 0
		return
	}
	if f.thinGroup(group) != nil {
		_ = os.Remove(filepath.Join(f.dir, thinFile)) // or it is overwritten
		return
	}
	f.rest = thinRest
}

// toThin returns the oldest segments that are to become one, if there are enough of them.
func (f *folder) toThin(now time.Time) (group []stored) {
	closed := f.all
	if f.file != nil {
		closed = closed[:len(closed)-1]
	}
	limit := min(maxThinSize, f.limits.MaxSize/8)
	for _, s := range closed {
		switch enough := len(group) > 0 && (s.thinned() || s.keepAsIs || sizeOfAll(group)+s.size > limit || s.last.Sub(group[0].last) > thinSpan); {
		case enough:
			return group
		case s.thinned() || s.keepAsIs:
		case f.isOld(s, now):
			group = append(group, s)
		default:
			return nil
		}
	}
	return nil
}

// isOld reports whether a segment is to be thinned.
func (f *folder) isOld(s stored, now time.Time) bool {
	age := now.Sub(s.last) - f.ahead
	return age > f.limits.Keep/thinFraction || f.size > f.limits.MaxSize/2 && age > thinLeastAge
}

func sizeOfAll(all []stored) (size int64) {
	for _, s := range all {
		size += s.size
	}
	return size
}

// thinGroup rewrites the first segments of a group that can become one. Those that would
// not be smaller, or are damaged, are kept as they are.
func (f *folder) thinGroup(group []stored) error {
	heads := joinable(group)
	if len(heads) == 0 {
		f.keepAsIs(group[0])
		return nil
	}
	group = group[:len(heads)]
	made, err := thinInto(filepath.Join(f.dir, thinFile), group, heads)
	switch damaged := (unfitError{}); {
	case errors.As(err, &damaged):
		f.keepAsIs(damaged.segment)
		return os.Remove(filepath.Join(f.dir, thinFile))
	case errors.Is(err, ErrNoRoom):
		for _, s := range group {
			f.keepAsIs(s)
		}
		return os.Remove(filepath.Join(f.dir, thinFile))
	case err != nil:
		return err
	}
	made.path = thinnedPath(group[0].path, made.through)
	if err := os.Rename(filepath.Join(f.dir, thinFile), made.path); err != nil {
		return fmt.Errorf("the recording: %w", err)
	}
	f.size += made.size
	f.covered = append(f.covered, group...)
	i := slices.IndexFunc(f.all, func(s stored) bool { return s.path == group[0].path })
	f.all = slices.Concat(f.all[:i], []stored{made}, f.all[i+len(group):])
	return syncDir(f.dir)
}

func (f *folder) keepAsIs(s stored) {
	for i := range f.all {
		if f.all[i].path == s.path {
			f.all[i].keepAsIs = true
		}
	}
}

// removeCovered removes the segments of which a thinned one has the contents.
func (f *folder) removeCovered() error {
	for len(f.covered) > 0 {
		s := f.covered[0]
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a segment that was thinned: %w", err)
		}
		f.size -= s.size
		f.covered = f.covered[1:]
	}
	return nil
}

// joinable returns the first lines of the first segments that can become one: nothing is
// missing between them, and each begins with the locks with which the one before ends. There
// are none if the first one cannot be read.
func joinable(group []stored) (heads []Line) {
	for i, s := range group {
		head, err := readHead(whole(s.path))
		if err != nil || i > 0 && !head.follows(heads[i-1]) {
			break
		}
		heads = append(heads, head)
	}
	return heads
}

// follows reports whether a segment goes on where the one with another first line ends.
func (l Line) follows(before Line) bool {
	return (l.Cause == CauseAge || l.Cause == CauseSize) && l.Number == before.Number+1 && l.Cluster == before.Cluster &&
		slices.Equal(l.Prefixes, before.Prefixes)
}

// unfitError says that a segment is damaged.
type unfitError struct {
	segment stored
	error
}

// thinInto writes segments as one into a file, and makes it durable.
func thinInto(path string, group []stored, heads []Line) (made stored, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return stored{}, fmt.Errorf("the recording: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	frame, err := newFrame()
	if err != nil {
		return stored{}, err
	}
	t := &thinner{out: file, left: sizeOfAll(group), frame: frame, found: map[string]bool{}}
	t.emit(segmentMark)
	for i, s := range group {
		t.through = heads[len(heads)-1].Number
		t.joining = i > 0
		t.fresh = t.joining
		if err := t.segment(s); err != nil {
			return stored{}, err
		}
	}
	last := group[len(group)-1].last
	if err := t.finish(); err != nil {
		return stored{}, err
	}
	if err := errors.Join(syncFile(file), os.Chtimes(path, last, last)); err != nil { // it is as old as what it has
		return stored{}, fmt.Errorf("the recording: %w", err)
	}
	return stored{number: heads[0].Number, through: t.through, size: sizeOfAll(group) - t.left, last: last}, nil
}
