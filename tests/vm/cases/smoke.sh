#!/bin/sh
# Is the test bed itself sound? Runs in the guest with the topology gpu-pair, any kernel, any IOMMU:
#   tests/vm/run --topology gpu-pair tests/vm/cases/smoke.sh
# shellcheck disable=SC2317 # the checks are called by name
set -eu

devices=/sys/bus/pci/devices
host=/run/pcipt-vm/host
failed=0

check() { # what, command…
	what=$1
	shift
	if "$@"; then
		echo "ok $what"
	else
		echo "NOT ok $what"
		failed=1
	fi
}

kernel_is_the_one_asked_for() {
	case $PCIPT_VM_KERNEL in
	*/*) ;; # a file tells nothing of its version
	*) case $(uname -r) in "$PCIPT_VM_KERNEL".*) ;; *) return 1 ;; esac ;;
	esac
}

group_of() { basename "$(readlink "$devices/0000:$1/iommu_group")"; }

groups_as_expected() {
	if [ "$PCIPT_VM_IOMMU" = none ]; then
		[ -z "$(ls /sys/kernel/iommu_groups)" ]
	else
		pair=$(group_of 00:03.0)
		[ "$pair" = "$(group_of 00:03.1)" ] &&
			[ "$(find "/sys/kernel/iommu_groups/$pair/devices/" -type l | wc -l)" = 2 ] &&
			[ "$pair" != "$(group_of 00:04.0)" ] && [ "$pair" != "$(group_of 00:05.0)" ]
	fi
}

bound() { # address, driver
	[ "$(basename "$(readlink "$devices/0000:$1/driver")")" = "$2" ]
}

drivers_as_expected() {
	bound 00:03.0 bochs-drm && bound 00:03.1 snd_hda_intel && bound 00:04.0 e1000e && [ ! -e "$devices/0000:00:05.0/driver" ]
}

vfio_loads() {
	[ ! -e /sys/bus/pci/drivers/vfio-pci ] && modprobe vfio-pci && [ -e /sys/bus/pci/drivers/vfio-pci ] && [ -c /dev/vfio/vfio ]
}

# The edu device has no driver of its own; without an IOMMU vfio-pci must refuse it.
vfio_binds() {
	edu=$devices/0000:00:05.0
	echo vfio-pci >"$edu/driver_override"
	echo 0000:00:05.0 >/sys/bus/pci/drivers_probe
	if [ "$PCIPT_VM_IOMMU" = none ]; then
		[ ! -e "$edu/driver" ]
	else
		bound 00:05.0 vfio-pci && [ -c "/dev/vfio/$(group_of 00:05.0)" ]
	fi
}

own_devices_listed() {
	[ "$(cat /run/pcipt-vm/own-devices)" = "$(cd "$devices" && ls -d 0000:00:1e.*)" ]
}

# A new file, a changed one and a removed one: all seen here, none of it there.
host_is_untouched() {
	echo new >/etc/pcipt-vm-smoke && echo changed >>/etc/passwd && rm /etc/debian_version &&
		[ ! -e "$host/etc/pcipt-vm-smoke" ] && ! grep -q '^changed$' "$host/etc/passwd" && [ -e "$host/etc/debian_version" ] &&
		! touch "$host/pcipt-vm-smoke" 2>/dev/null
}

fresh_file_systems() {
	for pair in /sys:sysfs /proc:proc /dev:devtmpfs /run:tmpfs; do
		grep -q " ${pair%:*} ${pair#*:} " /proc/mounts || return 1
	done
	[ "$(cat /proc/sys/kernel/hostname)" = pcipt-vm ]
}

out_is_shared() {
	uname -r >"$PCIPT_VM_OUT/smoke" && [ -s "$PCIPT_VM_OUT/smoke" ]
}

check "kernel: $(uname -r)" kernel_is_the_one_asked_for
check "iommu: $PCIPT_VM_IOMMU, $(find /sys/kernel/iommu_groups/ -maxdepth 1 -name "[0-9]*" | wc -l) groups" groups_as_expected
check "drivers of the pair and the network card" drivers_as_expected
check "modprobe vfio-pci" vfio_loads
check "vfio-pci and the edu device" vfio_binds
check "the bed's own devices are listed" own_devices_listed
check "the host's files stay as they are" host_is_untouched
check "fresh /sys, /proc, /dev, /run" fresh_file_systems
check "the shared output folder" out_is_shared
exit $failed
