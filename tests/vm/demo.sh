#!/bin/sh
# The whole job, for somebody who looks on. Runs in the VM: see ./bootstrap demo.
set -u

pcipt=$PCIPT_BUILD/pcipt
vga=0000:00:03.0

show() {
	echo
	echo "# $*"
	"$@"
	echo "# exit $?"
}

modprobe vfio-pci
cd "$(mktemp -d)" || exit 1
show "$pcipt" list
show "$pcipt" groups
echo
echo "== The display alone: refused, since its audio function shares the group"
show "$pcipt" plan $vga
echo
echo "== Both"
show "$pcipt" bind --with-set --name demo $vga
show ls -l /dev/vfio
show "$pcipt" claims
show "$pcipt" release demo
echo
echo "== A bind that fails at its second device: both are put back"
mount --bind /dev/full /sys/bus/pci/devices/0000:00:03.1/driver_override
show "$pcipt" bind --with-set -v $vga
umount /sys/bus/pci/devices/0000:00:03.1/driver_override
show "$pcipt" list
