package record

import (
	"math"
	"slices"
	"time"
)

// space delays requests for a lock so that they are minSpacing apart. Requests that
// existed at the beginning came in this order, but their times are unknown.
func (r *recorder) space(all []*visit) {
	last := map[string]time.Duration{} // when a lock was last requested
	bySession := map[string]*delays{}
	for _, v := range all {
		d := bySession[v.session]
		if d == nil {
			d = &delays{}
			bySession[v.session] = d
		}
		at := d.start(v)
		for _, l := range v.locks {
			if before, ok := last[l.Name]; ok {
				at = max(at, before+minSpacing)
			}
		}
		for _, l := range v.locks {
			last[l.Name] = at
		}
		d.delay(v, at)
	}
	for _, v := range all {
		bySession[v.session].apply(v)
		r.opts.Until = max(r.opts.Until, v.asked, v.granted, v.gone)
	}
}

// delays are the delays of a session: how much later it does everything from a time on.
type delays struct {
	steps []struct{ from, by time.Duration }
	busy  time.Duration // until when it did something
}

// by returns the delay at a time.
func (d *delays) by(at time.Duration) time.Duration {
	for _, s := range slices.Backward(d.steps) {
		if s.from <= at {
			return s.by
		}
	}
	return 0
}

// start returns when a visit can begin. A session that was idle for long enough is not
// late any more.
func (d *delays) start(v *visit) time.Duration {
	return max(v.asked, min(v.asked, d.busy)+d.by(v.asked))
}

// delay notes that a visit begins at a time instead.
func (d *delays) delay(v *visit, at time.Duration) {
	d.steps = append(d.steps, struct{ from, by time.Duration }{v.asked, at - v.asked})
	d.busy = max(d.busy, v.asked, v.granted, v.gone)
	if v.gone == none {
		d.busy = math.MaxInt64 / 2
	}
}

// apply delays all times of a visit.
func (d *delays) apply(v *visit) {
	for _, t := range []*time.Duration{&v.asked, &v.granted, &v.gone} {
		if *t != none {
			*t += d.by(*t)
		}
	}
	for i := range v.changes {
		v.changes[i].at += d.by(v.changes[i].at)
	}
}
