package house

import (
	"bufio"
	"bytes"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"
)

// publicPackages are the packages that other modules can import.
var publicPackages = []string{"./rwlock/...", "./simulate/..."}

// The exported API of public packages has no types of internal packages: another
// module could read such values, but not name their types.
func TestPublicTypes(t *testing.T) {
	module := strings.TrimSpace(run(t, root, "go", "list", "-m"))
	public := strings.Fields(run(t, root, "go", append([]string{"list"}, publicPackages...)...))
	imports := importer.ForCompiler(token.NewFileSet(), "gc", exportData(t))
	for _, path := range public {
		if isInternal(path) {
			continue
		}
		pkg, err := imports.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		w := apiWalk{module: module, seen: map[types.Type]bool{}}
		w.walkPackage(pkg)
		for _, found := range w.found {
			t.Errorf("%s: %s", path, found)
		}
	}
}

// exportData returns a function that opens the export data of the packages that
// the public packages depend on.
func exportData(t *testing.T) func(path string) (io.ReadCloser, error) {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, publicPackages...)
	files := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(run(t, root, "go", args...))); lines.Scan(); {
		path, file, _ := strings.Cut(lines.Text(), " ")
		files[path] = file
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" { // such as unsafe
			return io.NopCloser(bytes.NewReader(nil)), nil
		}
		return os.Open(files[path])
	}
}

func isInternal(path string) bool { return strings.Contains(path+"/", "/internal/") }

// apiWalk walks an exported API and collects the internal types that it has.
type apiWalk struct {
	module string
	pkg    *types.Package
	seen   map[types.Type]bool
	where  string // the declaration that is walked
	found  []string
}

func (w *apiWalk) walkPackage(pkg *types.Package) {
	w.pkg = pkg
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		w.where = name
		w.walk(obj.Type())
		if named, ok := types.Unalias(obj.Type()).(*types.Named); ok && isTypeName(obj) {
			w.walkNamed(named)
		}
	}
}

func isTypeName(obj types.Object) bool {
	_, ok := obj.(*types.TypeName)
	return ok
}

// walkNamed walks the declaration of a type of the package: its underlying type and
// its exported methods, including promoted ones.
func (w *apiWalk) walkNamed(named *types.Named) {
	name := w.where
	w.walk(named.Underlying())
	methods := types.NewMethodSet(types.NewPointer(named))
	for i := range methods.Len() {
		if m := methods.At(i).Obj(); m.Exported() {
			w.where = name + "." + m.Name()
			w.walk(m.Type())
		}
	}
}

func (w *apiWalk) walk(typ types.Type) {
	typ = types.Unalias(typ)
	if w.seen[typ] {
		return
	}
	if named, ok := typ.(*types.Named); ok {
		w.useNamed(named)
		return
	}
	w.seen[typ] = true
	switch typ := typ.(type) {
	case *types.Struct:
		for f := range typ.Fields() {
			if f.Exported() {
				w.walk(f.Type())
			}
		}
	case *types.Interface:
		for m := range typ.Methods() {
			if m.Exported() {
				w.walk(m.Type())
			}
		}
	case *types.Signature:
		w.walk(typ.Params())
		w.walk(typ.Results())
	case *types.Tuple:
		for v := range typ.Variables() {
			w.walk(v.Type())
		}
	case *types.Map:
		w.walk(typ.Key())
		w.walk(typ.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays and channels
		w.walk(typ.Elem())
	}
}

// useNamed notes a named type that is used, if it is internal. The declarations of
// public types are walked with their own packages.
func (w *apiWalk) useNamed(named *types.Named) {
	for arg := range named.TypeArgs().Types() {
		w.walk(arg)
	}
	pkg := named.Obj().Pkg()
	if pkg != nil && strings.HasPrefix(pkg.Path(), w.module+"/") && isInternal(pkg.Path()) {
		w.found = append(w.found, w.where+" has "+types.TypeString(named, nil))
	}
}

// The walk finds internal types wherever an API can have them.
func TestPublicTypesAreWalked(t *testing.T) {
	hidden := types.NewPackage("m/internal/p", "p")
	secret := types.NewNamed(types.NewTypeName(token.NoPos, hidden, "Secret", nil), types.Typ[types.Int], nil)
	pkg := types.NewPackage("m/api", "api")
	variable := func(typ types.Type) *types.Var { return types.NewParam(token.NoPos, pkg, "", typ) }
	field := func(name string, typ types.Type) *types.Struct {
		return types.NewStruct([]*types.Var{types.NewField(token.NoPos, pkg, name, typ, false)}, nil)
	}
	tests := map[string]struct {
		typ  types.Type
		want bool
	}{
		"itself":           {secret, true},
		"field":            {field("F", types.NewSlice(secret)), true},
		"unexported field": {field("f", secret), false},
		"parameter":        {types.NewSignatureType(nil, nil, nil, types.NewTuple(variable(types.NewPointer(secret))), nil, false), true},
		"result":           {types.NewSignatureType(nil, nil, nil, nil, types.NewTuple(variable(types.NewMap(types.Typ[types.Int], secret))), false), true},
		"alias":            {types.NewAlias(types.NewTypeName(token.NoPos, pkg, "Alias", nil), secret), true},
		"another type":     {types.NewChan(types.SendRecv, types.Typ[types.Int]), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := apiWalk{module: "m", pkg: pkg, seen: map[types.Type]bool{}, where: name}
			w.walk(tt.typ)
			if (len(w.found) > 0) != tt.want {
				t.Errorf("found %q", w.found)
			}
		})
	}
}
