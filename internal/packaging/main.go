// Command packaging writes what packages of etcd-lock have beside the program: manual
// pages and completions, made from its commands.
//
//	go run ./internal/packaging -time 1790000000 FOLDER
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"etcd-lock/internal/cli"
)

func main() {
	seconds := flag.Int64("time", 0, "date of the manual pages, in seconds since 1970")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: packaging -time SECONDS FOLDER")
		os.Exit(2)
	}
	files, err := makeFiles(cli.Commands(), time.Unix(*seconds, 0).UTC())
	if err == nil {
		err = write(flag.Arg(0), files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

// makeFiles returns the files for a package, by their path below its folder. The same
// commands and date make the same bytes.
func makeFiles(root *cobra.Command, date time.Time) (map[string][]byte, error) {
	files := map[string][]byte{}
	var failed error
	add := func(name string, generate func(*bytes.Buffer) error) {
		var b bytes.Buffer
		failed = errors.Join(failed, generate(&b))
		files[name] = b.Bytes()
	}
	add("completions/etcd-lock.bash", func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) })
	add("completions/_etcd-lock", func(b *bytes.Buffer) error { return root.GenZshCompletion(b) })
	add("completions/etcd-lock.fish", func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) })
	add("completions/etcd-lock.ps1", func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) })
	for name, page := range manual(root, date) {
		add(filepath.Join("man", name+".1.gz"), func(b *bytes.Buffer) error { return compress(b, page) })
	}
	return files, failed
}

// compress writes text without a name and a time, as gzip -n does.
func compress(b *bytes.Buffer, text string) error {
	z, err := gzip.NewWriterLevel(b, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write([]byte(text))
	return errors.Join(err, z.Close())
}

// write replaces dir by the files.
func write(dir string, files map[string][]byte) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
