#!/bin/bash
# database.sh HOST up|cable|sql|reload|hba|down: a PostgreSQL server of somebody else, outside of the host, with TLS.
#   server      db.ext.test, 198.51.100.9 port 5432; its authority is $CORECUBE_BED/hosts/HOST/database/ca.crt
#   DNS         198.51.100.7 port 53: db.ext.test is the server, every other name the host
#   sql TEXT    one SQL text as its superuser, over its own socket, in the database corecube
#   hba         the access rules from standard input; the server has them when it ends
#   up ROLE PASSWORD: the database corecube belongs to ROLE, which may create roles and is no superuser
# The server is a container without any of Docker's networks: a cable of its own leads to the outside network, so that
# nothing but an address and a port is to be had of it, as of a machine in another room.
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
name=${1:-} verb=${2:-}
shift 2 || die 'usage: see the top of the file'
d=$(machine_dir "$name") || exit 1
db=$d/database
box=outside-database
inside() { "$HERE/host.sh" "$name" exec "$@"; }

make_certificate() (
  cd "$db" &&
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/CN=outside database CA' -keyout ca.key -out ca.crt \
      -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign &&
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db.ext.test -keyout server.key -out server.csr &&
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 180 -out server.crt \
      -extfile <(echo subjectAltName=DNS:db.ext.test) &&
    chown 999:999 server.key && chmod 600 server.key
)

sql() { inside docker exec "$box" psql -v ON_ERROR_STOP=1 -qAt -h /run/postgresql -U postgres -d corecube -c "$1"; }

# a started container has no network yet: this is the cable to the outside one
cable() {
  # shellcheck disable=SC2016 # expanded in the host
  inside bash -ec '
    pid=$(docker inspect -f "{{.State.Pid}}" "$1")
    ip link add to-db type veth peer name outside
    ip link set outside netns "$pid"
    ip link set to-db master ext up
    nsenter --target "$pid" --net bash -ec "
      ip link set lo up; ip link set outside name eth0; ip link set eth0 up
      ip addr add 198.51.100.9/24 dev eth0; ip route add default via 198.51.100.1"' cable "$box"
}

answers() { inside bash -c 'exec 3<>/dev/tcp/198.51.100.9/5432' 2>/dev/null; }

up() {
  machine_pid "$name" >/dev/null || die "host $name is not up"
  mkdir -p "$db/rules"
  make_certificate >"$db/openssl.log" 2>&1 || { cat "$db/openssl.log" >&2 && die 'the certificates of the database cannot be made'; }
  # the superuser is for the server's own socket only; whoever comes over the network is encrypted and has a password
  printf 'local all postgres trust\nhostssl all all 198.51.100.0/24 scram-sha-256\n' >"$db/rules/pg_hba.conf"
  head -c 24 /dev/urandom | base64 >"$db/password"
  chown 999:999 "$db/password"
  inside docker run --detach --name "$box" --network none --user 999:999 --tmpfs /run/postgresql:uid=999,gid=999 \
    --volume "$db:/outside:ro" --env POSTGRES_PASSWORD_FILE=/outside/password --env POSTGRES_DB=corecube --env POSTGRES_INITDB_ARGS=--auth-local=trust \
    pgvector/pgvector:pg17 postgres -c ssl=on -c ssl_cert_file=/outside/server.crt -c ssl_key_file=/outside/server.key \
    -c ssl_min_protocol_version=TLSv1.2 -c hba_file=/outside/rules/pg_hba.conf >/dev/null || die 'the database does not start'
  cable
  # shellcheck disable=SC2016 # expanded by the inner shell; it ends with the host, in whose process namespace it runs
  "$HERE/host.sh" "$name" client 1 bash -c '
    setsid "$1" -dns01 198.51.100.7:53 -management 198.51.100.7:8055 -http01 "" -https01 "" -tlsalpn01 "" \
      -defaultIPv4 198.51.100.1 -defaultIPv6 "" >"$2/dns.log" 2>&1 </dev/null &' dns "$TOOLS/own/usr/bin/pebble-challtestsrv" "$db"
  for _ in {1..200}; do
    if answers && "$HERE/host.sh" "$name" client 1 curl -fsS --noproxy '*' -d '{"host":"db.ext.test","addresses":["198.51.100.9"]}' \
      http://198.51.100.7:8055/add-a 2>/dev/null; then
      sql "create role \"$1\" login createrole createdb password '${2//\'/\'\'}'"
      sql "alter database corecube owner to \"$1\""
      # pgvector is not a trusted extension: only a superuser may create it
      sql 'create extension vector with schema public'
      return
    fi
    sleep .1
  done
  tail "$db"/*.log >&2
  inside docker logs --tail 20 "$box" >&2
  die 'the database outside does not answer'
}

reload() {
  local before
  before=$(sql 'select pg_conf_load_time()')
  sql 'select pg_reload_conf()' >/dev/null
  for _ in {1..100}; do
    [[ $(sql 'select pg_conf_load_time()') == "$before" ]] || return 0
    sleep .05
  done
  die 'the database does not read its rules again'
}

case $verb in
  up) up "$@" ;;
  cable) cable ;;
  sql) sql "$1" ;;
  hba)
    cat >"$db/rules/pg_hba.conf"
    reload
    ;;
  *) die 'usage: see the top of the file' ;;
esac
