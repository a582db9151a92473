// Buf-plugin-jwtrelay is a plugin for "buf lint" with one rule,
// JWTRELAY_RPC_RULE: every RPC says who may call it, by an option of its own or
// by one of its service. A server refuses a method that doesn't; with the
// plugin one hears of it before the server runs. Install it where buf finds it:
//
//	go install github.com/jwtrelay/jwtrelay/tools/buf-plugin-jwtrelay@latest
//
// and name both the plugin and its rule in buf.yaml:
//
//	version: v2
//	lint:
//	  use:
//	    - STANDARD
//	    - JWTRELAY_RPC_RULE
//	plugins:
//	  - plugin: buf-plugin-jwtrelay
//
// This is what the rule asks for:
//
//	import "jwtrelay/policy/v1/policy.proto";
//
//	service OrdersService {
//	  // Of every RPC that has no rule of its own.
//	  option (jwtrelay.policy.v1.default_rule).authenticated = {};
//
//	  rpc CancelOrder(CancelOrderRequest) returns (CancelOrderResponse);
//	  rpc ListProducts(ListProductsRequest) returns (ListProductsResponse) {
//	    option (jwtrelay.policy.v1.rule).public = {};
//	  }
//	}
//
// It reports an RPC that has neither option, and an option that says none of
// public, optional and authenticated or can't be read; that of a service once,
// and not at each RPC. What a rule says beyond this is not checked, and neither
// are files that are only imported.
//
// Where an RPC stays without a rule on purpose, buf has its own ways to say so:
//
//	// buf:lint:ignore JWTRELAY_RPC_RULE
//
// in the comment above the RPC or the service, or lint.ignore_only in buf.yaml.
package main

import "buf.build/go/bufplugin/check"

func main() { check.Main(spec()) }
