#!/bin/sh
# USB controllers: what hangs below decides. A keyboard and what a program drives are in
# use; an idle stick, an idle network card, a hub and nothing at all are not.
# run: --topology usb; kernels 6.12; iommus intel
# all: --topology usb; kernels 6.1 6.12; iommus intel
# takes: 30
. "$(dirname "$0")/lib.sh"

full=0000:00:03.0
hub=0000:00:04.0
empty=0000:00:05.0
modprobe -a usbhid hid_generic
until ls $device/$full/usb*/*/*/*/input/input* >/dev/null 2>&1; do sleep 0.2; done
until ls $device/$full/usb*/*/*/net >/dev/null 2>&1; do sleep 0.2; done

# blockers ADDRESS: the codes that stand against it
blockers() {
	"$pcipt" plan --json "$1" >out 2>err
	status=$?
	case $status in
	0 | 3) ;;
	*) echo "pcipt plan $1: exit $status" && return ;;
	esac
	json '[.findings[] | select(.severity != "warning").code] | unique | join(" ")'
}

seen() {
	json ".findings[] | select(.code == \"$1\").evidence" >evidence
	has "$1 is known by: $2" "$2" evidence
}

# port_of NAME: the port ("1-2") of the device with this product name
port_of() {
	dirname "$(grep -l "$1" $device/$full/usb*/*/product | head -n 1)" | sed 's,.*/,,'
}

idle_controllers() {
	same "nothing but a hub: no blocker" "" "$(blockers $hub)"
	same "nothing at all: no blocker" "" "$(blockers $empty)"
	run 0 plan $empty
	run 0 plan $hub
	run 0 bind $empty
	run 0 release --with-claim $empty
}

keyboard() {
	port=$(port_of Keyboard)
	same "a keyboard" usb-in-use "$(blockers $full)"
	seen usb-in-use "at the USB port $port types on this host's console"
	run 3 bind $full
	same "and nothing was touched" xhci_hcd "$(driver_of $full)"
	run 0 plan --allow usb-in-use $full
	echo 1 >"/sys/bus/usb/devices/$port/remove"
	same "unplugged; a stick and a network card stay, both idle" "" "$(blockers $full)"
}

network_card() {
	name=$(basename $device/$full/usb*/*/*/net/*)
	ip link set "$name" up
	same "the network card is up" "" "$(blockers $full)"
	ip addr add 192.0.2.9/24 dev "$name"
	same "with an address" net-address "$(blockers $full)"
	seen net-address "the address 192.0.2.9/24 is on $name = $full"
	ip addr flush dev "$name"
	same "without it" "" "$(blockers $full)"
}

# The disk's own findings are told of its controller.
disk() {
	same "an idle stick: no blocker" "" "$(blockers $full)"
	mkfs.vfat /dev/sda >/dev/null
	same "with a file system that isn't mounted" "" "$(blockers $full)"
	mkdir -p stick
	modprobe -a vfat nls_ascii nls_cp437 2>/dev/null
	mount -t vfat /dev/sda stick || not_ok "the stick can't be mounted"
	same "mounted" mounted-filesystem "$(blockers $full)"
	seen mounted-filesystem sda
	run 3 bind $full
	umount stick
	same "unmounted" "" "$(blockers $full)"
}

# As a virtual machine does that was given a USB device.
program() {
	port=$(basename "$(dirname "$(dirname "$(ls -d $device/$full/usb*/*/*/net)")")")
	node=$(printf /dev/bus/usb/%03d/%03d "$(cat "/sys/bus/usb/devices/$port/busnum")" "$(cat "/sys/bus/usb/devices/$port/devnum")")
	echo "$port:1.0" >/sys/bus/usb/drivers/cdc_ether/unbind
	cat >drive.py <<-'END'
		import fcntl, os, struct, sys, time
		fd = os.open(sys.argv[1], os.O_RDWR)
		for number in (0, 1):
		    fcntl.ioctl(fd, 0x8004550F, struct.pack("I", number))  # USBDEVFS_CLAIMINTERFACE
		open("claimed", "w").close()
		while not os.path.exists("stop"):
		    time.sleep(0.1)
	END
	python3 drive.py "$node" &
	while [ ! -e claimed ]; do sleep 0.2; done
	same "a program drives a device" usb-in-use "$(blockers $full)"
	seen usb-in-use "a program has claimed $port:1.0"
	touch stop
	wait
	same "it ended" "" "$(blockers $full)"
}

idle_controllers
keyboard
disk
network_card
program
finish
