package profiling

import (
	"time"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/profile"
)

// Help documents the fields of JSON.
const Help = `With -o json:
  from, to            of the time that was watched
  watched_seconds     less than that if a clock was set
  doubts              of a recording: what cannot be read of it, a sentence each; absent
                      without any
  gaps, gap_seconds   times in which not all events were seen, and how long these took
  events              that were seen
  waited_seconds      by all requests together
  classes             of locks, those that were waited for longest first:
    name, name_base64   the names of its locks, with * for numbers and IDs
    other               true: all those beyond the first 2000
    waited_seconds      by all requests together, while it was watched
    share               of all that was waited, from 0 to 1
    wait, hold          of its requests:
      count
      at_least            of these, the beginning or the end was not seen
      total_seconds       from beginning to end, also before it was watched
      p50, p99, max       each: seconds, and at_least: true if it may be more
    first, last         when one was seen to begin or end
    waits_unknown       true: clients that wait for some of its locks leave no key
  owners              by label, program or host; as classes, and:
    caused_seconds      that others waited in chains that it is the head of
  chains              who waited for whom, the costliest first:
    owners              the one that waits first, and each waits for the next
    owners_base64       the same, where one is not valid UTF-8
    end                 idle: the last one holds and waits for no other; deadlock: it
                        waits for one before it; other_key: it waits for a key that is no
                        lock request; unknown; deeper: the chain goes on
    other               true: all those beyond the first 4000
    waited_seconds, share
    wait                of stretches of waits for this chain, as above
    first, last
  part_seconds        the length of a part of the time
  parts               what was waited in each part, in seconds`

// doc is a profile in JSON.
type doc struct {
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"`
	Watched float64    `json:"watched_seconds"`
	Doubts  []string   `json:"doubts,omitempty"`
	Gaps    int        `json:"gaps"`
	InGaps  float64    `json:"gap_seconds"`
	Events  int        `json:"events"`
	Waited  float64    `json:"waited_seconds"`
	Classes []groupDoc `json:"classes"`
	Owners  []ownerDoc `json:"owners"`
	Chains  []chainDoc `json:"chains"`
	Width   float64    `json:"part_seconds"`
	Parts   []float64  `json:"parts"`
}

type groupDoc struct {
	Name       string    `json:"name"`
	NameBase64 string    `json:"name_base64,omitempty"`
	Other      bool      `json:"other,omitempty"`
	Waited     float64   `json:"waited_seconds"`
	Share      float64   `json:"share"`
	Wait       spreadDoc `json:"wait"`
	Hold       spreadDoc `json:"hold"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
	Unknown    bool      `json:"waits_unknown,omitempty"`
}

type ownerDoc struct {
	groupDoc
	Caused float64 `json:"caused_seconds"`
}

type chainDoc struct {
	Owners       []string  `json:"owners"`
	OwnersBase64 []string  `json:"owners_base64,omitempty"`
	End          string    `json:"end"`
	Other        bool      `json:"other,omitempty"`
	Waited       float64   `json:"waited_seconds"`
	Share        float64   `json:"share"`
	Wait         spreadDoc `json:"wait"`
	First        time.Time `json:"first"`
	Last         time.Time `json:"last"`
}

type spreadDoc struct {
	Count   int       `json:"count"`
	AtLeast int       `json:"at_least"`
	Total   float64   `json:"total_seconds"`
	P50     amountDoc `json:"p50"`
	P99     amountDoc `json:"p99"`
	Max     amountDoc `json:"max"`
}

type amountDoc struct {
	Seconds float64 `json:"seconds"`
	AtLeast bool    `json:"at_least,omitempty"`
}

var endWords = map[profile.End]string{
	profile.EndIdle: "idle", profile.EndDeadlock: "deadlock", profile.EndOtherKey: "other_key", profile.EndUnknown: "unknown", profile.EndDeeper: "deeper",
}

func newDoc(p profile.Profile) doc {
	d := doc{
		From: p.From, To: p.To, Watched: p.Watched.Seconds(), Gaps: p.Gaps, InGaps: p.InGaps.Seconds(), Events: p.Events, Waited: p.Waited.Seconds(),
		Classes: []groupDoc{}, Owners: []ownerDoc{}, Chains: []chainDoc{}, Width: p.Width.Seconds(), Parts: []float64{},
	}
	for _, g := range p.Classes {
		d.Classes = append(d.Classes, newGroupDoc(g))
	}
	for _, g := range p.Owners {
		d.Owners = append(d.Owners, ownerDoc{newGroupDoc(g), g.Caused.Seconds()})
	}
	for _, c := range p.Chains {
		owners := append([]string{}, c.Owners...)
		d.Chains = append(d.Chains, chainDoc{
			Owners: owners, OwnersBase64: output.Base64s(owners), End: endWords[c.End], Other: c.Other(),
			Waited: c.Waited.Seconds(), Share: c.Share, Wait: newSpreadDoc(c.Wait), First: c.First, Last: c.Last,
		})
	}
	for _, part := range parts(p) {
		d.Parts = append(d.Parts, part.Seconds())
	}
	return d
}

// parts returns what was waited in each part of the time.
func parts(p profile.Profile) []time.Duration {
	all := make([]time.Duration, max(0, int(p.To.Sub(p.From)/p.Width))+1)
	for _, c := range p.Cells {
		for c.Part >= len(all) { // the clock went back
			all = append(all, 0)
		}
		all[c.Part] += c.Waited
	}
	return all
}

func newGroupDoc(g profile.Group) groupDoc {
	return groupDoc{
		Name: g.Name, NameBase64: output.Base64(g.Name), Other: g.Other, Waited: g.Waited.Seconds(), Share: g.Share,
		Wait: newSpreadDoc(g.Wait), Hold: newSpreadDoc(g.Hold), First: g.First, Last: g.Last, Unknown: g.Unrecorded,
	}
}

func newSpreadDoc(s profile.Spread) spreadDoc {
	amount := func(a profile.Amount) amountDoc { return amountDoc{a.Seconds(), a.AtLeast} }
	return spreadDoc{Count: s.Count, AtLeast: s.AtLeast, Total: s.Total.Seconds(), P50: amount(s.P50), P99: amount(s.P99), Max: amount(s.Max)}
}
