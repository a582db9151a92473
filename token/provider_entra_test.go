package token_test

import (
	"github.com/jwtrelay/jwtrelay/keyset"
	"github.com/jwtrelay/jwtrelay/token"
)

// Tenants and applications of Microsoft Entra have GUIDs for names.
const (
	acmeTenant   = "aaaaaaaa-0000-4000-8000-000000000001"
	branchTenant = "aaaaaaaa-0000-4000-8000-000000000002"
	otherTenant  = "aaaaaaaa-0000-4000-8000-000000000003"
	ordersApp    = "bbbbbbbb-0000-4000-8000-000000000001"
	webApp       = "bbbbbbbb-0000-4000-8000-000000000002"

	entraHost   = "https://login.microsoftonline.com/"
	entraIssuer = entraHost + "{tenantid}/v2.0"
)

// entraKey is a key of Entra: without alg and, in documents of v2.0, with the
// issuer that it is for.
func entraKey(id string, members object) object {
	return published(id, object{
		"alg": nil, "x5t": id, "x5c": []string{"MIIC/jCCAeagAwIBAgIJ"}, "cloud_instance_name": "microsoftonline.com",
	}).with(members)
}

// entraMetadata is the discovery document of a tenant, or of "organizations".
func entraMetadata(issuer, jwksURI string) object {
	return object{
		"issuer":                                issuer,
		"jwks_uri":                              jwksURI,
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
	}
}

// entraUser has the claims of a user's access token of v2.0.
func entraUser(tenant string) object {
	return object{
		"aud": ordersApp, "iss": entraHost + tenant + "/v2.0", "iat": midnight, "nbf": midnight, "exp": midnight + 4000,
		"aio": "AXQAi/8", "azp": webApp, "azpacr": "0", "name": "Alice", "oid": "cccccccc-0000-4000-8000-000000000001",
		"preferred_username": "alice@acme.example", "rh": "0.AAAA", "scp": "orders.read orders.write",
		"sub": "pairwise-subject-of-alice", "tid": tenant, "uti": "dXRp", "ver": "2.0",
	}
}

func entra() provider {
	const acme = entraHost + acmeTenant
	header := object{"typ": "JWT", "alg": "RS256", "kid": "entra-key-1"}
	user := entraUser(acmeTenant)
	app := user.with(object{
		"scp": nil, "name": nil, "preferred_username": nil, "azpacr": "1", "roles": []string{"Orders.Read.All"},
		"oid": "cccccccc-0000-4000-8000-000000000009", "sub": "cccccccc-0000-4000-8000-000000000009",
	})
	idToken := user.with(object{"aud": webApp, "azp": nil, "azpacr": nil, "scp": nil, "nonce": "n-1"})
	return provider{
		name:     "Entra v2",
		document: acme + "/v2.0/.well-known/openid-configuration",
		metadata: entraMetadata(acme+"/v2.0", acme+"/discovery/v2.0/keys"),
		keys: []object{
			entraKey("entra-key-1", object{"issuer": acme + "/v2.0"}),
			entraKey("entra-key-2", object{"issuer": entraIssuer}), // seen in documents of one tenant too
			entraKey("entra-key-3", object{"issuer": entraHost + otherTenant + "/v2.0"}),
		},
		trust: token.Issuer{URL: acme + "/v2.0", Audiences: []string{ordersApp}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "pairwise-subject-of-alice", audience: []string{ordersApp},
				scopes: []string{"orders.read", "orders.write"}, claims: [][]string{{"tid", acmeTenant}, {"azp", webApp}},
			}},
			{what: "an app", header: header, claims: app, says: says{
				subject: "cccccccc-0000-4000-8000-000000000009", audience: []string{ordersApp},
				claims: [][]string{{"roles", "Orders.Read.All"}},
			}},
			{what: "signed by the key of all tenants", header: header.with(object{"kid": "entra-key-2"}), claims: user, says: says{
				subject: "pairwise-subject-of-alice", audience: []string{ordersApp}, scopes: []string{"orders.read", "orders.write"},
			}},
			{what: "signed by the key of another tenant", header: header.with(object{"kid": "entra-key-3"}), claims: user, want: token.ReasonKeyUnknown},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonAudienceMismatch},
			{what: "a token of v1", header: header, claims: user.with(object{"iss": "https://sts.windows.net/" + acmeTenant + "/"}), want: token.ReasonIssuerMismatch},
			{what: "bound to a key", header: header, claims: user.with(object{"cnf": object{"kid": "k", "xms_ksl": "sw"}}), want: token.ReasonUnsupported},
		},
	}
}

