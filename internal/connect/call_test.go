package connect

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hint"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }

func TestDo(t *testing.T) {
	c := &Conn{Client: etcdtest.Client(t, etcdtest.Shared(t)), Endpoint: "e", Timeout: time.Millisecond}
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
	t.Run("NoLeader", func(t *testing.T) {
		cluster := etcdtest.StartCluster(t, 2)
		c := &Conn{Client: etcdtest.Client(t, cluster.Members[0].Endpoint), Endpoint: "e", Timeout: time.Second}
		cluster.Members[1].Kill()
		// other members are not asked, and may have one
		etcdtest.Eventually(t, "it is said that there is no leader", func() bool {
			err := c.Do(t.Context(), never)
			return strings.HasPrefix(err.Error(), "etcd at e has no leader") && strings.Contains(hint.Of(err), "--endpoints")
		})
	})
	t.Run("Interrupted", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Do(ctx, never); !errors.Is(err, context.Canceled) {
			t.Errorf("Do = %v", err)
		}
	})
}
