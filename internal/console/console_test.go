package console

import "testing"

// A machine with few cores gets more threads than cores, unless it is limited.
func TestThreads(t *testing.T) {
	for _, tt := range []struct{ chosen, cores, want int }{{1, 1, 4}, {2, 2, 4}, {4, 4, 0}, {16, 16, 0}, {1, 2, 0}, {2, 16, 0}} {
		if got := threads(tt.chosen, tt.cores); got != tt.want {
			t.Errorf("%d threads on %d cores: %d, want %d", tt.chosen, tt.cores, got, tt.want)
		}
	}
}
