package rule

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The form is the one that CI systems read, see https://github.com/testmoapp/junitxml: a suite a file of rules, a case a test.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	File     string      `xml:"file,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`

	seconds float64
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr,omitempty"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results as JUnit XML.
func WriteJUnit(w io.Writer, results []TestResult) error {
	var s junitSuites
	for _, r := range results {
		c := junitCase{Class: r.Rule, Name: r.Name, File: r.File, Line: r.Line, Time: seconds(r.Seconds)}
		if !r.Passed() {
			c.Failure = &junitProblem{Message: oneLine(r.Failures[0]), Type: "mismatch", Text: r.String()}
		}
		s.add(r.File, c, r.Seconds)
	}
	return s.write(w)
}

// WriteJUnit writes the problems of a rule set that could not be loaded as errors, so that a CI system shows them where it shows failed tests.
func (p Problems) WriteJUnit(w io.Writer) error {
	var s junitSuites
	for i, x := range p {
		s.add(x.File, junitCase{
			Class: x.File, Name: fmt.Sprintf("loads (problem %d)", i+1), File: x.File, Line: x.Line, Time: seconds(0),
			Error: &junitProblem{Message: oneLine(x.Message), Type: "load", Text: x.String()},
		}, 0)
	}
	return s.write(w)
}

// add puts a case into the suite of its file, which is the last one as long as files come one after the other.
func (s *junitSuites) add(file string, c junitCase, took float64) {
	if n := len(s.Suites); n == 0 || s.Suites[n-1].Name != file {
		s.Suites = append(s.Suites, junitSuite{Name: file, File: file})
	}
	suite := &s.Suites[len(s.Suites)-1]
	suite.Cases = append(suite.Cases, c)
	suite.Tests++
	suite.seconds += took
	if c.Failure != nil {
		suite.Failures++
	}
	if c.Error != nil {
		suite.Errors++
	}
}

func (s *junitSuites) write(w io.Writer) error {
	s.Name = "riposte rules test"
	total := 0.0
	for i := range s.Suites {
		x := &s.Suites[i]
		x.Time = seconds(x.seconds)
		s.Tests, s.Failures, s.Errors, total = s.Tests+x.Tests, s.Failures+x.Failures, s.Errors+x.Errors, total+x.seconds
	}
	s.Time = seconds(total)
	text, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("JUnit: %w", err)
	}
	if _, err := io.WriteString(w, xml.Header+string(text)+"\n"); err != nil {
		return fmt.Errorf("JUnit: %w", err)
	}
	return nil
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 6, 64) }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
