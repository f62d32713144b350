package tui

import (
	"strconv"
	"strings"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
)

func isWriter(r inspect.Request) bool { return r.Mode == keyspace.Write }

// sessionText says whose a request is when nobody wrote who.
func sessionText(r inspect.Request) string {
	if r.Lease == 0 {
		return "no lease"
	}
	return "lease " + leaseText(r.Lease, 16)
}

// leaseText is a lease as etcdctl writes it. The leases of one member begin
// alike, so a narrow column shows their ends.
func leaseText(lease int64, w int) string {
	if lease == 0 {
		return "none"
	}
	s := strconv.FormatUint(uint64(lease), 16)
	if len(s) > w && w > 1 {
		return "…" + s[len(s)-w+1:]
	}
	return s
}

// expiringAt is what is left of a lease from when on it is called out.
const expiringAt = 2 * time.Second

// ttlCell is what is left of a lease.
func (c *common) ttlCell(lease int64) cell {
	left, known := c.book.left(lease, c.clock())
	switch {
	case lease == 0:
		return cell{"never", c.theme.warning}
	case !known || !c.connected() || c.still != nil && c.still.past:
		return cell{"-", c.theme.dim}
	case left < 0:
		return cell{"gone", c.theme.lost}
	case left <= expiringAt:
		return cell{"!" + span(left), c.theme.expiring}
	default:
		return cell{span(left), c.theme.plain}
	}
}

// ttlBar is ttlCell with, where there is room, a bar that drains.
func (c *common) ttlBar(lease int64, w int) cell {
	text := c.ttlCell(lease)
	f := c.fact(lease)
	left, known := c.book.left(lease, c.clock())
	lead := max(width(text.text), 5)
	room := w - lead - 1
	if room < 4 || w == wholeWidth || !known || left < 0 || text.text == "-" || f.Granted <= 0 {
		return text
	}
	full := min(int(time.Duration(room)*left/f.Granted), room)
	style := text.style
	if f.MissedRenewals() {
		style = c.theme.expiring
	}
	return cell{pad(text.text, lead, true) + " " + strings.Repeat("█", full) + strings.Repeat("░", room-full), style}
}
