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
[[ -x node_modules/.bin/esbuild ]] || npm ci --no-audit --no-fund
node scripts/build.mjs
bash test/bed/install.sh
bash test/bed/images.sh build
bash test/bed/images.sh load

# Ports of the demo: the real ones where they are free, others where something holds them.
taken() { ss -ltnH "sport = :$1" | grep -q .; }
http=80 https=443
if taken 80 || taken 443; then http=8080 https=8443; fi
address=$(ip -4 -json route get 192.0.2.1 2>/dev/null | jq -r '.[0].prefsrc // empty')
address=${address:-127.0.0.1}
mkdir -p "$dir"
answers=$dir/demo-answers.yaml
if [[ ! -e $answers ]]; then
  cat >"$answers" <<Y
image: corecube/corecube:$release
domain: corecube.demo.internal
tls: internal
adminRanges: [$address/32]
adminEmail: operator@demo.internal
httpPort: $http
httpsPort: $https
projectName: corecube-demo-$release
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
step "2. Apply again: nothing to do"
run --yes --answers "$answers" --dir "$dir"
step "3. Verify"
run verify --dir "$dir"
port=$(awk '/^httpsPort:/{print $2}' "$answers")
cat <<T

It is running and stays so. Look around:
  curl -k --resolve corecube.demo.internal:$port:$address https://corecube.demo.internal:$port/admin     the console, from $address
  curl -k --resolve corecube.demo.internal:$port:127.0.0.1 https://corecube.demo.internal:$port/admin    the same, from an address outside the ranges
  docker compose --project-directory $dir ps
  node $root/dist/bin.cjs verify --dir $dir --verbose
Break something (chmod 644 $dir/secrets/encryption_key), verify, then apply again to see it repaired.

Remove it (its containers, networks and volumes, then its folder):
  docker compose -p corecube-demo-$release --project-directory $dir down --volumes && rm -r $dir
T
