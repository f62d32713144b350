package screens

import (
	"strconv"
	"time"

	"etcd-lock/internal/format"
	"etcd-lock/tui/backend"
	"etcd-lock/tui/describe"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// clientRow is a client, or one of its requests.
type clientRow struct {
	client  *state.OwnClient
	state   backend.ClientState
	request *state.OwnRequest // nil: the client itself
	last    bool              // of its client's requests
}

type clientRowID struct {
	client  int
	request uint64
}

func (r clientRow) id() clientRowID {
	if r.request == nil {
		return clientRowID{r.client.Number, 0}
	}
	return clientRowID{r.client.Number, r.request.ID}
}

// rows are the clients, each with its requests under it.
func (s *clientsScreen) rows() []clientRow {
	rows := make([]clientRow, 0, len(s.Clients)+len(s.Requests))
	for _, c := range s.Clients {
		state := c.State()
		rows = append(rows, clientRow{client: c, state: state})
		for _, r := range c.Ended {
			rows = append(rows, clientRow{client: c, state: state, request: r})
		}
		for _, r := range s.Requests {
			if r.Client == c {
				rows = append(rows, clientRow{client: c, state: state, request: r})
			}
		}
		rows[len(rows)-1].last = true
	}
	return rows
}

// who is the client, or what it asked for.
func (s *clientsScreen) who(r clientRow, w int) theme.Text {
	if r.request == nil {
		return theme.Styled(term.Cut(strconv.Itoa(r.client.Number)+" "+term.Safe(r.client.Label), w), s.Theme.Bold)
	}
	branch := "  ├ "
	if r.last {
		branch = "  └ "
	}
	head := branch + term.Pad(r.request.Mode.String(), 5, false) + " "
	return theme.Styled(head+term.CutMiddle(term.Name(r.request.Name), w-term.Width(head)), s.Theme.Plain)
}

// state is that of the session, or of the request.
func (s *clientsScreen) state(r clientRow, _ int) theme.Text {
	if r.request != nil {
		return s.requestSign(r)
	}
	if r.client.Doing != "" {
		return theme.Styled("… "+r.client.Doing, s.Theme.Waiting)
	}
	sign := s.lifeSign(r.state)
	if granted := r.state.TTL; r.state.Life == backend.Alive && granted >= r.client.TTL+time.Second { // less is rounded up
		sign.Text += ", etcd raised TTL to " + format.Age(granted)
	}
	return sign
}

// lifeSign is the state of a session. One that crashed may live on in etcd, and
// one that is paused may have expired there.
func (s *clientsScreen) lifeSign(c backend.ClientState) theme.Text {
	left := c.Until.Sub(s.Now)
	switch {
	case c.Life == backend.Alive:
		return theme.Styled("● open", s.Theme.Holding)
	case c.Life == backend.Paused && left > 0:
		return theme.Styled("‖ paused", s.Theme.Expiring)
	case c.Life == backend.Paused:
		return theme.Styled("! paused, expired", s.Theme.Lost)
	case c.Life == backend.Crashed && left > 0:
		return theme.Styled("✗ crashed", s.Theme.Lost)
	case c.Life == backend.Crashed:
		return theme.Styled("✗ crashed, expired", s.Theme.Dim)
	case c.Life == backend.Expired:
		return theme.Styled("✗ expired", s.Theme.Lost)
	case c.Life == backend.Closed:
		return theme.Styled("· closed", s.Theme.Free)
	default:
		return theme.Styled("· not opened yet", s.Theme.Free)
	}
}

func (s *clientsScreen) requestSign(row clientRow) theme.Text {
	r := row.request
	switch {
	case r.Over != "":
		return theme.Styled("✗ "+r.Over, s.Theme.Lost)
	case r.Stuck != "":
		return theme.Styled("! not released yet", s.Theme.Warning)
	case r.State == state.OwnHeld && row.state.Life == backend.Paused && !row.state.Until.After(s.Now):
		return theme.Styled("! believes it holds", s.Theme.Warning)
	case r.State == state.OwnHeld:
		return theme.Styled("● held "+format.Since(r.Since, s.Now), s.Theme.Holding)
	case r.State == state.OwnReleasing:
		return theme.Styled("… releasing", s.Theme.Dim)
	case r.Within > 0:
		return theme.Styled("○ waits "+format.Since(r.Asked, s.Now)+" of "+format.Age(r.Within), s.Theme.Waiting)
	default:
		return theme.Styled("○ waits "+format.Since(r.Asked, s.Now), s.Theme.Waiting)
	}
}

// ttl is the remaining time of the lease, as far as the client knows.
func (s *clientsScreen) ttl(r clientRow, w int) theme.Text {
	c := r.state
	if r.request != nil || c.Lease == 0 || c.Life == backend.Closed || c.Life == backend.Expired {
		return theme.Styled("", s.Theme.Plain)
	}
	left := c.Until.Sub(s.Now)
	if left <= 0 {
		return theme.Styled("0s", s.Theme.Lost)
	}
	style := s.Theme.Plain
	if c.Life != backend.Alive || left <= expiringAt {
		style = s.Theme.Expiring
	}
	if bar, ok := drain(left, c.TTL, w-6); ok && w != widget.WholeWidth {
		return theme.Styled(term.Pad(format.Age(left), 5, true)+" "+bar, style)
	}
	return theme.Styled(format.Age(left), style)
}

func (s *clientsScreen) token(r clientRow, _ int) theme.Text {
	if r.request == nil || r.request.Over != "" || r.request.State != state.OwnHeld {
		return theme.Styled("", s.Theme.Plain)
	}
	return theme.Styled(strconv.FormatInt(r.request.Ticket.Token(), 10), s.Theme.Plain)
}

func (s *clientsScreen) leaseCell(r clientRow, w int) theme.Text {
	if r.request != nil || r.state.Lease == 0 {
		return theme.Styled("", s.Theme.Plain)
	}
	return theme.Styled(term.Lease(r.state.Lease, w), s.Theme.Dim)
}

// Describe implements nav.Describer.
func (s *clientsScreen) Describe() []string {
	row, ok := s.table.Current()
	if !ok {
		return nil
	}
	lines := append(describe.Field("client", row.client.String()), describe.Field("TTL", row.client.TTL.String())...)
	if row.request == nil {
		return lines
	}
	l, _ := s.Live.Find(row.request.Lock())
	for _, r := range l.Queue {
		if r.Key == row.request.Key() {
			return append(lines, describe.Request(s.Context, r)...)
		}
	}
	return append(lines, describe.Field("request", row.request.String())...)
}
