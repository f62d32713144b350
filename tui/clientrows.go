package tui

import "strconv"

// clientRow is a client, or one of its requests.
type clientRow struct {
	client  *ownClient
	state   ClientState
	request *ownRequest // nil: the client itself
	last    bool        // of its client's requests
}

type clientRowID struct {
	client  int
	request uint64
}

func (r clientRow) id() clientRowID {
	if r.request == nil {
		return clientRowID{r.client.number, 0}
	}
	return clientRowID{r.client.number, r.request.id}
}

// rows are the clients, each with its requests under it.
func (s *clientsScreen) rows() []clientRow {
	rows := make([]clientRow, 0, len(s.clients)+len(s.requests))
	for _, c := range s.clients {
		state := c.State()
		rows = append(rows, clientRow{client: c, state: state})
		for _, r := range c.ended {
			rows = append(rows, clientRow{client: c, state: state, request: r})
		}
		for _, r := range s.requests {
			if r.client == c {
				rows = append(rows, clientRow{client: c, state: state, request: r})
			}
		}
		rows[len(rows)-1].last = true
	}
	return rows
}

// who is the client, or what it asked for.
func (s *clientsScreen) who(r clientRow, w int) cell {
	if r.request == nil {
		return cell{cut(strconv.Itoa(r.client.number)+" "+safe(r.client.label), w), s.theme.bold}
	}
	branch := "  ├ "
	if r.last {
		branch = "  └ "
	}
	head := branch + pad(r.request.mode.String(), 5, false) + " "
	return cell{head + cutMiddle(safe(r.request.name), w-width(head)), s.theme.plain}
}

// state is that of the session, or of the request.
func (s *clientsScreen) state(r clientRow, _ int) cell {
	if r.request != nil {
		return cell(s.requestSign(r))
	}
	if r.client.doing != "" {
		return cell{"… " + r.client.doing, s.theme.waiting}
	}
	return cell(s.lifeSign(r.state))
}

// lifeSign is the state of a session. One that crashed may live on in etcd, and
// one that is paused may have expired there.
func (s *clientsScreen) lifeSign(c ClientState) sign {
	left := c.Until.Sub(s.now)
	switch {
	case c.Life == Alive:
		return sign{"● open", s.theme.holding}
	case c.Life == Paused && left > 0:
		return sign{"‖ paused", s.theme.expiring}
	case c.Life == Paused:
		return sign{"! paused, ran out", s.theme.lost}
	case c.Life == Crashed && left > 0:
		return sign{"✗ crashed", s.theme.lost}
	case c.Life == Crashed:
		return sign{"✗ crashed, ran out", s.theme.dim}
	case c.Life == Expired:
		return sign{"✗ expired", s.theme.lost}
	case c.Life == Closed:
		return sign{"· closed", s.theme.free}
	default:
		return sign{"· not opened yet", s.theme.free}
	}
}

func (s *clientsScreen) requestSign(row clientRow) sign {
	r := row.request
	switch {
	case r.over != "":
		return sign{"✗ " + r.over, s.theme.lost}
	case r.stuck != "":
		return sign{"! not given back yet", s.theme.warning}
	case r.state == ownHeld && row.state.Life == Paused && !row.state.Until.After(s.now):
		return sign{"! believes it holds", s.theme.warning}
	case r.state == ownHeld:
		return sign{"● held " + age(s.now, r.since), s.theme.holding}
	case r.state == ownReleasing:
		return sign{"… giving back", s.theme.dim}
	case r.within > 0:
		return sign{"○ waits " + age(s.now, r.asked) + " of " + span(r.within), s.theme.waiting}
	default:
		return sign{"○ waits " + age(s.now, r.asked), s.theme.waiting}
	}
}

// ttl is what is left of the lease, by what the client knows of it.
func (s *clientsScreen) ttl(r clientRow, w int) cell {
	c := r.state
	if r.request != nil || c.Lease == 0 || c.Life == Closed || c.Life == Expired {
		return cell{"", s.theme.plain}
	}
	left := c.Until.Sub(s.now)
	if left <= 0 {
		return cell{"0s", s.theme.lost}
	}
	style := s.theme.plain
	if c.Life != Alive || left <= expiringAt {
		style = s.theme.expiring
	}
	if bar, ok := drain(left, c.TTL, w-6); ok && w != wholeWidth {
		return cell{pad(span(left), 5, true) + " " + bar, style}
	}
	return cell{span(left), style}
}

func (s *clientsScreen) token(r clientRow, _ int) cell {
	if r.request == nil || r.request.over != "" || r.request.state != ownHeld {
		return cell{"", s.theme.plain}
	}
	return cell{strconv.FormatInt(r.request.ticket.Token(), 10), s.theme.plain}
}

func (s *clientsScreen) leaseCell(r clientRow, w int) cell {
	if r.request != nil || r.state.Lease == 0 {
		return cell{"", s.theme.plain}
	}
	return cell{leaseText(r.state.Lease, w), s.theme.dim}
}
