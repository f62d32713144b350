//go:build !race

package deterministic

// defaultSeeds takes some ten seconds.
const defaultSeeds = 2000

// replays reports whether a seed has one story.
const replays = true
