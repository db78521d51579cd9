#!/usr/bin/env bash
# The main job with nothing asked: builds the tool, gets an engine and images, deploys the stand-in CoreCube through
# the real tool, verifies it and leaves it running. Say `npm run demo -- v1` for the older documentation generation.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
release=${1:-v2}
dir=${DEMO_DIR:-$root/demo-install-$release}
case $release in v1 | v2) ;; *) echo "usage: npm run demo [-- v1|v2]" >&2; exit 2 ;; esac
if [[ $(id -u) != 0 ]]; then
  echo "The demo installs Debian packages and starts an engine, so it needs root. See the README for the tool itself." >&2
  exit 2
fi
cd "$root"
# alone WHAT FD: waits for another demo that works on it. A lock ends with its process, however that ends.
alone() { flock --nonblock "$2" || { echo "Another demo works on $1; waiting for it." >&2 && flock "$2"; }; }
# One demo at a time builds this clone, and not below the feet of one that runs: only when a source is newer.
exec 7<"$root"
alone "$root" 7
node scripts/start.mjs --version >/dev/null
exec 7<&-
bash test/bed/install.sh
bash test/bed/images.sh build
bash test/bed/images.sh load

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
exec 8<"$dir"
alone "$dir" 8
# Ports and subnets are free until somebody takes them: from the choice until it runs, one demo at a time.
exec 9>/run/corecube-secure-demo.lock
alone "the engine" 9
# The real ports where they are free, others where something holds them.
taken() { ss -ltnH "( sport = :$1 or sport = :$2 )" | grep -q .; }
choose_ports() {
  for http in 80 8080 8081 8082; do
    https=$((http == 80 ? 443 : http + 363))
    taken "$http" "$https" || return 0
  done
  echo "No pair of ports is free: 80 and 443, 8080 and 8443, 8081 and 8444, 8082 and 8445." >&2
  exit 3
}
address=$(ip -4 -json route get 192.0.2.1 2>/dev/null | jq -r '.[0].prefsrc // empty') || true # no route: no address
address=${address:-127.0.0.1}
answers=$dir/demo-answers.yaml
if [[ ! -e $answers ]]; then
  choose_ports
  cat >"$answers" <<Y
image: corecube/corecube:$release
domain: corecube.demo.internal
tls: internal
adminRanges: [$address/32]
adminEmail: operator@demo.internal
httpPort: $http
httpsPort: $https
projectName: corecube-demo-$release-$(sha256sum <<<"$dir" | cut -c1-6)
adminPassword: generate
database: bundled
keyBackup: this is a demo, its key protects nothing
dumpEncryption: this is a demo, it makes no dumps
Y
fi
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { echo "\$ create-corecube-secure $*"; node "$root/dist/bin.cjs" "$@"; }
# On a terminal the wizard shows each change before it is made; elsewhere everything is agreed to beforehand.
consent=(--yes)
if [[ -t 0 && -t 1 && -z ${CI:-} ]]; then consent=(); fi
step "1. Apply: from nothing to a running, proved install"
run "${consent[@]}" --answers "$answers" --dir "$dir"
exec 9>&-
step "2. Apply again: nothing to do"
run --yes --answers "$answers" --dir "$dir"
step "3. Verify"
run verify --dir "$dir"
port=$(awk '/^httpsPort:/{print $2}' "$answers")
project=$(awk '/^projectName:/{print $2}' "$answers")
cat <<T

It is running and stays so. Look around:
  curl -k --resolve corecube.demo.internal:$port:$address https://corecube.demo.internal:$port/admin     the console, from $address
  curl -k --resolve corecube.demo.internal:$port:127.0.0.1 https://corecube.demo.internal:$port/admin    the same, from an address outside the ranges
  docker compose --project-directory $dir ps
  node $root/dist/bin.cjs verify --dir $dir --verbose
Break something (chmod 644 $dir/secrets/encryption_key), verify, then apply again to see it repaired.

Remove it (its containers, networks and volumes, then its folder):
  docker compose -p $project --project-directory $dir down --volumes && rm -r $dir
T
