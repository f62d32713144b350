package connect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"etcd-lock/internal/etcd"
)

func TestReadPassword(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name, content string
		mode          os.FileMode
		want          string
		warned        bool
		wrong         string // in the error
	}{
		{"OK", "secret\n", 0o600, "secret", false, ""},
		{"NoNewline", "secret", 0o400, "secret", false, ""},
		{"FirstLine", " a secret \r\nnot this\n", 0o640, " a secret ", false, ""},
		{"Readable", "secret\n", 0o644, "secret", true, ""},
		{"Empty", "", 0o600, "", false, "is empty"},
		{"EmptyLine", "\nsecret\n", 0o600, "", false, "is empty"},
		{"TooLong", strings.Repeat("x", maxPassword+1), 0o600, "", false, "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(dir, tt.name)
			if err := errors.Join(os.WriteFile(file, []byte(tt.content), 0o600), os.Chmod(file, tt.mode)); err != nil {
				t.Fatal(err)
			}
			var warned bool
			got, err := readPassword(file, func(string) { warned = true })
			if got != tt.want || warned != tt.warned || (err == nil) != (tt.wrong == "") {
				t.Errorf("= %q, %v, warned %v", got, err, warned)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.wrong) || !strings.Contains(err.Error(), file) || !isOptionError(err)) {
				t.Errorf("error %q, want an option error that names the file and says %q", err, tt.wrong)
			}
		})
	}
	for _, file := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := readPassword(file, nil); err == nil || !strings.Contains(err.Error(), file) || !isOptionError(err) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestWithPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("filed"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := func(_ context.Context, prompt string) (string, error) {
		if prompt != "Password of u at e: " {
			t.Errorf("prompt %q", prompt)
		}
		return "asked", nil
	}
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"Nobody", Options{}, ""},
		{"Given", Options{Etcd: etcd.Config{User: "u", Password: "p"}}, "p"},
		{"GivenWithName", Options{Etcd: etcd.Config{User: "u:p"}}, ""},
		{"File", Options{Etcd: etcd.Config{User: "u"}, PasswordFile: file}, "filed"},
		{"FileBeforeEnvironment", Options{Etcd: etcd.Config{User: "u", Password: "p"}, PasswordFile: file}, "filed"},
		{"Asked", Options{Etcd: etcd.Config{User: "u", Endpoints: []string{"e"}}, AskPassword: asked}, "asked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := tt.o.withPassword(t.Context())
			if err != nil || cfg.Password != tt.want || cfg.User != tt.o.Etcd.User {
				t.Errorf("= %+v, %v; want password %q", cfg, err, tt.want)
			}
		})
	}
	for name, o := range map[string]Options{
		"NobodyToAsk": {Etcd: etcd.Config{User: "u"}},
		"EmptyGiven":  {Etcd: etcd.Config{User: "u:"}, AskPassword: asked},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := o.withPassword(t.Context()); !errors.Is(err, ErrNoPassword) || !isOptionError(err) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func isOptionError(err error) bool { return errors.As(err, new(*OptionError)) }
