#!/bin/bash
# install.sh [--no-engine]: gets a Debian 12 machine ready for the end-to-end tests and the demo.
# Safe to repeat (about 0.2 s when nothing is missing); fails when something cannot be had.
#   system packages        Docker Engine 20.10, Compose v2 as CLI plugin, the tools the tests call
#   $CORECUBE_BED/tools    registry, ACME server, Docker Engine 28 and Compose 2.26, unpacked beside
# Without --no-engine it also starts an engine on the default socket when none answers there.
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
engine=yes
case ${1:-} in '') ;; --no-engine) engine=no ;; *) die "unknown option $1" ;; esac

. /etc/os-release
[[ $ID == debian && $VERSION_ID == 12 ]] || die "the test bed is made for Debian 12, this is ${PRETTY_NAME:-$ID}"
[[ $(dpkg --print-architecture) == amd64 ]] || die 'the test bed is made for amd64'
locked install

PACKAGES=(docker.io iptables iproute2 procps util-linux jq libcap2-bin binutils openssl curl ca-certificates xz-utils
  mmdebstrap tmux expect testssl.sh shellcheck libfaketime openssh-client systemd)

# Newer suites come from the mirror that the machine already uses, at priority 1: nothing is
# taken from them unless asked for as PACKAGE/SUITE.  A mirror that is frozen at some day (still
# signed) is fine for tests.
suites() {
  local mirror
  mirror=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/debian.sources 2>/dev/null || true)
  [[ $mirror ]] || mirror=$(awk '$1=="deb" && /bookworm/{for(i=2;i<=NF;i++) if($i~/^http/){print $i; exit}}' /etc/apt/sources.list 2>/dev/null || true)
  [[ $mirror ]] || die 'no Debian mirror found in /etc/apt'
  cat >/etc/apt/sources.list.d/corecube-bed.sources <<S
Types: deb
URIs: $mirror
Suites: trixie trixie-updates trixie-backports sid
Components: main
Check-Valid-Until: no
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
S
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 1\n\n' 'trixie*' sid >/etc/apt/preferences.d/corecube-bed
  apt update || die 'the Debian package lists cannot be had'
}

missing() { # the packages of the argument list that are not installed
  local have
  have=$(dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *|//p' || true)
  printf '%s\n' "$@" | grep -vxF -f <(printf '%s\n' "$have" 'no-such-package') || true
}

unpack() { # unpack DIR DEB...
  local d=$1 p
  shift
  mkdir -p "$d"
  for p in "$@"; do dpkg-deb -x "$p" "$d"; done
}

tools() {
  local d=$BED/debs
  rm -rf "$TOOLS" "$d"
  debs "$d/sid" docker.io/sid docker-cli/sid containerd/sid docker-compose/sid || die 'Docker Engine 28 or Compose 2.40 cannot be had from Debian sid'
  debs "$d/trixie" docker-compose/trixie || die 'Compose 2.26 cannot be had from Debian trixie'
  debs "$d/own" docker-registry pebble || die 'docker-registry or pebble cannot be had from Debian 12'
  unpack "$TOOLS/engine-sid" "$d"/sid/docker.io_*.deb "$d"/sid/docker-cli_*.deb "$d"/sid/containerd_*.deb
  unpack "$TOOLS/compose" "$d"/sid/docker-compose_*.deb
  unpack "$TOOLS/own" "$d"/own/*.deb
  unpack "$TOOLS/compose-2.26.unpacked" "$d"/trixie/docker-compose_*.deb
  # as a DOCKER_CONFIG directory, so that tests can ask for the older plugin
  mkdir -p "$TOOLS/compose-2.26/cli-plugins"
  mv "$TOOLS/compose-2.26.unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$TOOLS/compose-2.26/cli-plugins/"
  rm -rf "$d" "$TOOLS/compose-2.26.unpacked"
}

start_engine() {
  docker version >/dev/null 2>&1 && return 0
  [[ -z ${DOCKER_HOST:-} ]] || die "no engine answers at DOCKER_HOST=$DOCKER_HOST"
  mkdir -p "$BED/main"
  # the mirror makes pulls of the real names work and gives the images their digests
  setsid dockerd --registry-mirror "http://127.0.0.1:$MIRROR_PORT" >"$BED/main/dockerd.log" 2>&1 </dev/null 9>&- &
  for _ in {1..200}; do
    docker version >/dev/null 2>&1 && return 0
    sleep .1
  done
  tail -n 20 "$BED/main/dockerd.log" >&2
  die 'dockerd does not start'
}

want=$(key "${PACKAGES[*]}" "$(declare -f suites tools unpack)")
mapfile -t lacking < <(missing "${PACKAGES[@]}")
if ! stamped install "$want" || ((${#lacking[@]})); then
  suites
  lap 'package lists'
  if ((${#lacking[@]})); then
    apt install --no-install-recommends "${lacking[@]}" || die "cannot install: ${lacking[*]}"
    lap "installed ${#lacking[@]} packages"
  fi
  tools
  lap 'engine 28, Compose, registry, ACME server'
fi
if ! docker compose version >/dev/null 2>&1; then
  install -D -m 755 "$TOOLS/compose/usr/libexec/docker/cli-plugins/docker-compose" /usr/local/lib/docker/cli-plugins/docker-compose
fi
v=$(docker compose version --short) || die 'docker compose does not answer'
dpkg --compare-versions "${v#v}" ge 2.20 || die "Compose $v is too old for the tests"
[[ -x $TOOLS/own/usr/bin/docker-registry && -x $TOOLS/own/usr/bin/pebble && -x $TOOLS/engine-sid/usr/sbin/dockerd ]] || die "$TOOLS is incomplete: remove $BED/stamps/install and repeat"
stamp install "$want"
[[ $engine == no ]] || start_engine
lap 'install done'
