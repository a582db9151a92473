package token_test

import "github.com/jwtrelay/jwtrelay/token"

func auth0() provider {
	const issuer = "https://acme.eu.auth0.com/"
	header := object{"alg": "RS256", "typ": "JWT", "kid": "auth0-key-1"}
	user := object{
		"iss": issuer, "sub": "auth0|0123456789abcdef01234567", "aud": []string{"https://orders.example.com", issuer + "userinfo"},
		"iat": midnight, "exp": midnight + 86400, "azp": "web-client", "scope": "openid profile orders:read",
		"permissions": []string{"orders:read"},
	}
	machine := user.with(object{
		"sub": "worker-client@clients", "aud": "https://orders.example.com", "azp": "worker-client", "gty": "client-credentials",
		"scope": "orders:write", "permissions": nil,
	})
	profile := user.with(object{"azp": nil, "client_id": "web-client", "jti": "fixedlength22characters", "permissions": nil})
	idToken := object{
		"iss": issuer, "sub": "auth0|0123456789abcdef01234567", "aud": "web-client", "iat": midnight, "exp": midnight + 36000,
		"nickname": "alice", "name": "alice@acme.example", "sid": "session", "nonce": "n-1",
	}
	alice := says{
		subject:  "auth0|0123456789abcdef01234567",
		audience: []string{"https://orders.example.com", issuer + "userinfo"}, scopes: []string{"openid", "profile", "orders:read"},
	}
	return provider{
		name:     "Auth0",
		document: issuer + ".well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "authorize", "token_endpoint": issuer + "oauth/token",
			"userinfo_endpoint": issuer + "userinfo", "jwks_uri": issuer + ".well-known/jwks.json",
			"response_types_supported": []string{"code", "token", "id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"HS256", "RS256", "PS256"},
		},
		keys: []object{
			published("auth0-key-1", object{"x5t": "dGh1bWJwcmludA", "x5c": []string{"MIIDDTCCAfWgAwIBAgIJ"}}),
			published("auth0-key-2", object{"x5t": "dGh1bWJwcmludB", "x5c": []string{"MIIDDTCCAfWgAwIBAgIJ"}}),
		},
		trust: token.Issuer{URL: issuer, Audiences: []string{"https://orders.example.com"}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: alice},
			{what: "a machine", header: header, claims: machine, says: says{
				subject: "worker-client@clients", audience: []string{"https://orders.example.com"}, scopes: []string{"orders:write"},
				claims: [][]string{{"gty", "client-credentials"}},
			}},
			{what: "a user by the RFC 9068 profile", header: header.with(object{"typ": "at+jwt"}), claims: profile, says: alice},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonAudienceMismatch},
			{what: "for userinfo alone", header: header, claims: user.with(object{"aud": issuer + "userinfo"}), want: token.ReasonAudienceMismatch},
			{what: "of an issuer without the slash", header: header, claims: user.with(object{"iss": "https://acme.eu.auth0.com"}), want: token.ReasonIssuerMismatch},
		},
	}
}

func okta() provider {
	const issuer = "https://acme.okta.com/oauth2/aus0123456789abcdef"
	header := object{"kid": "okta-key-1", "alg": "RS256"}
	user := object{
		"ver": 1, "jti": "AT.0123456789abcdef", "iss": issuer, "aud": "api://orders", "iat": midnight, "exp": midnight + 3600,
		"cid": "0oa0123456789abcdef", "uid": "00u0123456789abcdef", "scp": []string{"openid", "orders.read"},
		"auth_time": midnight - 60, "sub": "alice@acme.example",
	}
	machine := user.with(object{"uid": nil, "auth_time": nil, "scp": []string{"orders.write"}, "sub": "0oa0123456789abcdef"})
	idToken := object{
		"sub": "00u0123456789abcdef", "ver": 1, "iss": issuer, "aud": "0oa0123456789abcdef", "iat": midnight, "exp": midnight + 3600,
		"jti": "ID.0123456789abcdef", "amr": []string{"pwd"}, "idp": "00o0123456789abcdef", "auth_time": midnight - 60, "at_hash": "aGFzaA",
	}
	return provider{
		name:     "Okta",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "/v1/authorize", "token_endpoint": issuer + "/v1/token",
			"jwks_uri": issuer + "/v1/keys", "response_types_supported": []string{"code", "id_token"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys:  []object{published("okta-key-1", nil)},
		trust: token.Issuer{URL: issuer, Audiences: []string{"api://orders"}},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "alice@acme.example", audience: []string{"api://orders"}, scopes: []string{"openid", "orders.read"},
				claims: [][]string{{"uid", "00u0123456789abcdef"}, {"cid", "0oa0123456789abcdef"}},
			}},
			{what: "a machine", header: header, claims: machine, says: says{
				subject: "0oa0123456789abcdef", audience: []string{"api://orders"}, scopes: []string{"orders.write"},
			}},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonAudienceMismatch},
			{what: "an ID token for the service's own client", header: header, claims: idToken.with(object{"aud": "api://orders"}), want: token.ReasonClaimsInvalid},
			{what: "the org's own server", header: header, claims: user.with(object{"iss": "https://acme.okta.com", "aud": "https://acme.okta.com"}), want: token.ReasonIssuerMismatch},
		},
	}
}

