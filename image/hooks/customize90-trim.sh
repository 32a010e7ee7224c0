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

# Of PulseAudio, which is a mixer without devices here: plugins for ALSA with the video codecs they bring, echo
# cancellation, equalizers, streaming.
for package in iso-codes libabsl20240722 libaom3 libasound2-plugins libavcodec61 libavutil59 libcodec2-1.2 \
  libfftw3-single3 libgsm1 libgstreamer-plugins-base1.0-0 libgstreamer1.0-0 libjack-jackd2-0 libnuma1 libpulsedsp \
  librav1e0.7 libsamplerate0 libshine3 libsnappy1v5 libspeex1 libsvtav1enc2 libswresample5 libtheoradec1 \
  libtheoraenc1 libtwolame0 libva-drm2 libva-x11-2 libva2 libvdpau1 libvpl2 libvpx9 libwebpmux3 \
  libwebrtc-audio-processing-1-3 libx264-164 libx265-215 libxvidcore4 libzvbi-common libzvbi0t64 ocl-icd-libopencl1 \
  pulseaudio-utils; do
  for list in "$root/var/lib/dpkg/info/$package.list" "$root/var/lib/dpkg/info/$package:"*.list; do
    [ -e "$list" ] || continue
    while read -r path; do
      [ -d "$root$path" ] && [ ! -L "$root$path" ] || rm -f "$root$path"
    done <"$list"
  done
done

# Scripts of ages past; every script in use on the web's sign-in pages stays.
(cd "$share/fonts/truetype/noto" && rm -f ./*SignWriting* ./*Tangut* ./*Cuneiform* ./*EgyptianHieroglyphs* \
  ./*AnatolianHieroglyphs* ./*Nushu* ./*LinearA* ./*LinearB* ./*Bamum* ./*Duployan* ./*ZnamennyMusical*)

# Logs, caches, and ids that must differ between machines. What apt knows goes later: mmdebstrap still needs it.
rm -rf "$root"/var/cache/debconf "$root"/var/cache/fontconfig "$root"/var/log/* "$root"/var/lib/dpkg/info \
  "$root"/var/lib/dpkg/*-old "$root"/var/lib/systemd "$root"/var/lib/ucf "$root"/root/.cache
rm -f "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id "$root"/etc/hostname "$root"/etc/resolv.conf
