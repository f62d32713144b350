package screens

import (
	"strings"

	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/tui/nav"
	"etcd-lock/tui/state"
	"etcd-lock/tui/term"
	"etcd-lock/tui/theme"
	"etcd-lock/tui/widget"
)

// maxNamed is how many holders a dialog names.
const maxNamed = 4

// Taking returns an action that takes a lock: it asks first if others hold the name or
// wait for it, or if the user always wants to be asked.
func Taking(c *nav.Context, take nav.Take, always bool) nav.Action {
	take.Sure = true
	holders, waiters, shared := othersOn(c, take)
	if len(holders)+waiters == 0 && !always {
		return take
	}
	lines := make([]string, 0, len(holders)+5)
	for _, r := range holders[:min(len(holders), maxNamed)] {
		sign := requestSign(c.Theme, r)
		lines = append(lines, sign.Style.Render(sign.Text)+" "+r.Mode.String()+" lock of "+state.Who(r)+Short(r, c.Clock()))
	}
	if more := len(holders) - maxNamed; more > 0 {
		lines = append(lines, "  and "+format.Count(more, "more holder", "more holders"))
	}
	lines = append(lines, effectLine(c.Theme, len(holders), waiters, shared), "", termsLine(c, take))
	return nav.Ask{Dialog: &widget.Dialog{Title: take.Mode.String() + " lock on " + term.Name(take.Lock.Name), Lines: lines, Yes: "Request"}, Yes: take}
}

// othersOn returns who else holds the name, in any layout, how many wait for it, and
// whether a request would be granted beside the holders.
func othersOn(c *nav.Context, take nav.Take) (holders []inspect.Request, waiters int, shared bool) {
	shared = take.Mode == keyspace.Read
	for _, l := range c.Live.Named(take.Lock.Name) {
		for _, r := range l.Queue {
			switch {
			case c.IsOwn(r) || r.Vacant():
				continue
			case r.Holding:
				holders = append(holders, r)
			default:
				waiters++
			}
			shared = shared && r.Mode == keyspace.Read && r.Holding
		}
	}
	return holders, waiters, shared
}

// effectLine says what a request would do to others.
func effectLine(t *theme.Theme, holders, waiters int, shared bool) string {
	switch {
	case holders+waiters == 0:
		return "No other client holds it or waits for it."
	case shared:
		return "You would share it with " + format.Count(holders, "reader", "readers") + "; writers would wait for you."
	}
	var ahead []string
	if holders > 0 {
		ahead = append(ahead, format.Count(holders, "holder", "holders"))
	}
	if waiters > 0 {
		ahead = append(ahead, format.Count(waiters, "waiter", "waiters"))
	}
	return t.Warning.Render("!") + " You would wait behind " + strings.Join(ahead, " and ") + "; requests that come later wait behind yours."
}

// termsLine says how long the request waits, and how long its session lasts without us.
func termsLine(c *nav.Context, take nav.Take) string {
	client := take.Client
	if client == nil {
		client = c.Clients[0]
	}
	within := "no deadline: " + c.KeyOn(nav.KindLocks, "u") + " cancels it"
	if take.Within > 0 {
		within = "canceled if it is not granted within " + format.Age(take.Within)
	}
	return c.Theme.Dim.Render(within + "; TTL of the session " + format.Age(client.TTL))
}
