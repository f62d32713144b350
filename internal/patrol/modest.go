package patrol

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// usualGC and sparingGC are the percentages of garbage at which Go collects it by itself, and
// in a program that spares memory: it keeps much and throws little away, so that twice as many
// collections save a sixth of the memory.
const usualGC, sparingGC = 100, 50

// modest counts those for whom this process is modest.
var modest struct {
	sync.Mutex
	users   int
	restore func()
}

// BeModest has this process take one core at most until the returned function is called, and
// less memory if it is to be sparing. Events come one by one through several goroutines: on
// several cores, to wake a core for each of these steps costs more than the steps do, and
// nobody waits for this program. What the user has chosen with GOGC or GOMAXPROCS stays. Of
// several calls the first one counts, and the process is modest until all are over.
func BeModest(sparing bool) (restore func()) {
	modest.Lock()
	defer modest.Unlock()
	if modest.users++; modest.users == 1 {
		modest.restore = beModest(sparing)
	}
	return sync.OnceFunc(func() {
		modest.Lock()
		defer modest.Unlock()
		if modest.users--; modest.users == 0 {
			modest.restore()
		}
	})
}

func beModest(sparing bool) (restore func()) {
	gc := debug.SetGCPercent(sparingGC)
	if gc != usualGC || !sparing {
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
