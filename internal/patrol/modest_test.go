package patrol

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// What the user has chosen stays, and what a program takes is as before in the end.
func TestBeModest(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	cores, gc := runtime.GOMAXPROCS(2), debug.SetGCPercent(usualGC)
	defer func() {
		runtime.GOMAXPROCS(cores)
		debug.SetGCPercent(gc)
	}()
	for _, tt := range []struct {
		chosen    string
		gc        int
		sparing   bool
		cores, at int
	}{
		{gc: usualGC, sparing: true, cores: 1, at: sparingGC},
		{gc: usualGC, cores: 1, at: usualGC},
		{gc: 80, sparing: true, cores: 1, at: 80},
		{chosen: "2", gc: usualGC, sparing: true, cores: 2, at: sparingGC},
	} {
		t.Setenv("GOMAXPROCS", tt.chosen)
		debug.SetGCPercent(tt.gc)
		restore := BeModest(tt.sparing)
		if n, at := runtime.GOMAXPROCS(0), currentGC(); n != tt.cores || at != tt.at {
			t.Errorf("%+v: %d cores, garbage %d", tt, n, at)
		}
		restore()
		if n, at := runtime.GOMAXPROCS(0), currentGC(); n != 2 || at != tt.gc {
			t.Errorf("%+v: %d cores, garbage %d in the end", tt, n, at)
		}
	}
}

func currentGC() int {
	percent := debug.SetGCPercent(usualGC)
	debug.SetGCPercent(percent)
	return percent
}

// Where several patrols overlap, what the process takes is as before once all are over.
func TestBeModestTwice(t *testing.T) {
	t.Setenv("GOMAXPROCS", "")
	cores := runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(cores)
	first, second := BeModest(false), BeModest(false)
	first()
	first()
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("%d cores while there is one", n)
	}
	second()
	if n := runtime.GOMAXPROCS(0); n != 2 {
		t.Errorf("%d cores in the end", n)
	}
}
