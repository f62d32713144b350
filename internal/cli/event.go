package cli

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/printable"
)

// eventLong documents eventDoc for the help of commands that print it.
var eventLong = `event               granted, waiting; released (it held and is gone), left (it waited
                    and is gone); expired, revoked (its session's end took it)
revision            etcd's revision of the change
time                when this program saw it; absent when it did not
summary             true: this is how it is at that revision, not what happened then
session             of a request that is gone, its session right after: alive or
                    gone; absent when not known
request             of one that is gone, as it was:
` + indent(requestLong, "  ")

// eventDoc is what became of a request, as JSON; eventLong documents it.
type eventDoc struct {
	Event    string     `json:"event"`
	Revision int64      `json:"revision,omitempty"`
	Time     time.Time  `json:"time,omitzero"`
	Summary  bool       `json:"summary,omitempty"`
	Session  string     `json:"session,omitempty"`
	Request  requestDoc `json:"request"`

	was, who string // for people
}

func newEventDoc(e inspect.Event) eventDoc {
	r := e.Request
	doc := eventDoc{
		Event:    string(e.Kind),
		Revision: e.Revision,
		Time:     e.Time,
		Request:  newRequestDoc(r),
		who:      r.Who(),
	}
	if e.Kind.Gone() {
		doc.was = r.Standing()
		doc.Session = sessionText(e.Session)
	}
	return doc
}

// summaryDoc is an event that sums up what led to a revision.
func summaryDoc(e inspect.Event, revision int64, now time.Time) eventDoc {
	e.Revision, e.Time = revision, now
	doc := newEventDoc(e)
	doc.Summary = true
	return doc
}

func sessionText(s inspect.LeaseState) string {
	switch s {
	case inspect.LeaseAlive:
		return "alive"
	case inspect.LeaseGone:
		return "gone"
	default:
		return ""
	}
}

func eventHeading() []string {
	return []string{"EVENT", "WAS", "SESSION", "MODE", "NAME", "WHO", "KEY"}
}

// cells are the event under eventHeading.
func (e eventDoc) cells() []cell {
	row := plainRow(e.Event, format.Dash(e.was), format.Dash(e.Session), e.Request.Mode, e.Request.Name, e.who, e.Request.Key)
	row[0].tone = eventTone(e.Event)
	return row
}

func eventTone(event string) tone {
	switch event {
	case string(inspect.EventGranted), "back":
		return holding
	case string(inspect.EventWaiting):
		return waiting
	case string(inspect.EventExpired), "lost":
		return critical
	case string(inspect.EventRevoked), "gap", "resynced":
		return warning
	default:
		return plain
	}
}

// notice is a line between events that says something of all of them.
type notice struct {
	Event    string    `json:"event"`
	Revision int64     `json:"revision,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Floor    int64     `json:"floor,omitempty"`
	End      int64     `json:"end,omitempty"`
	Missed   int       `json:"missed,omitempty"`
	Summary  *int      `json:"summaries,omitempty"`
	Error    string    `json:"error,omitempty"`

	text string // for people
}

func (n notice) cells() []cell {
	return []cell{{text: n.Event, tone: eventTone(n.Event)}, {text: n.text}}
}

// entry is a line of a stream.
type entry interface {
	cells() []cell
	when() (revision int64, seen time.Time)
}

func (e eventDoc) when() (int64, time.Time) { return e.Revision, e.Time }
func (n notice) when() (int64, time.Time)   { return n.Revision, n.Time }

// stream prints entries as they come: as one JSON document a line, or as a
// table whose columns only grow.
type stream struct {
	out    printer
	buf    *bufio.Writer
	widths []int
	timed  bool // it has the times at which things were seen
}

func newStream(out printer, timed bool) *stream {
	buf := bufio.NewWriter(out.Writer)
	out.Writer = buf
	s := &stream{out: out, buf: buf, timed: timed}
	if out.format != formatJSON {
		var heading []cell
		for _, h := range eventHeading() {
			heading = append(heading, cell{text: h, tone: faint})
		}
		s.widths = []int{8, 10, 7, 7, 5, 0, 0, 0} // minimum widths
		if timed {
			s.widths = append([]int{8}, s.widths...)
		}
		_ = s.row(s.prefix(cell{text: "TIME", tone: faint}, cell{text: "REVISION", tone: faint}, heading))
	}
	return s
}

// write prints entries and flushes, so that a reader sees them at once.
func (s *stream) write(entries []entry) error {
	for _, e := range entries {
		if err := s.one(e); err != nil {
			return err
		}
	}
	return s.buf.Flush()
}

func (s *stream) one(e entry) error {
	if s.out.format == formatJSON {
		b, err := encodeJSON(e, "")
		if err != nil {
			return err
		}
		_, err = s.buf.Write(b)
		return err
	}
	at, seen := "-", "-"
	revision, t := e.when()
	if revision > 0 {
		at = strconv.FormatInt(revision, 10)
	}
	if !t.IsZero() {
		seen = t.Format(time.TimeOnly)
	}
	return s.row(s.prefix(cell{text: seen}, cell{text: at}, e.cells()))
}

func (s *stream) prefix(seen, revision cell, cells []cell) []cell {
	row := append([]cell{revision}, cells...)
	if s.timed {
		row = append([]cell{seen}, row...)
	}
	return row
}

func (s *stream) row(cells []cell) error {
	var b strings.Builder
	for i, c := range cells {
		text := s.out.paint(printable.Text(c.text), c.tone)
		b.WriteString(text)
		if i == len(cells)-1 {
			break
		}
		if !s.out.terminal {
			b.WriteString("\t")
			continue
		}
		width := ansi.StringWidth(text)
		s.widths[i] = max(s.widths[i], min(width, maxPad))
		b.WriteString(strings.Repeat(" ", max(s.widths[i]-width, 0)+2))
	}
	_, err := fmt.Fprintln(s.buf, b.String())
	return err
}
