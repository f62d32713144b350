package flight

import (
	"maps"
	"slices"
	"strings"
)

// Findings records which problems were raised and cleared since the last call, given all
// there are now.
func (r *Recorder) Findings(all []Finding) {
	now := make(map[string]Finding, len(all))
	line := Line{Kind: KindFindings}
	for _, f := range all {
		id := f.id()
		if _, known := r.findings[id]; !known {
			line.Raised = append(line.Raised, f)
		}
		now[id] = f
	}
	for _, id := range slices.Sorted(maps.Keys(r.findings)) {
		if _, left := now[id]; !left {
			line.Cleared = append(line.Cleared, r.findings[id])
		}
	}
	r.findings = now
	if len(line.Raised)+len(line.Cleared) > 0 {
		r.readClock()
		r.add(line)
	}
}

// takeFindings returns the findings, to be recorded anew in a new segment.
func (r *Recorder) takeFindings() []Finding {
	all := make([]Finding, 0, len(r.findings))
	for _, id := range slices.Sorted(maps.Keys(r.findings)) {
		all = append(all, r.findings[id])
	}
	r.findings = map[string]Finding{}
	return all
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
