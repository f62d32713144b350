package etcd_test

import (
	"context"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"etcd-lock/internal/etcd"
	"etcd-lock/internal/etcdtest"
	"etcd-lock/internal/hint"
)

// TestConnectTLS: a server or client that is not who it should be is told at
// once, not when the dial timeout is over.
func TestConnectTLS(t *testing.T) {
	passwords, certs := etcdtest.StartSecure(t, false), etcdtest.StartSecure(t, true)
	other := etcdtest.NewAuthority(t)
	expired := startWith(t, passwords.Authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	elsewhere := startWith(t, passwords.Authority, func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(192, 0, 2, 1)}, []string{"etcd.example"}
	})
	plain := etcdtest.Start(t)
	web, webTLS, socket := startWeb(t)
	to := func(endpoint string) etcd.Config {
		return etcd.Config{Endpoints: strings.Split(endpoint, ","), CACert: passwords.Authority.CA}
	}
	with := func(c etcd.Config, change func(*etcd.Config)) etcd.Config {
		change(&c)
		return c
	}
	hostPort := strings.TrimPrefix(passwords.Endpoint, "https://")
	tests := []struct {
		name string
		cfg  etcd.Config
		want string // in the error; none when empty
	}{
		{"OK", to(passwords.Endpoint), ""},
		{"OKWithoutScheme", to(hostPort), ""},
		{"OKCertificate", certs.Config("alice"), ""},
		{"OneOfTwo", to(elsewhere + "," + passwords.Endpoint), ""},
		{"NotVerified", with(to(elsewhere), func(c *etcd.Config) { c.CACert, c.SkipVerify = "", true }), ""},
		{"NotVerifiedWithoutScheme", etcd.Config{Endpoints: []string{hostPort}, SkipVerify: true}, ""},
		{"TLSRequired", with(to(hostPort), func(c *etcd.Config) { c.CACert, c.RequireTLS = "", true }), "signed by an unknown authority"},
		{"ForTheDomain", with(to(elsewhere), func(c *etcd.Config) { c.ServerName = "etcd.example" }), ""},
		{"ForAnotherDomain", with(to(elsewhere), func(c *etcd.Config) { c.ServerName = "etcd.test" }), "for another host"},
		{"UnknownAuthority", with(to(passwords.Endpoint), func(c *etcd.Config) { c.CACert = other.CA }), "signed by an unknown authority; use --cacert"},
		{"NoAuthority", with(to(passwords.Endpoint), func(c *etcd.Config) { c.CACert = "" }), "signed by an unknown authority; use --cacert"},
		{"Expired", to(expired), "has expired or is not valid yet"},
		{"AnotherHost", to(elsewhere), "for another host (x509: certificate is valid for 192.0.2.1, not 127.0.0.1)"},
		{"NoClientCertificate", with(certs.Config("alice"), func(c *etcd.Config) { c.Cert, c.Key = "", "" }), "requires a client certificate; use --cert FILE and --key"},
		{"ClientOfUnknownAuthority", with(certs.Config("alice"), func(c *etcd.Config) { c.Cert, c.Key = other.Issue("alice") }), "rejected the client certificate"},
		{"ServerWithoutTLS", to(plain), "does not use TLS; use http://"},
		{"ServerWithTLS", with(to(hostPort), func(c *etcd.Config) { c.CACert = "" }), "requires TLS; use https://"},
		{"ServerWithTLSAndCertificates", etcd.Config{Endpoints: []string{strings.TrimPrefix(certs.Endpoint, "https://")}}, "requires TLS; use https://"},
		{"AnotherServer", etcd.Config{Endpoints: []string{web}}, "is not etcd's server for clients; name etcd's port for clients"},
		{"AnotherServerWithoutTLS", etcd.Config{Endpoints: []string{strings.Replace(web, "http:", "https:", 1)}}, "is not etcd's server for clients; name etcd's port for clients"},
		{"AnotherServerWithTLS", etcd.Config{Endpoints: []string{webTLS}, SkipVerify: true}, "is not etcd's server for clients; name etcd's port for clients"},
		{"AnotherServerAsksForTLS", etcd.Config{Endpoints: []string{strings.TrimPrefix(webTLS, "https://")}}, "is not etcd's server for clients; name etcd's port for clients"},
		{"AnotherServerAtASocket", etcd.Config{Endpoints: []string{"unix://" + socket}}, "is not etcd's server for clients; name etcd's port for clients"},
		{"AllNamed", to(elsewhere + "," + expired), expired + ": the server's certificate has expired"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.DialTimeout = time.Minute // which is not waited for
			client, err := tt.cfg.Connect(context.Background())
			if err == nil {
				_ = client.Close()
			}
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error()+"; "+hint.Of(err), tt.want) || !strings.HasPrefix(err.Error(), "etcd at "+strings.Join(tt.cfg.Endpoints, ",")+": ")):
				t.Errorf("error %q does not name the endpoint and say %q", err, tt.want)
			}
		})
	}
}

