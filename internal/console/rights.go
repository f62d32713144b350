package console

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"etcd-lock/internal/access"
	"etcd-lock/internal/connect"
	"etcd-lock/internal/format"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/printable"
	"etcd-lock/tui/backend"
)

// rights explains why etcd does not permit something.
type rights struct{ *connect.Conn }

// Refused implements backend.Rights.
func (r rights) Refused(err error) bool {
	return access.IsPermissionDenied(err) || access.IsAuthRequired(err) || access.IsBadCredentials(err)
}

// Explain implements backend.Rights.
func (r rights) Explain(ctx context.Context, shown keyspace.Prefixes, refusal error) backend.Refusal {
	switch {
	case access.IsAuthRequired(refusal):
		return backend.Refusal{Why: "etcd requires authentication", Helps: "restart with --user, or with --cert and --key"}
	case access.IsBadCredentials(refusal):
		return backend.Refusal{
			Why:   fmt.Sprintf("etcd no longer accepts user %s with this password", printable.Shell(r.User)),
			Helps: "restart with the new password; the old one is tried ever more rarely, at least every ten minutes",
		}
	}
	where := "all keys"
	switch {
	case shown.All():
	case len(shown) > 1: // perhaps some of them
		where = "all of " + format.Some(quoted(shown), maxNamed)
	default:
		where = printable.Shell(shown[0])
	}
	return backend.Refusal{
		Why:   "user " + printable.Shell(r.User) + " may not read " + where,
		Helps: r.readable(ctx, shown),
	}
}

// readable says what the user may read, and how to show that.
func (r rights) readable(ctx context.Context, shown keyspace.Prefixes) string {
	var grants access.Grants
	err := r.Do(ctx, func(ctx context.Context) (err error) {
		grants, err = access.FindGrants(ctx, r.Client, r.User)
		return err
	})
	role := r.Flags.Line("access")
	if !shown.All() {
		role = r.Flags.Line("access", shown[0])
	}
	switch {
	case err != nil:
		return "etcd does not list the user's permissions; " + role + " prints the roles that are needed"
	case len(grants.Read) == 0:
		return "may read nothing; " + role + " prints the roles that are needed"
	}
	prefixes := prefixes(grants.Read, shown)
	if len(prefixes) == 0 {
		return "may read " + access.Words(grants.Read) + "; " + role + " prints the roles that are needed"
	}
	return "may read " + format.Some(prefixes, maxNamed) + ": " + r.Flags.Line("tui") + " " + strings.Join(prefixes[:min(len(prefixes), maxNamed)], " ")
}

// maxNamed is how many prefixes are named.
const maxNamed = 3

// prefixes returns the ranges that are prefixes, quoted for a shell: first those
// below one that is shown.
func prefixes(ranges []access.Range, shown keyspace.Prefixes) []string {
	var below, others []string
	for _, p := range (access.Grants{Read: ranges}).ReadPrefixes() {
		if shown.Has(p) {
			below = append(below, p)
		} else {
			others = append(others, p)
		}
	}
	return quoted(slices.Concat(below, others))
}

func quoted(prefixes []string) []string {
	words := make([]string, 0, len(prefixes))
	for _, p := range prefixes {
		words = append(words, printable.Shell(p))
	}
	return words
}
