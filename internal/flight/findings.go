package flight

import "strings"

// Findings records which problems were raised and cleared since the last call, given all
// there are now.
func (r *Recorder) Findings(all []Finding) {
	changes := r.findings.Look(r.now, all)
	if len(changes.Raised)+len(changes.Cleared) > 0 {
		r.readClock()
		r.add(Line{Kind: KindFindings, Raised: changes.Raised, Cleared: changes.Cleared})
	}
}

// takeFindings returns the findings, to be recorded anew in a new segment.
func (r *Recorder) takeFindings() []Finding {
	defer r.findings.Forget()
	return r.findings.Open()
}

// id identifies a finding whatever its text: ages in it change.
func (f Finding) id() string {
	parts := []string{f.Kind}
	for _, list := range [][]Text{f.Locks, f.Sessions} {
		parts = append(parts, "")
		for _, t := range list {
			parts = append(parts, string(t))
		}
	}
	return strings.Join(parts, "\x00")
}
