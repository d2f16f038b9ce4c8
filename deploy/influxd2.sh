#!/usr/bin/env bash
# Builds InfluxDB 2.7 for the tests, as influxd2 in GOPATH/bin, in some minutes. It is the real one but for Flux, whose analyser is a library in Rust
# that Go's module proxy does not have: writing, buckets, tokens, organisations and InfluxQL at /query work; a query in Flux crashes it.
set -euo pipefail
version=v2.7.12
bin=$(go env GOPATH)/bin
src=$(mktemp -d)
trap 'rm -rf "$src"' EXIT
export GOWORK=off GOFLAGS=-trimpath CGO_ENABLED=1 PKG_CONFIG=$src/pkg-config

fetch() { # MODULE DIRECTORY, which may be written to
	local dir
	dir=$(go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	cp -r "$dir" "$2"
	chmod -R u+w "$2"
}

cd "$src"
fetch "github.com/influxdata/influxdb/v2@$version" influxdb
cd influxdb
fetch "github.com/influxdata/flux@$(go list -m -f '{{.Version}}' github.com/influxdata/flux)" "$src/flux"
go mod edit -replace github.com/influxdata/flux=../flux

# The library's header is there; its functions stay unresolved, since nothing below calls them.
cat > "$PKG_CONFIG" <<EOF
#!/bin/sh
case "\$*" in
*--cflags*) echo -I$src/flux/libflux/include ;;
*--libs*) echo -Wl,--unresolved-symbols=ignore-all ;;
esac
EOF
chmod +x "$PKG_CONFIG"

# Go's half of Flux asks the library at the start for the types of Flux's functions. Any type does.
cat > ../flux/runtime/lookup.go <<'EOF'
package runtime

import "github.com/influxdata/flux/semantic"

func LookupBuiltinType(pkg, name string) (semantic.MonoType, error) {
	return MustLookupBuiltinType(pkg, name), nil
}

func MustLookupBuiltinType(pkg, name string) semantic.MonoType {
	return semantic.NewFunctionType(semantic.BasicInt, nil)
}
EOF
cat > fluxinit/init.go <<'EOF'
package fluxinit

func FluxInit() {}
EOF

mkdir -p "$bin"
go build -ldflags "-s -w -X main.version=$version" -o "$src/influxd2" ./cmd/influxd
"$src/influxd2" version
mv "$src/influxd2" "$bin/influxd2"
