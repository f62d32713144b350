package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of code that is not tests.
const (
	maxFileLines     = 350
	maxFunctionLines = 50
	maxMedianLines   = 10 // of all functions
	maxPackageFiles  = 30
)

// maxTestFileLines bounds a test file, which may hold long tables.
const maxTestFileLines = 600

func TestSizes(t *testing.T) {
	files := map[string]int{} // of each package
	var functions []int
	for _, file := range textFiles(t, root) {
		if filepath.Ext(file) != ".go" {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		limit := maxFileLines
		test := strings.HasSuffix(file, "_test.go")
		if test {
			limit = maxTestFileLines
		}
		if n := set.File(parsed.Pos()).LineCount(); n > limit {
			t.Errorf("%s has %d lines; at most %d", file, n, limit)
		}
		if !test {
			files[filepath.Dir(file)]++
			functions = append(functions, functionLines(t, set, parsed)...)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(files)) {
		if files[dir] > maxPackageFiles {
			t.Errorf("package %s has %d files; at most %d", dir, files[dir], maxPackageFiles)
		}
	}
	slices.Sort(functions)
	if median := functions[len(functions)/2]; median > maxMedianLines {
		t.Errorf("the median function has %d lines; at most %d", median, maxMedianLines)
	}
}

// functionLines returns the length of each function in a file, and fails the test
// for those that are too long.
func functionLines(t *testing.T, set *token.FileSet, file *ast.File) (lengths []int) {
	t.Helper()
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		start := set.Position(f.Pos())
		n := set.Position(f.End()).Line - start.Line + 1
		lengths = append(lengths, n)
		if n > maxFunctionLines {
			t.Errorf("%s: %s has %d lines; at most %d", start, f.Name.Name, n, maxFunctionLines)
		}
	}
	return lengths
}

// topLevel is what the root of the repository holds. Everything else goes into
// one of its folders.
var topLevel = []string{
	".ci", ".gitignore", ".golangci.yml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
	"docs", "findings", "go.mod", "go.sum", "internal", "main.go", "rwlock", "sample", "simulate", "tui",
}

func TestTopLevel(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skip("not a git checkout: ", err)
	}
	seen := map[string]bool{}
	for _, file := range strings.Fields(string(out)) {
		top, _, _ := strings.Cut(file, "/")
		seen[top] = true
	}
	for _, top := range slices.Sorted(maps.Keys(seen)) {
		if !slices.Contains(topLevel, top) {
			t.Errorf("%s is at the top level of the repository", top)
		}
	}
}
