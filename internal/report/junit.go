package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"etcd-lock/internal/printable"
	"etcd-lock/simulate/outcome"
)

// JUnit writes runs as JUnit's XML, a suite for each run and a case for each check.
func JUnit(w io.Writer, runs []Run) error {
	doc := junitDoc{Suites: make([]junitSuite, 0, len(runs))}
	for _, r := range runs {
		doc.Suites = append(doc.Suites, newJUnitSuite(r))
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

type junitDoc struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Time       string          `xml:"time,attr"` // in seconds
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	Out        junitText       `xml:"system-out"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Failure *junitFault `xml:"failure"`
	Error   *junitFault `xml:"error"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	junitText
}

type junitText struct {
	Text string `xml:",cdata"`
}

func newJUnitSuite(r Run) junitSuite {
	s := junitSuite{
		Name: r.Scenario.Name,
		Time: fmt.Sprintf("%.3f", r.Until().Seconds()),
		Properties: []junitProperty{
			{Name: "seed", Value: fmt.Sprint(r.Result.Seed)},
			{Name: "command", Value: r.Command},
		},
	}
	if r.Result.Note != "" {
		s.Properties = append(s.Properties, junitProperty{Name: "note", Value: printable.Text(r.Result.Note)})
	}
	if r.Err != nil {
		s.Errors = 1
		s.Cases = []junitCase{{Class: s.Name, Name: "run", Error: &junitFault{Message: printable.Text(r.Err.Error())}}}
	} else {
		s.addChecks(r)
	}
	s.Tests = len(s.Cases)
	for _, e := range r.Result.Lines() {
		s.Out.Text += printable.Text(e.Line) + "\n"
	}
	return s
}

// addChecks adds the cases of a run that did not end early.
func (s *junitSuite) addChecks(r Run) {
	for _, c := range r.Result.Checks() {
		one := junitCase{Class: s.Name, Name: printable.Text(c.Name)}
		if c.Promise {
			one.Class += ".always"
		}
		if len(c.Failures) > 0 {
			s.Failures++
			one.Failure = newJUnitFault(c.Failures, r.Result.Note)
		}
		s.Cases = append(s.Cases, one)
	}
}

// newJUnitFault returns a fault with the first failure as its message, and all failures
// and the note of the run as its text: that is what a CI shows of it.
func newJUnitFault(failures []outcome.Failure, note string) *junitFault {
	all := outcome.Texts(failures)
	if note != "" {
		all = append(all, note)
	}
	for i, text := range all {
		all[i] = printable.Text(text)
	}
	return &junitFault{Message: all[0], junitText: junitText{Text: strings.Join(all, "\n")}}
}