func entraV1() provider {
	const acme, issuer = entraHost + acmeTenant, "https://sts.windows.net/" + acmeTenant + "/"
	header := object{"typ": "JWT", "alg": "RS256", "x5t": "entra-key-1", "kid": "entra-key-1"}
	user := object{
		"aud": "api://orders", "iss": issuer, "iat": midnight, "nbf": midnight, "exp": midnight + 4000,
		"acr": "1", "aio": "AXQAi/8", "amr": []string{"pwd", "mfa"}, "appid": webApp, "appidacr": "0", "ipaddr": "192.0.2.7",
		"name": "Alice", "oid": "cccccccc-0000-4000-8000-000000000001", "rh": "0.AAAA", "scp": "user_impersonation",
		"sub": "pairwise-subject-of-alice", "tid": acmeTenant, "unique_name": "alice@acme.example",
		"upn": "alice@acme.example", "uti": "dXRp", "ver": "1.0", "wids": []string{"dddddddd-0000-4000-8000-000000000001"},
	}
	return provider{
		name:     "Entra v1",
		document: acme + "/.well-known/openid-configuration",
		metadata: entraMetadata(issuer, entraHost+"common/discovery/keys"),
		keys:     []object{entraKey("entra-key-1", nil), entraKey("entra-key-2", nil)},
		config:   keyset.RemoteConfig{DiscoveryURL: acme + "/.well-known/openid-configuration"},
		trust:    token.Issuer{URL: issuer, Audiences: []string{"api://orders"}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "pairwise-subject-of-alice", audience: []string{"api://orders"},
				scopes: []string{"user_impersonation"}, claims: [][]string{{"appid", webApp}, {"amr", "mfa"}},
			}},
			{what: "another tenant", header: header, claims: user.with(object{"iss": "https://sts.windows.net/" + otherTenant + "/"}), want: token.ReasonIssuerMismatch},
			{what: "a token of v2", header: header, claims: user.with(object{"iss": acme + "/v2.0"}), want: token.ReasonIssuerMismatch},
		},
	}
}

func entraTenants() provider {
	common := object{"typ": "JWT", "alg": "RS256", "kid": "common-key"}
	branch := common.with(object{"kid": "branch-key"})
	alice := says{
		subject: "pairwise-subject-of-alice", audience: []string{ordersApp}, scopes: []string{"orders.read", "orders.write"},
	}
	return provider{
		name:     "Entra, several tenants",
		document: entraHost + "organizations/v2.0/.well-known/openid-configuration",
		metadata: entraMetadata(entraIssuer, entraHost+"organizations/discovery/v2.0/keys"),
		keys: []object{
			entraKey("common-key", object{"issuer": entraIssuer}),
			entraKey("branch-key", object{"issuer": entraHost + branchTenant + "/v2.0"}),
			entraKey("other-key", object{"issuer": entraHost + otherTenant + "/v2.0"}),
		},
		config: keyset.RemoteConfig{DiscoveryURL: entraHost + "organizations/v2.0/.well-known/openid-configuration"},
		trust:  token.Issuer{URL: entraIssuer, Tenants: []string{acmeTenant, branchTenant}, Audiences: []string{ordersApp}},
		tokens: []sent{
			{what: "one tenant", header: common, claims: entraUser(acmeTenant), says: alice},
			{what: "the other", header: common, claims: entraUser(branchTenant), says: alice},
			{what: "one tenant by its own key", header: branch, claims: entraUser(branchTenant), says: alice},
			{what: "one tenant by the key of the other", header: branch, claims: entraUser(acmeTenant), want: token.ReasonKeyUnknown},
			{what: "by the key of a tenant that is not ours", header: common.with(object{"kid": "other-key"}), claims: entraUser(acmeTenant), want: token.ReasonKeyUnknown},
			{what: "a tenant that is not ours", header: common, claims: entraUser(otherTenant), want: token.ReasonIssuerMismatch},
			{what: "the template itself", header: common, claims: entraUser("{tenantid}"), want: token.ReasonIssuerMismatch},
		},
	}
}
