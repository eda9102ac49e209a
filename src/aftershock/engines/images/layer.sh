#!/bin/sh
# Install packages on top of a layer: `layer.sh LOWER UPPER WORK ROOT PACKAGE...`.  What they add is left in UPPER.
# It runs in a mount namespace of its own, which takes all mounts with it.
set -eu
lower=$1 upper=$2 work=$3 root=$4
shift 4
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work,userxattr" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
# Names are looked up as we look them up ourselves, and the layer keeps nothing of it.
[ -e "$root/etc/resolv.conf" ] || : > "$root/etc/resolv.conf"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
# invoke-rc.d(8): nothing that is installed is started.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
chroot "$root" apt-get -q -o Acquire::Retries=3 -o 'Acquire::Languages=none' update
chroot "$root" apt-get -q -y -o Acquire::Retries=3 -o DPkg::Options::=--force-unsafe-io \
    install --no-install-recommends "$@"
chroot "$root" apt-get clean
rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/apt \
    "$root"/var/log/dpkg.log "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old
umount "$root/etc/resolv.conf"
[ -s "$root/etc/resolv.conf" ] || rm -f "$root/etc/resolv.conf"
