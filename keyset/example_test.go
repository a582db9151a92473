package keyset_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/jwtrelay/jwtrelay/keyset"
)

// exampleJWKS is the key of RFC 8037 appendix A.2 with an id, and one for
// encryption.
const exampleJWKS = `{"keys": [
	{"kty": "OKP", "crv": "Ed25519", "kid": "2025-01", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty": "OKP", "crv": "X25519", "kid": "2025-02", "use": "enc", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
]}`

func ExampleNew() {
	current, err := keyset.NewSecret("2025-02", keyset.HS256, []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := keyset.New(current)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := set.Key(context.Background(), "2025-02", keyset.HS256)
	fmt.Println(key, err)
	_, err = set.Key(context.Background(), "2025-01", keyset.HS256)
	fmt.Println(errors.Is(err, keyset.ErrUnknownKey))
	// Output:
	// HS256 key "2025-02" <nil>
	// true
}

func ExampleParse() {
	set, err := keyset.Parse([]byte(exampleJWKS), keyset.ParseConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Keys())
	fmt.Println(set.Skipped())
	// Output:
	// [EdDSA key "2025-01"]
	// [key 1 (kid "2025-02"): use "enc" is not for signatures]
}

// PEM has no ids: KeyID says what the issuer's tokens call each key.
func ExampleParse_pem() {
	const text = `The key of the billing service, since 2025:
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
`
	set, err := keyset.Parse([]byte(text), keyset.ParseConfig{KeyID: keyset.ThumbprintID})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Keys())

	_, err = keyset.Parse([]byte(text[:100]), keyset.ParseConfig{})
	fmt.Println(err)
	// Output:
	// [EdDSA key "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]
	// keyset: PEM: "PUBLIC KEY" on line 2 is cut off: it has no END line
}

func ExampleLoad() {
	directory, err := os.MkdirTemp("", "keyset")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(directory) }()
	path := filepath.Join(directory, "keys.json")
	if err := os.WriteFile(path, []byte(exampleJWKS), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	set, err := keyset.Load(path, keyset.FileConfig{Interval: 10 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	fmt.Println(set.Key(context.Background(), "2025-01", keyset.EdDSA))
	// Output:
	// EdDSA key "2025-01" <nil>
}

func ExampleFetch() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, exampleJWKS)
	}))
	defer issuer.Close()

	set, err := keyset.Fetch(issuer.URL, keyset.RemoteConfig{}) // returns at once
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := set.WaitReady(ctx); err != nil { // for those who can't start without keys
		fmt.Println(err)
		return
	}
	fmt.Println(set.Key(ctx, "2025-01", keyset.EdDSA))
	// Output:
	// EdDSA key "2025-01" <nil>
}

// A discovery document names the keys; the issuer in it must be the one asked
// for.
func ExampleDiscover() {
	mux := http.NewServeMux()
	issuer := httptest.NewServer(mux)
	defer issuer.Close()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, issuer.URL, issuer.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, exampleJWKS) })

	set, err := keyset.Discover(issuer.URL, keyset.RemoteConfig{}) // returns at once
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := set.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Key(ctx, "2025-01", keyset.EdDSA))
	// Output:
	// EdDSA key "2025-01" <nil>
}

// With interceptor.ReportHealth instead of this function, a service says by gRPC
// health that it serves while it has keys.
func ExampleRemoteConfig_readyChanged() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, exampleJWKS)
	}))
	defer issuer.Close()

	ready := make(chan bool, 2)
	set, err := keyset.Fetch(issuer.URL, keyset.RemoteConfig{
		ReadyChanged: func(now bool) { ready <- now },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	fmt.Println("at once:", <-ready)
	fmt.Println("later:", <-ready)
	// Output:
	// at once: false
	// later: true
}

// The issuer is away when the service starts again, but its keys are in a file.
func ExampleRemoteConfig_snapshotFile() {
	directory, err := os.MkdirTemp("", "keyset")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(directory) }()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, exampleJWKS)
	}))
	config := keyset.RemoteConfig{SnapshotFile: filepath.Join(directory, "keys.json")}

	before, err := keyset.Fetch(issuer.URL, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(before.WaitReady(ctx))
	_ = before.Close()
	issuer.Close()

	after, err := keyset.Fetch(issuer.URL, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = after.Close() }()
	fmt.Println("ready at once:", after.Ready())
	// Output:
	// <nil>
	// ready at once: true
}

// A key was stolen, and the issuer is slow to withdraw it.
func ExampleRemote_Distrust() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, exampleJWKS)
	}))
	defer issuer.Close()
	set, err := keyset.Fetch(issuer.URL, keyset.RemoteConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = set.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := set.WaitReady(ctx); err != nil {
		fmt.Println(err)
		return
	}

	if err := set.Distrust("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"); err != nil {
		fmt.Println(err)
		return
	}
	_, err = set.Key(ctx, "2025-01", keyset.EdDSA)
	fmt.Println(err)
	// Output:
	// keyset: no key with this id: it is distrusted
}

func ExampleNewPublicKey() {
	public, err := hex.DecodeString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := keyset.NewPublicKey("2025-01", "", ed25519.PublicKey(public))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Algorithm(), key.Thumbprint())
	_, err = keyset.NewPublicKey("2025-01", keyset.ES256, ed25519.PublicKey(public))
	fmt.Println(err)
	// Output:
	// EdDSA kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
	// keyset: key "2025-01": algorithm ES256 is not for this type of key
}

func ExampleNewSecret() {
	_, err := keyset.NewSecret("2025-01", keyset.HS256, []byte("hunter2"))
	fmt.Println(err)
	// Output:
	// keyset: key "2025-01": secret has 7 bytes, HS256 wants 32 or more
}
