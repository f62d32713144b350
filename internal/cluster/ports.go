package cluster

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
)

// Clusters of all programs share a range of ports by blocks. It is below the ephemeral range
// of most systems, so that no outgoing connection takes a port while its member is down.
const (
	firstPort = 10000
	blocks    = 625
	blockSize = 32
)

// ClaimAddrs returns n addresses on 127.0.0.1 that no other cluster uses until the claim is
// closed. Members need fixed ports because they restart on the same address; and a port that
// only was free would be another cluster's by the time of the restart. The claim listens on
// the first port of the block that the others are of.
// It returns an error if n is 32 or more, or if all blocks are claimed.
func ClaimAddrs(n int) (claim io.Closer, addrs []string, err error) {
	if n >= blockSize {
		return nil, nil, fmt.Errorf("need %d ports, and at most %d can be had", n, blockSize-1)
	}
	for _, block := range rand.Perm(blocks) {
		port := firstPort + block*blockSize
		if claim, err = listen(port); err != nil {
			continue
		}
		if addrs = free(port+1, port+blockSize, n); len(addrs) == n {
			return claim, addrs, nil
		}
		_ = claim.Close()
	}
	return nil, nil, fmt.Errorf("none of %d blocks of ports from %d on is free", blocks, firstPort)
}

// free returns the addresses of up to n free ports from first to before end.
func free(first, end, n int) []string {
	var addrs []string
	for port := first; port < end && len(addrs) < n; port++ {
		if l, err := listen(port); err == nil {
			addrs = append(addrs, l.Addr().String())
			_ = l.Close()
		}
	}
	return addrs
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
