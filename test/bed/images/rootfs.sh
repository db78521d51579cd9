#!/bin/bash
# rootfs.sh postgres|caddy|node DEBS DIR: builds the root file system of one image in DIR out of the
# downloaded Debian packages in DEBS (they are only unpacked, nothing of them is run).
# rootfs.sh packages: prints the packages that all three need, as apt-get download takes them.
set -euo pipefail
# shellcheck source=SCRIPTDIR/../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
LIB=usr/lib/x86_64-linux-gnu

USERLAND=(libc6 libc-bin bash base-files dash libtinfo6 coreutils libselinux1 libpcre2-8-0 libacl1 libattr1 libgmp10
  libssl3t64 libzstd1 zlib1g sed grep findutils libsystemd0 libcap2 busybox-static libgcc-s1 libstdc++6 openssl)
POSTGRES=(gosu libnss-wrapper postgresql-17 postgresql-client-17 postgresql-17-pgvector libpq5 libicu76 libxml2 liblzma5
  libldap2 libsasl2-2 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libpam0g libaudit1
  libcap-ng0 libuuid1 libxxhash0 liblz4-1 libreadline8t64 libedit2 libxslt1.1 libbsd0 libmd0 libnuma1 liburing2 tzdata)
CADDY=(caddy media-types busybox-static libc6)
NODE=(libc6 libc-bin libstdc++6 libgcc-s1 busybox-static tini openssl libssl3t64 libzstd1 zlib1g)

if [[ $1 == packages ]]; then
  printf '%s\n' "${USERLAND[@]}" "${POSTGRES[@]}" "${CADDY[@]}" "${NODE[@]}" | sort -u | sed 's|$|/trixie|; s|^caddy/trixie$|caddy/trixie-backports|'
  exit
fi
what=$1 debs=$2 r=$3

skeleton() {
  local l
  rm -rf "$r"
  mkdir -p "$r"/{usr/{bin,sbin,lib,lib64,local/bin},etc,tmp,var/tmp,run,proc,sys,dev,root,home}
  for l in bin sbin lib lib64; do ln -s "usr/$l" "$r/$l"; done
  ln -s /run "$r/var/run"
  chmod 1777 "$r/tmp" "$r/var/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n' >"$r/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$r/etc/group"
  printf 'hosts: files dns\npasswd: files\ngroup: files\n' >"$r/etc/nsswitch.conf"
  : >"$r/etc/ld.so.conf"
}
unpack() {
  local p
  for p in "$@"; do
    dpkg-deb --fsys-tarfile "$debs/$p"_*.deb | tar -xf - -C "$r" --keep-directory-symlink --exclude='./usr/share/doc' \
      --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/info' --exclude='./usr/share/lintian' \
      --exclude='./usr/share/bug' --exclude='*.a' --exclude='./usr/lib/*/gconv' --exclude='./usr/lib/postgresql/*/lib/bitcode' \
      --exclude='*llvmjit.so' --exclude='./usr/lib/systemd' --exclude='./usr/share/zoneinfo/right' --exclude='./usr/share/zoneinfo/posix'
  done
}
applets() { # every BusyBox applet that the image has no other program for
  local a
  for a in "${@:-}"; do [[ -z $a || -e $r/usr/bin/$a ]] || ln -s busybox "$r/usr/bin/$a"; done
}
# finish: library cache; then every dynamic program must find all of its libraries
finish() {
  local missing
  ldconfig -r "$r" 2>/dev/null || true # warns about libraries that only a later package links
  rm -rf "$r/var/cache/ldconfig"
  missing=$({ find "$r"/usr/bin "$r"/usr/local/bin "$r"/usr/lib/postgresql -type f -perm /111 2>/dev/null || true; } | while read -r f; do
    readelf -l "$f" 2>/dev/null | grep -q INTERP || continue
    { LC_ALL=C chroot "$r" /lib64/ld-linux-x86-64.so.2 --list "${f#"$r"}" 2>&1 || true; } | awk -v f="${f#"$r"}" '/not found/{print f": "$1}'
  done | sort -u)
  [[ -z $missing ]] || die "libraries are missing in the $what image: $missing"
}

skeleton
case $what in
  postgres)
    unpack "${USERLAND[@]}" "${POSTGRES[@]}"
    rm -rf "$r/$LIB"/perl* "$r/usr/share/postgresql-common"
    echo 'postgres:x:999:999::/var/lib/postgresql:/bin/bash' >>"$r/etc/passwd"
    echo 'postgres:x:999:' >>"$r/etc/group"
    install -d -o 999 -g 999 -m 1777 "$r/var/lib/postgresql/data"
    install -d -o 999 -g 999 -m 3777 "$r/run/postgresql"
    chown 999:999 "$r/var/lib/postgresql"
    mkdir -p "$r/docker-entrypoint-initdb.d"
    install -m 755 "$HERE/images/pg-entrypoint.sh" "$r/usr/local/bin/docker-entrypoint.sh"
    applets gunzip wget awk hostname su id ps
    sed -i "s/^#\?listen_addresses = .*/listen_addresses = '*'/" "$r/usr/share/postgresql/17/postgresql.conf.sample"
    ;;
  caddy)
    unpack "${CADDY[@]}"
    # the program is dynamic against the C library alone
    find "$r/$LIB" -mindepth 1 ! -name 'libc.so.6' ! -name 'libresolv.so.2' ! -name 'libpthread.so.0' ! -name 'libnss_*.so.2' \
      ! -name 'ld-linux-x86-64.so.2' -delete 2>/dev/null || true
    rm -rf "$r"/usr/share/{bash-completion,zsh,fish,caddy} "$r/etc/caddy" "$r/var/lib"
    mkdir -p "$r"/{config/caddy,data/caddy,etc/caddy,usr/share/caddy,srv}
    printf ':80\nroot * /usr/share/caddy\nfile_server\n' >"$r/etc/caddy/Caddyfile"
    echo ok >"$r/usr/share/caddy/index.html"
    mapfile -t all < <("$r/usr/bin/busybox" --list)
    applets "${all[@]}"
    setcap cap_net_bind_service=+ep "$r/usr/bin/caddy" # as the vendor's image has it
    ;;
  node)
    unpack "${NODE[@]}"
    mapfile -t all < <("$r/usr/bin/busybox" --list)
    applets "${all[@]}"
    tree=$(node_tree 24)
    install -m 755 "$tree/bin/node" "$r/usr/local/bin/node"
    strip --strip-unneeded "$r/usr/local/bin/node"
    echo 'node:x:1000:1000::/home/node:/bin/sh' >>"$r/etc/passwd"
    echo 'node:x:1000:' >>"$r/etc/group"
    install -d -o 1000 -g 1000 "$r/home/node"
    mkdir "$r/app"
    ;;
  *) die "no such image: $what" ;;
esac
finish
