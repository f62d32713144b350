package narrate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/cmdline"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/order"
)

func TestPotential(t *testing.T) {
	step := func(name string, mode keyspace.Mode, revision int64) order.Step {
		return order.Step{Lock: order.Lock{Name: name}, Mode: mode, Revision: revision}
	}
	permits := func(weight, permits int) order.Step {
		return order.Step{Lock: order.Lock{Name: "/pool"}, Mode: keyspace.Slot, Weight: weight, Permits: permits}
	}
	at := time.Date(2026, 11, 27, 3, 12, 0, 0, time.UTC)
	saved := time.Local
	time.Local = time.UTC
	defer func() { time.Local = saved }()
	for name, c := range map[string]struct {
		potential order.Potential
		want      []string
	}{
		"Two": {
			order.Potential{Classes: []string{"/a", "/b b"}, Stories: []order.Story{
				{Session: "1f", Who: "report", Held: step("/a", keyspace.Write, 3), Wanted: step("/b b", keyspace.Read, 4), Time: at, Count: 3, Gates: []order.Step{step("/g", keyspace.Read, 2)}},
				{Session: "2f", Who: "billing", Held: step("/b b", keyspace.Write, 7), Wanted: step("/a", keyspace.Write, 7), Together: true, Count: 1},
			}},
			[]string{
				"potential deadlock on /a and /b b: report and billing acquire them in opposite orders",
				"report held /a for writing (revision 3) when it requested /b b for reading (revision 4), and held /g, at 2026-11-27T03:12:00Z; session 1f; 2 times more, it or clients like it",
				"billing requested /b b for writing (revision 7) and /a for writing (revision 7) together; session 2f",
				"it happens if each holds its first lock when the others do",
				"to prevent it, acquire them together, with a Set or etcd-lock exec /a '/b b' -- COMMAND; or all in one order; or under one more lock that is always acquired first",
			},
		},
		"Semaphore": {
			order.Potential{Classes: []string{"/a", "/pool"}, Stories: []order.Story{
				{Session: "a", Who: "a", Held: step("/a", keyspace.Write, 0), Wanted: permits(4, 4), Count: 1},
				{Session: "b", Who: "b", Held: permits(1, 4), Wanted: step("/a", keyspace.Write, 0), Count: 1},
			}},
			[]string{
				"potential deadlock on /a and /pool: a and b acquire them in opposite orders",
				"a held /a for writing when it requested 4 of 4 permits of /pool",
				"b held 1 of 4 permits of /pool when it requested /a for writing",
				"it happens if each holds its first lock when the others do",
				"to prevent it, acquire them together, with a Set; or all in one order; or under one more lock that is always acquired first",
			},
		},
		"Classes": {
			order.Potential{Classes: []string{"/orders/*", "/stock/*", "/x"}, Stories: []order.Story{
				{Session: "a", Who: "a", Held: step("/orders/1", keyspace.Write, 0), Wanted: step("/stock/1", keyspace.Write, 0), Count: 1},
				{Session: "b", Who: "a", Held: step("/stock/2", keyspace.Write, 0), Wanted: step("/x", keyspace.Write, 0), Count: 1},
				{Session: "c", Who: "c", Held: step("/x", keyspace.Write, 0), Wanted: step("/orders/1", keyspace.Write, 0), Count: 1},
			}},
			[]string{
				"potential deadlock on /orders/1, /stock/* and /x: a (a), a (b) and c acquire them in orders that make a cycle",
				"a held /orders/1 for writing when it requested /stock/1 for writing",
				"a held /stock/2 for writing when it requested /x for writing; session b",
				"c held /x for writing when it requested /orders/1 for writing",
				"these were different locks of one class: it takes clients that do so with the same ones",
				"it happens if each holds its first lock when the others do",
				"to prevent it, acquire them together, with a Set or etcd-lock exec /orders/1 /stock/2 /x -- COMMAND; or all in one order; or under one more lock that is always acquired first",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := Potential(cmdline.Flags{}, c.potential)
			if diff := cmp.Diff(c.want, append([]string{text.Headline}, text.Clauses...)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !strings.HasPrefix(text.Headline, "potential") {
				t.Errorf("%q says more than is known", text.Headline)
			}
		})
	}
}
