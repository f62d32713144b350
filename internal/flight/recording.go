package flight

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"etcd-lock/internal/hint"
	"etcd-lock/internal/layout"
)

// ErrNotRecorded says that a recording does not reach as far back as was asked for.
var ErrNotRecorded = errors.New("that was not recorded")

// ErrNoRecording says that there is no recording.
var ErrNoRecording = errors.New("there is no recording")

// whereHint says which path a recording has.
const whereHint = `a recording is the folder that "etcd-lock record" writes, or a file of it`

// Recording is a folder of segments, or one segment, to be read. It is not safe for
// concurrent use.
type Recording struct {
	rules    *layout.Set
	segments []segment // that have a picture, in the order in which they were recorded; at least one
	unread   string    // the file of a segment after them that cannot be read; empty: there is none
}

// segment is a segment as far as its first line says.
type segment struct {
	part
	head Line
	next *Line // the first line of the segment after it; nil for the last
}

// Open opens a recording: a folder, or the file of one segment. Locks are of these
// layouts.
func Open(path string, rules *layout.Set) (*Recording, error) {
	r, err := open(path, rules)
	for range 2 { // files that were listed can have been thinned or removed meanwhile
		if errors.Is(err, os.ErrNotExist) {
			r, err = open(path, rules)
		}
	}
	return r, err
}

func open(path string, rules *layout.Set) (*Recording, error) {
	all, err := partsOf(path)
	if err != nil {
		return nil, err
	}
	r := &Recording{rules: rules}
	for _, p := range all {
		head, err := readHead(p)
		switch {
		case errors.As(err, new(versionError)), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
			return nil, err
		case err != nil: // it was killed while it began, or the file is damaged
			r.unread = p.path
			continue
		}
		r.segments, r.unread = append(r.segments, segment{part: p, head: head}), "" // what is missing before it shows in the numbers
	}
	if len(r.segments) == 0 {
		return nil, hint.Add(fmt.Errorf("%w in %s", ErrNoRecording, path), whereHint)
	}
	r.link()
	return r, nil
}

// partsOf returns where the segments of a recording are.
func partsOf(path string) ([]part, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, hint.Add(fmt.Errorf("the recording cannot be opened: %w", err), whereHint)
	case info.IsDir():
		return wholes(path)
	default:
		return parts(path)
	}
}

// wholes returns the segments of a folder.
func wholes(dir string) (all []part, err error) {
	files, _, err := segments(dir)
	for _, f := range files {
		all = append(all, whole(f.path))
	}
	return all, err
}

// link has each segment know the one after it.
func (r *Recording) link() {
	for i := range r.segments[1:] {
		head := r.segments[i+1].head
		r.segments[i].next = &head
	}
	r.segments[len(r.segments)-1].next = nil
}

// leaveOut leaves out a segment with an incomplete picture: the recorder was killed while
// it began. It fails if there is no other.
func (r *Recording) leaveOut(i int) error {
	if len(r.segments) == 1 {
		return noPicture(r.segments[i].path)
	}
	if i == len(r.segments)-1 {
		r.unread = r.segments[i].path
	}
	r.segments = slices.Delete(r.segments, i, i+1)
	r.link()
	return nil
}

// noPicture says that the only segment is not complete to the end of its picture.
func noPicture(path string) error {
	return fmt.Errorf("%w in %s: it ends before all locks were written", ErrNoRecording, path)
}

// versionError says that a recording is of another version.
type versionError struct{ version int }

func (e versionError) Error() string {
	return fmt.Sprintf("the recording has version %d of the format; this program reads version %d", e.version, Version)
}

// readHead reads the first line of a segment, and makes sure that a picture follows.
func readHead(p part) (head Line, err error) {
	var lines int
	err = scan(p, func(l Line) error {
		lines++
		switch {
		case lines == 1 && (l.Kind != KindSegment || l.Format != Format):
			return fmt.Errorf("%s is no recording", p.path)
		case lines == 1 && l.Version != Version:
			return hint.Add(versionError{l.Version}, "read it with the program that wrote it")
		case lines == 1:
			head = l
			return nil
		case l.Kind != KindPicture:
			return fmt.Errorf("%s has no picture", p.path)
		default:
			return errStop
		}
	})
	if err == nil && lines < 2 {
		err = fmt.Errorf("%s has no picture", p.path)
	}
	return head, err
}

// begin returns when the segment begins.
func (s segment) begin() time.Time { return s.head.Time.Time }

// end returns the last line of the segment, as far as the segment after it says.
func (s segment) end() (m Mark, ok bool) {
	if s.next == nil || s.lacksNext() || s.next.Previous == nil || s.next.Previous.Time.Before(s.begin()) {
		return Mark{}, false
	}
	return *s.next.Previous, true
}

// lacksNext reports whether the segment that was recorded after this one is missing, or its
// beginning cannot be read.
func (s segment) lacksNext() bool {
	return s.next != nil && s.next.Number != max(s.head.Number, s.head.Through)+1
}

// coordinate is by what a moment is looked for: by time, or by revision.
type coordinate struct {
	mark func(Mark) int64 // 0 if it has none
	want int64

	revisions bool
}

func (c coordinate) of(l Line) int64 { return c.mark(Mark{Time: l.Time, Revision: l.Revision}) }

func byTime(t time.Time) coordinate {
	return coordinate{
		mark: func(m Mark) int64 { return micros(m.Time) },
		want: t.UnixMicro(),
	}
}

func micros(t Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func byRevision(revision int64) coordinate {
	return coordinate{
		mark: func(m Mark) int64 { return m.Revision },
		want: revision, revisions: true,
	}
}

// find returns the segment with a moment. Of several, after the clock or the revisions
// went back, it is the last one, and repeated is true. Without one, it is the segment
// before the gap that the moment is in.
func (r *Recording) find(c coordinate) (i int, repeated bool, err error) {
	within, before := -1, -1
	for i, s := range r.segments {
		if c.of(s.head) > c.want {
			continue
		}
		before = i
		end, known := s.end()
		if i == len(r.segments)-1 {
			end, known = r.lastEnd()
		}
		if known && c.mark(end) < c.want {
			continue
		}
		repeated = repeated || within >= 0 && c.of(s.head) < c.want
		within = i
	}
	switch {
	case within >= 0:
		return within, repeated, nil
	case before >= 0:
		return before, false, nil
	default:
		first := r.segments[0].head
		return 0, false, fmt.Errorf("%w: the recording begins at %s, revision %d", ErrNotRecorded, Show(first.Time.Time), first.Revision)
	}
}

// lastEnd returns the last line of the recording.
func (r *Recording) lastEnd() (Mark, bool) {
	end := lastMark([]part{r.segments[len(r.segments)-1].part})
	return end, !end.Time.IsZero()
}

// Show returns a time as messages say it, with an offset that --at takes.
func Show(t time.Time) string { return t.Local().Format("2006-01-02T15:04:05Z07:00") }
