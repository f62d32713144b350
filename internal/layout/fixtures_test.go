package layout_test

import (
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"etcd-lock/internal/layout"
)

// lease is one that etcd could have granted.
const (
	lease        = 0x694d8f1b2c3d4eab
	leaseDecimal = "7587878294058258091"
	leaseHex     = "694d8f1b2c3d4eab"
)

// bytesField and numberField are fields of a protobuf message.
func bytesField(n protowire.Number, content string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), content))
}

func numberField(n protowire.Number, value uint64) string {
	return string(protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), value))
}

func compressed(s string) string { return string(snappy.Encode(nil, []byte(s))) }

// fixtures are keys of software that is not run here, as its source writes them.
var fixtures = []struct {
	source string // where its keys and values were read
	kv     layout.KV
	beside []layout.KV
	want   string // as describe says it; empty: no lock
}{
	{
		source: "tikv/pd pkg/election/leadership.go, kvproto pdpb.Member{1 name, 2 member_id, 3 peer_urls, 4 client_urls}",
		kv: layout.KV{
			Key: "/pd/7345678901234567890/leader", Lease: lease,
			Value: []byte(bytesField(1, "pd-0") + numberField(2, 17442750019032190474) + bytesField(3, "http://pd-0:2380") + bytesField(4, "http://pd-0:2379")),
		},
		want: `pd: write of "/pd/7345678901234567890/leader", owner host="" pid=0 program="" label="pd-0"`,
	},
	{
		source: "a text is no pdpb.Member",
		kv:     layout.KV{Key: "/pd/7345678901234567890/leader", Lease: lease, Value: []byte("pd-0")},
	},
	{
		source: "tikv/pd pkg/utils/keypath, kvproto tsopb.Participant{1 name, 2 id, 3 listen_urls}",
		kv: layout.KV{
			Key: "/ms/7345678901234567890/tso/keyspace_groups/election/00000/primary", Lease: lease,
			Value: []byte(bytesField(1, "tso-0") + numberField(2, 42) + bytesField(3, "http://tso-0:3379")),
		},
		want: `pd-service: write of "/ms/7345678901234567890/tso/keyspace_groups/election/00000/primary", owner host="" pid=0 program="" label="tso-0"`,
	},
	{
		source: "milvus-io/milvus internal/util/sessionutil/session_util.go, SessionRaw",
		kv: layout.KV{
			Key: "by-dev/meta/session/mixcoord", Lease: lease,
			Value: []byte(`{"ServerID":7,"ServerName":"mixcoord","Address":"10.0.0.5:53100","Exclusive":true,"Stopping":false,"Version":"2.5.0","LeaseID":` + leaseDecimal + `,"HostName":"milvus-0"}`),
		},
		want: `milvus: write of "by-dev/meta/session/mixcoord", owner host="10.0.0.5:53100" pid=0 program="" label="server 7"`,
	},
	{
		source: "milvus-io/milvus session_util.go: a value that names another lease",
		kv: layout.KV{
			Key: "by-dev/meta/session/mixcoord", Lease: 7,
			Value: []byte(`{"ServerID":7,"ServerName":"mixcoord","Address":"10.0.0.5:53100","Exclusive":true,"LeaseID":` + leaseDecimal + `}`),
		},
	},
	{
		source: "milvus-io/milvus session_util.go: a standby",
		kv: layout.KV{
			Key: "by-dev/meta/session/mixcoord-8", Lease: 8,
			Value: []byte(`{"ServerID":8,"ServerName":"mixcoord","Address":"10.0.0.6:53100","Exclusive":true,"LeaseID":8}`),
		},
		want: `milvus: candidate "mixcoord-8" for "by-dev/meta/session/mixcoord"`,
	},
	{
		source: "milvus-io/milvus session_util.go: a query node, Exclusive is left out when it is false",
		kv: layout.KV{
			Key: "by-dev/meta/session/querynode-9", Lease: 9,
			Value: []byte(`{"ServerID":9,"ServerName":"querynode","Address":"10.0.0.7:21123","LeaseID":9}`),
		},
	},
	{
		source: "a semaphore of package rwlock",
		kv: layout.KV{
			Key: "/pool/slot/0192a7b0-0000-7000-8000-000000000001", Lease: lease,
			Value: []byte(`{"host":"web-1","pid":7,"weight":2,"permits":3}`),
		},
		want: `semaphore: slot of "/pool", owner host="web-1" pid=7 program="" label=""`,
	},
	{
		source: "a child of slot that takes no permits is none",
		kv:     layout.KV{Key: "/pool/slot/0192a7b0-0000-7000-8000-000000000001", Lease: lease, Value: []byte(`{"host":"web-1"}`)},
	},
	{
		source: "a child of slot that takes more permits than there are is none",
		kv:     layout.KV{Key: "/pool/slot/0192a7b0-0000-7000-8000-000000000001", Lease: lease, Value: []byte(`{"weight":4,"permits":3}`)},
	},
	{
		source: "lukas-krecan/ShedLock EtcdLockProvider.java buildKey, buildValue",
		kv:     layout.KV{Key: "shedlock:default:reportJob", Lease: lease, Value: []byte("ADDED:2026-08-22T09:15:00.123Z@web-1")},
		want:   `shedlock: write of "shedlock:default:reportJob", owner host="web-1" pid=0 program="" label="" time=2026-08-22T09:15:00Z`,
	},
	{
		source: "gravitational/teleport lib/backend/helpers.go, etcdbk: base64 of 16 random bytes",
		kv:     layout.KV{Key: "/teleport/.locks/backend-lock", Lease: lease, Value: []byte("AAECAwQFBgcICQoLDA0ODw==")},
		want:   `teleport: write of "/teleport/.locks/backend-lock"`,
	},
	{
		source: "portworx/kvdb etcd/v3/kv_etcd.go, common.LockerIDInfo",
		kv:     layout.KV{Key: "pwx/cluster-1/storage/locks/node", Lease: lease, Value: []byte(`{"LockerID":"node-1:attach"}`)},
		want:   `kvdb: write of "pwx/cluster-1/storage/locks/node", owner host="" pid=0 program="" label="node-1:attach"`,
	},
	{
		source: "portworx/kvdb: other data",
		kv:     layout.KV{Key: "pwx/cluster-1/node", Lease: lease, Value: []byte(`{"LockerID":"a","ID":"b"}`)},
	},
	{
		source: "openstack/taskflow impl_etcd.py claim()",
		kv:     layout.KV{Key: "/taskflow/jobs/octavia/job17.lock", Lease: lease, Value: []byte(`{"owner": "worker@host-1:4711", "lease_id": ` + leaseDecimal + `}`)},
		want:   `taskflow: write of "/taskflow/jobs/octavia/job17.lock", owner host="" pid=0 program="" label="worker@host-1:4711"`,
	},
	{
		source: "openstack/taskflow impl_etcd.py claim() without a ttl",
		kv:     layout.KV{Key: "/taskflow/jobs/octavia/job17.lock", Value: []byte(`{"owner": "worker@host-1:4711"}`)},
		want:   `taskflow-no-expiry: write of "/taskflow/jobs/octavia/job17.lock", owner host="" pid=0 program="" label="worker@host-1:4711"`,
	},
	{
		source: "openstack/taskflow impl_etcd.py post()",
		kv:     layout.KV{Key: "/taskflow/jobs/octavia/job17.data", Value: []byte(`{"owner": "worker@host-1:4711"}`)},
	},
	{
		source: "projectcalico/calico networking_calico election.py: host:pid, datamodel_v2.py",
		kv:     layout.KV{Key: "/calico/openstack/v2/region-one/neutron_election", Lease: lease, Value: []byte("controller-0:4711")},
		want:   `calico-openstack: write of "/calico/openstack/v2/region-one/neutron_election", owner host="controller-0" pid=4711 program="" label=""`,
	},
	{
		source: "projectcalico/calico datamodel_v1.py, with the suffix of another election",
		kv:     layout.KV{Key: "/calico/openstack/v1/neutron_election_agent_worker", Lease: lease, Value: []byte("controller-0:4711")},
		want:   `calico-openstack: write of "/calico/openstack/v1/neutron_election_agent_worker", owner host="controller-0" pid=4711 program="" label=""`,
	},
	{
		source: "projectcalico/calico datamodel_v2.py, with the suffix of another election",
		kv:     layout.KV{Key: "/calico/openstack/v2/no-region/neutron_election_agent_worker", Lease: lease, Value: []byte("controller-0:4711")},
		want:   `calico-openstack: write of "/calico/openstack/v2/no-region/neutron_election_agent_worker", owner host="controller-0" pid=4711 program="" label=""`,
	},
	{
		source: "kvcache-ai/Mooncake mooncake-store/src/ha_helper.cpp",
		kv:     layout.KV{Key: "mooncake-store/mooncake_cluster/master_view", Lease: lease, Value: []byte("10.0.0.5:50051")},
		want:   `mooncake: write of "mooncake-store/mooncake_cluster/master_view", owner host="" pid=0 program="" label="10.0.0.5:50051"`,
	},
	{
		source: "coreos/airlock internal/lock/semaphore.go",
		kv:     layout.KV{Key: "com.coreos.airlock/groups/default/v1/semaphore", Value: []byte(`{"total_slots":2,"holders":["3f4a","9c1b"]}`)},
		want:   `airlock: write of "com.coreos.airlock/groups/default/v1/semaphore", 2 slots: ["3f4a" "9c1b"]`,
	},
	{
		source: "coreos/airlock: nobody reboots",
		kv:     layout.KV{Key: "com.coreos.airlock/groups/default/v1/semaphore", Value: []byte(`{"total_slots":1,"holders":[]}`)},
		want:   `airlock: write of "com.coreos.airlock/groups/default/v1/semaphore", 1 slots: [], vacant`,
	},
	{
		source: "coreos/airlock: holders that are no texts are not told as nobody",
		kv:     layout.KV{Key: "com.coreos.airlock/groups/default/v1/semaphore", Value: []byte(`{"total_slots":1,"holders":[7]}`)},
	},
	{
		source: "cortexproject/cortex pkg/ha ReplicaDesc{1 replica, 2 received_at, 3 deleted_at}, pkg/ring/kv/codec: snappy",
		kv:     layout.KV{Key: "ha-tracker/tenant-1/prod", Value: []byte(compressed(bytesField(1, "prometheus-a") + numberField(2, 1795852500123)))},
		want:   `ha-tracker: write of "ha-tracker/tenant-1/prod", owner host="" pid=0 program="" label="prometheus-a", held by "prometheus-a" for 0s`,
	},
	{
		source: "cortexproject/cortex pkg/ha: an entry that was deleted",
		kv:     layout.KV{Key: "ha-tracker/tenant-1/prod", Value: []byte(compressed(bytesField(1, "prometheus-a") + numberField(2, 1795852500123) + numberField(3, 1795852600123)))},
	},
	{
		source: "ai-dynamo/dynamo lib/runtime/src/transports/etcd/lock.rs, a writer",
		kv:     layout.KV{Key: "v1/kv-router/worker-sync/writer", Lease: lease, Value: []byte("writing")},
		want:   `dynamo-rwlock: write of "v1/kv-router/worker-sync"`,
	},
	{
		source: "ai-dynamo/dynamo lock.rs, a reader",
		kv:     layout.KV{Key: "v1/kv-router/worker-sync/readers/router-1", Lease: lease, Value: []byte("reading")},
		want:   `dynamo-rwlock: read of "v1/kv-router/worker-sync", owner host="" pid=0 program="" label="router-1"`,
	},
	{
		source: "ai-dynamo/dynamo lib/runtime/src/discovery/kv_store.rs: an instance with the lease in hexadecimal",
		kv:     layout.KV{Key: "v1/instances/dynamo/backend/generate/" + leaseHex, Lease: lease, Value: []byte(`{"component":"backend"}`)},
	},
	{
		source: "zeromicro/go-zero core/discov/publisher.go",
		kv:     layout.KV{Key: "user.rpc/" + leaseDecimal, Lease: lease, Value: []byte("10.0.0.7:8080")},
	},
	{
		source: "hashicorp/terraform internal/backend/remote-state/etcdv3/client.go",
		kv:     layout.KV{Key: "terraform/prod/" + leaseHex, Lease: lease},
		want:   `mutex: write of "terraform/prod"`,
	},
	{
		source: "kvtools/etcdv3, abronan/valkeyrie store/etcd/v3",
		kv:     layout.KV{Key: "traefik/acme/account/lock___lock/" + leaseHex, Lease: lease},
		want:   `valkeyrie: write of "traefik/acme/account/lock___lock"`,
	},
	{
		source: "apache/pulsar LeaderBroker.java, EtcdMetadataStore.java",
		kv:     layout.KV{Key: "/loadbalance/leader", Lease: lease, Value: []byte(`{"serviceUrl":"http://broker-1:8080"}`)},
		want:   `pulsar: write of "/loadbalance/leader", owner host="" pid=0 program="" label="http://broker-1:8080"`,
	},
	{
		source: "Revolution1/etcd3-py etcd3/stateful/lock.py, a lock of a process",
		kv:     layout.KV{Key: "_locks/nightly", Lease: lease, Value: []byte("host-1:proc:4711")},
		want:   `etcd3-py: write of "_locks/nightly", owner host="host-1" pid=4711 program="" label=""`,
	},
	{
		source: "shakenfist shakenfist/etcd.py",
		kv:     layout.KV{Key: "/sflocks/sf/instance/1234", Lease: lease, Value: []byte("{\n    \"line\": 1,\n    \"node\": \"sf-1\",\n    \"operation\": \"delete\",\n    \"pid\": 4711\n}")},
		want:   `shaken-fist: write of "/sflocks/sf/instance/1234", owner host="sf-1" pid=4711 program="" label="delete"`,
	},
	{
		source: "patroni/patroni dcs/etcd3.py with citus: group 0",
		kv:     layout.KV{Key: "/service/demo/0/leader", Lease: lease, Value: []byte("c0-1")},
		beside: []layout.KV{{Key: "/service/demo/0/members/c0-1", Lease: lease}},
		want:   `patroni-citus: write of "/service/demo/0/leader", owner host="" pid=0 program="" label="c0-1"`,
	},
	{
		source: "a key leader without a member on its lease is of no Patroni",
		kv:     layout.KV{Key: "/service/demo/leader", Lease: lease, Value: []byte("pg1")},
		beside: []layout.KV{{Key: "/service/demo/members/pg1", Lease: lease + 1}},
	},
	{
		source: "pingcap/tidb pkg/owner/manager.go: UUID, _ and the operation",
		kv:     layout.KV{Key: "/tidb/ddl/fg/owner/" + leaseHex, Lease: lease, Value: []byte("5d2f0f7c-9b6b-4a3c-8f0a-1c2d3e4f5a6b_\x01")},
		want:   `tidb-owner: write of "/tidb/ddl/fg/owner", owner host="" pid=0 program="" label="5d2f0f7c-9b6b-4a3c-8f0a-1c2d3e4f5a6b"`,
	},
	{
		source: "pingcap/tiflow cdc/owner",
		kv:     layout.KV{Key: "/tidb/cdc/default/__cdc_meta__/owner/" + leaseHex, Lease: lease, Value: []byte("capture-1")},
		want:   `ticdc-owner: write of "/tidb/cdc/default/__cdc_meta__/owner", owner host="" pid=0 program="" label="capture capture-1"`,
	},
	{
		source: "pingcap/tiflow dm/pkg/election/election.go, CampaignerInfo",
		kv:     layout.KV{Key: "/dm-master/leader/" + leaseHex, Lease: lease, Value: []byte(`{"id":"master-1","addr":"10.0.0.5:8261"}`)},
		want:   `dm-master: write of "/dm-master/leader", owner host="" pid=0 program="" label="master-1"`,
	},
	{
		source: "sorintlab/stolon internal/store/etcdv3.go",
		kv:     layout.KV{Key: "stolon/cluster/c1/sentinel-leader/" + leaseHex, Lease: lease, Value: []byte("a1b2c3d4")},
		want:   `stolon: write of "stolon/cluster/c1/sentinel-leader", owner host="" pid=0 program="" label="sentinel a1b2c3d4"`,
	},
	{
		source: "kube-vip pkg/etcd/election.go: leases can be negative",
		kv:     layout.KV{Key: "plndr-cp-lock/-7f3a0000000000ab", Lease: -0x7f3a0000000000ab, Value: []byte("cp-1")},
		want:   `mutex: write of "plndr-cp-lock", owner host="" pid=0 program="" label="cp-1"`,
	},
	{
		source: "siderolabs/talos, virtual IP",
		kv:     layout.KV{Key: "talos:v1:vip:election:10.5.0.50/" + leaseHex, Lease: lease, Value: []byte("cp-1")},
		want:   `talos: write of "talos:v1:vip:election:10.5.0.50", owner host="" pid=0 program="" label="cp-1"`,
	},
	{
		source: "GreptimeTeam/greptimedb src/common/meta/src/election/etcd.rs",
		kv:     layout.KV{Key: "__metasrv_election/" + leaseHex, Lease: lease, Value: []byte("10.0.0.5:3002")},
		want:   `greptimedb: write of "__metasrv_election", owner host="" pid=0 program="" label="10.0.0.5:3002"`,
	},
	{
		source: "GreptimeDB, a candidate",
		kv:     layout.KV{Key: "greptime/__metasrv_election_candidates/10.0.0.6:3002", Lease: lease, Value: []byte(`{}`)},
		want:   `greptimedb: candidate "10.0.0.6:3002" for "greptime/__metasrv_election"`,
	},
	{
		source: "rabbitmq-server rabbitmq_peer_discovery_etcd_v3_client.erl",
		kv:     layout.KV{Key: "/rabbitmq/locks/rabbitmq/clusters/demo/registration/" + leaseHex, Lease: lease},
		want:   `rabbitmq: write of "/rabbitmq/locks/rabbitmq/clusters/demo/registration"`,
	},
	{
		source: "Scalingo/go-etcd-lock lock/acquire.go",
		kv:     layout.KV{Key: "/etcd-lock/deploy/" + leaseHex, Lease: lease},
		want:   `scalingo: write of "/etcd-lock/deploy"`,
	},
	{
		source: "Scalingo/go-etcd-lock lock/rwlock.go, a reader of /etcd-lock/deploy",
		kv:     layout.KV{Key: "/go-etcd-lock-rw/readers/L2V0Y2QtbG9jay9kZXBsb3k/" + leaseHex, Lease: lease},
		want:   `scalingo: read of "/etcd-lock/deploy"`,
	},
	{
		source: "Scalingo/go-etcd-lock lock/rwlock.go, an intent of a writer of /etcd-lock/deploy",
		kv:     layout.KV{Key: "/go-etcd-lock-rw/writer-intents/L2V0Y2QtbG9jay9kZXBsb3k/" + leaseHex, Lease: lease},
	},
	{
		source: "m3db/m3 src/cluster/services/leader",
		kv:     layout.KV{Key: "_ld/prod/m3aggregator/shardset-1/" + leaseHex, Lease: lease, Value: []byte("m3-1:6000")},
		want:   `m3: write of "_ld/prod/m3aggregator/shardset-1", owner host="" pid=0 program="" label="m3-1:6000"`,
	},
	{
		source: "apache/kvrocks-controller store/engine/etcd/etcd.go",
		kv:     layout.KV{Key: "/kvrocks/controller/leader/" + leaseHex, Lease: lease, Value: []byte("10.0.0.5:9379")},
		want:   `kvrocks-controller: write of "/kvrocks/controller/leader", owner host="" pid=0 program="" label="10.0.0.5:9379"`,
	},
	{
		source: "opencurve/curve thirdparties/etcdclient",
		kv:     layout.KV{Key: "07leader/mds/" + leaseHex, Lease: lease, Value: []byte("mds-1")},
		want:   `curve: write of "07leader/mds", owner host="" pid=0 program="" label="mds-1"`,
	},
	{
		source: "go-micro/plugins v4/sync/etcd",
		kv:     layout.KV{Key: "/micro/sync/jobs-nightly/" + leaseHex, Lease: lease, Value: []byte("node-1")},
		want:   `go-micro: write of "/micro/sync/jobs-nightly", owner host="" pid=0 program="" label="node-1"`,
	},
	{
		source: "DavidCai1993/node-etcd-lock",
		kv:     layout.KV{Key: "__etcd_lock/nightly/" + leaseHex, Lease: lease},
		want:   `node-etcd-lock: write of "__etcd_lock/nightly"`,
	},
	{
		source: "etcd recipes rwmutex.go: empty values",
		kv:     layout.KV{Key: "stock/write/" + leaseHex + "x", Lease: lease},
		want:   `rwlock: write of "stock"`,
	},
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.source, func(t *testing.T) {
			kvs := append([]layout.KV{f.kv}, f.beside...)
			if got := describe(layout.Builtin(), f.kv, leasesOf(kvs)); got != f.want {
				t.Errorf("%q is\n\t%s\nwant\n\t%s", f.kv.Key, got, f.want)
			}
		})
	}
}

