package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"etcd-lock/internal/hint"
)

func TestHint(t *testing.T) {
	plain := errors.New("plain")
	inner := hint.Add(plain, "inner")
	for _, tt := range []struct {
		name       string
		err        error
		text, hint string
	}{
		{"None", plain, "plain", ""},
		{"Added", inner, "plain", "inner"},
		{"Wrapped", fmt.Errorf("outer: %w", inner), "outer: plain", "inner"},
		{"Twice", hint.Add(inner, "outer"), "plain", "outer"},
		{"Joined", errors.Join(plain, inner), "plain\nplain", "inner"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hint.Of(tt.err); got != tt.hint || tt.err.Error() != tt.text || !errors.Is(tt.err, plain) {
				t.Errorf("%q with hint %q, want %q with %q", tt.err, got, tt.text, tt.hint)
			}
		})
	}
	if err := hint.Add(nil, "useless"); err != nil {
		t.Errorf("Add(nil) = %v", err)
	}
}
