package token_test

import "github.com/jwtrelay/jwtrelay/token"

func keycloak() provider {
	const issuer = "https://id.example.com/realms/acme"
	header := object{"alg": "RS256", "typ": "JWT", "kid": "keycloak-key-1"}
	user := object{
		"exp": midnight + 300, "iat": midnight, "auth_time": midnight, "jti": "onrtac:aaaaaaaa-0000-4000-8000-000000000001",
		"iss": issuer, "aud": []string{"orders", "account"}, "sub": "aaaaaaaa-0000-4000-8000-000000000002", "typ": "Bearer", "azp": "web",
		"sid": "aaaaaaaa-0000-4000-8000-000000000003", "acr": "1", "allowed-origins": []string{"https://web.example.com"},
		"realm_access":    object{"roles": []string{"buyer", "offline_access"}},
		"resource_access": object{"account": object{"roles": []string{"view-profile"}}},
		"scope":           "openid profile orders.read", "email_verified": true, "preferred_username": "alice",
	}
	service := user.with(object{
		"aud": "orders", "azp": "worker", "client_id": "worker", "clientHost": "192.0.2.7", "preferred_username": "service-account-worker",
		"sid": nil, "auth_time": nil, "scope": "orders.write", "sub": "aaaaaaaa-0000-4000-8000-000000000004",
	})
	idToken := user.with(object{
		"aud": "web", "typ": "ID", "at_hash": "aGFzaA", "nonce": "n-1",
		"realm_access": nil, "resource_access": nil, "scope": nil, "allowed-origins": nil,
	})
	return provider{
		name:     "Keycloak",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "/protocol/openid-connect/auth",
			"token_endpoint": issuer + "/protocol/openid-connect/token", "jwks_uri": issuer + "/protocol/openid-connect/certs",
			"response_types_supported": []string{"code", "none", "id_token"}, "subject_types_supported": []string{"public", "pairwise"},
			"id_token_signing_alg_values_supported": []string{"PS384", "RS384", "EdDSA", "ES384", "HS256", "RS256"},
		},
		keys: []object{
			published("keycloak-key-2", object{"alg": "RSA-OAEP", "use": "enc", "x5c": []string{"MIICmzCCAYMCBgF"}}),
			published("keycloak-key-1", object{"x5c": []string{"MIICmzCCAYMCBgF"}, "x5t": "dGh1bWJwcmludA", "x5t#S256": "dGh1bWJwcmludA"}),
		},
		trust: token.Issuer{URL: issuer, Audiences: []string{"orders"}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "aaaaaaaa-0000-4000-8000-000000000002", audience: []string{"orders", "account"},
				scopes: []string{"openid", "profile", "orders.read"},
				claims: [][]string{{"realm_access", "roles", "buyer"}, {"resource_access", "account", "roles", "view-profile"}},
			}},
			{what: "a service account", header: header, claims: service, says: says{
				subject: "aaaaaaaa-0000-4000-8000-000000000004", audience: []string{"orders"}, scopes: []string{"orders.write"},
			}},
			{what: "without an audience mapper", header: header, claims: user.with(object{"aud": "account"}), want: token.ReasonAudienceMismatch},
			{what: "without any audience", header: header, claims: user.with(object{"aud": nil}), want: token.ReasonAudienceMismatch},
			{what: "without the scope basic", header: header, claims: user.with(object{"sub": nil}), want: token.ReasonClaimsInvalid},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonAudienceMismatch},
			{what: "an ID token for a client named as the service", header: header, claims: idToken.with(object{"aud": "orders", "at_hash": nil}), want: token.ReasonClaimsInvalid},
			{what: "another realm", header: header, claims: user.with(object{"iss": "https://id.example.com/realms/other"}), want: token.ReasonIssuerMismatch},
			{what: "by the key for encryption", header: header.with(object{"kid": "keycloak-key-2"}), claims: user, want: token.ReasonKeyUnknown},
			{what: "bound by DPoP", header: header, claims: user.with(object{"typ": "DPoP", "cnf": object{"jkt": "dGh1bWJwcmludA"}}), want: token.ReasonUnsupported},
		},
	}
}