// TestEveryRuleHasAKey wants a key in the corpus or the fixtures for each rule.
func TestEveryRuleHasAKey(t *testing.T) {
	seen := map[string]bool{}
	note := func(kv layout.KV, leases layout.Leases) {
		for _, v := range layout.Builtin().Explain(kv, leases) {
			if v.Decides {
				seen[v.Rule.Name] = true
			}
		}
	}
	for _, c := range corpus(t) {
		kvs := c.keys(t)
		for _, kv := range kvs {
			note(kv, leasesOf(kvs))
		}
	}
	for _, f := range fixtures {
		note(f.kv, leasesOf(append([]layout.KV{f.kv}, f.beside...)))
	}
	for _, kv := range otherKeys {
		note(kv, leasesOf(nil))
	}
	for _, r := range layout.Builtin().Rules() {
		if !seen[r.Name] {
			t.Errorf("no key for layout %s", r.Name)
		}
	}
}

// otherKeys are of layouts that are no locks, or hidden.
var otherKeys = []layout.KV{
	{Key: "v1/mdc/dynamo/backend/generate/" + leaseHex, Lease: lease},
	{Key: "v1/event_channels/ns/topic/" + leaseHex, Lease: lease},
	{Key: "v1/event_sources/ns/topic/" + leaseHex, Lease: lease},
	{Key: "stolon/cluster/c1/keepers/info/keeper0", Value: []byte("{}")},
	{Key: "/microservices/helloworld/8b2e", Lease: lease},
	{Key: "/micro/registry/go.micro.srv/1234", Lease: lease},
	{Key: "kitex/registry-etcd/echo/10.0.0.5:8888", Lease: lease},
	{Key: "/coreos.com/network/subnets/10.5.1.0-24", Lease: lease},
	{Key: "collectors/ring", Value: []byte("x")},
	{
		Key: "/namespace/public/default/0x00000000_0x40000000", Lease: lease,
		Value: []byte(`{"nativeUrl":"pulsar://b:6650","httpUrl":"http://b:8080","disabled":false,"advertisedListeners":{}}`),
	},
}

// TestOtherKeys wants no lock in what looks like one.
func TestOtherKeys(t *testing.T) {
	for _, kv := range otherKeys {
		if got := describe(layout.Builtin(), kv, leasesOf(nil)); got != "" {
			t.Errorf("%q is %s", kv.Key, got)
		}
	}
	bundle := otherKeys[len(otherKeys)-1]
	if got := describe(layout.Builtin().WithHidden(), bundle, leasesOf(nil)); !strings.HasPrefix(got, "pulsar-bundle:") {
		t.Errorf("%q with hidden layouts is %q", bundle.Key, got)
	}
}
