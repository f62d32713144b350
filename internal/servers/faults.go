// Package servers knows the faults of etcd's releases that touch locks: which releases
// have them, and which mend them. It is what etcd's changelogs and source say, and no
// more than that.
package servers

import "fmt"

// Kind names a fault.
type Kind string

// The faults.
const (
	Inconsistent   Kind = "inconsistent-data" // members may have different data after a crash
	EarlyProgress  Kind = "early-progress"    // a watch's progress is reported before its events
	WrongRevoke    Kind = "wrong-revoke"      // a leader that was replaced revokes leases that clients renew
	LostEvents     Kind = "lost-events"       // a watch may lose events around a compaction
	RenewedRevoked Kind = "renewed-revoked"   // a renewal may succeed for a lease that is being revoked
	StaleRead      Kind = "stale-read"        // a linearizable read may return an earlier state
	WatchRights    Kind = "watch-rights"      // a user who may read one key can watch all keys after it
)

// Fault is a fault of some releases of etcd 3.
type Fault struct {
	Kind   Kind
	Source string // where etcd says so

	since  release         // the first release that is known to have it; zero: 3.4.0
	mended map[int]release // by minor version, the first release that does not have it
}

// release is a release of etcd 3. Pre-releases count as the release.
type release struct{ minor, patch int }

const repository = "github.com/etcd-io/etcd/"

// faults are in the order in which they are told: those that may grant a lock twice or
// end a healthy holder first.
var faults = []Fault{
	{
		Kind: Inconsistent, Source: repository + "issues/13766",
		since: release{5, 0}, mended: mendedIn(release{5, 3}),
	},
	{
		Kind: WrongRevoke, Source: repository + "issues/15247",
		mended: mendedIn(release{4, 31}, release{5, 13}),
	},
	{
		Kind: RenewedRevoked, Source: repository + "pull/20590",
		mended: mendedIn(release{4, 38}, release{5, 23}, release{6, 5}),
	},
	{
		Kind: StaleRead, Source: repository + "issues/20418",
		mended: mendedIn(release{4, 42}, release{5, 28}, release{6, 9}),
	},
	{
		Kind: LostEvents, Source: repository + "pull/17555, and issues/19179",
		mended: mendedIn(release{4, 36}, release{5, 18}),
	},
	{
		Kind: EarlyProgress, Source: repository + "issues/15220",
		mended: mendedIn(release{4, 25}, release{5, 8}),
	},
	{
		Kind: WatchRights, Source: repository + "security/advisories/GHSA-xg4h-6gfc-h4m8",
		mended: mendedIn(release{5, 33}, release{6, 14}, release{7, 1}),
	},
}

func mendedIn(releases ...release) map[int]release {
	mended := map[int]release{}
	for _, r := range releases {
		mended[r.minor] = r
	}
	return mended
}

// oldest is the oldest minor version whose faults are known.
const oldest = 4

// Faults returns the known faults of a version, such as 3.5.7. Those before 3.4 and
// after etcd 3 have none that are known.
func Faults(version string) []Fault {
	r, ok := parse(version)
	if !ok || r.minor < oldest {
		return nil
	}
	var has []Fault
	for _, f := range faults {
		if f.in(r) {
			has = append(has, f)
		}
	}
	return has
}

// TellsProgress reports whether an etcd of that version reports a watch's progress only
// after the events. An unknown version is not believed.
func TellsProgress(version string) bool {
	r, ok := parse(version)
	if !ok {
		return isLater(version)
	}
	for _, f := range faults {
		if f.Kind == EarlyProgress {
			return !f.in(r)
		}
	}
	return true
}

// MendedIn returns the release that mends the fault: of the version's minor version, or
// of the next one that has such a release.
func (f Fault) MendedIn(version string) string {
	r, ok := parse(version)
	if !ok {
		return ""
	}
	for minor := r.minor; minor <= f.newest(); minor++ {
		if m, ok := f.mended[minor]; ok {
			return fmt.Sprintf("3.%d.%d", m.minor, m.patch)
		}
	}
	return ""
}

// in reports whether a release has the fault.
func (f Fault) in(r release) bool {
	if r.minor < f.since.minor || r.minor == f.since.minor && r.patch < f.since.patch {
		return false
	}
	if m, ok := f.mended[r.minor]; ok {
		return r.patch < m.patch
	}
	return r.minor < f.newest() // minor versions after that began without it
}

// newest returns the newest minor version that has a release that mends the fault.
func (f Fault) newest() int {
	newest := 0
	for minor := range f.mended {
		newest = max(newest, minor)
	}
	return newest
}

// parse reads the version of an etcd 3.
func parse(version string) (release, bool) {
	var major int
	var r release
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &r.minor, &r.patch); err != nil || major != 3 {
		return release{}, false
	}
	return r, true
}

// isLater reports whether a version is of an etcd after etcd 3.
func isLater(version string) bool {
	var major, minor, patch int
	_, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch)
	return err == nil && major > 3
}
