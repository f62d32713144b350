package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"etcd-lock/internal/access"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/backend"
)

// rights tells the terminal UI why etcd refuses.
type rights struct{ *remote }

// Refused implements backend.Rights.
func (r rights) Refused(err error) bool {
	return access.Refused(err) || access.Unnamed(err) || access.Unknown(err)
}

// Explain implements backend.Rights.
func (r rights) Explain(ctx context.Context, prefix string, refusal error) backend.Refusal {
	switch {
	case access.Unnamed(refusal):
		return backend.Refusal{Why: "etcd wants to know who asks", Helps: "start again with --user, or with --cert and --key"}
	case access.Unknown(refusal):
		return backend.Refusal{
			Why:   fmt.Sprintf("etcd does not know user %s with that password any more", printable.Shell(r.user)),
			Helps: "start again with the new one; or it goes on when etcd knows the old one again",
		}
	}
	where := printable.Shell(prefix)
	if prefix == "" {
		where = "all keys"
	}
	return backend.Refusal{
		Why:   "user " + printable.Shell(r.user) + " may not read " + where,
		Helps: r.readable(ctx, prefix),
	}
}

// readable is what the user may read, and how to look at it.
func (r rights) readable(ctx context.Context, prefix string) string {
	var grants access.Grants
	err := r.ask(ctx, func(ctx context.Context) (err error) {
		grants, err = access.FindGrants(ctx, r.client, r.user)
		return err
	})
	role := "etcd-lock access"
	if prefix != "" {
		role += " " + printable.Shell(prefix)
	}
	switch {
	case err != nil:
		return "etcd tells of no rights; " + role + " prints the roles that have them"
	case len(grants.Read) == 0:
		return "may read nothing; " + role + " prints the roles that do"
	}
	prefixes := prefixes(grants.Read, prefix)
	if len(prefixes) == 0 {
		return "may read " + access.Words(grants.Read) + "; " + role + " prints the roles that may"
	}
	return "may read " + some(prefixes) + ": etcd-lock tui " + prefixes[0]
}

// some are the first of many.
func some(words []string) string {
	const few = 3
	if more := len(words) - few; more > 0 {
		return strings.Join(words[:few], ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(words, ", ")
}

// prefixes are those whose keys may all be read, as a shell takes them: first
// those below the one that was asked for.
func prefixes(ranges []access.Range, asked string) []string {
	var below, others []string
	for _, r := range ranges {
		p, ok := r.Prefix()
		switch {
		case !ok:
		case strings.HasPrefix(p, asked):
			below = append(below, printable.Shell(p))
		default:
			others = append(others, printable.Shell(p))
		}
	}
	return slices.Concat(below, others)
}
