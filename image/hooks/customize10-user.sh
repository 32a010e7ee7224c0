#!/bin/sh
# The one person in the guest. HOME is a fresh tmpfs of each boot, so nothing of it is made here.
set -eu
root=$1

# By hand: the guest has no tools for users, since it never changes them.
echo 'user:x:1000:1000::/home/user:/bin/bash' >>"$root/etc/passwd"
echo 'user:x:1000:' >>"$root/etc/group"
echo 'user:*:19000:0:99999:7:::' >>"$root/etc/shadow"
mkdir -p "$root/home/user" "$root/opt/browser-vm/agent" "$root/opt/browser-vm/providers"
