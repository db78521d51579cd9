#!/bin/bash
# Process 1 of a machine of the test bed (machine_start in lib.sh runs it in new mount, pid, network,
# uts and ipc namespaces).  Everything that belongs to the machine (engine, containers, registry,
# outside clients, mounts, addresses) lives in these namespaces and ends with this process.
#   init.sh NAME DIR ENGINE CLIENTS TREE -- DOCKERD_OPTION...
#     ENGINE   none | bookworm | sid | own (the tree's own) | systemd (the same, as a service of the
#              tree's own systemd, which takes this process's place)
#     CLIENTS  yes | no
#     TREE     '' (shares the machine's file tree) or lower directories of an overlay, as in lowerdir=
set -euo pipefail
# shellcheck source=SCRIPTDIR/lib.sh
. "$(dirname "$0")/lib.sh"
name=$1 d=$2 engine=$3 clients=$4 tree=$5
shift 6
hostname "$name"
mkdir -p "$d/data"
new=  # root of the machine's file tree, as seen from here

# --- file tree ----------------------------------------------------------------------------------
devices() {
  local dev=$1 n
  mount -t tmpfs -o mode=755,nosuid tmpfs "$dev"
  while read -r n major minor; do mknod -m 666 "$dev/$n" c "$major" "$minor"; done <<'D'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
D
  mkdir "$dev/pts" "$dev/shm" "$dev/mqueue"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$dev/pts"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dev/shm"
  mount -t mqueue mqueue "$dev/mqueue"
  ln -s pts/ptmx "$dev/ptmx"
  ln -s /proc/self/fd "$dev/fd"
  for n in 0 1 2; do ln -s "/proc/self/fd/$n" "$dev/$(case $n in 0) echo stdin ;; 1) echo stdout ;; 2) echo stderr ;; esac)"; done
}
if [[ $tree ]]; then
  new=$d/root
  mkdir -p "$new" "$d/upper" "$d/work"
  mount -t overlay -o "lowerdir=$tree,upperdir=$d/upper,workdir=$d/work" overlay "$new"
  mount -t proc -o nosuid,nodev,noexec proc "$new/proc"
  devices "$new/dev"
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$new/tmp"
  mkdir -p "$new/var/lib/docker"
  mount --bind "$d/data" "$new/var/lib/docker" # an engine cannot keep its layers on an overlay
  echo "$name" >"$new/etc/hostname"
fi
# sysfs shows the network of the namespace that mounts it; control groups are taken over as they are
mkdir -p "$d/cgroup"
mount --rbind /sys/fs/cgroup "$d/cgroup"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$new/sys"
mount --rbind "$d/cgroup" "$new/sys/fs/cgroup"
umount -l "$d/cgroup"
if [[ -d $new/sys/kernel/security ]]; then mount -t securityfs securityfs "$new/sys/kernel/security" 2>/dev/null || true; fi
resolv=$(readlink -m "$new/etc/resolv.conf")
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$new/run" # hides the sockets of the machine's own engine
mkdir -p "$new/run/netns" "$new/run/lock"
# names: corecube.test and whatever a test appends; the ACME helper's DNS server answers all others
mkdir -p "$d/etc"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n198.51.100.1 %s corecube.test\n198.51.100.7 acme.test\n' "$name" >"$d/etc/hosts"
printf 'nameserver 198.51.100.7\noptions timeout:1 attempts:1\n' >"$d/etc/resolv.conf"
mkdir -p "$(dirname "$resolv")"
[[ -e $resolv ]] || : >"$resolv"
[[ -e $new/etc/hosts ]] || : >"$new/etc/hosts"
mount --bind "$d/etc/resolv.conf" "$resolv"
mount --bind "$d/etc/hosts" "$new/etc/hosts"

# --- network ------------------------------------------------------------------------------------
ip link set lo up
if [[ $clients == yes ]]; then
  ip link add ext type bridge
  ip link set ext up
  ip addr add 198.51.100.1/24 dev ext
  ip -6 addr add 2001:db8:1::1/64 dev ext nodad
  for n in 1 2; do
    ns=$new/run/netns/ext$n
    : >"$ns"
    unshare --net="$ns" true
    ip link add "to-ext$n" type veth peer name outside
    ip link set outside netns "$ns"
    ip link set "to-ext$n" master ext up
    nsenter --net="$ns" bash -ec "
      ip link set lo up; ip link set outside name eth0; ip link set eth0 up
      ip addr add 198.51.100.$((6 + n))/24 dev eth0; ip -6 addr add 2001:db8:1::$((6 + n))/64 dev eth0 nodad
      ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:1::1"
  done
