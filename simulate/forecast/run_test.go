package forecast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/simulate"
	"etcd-lock/simulate/forecast"
	"etcd-lock/simulate/internal/simtest"
	"etcd-lock/simulate/scenario"
)

// TestForecastIsTheRun wants a run on an etcd to come to what the forecast says of it.
// A machine under load may be late by more than the scenario has to spare: then
// it gets another chance.
func TestForecastIsTheRun(t *testing.T) {
	endpoint := etcdtest.Shared(t)
	etcd := simtest.At(endpoint)
	const spare = 40 * time.Millisecond
	sample, err := scenario.Find("four-clients")
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []*scenario.Scenario{sample}
	for seed := uint64(0); len(scenarios) < 12; seed++ {
		data, err := scenario.Encode(simtest.Contention(seed, fmt.Sprintf("made-%d", seed)), scenario.Notes{})
		if err != nil {
			t.Fatal(err)
		}
		scenarios = append(scenarios, simtest.Parse(t, string(data)))
		if _, ok := forecast.Steady(scenarios[len(scenarios)-1], spare); !ok {
			scenarios = scenarios[:len(scenarios)-1]
		}
	}
	for _, sc := range scenarios {
		if sc.Cluster > 0 {
			continue // faults are not fully simulated
		}
		t.Run(sc.Name, func(t *testing.T) {
			t.Parallel()
			want, _ := forecast.Steady(sc, 0)
			for attempt := 1; ; attempt++ {
				result, err := simulate.Run(t.Context(), etcd, sc, simulate.Options{Prefix: fmt.Sprintf("/%s-%d", sc.Name, attempt)})
				if err != nil {
					t.Fatal(err)
				}
				diff := cmp.Diff(want, forecast.Comes(result))
				if diff == "" {
					return
				}
				if attempt == 4 {
					data, _ := scenario.Encode(sc, scenario.Notes{})
					t.Fatalf("(-forecast +run)\n%s\n%s", diff, data)
				}
			}
		})
	}
}
