#!/bin/sh
# Removes what no sign-in uses. The builder checks afterwards that every required program still finds
# each of its libraries.
set -eu
root=$1
lib=$root/usr/lib/x86_64-linux-gnu
share=$root/usr/share

# Hardware and software 3D: Chromium runs without a GPU and draws WebGL by its own SwiftShader.
rm -rf "$lib"/libLLVM* "$lib"/libgallium* "$lib"/libz3.so* "$lib"/dri "$lib"/gbm
rm -f "$root"/usr/lib/chromium/libVkLayer_khronos_validation.so

# Interpreters that only installation scripts and unused helpers need.
rm -rf "$root"/usr/lib/python3* "$root"/usr/bin/python3* "$share"/python3
rm -rf "$lib"/perl "$share"/perl "$share"/perl5 "$lib"/libperl.so* "$root"/usr/bin/perl5*x86_64*

# Printing, documents, hardware databases, pictures of a desktop that is not there.
rm -rf "$lib"/libgs.so* "$share"/ghostscript "$share"/poppler "$share"/color "$share"/fonts/X11/Type1 \
  "$share"/fonts/opentype/urw-base35 "$share"/fonts/type1 "$root"/usr/lib/udev/hwdb* \
  "$share"/icons/Adwaita/symbolic "$share"/icons/Adwaita/scalable "$share"/icons/hicolor "$share"/pixmaps \
  "$share"/sounds "$share"/bash-completion "$share"/zsh "$root"/usr/lib/systemd "$lib"/systemd/libsystemd-core*

# Scripts of ages past; every script in use on the web's sign-in pages stays.
(cd "$share/fonts/truetype/noto" && rm -f ./*SignWriting* ./*Tangut* ./*Cuneiform* ./*EgyptianHieroglyphs* \
  ./*AnatolianHieroglyphs* ./*Nushu* ./*LinearA* ./*LinearB* ./*Bamum* ./*Duployan* ./*ZnamennyMusical*)

# Logs, caches, and ids that must differ between machines. What apt knows goes later: mmdebstrap still needs it.
rm -rf "$root"/var/cache/debconf "$root"/var/cache/fontconfig "$root"/var/log/* "$root"/var/lib/dpkg/info \
  "$root"/var/lib/dpkg/*-old "$root"/var/lib/systemd "$root"/var/lib/ucf "$root"/root/.cache
rm -f "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id "$root"/etc/hostname "$root"/etc/resolv.conf