fi

# --- registry, then engine ----------------------------------------------------------------------
if [[ $engine != none ]]; then
  registry_config "$d/registry.yml"
  # a mount namespace of its own: it keeps seeing the storage after the root has moved
  OTEL_TRACES_EXPORTER=none unshare --mount "$TOOLS/own/usr/bin/docker-registry" serve "$d/registry.yml" >"$d/registry.log" 2>&1 &
fi
if [[ $tree ]]; then
  cd "$new"
  mkdir -p run/old "run/bed"
  mount --bind "$d" run/bed
  pivot_root . run/old
  cd /
  umount -l /run/old
  rmdir /run/old
  d=/run/bed
fi

# --- systemd as process 1 ----------------------------------------------------------------------
# Contained like in a container: control groups, kernel settings, clock and modules are the machine's.
if [[ $engine == systemd ]]; then
  install -d /etc/systemd/system/docker.service.d
  { # its own unit, with what the engines of other hosts are given
    printf '[Service]\nExecStart=\nExecStart=dockerd -H fd:// -H unix://%s/docker.sock --registry-mirror http://127.0.0.1:%s' "$d" "$MIRROR_PORT"
    ((! $#)) || printf ' "%s"' "$@"
    echo
  } >/etc/systemd/system/docker.service.d/bed.conf
  for hierarchy in /sys/fs/cgroup/*/ /sys/fs/cgroup/; do
    [[ -e $hierarchy/cgroup.procs ]] || continue
    mkdir -p "$hierarchy/bed-$name"
    for f in cpuset.cpus cpuset.mems; do # version 1 begins with none
      [[ ! -e $hierarchy/$f ]] || cat "$hierarchy/$f" >"$hierarchy/bed-$name/$f"
    done
    echo $$ >"$hierarchy/bed-$name/cgroup.procs"
  done
  : >"$d/ready"
  # shellcheck disable=SC2016 # expanded by the inner shell
  exec unshare --cgroup setpriv --bounding-set -sys_boot,-sys_module,-sys_rawio,-sys_time,-syslog,-wake_alarm \
    env -i container=bed PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -euc '
    mapfile -t kinds < <(awk "\$5 ~ /^\/sys\/fs\/cgroup/{ for (i = 1; i <= NF; i++) if (\$i == \"-\") print \$5, \$(i + 1), \$(i + 3) }" /proc/self/mountinfo)
    umount --recursive --lazy /sys/fs/cgroup
    for kind in "${kinds[@]}"; do
      read -r at type options <<<"$kind"
      mkdir -p "$at"
      case $type in
        tmpfs) mount -t tmpfs -o mode=755 tmpfs "$at" ;;
        cgroup) mount -t cgroup -o "${options#rw,}" cgroup "$at" ;;
        cgroup2) mount -t cgroup2 cgroup2 "$at" ;;
      esac
    done
    for at in /proc/sys /proc/sysrq-trigger; do
      [[ ! -e $at ]] || { mount --bind "$at" "$at" && mount -o remount,bind,ro "$at"; }
    done
    mount --bind /proc/sys/net /proc/sys/net # of this host alone
    mount -o remount,bind,rw /proc/sys/net
    exec /lib/systemd/systemd --show-status=no --log-target=journal'
fi

path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[[ $engine != sid ]] || path=$TOOLS/engine-sid/usr/sbin:$TOOLS/engine-sid/usr/bin:$TOOLS/engine-sid/usr/libexec/docker:$path
if [[ $engine != none ]]; then
  { # kept as a file so that a test can stop the engine and start it again (host.sh NAME engine ...)
    printf '#!/bin/bash\n'
    printf 'PATH=%q exec setsid dockerd' "$path"
    printf ' %q' --data-root "$([[ $tree ]] && echo /var/lib/docker || echo "$d/data")" --exec-root /run/docker --pidfile /run/docker.pid \
      -H unix:///run/docker.sock -H "unix://$d/docker.sock" --cgroup-parent "/bed-$name" --exec-opt native.cgroupdriver=cgroupfs \
      --registry-mirror "http://127.0.0.1:$MIRROR_PORT" "$@"
    printf ' >>%q 2>&1 </dev/null\n' "$d/dockerd.log"
  } >"$d/engine"
  chmod 755 "$d/engine"
  "$d/engine" &
fi
: >"$d/ready"
trap 'exit 0' TERM
while :; do
  sleep 3600 &
  wait "$!" || true # and bash collects every orphan meanwhile
done
