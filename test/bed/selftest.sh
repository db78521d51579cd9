#!/bin/bash
# selftest.sh [--stub] [--in DIR]: proves the bed from zero, in a state directory of its own that is
# removed afterwards (with --in DIR: in DIR, which is kept).  --stub: without the stand-in CoreCube.
# Ends with "N passed, M failed" and a status to match.
set -euo pipefail
stub=() keep=''
while (($#)); do
  case $1 in
    --stub) stub=(--stub) ;;
    --in) keep=${2:-} && shift ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
  esac
  shift
done
export CORECUBE_BED=${keep:-$(mktemp -d /var/tmp/bed-selftest.XXXX)}
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_root
passed=0 failed=0
A=selftest-a B=selftest-b F=selftest-fresh

# check LABEL EXPECTED CMD...: CMD succeeds and its output matches the extended expression EXPECTED
check() {
  local label=$1 want=$2 got t0=$EPOCHREALTIME status=0
  shift 2
  got=$("$@" 2>&1) || status=$?
  if ((status == 0)) && grep -Eq -- "$want" <<<"$got"; then
    passed=$((passed + 1))
    printf 'ok    %6.1f s  %s\n' "$(awk -v a="$EPOCHREALTIME" -v b="$t0" 'BEGIN{print a-b}')" "$label"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s (status %s, expected %s)\n%s\n' "$label" "$status" "$want" "$got"
  fi
}
fails() { if "$@"; then return 1; fi; }
host() { "$HERE/host.sh" "$@"; }
fresh() { "$HERE/fresh.sh" "$@"; }

finish() {
  for h in $A $B $F; do host "$h" down || true; done
  [[ $keep ]] || rm -rf --one-file-system "$CORECUBE_BED"
  rm -rf "$scratch"
}
scratch=$(mktemp -d)
trap finish EXIT

