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
		want := keyspace.Owner{Host: "h", PID: 7, Program: "p", Label: "l", Under: "/a/read/1", Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
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
		"{}", `{"host":"a"}`, `{"host":""}`, `{"pid":0}`, `{"pid":12}`, `{"pid":0123}`, `{"pid":-1}`, `{"pid":1e3}`, `{"pid":99999999999}`,
		`{"under":"/x","traceparent":"00-1","time":"2026-01-02T03:04:05Z"}`, `{"traceparent":"","keep":true}`, `{"label":"\u003c"}`, `{"label":"\xff"}`, `{"label":"é"}`, `{"program":"a","host":"b"}`, `{"host":"a","host":"b"}`, `{"host":"a",}`, `{,"host":"a"}`,
		`{"time":"2026-01-02T03:04:05+01:00"}`, `{"time":"2026"}`, `{"time":""}`, `{"host":"a"} `, `{"host":"a"}}`, `{"host":"a"`, `{"host":`, `{"HOST":"a"}`, `{"host":"a","x":1}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var want keyspace.Owner
		wantOK := json.Unmarshal(value, &want) == nil && want != keyspace.Owner{}
		if !wantOK {
			want = keyspace.Owner{}
		}
		if got, ok := keyspace.DecodeOwner(value); ok != wantOK || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; encoding/json: %+v, %v", value, got, ok, want, wantOK)
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
