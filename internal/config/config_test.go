package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const everything = "testdata/everything.yaml"

func TestParse(t *testing.T) {
	f, err := Load(t.Context(), everything, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("Contexts", func(t *testing.T) {
		want := []Context{
			{Name: "prod", ReadOnly: true, Colour: "red", Flags: []Flag{
				{"endpoints", []string{"https://etcd-1:2379", "https://etcd-2:2379"}},
				{"cacert", []string{"testdata/tls/ca.pem"}}, {"cert", []string{"/etc/etcd/me.pem"}}, {"key", []string{"/etc/etcd/me.key"}},
				{"user", []string{"ops"}}, {"password-file", []string{"testdata/prod.password"}},
				{"keepalive-time", []string{"20s"}}, {"keepalive-timeout", []string{"4s"}}, {"dial-timeout", []string{"3s"}}, {"command-timeout", []string{"10s"}},
				{"layouts", []string{"testdata/our-layouts.yaml"}}, {"lock-keys", []string{"/cron/lock/*"}},
				{"insecure-transport", []string{"false"}}, {"insecure-skip-tls-verify", []string{"false"}}, {"hidden", []string{"true"}},
			}},
			{Name: "stage.eu-1", Flags: []Flag{
				{"discovery-srv", []string{"example.com"}}, {"discovery-srv-name", []string{"blue"}}, {"insecure-discovery", []string{"false"}},
			}},
		}
		if !reflect.DeepEqual(f.Contexts, want) {
			t.Errorf("got  %+v\nwant %+v", f.Contexts, want)
		}
		if c, ok := f.Find("prod"); f.Context != "stage.eu-1" || !ok || c.Get("user")[0] != "ops" || c.Get("none") != nil {
			t.Errorf("the context to use is %q, prod is %+v", f.Context, c)
		}
	})
	t.Run("Keys", func(t *testing.T) {
		var got []string
		for _, k := range f.Keys {
			got = append(got, k.Screen+" "+k.From+" → "+strings.Join(k.To, " "))
		}
		want := []string{"everywhere ] → alt+right", "everywhere e → E", "everywhere x → ", "lock ctrl+d → D f8"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("keys = %q, want %q", got, want)
		}
	})
	t.Run("Commands", func(t *testing.T) {
		c := f.Commands[0]
		if c.Key != "P" || c.Name != "processes" || !reflect.DeepEqual(c.Screens, []string{"lock", "session"}) || c.Confirm || c.Dangerous {
			t.Errorf("command = %+v", c)
		}
		c = f.Commands[1]
		if len(c.Prompts) != 1 || c.Prompts[0] != (Prompt{"Reason", "why", "stuck"}) || !c.Dangerous || !c.Background || !reflect.DeepEqual(c.Contexts, []string{"prod"}) {
			t.Errorf("command = %+v", c)
		}
	})
}

// TestPlainNames: the name of a context is the text that the file has, as it is where the
// file, a flag or the environment names the context.
func TestPlainNames(t *testing.T) {
	names := []string{"007", "7", "1.10", "1.1", "0x1F", "1e3", "1_000", "yes", "true"}
	for _, name := range names {
		text := "context: " + name + "\ncontexts:\n"
		for _, n := range names {
			text += "  " + n + ": {endpoints: [h]}\n"
		}
		f, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := f.Find(name); !ok || f.Context != name || len(f.Contexts) != len(names) {
			t.Errorf("%s: %q of %+v", name, f.Context, f.Contexts)
		}
	}
	for text, want := range map[string]string{
		"contexts:\n  007: {colour: pink}":   "f.yaml:2:17: ",
		"contexts:\n  007: {user: a:secret}": "f.yaml:2:15: ",
		"contexts:\n  null: {user: a}":       "f.yaml:2:3: null means nothing to YAML",
	} {
		if _, err := Parse("f.yaml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// A mistake is said with its file, line and column, and what to do.
func TestParseErrors(t *testing.T) {
	context := func(fields string) string {
		return "contexts:\n  prod:\n    endpoints: [https://etcd-1:2379]\n    " + fields + "\n"
	}
	command := func(fields string) string { return "commands:\n  - key: P\n    name: n\n    " + fields + "\n" }
	tests := []struct{ name, file, want string }{
		{"Empty", "", "1:1: empty file: it needs contexts, keys or commands"},
		{"NoYAML", "contexts: [", "1:"},
		{"UnknownField", "contxts: {}", `1:1: unknown field "contxts"`},
		{"KeptInTheUI", "mouse: false", `1:1: unknown field "mouse": it is called kept in ui.yaml`},
		{"Colour", context("color: red"), `4:5: unknown field "color": it is called colour`},
		{"UnknownColour", context("colour: pink"), `4:13: "pink" is none of red, orange`},
		{"NoEtcd", "contexts:\n  prod:\n    user: ops\n", `3:5: context "prod" names no etcd: it needs endpoints`},
		{"TwoWays", context("discovery-srv: example.com"), "4:20: endpoints and discovery-srv are mutually exclusive"},
		{"Password", context("password: x"), "4:15: a password has no place in this file: name a file that has it"},
		{"PasswordOfTheUser", context("user: ops:secret"), "4:11: user: ops:…: a password has no place"},
		{"PasswordInAnAddress", "contexts: {a: {endpoints: ['u:p@etcd:2379']}}", "a password has no place"},
		{"PasswordInAnEndpoint", "contexts: {a: {endpoints: ['https://u:p@etcd:2379']}}", "a password has no place"},
		{"Token", context("auth-jwt-token: x"), "4:21: a token has no place"},
		{"PasswordFileOfNobody", context("password-file: f"), "4:20: password-file requires user"},
		{"CertWithoutKey", context("cert: f"), "cert and key must be used together"},
		{"Duration", context("dial-timeout: 5"), `4:19: "5" is no duration, such as 5s`},
		{"ReadOnly", context("read-only: maybe"), "4:16: wrong kind of value: want true or false"},
		{"ListOfContexts", "contexts:\n  - {endpoints: [a]}\n", "2:3: wrong kind of value: want a mapping"},
		{"TextForEndpoints", "contexts: {a: {endpoints: a}}", "wrong kind of value: want a list"},
		{"ColonInBrackets", "contexts: {a: {endpoints: [127.0.0.1:2379]}}", "wrong kind of value: want text; put text with a colon in quotes"},
		{"Name", "contexts: {a/b: {endpoints: [a]}}", "a name has letters, digits"},
		{"NoSuchContext", "context: prod\ncontexts: {a: {endpoints: [a]}}", `1:10: there is no context "prod"`},
		{"SecondDocument", "contexts: {a: {endpoints: [a]}}\n---\nkeys: {}", "3:1: second document"},

		{"NoSuchScreen", "keys:\n  lcoks:\n    e: E\n", `3:5: there is no screen "lcoks"`},
		{"NoSuchKey", "keys:\n  locks:\n    e: ctrl+\n", `3:8: "ctrl+" is no key`},
		{"KeyOfAnotherName", "keys:\n  lock:\n    e: ctrl+m\n", "3:8: terminals send the same for ctrl+m and enter"},
		{"KeyInCapitals", "keys:\n  lock:\n    e: ctrl+A\n", "3:8: terminals send the same for ctrl+A and ctrl+a"},
		{"NameThatMovesTheCursor", "commands:\n  - key: P\n    name: \"a\\e[2J\"\n    run: x\n", "3:11: it has characters that cannot be shown"},
		{"NoSuchKeyFrom", "keys:\n  locks:\n    '[': shift+[\n", `3:10: "shift+[" is no key`},
		{"Quit", "keys:\n  everywhere:\n    e: ctrl+c\n", "3:8: ctrl+c always quits"},

		{"NoProgram", command("run: ''"), "4:10: a command needs a program to run"},
		{"ProgramFromARow", command("run: '{{.Label}} x'"), "4:10: the program must be named here"},
		{"ScriptFromARow", command("shell: true\n    run: '{{.Label}} x'"), "5:10: the program must be named here"},
		{"UnknownValue", command("run: ssh {{.Hst}}"), "4:10: there is no {{.Hst}}: one of Context,"},
		{"Spaces", command("run: 'ssh {{ .Host }}'"), "a value is written as {{.Host}}, without spaces"},
		{"Quote", command("run: ssh 'x"), "4:10: a quote ' is not closed"},
		{"NoName", "commands:\n  - key: P\n    run: x\n", "2:5: a command needs a name"},
		{"NoScreen", command("run: x\n    screens: [events]"), `5:15: "events" is none of the screens`},
		{"NoContext", command("run: x\n    contexts: [prod]"), `5:16: there is no context "prod"`},
		{"PromptName", command("run: x\n    prompts: [{name: reason}]"), "5:22: a prompt needs a name that begins with a capital"},
		{"PromptTaken", command("run: x\n    prompts: [{name: Host}]"), "5:22: the name Host is taken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(tt.file))
			if err == nil || !strings.HasPrefix(err.Error(), "c.yaml:") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %v, want %s", err, tt.want)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "config.yaml")
	if f, err := Load(t.Context(), missing, false); err != nil || f.Path != "" {
		t.Errorf("a file that need not exist: %+v, %v", f, err)
	}
	if _, err := Load(t.Context(), missing, true); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a file that must exist: %v", err)
	}
	if f, err := Load(t.Context(), "", false); err != nil || f.Path != "" {
		t.Errorf("no file: %+v, %v", f, err)
	}
}

func TestIsKey(t *testing.T) {
	for _, name := range []string{"e", "E", "?", "[", "ctrl+x", "alt+e", "ctrl+alt+x", "enter", "shift+tab", "ctrl+shift+up", "f5", "ü", "+", "ctrl++"} {
		if !IsKey(name) {
			t.Errorf("%q is a key", name)
		}
	}
	for _, name := range []string{"", " ", "ee", "ctrl+", "shift+a", "hyper+x", "ctr+x", "\x1b", "return"} {
		if IsKey(name) {
			t.Errorf("%q is no key", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile(everything)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("commands: [{key: P, name: n, run: \"'' {{.Host}}\"}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("c.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, c := range file.Commands { // values of etcd never make an option of themselves
			line, err := c.Run.Line(map[string]string{"Host": "-x", "Label": "-x"})
			if err == nil && len(line.Args) == 0 {
				t.Error("no program")
			}
		}
	})
}
