package cluster

import (
	"slices"
	"testing"
)

// A port of a member is no other cluster's while the member is down.
func TestClaimAddrs(t *testing.T) {
	const clusters, members = 100, 14
	var seen []string
	for range clusters {
		claim, addrs, err := ClaimAddrs(members)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = claim.Close() })
		if len(addrs) != members {
			t.Fatalf("%d addresses, want %d", len(addrs), members)
		}
		seen = append(seen, addrs...)
	}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != clusters*members {
		t.Errorf("%d addresses of %d clusters, want %d", n, clusters, clusters*members)
	}
	if _, _, err := ClaimAddrs(blockSize); err == nil {
		t.Error("more ports than a block has were claimed")
	}
}
