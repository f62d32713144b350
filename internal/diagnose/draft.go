package diagnose

import (
	"math"
	"slices"

	"etcd-lock/internal/inspect"
)

// More is the findings that are not in a diagnosis of the worst ones.
type More struct {
	Counts map[Severity]int
	Locks  map[inspect.LockID]Brief // the worst of each lock
}

// Len counts them.
func (m More) Len() int {
	n := 0
	for _, count := range m.Counts {
		n += count
	}
	return n
}

// Brief is what tells findings apart that are not in a diagnosis in full.
type Brief struct {
	Kind     Kind
	Severity Severity
	Behind   int
}

// Brief says the finding in brief.
func (f *Finding) Brief() Brief { return Brief{f.Kind, f.Severity, f.Behind} }

// draft is a finding that may turn out not to be among the worst.
type draft struct {
	Finding
	advice
	joined int // others, see join
}

// advice is what takes most time and memory of a finding, so that only those that are among
// the worst get it. Its functions are nil where there is nothing to say.
type advice struct {
	remedies func() []Remedy
	end      func() Effect // of the session
}

// add adds a finding.
func (e *examiner) add(f Finding, a advice) { e.addDraft(&draft{Finding: f, advice: a}) }

func (e *examiner) addDraft(d *draft) {
	if e.drafts = append(e.drafts, d); len(e.drafts)/2 >= e.most {
		e.leaveOut()
	}
}

// leaveOut leaves out all but the worst findings, of which those before are more.
func (e *examiner) leaveOut() {
	rank(e.drafts, func(d *draft) *Finding { return &d.Finding })
	kept := min(len(e.drafts), e.most)
	for _, d := range e.drafts[kept:] {
		if e.more.Counts == nil {
			e.more = More{map[Severity]int{}, map[inspect.LockID]Brief{}}
		}
		e.more.Counts[d.Severity]++
		for _, id := range d.Locks {
			if e.more.Locks[id].Severity < d.Severity {
				e.more.Locks[id] = d.Brief()
			}
		}
	}
	clear(e.drafts[kept:])
	e.drafts = e.drafts[:kept]
}

// findings returns the worst findings, the worst first, each with what helps.
func (e *examiner) findings() []Finding {
	e.leaveOut()
	all := make([]Finding, 0, len(e.drafts))
	for _, d := range e.drafts {
		if d.end != nil && !e.brief {
			d.End = d.end()
		}
		if d.remedies != nil && !e.brief {
			d.Remedies = d.remedies()
		}
		all = append(all, d.Finding)
	}
	return all
}

// all is a number of findings that none exceeds.
const all = math.MaxInt

// join adds what a finding about another key says to one about another key in the way of the
// same locks.
func (d *draft) join(f Finding, a advice) {
	d.More++
	d.Behind = max(d.Behind, f.Behind)
	d.joined++
	if first := d.remedies; d.joined < maxRemedies {
		d.remedies = func() []Remedy { return slices.Concat(first(), a.remedies()) }
	}
}
