package scenario

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// plain makes every value without quotes the text that the file has, where YAML reads
// a number, true or false: 007 and 7 are two locks, and so are 1.10 and 1.1. The
// fields that are true or false stay so. It returns an error for a null that is
// written out, which is not text.
func plain(file string, root ast.Node) (ast.Node, error) {
	p := plainText{file: file}
	root = p.text(root)
	ast.Walk(&p, root)
	if p.err != nil {
		return nil, p.err
	}
	return root, nil
}

// plainText replaces the values below the nodes that it visits.
type plainText struct {
	file string
	err  *ParseError // the first one
}

// Visit implements ast.Visitor.
func (p *plainText) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.MappingValueNode:
		if !isFlag(n.Key) {
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
func isFlag(key ast.MapKeyNode) bool {
	tk := key.GetToken()
	return tk != nil && slices.Contains([]string{"try", "compact"}, tk.Value)
}

// text returns the node of n's own text if n is not text to YAML, and otherwise n.
func (p *plainText) text(n ast.Node) ast.Node {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		return ast.String(n.GetToken())
	case *ast.NullNode:
		if tk := n.GetToken(); p.err == nil && tk != nil && tk.Type == token.NullType {
			p.err = at(p.file, tk, fmt.Sprintf("%s means nothing to YAML: quote it if it is a name, as in %q, or leave the field out", tk.Value, tk.Value))
		}
	}
	return n
}
