package servers

import (
	"slices"
	"strings"
	"testing"
)

// TestFaults goes through the releases on both sides of each that mends a fault.
func TestFaults(t *testing.T) {
	for version, want := range map[string]string{
		"3.4.0":  "wrong-revoke>3.4.31 renewed-revoked>3.4.38 stale-read>3.4.42 lost-events>3.4.36 early-progress>3.4.25 watch-rights>3.5.33",
		"3.4.23": "wrong-revoke>3.4.31 renewed-revoked>3.4.38 stale-read>3.4.42 lost-events>3.4.36 early-progress>3.4.25 watch-rights>3.5.33",
		"3.4.25": "wrong-revoke>3.4.31 renewed-revoked>3.4.38 stale-read>3.4.42 lost-events>3.4.36 watch-rights>3.5.33",
		"3.4.31": "renewed-revoked>3.4.38 stale-read>3.4.42 lost-events>3.4.36 watch-rights>3.5.33",
		"3.4.36": "renewed-revoked>3.4.38 stale-read>3.4.42 watch-rights>3.5.33",
		"3.4.38": "stale-read>3.4.42 watch-rights>3.5.33",
		"3.4.45": "watch-rights>3.5.33",

		"3.5.0":  "inconsistent-data>3.5.3 wrong-revoke>3.5.13 renewed-revoked>3.5.23 stale-read>3.5.28 lost-events>3.5.18 early-progress>3.5.8 watch-rights>3.5.33",
		"3.5.3":  "wrong-revoke>3.5.13 renewed-revoked>3.5.23 stale-read>3.5.28 lost-events>3.5.18 early-progress>3.5.8 watch-rights>3.5.33",
		"3.5.8":  "wrong-revoke>3.5.13 renewed-revoked>3.5.23 stale-read>3.5.28 lost-events>3.5.18 watch-rights>3.5.33",
		"3.5.13": "renewed-revoked>3.5.23 stale-read>3.5.28 lost-events>3.5.18 watch-rights>3.5.33",
		"3.5.18": "renewed-revoked>3.5.23 stale-read>3.5.28 watch-rights>3.5.33",
		"3.5.23": "stale-read>3.5.28 watch-rights>3.5.33",
		"3.5.28": "watch-rights>3.5.33",
		"3.5.33": "",

		"3.6.0": "renewed-revoked>3.6.5 stale-read>3.6.9 watch-rights>3.6.14",
		"3.6.4": "renewed-revoked>3.6.5 stale-read>3.6.9 watch-rights>3.6.14",
		"3.6.5": "stale-read>3.6.9 watch-rights>3.6.14",
		"3.6.9": "watch-rights>3.6.14", "3.6.14": "", "3.6.16": "",
		"3.7.0": "watch-rights>3.7.1", "3.7.1": "", "3.7.3": "", "3.8.0": "",

		"3.3.27": "", "4.0.0": "", "2.3.8": "", "": "", "unknown": "", "3.5": "", "3.x.1": "",
	} {
		var got []string
		for _, f := range Faults(version) {
			got = append(got, string(f.Kind)+">"+f.MendedIn(version))
			if !strings.Contains(f.Source, "etcd-io/etcd/") {
				t.Errorf("%s: source %q", f.Kind, f.Source)
			}
		}
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("Faults(%q) = %q, want %q", version, got, want)
		}
	}
}

func TestTellsProgress(t *testing.T) {
	for version, want := range map[string]bool{
		"3.3.27": false, "3.4.0": false, "3.4.24": false, "3.4.25": true, "3.5.0": false, "3.5.7": false, "3.5.8": true,
		"3.6.0-alpha.0": true, "3.7.3": true, "4.0.0": true, "": false, "unknown": false,
	} {
		if got := TellsProgress(version); got != want {
			t.Errorf("TellsProgress(%q) = %v", version, got)
		}
	}
}