// startWeb runs servers that know HTTP/1 only, as etcd's port for peers: without TLS, with
// it, and at a socket, whose name is relative because it has to be short.
func startWeb(t *testing.T) (plain, secure, socket string) {
	t.Helper()
	t.Chdir(t.TempDir())
	server := func() *httptest.Server {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(s.Close)
		return s
	}
	web, webTLS, at := server(), server(), server()
	web.Start()
	webTLS.StartTLS()
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	_ = at.Listener.Close()
	at.Listener = l
	at.Start()
	return web.URL, webTLS.URL, "socket"
}

// TestUnreadableTLSFiles: the hint names the files that were given.
func TestUnreadableTLSFiles(t *testing.T) {
	a := etcdtest.NewAuthority(t)
	cert, _ := a.Issue("alice")
	_, key := a.Issue("bob")
	for _, tt := range []struct {
		cfg  etcd.Config
		want string
	}{
		{etcd.Config{CACert: "none.pem"}, "PEM files that can be read are needed for --cacert none.pem"},
		{etcd.Config{Cert: cert, Key: key}, "needed for --cert " + cert + ", --key " + key + ", and the key has to be that of the certificate"},
	} {
		tt.cfg.Endpoints, tt.cfg.DialTimeout = []string{"127.0.0.1:1"}, time.Minute
		if _, err := tt.cfg.Connect(t.Context()); err == nil || !strings.Contains(hint.Of(err), tt.want) {
			t.Errorf("%+v: %v, with hint %q, want %q", tt.cfg, err, hint.Of(err), tt.want)
		}
	}
}

// startWith runs a member with a certificate that is changed.
func startWith(t *testing.T, a *etcdtest.Authority, change func(*x509.Certificate)) string {
	t.Helper()
	cert, key := a.Issue("changed", change)
	return etcdtest.Start(t, func(c *etcd.EmbeddedConfig) { c.TLS = etcd.ServerTLS{Cert: cert, Key: key} })
}

func TestWithoutLogin(t *testing.T) {
	for endpoint, want := range map[string]string{
		"http://u:p@b:2": "http://b:2", "u:p@b:2": "b:2", "https://u@b:2/": "https://b:2/", "https://u:p@q/s@b:2": "https://b:2",
		"http://b:2": "http://b:2", "b:2": "b:2", "[::1]:2": "[::1]:2", "": "",
		"unix:///run/u@b.sock": "unix:///run/u@b.sock", "unixs:u@b": "unixs:u@b", "unix-1:p@b:2": "b:2",
	} {
		if got := etcd.WithoutLogin(endpoint); got != want {
			t.Errorf("%q: %q, want %q", endpoint, got, want)
		}
	}
}

func TestCheckEndpoints(t *testing.T) {
	for endpoint, want := range map[string]string{
		"etcd-1:2379": "", "http://etcd-1:2379": "", "https://etcd-1:2379/": "", "HTTPS://etcd-1:2379": "", "[::1]:2379": "",
		"unix:///run/etcd.sock": "", "unixs:etcd.sock": "", "localhost:http": "",
		"unix-1:2379": "", "unixs.example.com:2379": "",
		"etcd-1":                `"etcd-1": missing port in address`,
		"etcd-1:":               "missing port",
		"http://etcd-1":         "missing port",
		"https://[::1]":         "missing port",
		"etcd-1 2379":           "missing port",
		"::1:2379":              "too many colons",
		"etcd-1:99999":          `invalid port "99999"`,
		"etcd-1:2379/":          "invalid port",
		"htp://etcd-1:2379":     `unknown scheme "htp"`,
		"http://etcd-1:2379:80": "not a URL",
	} {
		err := etcd.Config{Endpoints: []string{"a:1", endpoint}}.CheckEndpoints()
		switch {
		case want == "" && err != nil:
			t.Error(err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(hint.Of(err), "HOST:PORT")):
			t.Errorf("%s: %v, with hint %q, want %q", endpoint, err, hint.Of(err), want)
		}
	}
}

