package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcmd "google.golang.org/grpc/metadata"

	gatewayv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/gateway/v1"
	inventoryv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/inventory/v1"
	platformv1 "github.com/jwtrelay/jwtrelay/examples/gen/platform/v1"
	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/authority"
	"github.com/jwtrelay/jwtrelay/examples/platform/platformtest"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/revocations"
)

// patience is how long anything may take, on a machine that has other things to do.
const patience = 60 * time.Second

// fleet is the platform, each role a process of its own, with revocations in Redis.
type fleet struct {
	t        *testing.T
	redis    *redisServer
	dir      string
	files    map[string]process.TLSFlags
	password auth.Password // of all users
	auth     *worker
	services map[string]*worker
	conns    map[string]*grpc.ClientConn // as the one who may call it
}

// startFleet starts it, with or without TLS to Redis, and waits until all services
// can work.
func startFleet(t *testing.T, tls bool) *fleet {
	t.Helper()
	f := &fleet{
		t: t, dir: t.TempDir(), password: auth.Password(rand.Text()),
		services: make(map[string]*worker), conns: make(map[string]*grpc.ClientConn),
	}
	f.makeCertificates()
	var ofRedis *process.TLSFlags
	if files := f.files["redis"]; tls {
		ofRedis = &files
	}
	f.redis = startRedis(t, ofRedis)
	f.auth = f.startAuth()
	next := ""
	all := services()
	for i := len(all) - 1; i >= 0; i-- {
		name := all[i].Name
		place := f.redis.url("jwtrelay-reader")
		if i == 0 {
			place = f.redis.url("jwtrelay-reader:" + redisSecret) // the others have it in the environment
		}
		args := []string{name, "-issuer", "https://" + f.auth.addr, "-revocations", place}
		if next != "" {
			args = append(args, "-"+next, f.services[next].addr)
		}
		f.services[name] = f.startRole(name, args...)
		f.conns[name] = f.dial(all[max(i-1, 0)].Name, name) // the gateway asks for no certificate
		next = name
	}
	for _, role := range all {
		f.waitServing(role.Name)
	}
	return f
}

// makeCertificates makes one for each role.
func (f *fleet) makeCertificates() {
	f.t.Helper()
	f.files = make(map[string]process.TLSFlags)
	issuing, err := authority.New()
	if err != nil {
		f.t.Fatal(err)
	}
	ca := f.write("ca.pem", issuing.PEM())
	names := []string{"auth", "redis"}
	for _, role := range services() {
		names = append(names, role.Name)
	}
	for _, name := range names {
		cert, key, err := issuing.Issue(name)
		if err != nil {
			f.t.Fatal(err)
		}
		f.files[name] = process.TLSFlags{Cert: f.write(name+".pem", cert), Key: f.write(name+"-key.pem", key), CA: ca}
	}
}

// write writes a file and returns its path.
func (f *fleet) write(name string, text []byte) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// startAuth starts the role that writes, for three customers.
func (f *fleet) startAuth() *worker {
	f.t.Helper()
	key, err := auth.NewSigningKey()
	if err != nil {
		f.t.Fatal(err)
	}
	keyFile := filepath.Join(f.dir, "signing-key.pem")
	hash, err := auth.NewHash(f.password, 1000)
	if err := errors.Join(err, key.Save(keyFile)); err != nil {
		f.t.Fatal(err)
	}
	customer := auth.User{Hash: hash, Scopes: platformtest.Customer()}
	var users bytes.Buffer
	if err := (auth.Memory{"alice": customer, "bob": customer, "carol": customer}).Write(&users); err != nil {
		f.t.Fatal(err)
	}
	return f.startRole("auth", "auth", "-key", keyFile, "-users", f.write("users", users.Bytes()),
		"-revocations", f.redis.url("jwtrelay-writer"))
}

// startRole starts a role with its certificate.
func (f *fleet) startRole(name string, args ...string) *worker {
	f.t.Helper()
	files := f.files[name]
	return startWorker(f.t, files.CA, append(args, "-tls-cert", files.Cert, "-tls-key", files.Key, "-ca", files.CA)...)
}

// restart kills a service, and starts it again where it was.
func (f *fleet) restart(name string) {
	f.t.Helper()
	old := f.services[name]
	old.kill()
	f.services[name] = startWorker(f.t, f.files[name].CA, append(old.args, "-addr", old.addr)...)
}

