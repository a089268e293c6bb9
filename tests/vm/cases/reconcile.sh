#!/bin/sh
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 37
# Claims against what becomes of a real machine: a reboot (played by putting everything
# back and giving the record another boot's id), devices that go, come back, and are taken
# away, and a controller that is killed. Runs in the virtual machine, as root.
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"

gpu=$(find_class 0x03 | head -n 1)
audio=${gpu%.*}.1
nic=$(find_class 0x02 | grep -v -x -f /run/pcipt-vm/own-devices | head -n 1)
gpu_driver=$(driver_of "$gpu")
audio_driver=$(driver_of "$audio")
modprobe vfio-pci
record=/var/lib/libpcipt/claims/vm.json
fingerprint >before

state() { "$pcipt" status --json vm | jq -r '.claims[0] | "\(.state) \(.reason)"'; }
action() { json '.actions[0] | "\(.claim) \(.from) \(.to) \(.reason)"'; }

# put_back ADDRESS DRIVER: as somebody without pcipt would
put_back() {
	echo "$1" >"$device/$1/driver/unbind"
	echo >"$device/$1/driver_override"
	[ -z "$2" ] || echo "$1" >"/sys/bus/pci/drivers/$2/bind"
}

run 0 reconcile
same "nothing to do" "nothing to do" "$(cat out)"

run 0 bind --persistent --with-set --name vm --owner tester "$gpu"
same "the record lies in the state folder" yes "$([ -f $record ] && echo yes)"
run 0 reconcile --json
same "a healthy claim is no action" 0 "$(json '.actions | length')"

# A reboot: the drivers are the native ones, the boot's id is another.
put_back "$gpu" "$gpu_driver"
put_back "$audio" "$audio_driver"
sed -i 's/"boot_id":\( *\)"./"boot_id":\1"z/' $record
run 3 bind --with-set --name other "$gpu"
has "its devices are nobody else's after a reboot" claimed err
run 0 reconcile --json
same "after a reboot it is bound again" "vm pending bound free" "$(action)"
same "the display too" vfio-pci "$(driver_of "$gpu")"
same "the audio too" vfio-pci "$(driver_of "$audio")"

# Somebody takes one function away.
put_back "$audio" "$audio_driver"
run 0 reconcile --json
same "what was taken away is taken again" "vm bound bound half-bound" "$(action)"
same "both are on vfio-pci" "vfio-pci vfio-pci" "$(driver_of "$gpu") $(driver_of "$audio")"

# The card goes, and comes back.
echo 1 >"$device/$audio/remove"
echo 1 >"$device/$gpu/remove"
run 0 reconcile --json
same "a device that is gone is waited for" "vm bound waiting absent" "$(action)"
same "status says so" "waiting absent" "$(state)"
has "in a sentence" "is not in this machine" out
echo 1 >/sys/bus/pci/rescan
sleep 1
run 0 reconcile --json
same "it is bound when it is back" "bound null" "$(state)"
same "its driver" vfio-pci "$(driver_of "$gpu")"

# Killed while it works, at any instant: the next one leads to the same.
for pause in 0.01 0.03 0.06 0.1 0.2; do
	put_back "$gpu" "$gpu_driver"
	put_back "$audio" "$audio_driver"
	"$pcipt" reconcile >/dev/null 2>&1 &
	sleep $pause
	kill -9 $!
	wait $! 2>/dev/null
	run 0 reconcile
	same "killed after $pause s, bound by the next one" "vfio-pci vfio-pci" \
		"$(driver_of "$gpu") $(driver_of "$audio")"
done

# A driver that refuses: rolled back, and said.
put_back "$gpu" "$gpu_driver"
put_back "$audio" "$audio_driver"
fingerprint >native
mount --bind /dev/full /sys/bus/pci/drivers/vfio-pci/bind
run 0 reconcile --json
same "a bind that fails is waited with" "waiting bind-failed" "$(state)"
umount /sys/bus/pci/drivers/vfio-pci/bind
unchanged "after a bind that failed" native
run 0 reconcile --json
same "and done when it works again" "bound null" "$(state)"

run 0 release vm
unchanged "after the release" before
run 0 claims
same "no claim is left" "no claims" "$(cat out)"

# One that isn't persistent ends with its boot.
run 0 bind --name short "$nic"
sed -i 's/"boot_id":\( *\)"./"boot_id":\1"z/' /run/libpcipt/claims/short.json
run 0 reconcile --json
same "not persistent: ended" "short bound ended new-boot" "$(action)"
run 4 release short
finish
