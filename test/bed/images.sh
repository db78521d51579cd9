#!/bin/bash
# images.sh build [--stub] | load [NAME:TAG...] | list | stop
#   build  puts the images into the registry storage $CORECUBE_BED/registry: PostgreSQL + pgvector and
#          Caddy (the vendors' own where an image registry answers, otherwise stand-ins made of Debian
#          packages; CORECUBE_BED_IMAGES=vendor|debian decides by hand), and the stand-in CoreCube out
#          of test/fakes/corecube.  --stub: a tiny application in its place.
#   load   serves the storage on 127.0.0.1 and pulls the images into the engine of DOCKER_HOST
#   list   prints {"name:tag": "sha256:..."}     stop   ends that registry
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
STORE=$BED/registry
WORK=$BED/images
export PATH=$PATH:/usr/sbin:/sbin
pack() { node "$HERE/images/pack.mjs" "$@"; }
STANDIN=bed.image # label of the images that are not the vendors' own

# from_vendor NAME STORED: pulls NAME with the default engine and stores it; false when it cannot be had
from_vendor() {
  local dir
  timeout 300 docker pull -q "$1" >/dev/null 2>&1 || return 1
  [[ $(docker image inspect -f "{{index .Config.Labels \"$STANDIN\"}}" "$1") != stand-in ]] || return 1
  dir=$(mktemp -d "$WORK/vendor.XXXX")
  docker save "$1" | tar -xf - -C "$dir" || die "cannot save $1"
  pack import "$STORE" "${2%:*}" "${2##*:}" "$dir" >/dev/null || die "cannot store $1"
  rm -rf "$dir"
}

base_debian() {
  local r packages
  rm -rf "$WORK/debs"
  mapfile -t packages < <("$HERE/images/rootfs.sh" packages)
  debs "$WORK/debs" "${packages[@]}" || die 'packages for the images cannot be had'
  lap "downloaded ${#packages[@]} packages"
  for r in "$@"; do
    "$HERE/images/rootfs.sh" "$r" "$WORK/debs" "$WORK/root-$r" &
  done
  for r in "$@"; do wait -n || die "an image could not be built"; done
  for r in "$@"; do pack layer "$STORE" "$WORK/root-$r" >"$WORK/$r.layer"; done
  rm -rf "$WORK"/root-* "$WORK/debs"
  lap "built $*"
}

build_base() {
  local want from=debian
  want=$(key "$HERE"/images/*.{sh,json} "$HERE/images/pack.mjs" "${CORECUBE_BED_IMAGES:-auto}")
  stamped images "$want" && return
  # the machine's registry is stopped so that a pull cannot be answered with what is made here
  stop
  rm -rf "$STORE" "$BED/stamps/app"
  mkdir -p "$STORE"
  if [[ ${CORECUBE_BED_IMAGES:-auto} != debian ]] && from_vendor pgvector/pgvector:pg17 pgvector/pgvector:pg17 && from_vendor caddy:2 library/caddy:2; then
    from=vendor
    base_debian node
  else
    [[ ${CORECUBE_BED_IMAGES:-auto} != vendor ]] || die "the vendors' images cannot be pulled"
    base_debian postgres caddy node
    pack image "$STORE" pgvector/pgvector pg17 "$HERE/images/postgres.json" "$(<"$WORK/postgres.layer")" >/dev/null
    pack image "$STORE" library/caddy 2 "$HERE/images/caddy.json" "$(<"$WORK/caddy.layer")" >/dev/null
  fi
  say "PostgreSQL and Caddy are $([[ $from == vendor ]] && echo "the vendors' images" || echo 'stand-ins made of Debian packages')"
  stamp images "$want"
}

# bundle ENTRY OUT: one file out of a TypeScript entry; esbuild notes paths as seen from where it
# runs, so that is always the same place
bundle() (
  cd "$REPO" || exit
  node_modules/.bin/esbuild "$1" --bundle --platform=node --format=esm --target=node24 --outfile="$2" --log-level=warning \
    --external:pg-native --external:@node-rs/bcrypt --banner:js='import { createRequire as bedRequire } from "node:module"; const require = bedRequire(import.meta.url);' ||
    die "cannot bundle $1"
)

# app_image NAME TAG CONFIG_FILTER: the base layer plus $WORK/app
app_image() {
  jq "$3" "$HERE/images/corecube.json" >"$WORK/config.json"
  pack image "$STORE" "$1" "$2" "$WORK/config.json" "$(<"$WORK/node.layer")" "$app_layer" >/dev/null
}

build_app() {
  local fake=$REPO/test/fakes/corecube app=$WORK/app/app want app_layer g
  rm -rf "$WORK/app"
  mkdir -p "$app" "$WORK/app/usr/local/bin"
  if [[ ${1:-} == --stub ]]; then
    cp "$HERE/images/stub.mjs" "$app/server.mjs"
  else
    [[ -f $fake/main.ts ]] || die "$fake/main.ts does not exist: nothing to build the stand-in CoreCube from"
    [[ -x $REPO/node_modules/.bin/esbuild ]] || die "esbuild is missing: run npm ci in $REPO"
    bundle "$fake/main.ts" "$app/server.mjs"
    if [[ -f $fake/cli.ts ]]; then
      bundle "$fake/cli.ts" "$app/cli.mjs"
      printf '#!/bin/sh\nexec node /app/cli.mjs "$@"\n' >"$WORK/app/usr/local/bin/corecube"
      chmod 755 "$WORK/app/usr/local/bin/corecube"
    fi
    [[ ! -f $fake/inference.ts ]] || bundle "$fake/inference.ts" "$app/inference.mjs"
    # a compiled addon cannot be bundled; it comes along as npm laid it out
    mkdir -p "$app/node_modules/@node-rs"
    cp -r "$REPO"/node_modules/@node-rs/bcrypt* "$app/node_modules/@node-rs/" || die "@node-rs/bcrypt is missing: run npm ci in $REPO"
  fi
  chmod -R a+rX "$WORK/app"
  want=$(key "$(<"$WORK/node.layer")" "$HERE/images/corecube.json" "$app"/*.mjs "$WORK"/app/usr/local/bin/* "$app"/node_modules/@node-rs/*/package.json)
  stamped app "$want" && return
  app_layer=$(pack layer "$STORE" "$WORK/app")
  for g in v1 v2; do app_image corecube/corecube $g ".Env += [\"CORECUBE_GENERATION=$g\"]"; done
  app_image corecube/corecube v1-next '.Env += ["CORECUBE_GENERATION=v1", "CORECUBE_SCHEMA=next"]' # a later v1, with one more migration
  [[ ! -f $app/inference.mjs ]] || app_image corecube/inference test '.Cmd = ["node", "/app/inference.mjs"] | .ExposedPorts = {}'
  stamp app "$want"
  lap 'built the CoreCube images'
}

