package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checktest"
)

func TestSpec(t *testing.T) {
	t.Parallel()
	checktest.SpecTest(t, spec())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		file string
		want []string // line, and how the message begins
	}{
		{name: "every RPC has a rule", file: "complete.proto"},
		{name: "RPCs without a rule are only imported", file: "importing.proto"},
		{name: "the options themselves", file: "jwtrelay/policy/v1/policy.proto"},
		{
			name: "RPCs of all kinds, in several services, have no rule",
			file: "missing.proto",
			want: []string{
				`9: RPC "testdata.missing.Some.Unary" has no rule:`,
				`13: RPC "testdata.missing.Some.Download" has no rule:`,
				`14: RPC "testdata.missing.Some.Upload" has no rule:`,
				`15: RPC "testdata.missing.Some.Chat" has no rule:`,
				`28: RPC "testdata.missing.All.Unary" has no rule:`,
			},
		},
		{
			name: "the options are not imported",
			file: "unaware.proto",
			want: []string{
				`7: RPC "testdata.unaware.Service.Unary" has no rule: ` +
					`add "option (jwtrelay.policy.v1.rule).authenticated = {};", or give its service a default_rule.`,
			},
		},
		{
			name: "rules are empty",
			file: "empty.proto",
			want: []string{
				`13: The rule of RPC "testdata.empty.OfMethod.Empty" says none of public, optional and authenticated: ` +
					`write "option (jwtrelay.policy.v1.rule).authenticated = {};", for example.`,
				`18: The default rule of service "testdata.empty.OfService" says none of public, optional and authenticated: ` +
					`write "option (jwtrelay.policy.v1.default_rule).authenticated = {};", for example.`,
			},
		},
		{
			name: "a rule says two things",
			file: "several.proto",
			want: []string{
				`9: The rule of RPC "testdata.several.Service.Unary" says more than one of public, optional and authenticated.`,
			},
		},
		{
			name: "other options have the number",
			file: "foreign.proto",
			want: []string{
				`17: The rule of RPC "testdata.foreign.OfMethod.Unary" can't be read as a jwtrelay.policy.v1.Rule:`,
				`22: The default rule of service "testdata.foreign.OfService" can't be read as a jwtrelay.policy.v1.Rule:`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := lint(t, tt.file)
			if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// lint returns what the plugin says about a file, in order, each with its line.
func lint(t *testing.T, file string) []string {
	t.Helper()
	client, err := check.NewClientForSpec(spec())
	if err != nil {
		t.Fatal(err)
	}
	request, err := (&checktest.RequestSpec{Files: protos(file)}).ToRequest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Check(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, annotation := range response.Annotations() {
		where := annotation.FileLocation()
		if name := where.FileDescriptor().ProtoreflectFileDescriptor().Path(); name != file {
			t.Errorf("%s: reported, but is only imported", name)
		}
		said = append(said, fmt.Sprintf("%d: %s", where.StartLine()+1, annotation.Message()))
	}
	return said
}

// protos is a file of testdata, with the options as the repository has them.
func protos(file string) *checktest.ProtoFileSpec {
	return &checktest.ProtoFileSpec{
		DirPaths:  []string{"testdata", "../../proto"},
		FilePaths: []string{file},
	}
}
