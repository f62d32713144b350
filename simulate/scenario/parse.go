package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxSize is the size limit of a scenario file, in bytes.
const maxSize = 1 << 20

// ParseError says what is wrong with a scenario file, and where.
type ParseError struct {
	File   string
	Line   int // from 1
	Column int // from 1
	Msg    string
}

// Error formats the error as file:line:column: message, the way editors read it.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Parse parses a scenario. file is its name for messages. Every error is a *ParseError
// with the position in the file.
func Parse(file string, data []byte) (*Scenario, error) {
	if len(data) > maxSize {
		return nil, &ParseError{File: file, Line: 1, Column: 1, Msg: fmt.Sprintf("file is larger than %d bytes", maxSize)}
	}
	root, doc, err := decode(file, data)
	if err != nil {
		return nil, err
	}
	r := reader{file: file, root: root}
	sc := r.scenario(doc)
	if r.err != nil {
		return nil, r.err
	}
	return sc, nil
}

// decode decodes the file's only document: into a tree, for positions, and into
// values.
func decode(file string, data []byte) (root ast.Node, doc document, err error) {
	// The YAML library panics on some broken input, which a fuzzer finds within a
	// second. The file is broken then, and not the program.
	defer func() {
		if p := recover(); p != nil {
			err = at(file, firstToken(root), "not valid YAML")
		}
	}()
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, doc, locate(file, err)
	}
	root, err = onlyDocument(file, tree)
	if err != nil {
		return nil, doc, err
	}
	if root, err = plain(file, root); err != nil {
		return nil, doc, err
	}
	err = yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict()).DecodeFromNode(root, &doc)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, doc, locate(file, err)
	}
	return root, doc, nil
}

func onlyDocument(file string, tree *ast.File) (ast.Node, error) {
	var root ast.Node
	for _, d := range tree.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			return nil, at(file, firstToken(d.Body), "second document: a file has one scenario")
		}
		root = d.Body
	}
	if root == nil {
		return nil, at(file, nil, "empty file: a scenario needs a name and clients")
	}
	return root, nil
}

// locate turns an error of the YAML library into a ParseError: one line, with the
// position, in the terms of YAML and not of Go.
func locate(file string, err error) *ParseError {
	var wrongType *yaml.TypeError
	if errors.As(err, &wrongType) {
		return at(file, wrongType.Token, "wrong kind of value: want "+kindWord(wrongType.DstType))
	}
	var located yaml.Error
	if errors.As(err, &located) {
		msg := located.GetMessage()
		if msg == `unknown field "make"` {
			msg += ": it is called impl"
		}
		return at(file, located.GetToken(), msg)
	}
	return at(file, nil, err.Error())
}

func kindWord(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct:
		return "a mapping"
	case reflect.Bool:
		return "true or false"
	default:
		return "text"
	}
}

func at(file string, tk *token.Token, msg string) *ParseError {
	e := &ParseError{File: file, Line: 1, Column: 1, Msg: msg}
	if tk != nil && tk.Position != nil {
		e.Line, e.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	return e
}