residue() { # everything in which a host could leave a trace on the machine
  # other users of the machine's own engine come and go meanwhile: their veth pairs are left out
  ip -o addr | grep -Ev ' (veth|br-)'
  { ip route && ip -6 route; } | grep -Ev ' (veth|br-)'
  ip netns list
  awk '{print $2}' /proc/mounts | grep -E "$BED|netns|198\.51" | grep -v '^/run/docker/netns/' || true
  ls -d /sys/fs/cgroup/*/bed-selftest* /sys/fs/cgroup/bed-selftest* 2>/dev/null || true
  ls -A "$BED/hosts" 2>/dev/null || true
  pgrep -af "$BED/hosts/selftest" || true
  # a systemd that is not contained: its own control groups and devices, kernel settings, file systems read-only
  find /sys/fs/cgroup -maxdepth 2 \( -name '*.slice' -o -name '*.scope' \) -prune
  find /dev -maxdepth 1 | sort
  cat /proc/sys/fs/protected_* /proc/sys/fs/nr_open /proc/sys/kernel/pid_max
  awk '$2 == "/sys/fs/cgroup" {print substr($4, 1, 2)}' /proc/mounts
}

caddy_up() { # publishes a Caddy that answers with the address it sees
  host "$1" exec docker run -d --name web -p 0.0.0.0:8080:80 caddy:2 caddy respond --listen :80 --body 'seen {http.request.remote.host}'
}
seen_by() { sleep 1; host "$1" client "$2" curl -fsS --noproxy '*' -m 5 http://corecube.test:8080/; }
by_digest() {
  local digest
  digest=$("$HERE/images.sh" list | jq -r '.["caddy:2"]')
  host $A exec docker rmi -f caddy:2 >/dev/null
  host $A exec docker run --rm "caddy:2@$digest" caddy version
  host $A exec docker image inspect -f '{{json .RepoDigests}}' "caddy@$digest"
}
postgres_works() {
  printf 'It is %s' 'a-secret' >"$scratch/pw"
  host $A exec docker run -d --name pg -e POSTGRES_PASSWORD_FILE=/pw -v "$scratch/pw:/pw:ro" pgvector/pgvector:pg17 >/dev/null
  for _ in {1..100}; do
    host $A exec docker exec pg pg_isready -q -h 127.0.0.1 -U postgres && break
    sleep .1
  done
  # over the container's own address: the image trusts its loopback, as the vendor's does
  # shellcheck disable=SC2016 # expanded in the container
  local ask='exec psql -h "$(hostname -i)" -U postgres -tA "$@"'
  ! host $A exec docker exec -e PGPASSWORD=wrong pg sh -c "$ask" psql -c 'SELECT 1' >/dev/null 2>&1 || return 1
  host $A exec docker exec -e 'PGPASSWORD=It is a-secret' pg sh -c "$ask" psql -c 'CREATE EXTENSION vector' \
    -c "SELECT '[1,2]'::vector <-> '[1,5]', version()"
}
packed() { # a package as a stranger gets it: a tarball and npx, with no network
  mkdir -p "$scratch/pkg"
  printf '#!/usr/bin/env node\nconsole.log("ran on", process.version, process.getuid())\n' >"$scratch/pkg/x.mjs"
  printf '{"name":"bed-x","version":"1.0.0","type":"module","bin":{"bed-x":"x.mjs"}}' >"$scratch/pkg/package.json"
  (cd "$scratch" && npm pack --silent ./pkg >/dev/null)
  fresh $F put "$scratch/bed-x-1.0.0.tgz" /root/bed-x.tgz
  fresh $F exec npx --yes file:/root/bed-x.tgz
}
crash() { # the host's first process dies without a word, as at a power cut
  local pid
  pid=$(machine_pid $B)
  kill -KILL "$pid"
  sleep .3
  host $B down
}

check 'install' '' "$HERE/install.sh"
check 'install again' '' "$HERE/install.sh"
check 'images' '' "$HERE/images.sh" build "${stub[@]}"
check 'images again' '' "$HERE/images.sh" build "${stub[@]}"
check 'all images are listed' 'corecube:v2' "$HERE/images.sh" list
residue >"$scratch/before"

check 'host with Docker 28' '' host $A up
check 'host with Docker 20.10 beside it' '' host $B up --engine bookworm -- --userland-proxy=false
check 'engine 28' '^28' host $A exec docker version -f '{{.Server.Version}}'
check 'engine 20.10' '^20.10' host $B exec docker version -f '{{.Server.Version}}'
check 'dockerd option is in force' 'userland-proxy=false' host $B exec ps ax -o args
check 'pull by name, 28' '^2\.' host $A exec docker run --rm caddy:2 caddy version
check 'pull by name, 20.10' '^2\.' host $B exec docker run --rm --init caddy:2 caddy version
check 'pull by digest' '"caddy@sha256:' by_digest
check 'unknown image is refused' '' fails host $A exec docker pull -q corecube/nosuch:1
check 'Compose v2' '^v?2\.' host $A exec docker compose version --short
check 'Caddy up' '' caddy_up $A
check 'client 1 is seen with its own address' 'seen 198\.51\.100\.7$' seen_by $A 1
check 'client 2 is seen with its own address' 'seen 198\.51\.100\.8$' seen_by $A 2
check 'the other host has nothing on that port' '' fails seen_by $B 1
check 'PostgreSQL with pgvector' '3\|PostgreSQL 17' postgres_works
check 'CoreCube generation v1' 'GENERATION=v1' host $A exec docker run --rm corecube/corecube:v1 env
check 'CoreCube generation v2, uid 1000' 'uid=1000' host $A exec docker run --rm --read-only --cap-drop ALL corecube/corecube:v2 id
check 'engine stopped' '' host $A engine stop
check 'engine does not answer' '' fails host $A exec docker version
check 'engine started' '' host $A engine start
check 'ACME server' '' "$HERE/acme.sh" $A up
check 'ACME directory from the host' newOrder host $A exec curl -fsS --noproxy '*' --cacert "$BED/hosts/$A/acme/ca.crt" https://acme.test:14000/dir
check 'DNS answers with the host' 198.51.100.1 host $A exec getent ahostsv4 some.example
check 'crash, then down' '' crash
check 'down' '' host $A down
check 'down again' '' host $A down

check 'bare Debian 12 with Node 20' '' fresh $F up --node 20
check 'its release' 'VERSION_ID="12"' fresh $F exec cat /etc/os-release
check 'its Node' '^v20\.' fresh $F exec node --version
check 'it has no Docker' '' fails fresh $F exec docker version
check 'packed tarball by npx' 'ran on v20\..* 0' packed
check 'bare Debian 12 with Node 24 and engine' '' fresh $F up --node 24 --engine own
check 'nothing of the earlier run is in it' '' fails fresh $F exec ls /root/bed-x.tgz
check 'its engine pulls and runs' '^2\.' fresh $F exec docker run --rm caddy:2 caddy version
check 'its processes are its own' '^ *1 .*init' fresh $F exec ps ax -o pid,args
check 'its Caddy up' '' caddy_up $F
check 'its client is seen' 'seen 198\.51\.100\.7$' seen_by $F 1
check 'Node 22 and Docker 28' '' fresh $F up --node 22 --engine sid
check 'its engine' '^28' fresh $F exec docker version -f '{{.Server.Version}}'
check 'packed tarball by npx, Node 22' 'ran on v22\..* 0' packed
check 'systemd as process 1' '' fresh $F up --engine systemd
check 'it is process 1, and all its units are up' '^running$' fresh $F exec systemctl is-system-running --wait
check 'its engine is a service' '^active$' fresh $F exec systemctl is-active docker.service
check 'its engine pulls and runs' '^2\.' fresh $F exec docker run --rm caddy:2 caddy version
check 'engine stopped' '' host $F engine stop
check 'engine does not answer' '' fails fresh $F exec docker version
check 'engine started' '' host $F engine start
# shellcheck disable=SC2016 # expanded in the host
check 'it cannot set the kernel' '' fails fresh $F exec sh -c 'v=$(cat /proc/sys/fs/nr_open); echo "$v" >/proc/sys/fs/nr_open'
check "the machine's temporary files are left alone" '' test -d "$scratch"
check 'down' '' fresh $F down
sleep 1
residue >"$scratch/after"
check 'nothing is left on the machine' '' diff "$scratch/before" "$scratch/after"
lap 'self test'
echo "$passed passed, $failed failed"
((failed == 0))
