package forecast_test

import (
	"testing"

	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/scenario"
)

// TestLibraryIsPossible wants the model to find nothing in it that cannot be, and
// nothing that hangs on milliseconds.
func TestLibraryIsPossible(t *testing.T) {
	for _, sc := range scenario.Builtin() {
		f := forecast.Make(sc, sc.Seed)
		if len(f.Failures) > 0 || !f.Faulty && len(f.Depends) > 0 {
			t.Errorf("%s: fails %v, depends %v", sc.Name, f.Failures, f.Depends)
		}
	}
}
