#!/bin/sh
# What pcipt says of each device, against lspci, modprobe and the kernel's own files.
# The other topologies' cases are this one with another "run" line.
# run: --topology boot-vga --append drm_kms_helper.fbdev_emulation=1; kernels 6.12; iommus intel
# all: --topology boot-vga --append drm_kms_helper.fbdev_emulation=1; kernels 6.1 6.12; iommus intel
# takes: 20
. "$(dirname "$0")/lib.sh"

# Each line that the comparison prints is one result.
compare() { # LABEL facts|all WANTED…
	python3 "$(dirname "$0")/inventory-compare.py" "$PCIPT_BUILD" "$@" >compared 2>&1
	same "$1: the comparison came to its end" 0 $?
	while read -r verdict rest; do
		case $verdict in
		ok:) ok "$rest" ;;
		FAILED:) not_ok "$rest" ;;
		*) echo "$verdict $rest" ;;
		esac
	done <compared
}

modprobe vfio-pci
case $PCIPT_VM_TOPOLOGY in
boot-vga)
	compare "native" all boot_vga serial rom_size reset_methods acpi_path modules msi_vectors msix_vectors \
		children:net children:sound children:drm children:graphics
	run 0 bind --with-set --name pair 00:03.0
	compare "bound" facts driver_override vfio_device vfio_module
	run 0 release pair
	;;
sriov)
	compare "without VFs" facts sriov_total acs link slot_name parent
	# The NVMe controller's VFs have no queues: no driver must try them.
	echo 0 >$device/0000:02:00.0/sriov_drivers_autoprobe
	echo 2 >$device/0000:02:00.0/sriov_numvfs
	echo 7 >$device/0000:01:00.0/sriov_numvfs
	sleep 3
	compare "with VFs" all physfn virtfns
	vf=$(basename "$(readlink $device/0000:01:00.0/virtfn5)")
	run 0 bind --with-set --name vf "$vf"
	compare "with a VF bound" facts vfio_device
	run 0 release vf
	;;
shared-bridge)
	compare shared-bridge all parent upstream slot_name serial children:usb children:pci_bus
	;;
storage-net)
	compare storage-net all children:nvme children:block children:net children:usb children:scsi_disk
	;;
esac
finish
