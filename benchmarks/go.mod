module github.com/jwtrelay/jwtrelay/benchmarks

go 1.26.0

require github.com/jwtrelay/jwtrelay v0.0.0

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/maypok86/otter/v2 v2.4.0 // indirect
)

replace github.com/jwtrelay/jwtrelay => ../
