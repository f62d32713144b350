package layout

import (
	"strings"
	"testing"
)

// TestPattern wants keys divided between captures as their text says.
func TestPattern(t *testing.T) {
	for _, tt := range []struct{ pattern, key, want string }{ // want: the captures; "-" for no match
		{"/a/{x}", "/a/b", "x=b"},
		{"/a/{x}", "/a/", "-"},
		{"/a/{x}", "/a/b/c", "-"},
		{"/a/{x}", "/a/b/", "-"},
		{"/a/{x:*}", "/a/", "x="},
		{"/a/{x:*}.lock", "/a/.lock", "x="},
		{"/a/{x:**}", "/a/", "x="},
		{"/a/{x:**}", "/a/b/c", "x=b/c"},
		{"/tooz/locks{x:**}", "/tooz/locks\x00\xff", "x=\x00\xff"},
		{"{p:**}/{lease:hex}", "leader//694d", "p=leader/ lease=694d"},
		{"{p:**}/{lease:hex}", "/694d", "p= lease=694d"},
		{"{p:**}/{lease:hex}", "a/-7f3a", "p=a lease=-7f3a"},
		{"{p:**}/{lease:hex}", "a/7F", "-"},
		{"{p:**}/{lease:hex}", "a/-", "-"},
		{"{p:**}/{lease:decimal}", "a/7f", "-"},
		{"{p:**}/locks/{lease:decimal}", "a/locks/locks/7", "p=a/locks lease=7"},
		{"{p:**}/locks/{lease:decimal}", "locks/7", "-"},
		{"{n:**}election/{x}/{lease:decimal}", "election/a/7", "n= x=a lease=7"},
		{"{n:**}___lock/{lease:hex}", "a/b___lock/7", "n=a/b lease=7"},
		{"a:{x}:{y:**}", "a:b:c:d", "x=b:c y=d"},
		{"a:{x:decimal}:{y:**}", "a:1:c:d", "x=1 y=c:d"},
		{"a:{x}:{y:**}", "a:b", "-"},
		{"/s/{role}-{id:decimal}", "/s/data-node-7", "role=data-node id=7"},
		{"/s/{role}-{id:decimal}", "/s/node-x", "-"},
		{"/s/{x:decimal}-{y}", "/s/1-2-3", "x=1 y=2-3"},
		{"/s/0x{from}_0x{to}.b/{z}", "/s/0x1_0x2.b/c", "from=1 to=2 z=c"},
		{"{x}0{y}0", "x0x0", "x=x y=x"},
		{"{x}aa{y}", "xaaa", "x=x y=a"},
		{"{x}aa{y}", "xaaab", "x=xa y=b"},
		{"/b/{x:base64url}/{y}", "/b/L2EvYg/c", "x=/a/b y=c"},
		{"/b/{x:base64url}/{y}", "/b/L2EvYg==/c", "x=/a/b y=c"},
		{"/b/{x:base64url}/{y}", "/b/%/c", "-"},
		{"{{{x}", "{a", "x=a"},
		{"exact", "exact", ""},
		{"exact", "exactly", "-"},
	} {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		got := "-"
		var c captures
		if p.match(tt.key, &c) {
			var all []string
			for i, part := range p.parts {
				if part.capture != "" {
					all = append(all, part.capture+"="+c[i])
				}
			}
			got = strings.Join(all, " ")
		}
		if got != tt.want {
			t.Errorf("%s and %q: %q, want %q", tt.pattern, tt.key, got, tt.want)
		}
	}
}
