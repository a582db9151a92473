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

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// writeTo answers a request with the refusal, in the protocol of the request. Only
// calls of methods are answered by 200: whoever looks at no more than the status
// takes that for being let in.
func (r *refusalError) writeTo(w http.ResponseWriter, request *http.Request, isMethod bool) {
	if request.ProtoMajor < 2 && request.ContentLength != 0 {
		// net/http would otherwise read the body before it answers.
		w.Header().Set("Connection", "close")
	}
	if challenge := r.challenge(); challenge != "" {
		w.Header().Set("Www-Authenticate", challenge)
	}
	contentType := strings.ToLower(request.Header.Get("Content-Type"))
	switch isRPC := isMethod && request.Method == http.MethodPost; {
	case isRPC && isGRPC(contentType):
		writeGRPC(w.Header(), contentType, r.GRPCStatus(), r.details())
		w.WriteHeader(http.StatusOK)
	case isRPC && strings.HasPrefix(contentType, "application/connect+"):
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(endStream(r.json()))
	default:
		r.writePlain(w)
	}
}

// details is the status as gRPC has it in a header of HTTP.
func (r *refusalError) details() string {
	if r.answer != nil {
		return r.answer.details
	}
	return detailsOf(r.GRPCStatus())
}

// json is the status as Connect has it. It is not written to.
func (r *refusalError) json() []byte {
	if r.answer != nil {
		return r.answer.json
	}
	return encoded(connectError(r.GRPCStatus()))
}

// isGRPC reports whether a content type is one of gRPC's or gRPC-Web's.
func isGRPC(contentType string) bool {
	kinds := []string{"application/grpc", "application/grpc-web", "application/grpc-web-text"}
	return slices.ContainsFunc(kinds, func(kind string) bool {
		rest, ok := strings.CutPrefix(contentType, kind)
		return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
	})
}

// writeGRPC writes a status as gRPC's Trailers-Only response, which gRPC-Web
// reads as well. details are those of detailsOf.
func writeGRPC(header http.Header, contentType string, s *status.Status, details string) {
	header.Set("Content-Type", contentType)
	header.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	header.Set("Grpc-Message", percentEncoded(s.Message()))
	if details != "" {
		header.Set("Grpc-Status-Details-Bin", details)
	}
}

// detailsOf returns a whole status as gRPC has it in a header of HTTP.
func detailsOf(s *status.Status) string {
	details, err := pb.Marshal(s.Proto())
	if err != nil {
		return ""
	}
	return base64.RawStdEncoding.EncodeToString(details)
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

// endStream returns the frame that ends a Connect stream with an error, which is in
// JSON already.
func endStream(failure []byte) []byte {
	const isEndStream, before, behind = 0b10, `{"error":`, `}`
	size := len(before) + len(failure) + len(behind)
	frame := append(make([]byte, 0, 5+size), isEndStream)
	frame = binary.BigEndian.AppendUint32(frame, uint32(size)) //nolint:gosec // a few hundred bytes
	return append(append(append(frame, before...), failure...), behind...)
}

// writePlain answers who speaks HTTP, and Connect's unary calls.
func (r *refusalError) writePlain(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	code := verdictOf(r.reason).code
	if code == codes.Unavailable {
		seconds := (r.retryAfter() + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	w.WriteHeader(httpStatus(code))
	_, _ = w.Write(r.json())
}

// connectError is a status as Connect writes it in JSON.
func connectError(s *status.Status) any {
	type detail struct {
		Type  string `json:"type"`
		Value string `json:"value"`
		Debug any    `json:"debug,omitempty"` // for people, and for those who don't speak protobuf
	}
	var all struct {
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Details []detail `json:"details,omitempty"`
	}
	all.Code, all.Message = connectCode(s.Code()), s.Message()
	for _, packed := range s.Proto().GetDetails() {
		_, name, _ := strings.Cut(packed.GetTypeUrl(), "/")
		all.Details = append(all.Details, detail{name, base64.RawStdEncoding.EncodeToString(packed.GetValue()), readable(packed)})
	}
	return all
}

// readable returns an ErrorInfo as JSON has it, nil for other details.
func readable(packed *anypb.Any) any {
	info := new(errdetails.ErrorInfo)
	if packed.UnmarshalTo(info) != nil {
		return nil
	}
	return struct {
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}{info.GetReason(), info.GetDomain(), info.GetMetadata()}
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
	case codes.ResourceExhausted:
		return "resource_exhausted"
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
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
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