// dial connects to a service as another.
func (f *fleet) dial(caller, name string) *grpc.ClientConn {
	f.t.Helper()
	identity, err := f.files[caller].Load()
	if err != nil {
		f.t.Fatal(err)
	}
	conn, err := grpc.NewClient(f.services[name].addr, grpc.WithTransportCredentials(credentials.NewTLS(identity.To(name))))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// health is what a service says of itself, or why it can't be asked.
func (f *fleet) health(name string) string {
	answer, err := healthpb.NewHealthClient(f.conns[name]).Check(f.t.Context(), new(healthpb.HealthCheckRequest))
	if err != nil {
		return err.Error()
	}
	return answer.GetStatus().String()
}

func (f *fleet) waitServing(name string) {
	f.t.Helper()
	eventually(f.t, "health of "+name, func() error { return differ(f.health(name), "SERVING") })
}

// gateway is what users call.
func (f *fleet) gateway() gatewayv1.GatewayServiceClient {
	return gatewayv1.NewGatewayServiceClient(f.conns["gateway"])
}

// post asks something of auth.
func (f *fleet) post(path, raw string, body any) (status int, text string) {
	f.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, "https://"+f.auth.addr+path, bytes.NewReader(sent))
	if err != nil {
		f.t.Fatal(err)
	}
	if raw != "" {
		request.Header.Set("Authorization", "Bearer "+raw)
	}
	identity, err := f.files["gateway"].Load()
	if err != nil {
		f.t.Fatal(err)
	}
	client := identity.HTTPClient()
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// login returns a token of a new session.
func (f *fleet) login(user string) string {
	f.t.Helper()
	status, text := f.post(auth.LoginPath, "", auth.Login{Username: user, Password: f.password})
	var grant auth.Grant
	if err := json.Unmarshal([]byte(text), &grant); status != http.StatusOK || err != nil {
		f.t.Fatalf("login: %d", status)
	}
	return grant.AccessToken
}

// logout ends the session of a token. It returns what the user sees.
func (f *fleet) logout(raw string) string {
	f.t.Helper()
	status, text := f.post(auth.LogoutPath, raw, nil)
	return strings.TrimSpace(fmt.Sprint(status, " ", text))
}

// with returns a context whose calls carry a token.
func (f *fleet) with(raw string) context.Context {
	return grpcmd.AppendToOutgoingContext(f.t.Context(), "authorization", "Bearer "+raw)
}

// ask calls one service, past all before it.
func (f *fleet) ask(name, raw string) string {
	calls := peers()
	calls["gateway"] = func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := gatewayv1.NewGatewayServiceClient(conn).ListOrders(ctx, new(gatewayv1.ListOrdersRequest))
		return err
	}
	calls["inventory"] = func(ctx context.Context, conn grpc.ClientConnInterface) error { // more than once
		_, err := inventoryv1.NewInventoryServiceClient(conn).ReserveItems(ctx,
			&inventoryv1.ReserveItemsRequest{OrderId: rand.Text(), Items: tea()})
		return err
	}
	return verdict(calls[name](f.with(raw), f.conns[name]))
}

// all checks what each service answers to a token now; %s in it is the service.
func (f *fleet) all(raw, want string) error {
	var wrong error
	for _, role := range services() {
		wrong = errors.Join(wrong, differ(f.ask(role.Name, raw), strings.ReplaceAll(want, "%s", role.Name)))
	}
	return wrong
}

// What a service answers.
const (
	accepted = "OK"
	revoked  = "Unauthenticated TOKEN_REVOKED by %s"
)

// watch orders a cup and a pot that is made for an hour, and watches until only the
// pot is missing. The channel has how the stream ends.
func (f *fleet) watch(raw string) <-chan string {
	f.t.Helper()
	placed, err := f.gateway().PlaceOrder(f.with(raw), &gatewayv1.PlaceOrderRequest{
		Items: []*platformv1.Item{{Sku: "cup-stoneware", Quantity: 1}, {Sku: "pot-raku", Quantity: 1}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	stream, err := f.gateway().WatchOrder(f.with(raw), &gatewayv1.WatchOrderRequest{OrderId: placed.GetOrder().GetId()})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		f.t.Fatal(err)
	}
	ended := make(chan string, 1)
	go func() {
		_, err := stream.Recv()
		ended <- verdict(err)
	}()
	return ended
}

// worker is a role as a process of its own.
type worker struct {
	args    []string
	addr    string
	command *exec.Cmd
	log     *lockedBuffer
	once    sync.Once
}

// startWorker starts a role, which ends with the test, and waits until it listens.
// In its environment are the password of Redis, and what all of the system trusts.
func startWorker(t *testing.T, ca string, args ...string) *worker {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{args: args, log: new(lockedBuffer)}
	w.command = exec.CommandContext(context.Background(), executable, args...) //nolint:gosec // this program itself
	w.command.Env = append(os.Environ(), asPlatform+"=1", revocations.PasswordVariable+"="+redisSecret, "SSL_CERT_FILE="+ca)
	w.command.Stderr = w.log
	stdout, err := w.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.kill(); w.check(t) })
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	var ok bool
	if w.addr, ok = process.ParseAnnouncement(line); !ok {
		t.Fatalf("%s does not start", args[0])
	}
	return w
}

// kill ends the process as kill -9 does.
func (w *worker) kill() {
	w.once.Do(func() {
		_ = w.command.Process.Kill()
		_ = w.command.Wait() // it was killed
	})
}

// check checks that nothing secret was logged, and shows the log of a test that
// failed.
func (w *worker) check(t *testing.T) {
	t.Helper()
	text := w.log.String()
	if strings.Contains(text, redisSecret) || strings.Contains(text, "eyJhbGci") {
		t.Errorf("%s has logged a secret", w.args[0])
		return
	}
	if strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
		t.Errorf("%s is broken", w.args[0])
	}
	if t.Failed() {
		t.Logf("--- log of %s\n%s", w.args[0], text)
	}
}

// lockedBuffer is a buffer that can be read while a process still writes.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// eventually waits until a condition holds: it returns nil then.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: still: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// differ returns an error unless both are the same.
func differ(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q, want %q", got, want)
	}
	return nil
}
