package diagnose

import (
	"slices"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/servers"
)

// The kinds of findings that are about etcd itself.
const (
	Corrupt   Kind = "corrupt"    // an alarm: etcd refuses every write
	NoSpace   Kind = "no-space"   // an alarm: etcd refuses what needs space
	OldServer Kind = "old-server" // members have a version with known faults that touch locks
	Proxy     Kind = "proxy"      // etcd is reached through its grpc-proxy
)

// Cluster returns what is wrong with etcd itself, the worst first.
func Cluster(c inspect.Cluster) []Finding {
	var findings []Finding
	for _, a := range c.Alarms {
		findings = append(findings, Finding{Kind: map[inspect.Alarm]Kind{inspect.AlarmCorrupt: Corrupt, inspect.AlarmNoSpace: NoSpace}[a], Severity: Critical})
	}
	var old []string
	for _, s := range c.Servers {
		faults := servers.Faults(s.Version)
		if len(faults) == 0 || slices.Contains(old, s.Version) {
			continue
		}
		old = append(old, s.Version)
		findings = append(findings, Finding{
			Kind: OldServer, Severity: Warning, Faults: faults,
			Servers: slices.DeleteFunc(slices.Clone(c.Servers), func(o inspect.Server) bool { return o.Version != s.Version }),
		})
	}
	if c.Proxied {
		findings = append(findings, Finding{Kind: Proxy, Severity: Notice})
	}
	return findings
}

// With returns the diagnosis with findings about etcd itself among its own.
func (d Diagnosis) With(cluster []Finding) Diagnosis {
	if len(cluster) == 0 {
		return d
	}
	d.Findings = slices.Concat(cluster, d.Findings)
	d.corrupt = d.corrupt || slices.ContainsFunc(cluster, func(f Finding) bool { return f.Kind == Corrupt })
	for i := range d.Findings {
		d.Findings[i].Remedies = d.possible(d.Findings[i].Remedies)
	}
	rank(d.Findings, func(f Finding) *Finding { return &f })
	return d
}

// possible returns remedies, marked as refused where etcd refuses every write.
func (d Diagnosis) possible(remedies []Remedy) []Remedy {
	if !d.corrupt {
		return remedies
	}
	remedies = slices.Clone(remedies) // findings share those of a deadlock
	for i := range remedies {
		remedies[i].Refused = remedies[i].Look == nil
	}
	return remedies
}

// OfCluster reports whether the finding is about etcd itself, and no lock.
func (f Finding) OfCluster() bool {
	return slices.Contains([]Kind{Corrupt, NoSpace, OldServer, Proxy}, f.Kind)
}

// IsAlarm reports whether the finding is an alarm, because of which etcd refuses writes.
func (f Finding) IsAlarm() bool { return f.Kind == Corrupt || f.Kind == NoSpace }

// first returns the first lock that the finding is about, the zero value if it is about
// none.
func (f Finding) first() inspect.LockID {
	if len(f.Locks) == 0 {
		return inspect.LockID{}
	}
	return f.Locks[0]
}
