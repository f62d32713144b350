package docs

import (
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
)

// EventHelp documents the fields of Event.
var EventHelp = `context             of several contexts: its name
event               granted, waiting; released (it held the lock and is gone), left (it
                    was waiting and is gone); expired, revoked (gone with its lease);
                    ended (gone, and its lease too: whether it was released, expired or
                    was revoked is not known);
                    detached (its key was written again with another lease or none: it
                    is no request any more, and still blocks); blocks (a key that is not
                    in the queue is in the way of requests now), cleared (it is not any
                    more: it was deleted, or no request waits for it)
revision            etcd revision of the change
time                when this program saw it; absent when it did not
summary             true: part of the state at that revision, not a change
session             session of a request that is gone, right after that: alive or gone;
                    absent when not known
request             as it was, if it is gone; absent for blocks and cleared:
` + Indent(RequestHelp, "  ") + `
name, name_base64,  of blocks and cleared: the lock that the key is in the way of, and
  layout, other     the key, as others in show. Of a lock with more than 64 such keys,
                    these events may be missing`

// Event is a lock event in JSON.
type Event struct {
	Context  string    `json:"context,omitempty"` // one of several
	Event    string    `json:"event"`
	Revision int64     `json:"revision,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Summary  bool      `json:"summary,omitempty"`
	Session  string    `json:"session,omitempty"`
	Request  *Request  `json:"request,omitempty"`

	Name       string    `json:"name,omitempty"`
	NameBase64 string    `json:"name_base64,omitempty"`
	Layout     string    `json:"layout,omitempty"`
	Other      *OtherKey `json:"other,omitempty"`

	was, who string // for people
}

// NewEvent returns the document of an event.
func NewEvent(e inspect.Event) Event {
	r := e.Request
	doc := Event{Event: string(e.Kind), Revision: e.Revision, Time: e.Time}
	if e.Kind.OfOther() {
		other := newOtherKey(r, inspect.Lease{})
		doc.Other, doc.who = &other, other.who
		doc.Name, doc.NameBase64, doc.Layout = e.Blocked.Name, output.Base64(e.Blocked.Name), e.Blocked.Layout.String()
		return doc
	}
	request := NewRequest(r)
	doc.Request, doc.who = &request, r.Who()
	if e.Kind.Gone() {
		doc.was = r.Standing()
		doc.Session = sessionText(e.Session)
	}
	return doc
}

// Summary returns the document of a net change up to a revision, seen at a time.
func Summary(e inspect.Event, revision int64, now time.Time) Event {
	e.Revision, e.Time = revision, now
	doc := NewEvent(e)
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

// EventColumns returns the columns of Event.Cells.
func EventColumns() []output.Column {
	return []output.Column{
		{Heading: "EVENT", Width: 10}, {Heading: "WAS", Width: 7}, {Heading: "SESSION", Width: 7}, {Heading: "MODE", Width: 5},
		{Heading: "NAME"}, {Heading: "WHO"}, {Heading: "KEY"},
	}
}

func (e Event) key() string {
	if e.Other != nil {
		return e.Other.Key
	}
	return e.Request.Key
}

// Cells implements output.Entry.
func (e Event) Cells() []output.Cell {
	mode, name, key := "-", e.Name, e.key()
	if e.Other == nil {
		mode, name = e.Request.Mode, e.Request.Name
	}
	row := output.Row(e.Event, format.Dash(e.was), format.Dash(e.Session), mode, format.Name(name), e.who, key)
	row[0].Tone = eventTone(e.Event)
	return inContext(e.Context, row)
}

func eventTone(event string) output.Tone {
	switch event {
	case "granted", "back":
		return output.Holding
	case string(inspect.EventWaiting):
		return output.Waiting
	case string(inspect.EventExpired), string(inspect.EventBlocks), "lost", "worse":
		return output.Critical
	case string(inspect.EventRevoked), string(inspect.EventEnded), "gap", "resynced", "unknown", "raised":
		return output.Warning
	default:
		return output.Plain
	}
}

// Notice is a line between events about all of them.
type Notice struct {
	Context  string    `json:"context,omitempty"` // one of several
	Event    string    `json:"event"`
	Revision int64     `json:"revision,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Floor    int64     `json:"floor,omitempty"`
	End      int64     `json:"end,omitempty"`
	Missed   int       `json:"missed,omitempty"`
	Summary  *int      `json:"summaries,omitempty"`
	Error    string    `json:"error,omitempty"`

	Cause          string `json:"cause,omitempty"`            // of resynced: an inspect.ResyncCause
	From           int64  `json:"from,omitempty"`             // of resynced: the last revision before
	TokensWentBack bool   `json:"tokens_went_back,omitempty"` // of resynced

	Finding    *Finding  `json:"finding,omitempty"`    // of raised, worse and cleared
	MutedUntil time.Time `json:"muted_until,omitzero"` // of raised and worse

	Text string `json:"-"` // for people
}

// Finding is a problem that a program has found that runs unattended.
type Finding struct {
	Kind           string   `json:"kind"`
	Severity       string   `json:"severity"`
	Text           string   `json:"text"`
	Clauses        []string `json:"clauses,omitempty"`
	Locks          []string `json:"locks"`
	LocksBase64    []string `json:"locks_base64,omitempty"`
	Sessions       []string `json:"sessions"`
	SessionsBase64 []string `json:"sessions_base64,omitempty"`
}

// Cells implements output.Entry.
func (n Notice) Cells() []output.Cell {
	return inContext(n.Context, []output.Cell{{Text: n.Event, Tone: eventTone(n.Event)}, {Text: n.Text}})
}

// ContextColumn is the column before the others, of entries of several contexts.
func ContextColumn() output.Column { return output.Column{Heading: "CONTEXT", Width: 8} }

// inContext returns a row with the context before it, if there are several.
func inContext(context string, row []output.Cell) []output.Cell {
	if context == "" {
		return row
	}
	return append(output.Row(context), row...)
}

// In returns the entries as those of one of several contexts.
func In(context string, all []output.Entry) []output.Entry {
	for i, e := range all {
		switch e := e.(type) {
		case Event:
			e.Context = context
			all[i] = e
		case Notice:
			e.Context = context
			all[i] = e
		}
	}
	return all
}

// When implements output.Entry.
func (e Event) When() (int64, time.Time) { return e.Revision, e.Time }

// When implements output.Entry.
func (n Notice) When() (int64, time.Time) { return n.Revision, n.Time }
