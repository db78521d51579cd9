#!/bin/bash
# A bare Debian machine: a host (host.sh) with a file tree of its own as well.  The tree is an overlay
# over a cached base, so a run leaves nothing in the base and "down" forgets everything.
#   fresh.sh NAME up [--debian 12|13] [--node 20|22|24|none] [--engine own|sid|none] [--no-clients]
#                 [--] [dockerd options...]
#   fresh.sh NAME put FILE PATH     copies a file or directory of this machine to PATH in the host
#   fresh.sh NAME exec|client|engine|down ...   as host.sh has them (exec: clean environment, in /root)
#   fresh.sh - build 12|13 bare|engine          makes a base tree now; "up" does it when it is missing
# engine: own is Debian's (20.10 on 12, 26.1 on 13), sid is Docker 28 laid over it, none is a tree
# without any Docker (the default).  Neither openssl nor curl is in a tree.
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
name=${1:-} verb=${2:-}
(($# >= 2)) || die 'usage: fresh.sh NAME up|put|exec|client|engine|down ... (see the top of the file)'
shift 2

build() { # build VERSION bare|engine: prints the base tree
  local suite tree=$BED/fresh/debian$1-$2 packages=(iproute2 procps) mirror want
  case $1 in 12) suite=bookworm ;; 13) suite=trixie ;; *) die "no such Debian: $1" ;; esac
  case $1-$2 in
    *-bare) ;;
    12-engine) packages+=(docker.io iptables) ;;
    13-engine) packages+=(docker.io docker-cli docker-compose iptables) ;;
    *) die "no such tree: $2" ;;
  esac
  mirror=$(awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/corecube-bed.sources) || die 'run install.sh first'
  want=$(key "$suite" "${packages[@]}" "$(declare -f build)")
  if ! stamped "$(basename "$tree")" "$want"; then
    locked fresh
    if ! stamped "$(basename "$tree")" "$want"; then
      say "making a Debian $1 tree ($2)"
      rm -rf --one-file-system "$tree"
      mkdir -p "$BED/fresh"
      # shellcheck disable=SC2016 # mmdebstrap hands the hook its directory as $1
      mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Apt::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
        --customize-hook='cd "$1/usr/share" && rm -rf doc man locale' \
        --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$tree" "$mirror" >"$tree.log" 2>&1 ||
        { tail -n 20 "$tree.log" >&2 && die "Debian $1 cannot be had"; }
      if [[ $1-$2 == 12-engine ]]; then # its own Compose is the Python one
        install -D -m 755 "$TOOLS/compose/usr/libexec/docker/cli-plugins/docker-compose" "$tree/usr/local/lib/docker/cli-plugins/docker-compose"
      fi
      stamp "$(basename "$tree")" "$want"
      lap "Debian $1 tree ($2)"
    fi
    exec 9>&-
  fi
  echo "$tree"
}

up() {
  local debian=12 node=20 engine=none rest=() lower
  while (($#)); do
    case $1 in
      --debian) debian=${2:-} && shift ;;
      --node) node=${2:-} && shift ;;
      --engine) engine=${2:-} && shift ;;
      --no-clients) rest+=("$1") ;;
      --)
        shift
        break
        ;;
      *) break ;;
    esac
    shift
  done
  lower=$(build "$debian" "$([[ $engine == none ]] && echo bare || echo engine)")
  [[ $engine != sid ]] || lower=$TOOLS/engine-sid:$lower
  if [[ $node != none ]]; then
    locked node
    lower=$(node_tree "$node"):$lower
    lower=${lower/\/usr\/local:/:}
    exec 9>&-
  fi
  exec "$HERE/host.sh" "$name" up --engine "$engine" --tree "$lower" "${rest[@]}" -- "$@"
}

put() {
  local pid
  pid=$(machine_pid "$name") || die "host $name is not up"
  cp -rT --no-preserve=ownership "$1" "/proc/$pid/root/${2#/}"
}

case $verb in
  up) up "$@" ;;
  put) put "$@" ;;
  build) build "$@" >/dev/null ;;
  *) exec "$HERE/host.sh" "$name" "$verb" "$@" ;;
esac
