#!/bin/bash
# acme.sh HOST up|down|root: an ACME server (Pebble) and its DNS server as outside client 1 of a host.
#   directory   https://acme.test:14000/dir (also https://198.51.100.7:14000/dir), its own TLS
#               certificate is signed by $CORECUBE_BED/hosts/HOST/acme/ca.crt
#   DNS         198.51.100.7 port 53: every name has the address 198.51.100.1, no AAAA record
#   root        prints the root that signs the issued certificates (new at every start)
# Validation comes in from outside, over http-01 on port 80 or tls-alpn-01 on port 443 of the host.
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
name=${1:-} verb=${2:-}
d=$(machine_dir "$name") || exit 1
a=$d/acme
client() { "$HERE/host.sh" "$name" client 1 "$@"; }

make_certificate() (
  cd "$a" &&
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=bed ACME CA' -keyout ca.key -out ca.crt \
      -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign &&
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=acme.test -keyout acme.key -out acme.csr &&
    openssl x509 -req -in acme.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out acme.crt \
      -extfile <(echo subjectAltName=DNS:acme.test,DNS:localhost,IP:198.51.100.7,IP:127.0.0.1)
)

up() {
  machine_pid "$name" >/dev/null || die "host $name is not up"
  down
  mkdir -p "$a"
  make_certificate >"$a/openssl.log" 2>&1 || { cat "$a/openssl.log" >&2 && die 'the certificates of the ACME server cannot be made'; }
  cat >"$a/pebble.json" <<J
{ "pebble": { "listenAddress": "198.51.100.7:14000", "managementListenAddress": "198.51.100.7:15000",
  "certificate": "$a/acme.crt", "privateKey": "$a/acme.key", "httpPort": 80, "tlsPort": 443,
  "ocspResponderURL": "", "externalAccountBindingRequired": false } }
J
  # both end with the host: they run in its process namespace
  # shellcheck disable=SC2016 # expanded by the inner shell
  PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 client bash -c '
    bin=$1 a=$2
    setsid "$bin/pebble-challtestsrv" -dns01 198.51.100.7:53 -management 198.51.100.7:8055 -http01 "" -https01 "" -tlsalpn01 "" \
      -defaultIPv4 198.51.100.1 -defaultIPv6 "" >"$a/dns.log" 2>&1 </dev/null &
    echo $! >"$a/pids"
    setsid "$bin/pebble" -config "$a/pebble.json" -dnsserver 198.51.100.7:53 >"$a/pebble.log" 2>&1 </dev/null &
    echo $! >>"$a/pids"' acme "$TOOLS/own/usr/bin" "$a"
  for _ in {1..100}; do
    if client curl -fsS --noproxy '*' --cacert "$a/ca.crt" -o "$a/root.pem" https://198.51.100.7:15000/roots/0 2>/dev/null &&
      client curl -fsS --noproxy '*' --cacert "$a/ca.crt" -o /dev/null https://acme.test:14000/dir 2>/dev/null; then
      return
    fi
    sleep .1
  done
  tail "$a"/*.log >&2
  die 'the ACME server does not answer'
}

down() {
  [[ -f $a/pids ]] || return 0
  # the ids are those of the host's process namespace
  xargs "$HERE/host.sh" "$name" exec kill <"$a/pids" 2>/dev/null || true
  rm -rf "$a"
}

case $verb in
  up) up ;;
  down) down ;;
  root) cat "$a/root.pem" ;;
  *) die 'usage: acme.sh HOST up|down|root' ;;
esac
