package record

import (
	"math"
	"slices"
	"time"
)

// space moves requests for a lock apart, later ones to later. What was there at
// the beginning came in this order, but nobody knows when.
func (r *recorder) space(all []*visit) {
	last := map[string]time.Duration{} // when a lock was asked for
	delays := map[string]*delay{}
	for _, v := range all {
		d := delays[v.session]
		if d == nil {
			d = &delay{}
			delays[v.session] = d
		}
		at := d.start(v)
		for _, l := range v.locks {
			if before, ok := last[l.Name]; ok {
				at = max(at, before+recordSpacing)
			}
		}
		for _, l := range v.locks {
			last[l.Name] = at
		}
		d.begins(v, at)
	}
	for _, v := range all {
		delays[v.session].move(v)
		r.opts.Until = max(r.opts.Until, v.asked, v.granted, v.gone)
	}
}

// delay is by how much a session comes later than it did, from some times on.
type delay struct {
	steps []struct{ from, by time.Duration }
	busy  time.Duration // until when it did something
}

func (d *delay) by(at time.Duration) time.Duration {
	for _, s := range slices.Backward(d.steps) {
		if s.from <= at {
			return s.by
		}
	}
	return 0
}

// start is when a visit can begin: a session that did nothing for long enough is
// in time again.
func (d *delay) start(v *visit) time.Duration {
	return max(v.asked, min(v.asked, d.busy)+d.by(v.asked))
}

// begins notes when a visit begins instead.
func (d *delay) begins(v *visit, at time.Duration) {
	d.steps = append(d.steps, struct{ from, by time.Duration }{v.asked, at - v.asked})
	d.busy = max(d.busy, v.asked, v.granted, v.gone)
	if v.gone == none {
		d.busy = math.MaxInt64 / 2
	}
}

// move moves all times of a visit.
func (d *delay) move(v *visit) {
	for _, t := range []*time.Duration{&v.asked, &v.granted, &v.gone} {
		if *t != none {
			*t += d.by(*t)
		}
	}
	for i := range v.changes {
		v.changes[i].at += d.by(v.changes[i].at)
	}
}
