package yamlfile

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Path is the path of a value in a file: mapping keys and list indices.
type Path []any

// To returns the path of a value below p.
func (p Path) To(more ...any) Path { return append(p[:len(p):len(p)], more...) }

// Errorf returns an error about the value at a path.
func (f *File) Errorf(p Path, format string, args ...any) *Error {
	return f.at(f.token(p), fmt.Sprintf(format, args...))
}

// Position returns the position of a value, from 1.
func (f *File) Position(p Path) (line, column int) {
	e := f.at(f.token(p), "")
	return e.Line, e.Column
}

// token returns the first token of a value. If the file has none there, because it
// is missing or behind an alias, it returns that of the nearest value around it.
func (f *File) token(p Path) *token.Token {
	for ; len(p) > 0; p = p[:len(p)-1] {
		if node, err := p.build().FilterNode(f.root); err == nil && node != nil {
			return firstToken(node)
		}
	}
	return firstToken(f.root)
}

func (p Path) build() *yaml.Path {
	b := (&yaml.PathBuilder{}).Root()
	for _, segment := range p {
		switch s := segment.(type) {
		case string:
			b = b.Child(s)
		case int:
			b = b.Index(uint(s))
		}
	}
	return b.Build()
}

// firstToken returns the token that a node begins with. A mapping's own token is its
// first colon.
func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}
