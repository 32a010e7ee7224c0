#!/bin/sh
# http://GUEST:4100/cgi-bin/request?WORD[=ARGUMENT]
printf 'content-type: text/plain\r\n\r\n'
argument=${QUERY_STRING#*=}
case $QUERY_STRING in
  count) cat /count ;;
  cmdline) cat /proc/cmdline ;;
  note=*) echo "$argument" > /note && cat /note ;;
  note) cat /note 2> /dev/null || echo none ;;
  disk=*) head -c 16 "/dev/$argument" ;;
  write=*) echo x 2> /dev/null > "/dev/$argument" && echo written || echo refused ;;
  random) head -c 16 /dev/hwrng | od -An -tx1 ;;
  fill=*) head -c "$((argument * 1048576))" /dev/urandom > /tmp/fill && echo filled ;;
  connect=*) nc -w 3 "${argument%:*}" "${argument#*:}" < /dev/null > /dev/null 2>&1 && echo reached || echo refused ;;
  lookup=*) timeout 8 nslookup "$argument" 192.168.100.1 2>&1 ;;
  shout) echo "guest: last words" > /dev/console ;;
  panic) echo "guest: last words" > /dev/console; sync; echo c > /proc/sysrq-trigger ;;
  off) poweroff -f ;;
  *) echo "unknown $QUERY_STRING" ;;
esac
