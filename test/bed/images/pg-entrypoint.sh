#!/bin/bash
# Entry point of the PostgreSQL stand-in.  Written for these tests; it keeps the outward contract of
# the vendor's image: POSTGRES_* variables and their *_FILE twins, files in
# /docker-entrypoint-initdb.d, stepping down from root to uid 999, a server that listens on its
# socket only while it is being initialised.
set -Eeuo pipefail
INIT=/docker-entrypoint-initdb.d
RUN=/var/run/postgresql

# take NAME [DEFAULT]: NAME from the environment, from the file that NAME_FILE names, or DEFAULT
take() {
  local name=$1 twin=${1}_FILE
  if [[ -n ${!name:-} && -n ${!twin:-} ]]; then
    echo "error: both $name and $twin are set (but are exclusive)" >&2
    exit 1
  elif [[ -n ${!twin:-} ]]; then
    printf -v "$name" %s "$(<"${!twin}")"
  else
    printf -v "$name" %s "${!name:-${2:-}}"
  fi
  export "${name?}"
  unset "$twin"
}

only_asks() { # a command line that prints something and ends
  local word
  for word in "$@"; do
    case $word in -'?' | --help | --describe-config | -V | --version) return 0 ;; esac
  done
  return 1
}

# initdb and the server want a name for their uid; an arbitrary one gets it from nss_wrapper
name_for_uid() {
  getent passwd "$(id -u)" >/dev/null && return
  NSS_WRAPPER_PASSWD=$(mktemp)
  NSS_WRAPPER_GROUP=$(mktemp)
  echo "postgres:x:$(id -u):$(id -g)::$PGDATA:/bin/false" >"$NSS_WRAPPER_PASSWD"
  echo "postgres:x:$(id -g):" >"$NSS_WRAPPER_GROUP"
  LD_PRELOAD=$(echo /usr/lib/*/libnss_wrapper.so)
  export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LD_PRELOAD
}

sql() { PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc "$@"; }
docker_process_sql() { sql --dbname "$POSTGRES_DB" "$@"; } # scripts that are sourced may call it

create_cluster() {
  name_for_uid
  # shellcheck disable=SC2086 # POSTGRES_INITDB_ARGS is a list of words
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS
  if [[ -n ${NSS_WRAPPER_PASSWD:-} ]]; then
    rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  fi
  local method=${POSTGRES_HOST_AUTH_METHOD:-}
  [[ $method ]] || method=$(postgres -C password_encryption "${@:2}")
  printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
}

run_init_files() {
  local f
  for f in "$INIT"/*; do
    case $f in
      *.sh)
        if [[ -x $f ]]; then
          echo "$0: running $f"
          "$f"
        else
          echo "$0: sourcing $f"
          # shellcheck disable=SC1090
          . "$f"
        fi
        ;;
      *.sql)
        echo "$0: running $f"
        docker_process_sql -f "$f"
        ;;
      *.sql.gz)
        echo "$0: running $f"
        gunzip -c "$f" | docker_process_sql
        ;;
      *) echo "$0: ignoring $f" ;;
    esac
  done
}

[[ ${1:-} != -* ]] || set -- postgres "$@"
if [[ ${1:-} == postgres ]] && ! only_asks "$@"; then
  take POSTGRES_PASSWORD
  take POSTGRES_USER postgres
  take POSTGRES_DB "$POSTGRES_USER"
  take POSTGRES_INITDB_ARGS
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA" || true
  mkdir -p "$RUN" || true
  chmod 3775 "$RUN" || true
  if [[ $(id -u) == 0 ]]; then
    find "$PGDATA" "$RUN" ! -user postgres -exec chown postgres {} +
    exec gosu postgres "$0" "$@"
  fi
  if [[ -s $PGDATA/PG_VERSION ]]; then
    printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
  else
    if [[ -z $POSTGRES_PASSWORD && ${POSTGRES_HOST_AUTH_METHOD:-} != trust ]]; then
      echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
      exit 1
    fi
    create_cluster "$@"
    export PGPASSWORD=$POSTGRES_PASSWORD
    PGUSER=$POSTGRES_USER NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -o "$(printf '%q ' "${@:2}" -c listen_addresses=)" -w start
    if [[ $(sql -d postgres -tA --set db="$POSTGRES_DB" <<<"SELECT 1 FROM pg_database WHERE datname = :'db'") != 1 ]]; then
      sql -d postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db"'
    fi
    run_init_files
    PGUSER=$POSTGRES_USER pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    printf '\nPostgreSQL init process complete; ready for start up.\n\n'
  fi
fi
exec "$@"
