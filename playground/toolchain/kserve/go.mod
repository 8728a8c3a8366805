module modelwright.dev/playground/toolchain/kserve

go 1.26.0

// Only one of its files is used (config/crd/full), none of its packages: `go mod tidy` would drop this line.
require github.com/kserve/kserve v0.20.0
