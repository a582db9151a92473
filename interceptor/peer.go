package interceptor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Peers asks which service makes the call; the token only says for which user.
// The caller's client certificate, verified, must have one of these names, else
// the call is refused with [ReasonPeerNotAllowed]. The server must ask for it:
// [tls.RequireAndVerifyClientCert] or [tls.VerifyClientCertIfGiven]. In protos it
// is peers.
//
// A name with "://" is a URI of the certificate as [url.URL.String] writes it
// (spiffe://acme/orders); any other is a DNS name, in any letter case. Names are
// compared whole: * has no meaning, here or in the certificate. A certificate is
// looked at when the connection is made: bound its life by gRPC's MaxConnectionAge,
// if certificates are short. Where others than
// the TLS of the connection know who calls, see [WithPeerNames].
func Peers(names ...string) Requirement {
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[peerKey(name)] = true
	}
	text := "peer " + strings.Join(names, " or ")
	return Requirement{
		step: stepPeers,
		text: text,
		err:  mistakes("Peers", names, isPeerName, "not a URI (spiffe://acme/orders) or a DNS name (orders.acme.internal)"),
		check: func(ctx context.Context, c caller) *refusalError {
			found := c.server.peerNames(c.call.inContext(ctx))
			if slices.ContainsFunc(found, func(name string) bool { return wanted[peerKey(name)] }) {
				return nil
			}
			return &refusalError{reason: ReasonPeerNotAllowed, cause: notPeer(text, found)}
		},
	}
}

// notPeer says for the operator why a caller is none of the peers.
func notPeer(wanted string, found []string) error {
	if len(found) == 0 {
		return fmt.Errorf("needs %s, and has no verified client certificate with a name", wanted)
	}
	return fmt.Errorf("needs %s, is %q", wanted, found)
}

// WithPeerNames makes names tell who calls, for [Peers], instead of the connection's
// TLS: for libraries that verify client certificates by themselves, so that TLS
// doesn't know of it (go-spiffe), or a mesh whose sidecar hands the peer over in
// a header. names gets the context of the call, with its connection and headers
// where gRPC has them ([peer.FromContext], [grpcmd.FromIncomingContext]), also if
// it came by HTTP. It must return only names that somebody trusted has verified,
// URIs with their scheme, and may be called concurrently.
//
// [grpcmd.FromIncomingContext]: https://pkg.go.dev/google.golang.org/grpc/metadata#FromIncomingContext
func WithPeerNames(names func(ctx context.Context) []string) ServerOption {
	return serverOption(func(s *Server) error {
		if names == nil {
			return errors.New("WithPeerNames(nil)")
		}
		s.peerNames = names
		return nil
	})
}

// verifiedNames returns the names in the peer's client certificate, if the TLS
// of the connection has verified it.
func verifiedNames(ctx context.Context) []string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return nil
	}
	return namesIn(info.State.VerifiedChains[0][0])
}

// namesIn returns the URIs and the DNS names of a certificate. What stands among
// the DNS names and looks like a URI is none: whoever may issue for a DNS name
// may not for all of spiffe://.
func namesIn(certificate *x509.Certificate) []string {
	names := make([]string, 0, len(certificate.URIs)+len(certificate.DNSNames))
	for _, uri := range certificate.URIs {
		if name := uri.String(); isURI(name) {
			names = append(names, name)
		}
	}
	for _, name := range certificate.DNSNames {
		if !isURI(name) {
			names = append(names, name)
		}
	}
	return names
}

func isURI(name string) bool { return strings.Contains(name, "://") }

// isPeerName reports whether a certificate could have the name.
func isPeerName(name string) bool {
	if name == "" || strings.ContainsFunc(name, notInPeerName) {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false // the addresses in certificates are not looked at
	}
	return isURI(name) || !strings.ContainsAny(name, ":/=") // CN=orders is no name, and not looked at
}

// notInPeerName reports whether no name has r: certificates have ASCII only, and
// what looks like a pattern would be none.
func notInPeerName(r rune) bool { return r <= ' ' || r > '~' || r == '*' }

// peerKey is what equal names have in common: a DNS name has no letter case (RFC
// 4343).
func peerKey(name string) string {
	if isURI(name) {
		return name
	}
	return strings.Map(asciiLower, name)
}

// asciiLower makes a letter lower case. Outside of ASCII, names have none.
func asciiLower(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
