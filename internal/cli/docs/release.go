package docs

import (
	"fmt"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/format"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/release"
)

// Release is what release prints as JSON.
type Release struct {
	Lease            string    `json:"lease,omitempty"`
	Revision         int64     `json:"revision"`
	Gone             []Request `json:"gone"`
	Others           []string  `json:"others"`
	OthersBase64     []string  `json:"others_base64,omitempty"`
	Partial          []string  `json:"partial,omitempty"`
	PartialBase64    []string  `json:"partial_base64,omitempty"`
	Granted          []Request `json:"granted"`
	InParts          bool      `json:"in_parts,omitempty"`
	Released         bool      `json:"released"`
	ReleasedRevision int64     `json:"released_revision,omitempty"`

	others []inspect.Request // for people
}

// NewRelease returns the document of a plan.
func NewRelease(plan release.Plan) Release {
	doc := Release{
		Revision: plan.Revision,
		Gone:     NewRequests(plan.Gone),
		Granted:  NewRequests(plan.Granted),
		InParts:  plan.InParts(),
		others:   plan.Others,
	}
	others, partial := plan.OtherKeys()
	doc.Others, doc.OthersBase64 = append([]string{}, others...), output.Base64s(others)
	doc.Partial, doc.PartialBase64 = partial, output.Base64s(partial)
	if plan.Lease != 0 {
		doc.Lease = format.Lease(plan.Lease)
	}
	return doc
}

// Write prints the plan for people.
func (d Release) Write(out output.Printer) error {
	var rows [][]output.Cell
	for _, r := range d.Gone {
		rows = append(rows, d.row(output.Cell{Text: "remove", Tone: output.Critical}, r))
	}
	for _, o := range d.others {
		rows = append(rows, append([]output.Cell{{Text: "remove", Tone: output.Critical}}, output.Row("-", "-", "-", o.AsOther(), o.Key)...))
	}
	for _, r := range d.Granted {
		rows = append(rows, d.row(output.Cell{Text: "grant", Tone: output.Holding}, r))
	}
	if len(rows) == 0 {
		return out.Line(output.Cell{Text: "the session has no keys"})
	}
	if err := out.Table([]string{"WHAT", "LOCK", "MODE", "STATE", "OWNER", "KEY"}, rows); err != nil || !d.InParts {
		return err
	}
	return out.Line(output.Cell{Text: fmt.Sprintf("%d keys are removed, too many for one transaction: they are checked in parts before", len(d.Gone)+len(d.Others)) +
		" the lease is revoked, and a key that is attached to it meanwhile is removed too"})
}

func (d Release) row(what output.Cell, r Request) []output.Cell {
	return append([]output.Cell{what}, output.Row(format.Name(r.Name), r.modeText(), r.State, Owner(r.Owner), r.Key)...)
}
