package revocations_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jwtrelay/jwtrelay/examples/platform/process"
	"github.com/jwtrelay/jwtrelay/examples/platform/revocations"
)

// secret is a password in these tests. Nothing may show it.
const secret = "correct-horse"

func TestRedisNeedNotBeThereYet(t *testing.T) {
	t.Parallel()
	for _, place := range []string{
		"redis://127.0.0.1:1",
		"redis://jwtrelay-reader:" + secret + "@127.0.0.1:1",
		"rediss://:" + secret + "@127.0.0.1:1/2",
		"REDIS://jwtrelay-reader@[::1]:1",
		"redis://a:" + secret + "%2F%40@127.0.0.1:1",
	} {
		var log bytes.Buffer
		flags := revocations.Flags{Place: place, MaxLifetime: time.Hour}
		book, err := flags.Open(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		list, err := flags.Follow(nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range []func() error{book.Close, list.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
		if strings.Contains(log.String(), secret) {
			t.Error("the log has the password")
		}
	}
}

func TestMistakesInTheURLOfRedis(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]string{
		"another scheme":             "https://user:" + secret + "@127.0.0.1:1",
		"a socket":                   "unix://user:" + secret + "@/run/redis.sock",
		"no host":                    "redis://",
		"no host, but a path":        "redis:///user:" + secret + "@127.0.0.1:1",
		"one slash":                  "redis:/user:" + secret + "@127.0.0.1:1",
		"no slash":                   "rediss:user:" + secret + "@127.0.0.1:1",
		"a word for a port":          "redis://user:" + secret + "@127.0.0.1:port",
		"a slash in the password":    "redis://user:/" + secret + "@127.0.0.1:1",
		"digits, slash and password": "redis://user:1/" + secret + "@127.0.0.1:1",
		"a hash in the password":     "redis://user:1#" + secret + "@127.0.0.1:1",
		"a question in the password": "redis://user:1?" + secret + "@127.0.0.1:1",
		"a percent in the password":  "redis://user:%zz" + secret + "@127.0.0.1:1",
		"options":                    "redis://127.0.0.1:1?password=" + secret,
		"a database that is none":    "redis://127.0.0.1:1/" + secret,
		"two databases":              "redis://127.0.0.1:1/1/2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var misused *process.UsageError
			_, err := revocations.Flags{Place: place, MaxLifetime: time.Hour}.Follow(nil, slog.New(slog.DiscardHandler))
			if !errors.As(err, &misused) || !strings.Contains(err.Error(), "-revocations: want ") {
				t.Error("not the mistake of usage that it is") // what it is may have the password
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Error("the error has the password")
			}
		})
	}
	var misused *process.UsageError
	flags := revocations.Flags{Place: "redis://127.0.0.1:1"} // which is closed again
	if _, err := flags.Open(slog.New(slog.DiscardHandler)); !errors.As(err, &misused) || !strings.Contains(err.Error(), "-max-lifetime") {
		t.Errorf("without a lifetime: %v", err)
	}
}