registry_pid() { # of the registry in the machine's own namespace
  local pid since
  [[ -f $BED/main/registry.pid ]] && read -r pid since <"$BED/main/registry.pid" && [[ $(started_at "$pid") == "$since" ]] && echo "$pid"
}

answers() { curl -fs --noproxy '*' "http://127.0.0.1:$MIRROR_PORT/v2/" >/dev/null; }

serve() { # one registry for all who ask for it at once; inside of a host its own is there already
  local pid
  locked serve
  if answers; then
    exec 9>&-
    return
  fi
  [[ -d $STORE ]] || die 'no images: run images.sh build first'
  mkdir -p "$BED/main"
  registry_config "$BED/main/registry.yml"
  OTEL_TRACES_EXPORTER=none setsid "$TOOLS/own/usr/bin/docker-registry" serve "$BED/main/registry.yml" >"$BED/main/registry.log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid $(started_at "$pid")" >"$BED/main/registry.pid"
  for _ in {1..100}; do
    if answers && [[ -d /proc/$pid ]]; then
      exec 9>&-
      return
    fi
    [[ -d /proc/$pid ]] || break
    sleep .05
  done
  cat "$BED/main/registry.log" >&2
  die "the registry does not answer on 127.0.0.1:$MIRROR_PORT"
}

stop() {
  local pid
  if pid=$(registry_pid); then kill "$pid"; fi
  rm -f "$BED/main/registry.pid"
}

load() {
  local image at=127.0.0.1:$MIRROR_PORT images=("$@")
  serve
  ((${#images[@]})) || mapfile -t images < <(pack list "$STORE" | jq -r 'keys[]')
  for image in "${images[@]}"; do
    if docker info -f '{{json .RegistryConfig.Mirrors}}' | grep -qF "$at"; then
      docker pull -q "$image" >/dev/null || die "cannot pull $image"
    else # an engine without our mirror: its images get their digest under the registry's own name
      case $image in */*) docker pull -q "$at/$image" >/dev/null && docker tag "$at/$image" "$image" ;;
        *) docker pull -q "$at/library/$image" >/dev/null && docker tag "$at/library/$image" "$image" ;; esac || die "cannot pull $image"
    fi
  done
  lap "loaded ${images[*]}"
}

verb=${1:-}
shift || true
case $verb in
  build)
    need_root
    locked images
    mkdir -p "$WORK" "$STORE"
    build_base
    build_app "$@"
    ;;
  load) load "$@" ;;
  list) pack list "$STORE" ;;
  stop) stop ;;
  *) die 'usage: images.sh build [--stub] | load [NAME:TAG...] | list | stop' ;;
esac
