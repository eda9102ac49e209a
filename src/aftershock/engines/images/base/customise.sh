#!/bin/sh
# Make a Debian root file system a machine's base image.  mmdebstrap runs this with the root as its first argument;
# the directory that this file is in holds the rest of the recipe.
set -eu
root=$1
recipe=$(dirname "$(readlink -f "$0")")

# Laid over with the image's own ownership; directories keep the modes that Debian gave them.
(cd "$recipe/files" && find . -type f) | while read -r file; do
    mode=644
    case $file in
        ./usr/lib/aftershock/* | ./opt/aws/bin/*) mode=755 ;;
        ./etc/sudoers.d/*) mode=440 ;;
    esac
    install -D -o 0 -g 0 -m $mode "$recipe/files/$file" "$root/$file"
done

# What a stack's metadata is carried out by, where Amazon Linux has it and on everybody's PATH.
install -d "$root/usr/lib/aftershock/bootstrap"
install -m 644 "$recipe"/../bootstrap/*.py "$root/usr/lib/aftershock/bootstrap"
for program in "$root"/opt/aws/bin/*; do
    ln -s "/opt/aws/bin/${program##*/}" "$root/usr/local/bin/${program##*/}"
done

units=$root/etc/systemd/system
grep -v '^#' "$recipe/masked-units.txt" | while read -r unit; do
    if [ -n "$unit" ]; then
        ln -sf /dev/null "$units/$unit"
        # What nothing asks for need not even be looked up at a boot.  An upgrade brings the links back, not the unit.
        rm -f "$root"/lib/systemd/system/*.wants/"$unit" "$units"/*.wants/"$unit"
    fi
done
# Generators look for devices, consoles and foreign init scripts; each costs a process at every boot and reload.
# systemd-sysv-generator stays: packages with only an init script still exist.
for generator in "$root"/usr/lib/systemd/system-generators/*; do
    case $generator in *-sysv-generator) ;; *) rm "$generator" ;; esac
done
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"

# The bus and logind are started by their first caller; a machine without one does without them.
rm -f "$root"/lib/systemd/system/multi-user.target.wants/dbus.service \
    "$root"/lib/systemd/system/multi-user.target.wants/systemd-logind.service \
    "$root"/lib/systemd/system/multi-user.target.wants/systemd-ask-password-wall.path
# sshd listens by its socket: nothing of it runs before the first connection.
chroot "$root" systemctl disable ssh.service
chroot "$root" systemctl enable ssh.socket instance-init.service
# Nobody is kept out with /run/nologin until systemd-user-sessions.service lets them in; and what prepares devices,
# screens and an empty /var has nothing to do here.
mkdir -p "$root/etc/tmpfiles.d"
for rules in systemd-nologin x11 journal-nocow static-nodes-permissions provision systemd-pstore home var; do
    ln -sf /dev/null "$root/etc/tmpfiles.d/$rules.conf"
done

# The user that Debian's image for EC2 has.
chroot "$root" useradd --create-home --shell /bin/bash --comment Debian --groups adm,sudo admin
chroot "$root" passwd --lock admin > /dev/null
chroot "$root" passwd --lock root > /dev/null

# Every machine has its own identity.
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub "$root/var/lib/dbus/machine-id"
: > "$root/etc/machine-id"
: > "$root/etc/hostname"
ln -s /etc/machine-id "$root/var/lib/dbus/machine-id"
echo 'LANG=C.UTF-8' > "$root/etc/default/locale"
: > "$root/etc/fstab"

# Machines use the mirror that they were made from.
cat "$root"/etc/apt/sources.list.d/*.list > "$root/etc/apt/sources.list"
rm -f "$root"/etc/apt/sources.list.d/*.list

# Documentation was left out of the image alone; what a user installs comes whole.
rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/apt/apt.conf.d/99mmdebstrap"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old \
    "$root"/var/log/*.log "$root"/var/log/apt "$root/var/cache/ldconfig/aux-cache" "$root"/var/cache/apt/archives/*.deb
