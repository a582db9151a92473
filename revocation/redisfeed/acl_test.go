package redisfeed_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/jwtrelay/jwtrelay/revocation/redisfeed"
)

// documentedUsers runs the ACL SETUSER lines of the package's documentation.
func documentedUsers(t *testing.T, s *server) {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	text := strings.ReplaceAll(string(doc), " \\\n//\t", " ")
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "//\tACL SETUSER ")
		if !ok {
			continue
		}
		lines++
		args := []any{"ACL", "SETUSER"}
		for _, word := range strings.Fields(strings.ReplaceAll(command, "PASSWORD", secret)) {
			args = append(args, word)
		}
		s.do(args...)
	}
	if lines != 2 {
		t.Fatalf("doc.go documents %d users, want a reader and a writer", lines)
	}
}

func (s *server) as(user string) *redis.UniversalOptions {
	options := s.options()
	options.Username, options.Password = user, secret
	return options
}

// TestTheDocumentedUsersSuffice does all that a reader and a writer do with the
// documented permissions, and nothing that Redis would note as denied.
func TestTheDocumentedUsersSuffice(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	documentedUsers(t, s)
	s.do("ACL", "SETUSER", "default", "resetkeys", "resetpass") // nobody has rights by default
	writer, own := healing(t, s.as("jwtrelay-writer"))
	reader := openReader(t, s.as("jwtrelay-reader"))
	list := listOf(t, reader)
	revoke(t, writer, sessions(0, 3)...)
	has(t, own, 3)
	has(t, list, 3)
	if log := s.do("ACL", "LOG"); fmt.Sprint(log) != "[]" {
		t.Errorf("Redis has denied: %v", log)
	}
}

// TestTheDocumentedUsersSufficeInACluster adds the permissions that clusters need.
func TestTheDocumentedUsersSufficeInACluster(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--cluster-enabled", "yes")
	s.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	eventually(t, "a cluster", func() error {
		if info, ok := s.do("CLUSTER", "INFO").(string); !ok || !strings.Contains(info, "cluster_state:ok") {
			return errors.New(info)
		}
		return nil
	})
	documentedUsers(t, s)
	as := func(user string) *redis.UniversalOptions {
		s.do("ACL", "SETUSER", user, "+cluster|slots", "+cluster|shards", "+command", "+asking")
		options := s.as(user)
		options.IsClusterMode = true
		return options
	}
	writer, own := healing(t, as("jwtrelay-writer"))
	list := listOf(t, openReader(t, as("jwtrelay-reader")))
	revoke(t, writer, sessions(0, 3)...)
	has(t, own, 3)
	has(t, list, 3)
	if log := s.do("ACL", "LOG"); fmt.Sprint(log) != "[]" {
		t.Errorf("Redis has denied: %v", log)
	}
}

// TestTheDocumentedUsersSurviveALoss needs rights that good days don't.
func TestTheDocumentedUsersSurviveALoss(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	documentedUsers(t, s)
	writer, own := healing(t, s.as("jwtrelay-writer"))
	reader := openReader(t, s.as("jwtrelay-reader"))
	list := listOf(t, reader)
	revoke(t, writer, sessions(0, 3)...)
	has(t, own, 3)
	has(t, list, 3)
	_, at, _ := readAll(t, reader, "")
	s.do("DEL", redisfeed.DefaultKey)
	eventually(t, "healed", func() error { return hasAll(t, reader, 3) })
	isLost(t, reader, at)
	if log := s.do("ACL", "LOG"); fmt.Sprint(log) != "[]" {
		t.Errorf("Redis has denied: %v", log)
	}
}

func TestAReaderCannotWrite(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	documentedUsers(t, s)
	writer := openWriter(t, s.as("jwtrelay-writer"))
	revoke(t, writer, session(0))
	asReader := openWriter(t, s.as("jwtrelay-reader")) // it lies in its configuration only
	err := asReader.Revoke(t.Context(), session(1))
	if err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Revoke = %v, want NOPERM", err)
	}
	got, _, _ := readAll(t, asReader, "")
	same(t, got, sessions(0, 1))
	for _, command := range [][]any{{"SET", epochKey, "x"}, {"DEL", redisfeed.DefaultKey}, {"FLUSHALL"}, {"KEYS", "*"}, {"GET", "other"}} {
		options := &redis.Options{Addr: s.addr, Username: "jwtrelay-reader", Password: secret, DisableIdentity: true}
		client := redis.NewClient(options)
		if err := client.Do(t.Context(), command...).Err(); !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%v as a reader: %v", command, err)
		}
		_ = client.Close()
	}
}

// TestAWrongPasswordIsSaidAndNotShown has a password that is wrong, and then becomes
// right: the list goes on with what it has.
func TestAWrongPasswordIsSaidAndNotShown(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	documentedUsers(t, s)
	writer := openWriter(t, s.as("jwtrelay-writer"))
	revoke(t, writer, session(0))
	list := listOf(t, openReader(t, s.as("jwtrelay-reader")))
	has(t, list, 1)
	s.do("ACL", "SETUSER", "jwtrelay-reader", "resetpass", ">another")
	s.do("CLIENT", "KILL", "USER", "jwtrelay-reader")
	eventually(t, "the list notices", func() error { return failing(list) })
	err := list.Status().Sources[0].Err
	if !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), secret) {
		t.Errorf("the list says %v, want WRONGPASS", err)
	}
	has(t, list, 1)
	revoke(t, writer, session(1))
	s.do("ACL", "SETUSER", "jwtrelay-reader", "resetpass", ">"+secret)
	has(t, list, 2)
}
