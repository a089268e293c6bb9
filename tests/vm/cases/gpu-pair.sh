#!/bin/sh
# A GPU and its audio function, one IOMMU group: refused by halves, taken whole,
# given back exactly, and put back when a step fails on purpose.
# run: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel amd
# takes: 46
. "$(dirname "$0")/lib.sh"

vga=0000:00:03.0
audio=0000:00:03.1
group=$(group_of $vga)
vga_driver=$(driver_of $vga)
audio_driver=$(driver_of $audio)

holds_the_pair() {
	same "one group for both" "$group" "$(group_of $audio)"
	same "the audio function has its driver" snd_hda_intel "$audio_driver"
	[ -n "$vga_driver" ] && ok "the display has its driver: $vga_driver" || not_ok "the display has no driver"
}

refuses_half() {
	run 3 plan $vga
	run 3 bind $vga
	has "the refusal names the display" $vga err
	has "the refusal names the audio function" $audio err
	has "the refusal says what to do" --with-set err
	same "at most three lines" 1 "$(($(wc -l <err) <= 3))"
	run 3 bind --json $vga
	same "result" refused "$(json .result)"
	same "the code" set-incomplete "$(json '.findings[0].code')"
	same "the error" PCIPT_E_REFUSED "$(json .error.code)"
	run 3 bind --dry-run $vga
	run 0 bind --dry-run --with-set $vga
	run 0 plan $vga $audio
	unchanged "nothing was touched" before
}

takes_and_gives_back() {
	run 0 bind --with-set --json --owner "a test" $vga
	same "result" done "$(json .result)"
	same "both are reported" "$vga
$audio" "$(json '.devices[].address')"
	same "the node is told" "/dev/vfio/$group" "$(json '.devices[0].vfio_device')"
	same "display on vfio-pci" vfio-pci "$(driver_of $vga)"
	same "audio on vfio-pci" vfio-pci "$(driver_of $audio)"
	[ -c "/dev/vfio/$group" ] && ok "the node is there" || not_ok "no node /dev/vfio/$group"
	python3 "$(dirname "$0")/open-group.py" "$group" $vga $audio && ok "the group opens" || not_ok "the group doesn't open"
	run 0 groups
	run 0 claims --json
	same "one claim" bound "$(json '.claims[0].state')"
	same "its owner" "a test" "$(json '.claims[0].owner')"
	name=$(json '.claims[0].name')
	run 0 list --json
	same "the list names the claim" "$name" "$(json ".devices[] | select(.address == \"$vga\").claim")"
	run 0 bind --with-set --json $vga
	same "a second bind changes nothing" unchanged "$(json .result)"
	run 3 bind --with-set --driver pci-stub $vga
	run 3 release $audio
	has "a release of another than asked for names what was" $vga err
	run 0 release --json "$name"
	same "result" done "$(json .result)"
	unchanged "exactly as before" before
	run 4 release "$name"
	run 0 bind $vga $audio
	run 3 release $vga
	has "a release of half names the rest" $audio err
	same "and touches nothing" vfio-pci "$(driver_of $vga)"
	run 0 release --with-claim 00:03.0
	unchanged "exactly as before, both asked for" before
}

# An override that was there before stays, with the device bound to another driver.
keeps_an_override() {
	echo pci-stub >$device/$audio/driver_override
	fingerprint >with
	run 0 plan --with-set --json $vga
	same "it is told" "$audio warning" "$(json '.findings[] | select(.code == "override-present") | .address + " " + .severity')"
	run 0 bind --with-set $vga
	run 0 release --with-claim $vga
	unchanged "the override came back" with
	echo >$device/$audio/driver_override
	run 0 plan --with-set --json $vga
	same "without one it isn't" "" "$(json '.findings[] | select(.code == "override-present") | .address')"
}