func cognito() provider {
	const issuer, login = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example00", "https://acme.auth.eu-west-1.amazoncognito.com"
	header := object{"kid": "b2xkYmFzZTY0K2lkLw+/example=", "alg": "RS256"}
	user := object{
		"sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "cognito:groups": []string{"buyers", "support"}, "iss": issuer,
		"client_id": "1example23456789", "origin_jti": "aaaaaaaa-bbbb-4ccc-8ddd-000000000001", "event_id": "aaaaaaaa-bbbb-4ccc-8ddd-000000000002",
		"token_use": "access", "scope": "openid orders/read", "auth_time": midnight, "exp": midnight + 3600, "iat": midnight,
		"jti": "aaaaaaaa-bbbb-4ccc-8ddd-000000000003", "username": "alice", "version": 2,
	}
	machine := object{
		"sub": "2example23456789", "token_use": "access", "scope": "orders/write", "auth_time": midnight, "iss": issuer,
		"exp": midnight + 3600, "iat": midnight, "version": 2, "jti": "aaaaaaaa-bbbb-4ccc-8ddd-000000000004", "client_id": "2example23456789",
	}
	idToken := object{
		"sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "iss": issuer, "aud": "1example23456789", "token_use": "id", "at_hash": "aGFzaA",
		"cognito:username": "alice", "email": "alice@acme.example", "event_id": "aaaaaaaa-bbbb-4ccc-8ddd-000000000002",
		"auth_time": midnight, "exp": midnight + 3600, "iat": midnight,
	}
	return provider{
		name:     "Cognito",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks.json",
			"authorization_endpoint":   login + "/oauth2/authorize",
			"token_endpoint":           login + "/oauth2/token",
			"response_types_supported": []string{"code", "token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys: []object{published("id-token-key=", nil), published("b2xkYmFzZTY0K2lkLw+/example=", nil)},
		trust: token.Issuer{
			URL: issuer, AnyAudience: "Cognito's access tokens have none", Clients: []string{"1example23456789", "2example23456789"},
		},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", scopes: []string{"openid", "orders/read"},
				claims: [][]string{{"cognito:groups", "support"}, {"token_use", "access"}, {"client_id", "1example23456789"}},
			}},
			{what: "a machine", header: header, claims: machine, says: says{subject: "2example23456789", scopes: []string{"orders/write"}}},
			{what: "a user of an app whose tokens have an audience", header: header, claims: user.with(object{"aud": "https://orders.example.com"}), says: says{
				subject: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", audience: []string{"https://orders.example.com"}, scopes: []string{"openid", "orders/read"},
			}},
			{what: "another client of the pool", header: header, claims: user.with(object{"client_id": "3example23456789"}), want: token.ReasonAudienceMismatch},
			{what: "an ID token", header: header, claims: idToken, want: token.ReasonAudienceMismatch},
			{what: "an ID token with a client_id", header: header, claims: idToken.with(object{"client_id": "1example23456789", "at_hash": nil}), want: token.ReasonClaimsInvalid},
			{what: "another pool", header: header, claims: user.with(object{"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example11"}), want: token.ReasonIssuerMismatch},
		},
	}
}

func google() provider {
	const issuer, apis = "https://accounts.google.com", "googleapis.com"
	const client = "000000000000-example.apps.googleusercontent.com"
	header := object{"alg": "RS256", "kid": "0123456789abcdef0123456789abcdef01234567", "typ": "JWT"}
	user := object{
		"iss": issuer, "azp": client, "aud": client, "sub": "100000000000000000001", "hd": "acme.example",
		"email": "alice@acme.example", "email_verified": true, "at_hash": "aGFzaA", "name": "Alice",
		"iat": midnight, "exp": midnight + 3600,
	}
	service := object{
		"iss": issuer, "aud": client, "azp": "100000000000000000002", "sub": "100000000000000000002",
		"email": "worker@acme-project.iam.gserviceaccount.com", "email_verified": true, "iat": midnight, "exp": midnight + 3600,
	}
	return provider{
		name:     "Google",
		document: issuer + "/.well-known/openid-configuration",
		metadata: object{
			"issuer": issuer, "authorization_endpoint": issuer + "/o/oauth2/v2/auth",
			"token_endpoint": "https://oauth2." + apis + "/token", "jwks_uri": "https://www." + apis + "/oauth2/v3/certs",
			"response_types_supported": []string{"code", "token", "id_token"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		},
		keys:    []object{published("0123456789abcdef0123456789abcdef01234567", nil), published("89abcdef0123456789abcdef0123456789abcdef", nil)},
		trust:   token.Issuer{URL: issuer, Audiences: []string{client}},
		options: []token.VerifierOption{token.AnyTokenKind()},
		tokens: []sent{
			{what: "a user", header: header, claims: user, says: says{
				subject: "100000000000000000001", audience: []string{client}, claims: [][]string{{"hd", "acme.example"}, {"email_verified", "true"}},
			}},
			{what: "a service account", header: header, claims: service, says: says{
				subject: "100000000000000000002", audience: []string{client},
				claims: [][]string{{"email", "worker@acme-project.iam.gserviceaccount.com"}},
			}},
			{what: "the issuer without https", header: header, claims: user.with(object{"iss": "accounts.google.com"}), want: token.ReasonIssuerMismatch},
		},
	}
}
