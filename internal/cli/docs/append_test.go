package docs

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	"etcd-lock/internal/printable"
)

// A request is appended as encoding/json encodes it, printable, whatever its fields have. A
// field that AppendJSON does not know fails this too.
func TestAppendJSON(t *testing.T) {
	for range 5000 {
		var r QueuedRequest
		fill(reflect.ValueOf(&r).Elem())
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			t.Fatal(err)
		}
		got, err := r.AppendJSON(nil)
		if err != nil || string(got) != string(printable.JSON(bytes.TrimSuffix(want.Bytes(), []byte("\n")))) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got, want.String())
		}
	}
}

// What JSON cannot say is an error.
func TestAppendJSONFails(t *testing.T) {
	inf := math.Inf(1)
	for _, r := range []QueuedRequest{
		{leaseDoc: leaseDoc{TTL: &inf}},
		{Standing: Standing{Since: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		if b, err := r.AppendJSON(nil); err == nil {
			t.Errorf("%s", b)
		}
	}
}

// fill sets the exported fields below v, or leaves some of them.
func fill(v reflect.Value) {
	if v.Kind() != reflect.Struct && rand.N(3) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(aTime()))
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous || f.IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rand.N(3), 3))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.String:
		texts := []string{"/jobs/nightly", "<a>&'b'", `"\`, "\x00\x1f\x7f", "é\u2028\u202e", "\xff", "~"}
		v.SetString(texts[rand.N(len(texts))])
	case reflect.Int, reflect.Int64:
		v.SetInt(rand.Int64() >> rand.N(63))
	case reflect.Float64:
		numbers := []float64{8, -32, 0.25, -1e-9, 1 << 53, 9e18, 1e30}
		v.SetFloat(numbers[rand.N(len(numbers))])
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("fill: " + v.Type().String())
	}
}

func aTime() time.Time {
	t := time.Unix(rand.Int64N(1<<37), rand.Int64N(2)*rand.Int64N(1e9)).UTC()
	if rand.N(2) == 0 {
		return t
	}
	zones := []*time.Location{time.FixedZone("", 0), time.FixedZone("", 2*60*60), time.FixedZone("", -90*60)}
	return t.In(zones[rand.N(len(zones))])
}

// What JSON has for a request of a long queue beside its key and what its client wrote
// about itself is of a bounded size, so that a name of 100,000 requests is less than 40 MB.
func TestBytesOfRequest(t *testing.T) {
	const most = 190
	made := time.Date(2026, 11, 28, 14, 55, 0, 123456789, time.UTC)
	for name, holding := range map[string]bool{"waits": false, "holds": true} {
		t.Run(name, func(t *testing.T) {
			owner := keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l", Time: made}
			r := inspect.Request{
				Lock: inspect.LockID{Layout: layout.RWLock, Name: "/a"}, Key: "/a/write/1", Mode: keyspace.Write, Holding: holding,
				Lease: math.MaxInt64, Revision: 123_456_789, Modified: 123_456_789, Owner: owner.Ref(), Owned: true, Since: made,
			}
			lease := inspect.Lease{State: inspect.LeaseAlive, Granted: time.Hour, Remaining: 3599 * time.Second}
			doc := QueuedRequest{Position: 100_000, leaseDoc: newLeaseDoc(lease)}
			doc.set(&r)
			if !holding {
				doc.BlockedBy = Blockers{Count: 99_999, Last: 99_999}
			}
			b, err := doc.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			if fixed := len(b) - len(r.Key) - len(owner.Encode()); fixed > most {
				t.Errorf("%d bytes beside the key and the owner, at most %d: %s", fixed, most, b)
			}
		})
	}
}
