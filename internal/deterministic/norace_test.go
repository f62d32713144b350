//go:build !race

package deterministic

// defaultSeeds takes some ten seconds.
const defaultSeeds = 2000
