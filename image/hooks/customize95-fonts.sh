#!/bin/sh
# Lists the fonts once, here, instead of at each start of a browser. The list is good as long as the
# directories have the time it was made for, which is the time the file system gives every file.
set -eu
root=$1

find "$root/usr/share/fonts" -type d -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
chroot "$root" fc-cache --system-only --force
