package screens

import (
	"strconv"

	"etcd-lock/internal/inspect"
	"etcd-lock/tui/state"
)

// queueRow is a request with its position in the queue, and what it waits for.
type queueRow struct {
	inspect.Request
	at       int
	blockers int // how many requests block it
	nearest  int // the position of the last of these; -1: none
	role     string
}

// newQueueRows makes the rows of a queue in one pass, however long it is.
func newQueueRows(queue []inspect.Request) []queueRow {
	rows := make([]queueRow, len(queue))
	writers, first := 0, 0 // writers before the revision that begins at first
	for i, up := range parents(queue) {
		if i > 0 && queue[i].Revision != queue[i-1].Revision {
			for _, r := range queue[first:i] {
				if state.IsWriter(r) {
					writers++
				}
			}
			first = i
		}
		rows[i] = queueRow{Request: queue[i], at: i, nearest: up}
		if up < 0 {
			continue
		}
		rows[i].blockers, rows[i].role = writers, "reader"
		if state.IsWriter(queue[i]) {
			rows[i].blockers = first
		}
		if state.IsWriter(queue[up]) {
			rows[i].role = "writer"
		}
	}
	return rows
}

// why says how many block the request, and which of them is nearest.
func (r queueRow) why() string {
	if r.nearest < 0 {
		return ""
	}
	return "behind " + strconv.Itoa(r.blockers) + ": " + r.role + " #" + strconv.Itoa(r.nearest+1)
}
