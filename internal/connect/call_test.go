package connect

import (
	"context"
	"errors"
	"testing"
	"time"

	"etcd-lock/internal/hint"
)

func TestDo(t *testing.T) {
	c := &Conn{Endpoint: "e", Timeout: time.Millisecond}
	never := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	t.Run("TooSlow", func(t *testing.T) {
		err := c.Do(t.Context(), never)
		if want := "etcd at e did not answer within 1ms"; err == nil || err.Error() != want || hint.Of(err) == "" {
			t.Errorf("Do = %v, want %s and a hint", err, want)
		}
	})
	t.Run("Interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Do(ctx, never); !errors.Is(err, context.Canceled) {
			t.Errorf("Do = %v", err)
		}
	})
}
