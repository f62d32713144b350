package patrol

import (
	"os"
	"runtime"
	"runtime/debug"
)

// usualGC and modestGC are the percentages of garbage at which Go collects it by itself, and
// in a program that runs unattended: it keeps much and throws little away, so that sooner
// collections save memory and take little processor time.
const usualGC, modestGC = 100, 50

// BeModest has this process take less of the machine until the returned function is called:
// less memory, and one core at most. Events come one by one through several goroutines. On
// several cores, to wake a core for each of these steps costs more than the steps do, and
// nobody waits for this program. What the user has chosen with GOGC or GOMAXPROCS stays.
func BeModest() (restore func()) {
	gc := debug.SetGCPercent(modestGC)
	if gc != usualGC {
		debug.SetGCPercent(gc)
	}
	cores := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	return func() {
		debug.SetGCPercent(gc)
		runtime.GOMAXPROCS(cores)
	}
}
