package interceptor

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// PeerNames makes names tell who calls, for [Peers], instead of the connection's
// TLS: for libraries that verify client certificates by themselves, so that TLS
// doesn't know of it (go-spiffe), or a mesh whose sidecar hands the peer over in
// a header. names gets the context of the call, with its connection and headers
// where gRPC has them ([peer.FromContext], [grpcmd.FromIncomingContext]), also if
// it came by HTTP. It must return only names that somebody trusted has verified,
// URIs with their scheme, and may be called concurrently.
//
// [grpcmd.FromIncomingContext]: https://pkg.go.dev/google.golang.org/grpc/metadata#FromIncomingContext
func PeerNames(names func(ctx context.Context) []string) ServerOption {
	return serverOption(func(s *Server) error {
		if names == nil {
			return errors.New("PeerNames(nil)")
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
	return isURI(name) || !strings.ContainsAny(name, ":/")
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
