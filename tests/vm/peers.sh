#!/bin/bash
# What other programs let through: each is asked to take a device that is in use in one
# way or another, in a throw-away machine, and what became of the device is told. By hand,
# one boot a program, since most of them leave a wreck behind:
#
#   for tool in pcipt libvirt driverctl dpdk spdk; do
#       tests/vm/run --udev --topology peers --env PCIPT_BUILD=$PWD/build --env TOOL=$tool \
#           tests/vm/peers.sh
#   done
#
# Needs on the host (Debian's names): libvirt-daemon libvirt-clients driverctl dpdk
# pciutils iproute2 lvm2 e2fsprogs; for spdk its sources, their folder in --env SPDK=.
# Prints a line a case: TOOL | CASE | took it, refused it, or stuck | its own last words.
set -u
mounted=0000:00:03.0 empty=0000:00:04.0 swap=0000:00:0a.0 lvm=0000:00:0b.0 open=0000:00:0c.0 nic=0000:00:06.0 usb=0000:00:05.0 gpu=0000:00:08.0 audio=0000:00:08.1 pf=0000:01:00.0
devices=/sys/bus/pci/devices
modprobe -a vfio-pci ext4 dm-mod bonding snd_hda_intel 2>/dev/null

driver_of() { basename "$(readlink "$devices/$1/driver" 2>/dev/null)" 2>/dev/null; }
# The disk stands below the controller's subsystem, whose number is another one.
disk_of() {
	local controller subsystem
	controller=$(ls "$devices/$1/nvme" 2>/dev/null) || return
	for subsystem in /sys/class/nvme-subsystem/*; do
		[ ! -e "$subsystem/$controller" ] || ls "$subsystem" | grep -E '^nvme[0-9]+n1$'
	done
}
net_of() { ls "$devices/$1/net"; }
# A case that could not be set up says nothing.
must() { "$@" || { echo "$TOOL | FAILED to set up: $*"; exit 1; }; }

take() {
	case $TOOL in
	pcipt) "$PCIPT_BUILD/pcipt" bind "$1" ;;
	libvirt) virsh -q nodedev-detach "pci_${1//[:.]/_}" ;;
	driverctl) driverctl --nosave set-override "$1" vfio-pci ;;
	dpdk) dpdk-devbind.py --bind=vfio-pci "$1" ;;
	spdk) PCI_ALLOWED="$1" NRHUGE=0 HUGEMEM=0 "$SPDK/scripts/setup.sh" config ;;
	esac
}

start_tool() {
	[ "$TOOL" = libvirt ] || return 0
	mkdir -p /run/libvirt /var/lib/libvirt /var/log/libvirt
	getent passwd libvirt-qemu >/dev/null || echo 'libvirt-qemu:x:64055:64055::/:/bin/false' >>/etc/passwd
	printf 'kvm:x:64056:\nlibvirt-qemu:x:64055:\n' >>/etc/group
	printf 'user = "root"\ngroup = "root"\n' >>/etc/libvirt/qemu.conf
	libvirtd -d >libvirtd.log 2>&1 || cat libvirtd.log
	for _ in $(seq 30); do virsh -q nodedev-list >/dev/null 2>&1 && return 0; sleep 1; done
	echo "libvirtd doesn't answer: $(tail -n 5 libvirtd.log /var/log/libvirt/libvirtd.log 2>/dev/null)"
}

# try CASE ADDRESS: has it taken, and tells; then the native driver gets the device back.
try() {
	local before after words status what=refused
	before=$(driver_of "$2")
	take "$2" >words 2>&1 &
	local job=$!
	for _ in $(seq 30); do kill -0 $job 2>/dev/null || break; sleep 1; done
	if kill -0 $job 2>/dev/null; then
		what="stuck after 30 s"
	else
		wait $job; status=$?
		after=$(driver_of "$2")
		[ "$after" = "$before" ] || what="took it: ${after:-no driver}"
		[ "$after" != "$before" ] || [ "$status" -ne 0 ] || what="left it, exit 0"
	fi
	# What it says of the device, or else its last words.
	words=$({ grep -v '^$' words; grep -F -e "$2" -e "${2#0000:}" words; } | tail -n 1 | tr '|' '/' | cut -c1-150)
	echo "$TOOL | $1 | $what | $words"
	[ "$(driver_of "$2")" = "$before" ] && return
	if [ "$TOOL" = pcipt ]; then
		"$PCIPT_BUILD/pcipt" release "$2" >/dev/null 2>&1
		return
	fi
	[ ! -e "$devices/$2/driver" ] || echo "$2" >"$devices/$2/driver/unbind"
	echo >"$devices/$2/driver_override"
	[ -z "$before" ] || echo "$2" >"/sys/bus/pci/drivers/$before/bind"
	sleep 1
}

start_tool
try "nothing stands against it" 0000:00:07.0
if [ "$TOOL" != spdk ]; then
	n=$(net_of $nic)
	ip address add 192.0.2.7/24 dev "$n"; ip link set "$n" up
	try "network card with an address" $nic
	n=$(net_of $nic)
	ip address flush dev "$n"; ip address add 192.0.2.7/24 dev "$n"; ip link set "$n" up
	ip route add default via 192.0.2.1
	try "network card of the default route" $nic
	n=$(net_of $nic); ip address flush dev "$n"; ip link set "$n" down
	ip link add bond0 type bond mode active-backup; ip link set "$n" master bond0
	ip link set bond0 up; ip -6 address add 2001:db8::7/64 dev bond0; ip -6 route add default via 2001:db8::1
	try "member of a bond with the IPv6 default route" $nic
	ip link del bond0
	try "display alone, its audio function in the same group has a driver" $gpu
	echo 2 >"$devices/$pf/sriov_numvfs"
	try "physical function with virtual functions" $pf
	echo 0 >"$devices/$pf/sriov_numvfs" 2>/dev/null
	mkfs.ext4 -q /dev/sda; mkdir -p /mnt/stick; mount /dev/sda /mnt/stick
	try "USB controller with a mounted stick" $usb
	umount -l /mnt/stick 2>/dev/null
fi
try "disk with nothing on it" $empty
# A disk for each: one that was taken from under its user doesn't come back whole.
d=/dev/$(disk_of $mounted)
must mkfs.ext4 -q "$d"; mkdir -p /mnt/a; must mount "$d" /mnt/a; echo data >/mnt/a/file
try "disk with a mounted file system" $mounted
d=/dev/$(disk_of $swap)
must mkswap -q "$d"; must swapon "$d"
try "disk with active swap" $swap
d=/dev/$(disk_of $lvm)
must pvcreate -qq "$d"; must vgcreate -qq data "$d"; must lvcreate -qq -y -L 8M -n v data
try "disk of an active LVM volume" $lvm
d=/dev/$(disk_of $open)
sleep 60 <"$d" &
try "disk that a process has open" $open
kill %% 2>/dev/null
