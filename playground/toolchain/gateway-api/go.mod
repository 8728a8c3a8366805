module modelwright.dev/playground/toolchain/gateway-api

go 1.26.0

// Only its files are used (config/crd/standard), none of its packages: `go mod tidy` would drop this line.
require sigs.k8s.io/gateway-api v1.6.3
