package yamlfile

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// plain makes every value and every key without quotes the text that the file has, where
// YAML reads a number, true or false: 007 and 7 are two names, and so are 1.10 and 1.1. The
// fields that are true or false stay so. It returns an error for a null that is
// written out, which is not text.
func (form Form) plain(f *File) error {
	p := plainText{file: f, flags: form.Flags}
	f.root = p.text(f.root)
	ast.Walk(&p, f.root)
	if p.err != nil {
		return p.err
	}
	return nil
}

// plainText replaces the values below the nodes that it visits.
type plainText struct {
	file  *File
	flags []string
	err   *Error // the first one
}

// numberTags say that a text is something else.
var numberTags = []string{"!!int", "!!float", "!!bool"}

// Visit implements ast.Visitor.
func (p *plainText) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.MappingValueNode:
		if key, ok := p.text(n.Key).(ast.MapKeyNode); ok {
			n.Key = key
		}
		if !p.isFlag(n.Key) {
			n.Value = p.text(n.Value)
		}
	case *ast.SequenceNode:
		for i, v := range n.Values {
			n.Values[i] = p.text(v)
		}
	case *ast.AnchorNode:
		n.Value = p.text(n.Value)
	case *ast.TagNode:
		n.Value = p.text(n.Value)
	}
	return p
}

// isFlag reports whether the values of a field are true and false.
func (p *plainText) isFlag(key ast.MapKeyNode) bool {
	tk := key.GetToken()
	return tk != nil && slices.Contains(p.flags, tk.Value)
}

// text returns the node of n's own text if n is not text to YAML, and otherwise n. A tag such
// as !!int changes nothing of that: the library would decode 0x10 as 0 with it.
func (p *plainText) text(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.TagNode:
		if plain := p.text(n.Value); plain != n.Value || slices.Contains(numberTags, n.Start.Value) {
			return plain
		}
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		return ast.String(n.GetToken())
	case *ast.NullNode:
		if tk := n.GetToken(); p.err == nil && tk != nil && tk.Type == token.NullType {
			p.err = p.file.at(tk, fmt.Sprintf("%s means nothing to YAML: quote it if it is a name, as in %q, or leave the field out", tk.Value, tk.Value))
		}
	}
	return n
}
