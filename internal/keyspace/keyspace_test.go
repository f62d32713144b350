package keyspace_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/keyspace"
)

func TestParseRWLock(t *testing.T) {
	tests := []struct {
		name string
		key  string
		want keyspace.Key
		ok   bool
	}{
		{"reader", "/a/read/1", keyspace.Key{Name: "/a", Mode: keyspace.Read, ID: "1"}, true},
		{"writer", "/a/write/1", keyspace.Key{Name: "/a", Mode: keyspace.Write, ID: "1"}, true},
		{"name ends in a slash", "/a//read/1", keyspace.Key{Name: "/a/", Mode: keyspace.Read, ID: "1"}, true},
		{"name ends in read", "/a/read/read/1", keyspace.Key{Name: "/a/read", Mode: keyspace.Read, ID: "1"}, true},
		{"name is below write", "/a/write/b/read/1", keyspace.Key{Name: "/a/write/b", Mode: keyspace.Read, ID: "1"}, true},
		{"no id", "/a/read/", keyspace.Key{}, false},
		{"no name", "/read/1", keyspace.Key{}, false},
		{"too deep", "/a/read/1/2", keyspace.Key{}, false},
		{"other word", "/a/reader/1", keyspace.Key{}, false},
		{"no slash", "a", keyspace.Key{}, false},
		{"empty", "", keyspace.Key{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := keyspace.ParseRWLock(tt.key)
			if got != tt.want || ok != tt.ok {
				t.Errorf("ParseRWLock(%q) = %+v, %v; want %+v, %v", tt.key, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestParseSlot(t *testing.T) {
	if got, ok := keyspace.ParseSlot("/a/slot/1"); !ok || got != (keyspace.Key{Name: "/a", Mode: keyspace.Slot, ID: "1"}) {
		t.Errorf("ParseSlot = %+v, %v", got, ok)
	}
	for _, key := range []string{"/a/read/1", "/a/slot/", "/slot/1", "/a/slot/1/2", "/a/slots/1"} {
		if got, ok := keyspace.ParseSlot(key); ok {
			t.Errorf("ParseSlot(%q) = %+v, want none", key, got)
		}
	}
	if got, ok := keyspace.ParseRWLock("/a/slot/1"); ok {
		t.Errorf("a request for a semaphore is %+v of a read/write lock", got)
	}
}

// FuzzEncodeParse holds the law that no name can be written as a key that
// another name reads back.
func FuzzEncodeParse(f *testing.F) {
	for _, name := range []string{"/a", "a/", "/a/read", "/a/write/", "/", "\x00\xff", "/read/read"} {
		f.Add(name, true, "1")
		f.Add(name, false, "0192-uuid")
	}
	f.Fuzz(func(t *testing.T, name string, write bool, id string) {
		if name == "" || id == "" || strings.Contains(id, "/") {
			t.Skip("not a request that rwlock writes")
		}
		mode := keyspace.Read
		if write {
			mode = keyspace.Write
		}
		want := keyspace.Key{Name: name, Mode: mode, ID: id}
		key := keyspace.Encode(name, mode, id)
		if got, ok := keyspace.ParseRWLock(key); !ok || got != want {
			t.Fatalf("ParseRWLock(%q) = %+v, %v; want %+v", key, got, ok, want)
		}
		if !strings.HasPrefix(key, keyspace.Dir(name, mode)) {
			t.Fatalf("%q is not below %q", key, keyspace.Dir(name, mode))
		}
	})
}

func TestOwner(t *testing.T) {
	t.Run("OK", func(t *testing.T) {
		want := keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l", Under: "/a/read/1", Weight: 2, Permits: 3, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
		got, ok := keyspace.DecodeOwner([]byte(want.Encode()))
		if !ok || got != want {
			t.Errorf("DecodeOwner(Encode(%+v)) = %+v, %v", want, got, ok)
		}
	})
	for _, value := range []string{"", "{}", "null", "hello", `{"pid":"x"}`, "[1]"} {
		t.Run("NotAnOwner "+value, func(t *testing.T) {
			if got, ok := keyspace.DecodeOwner([]byte(value)); ok {
				t.Errorf("DecodeOwner(%q) = %+v, want none", value, got)
			}
		})
	}
}

func TestUnder(t *testing.T) {
	long := strings.Repeat("k", 1<<10)
	for _, tt := range []struct{ name, env, want string }{
		{"none", "", ""},
		{"one", "/a/read/1", "/a/read/1"},
		{"the first of several", "/a/read/1\n/b/read/1", "/a/read/1"},
		{"long", long, long},
		{"too long", long + "k", ""},
		{"not UTF-8", "/a\xff/read/1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := keyspace.Under(tt.env); got != tt.want {
				t.Errorf("Under(%q) = %q, want %q", tt.env, got, tt.want)
			}
		})
	}
}

// FuzzDecodeOwner holds that an owner is decoded as encoding/json decodes it.
func FuzzDecodeOwner(f *testing.F) {
	f.Add([]byte(keyspace.Owner{Host: "a", PID: 7, Program: "b", Label: "c", Under: "/x", Time: time.Unix(1e9, 5).UTC()}.Encode()))
	for _, value := range []string{
		"{}", `{"weight":1,"permits":2}`, `{"weight":01}`, `{"permits":2,"weight":1}`, `{"host":"a"}`, `{"host":""}`, `{"pid":0}`, `{"pid":12}`, `{"pid":0123}`, `{"pid":-1}`, `{"pid":1e3}`, `{"pid":99999999999}`,
		`{"under":"/x","traceparent":"00-1","time":"2026-01-02T03:04:05Z"}`, `{"traceparent":"","keep":true}`, `{"label":"\u003c"}`, `{"label":"\xff"}`, `{"label":"é"}`, `{"program":"a","host":"b"}`, `{"host":"a","host":"b"}`, `{"host":"a",}`, `{,"host":"a"}`,
		`{"time":"2026-01-02T03:04:05+01:00"}`, `{"time":"2026"}`, `{"host":"a","time":"2026"}`, `{"host":"a","time":"2026-01-02T03:04:05Z","x":1}`, `{"host":"a","time":"2026-01-02T03:04:05Z","time":"2026-01-02T03:04:06Z"}`, `{"time":""}`, `{"host":"a"} `, `{"host":"a"}}`, `{"host":"a"`, `{"host":`, `{"HOST":"a"}`, `{"host":"a","x":1}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var want keyspace.Owner
		wantOK := json.Unmarshal(value, &want) == nil && want != keyspace.Owner{}
		if !wantOK {
			want = keyspace.Owner{}
		}
		for range 2 { // its client is known the second time
			if got, ok := keyspace.DecodeOwner(value); ok != wantOK || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %+v, %v; encoding/json: %+v, %v", value, got, ok, want, wantOK)
			}
		}
	})
}

func BenchmarkDecodeOwner(b *testing.B) {
	value := []byte(keyspace.Owner{Host: "worker-1.example.internal", PID: 71, Program: "report", Label: "a label", Time: time.Unix(1e9, 5).UTC()}.Encode())
	b.ReportAllocs()
	for b.Loop() {
		keyspace.DecodeOwner(value)
	}
}

func TestIsTraceparent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for text, want := range map[string]bool{
		good: true, "": false, good + "-x": false, "01" + good[2:]: false, strings.ToUpper(good): false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01":    false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01":    false,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\x1b-01": false,
		strings.ReplaceAll(good, "-", "0"):                           false,
	} {
		if got := keyspace.IsTraceparent(text); got != want {
			t.Errorf("IsTraceparent(%q) = %t", text, got)
		}
	}
}

// TestOwnerRef: equal owners have equal refs, and whatever an owner says is kept.
func TestOwnerRef(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	full := keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l", Under: "/a/read/1", Trace: "t", Keep: true, Upgrade: true, Weight: 2, Permits: 3, Time: made}
	for _, o := range []keyspace.Owner{{}, {Time: made}, {Host: "h"}, full} {
		if got := o.Ref(); got.Value() != o || got != o.Ref() || !got.Equal(o.Ref()) || got.Time != o.Time {
			t.Errorf("%+v is referred to as %+v", o, got.Value())
		}
	}
	want := full
	want.Time, want.Trace = time.Time{}, ""
	if got := full.Ref().Client(); got != want.Ref() || got.Client() != got {
		t.Errorf("the client of %+v is %+v", full, got.Value())
	}
	if (keyspace.OwnerRef{}).Value() != (keyspace.Owner{}) || full.Ref() == want.Ref() {
		t.Error("owners and refs are not equal alike")
	}
}
