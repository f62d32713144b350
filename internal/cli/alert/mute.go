package alert

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"etcd-lock/internal/diagnose"
	"etcd-lock/internal/interrupt"
	"etcd-lock/internal/layout"
)

// mute says that a kind of problem is muted for some time.
type mute struct {
	until time.Time
	kind  string       // anyKind for all
	lock  *layout.Glob // nil: whatever the lock is
}

const anyKind = "*"

// mutes is what a file of mutes says.
type mutes []mute

// readMutes reads a file of mutes. An empty name is a file without any.
func readMutes(ctx context.Context, file string) (mutes, error) {
	if file == "" {
		return nil, nil
	}
	b, err := interrupt.ReadFile(ctx, file)
	switch {
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("--mutes: %w", err)
	}
	return parseMutes(file, b)
}

// parseMutes parses a file of mutes.
func parseMutes(file string, b []byte) (all mutes, err error) {
	for i, line := range strings.Split(string(b), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		m, err := parseMute(line)
		if err != nil {
			return nil, fmt.Errorf("--mutes: %s:%d: %w", file, i+1, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// parseMute parses a line of a file: "UNTIL KIND" or "UNTIL KIND:LOCK".
func parseMute(line string) (mute, error) {
	when, what, _ := strings.Cut(line, " ")
	until, err := time.Parse(time.RFC3339, when)
	if err != nil {
		return mute{}, fmt.Errorf("%q is not a time such as 2026-11-28T14:00:00Z", when)
	}
	return newMute(until, strings.TrimSpace(what))
}

// parseMuteFlag parses "KIND=UNTIL" or "KIND:LOCK=UNTIL", where UNTIL is a time or, of what
// runs for long, for how long from now on.
func parseMuteFlag(text string, now time.Time, runs bool) (mute, error) {
	i := strings.LastIndexByte(text, '=')
	if i < 0 {
		return mute{}, errors.New("must be KIND=UNTIL or KIND:LOCK=UNTIL, such as long-wait:/jobs/**=2h")
	}
	what, when := text[:i], text[i+1:]
	until, err := time.Parse(time.RFC3339, when)
	if d, durationErr := time.ParseDuration(when); durationErr == nil && d > 0 {
		if !runs {
			return mute{}, fmt.Errorf("with --fail-on, %q would begin anew each time: name a time such as 2026-11-28T14:00:00Z", when)
		}
		until, err = now.Add(d), nil
	}
	if err != nil {
		return mute{}, fmt.Errorf("%q is neither a duration such as 2h nor a time such as 2026-11-28T14:00:00Z", when)
	}
	return newMute(until, what)
}

// newMute returns the mute of "KIND" or "KIND:LOCK".
func newMute(until time.Time, what string) (mute, error) {
	kind, lock, named := strings.Cut(what, ":")
	if kind != anyKind && kind != string(noContact) && !slices.Contains(diagnose.Kinds(), diagnose.Kind(kind)) {
		return mute{}, fmt.Errorf("%q is not a kind of problem, see etcd-lock why --help", kind)
	}
	m := mute{until: until, kind: kind}
	if named {
		glob, err := layout.ParseGlob(lock)
		if err != nil {
			return mute{}, fmt.Errorf("lock %q: %w", lock, err)
		}
		m.lock = &glob
	}
	return m, nil
}

// parseFlags parses what flags mute from a time on.
func (f *Flags) parseFlags(now time.Time) error {
	f.muted = nil
	for _, text := range f.Mute {
		m, err := parseMuteFlag(text, now, f.Watch)
		if err != nil {
			return fmt.Errorf("--mute %s: %w", text, err)
		}
		f.muted = append(f.muted, m)
	}
	return nil
}

// until returns until when an alert is muted at a time, zero if it is not.
func (all mutes) until(a alert, now time.Time) (until time.Time) {
	for _, m := range all {
		if now.Before(m.until) && m.until.After(until) && m.mutes(a) {
			until = m.until
		}
	}
	return until
}

func (m mute) mutes(a alert) bool {
	if m.kind != anyKind && m.kind != string(a.kind) {
		return false
	}
	return m.lock == nil || slices.ContainsFunc(a.locks, m.lock.Match)
}

// muteFile reads a file of mutes whenever it has changed. A pipe is read once.
type muteFile struct {
	name    string
	always  mutes // of flags
	mutes   mutes
	changed time.Time
	size    int64
	failed  string
}

// until returns until when an alert is muted at a time, zero if it is not.
func (f *muteFile) until(a alert, now time.Time) time.Time {
	return slices.Concat(f.always, f.mutes).until(a, now)
}

// refresh reads the file again if it has changed. If that fails, what it said before
// applies, and warn is called once.
func (f *muteFile) refresh(warn func(string)) {
	if f.name == "" {
		return
	}
	info, err := os.Stat(f.name)
	if err == nil {
		if !info.Mode().IsRegular() || info.ModTime().Equal(f.changed) && info.Size() == f.size {
			return
		}
		var b []byte
		if b, err = os.ReadFile(f.name); err == nil {
			var all mutes
			if all, err = parseMutes(f.name, b); err == nil {
				f.mutes, f.failed = all, ""
			}
		}
		f.changed, f.size = info.ModTime(), info.Size()
	}
	if err != nil && f.failed != err.Error() {
		f.failed = err.Error()
		warn(f.failed + "; what it said before applies")
	}
}