func kubernetes() provider {
	const issuer = "https://kubernetes.default.svc.cluster.local"
	id := spkiHash(providerKey())
	header := object{"alg": "RS256", "kid": id}
	pod := object{
		"aud": []string{"orders"}, "exp": midnight + 3607, "iat": midnight, "nbf": midnight, "iss": issuer,
		"jti": "aaaaaaaa-0000-4000-8000-000000000001", "sub": "system:serviceaccount:shop:gateway",
		"kubernetes.io": object{
			"namespace":      "shop",
			"node":           object{"name": "node-1", "uid": "aaaaaaaa-0000-4000-8000-000000000002"},
			"pod":            object{"name": "gateway-0", "uid": "aaaaaaaa-0000-4000-8000-000000000003"},
			"serviceaccount": object{"name": "gateway", "uid": "aaaaaaaa-0000-4000-8000-000000000004"},
		},
	}
	return provider{
		name:     "Kubernetes",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "jwks_uri": "https://192.0.2.10:6443/openid/v1/jwks", "response_types_supported": []string{"id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys:   []object{published(id, nil)},
		bearer: "the-token-of-this-pod",
		trust:  token.Issuer{URL: issuer, Audiences: []string{"orders"}},
		tokens: []sent{
			{what: "a projected token", header: header, claims: pod, says: says{
				subject: "system:serviceaccount:shop:gateway", audience: []string{"orders"},
				claims: [][]string{{"kubernetes.io", "namespace", "shop"}, {"kubernetes.io", "serviceaccount", "name", "gateway"}},
			}},
			{what: "for several services", header: header, claims: pod.with(object{"aud": []string{"pricing", "orders"}}), says: says{
				subject: "system:serviceaccount:shop:gateway", audience: []string{"pricing", "orders"},
			}},
			{what: "for the API server", header: header, claims: pod.with(object{"aud": []string{issuer}}), want: token.ReasonAudienceMismatch},
			{what: "from a Secret, of old", header: header, claims: object{
				"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:shop:gateway", "kubernetes.io/serviceaccount/namespace": "shop",
			}, want: token.ReasonIssuerMismatch},
		},
	}
}

func zitadel() provider {
	const issuer = "https://acme-0a1b2c.zitadel.cloud"
	header := object{"alg": "RS256", "kid": "100000000000000001", "typ": "JWT"}
	user := object{
		"aud": []string{"200000000000000001", "200000000000000002", "300000000000000001"}, "azp": "200000000000000001",
		"client_id": "200000000000000001", "exp": midnight + 43200, "iat": midnight, "nbf": midnight, "iss": issuer,
		"jti": "V2_100000000000000002-at_100000000000000003", "sub": "400000000000000001",
		"urn:zitadel:iam:org:project:roles": object{"buyer": object{"500000000000000001": "acme.zitadel.cloud"}},
	}
	idToken := user.with(object{"amr": []string{"pwd", "mfa"}, "at_hash": "aGFzaA", "auth_time": midnight, "sid": "V1_1", "jti": nil, "nbf": nil})
	return provider{
		name:     "Zitadel",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "/oauth/v2/authorize", "token_endpoint": issuer + "/oauth/v2/token",
			"jwks_uri": issuer + "/oauth/v2/keys", "response_types_supported": []string{"code", "id_token", "id_token token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys:  []object{published("100000000000000001", nil)},
		trust: token.Issuer{URL: issuer, Audiences: []string{"300000000000000001"}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "400000000000000001", audience: []string{"200000000000000001", "200000000000000002", "300000000000000001"},
				claims: [][]string{{"urn:zitadel:iam:org:project:roles", "buyer", "500000000000000001", "acme.zitadel.cloud"}},
			}},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonClaimsInvalid},
			{what: "of another project", header: header, claims: user.with(object{"aud": []string{"200000000000000001", "300000000000000002"}}), want: token.ReasonAudienceMismatch},
		},
	}
}

func dex() provider {
	const issuer = "https://dex.example.com/dex"
	header := object{"alg": "RS256", "kid": "0123456789abcdef0123456789abcdef01234567"}
	user := object{
		"iss": issuer, "sub": "CgVhbGljZRIEbGRhcA", "aud": "orders", "exp": midnight + 86400, "iat": midnight, "at_hash": "aGFzaA",
		"email": "alice@acme.example", "email_verified": true, "groups": []string{"buyers", "support"}, "name": "Alice",
	}
	return provider{
		name:     "Dex",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "/auth", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys:    []object{published("0123456789abcdef0123456789abcdef01234567", nil), published("89abcdef0123456789abcdef0123456789abcdef", nil)},
		trust:   token.Issuer{URL: issuer, Audiences: []string{"orders"}},
		options: []token.VerifierOption{token.AnyTokenKind()},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "CgVhbGljZRIEbGRhcA", audience: []string{"orders"}, claims: [][]string{{"groups", "support"}},
			}},
			{what: "a user of another client that Dex trusts", header: header, claims: user.with(object{"aud": []string{"orders", "web"}, "azp": "web"}), says: says{
				subject: "CgVhbGljZRIEbGRhcA", audience: []string{"orders", "web"}, claims: [][]string{{"azp", "web"}},
			}},
			{what: "for the web client alone", header: header, claims: user.with(object{"aud": "web"}), want: token.ReasonAudienceMismatch},
		},
	}
}
