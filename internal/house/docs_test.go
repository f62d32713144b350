package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// markdown returns the documents of the repository, as paths from its root.
func markdown(t *testing.T) (files []string) {
	t.Helper()
	for _, file := range textFiles(t, root) {
		if filepath.Ext(file) == ".md" && !strings.HasPrefix(file, ".git") {
			files = append(files, file)
		}
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Every relative link leads to a file, and to a heading where it names one.
func TestLinksResolve(t *testing.T) {
	for _, file := range markdown(t) {
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(read(t, file), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
				continue
			}
			if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s links to %s: no such heading", file, m[1])
			}
		}
	}
}

// anchors returns the names by which GitHub links to the headings of a document.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := dropped.ReplaceAllString(strings.ToLower(m[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	aPath    = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*/?$`)
	// goFile is a file of Go followed by names that are declared in it.
	goFile   = regexp.MustCompile("`([\\w./-]+\\.go)`((?:[ ,]+`[\\w.]+`)+)")
	declared = `(?m)(^func (\([^)]*\) )?|^type |^\t)%s\b`
)

// The guides for contributors name files, and functions in them, that exist.
func TestGuidesNameWhatExists(t *testing.T) {
	for _, file := range []string{"CONTRIBUTING.md", "docs/ARCHITECTURE.md"} {
		text := fence.ReplaceAllString(read(t, file), "")
		for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
			if !namesPath(m[1]) {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s: %v", file, m[1], err)
			}
		}
		for _, m := range goFile.FindAllStringSubmatch(text, -1) {
			for _, name := range codeSpan.FindAllStringSubmatch(m[2], -1) {
				wantDeclared(t, file, m[1], name[1])
			}
		}
	}
}

// namesPath reports whether a code span is a path in the repository: one below a
// folder or file at its root.
func namesPath(span string) bool {
	if !aPath.MatchString(span) || !strings.ContainsAny(span, "/.") {
		return false
	}
	first, _, deep := strings.Cut(span, "/")
	if first == "bin" || first == "dist" { // which are made
		return false
	}
	_, err := os.Stat(filepath.Join(root, first))
	return err == nil || deep && filepath.Ext(span) != "" || filepath.Ext(span) == ".md" || filepath.Ext(span) == ".go"
}

// wantDeclared fails the test unless source declares name, a function, a type or
// a field, or a method written as Type.Method.
func wantDeclared(t *testing.T, file, source, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, source))
	if err != nil {
		return // reported as a path that does not exist
	}
	last := name[strings.LastIndex(name, ".")+1:]
	if !regexp.MustCompile(strings.Replace(declared, "%s", regexp.QuoteMeta(last), 1)).Match(text) {
		t.Errorf("%s says that %s declares %s", file, source, name)
	}
}

// Every symbolic link leads to a file.
func TestSymbolicLinks(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink == 0 {
			return err
		}
		_, err = os.Stat(path)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
