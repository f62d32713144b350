package simetcd

import (
	"time"
)

// die is a choice that follows from the seed, who makes it and when.
type die struct{ state uint64 }

// diceOf returns the die for one choice.
func diceOf(seed uint64, kind string, of uint64, nth int) *die {
	h := seed*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
	for _, b := range []byte(kind) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return &die{mix(mix(mix(h^of)^uint64(time.Now().UnixNano())) ^ uint64(nth))}
}

// mix is the finalizer of splitmix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *die) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// upTo returns a duration from 1 ns to limit.
func (d *die) upTo(limit time.Duration) time.Duration {
	return 1 + time.Duration(d.next()%uint64(max(limit, 1)))
}

// oneIn is true once in n times.
func (d *die) oneIn(n uint64) bool { return d.next()%n == 0 }

// percent is true p times in a hundred.
func (d *die) percent(p int) bool { return int(d.next()%100) < p }

// dice returns the die for a choice of the cluster.
func (c *Cluster) dice(kind string, of uint64) *die { return diceOf(c.opts.Seed, kind, of, len(c.log)) }
