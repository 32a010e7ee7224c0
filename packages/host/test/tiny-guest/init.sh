#!/bin/busybox sh
# The whole user space of the conformance guest: says words, counts, answers on the network, dies on request.
/bin/busybox mkdir -p /proc /sys /dev /tmp /sbin /usr/bin /usr/sbin
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo "guest: first words"
for module in failover net_failover virtio_mmio virtio_net virtio_blk virtio-rng; do
  insmod "/modules/$module.ko" || echo "guest: no $module"
done
for online in /sys/devices/system/cpu/cpu[1-9]*/online; do
  [ ! -e "$online" ] || echo 1 > "$online"
done
echo "guest: $(nproc) CPUs"
ip link set lo up
ip address add 192.168.100.2/24 dev eth0
ip link set eth0 up
ip route add default via 192.168.100.1
echo 0 > /count
httpd -p 4100 -h /www
# Stands in for a VNC server: greets as one.
while :; do printf 'RFB 003.008\n' | nc -l -p 5900; done > /dev/null 2>&1 &
echo "guest: ready"
number=0
while :; do
  number=$((number + 1))
  echo "$number" > /count.next
  mv /count.next /count
  usleep 50000
done
