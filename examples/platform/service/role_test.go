package service_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pricingv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/pricing/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/service"
	"github.com/jwtrelay/jwtrelay/interceptor"
	"github.com/jwtrelay/jwtrelay/jwttest"
	"github.com/jwtrelay/jwtrelay/revocation"
	"github.com/jwtrelay/jwtrelay/token"
)

const (
	serving    = healthpb.HealthCheckResponse_SERVING
	notServing = healthpb.HealthCheckResponse_NOT_SERVING
)

// world is an issuer that serves by TLS, as auth does, and the certificates of
// one authority.
type world struct {
	*jwttest.Issuer
	authority *authority.Authority
	dir       string // with the certificates
}

func newWorld(t *testing.T) *world {
	t.Helper()
	made, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{authority: made, dir: t.TempDir()}
	w.write(t, "ca", made.PEM())
	web := httptest.NewUnstartedServer(nil)
	w.Issuer = jwttest.NewIssuer(t, jwttest.WithURL("https://"+web.Listener.Addr().String()), jwttest.WithAudience("platform"))
	w.Token() // makes the key
	web.Config.Handler = w.Handler()
	web.TLS = w.identity(t, "auth").ForUsers()
	web.StartTLS()
	t.Cleanup(web.Close)
	return w
}

// identity makes a certificate for the role of that name.
func (w *world) identity(t *testing.T, name string) *process.Identity {
	t.Helper()
	identity, err := w.files(t, name).Load()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func (w *world) files(t *testing.T, name string) process.TLSFlags {
	t.Helper()
	cert, key, err := w.authority.Issue(name)
	if err != nil {
		t.Fatal(err)
	}
	return process.TLSFlags{
		Cert: w.write(t, name+".crt", cert), Key: w.write(t, name+".key", key), CA: filepath.Join(w.dir, "ca"),
	}
}

func (w *world) write(t *testing.T, name string, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(w.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a role as a process would, and returns a connection to it from
// inventory, which relays nothing.
func (w *world) run(t *testing.T, flags ...string) *grpc.ClientConn {
	t.Helper()
	role := service.Role{Name: "fake", Register: func(server grpc.ServiceRegistrar, _ grpc.ClientConnInterface) { register(server) }}
	files := w.files(t, role.Name)
	reader, stdout := io.Pipe()
	env := process.Env{Stdout: stdout, Stderr: io.Discard, Args: append([]string{
		"-tls-cert", files.Cert, "-tls-key", files.Key, "-ca", files.CA, "-issuer", w.URL(),
	}, flags...)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- role.Run(ctx, env)
		_ = stdout.Close() // always nil
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	line := make([]byte, 100)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := process.ParseAnnouncement(string(line[:n]))
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(w.identity(t, "inventory").To(role.Name))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call calls the role with a good token.
func (w *world) call(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	return w.callIn(t, conn, "s-0")
}

// callIn calls the role with a good token of a session.
func (w *world) callIn(t *testing.T, conn *grpc.ClientConn, session string) error {
	t.Helper()
	raw := w.Token(jwttest.Scopes("pricing.read"), jwttest.Claim("sid", session))
	ctx := grpcmd.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+raw)
	_, err := pricingv1.NewPricingServiceClient(conn).QuoteItems(ctx, new(pricingv1.QuoteItemsRequest))
	return err
}

// waitFor returns once the role's health is as wanted.
func waitFor(t *testing.T, conn *grpc.ClientConn, want healthpb.HealthCheckResponse_ServingStatus) {
	t.Helper()
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), new(healthpb.HealthCheckRequest))
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if now.GetStatus() == want {
			return
		}
	}
}

func TestARoleFindsTheKeysByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.MoveJWKS("/somewhere/else")
	conn := w.run(t)
	waitFor(t, conn, serving)
	if err := w.call(t, conn); err != nil {
		t.Error(err)
	}
}

func TestARoleIsHealthyOnceThereAreKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Fail(http.StatusServiceUnavailable)
	conn := w.run(t)
	waitFor(t, conn, notServing)
	if err := w.call(t, conn); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
	w.Recover()
	waitFor(t, conn, serving)
	if err := w.call(t, conn); err != nil {
		t.Error(err)
	}
}

func TestARoleDoesNotBelieveTheDocumentOfAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetDiscovery("issuer", "https://somebody.else")
	conn := w.run(t)
	for w.DiscoveryRequests() < 2 { // so that the first was refused
		if err := w.call(t, conn); status.Code(err) != codes.Unavailable {
			t.Fatalf("got %v, want Unavailable", err)
		}
	}
	waitFor(t, conn, notServing)
}

func TestARoleIsHealthyOnceItKnowsWhatIsRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "revoked")
	conn := w.run(t, "-revocations", path)
	for reason := token.Reason(""); reason != token.ReasonRevocationsUnavailable; { // so that there are keys
		refused, _ := interceptor.RefusalFrom(w.call(t, conn))
		if reason = refused.Reason; refused.Code != codes.Unavailable {
			t.Fatalf("got %v %q, want Unavailable", refused.Code, reason)
		}
	}
	waitFor(t, conn, notServing)
	writer, err := revocation.OpenFileWriter(path, revocation.FileWriterConfig{MaxLifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, conn, serving)
	if err := w.callIn(t, conn, "s-1"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Revoke(t.Context(), revocation.Session(w.URL(), "s-1")); err != nil {
		t.Fatal(err)
	}
	for reason := token.Reason(""); reason != token.ReasonRevoked; { // or the test takes too long
		if err := w.callIn(t, conn, "s-1"); err != nil {
			refused, _ := interceptor.RefusalFrom(err)
			if reason = refused.Reason; reason != token.ReasonRevoked {
				t.Fatal(err)
			}
		}
	}
	if err := w.callIn(t, conn, "s-2"); err != nil {
		t.Errorf("another session: %v", err)
	}
}

func TestARoleRefusesTokensThatLiveTooLongToBeRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := filepath.Join(w.dir, "revoked")
	w.write(t, "revoked", nil)
	conn := w.run(t, "-revocations", path, "-max-lifetime", "1s")
	waitFor(t, conn, serving)
	if err := w.call(t, conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v, want Unauthenticated", err)
	}
}

func TestARoleStartsWithTheKeysThatItKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := filepath.Join(w.dir, "kept")
	t.Run("while auth is there", func(t *testing.T) { // and the role ends with this
		waitFor(t, w.run(t, "-snapshot", kept), serving)
	})
	w.Fail(http.StatusServiceUnavailable)
	conn := w.run(t, "-snapshot", kept)
	waitFor(t, conn, serving)
	if err := w.call(t, conn); err != nil {
		t.Error(err)
	}
}
