// Package yamlfile reads YAML files that people write: into values whose every word is
// the text that the file has, with errors that say where in the file they are.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxSize is the size limit of a file, in bytes.
const maxSize = 1 << 20

// Error says what is wrong with a file, and where.
type Error struct {
	File   string
	Line   int // from 1
	Column int // from 1
	Msg    string
}

// Error formats the error as file:line:column: message, the way editors read it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Form is what a kind of file looks like.
type Form struct {
	Empty   string            // the error for an empty file
	Second  string            // the error for a second document in it
	Flags   []string          // fields that are true or false; all others are text, lists or mappings
	Renamed map[string]string // what unknown fields are called
}

// File is a file that was decoded, for the positions of its values.
type File struct {
	name string
	root ast.Node
}

// Decode decodes the only document of a file into a value, which must have no fields
// but texts, flags, lists and mappings. The name is for messages. Every error is an
// *Error.
func (form Form) Decode(name string, data []byte, into any) (f *File, err error) {
	f = &File{name: name}
	if len(data) > maxSize {
		return f, f.at(nil, fmt.Sprintf("file is larger than %d bytes", maxSize))
	}
	// The YAML library panics on some broken input, which a fuzzer finds within a
	// second. The file is broken then, and not the program.
	defer func() {
		if p := recover(); p != nil {
			err = f.at(firstToken(f.root), "not valid YAML")
		}
	}()
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return f, form.locate(f, err)
	}
	if err := form.setRoot(f, tree); err != nil {
		return f, err
	}
	if err := form.plain(f); err != nil {
		return f, err
	}
	err = yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict()).DecodeFromNode(f.root, into)
	if err != nil && !errors.Is(err, io.EOF) {
		return f, form.locate(f, err)
	}
	return f, nil
}

func (form Form) setRoot(f *File, tree *ast.File) error {
	for _, d := range tree.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType {
			continue
		}
		if f.root != nil {
			return f.at(firstToken(d.Body), form.Second)
		}
		f.root = d.Body
	}
	if f.root == nil {
		return f.at(nil, form.Empty)
	}
	return nil
}

// locate turns an error of the YAML library into an Error: one line, with the
// position, in the terms of YAML and not of Go.
func (form Form) locate(f *File, err error) *Error {
	var wrongType *yaml.TypeError
	if errors.As(err, &wrongType) {
		return f.at(wrongType.Token, "wrong kind of value: want "+kindWord(wrongType.DstType)+quoteIt(wrongType.Token))
	}
	var otherNode *yaml.UnexpectedNodeTypeError
	if errors.As(err, &otherNode) {
		return f.at(otherNode.Token, "wrong kind of value: want a "+nodeWord(otherNode.Expected))
	}
	var located yaml.Error
	if errors.As(err, &located) {
		msg := located.GetMessage()
		for old, name := range form.Renamed {
			if msg == fmt.Sprintf("unknown field %q", old) {
				msg += ": it is called " + name
			}
		}
		return f.at(located.GetToken(), msg)
	}
	return f.at(nil, err.Error())
}

// quoteIt says what helps where text with a colon, such as an address in a list in brackets,
// was read as a mapping.
func quoteIt(at *token.Token) string {
	if at != nil && at.Type == token.MappingValueType {
		return "; put text with a colon in quotes"
	}
	return ""
}

func nodeWord(n ast.NodeType) string {
	if n == ast.SequenceType {
		return "list"
	}
	return strings.ToLower(n.YAMLName())
}

func kindWord(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Bool:
		return "true or false"
	default:
		return "text"
	}
}

func (f *File) at(tk *token.Token, msg string) *Error {
	e := &Error{File: f.name, Line: 1, Column: 1, Msg: msg}
	if tk != nil && tk.Position != nil {
		e.Line, e.Column = max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	return e
}
