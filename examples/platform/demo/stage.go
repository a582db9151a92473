package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/jwtrelay/jwtrelay/examples/platform/auth"
	"github.com/jwtrelay/jwtrelay/examples/platform/process"
)

const (
	audience  = "platform" // that of every service
	crowdSize = 50

	// iterations of the hashes of the users' passwords. People need
	// auth.DefaultIterations; these are random, and can't be guessed anyway.
	iterations = 1_000
)

// stage is everything that the scenes play with.
type stage struct {
	*narrator
	config Config

	dir      string
	files    map[string]process.TLSFlags // certificates, by the role's name
	identity *process.Identity           // of the demo itself
	key      *auth.SigningKey            // what auth signs with
	users    map[string]auth.Password

	children []*child
	connsMu  sync.Mutex
	conns    []*grpc.ClientConn // scenes open some at once
	auth     *child
	chain    *chain
	tokens   map[string]bearer // of those who are logged in, by their name
	ended    bearer            // that of a user who has logged out
}

// open makes keys, certificates and users, and starts the platform.
func (s *stage) open(ctx context.Context) error {
	began := time.Now()
	for _, step := range []func() error{s.makeDir, s.makeCertificates, s.makeUsers} {
		if err := step(); err != nil {
			return err
		}
	}
	var err error
	if s.key, err = auth.NewSigningKey(); err != nil {
		return err
	}
	if s.auth, err = s.startAuth(ctx, "auth", s.key, "-revocations", s.revocationsFile()); err != nil {
		return err
	}
	if s.chain, err = s.startChain(ctx, "", nil); err != nil {
		return err
	}
	s.tokens = make(map[string]bearer)
	s.say("%d processes of this program are up, TLS between all of them, after %s.", len(s.children), human(time.Since(began)))
	return nil
}

// close ends all that was started, and removes all that was written.
func (s *stage) close() {
	for _, conn := range s.conns {
		_ = conn.Close() // nothing is to go through it any more
	}
	stopAll(s.children)
	if err := os.RemoveAll(s.dir); err != nil {
		s.say("left behind: %v", err)
	}
}

// makeDir makes the directory for files, which nobody else can look into.
func (s *stage) makeDir() (err error) {
	s.dir, err = os.MkdirTemp(s.config.TempDir, "jwtrelay-demo-")
	return err
}

// makeCertificates makes a certificate for each role, and one for the demo.
func (s *stage) makeCertificates() error {
	made, err := newCertificates(s.dir)
	if err != nil {
		return err
	}
	s.files = make(map[string]process.TLSFlags)
	for _, name := range append(services(), "auth", "demo") {
		if s.files[name], err = made.issue(name); err != nil {
			return err
		}
	}
	s.identity, err = s.files["demo"].Load()
	return err
}

// makeUsers makes users with passwords that nobody gets to see, and the file
// with their hashes and scopes.
func (s *stage) makeUsers() error {
	s.users = make(map[string]auth.Password)
	known := make(auth.Memory)
	for name, scopes := range cast() {
		password := auth.Password(rand.Text())
		hash, err := auth.NewHash(password, iterations)
		if err != nil {
			return err
		}
		s.users[name], known[name] = password, auth.User{Hash: hash, Scopes: scopes}
	}
	file, err := os.OpenFile(s.usersFile(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // a file that is cut short fails to load
	return known.Write(file)
}

func (s *stage) usersFile() string { return filepath.Join(s.dir, "users") }

// revocationsFile is what auth writes and all services watch.
func (s *stage) revocationsFile() string { return filepath.Join(s.dir, "revoked.jsonl") }

// cast are the users, and what each may do.
func cast() map[string][]string {
	users := map[string][]string{
		"alice": customer(),
		"bob":   customer(),
		"carol": {"orders.read", "orders.write"},
		"dora":  {"orders.admin"}, // of support
		"erin":  {auth.ScopeUsersAdmin},
	}
	for _, name := range crowd() {
		users[name] = customer()
	}
	return users
}

// customer is what who buys needs, and no more.
func customer() []string { return []string{"orders.read", "orders.write", "pricing.read"} }

// crowd are the names of many users.
func crowd() []string {
	names := make([]string, crowdSize)
	for i := range names {
		names[i] = fmt.Sprintf("user-%02d", i+1)
	}
	return names
}

// startAuth starts an auth role that signs with this key, with more arguments.
func (s *stage) startAuth(ctx context.Context, label string, key *auth.SigningKey, more ...string) (*child, error) {
	path := filepath.Join(s.dir, label+"-signing-key.pem")
	if err := key.Save(path); err != nil {
		return nil, err
	}
	args := []string{"auth", "-key", path, "-users", s.usersFile(), "-audience", audience}
	return s.start(ctx, label, slices.Concat(args, tlsArgs(s.files["auth"]), more)...)
}

// start starts a child, which is stopped with the stage.
func (s *stage) start(ctx context.Context, label string, args ...string) (*child, error) {
	c, err := start(ctx, s.config, label, args...)
	if c != nil {
		s.children = append(s.children, c)
	}
	return c, err
}

// issuer is the URL of the auth role.
func (s *stage) issuer() string { return "https://" + s.auth.addr }

// showLogs writes what every child has logged.
func (s *stage) showLogs(w io.Writer) {
	for _, c := range s.children {
		_, _ = fmt.Fprintf(w, "\n--- log of %s (%v)\n", c.label, c.cmd.ProcessState)
		_, _ = c.log.WriteTo(w)
	}
}