# The chip set's own functions: looked at only.
platform() {
	run 3 plan --json 0000:00:1f.0
	same "the ISA bridge" "platform-function blocker" "$(json '.findings[] | select(.code == "platform-function") | .code + " " + .severity')"
	run 3 plan --json 0000:00:00.0
	has "the host bridge" platform-function out
	run 0 plan --with-set --json $vga
	same "a card isn't" "" "$(json '.findings[] | select(.code == "platform-function") | .address')"
}

# One write fails, as a full file system would make it: everything is undone.
undoes() { # STEP FILE ERRNO
	mount --bind /dev/full "$2"
	run 1 bind --with-set $vga
	has "what failed: the device" "0000:00:03." err
	has "what to do" "do:" err
	run 1 bind --with-set --json $vga
	umount "$2"
	same "$1: result" rolled-back "$(json .result)"
	same "$1: the step" "$1" "$(json .error.step)"
	same "$1: the errno" "$3" "$(json .error.errno)"
	same "$1: the path" "$2" "$(json .error.path)"
	[ -n "$(json .error.remedy)" ] && [ "$(json .error.address)" != null ] && ok "$1: address and remedy" || not_ok "$1: address or remedy is missing"
	unchanged "$1: exactly as before" before
	run 0 claims --json
	same "$1: no claim is left" 0 "$(json '.claims | length')"
}

# A driver that can't take the device: the kernel's own refusal. pcieport looks at the
# port type first, so it refuses at once and touches nothing.
undoes_a_refusal() {
	run 1 bind --with-set --driver pcieport --json $vga
	same "a refusing driver: result" rolled-back "$(json .result)"
	same "a refusing driver: the step" bind "$(json .error.step)"
	same "a refusing driver: the errno" ENODEV "$(json .error.errno)"
	unchanged "a refusing driver: exactly as before" before
}

bad_input() {
	run 2 bind 0000:01:00.9
	has "points at the character" "character 12" err
	run 2 bind nonsense
	run 4 bind 0000:7f:00.0
	has "says which" "0000:7f:00.0" err
	bridge=$(find_class 0x0604 | head -n 1)
	if [ -n "$bridge" ]; then
		run 3 bind "$bridge"
		has "a bridge has its own code" not-bindable err
	fi
	run 2 list --root /nowhere
	run 2 list --root /etc/passwd
	run 1 list --root /etc
	run 3 bind --driver no-such-driver --with-set $vga
	has "a missing driver has its own code" driver-missing err
}

# For a user without the right, permission comes before the findings.
no_permission() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" bind $vga >out 2>err
	same "an ordinary user: exit" 8 $?
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan $vga $audio >out 2>err
	same "an ordinary user may plan: nobody holds the drivers' modules" 0 $?
	exec 9</dev/snd/controlC0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan $vga $audio 9<&- >out 2>err
	same "where somebody does, he is told what he can't see" 3 $?
	has "the permission that lacks" "unreadable" out
	exec 9<&-
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" list >out 2>err
	same "an ordinary user may list" 0 $?
	mkdir -p tree/sys/bus/pci/devices tree/sys/devices/pci0000:00/0000:00:03.0
	ln -s ../../../devices/pci0000:00/0000:00:03.0 tree/sys/bus/pci/devices/0000:00:03.0
	echo 'pci:v00001234d00001111sv00001AF4sd00001100bc03sc80i00' >tree/sys/devices/pci0000:00/0000:00:03.0/modalias
	run 1 bind --json --root tree $vga
	same "a tree that isn't real" PCIPT_E_NOT_REAL "$(json .error.code)"
}

modprobe vfio-pci && modprobe pci-stub
for a in $vga $audio; do echo auto >$device/$a/power/control; done
fingerprint >before
holds_the_pair
refuses_half
takes_and_gives_back
keeps_an_override
platform
undoes override $device/$audio/driver_override ENOSPC
undoes unbind "/sys/bus/pci/drivers/$audio_driver/unbind" ENOSPC
undoes bind /sys/bus/pci/drivers/vfio-pci/bind ENOSPC
undoes_a_refusal
bad_input
no_permission
finish
