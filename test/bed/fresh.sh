#!/bin/bash
# A bare Debian machine: a host (host.sh) with a file tree of its own as well.  The tree is an overlay
# over a cached base, so a run leaves nothing in the base and "down" forgets everything.
#   fresh.sh NAME up [--debian 12|13] [--node 20|22|24|none] [--engine own|sid|systemd|none] [--no-clients]
#                 [--] [dockerd options...]
#   fresh.sh NAME put FILE PATH     copies a file or directory of this machine to PATH in the host
#   fresh.sh NAME exec|client|engine|down ...   as host.sh has them (exec: clean environment, in /root)
#   fresh.sh - build 12|13 bare|engine|systemd  makes a base tree now; "up" does it when it is missing
# engine: own is Debian's (20.10 on 12, 26.1 on 13), sid is Docker 28 laid over it, systemd is
# Debian 12's own as docker.service of a systemd that is process 1, none is a tree without any Docker (the default).  Neither openssl nor curl is in a tree.
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
name=${1:-} verb=${2:-}
(($# >= 2)) || die 'usage: fresh.sh NAME up|put|exec|client|engine|down ... (see the top of the file)'
shift 2

mirror() { awk '/^URIs:/{print $2; exit}' /etc/apt/sources.list.d/corecube-bed.sources || die 'run install.sh first'; }

make_bare() { # make_bare SUITE TREE
  # shellcheck disable=SC2016 # mmdebstrap hands the hook its directory as $1
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
    --customize-hook='cd "$1/usr/share" && rm -rf doc man locale' --include=iproute2,procps "$1" "$2" "$(mirror)"
}

make_engine() { # make_engine SUITE TREE BARE: TREE is what the packages add to BARE
  local packages=(docker.io iptables)
  [[ $1 == bookworm ]] || packages+=(docker-cli docker-compose)
  mkdir -p "$2" "$2.work" "$2.root"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    tree=$1 bare=$2; shift 2
    mount -t overlay -o "lowerdir=$bare,upperdir=$tree,workdir=$tree.work" overlay "$tree.root"
    cd "$tree.root"
    mount -t proc proc proc; mount -t tmpfs tmpfs tmp; mount --rbind /dev dev
    cp --remove-destination /etc/resolv.conf etc/resolv.conf
    printf "#!/bin/sh\nexit 101\n" >usr/sbin/policy-rc.d; chmod 755 usr/sbin/policy-rc.d # starts no service
    in_tree() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot . "$@" </dev/null; }
    in_tree apt-get -q update
    in_tree apt-get -q -y install --no-install-recommends "$@"
    in_tree apt-get clean
    rm -rf usr/sbin/policy-rc.d var/lib/apt/lists/* usr/share/doc usr/share/man usr/share/locale etc/resolv.conf' \
    engine-tree "$2" "$3" "${packages[@]}" || return
  rm -rf "$2.work" "$2.root"
  if [[ $1 == bookworm ]]; then # its own Compose is the Python one
    install -D -m 755 "$TOOLS/compose/usr/libexec/docker/cli-plugins/docker-compose" "$2/usr/local/lib/docker/cli-plugins/docker-compose"
  fi
}

make_systemd() { # make_systemd SUITE TREE LOWER: TREE is what the package adds to LOWER, the tree with an engine
  [[ $1 == bookworm ]] || die 'systemd as process 1 is made for Debian 12'
  mkdir -p "$2" "$2.work" "$2.root"
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    tree=$1
    mount -t overlay -o "lowerdir=$2,upperdir=$tree,workdir=$tree.work" overlay "$tree.root"
    cd "$tree.root"
    mount -t proc proc proc; mount -t tmpfs tmpfs tmp; mount -t tmpfs tmpfs dev
    for n in null zero random urandom; do : >"dev/$n"; mount --bind "/dev/$n" "dev/$n"; done
    cp --remove-destination /etc/resolv.conf etc/resolv.conf
    in_tree() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot . "$@" </dev/null; }
    in_tree apt-get -q update
    in_tree apt-get -q -y install --no-install-recommends systemd
    in_tree apt-get clean
    # What is set for a host from outside, or belongs to the machine: network, kernel settings, modules, consoles.
    in_tree systemctl --quiet mask systemd-networkd.service systemd-networkd-wait-online.service systemd-sysctl.service \
      systemd-modules-load.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount dev-hugepages.mount \
      sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount console-getty.service getty.target
    : >etc/machine-id # each host makes its own; without the file it would be a first boot, which enables everything
    rm -rf var/lib/apt/lists/* usr/share/doc usr/share/man usr/share/locale etc/resolv.conf' \
    systemd-tree "$2" "$3" || return
  rm -rf "$2.work" "$2.root"
}

build() { # build VERSION bare|engine|systemd: prints the tree as lower directories of an overlay
  local suite tree=$BED/fresh/debian$1-$2 below='' lower='' want
  case $1 in 12) suite=bookworm ;; 13) suite=trixie ;; *) die "no such Debian: $1" ;; esac
  case $2 in bare) ;; engine) below=bare ;; systemd) below=engine ;; *) die "no such tree: $2" ;; esac
  [[ -z $below ]] || lower=$(build "$1" "$below")
  want=$(key "$suite" "$(declare -f "make_$2")" "$([[ -z $below ]] || cat "$BED/stamps/debian$1-$below")")
  if ! stamped "debian$1-$2" "$want"; then
    locked fresh
    if ! stamped "debian$1-$2" "$want"; then
      say "making a Debian $1 tree ($2)"
      rm -rf --one-file-system "$tree" "$tree".work "$tree".root
      mkdir -p "$BED/fresh"
      "make_$2" "$suite" "$tree" "$lower" >"$tree.log" 2>&1 9>&- || { tail -n 20 "$tree.log" >&2 && die "Debian $1 cannot be had"; }
      stamp "debian$1-$2" "$want"
      lap "Debian $1 tree ($2)"
    fi
    exec 9>&-
  fi
  echo "$tree${lower:+:$lower}"
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
  case $engine in none) lower=bare ;; systemd) lower=systemd ;; *) lower=engine ;; esac
  lower=$(build "$debian" "$lower")
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
  mkdir -p "$(dirname "/proc/$pid/root/${2#/}")"
  cp -rT --no-preserve=ownership "$1" "/proc/$pid/root/${2#/}"
}

case $verb in
  up) up "$@" ;;
  put) put "$@" ;;
  build) build "$@" >/dev/null ;;
  *) exec "$HERE/host.sh" "$name" "$verb" "$@" ;;
esac
