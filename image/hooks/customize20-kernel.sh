#!/bin/sh
# Collects in /boot what the builder takes out of the root filesystem: the kernel as it is, the modules
# unpacked (insmod of the initrd reads plain ELF), and busybox for the initrd.
set -eu
root=$1

rm -f "$root"/boot/System.map-* "$root"/vmlinuz* "$root"/initrd.img*
find "$root/usr/lib/modules" -name '*.ko.xz' -printf '/usr/lib/modules/%P\n' | chroot "$root" xargs busybox unxz
chroot "$root" dpkg-query -W -f "\${Package}\t\${Version}\n" >"$root/boot/packages.tsv"
mv "$root/usr/lib/modules" "$root/boot/modules"
cp "$root/usr/bin/busybox" "$root/boot/busybox"
