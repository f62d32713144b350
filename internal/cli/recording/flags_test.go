package recording

import "testing"

func TestValues(t *testing.T) {
	for s, want := range map[string]string{"7d": "7d", "48h": "2d", "12h": "12h0m0s", "0d": "", "-1h": "", "d": "", "70000d": "", "": ""} {
		var a Age
		if err := a.Set(s); (err == nil) != (want != "") || err == nil && a.String() != want {
			t.Errorf("age %q: %s, %v", s, a.String(), err)
		}
	}
	for s, want := range map[string]string{"1GiB": "1GiB", "1024MiB": "1GiB", "500": "500", "0": "", "1GB": "", "-1": "", "9999999999GiB": ""} {
		var b Size
		if err := b.Set(s); (err == nil) != (want != "") || err == nil && b.String() != want {
			t.Errorf("size %q: %s, %v", s, b.String(), err)
		}
	}
}
