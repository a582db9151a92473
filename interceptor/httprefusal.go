package interceptor

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"
)

// writeTo answers a request with the refusal, in the protocol of the request.
func (r *refusalError) writeTo(w http.ResponseWriter, request *http.Request) {
	if request.ProtoMajor < 2 && request.ContentLength != 0 {
		// net/http would otherwise read the body before it answers.
		w.Header().Set("Connection", "close")
	}
	if challenge := r.challenge(); challenge != "" {
		w.Header().Set("Www-Authenticate", challenge)
	}
	s := r.GRPCStatus()
	contentType := strings.ToLower(request.Header.Get("Content-Type"))
	switch {
	case isGRPC(contentType):
		writeGRPC(w.Header(), contentType, s)
		w.WriteHeader(http.StatusOK)
	case strings.HasPrefix(contentType, "application/connect+"):
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(endStream(s))
	default:
		r.writePlain(w, s)
	}
}

// isGRPC reports whether a content type is one of gRPC's or gRPC-Web's. To all
// others 200 says that a request was let in.
func isGRPC(contentType string) bool {
	kinds := []string{"application/grpc", "application/grpc-web", "application/grpc-web-text"}
	return slices.ContainsFunc(kinds, func(kind string) bool {
		rest, ok := strings.CutPrefix(contentType, kind)
		return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
	})
}

// writeGRPC writes a status as gRPC's Trailers-Only response, which gRPC-Web
// reads as well.
func writeGRPC(header http.Header, contentType string, s *status.Status) {
	header.Set("Content-Type", contentType)
	header.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	header.Set("Grpc-Message", percentEncoded(s.Message()))
	if details, err := pb.Marshal(s.Proto()); err == nil {
		header.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
	}
}

// percentEncoded is how gRPC writes a message into a header.
func percentEncoded(message string) string {
	var encoded strings.Builder
	for _, b := range []byte(message) {
		if b >= ' ' && b <= '~' && b != '%' {
			encoded.WriteByte(b)
		} else {
			_, _ = fmt.Fprintf(&encoded, "%%%02X", b)
		}
	}
	return encoded.String()
}

// endStream returns the frame that ends a Connect stream with a status.
func endStream(s *status.Status) []byte {
	body := encoded(map[string]any{"error": connectError(s)})
	const isEndStream = 0b10
	frame := binary.BigEndian.AppendUint32([]byte{isEndStream}, uint32(len(body))) //nolint:gosec // a few hundred bytes
	return append(frame, body...)
}

// writePlain answers who speaks HTTP, and Connect's unary calls.
func (r *refusalError) writePlain(w http.ResponseWriter, s *status.Status) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.Code() == codes.Unavailable {
		seconds := (r.retryAfter() + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	w.WriteHeader(httpStatus(s.Code()))
	_, _ = w.Write(encoded(connectError(s)))
}

// connectError is a status as Connect writes it in JSON.
func connectError(s *status.Status) any {
	type detail struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	var all struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Details []detail `json:"details,omitempty"`
	}
	all.Code, all.Message = connectCode(s.Code()), s.Message()
	for _, packed := range s.Proto().GetDetails() {
		_, name, _ := strings.Cut(packed.GetTypeUrl(), "/")
		all.Details = append(all.Details, detail{name, base64.RawStdEncoding.EncodeToString(packed.GetValue())})
	}
	return all
}

// connectCode is the name that Connect has for a code of a refusal.
func connectCode(code codes.Code) string {
	switch code {
	case codes.Unauthenticated:
		return "unauthenticated"
	case codes.PermissionDenied:
		return "permission_denied"
	case codes.Unavailable:
		return "unavailable"
	default:
		return "internal"
	}
}

// httpStatus is the HTTP status for a code of a refusal.
func httpStatus(code codes.Code) int {
	switch code {
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// encoded returns the JSON of what can always be encoded.
func encoded(value any) []byte {
	body, err := json.Marshal(value)
	if err != nil {
		return []byte("{}")
	}
	return body
}
