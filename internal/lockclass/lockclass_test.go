package lockclass

import (
	"math/rand/v2"
	"testing"
)

func TestOf(t *testing.T) {
	rules, err := Parse([]string{"/shards/*/leader", "/tenants/**"})
	if err != nil {
		t.Fatal(err)
	}
	for name, class := range map[string]string{
		"":                              "",
		"/jobs/nightly":                 "/jobs/nightly",
		"/orders/4711":                  "/orders/*",
		"/orders/4711/lines/1":          "/orders/*/lines/*",
		"/orders/order-4711":            "/orders/order-*",
		"/reports/2026-11-27":           "/reports/*",
		"/reports/2026-11-27T03:12:04Z": "/reports/*",
		"/jobs/550e8400-e29b-41d4-a716-446655440000/run": "/jobs/*/run",
		"/jobs/550E8400E29B41D4A716446655440000":         "/jobs/*",
		"/leases/694d9a1b2c3d4e5f":                       "/leases/*",
		"/orders/order_4711_eu":                          "/orders/order_*_eu",
		"/api/v2/users":                                  "/api/v2/users",
		"/cafe/feedface":                                 "/cafe/feedface",
		"/shards/eu-1/leader":                            "/shards/*/leader",
		"/shards/eu-1/follower":                          "/shards/eu-*/follower",
		"/tenants/a/b/c":                                 "/tenants/**",
		"\xff/17":                                        "\xff/*",
	} {
		if got := rules.Of(name); got != class {
			t.Errorf("%q is of class %q, not %q", name, got, class)
		}
	}
}

func TestParse(t *testing.T) {
	for _, pattern := range []string{"", "*", "/**", "/a/***"} {
		if _, err := Parse([]string{pattern}); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
}

// What is fast gives the same as what is general.
func TestFoldWords(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	parts := []string{"/", "_", "0", "7", "12345678", "a", "F", "Z", "x", "deadbeef", "é", "\xff", "*", " "}
	for range 20_000 {
		name := ""
		for range r.IntN(8) {
			name += parts[r.IntN(len(parts))]
		}
		if fast, want := foldWords(name), foldAny(name); fast != want {
			t.Fatalf("%q is of class %q, not %q", name, fast, want)
		}
	}
}
