package profiling

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/pprof/profile"

	"etcd-lock/internal/cli/output"
	"etcd-lock/internal/inspect"
	"etcd-lock/internal/keyspace"
	"etcd-lock/internal/layout"
	waits "etcd-lock/internal/profile"
)

// names are names that are not safe in some format.
var names = []string{
	"/plain/17", "</script><script>alert(1)</script>", "a;b c;", "new\nline 5", "\xff\xfe", "<!--", "{{data}}", "\u202e", "'\"&amp;`${x}", "\u2028", strings.Repeat("long", 100_000),
}

// sample returns a profile of locks of these names, each with a holder and a waiter whose
// owners have the names too.
func sample() waits.Profile {
	begin := time.Date(2026, 11, 27, 3, 12, 0, 0, time.UTC)
	var s inspect.Snapshot
	for i, name := range names {
		id := inspect.LockID{Layout: layout.RWLock, Name: name}
		var queue []inspect.Request
		for n := range 2 {
			queue = append(queue, inspect.Request{
				Key: fmt.Sprint(name, n), Lock: id, Mode: keyspace.Write, Lease: int64(2*i + n + 1), Revision: int64(2*i + n + 1),
				Owned: true, Owner: keyspace.Owner{Label: names[(i+n)%len(names)]}.Ref(),
			})
		}
		s.Locks = append(s.Locks, inspect.NewLock(id, queue))
	}
	c := waits.New(waits.Options{})
	c.Begin(begin, s)
	return c.Profile(begin.Add(time.Minute))
}

func TestFolded(t *testing.T) {
	var b bytes.Buffer
	if err := writeFolded(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != len(names) {
		t.Errorf("%d lines, want %d", len(lines), len(names))
	}
	for _, line := range lines {
		stack, value, _ := strings.Cut(line, line[strings.LastIndex(line, " "):])
		if value != "" || strings.Count(stack, ";") != 2 || !strings.HasSuffix(line, " 60000000") || !utf8.ValidString(line) {
			t.Errorf("line %.200q", line)
		}
	}
}

func TestPprof(t *testing.T) {
	var b bytes.Buffer
	if err := writePprof(&b, sample()); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Error(err)
	}
	var all time.Duration
	for _, s := range p.Sample {
		all += time.Duration(s.Value[0])
		if len(s.Location) != 3 || !strings.HasSuffix(s.Location[2].Line[0].Function.Name, " [idle holder]") {
			t.Errorf("sample %v", s)
		}
	}
	if want := time.Duration(len(names)) * time.Minute; all != want || p.DurationNanos != int64(time.Minute) {
		t.Errorf("waited %v in %d, want %v", all, p.DurationNanos, want)
	}
}

var (
	scripts = regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`)
	markup  = regexp.MustCompile(`(?i)https?:|src=|href=|@import|url\(`)
)

// The page has two scripts, of which one is data, loads nothing, and its size is bounded,
// whatever the names.
func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := writePage(&b, sample()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	found := scripts.FindAllStringSubmatch(page, -1)
	if len(found) != 2 || found[1][2] != pageScript || strings.Count(strings.ToLower(page), "<script") != 2 {
		t.Fatalf("%d scripts", len(found))
	}
	if strings.Contains(found[0][2], "<") || strings.Contains(page, "\u202e") || !utf8.ValidString(page) || markup.MatchString(page) {
		t.Error("a name or a link is in the page as it is")
	}
	if len(page) > 80_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
	var data pageData
	if err := json.Unmarshal([]byte(found[0][2]), &data); err != nil {
		t.Fatal(err)
	}
	var ms float64
	for _, c := range data.Cells {
		if int(c[0]) >= data.Parts || int(c[1]) >= len(data.Classes) || int(c[2]) >= len(data.Chains) {
			t.Errorf("cell %v", c)
		}
		ms += c[3]
	}
	if want := float64(len(names)) * 60_000; ms != want {
		t.Errorf("%v ms, want %v", ms, want)
	}
}

// What is beyond the limits of a page is in its rest.
func TestPageLimits(t *testing.T) {
	p := waits.Profile{Width: time.Second, From: time.Unix(0, 0), To: time.Unix(9, 0)}
	for n := range 3 * pageClasses {
		p.Classes = append(p.Classes, waits.Group{Name: strconv.Itoa(n), Waited: time.Second})
	}
	for n := range 3 * pageChains {
		p.Chains = append(p.Chains, waits.Chain{Owners: []string{strconv.Itoa(n), "x"}, End: waits.EndIdle})
	}
	for n := range 30_000 {
		p.Cells = append(p.Cells, waits.Cell{Part: n % 10, Class: n % len(p.Classes), Chain: n % len(p.Chains), Waited: time.Millisecond})
	}
	d := newPageData(p)
	var ms float64
	for _, c := range d.Cells {
		ms += c[3]
	}
	if len(d.Classes) != pageClasses+1 || len(d.Chains) != pageChains+1 || ms < 29_999 || ms > 30_001 {
		t.Errorf("%d classes, %d chains, %v ms", len(d.Classes), len(d.Chains), ms)
	}
}

func TestDocument(t *testing.T) {
	var b bytes.Buffer
	if err := (output.Printer{Writer: &b, Format: output.JSON}).Document(newDoc(sample())); err != nil {
		t.Fatal(err)
	}
	var d doc
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	var parts float64
	for _, s := range d.Parts {
		parts += s
	}
	if len(d.Classes) != len(names) || len(d.Chains) != len(names) || d.Waited != float64(60*len(names)) || int(parts+0.5) != 60*len(names) {
		t.Errorf("%d classes, %d chains, waited %v, %v in parts", len(d.Classes), len(d.Chains), d.Waited, parts)
	}
	base64 := 0
	for _, g := range d.Classes {
		if g.NameBase64 != "" {
			base64++
		}
		if g.Wait.Count != 1 || g.Wait.AtLeast != 1 || !g.Wait.Max.AtLeast || g.Wait.Max.Seconds != 60 {
			t.Errorf("wait %+v", g.Wait)
		}
	}
	if base64 != 1 {
		t.Errorf("%d names in base64", base64)
	}
}

func TestTables(t *testing.T) {
	var b bytes.Buffer
	p := sample()
	if err := writeTables(output.Printer{Writer: &b}, p, 2, p.To); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"and 9 more: --top shows more", "≥1m", " → [idle holder]"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%.3000s", want, text)
		}
	}
}
