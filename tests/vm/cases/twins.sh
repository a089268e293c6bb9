#!/bin/sh
# A card that its claim has lost sight of is still its claim's, at whatever address it is,
# and where several could be it none is taken.
# run: --topology twins; kernels 6.12; iommus intel
# all: --topology twins; kernels 6.1 6.12; iommus intel
# takes: 15
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"

find_class 0x02 | grep -v -x -f /run/pcipt-vm/own-devices >cards
first=$(sed -n 1p cards) second=$(sed -n 2p cards) third=$(sed -n 3p cards)
modprobe vfio-pci
# codes ADDRESS: what stands against taking it
codes() {
	"$pcipt" plan --json "$1" >out 2>err
	jq -r '[.findings[] | select(.severity == "hard") | .code] | join(" ")' out
}

run 0 show --json "$second"
serial=$(json '.devices[0].serial')
holds "the cards have a serial number" [ "${#serial}" = 23 ]
run 0 bind --persistent --name vm --owner tester "$first"
same "a claimed card in its place takes none of its twins along" "" "$(codes "$second")"

port=$(dirname "$(readlink -f "$device/$first")")
echo 1 >"$device/$first/remove"
same "one of two may be the claim's" identity-ambiguous "$(codes "$second")"
run 3 bind "$second"
has "it says why" "2 devices have its ids and the serial $serial" err
has "and of which claim" "the claim vm" err
run 3 bind --allow foreign-owner "$third"
same "none was taken" "e1000e e1000e" "$(driver_of "$second") $(driver_of "$third")"

echo 1 >"$device/$third/remove"
same "the only one left is the claim's" claimed "$(codes "$second")"
run 3 bind "$second"
has "it says how one knows" "its serial $serial" err
has "and what to do" "pcipt reconcile" err

# On a passthrough driver already, it would be taken over as it is.
echo vfio-pci >"$device/$second/driver_override"
echo "$second" >"$device/$second/driver/unbind"
echo "$second" >/sys/bus/pci/drivers/vfio-pci/bind
same "nor is it anybody's on vfio-pci" claimed "$(codes "$second")"
run 3 bind --allow foreign-owner "$second"
echo "$second" >/sys/bus/pci/drivers/vfio-pci/unbind
echo >"$device/$second/driver_override"
echo "$second" >/sys/bus/pci/drivers/e1000e/bind

echo 1 >/sys/bus/pci/rescan
holds "the card is back in its slot $port" [ -e "$device/$first" ]
same "with the claim's card in its place the others are free" "" "$(codes "$second")"
run 0 release vm
finish
