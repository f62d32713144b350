// Program kubernetes writes a Lease as an API server does, with the encoder of
// Kubernetes: HOST:PORT KEY HOLDER, renewed now, for 15 s. Without a holder it is released.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

func main() {
	key, holder := os.Args[2], os.Args[3]
	now, seconds := meta.NowMicro(), int32(15)
	if holder == "" {
		seconds = 1
	}
	lease := &coordination.Lease{
		TypeMeta:   meta.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		ObjectMeta: meta.ObjectMeta{Namespace: path.Base(path.Dir(key)), Name: path.Base(key), UID: "1"},
		Spec:       coordination.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now},
	}
	scheme := runtime.NewScheme()
	check(coordination.AddToScheme(scheme))
	var value bytes.Buffer
	check(protobuf.NewSerializer(scheme, scheme).Encode(lease, &value))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{os.Args[1]}, DialTimeout: 10 * time.Second})
	check(err)
	_, err = client.Put(context.Background(), key, value.String())
	check(err)
	fmt.Println("written")
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
