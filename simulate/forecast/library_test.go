package forecast_test

import (
	"testing"
	"time"

	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/scenario"
)

// TestLibraryIsPossible wants the model to find nothing in it that cannot be, and
// nothing that hangs on milliseconds.
func TestLibraryIsPossible(t *testing.T) {
	for _, sc := range scenario.Builtin() {
		f := forecast.Make(sc, forecast.Options{})
		if len(f.Failures) > 0 || !f.Faulty && len(f.Depends) > 0 {
			t.Errorf("%s: fails %v, depends %v", sc.Name, f.Failures, f.Depends)
		}
	}
}

// TestLibraryWithRaisedTTLs: the built-in scenarios pass on an etcd that raises TTLs,
// but for those in which a lease must expire in time; these do where they run slower.
func TestLibraryWithRaisedTTLs(t *testing.T) {
	too := map[string]time.Duration{"client-cut-off": 8 * time.Second, "waiter-crashes-in-the-middle": 8 * time.Second, "paused-holder-is-fenced": 15 * time.Second}
	for _, least := range []time.Duration{3 * time.Second, 8 * time.Second, 15 * time.Second, 75 * time.Second} {
		for _, sc := range scenario.Builtin() {
			f := forecast.Make(sc, forecast.Options{MinTTL: least})
			if long, ok := too[sc.Name]; (len(f.Failures) > 0) != (ok && least >= long) {
				t.Errorf("TTLs of %s, %s: fails %v", least, sc.Name, f.Failures)
			}
			f = forecast.Make(sc, forecast.Options{MinTTL: least, Speed: 1 / least.Seconds()})
			if len(f.Failures) > 0 || !f.Faulty && len(f.Depends) > 0 {
				t.Errorf("TTLs of %s, %s, slower: fails %v, depends %v", least, sc.Name, f.Failures, f.Depends)
			}
		}
	}
}
