package flight

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"etcd-lock/internal/inspect"
)

// maxExportFrame bounds what an export keeps in memory, before compression.
const maxExportFrame = 1 << 20

// ExportOptions say what to export.
type ExportOptions struct {
	From, To  time.Time // zero: the beginning, the end
	Anonymize bool
}

// Export writes a part of a recording, as one file that Open opens. It begins up to a
// second before From and ends up to a second after To. What is damaged or missing shows
// in it as in the recording.
func (r *Recording) Export(w io.Writer, o ExportOptions) error {
	first := 0
	if !o.From.IsZero() {
		var err error
		if first, _, err = r.find(byTime(o.From)); errors.Is(err, ErrNotRecorded) {
			first = 0
		} else if err != nil {
			return err
		}
	}
	f, err := newFrame()
	if err != nil {
		return err
	}
	x := &exporter{opts: o, w: w, frame: f, skipped: r.segments[first].head.Number - 1}
	if o.Anonymize {
		x.hide = newPseudonyms()
	}
	for i, s := range r.segments[first:] {
		if !o.To.IsZero() && s.begin().After(o.To) && i > 0 {
			return x.flush()
		}
		if err := x.segment(s, newWalk(r.rules), i == 0); err != nil {
			return err
		}
	}
	if err := x.flush(); err != nil || !x.damaged && (r.unread == "" || x.past) {
		return err
	}
	return x.mark() // of a segment that cannot be read
}

// exporter writes the lines of segments.
type exporter struct {
	opts    ExportOptions
	w       io.Writer
	frame   *frame
	hide    *pseudonyms // nil: names are written as they are
	skipped int64       // what is taken from the numbers of segments
	damaged bool        // the rest of the last segment cannot be read
	past    bool        // it has a line after the end
}

// segment exports a segment, the first one from where the export begins on.
func (x *exporter) segment(s segment, w *walk, first bool) error {
	if err := x.flush(); err != nil {
		return err
	}
	begun := !first || x.opts.From.IsZero() || !x.opts.From.After(s.begin())
	err := scan(s.part, func(l Line) error {
		if !begun && w.incomplete == 0 && !l.Kind.ofPicture() && l.Time.After(x.opts.From) {
			begun = true
			if err := x.begin(s, w); err != nil {
				return err
			}
		}
		if begun {
			return x.line(l)
		}
		return w.line(l)
	})
	if x.damaged = errors.As(err, new(damageError)); x.damaged {
		x.skipped-- // so that a segment is missing after it
		err = nil
	}
	if err == nil && !begun && w.incomplete == 0 {
		err = x.begin(s, w)
	}
	return err
}

// line writes a line, if it is not after the end.
func (x *exporter) line(l Line) error {
	if !x.opts.To.IsZero() && !l.Kind.ofPicture() && x.over(l) {
		x.past = true
		return errStop
	}
	if l.Kind == KindSegment {
		l.Number -= x.skipped
		if l.Through > 0 {
			l.Through -= x.skipped
		}
		if err := x.mark(); err != nil {
			return err
		}
	}
	if x.hide != nil {
		x.hide.line(&l)
	}
	if err := x.frame.add(l); err != nil {
		return err
	}
	if x.frame.raw > maxExportFrame {
		return x.flush()
	}
	return nil
}

// over reports whether a line begins after the end.
func (x *exporter) over(l Line) bool {
	begin := l.Time
	if l.Steps != nil {
		begin = l.Steps.Start
	}
	return begin.After(x.opts.To)
}

// mark begins a segment in the output.
func (x *exporter) mark() error {
	_, err := x.w.Write(segmentMark)
	return err
}

// flush writes what was collected.
func (x *exporter) flush() error {
	if x.frame.raw == 0 {
		return nil
	}
	b, err := x.frame.finish()
	if err == nil {
		_, err = x.w.Write(b)
	}
	x.frame.reset()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// begin writes what a walk has got to as the beginning of a segment.
func (x *exporter) begin(s segment, w *walk) error {
	head := s.head
	head.Time, head.Revision, head.Cause, head.Previous, head.Resync = w.end.Time, w.picture.revision, CauseStart, nil, nil
	lines := slices.AppendSeq([]Line{head}, pictureLines(w.end.Time, w.picture.snapshot()))
	if n := w.picture.numbers.batch(); n != nil {
		lines = append(lines, Line{Kind: KindSteps, Time: w.end.Time, Revision: w.picture.revision, Steps: n})
	}
	if w.lost != "" {
		lines = append(lines, Line{Kind: KindLost, Time: w.end.Time, Error: w.lost})
	}
	for _, id := range slices.Sorted(maps.Keys(w.leases)) {
		l := w.leases[id]
		lines = append(lines, Line{Kind: KindLeases, Time: Time{l.at}, Leases: []Lease{newLease(id, l.lease)}})
	}
	if len(w.findings) > 0 {
		all := Line{Kind: KindFindings, Time: w.end.Time}
		for _, id := range slices.Sorted(maps.Keys(w.findings)) {
			all.Raised = append(all.Raised, w.findings[id])
		}
		lines = append(lines, all)
	}
	for _, l := range lines {
		if err := x.line(l); err != nil {
			return err
		}
	}
	return nil
}

// pictureLines returns the lines of a picture, one after the other: all of them can take
// more memory than the locks.
func pictureLines(at Time, s inspect.Snapshot) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		count := 0
		for _, l := range s.Locks {
			if len(l.Queue) > 0 {
				count++
			}
		}
		if !yield(Line{Kind: KindPicture, Time: at, Revision: s.Revision, Other: s.Other, Count: count}) {
			return
		}
		for _, l := range s.Locks {
			if change := diffLock(inspect.Lock{}, l); len(l.Queue) > 0 && !yield(Line{Kind: KindLock, Lock: &change}) {
				return
			}
		}
	}
}

// line takes in a line, whatever it is.
func (w *walk) line(l Line) error {
	if l.Steps != nil {
		return w.steps(l, nil)
	}
	return w.take(l)
}

// batch returns a batch that gives all numbers, or nil if there are none.
func (n numbers) batch() *Batch {
	if len(n.locks)+len(n.clients) == 0 {
		return nil
	}
	b := &Batch{}
	for _, l := range n.locks {
		b.Locks = append(b.Locks, BatchLock{Name: Text(l.ID.Name), Layout: l.ID.Layout.String()})
	}
	for _, c := range n.clients {
		b.Clients = append(b.Clients, c.record())
	}
	return b
}
