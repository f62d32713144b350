package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"etcd-lock/internal/cli"
)

func make1970(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := makeFiles(cli.Commands(), time.Unix(0, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFiles: the same commands make the same bytes, and each command has a page that says
// what its help says.
func TestFiles(t *testing.T) {
	files, again := make1970(t), make1970(t)
	for name, data := range files {
		if len(data) == 0 || !bytes.Equal(data, again[name]) {
			t.Errorf("%s is empty, or different the second time", name)
		}
	}
	for _, name := range []string{"completions/etcd-lock.bash", "completions/_etcd-lock", "completions/etcd-lock.fish", "completions/etcd-lock.ps1"} {
		if !bytes.Contains(files[name], []byte("etcd-lock")) {
			t.Errorf("%s is no completion", name)
		}
	}
	requests := regexp.MustCompile(`(?m)^\.(\w+)`)
	for _, name := range []string{"etcd-lock", "etcd-lock-record", "etcd-lock-simulate-run"} {
		page := unpack(t, files["man/"+name+".1.gz"])
		for _, text := range []string{`.TH "` + strings.ToUpper(escape(name)) + `" 1 "1970-01-01"`, ".SH NAME\n" + escape(name), ".SH OPTIONS\n.TP"} {
			if !strings.Contains(page, text) {
				t.Errorf("%s does not say %q", name, text)
			}
		}
		for _, m := range requests.FindAllStringSubmatch(page, -1) {
			if !slices.Contains([]string{"TH", "SH", "nh", "ad", "PP", "TP", "RS", "RE", "nf", "fi"}, m[1]) {
				t.Errorf("%s has the request %s", name, m[0])
			}
		}
	}
}

func unpack(t *testing.T, data []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestText(t *testing.T) {
	var b strings.Builder
	writeText(&b, "A 'word' and --flag.\n.hidden \\ line\n\n  0  a\n  1  \"b\"\nEnd.")
	want := `A \(aqword\(aq and \-\-flag.
\&.hidden \e line
.PP
.RS 2
.nf
0  a
1  \(dqb\(dq
.fi
.RE
End.
`
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}
