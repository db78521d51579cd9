#!/bin/bash
# A Docker host of its own: network, processes, mounts, engine, data and socket; and two outside
# clients.  Any number of them may exist side by side; NAME tells them apart.
#   host.sh NAME up [--engine sid|bookworm|none] [--no-clients] [--] [dockerd options...]
#   host.sh NAME exec CMD...        runs CMD in the host, in the current directory, with DOCKER_HOST set
#   host.sh NAME client 1|2 CMD...  runs CMD as that outside client, with the machine's programs
#   host.sh NAME engine stop|start|wait
#   host.sh NAME down               removes everything; also after a crash or when nothing is there
#   host.sh - list | down-all
# engine: sid is Docker 28 (the default), bookworm is Docker 20.10 as Debian 12 has it.
#   host 198.51.100.1 2001:db8:1::1   client 1 198.51.100.7 2001:db8:1::7   client 2 ...8 ...::8
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
name=${1:-} verb=${2:-}
(($# >= 2)) || die 'usage: host.sh NAME up|exec|client|engine|down ... (see the top of the file)'
shift 2
[[ $name == - ]] || d=$(machine_dir "$name") || exit 1

up() {
  local engine=sid clients=yes tree=''
  while (($#)); do
    case $1 in
      --engine) engine=${2:-} && shift ;;
      --no-clients) clients=no ;;
      --tree) tree=${2:-} && shift ;; # used by fresh.sh
      --)
        shift
        break
        ;;
      *) break ;;
    esac
    shift
  done
  case $engine in
    sid) [[ -x $TOOLS/engine-sid/usr/sbin/dockerd ]] || die 'Docker 28 is not there: run install.sh first' ;;
    bookworm) command -v dockerd >/dev/null || die 'no dockerd: run install.sh first' ;;
    own | systemd | none) ;;
    *) die "no such engine: $engine" ;;
  esac
  [[ $engine == none || -d $BED/registry/docker ]] || die 'no images: run images.sh build first'
  ((${#d} <= 90)) || die "$d is too long a path for a socket"
  machine_stop "$name"
  mkdir -p "$d"
  chmod 711 "$d"
  machine_start "$name" "$engine" "$clients" "$tree" -- "$@"
  [[ $engine == none ]] || engine_wait
}

enter() { # enter DIRECTORY CMD...
  local pid dir=$1
  shift
  pid=$(machine_pid "$name") || die "host $name is not up"
  exec nsenter --target "$pid" --mount --pid --net --uts --ipc --wdns="$dir" -- "$@"
}

as_client() { # as_client N CMD...: the machine's own programs and files, but the client's network
  local pid n=$1
  shift
  [[ $n == [12] ]] || die 'the clients are 1 and 2'
  pid=$(machine_pid "$name") || die "host $name is not up"
  [[ -e /proc/$pid/root/run/netns/ext$n ]] || die "host $name has no clients"
  # shellcheck disable=SC2016 # expanded by the inner shell
  exec nsenter --target "$pid" --net="/proc/$pid/root/run/netns/ext$n" --pid --uts -- unshare --mount --propagation slave bash -ec '
    d=$1; shift; mount -t proc proc /proc
    mount --bind "$d/etc/hosts" /etc/hosts; mount --bind "$d/etc/resolv.conf" "$(readlink -f /etc/resolv.conf)"
    exec "$@"' bed-client "$d" "$@"
}

engine_wait() {
  for _ in {1..300}; do
    # the engine answers, and so does the registry beside it
    if docker -H "unix://$d/docker.sock" version >/dev/null 2>&1; then
      (enter / bash -c "exec 3<>/dev/tcp/127.0.0.1/$MIRROR_PORT") 2>/dev/null && return
    fi
    machine_pid "$name" >/dev/null || break
    sleep .1
  done
  tail -n 20 "$d"/*.log >&2
  die "the engine of host $name does not answer"
}

engine() {
  local own=$d
  [[ -d $d/upper ]] && own=/run/bed # in a tree of its own the host's directory is there
  if [[ ${1:-} == st* && ! -e $d/engine ]]; then # a service of the host's systemd
    (enter / systemctl "$1" docker.socket docker.service)
    [[ $1 == stop ]] || engine_wait
    return
  fi
  # shellcheck disable=SC2016 # expanded in the host
  case ${1:-} in
    stop) (enter / bash -c '[[ -f /run/docker.pid ]] || exit 0; p=$(</run/docker.pid); kill "$p"; while [[ -d /proc/$p ]]; do sleep .05; done') ;;
    start)
      (enter / setsid --fork "$own/engine")
      engine_wait
      ;;
    wait) engine_wait ;;
    *) die 'engine stop | start | wait' ;;
  esac
}

case $verb in
  up) up "$@" ;;
  exec)
    if [[ ${BED_EXACT_ENV:-} ]]; then # from index.ts: the environment is already the one to run with
      dir=${BED_CWD:-/root}
      unset BED_EXACT_ENV BED_CWD CORECUBE_BED CORECUBE_BED_PORT
      enter "$dir" "$@"
    elif [[ -d $d/upper ]]; then
      enter /root env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-xterm-256color}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    else
      DOCKER_HOST=unix://$d/docker.sock enter "$PWD" "$@"
    fi
    ;;
  client) as_client "$@" ;;
  engine) engine "$@" ;;
  down) machine_stop "$name" ;;
  list) for h in "$BED"/hosts/*/; do [[ ! -d $h ]] || basename "$h"; done ;;
  down-all) for h in "$BED"/hosts/*/; do [[ ! -d $h ]] || machine_stop "$(basename "$h")"; done ;;
  *) die "no such command: $verb" ;;
esac
