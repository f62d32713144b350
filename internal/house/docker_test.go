package house

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The Dockerfiles copy what there is, and that is all that their builds need. The programs
// are not built here: with the flags of an image, that takes minutes of processor. With a
// Docker Engine, make real does.
func TestDockerfiles(t *testing.T) {
	for _, file := range []string{"sample/Dockerfile", ".ci/release/Dockerfile"} {
		t.Run(file, func(t *testing.T) { checkDockerfile(t, file) })
	}
}

func checkDockerfile(t *testing.T, file string) {
	t.Helper()
	work, builds := t.TempDir(), 0
	for line := range strings.Lines(read(t, file)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "COPY" && !strings.HasPrefix(words[1], "--from"):
			for _, from := range words[1 : len(words)-1] {
				copyInto(t, filepath.Join(root, from), filepath.Join(work, words[len(words)-1]))
			}
		case words[0] == "RUN" && slices.Contains(words, "build"):
			run(t, work, "go", "list", "-deps", words[len(words)-1])
			builds++
		}
	}
	if builds != 1 {
		t.Errorf("%s builds %d programs", file, builds)
	}
}

// copyInto copies a folder to another one, or a file into it, as COPY does.
func copyInto(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else {
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(from)), data, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
