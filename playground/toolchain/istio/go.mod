module modelwright.dev/playground/toolchain/istio

go 1.26.0

// Only one of its files is used (kubernetes/customresourcedefinitions.gen.yaml), none of its packages.
require istio.io/api v1.31.1
