package main

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

func TestReadRule(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		unknown []byte // fields of the options
		want    rule
	}{
		{"no option", nil, absent},
		{"another option", field(75191, field(1, nil)), absent},
		{"empty", field(75190, nil), empty},
		{"public", field(75190, field(1, nil)), fit},
		{"optional", field(75190, field(2, nil)), fit},
		{"authenticated", field(75190, field(3, nil)), fit},
		{"two at once", field(75190, join(field(1, nil), field(3, nil))), several},
		{"all three, in pieces", join(field(75190, field(3, nil)), field(75190, field(1, nil)), field(75190, field(2, nil))), several},
		{"one twice", field(75190, join(field(3, nil), field(3, nil))), fit},
		{"of a newer Rule", field(75190, field(4, nil)), empty},
		{"among others", join(field(75191, nil), field(75190, field(1, nil)), number(75192)), fit},
		{"in pieces, one of them empty", join(field(75190, field(1, nil)), field(75190, nil)), fit},
		{"in pieces, all of them empty", join(field(75190, nil), field(75190, nil)), empty},
		{"a number instead", number(75190), foreign},
		{"a number inside", field(75190, number(1)), empty},
		{"a text instead", field(75190, []byte("orders team")), foreign},
		{"cut off", field(75190, field(1, []byte("text"))[:3]), foreign},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			options := &descriptorpb.MethodOptions{}
			options.ProtoReflect().SetUnknown(tt.unknown)
			if got, err := readRule(options); got != tt.want || err != nil {
				t.Errorf("got %d, %v; want %d", got, err, tt.want)
			}
		})
	}
}

// Bytes that aren't a message can't have come over the wire, but unknown fields
// may hold anything.
func TestReadRuleOfBrokenOptions(t *testing.T) {
	t.Parallel()
	options := &descriptorpb.MethodOptions{}
	options.ProtoReflect().SetUnknown([]byte{0xff})
	if got, err := readRule(options); err == nil {
		t.Errorf("got %d and no error", got)
	}
}

// A program that links the generated options knows the extension.
func TestReadRuleOfKnownExtension(t *testing.T) {
	t.Parallel()
	policy := policyFile(t)
	extension := dynamicpb.NewExtensionType(policy.Extensions().ByName("rule"))
	message := extension.New().Message()
	options := &descriptorpb.MethodOptions{}

	pb.SetExtension(options, extension, message.Interface())
	if got, err := readRule(options); got != empty || err != nil {
		t.Errorf("got %d, %v; want %d", got, err, empty)
	}
	message.Mutable(message.Descriptor().Fields().ByName("public"))
	if got, err := readRule(options); got != fit || err != nil {
		t.Errorf("got %d, %v; want %d", got, err, fit)
	}
}

// Whatever protobuf takes for a Rule, both see the same in it.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(field(1, nil))
	f.Add(field(3, field(3, join(field(1, []byte("tenant")), field(2, []byte("acme"))))))
	f.Add(join(field(2, nil), field(1, nil)))
	f.Add(join(number(1), field(1, nil)))
	f.Add([]byte("orders team"))
	descriptor := policyFile(f).Messages().ByName("Rule")
	f.Fuzz(func(t *testing.T, b []byte) {
		got := judge(b)
		message := dynamicpb.NewMessage(descriptor)
		if err := pb.Unmarshal(b, message); err != nil {
			return
		}
		said := 0
		for _, name := range []protoreflect.Name{"public", "optional", "authenticated"} {
			if message.Has(descriptor.Fields().ByName(name)) {
				said++
			}
		}
		if want := [...]rule{empty, fit, several, several}[said]; got != want {
			t.Errorf("got %d for %v, want %d", got, message, want)
		}
	})
}

// policyFile compiles the options that the repository has.
func policyFile(t testing.TB) protoreflect.FileDescriptor {
	t.Helper()
	const name = "jwtrelay/policy/v1/policy.proto"
	files, err := protos(name).ToFileDescriptors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if descriptor := file.ProtoreflectFileDescriptor(); descriptor.Path() == name {
			return descriptor
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

// field encodes a field of type bytes.
func field(n protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
}

// number encodes a field of type int32.
func number(n protowire.Number) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), 10)
}

func join(fields ...[]byte) []byte { return slices.Concat(fields...) }