func TestCheckTLS(t *testing.T) {
	tests := []struct {
		name      string
		endpoints string
		ca        string
		ok        bool
	}{
		{"Plain", "a:1,http://b:1", "", true},
		{"TLS", "a:1,https://b:1", "ca", true},
		{"FilesInTheClear", "a:1,http://b:1", "ca", false},
		{"Mixed", "https://a:1,http://b:1", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := etcd.Config{Endpoints: strings.Split(tt.endpoints, ","), CACert: tt.ca}.CheckTLS()
			if (err == nil) != tt.ok {
				t.Errorf("CheckTLS = %v", err)
			}
		})
	}
}

// TestConnectAs is on members of their own: auth is for all of a member.
func TestConnectAs(t *testing.T) {
	t.Parallel()
	passwords, certs := etcdtest.StartSecure(t, false), etcdtest.StartSecure(t, true)
	grants := map[string][]etcdtest.Grant{"guest": nil}
	nobody := passwords.Config("")
	etcdtest.EnableAuth(t, passwords.Client(""), grants)
	etcdtest.EnableAuth(t, certs.Client("root"), grants)
	open := etcdtest.StartSecure(t, false)
	wrong := passwords.Config("guest")
	wrong.Password = "wrong"
	tests := []struct {
		name string
		cfg  etcd.Config
		user string
		want string
	}{
		{"Root", passwords.Config("root"), "root", ""},
		{"BothInOne", etcd.Config{Endpoints: passwords.Config("").Endpoints, CACert: passwords.Authority.CA, User: "root:" + etcdtest.Password}, "root", ""},
		{"MayReadNothing", passwords.Config("guest"), "guest", ""}, // which shows when they try
		{"ByCertificate", certs.Config("guest"), "guest", ""},
		{"CertificateOfNobody", certs.Config("stranger"), "stranger", ""}, // likewise
		{"AuthIsOff", open.Config("guest"), "guest", ""},
		{"WrongPassword", wrong, "guest", `does not accept user "guest" with this password; etcd does not say which of the two is wrong; --user NAME`},
		{"UnknownUser", passwords.Config("stranger"), "stranger", `does not accept user "stranger" with this password; etcd does not say which`},
		{"Nobody", nobody, "", "requires authentication; log in with --user"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.DialTimeout = 20 * time.Second
			client, err := tt.cfg.Connect(context.Background())
			if err == nil {
				defer func() { _ = client.Close() }()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error()+"; "+hint.Of(err), tt.want) {
				t.Errorf("error = %v, want %q", err, tt.want)
			}
			if got := tt.cfg.UserName(); got != tt.user {
				t.Errorf("UserName = %q, want %q", got, tt.user)
			}
		})
	}
	t.Run("RootMayWrite", func(t *testing.T) {
		for _, c := range []*clientv3.Client{passwords.Client("root"), certs.Client("root")} {
			if _, err := c.Put(t.Context(), "k", "v"); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestConnectWithToken logs in with a token, and says when etcd does not accept one.
func TestConnectWithToken(t *testing.T) {
	s := etcdtest.StartSecure(t, false)
	etcdtest.EnableAuth(t, s.Client(""), nil)
	login, err := s.Client("root").Authenticate(t.Context(), "root", etcdtest.Password)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.Config("")
	cfg.Token = login.Token
	if _, err := etcdtest.Connect(t, cfg).UserList(t.Context()); err != nil {
		t.Error(err)
	}
	cfg.Token = "ex.pi.red"
	if client, err := cfg.Connect(t.Context()); err == nil || !strings.Contains(err.Error(), "does not accept the token") {
		t.Errorf("an expired token: %v, %v", client, err)
	}
}

func TestTokenUser(t *testing.T) {
	for token, want := range map[string]string{
		"e30.eyJ1c2VybmFtZSI6ImFsaWNlIiwicmV2aXNpb24iOjF9.c2ln": "alice",
		"secret.12": "", "": "", "a.b": "", "a.e30.b": "",
	} {
		if got := (etcd.Config{Token: token}).UserName(); got != want {
			t.Errorf("user of %q = %q, want %q", token, got, want)
		}
	}
}
