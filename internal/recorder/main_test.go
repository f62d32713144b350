package recorder

import (
	"testing"

	"etcd-lock/internal/etcdtest"
)

func TestMain(m *testing.M) { etcdtest.Main(m) }
