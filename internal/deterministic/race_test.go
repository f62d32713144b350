//go:build race

package deterministic

// defaultSeeds is less with the race detector, which is ten times slower.
const defaultSeeds = 200

// replays is false with the race detector, which shuffles goroutines.
const replays = false
