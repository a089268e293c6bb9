#!/bin/sh
# Others who are configured to take a device: their files, as they write them.
# run: --topology gpu-pair; kernels 6.12; iommus intel
# all: --topology gpu-pair; kernels 6.1 6.12; iommus intel
# takes: 25
. "$(dirname "$0")/lib.sh"

nic=0000:00:04.0
modprobe vfio-pci
run 0 plan $nic
mkdir -p /etc/driverctl.d /etc/libvirt/qemu
echo vfio-pci >/etc/driverctl.d/pci-$nic
run 3 plan --json $nic
same "driverctl's file" "foreign-owner" "$(json '.findings[] | select(.severity == "blocker") | .code')"
rm /etc/driverctl.d/pci-$nic
cat >/etc/libvirt/qemu/win10.xml <<'XML'
<domain type='kvm'>
  <name>win10</name>
  <devices>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x0000' bus='0x00' slot='0x04' function='0x0'/>
      </source>
      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>
    </hostdev>
  </devices>
</domain>
XML
run 3 plan --json $nic
has "names the machine" "libvirt's machine win10" out
run 0 plan 0000:00:05.0
run 0 bind --allow foreign-owner --name nic $nic
same "the record says what was allowed" "foreign-owner $nic" "$(jq -r '.allowed[] | .code + " " + .address' /run/libpcipt/claims/nic.json)"
run 0 release nic
rm /etc/libvirt/qemu/win10.xml
run 0 plan $nic

# Adoption: somebody else has bound them, and nobody wrote down what they were.
gpu=0000:00:03.0 audio=0000:00:03.1 edu=0000:00:05.0
take() {
	echo vfio-pci >$device/"$1"/driver_override
	[ ! -e $device/"$1"/driver ] || echo "$1" >$device/"$1"/driver/unbind
	echo "$1" >/sys/bus/pci/drivers/vfio-pci/bind
}
record() { jq -c ".devices[] | [.address, .action, .inferred, .driver_before, .override_before]" "/run/libpcipt/claims/$1.json"; }

gpu_driver=$(driver_of $gpu) audio_driver=$(driver_of $audio)
take $gpu
take $audio
run 3 bind --with-set --name pair $gpu
has "refused without the word" "foreign-owner" err
python3 - 3<>/dev/vfio/"$(group_of $gpu)" <<'PY' &
import time
time.sleep(1000)
PY
holder=$!
run 0 bind --json --with-set --allow foreign-owner --name pair $gpu
same "adopted without a write, held open though it is" "0 done" "$(json '"\(.steps | length) \(.result)"')"
same "what it was is inferred" "[\"$gpu\",\"bind\",true,\"$gpu_driver\",null]
[\"$audio\",\"bind\",true,\"$audio_driver\",null]" "$(record pair)"
run 0 status --json pair
same "status says so" "true true" "$(json '[.claims[].devices[].inferred | tostring] | join(" ")')"
run 3 release pair
has "not from under its holder" "held-open" err
kill $holder
wait $holder
run 0 reconcile
same "nothing to do" "nothing to do" "$(cat out)"
run 0 release pair
same "each has its own driver" "$gpu_driver (null) $audio_driver (null)" \
	"$(driver_of $gpu) $(override_of $gpu) $(driver_of $audio) $(override_of $audio)"

# Partly foreign: the one is adopted, the other bound; and undone, the one stays.
take $gpu
mount --bind /dev/full $device/$audio/driver_override
run 1 bind --with-set --allow foreign-owner --name pair $gpu
umount $device/$audio/driver_override
same "undone: the foreign one stays" "vfio-pci vfio-pci $audio_driver (null)" \
	"$(driver_of $gpu) $(override_of $gpu) $(driver_of $audio) $(override_of $audio)"
run 0 bind --with-set --allow foreign-owner --name pair $gpu
same "one inferred, one seen" "[\"$gpu\",\"bind\",true,\"$gpu_driver\",null]
[\"$audio\",\"bind\",false,\"$audio_driver\",null]" "$(record pair)"
run 0 release pair
same "both are back" "$gpu_driver $audio_driver" "$(driver_of $gpu) $(driver_of $audio)"

# No driver is known: left without one, and said; driverctl's file is told, and stays.
take $edu
echo vfio-pci >/etc/driverctl.d/pci-$edu
run 0 bind --allow foreign-owner --name edu $edu
has "said at once" "will leave it without one" out
run 0 release edu
has "said in the end" "given back without a driver" out
has "who will take it again" "driverctl" out
same "no driver, no override" " (null)" "$(driver_of $edu) $(override_of $edu)"
[ -e /etc/driverctl.d/pci-$edu ] && ok "driverctl's file stays" || not_ok "driverctl's file is gone"
rm /etc/driverctl.d/pci-$edu

# A record that was deleted by hand: nobody knows of the devices any more, and status says so.
nobodys() { json '[.problems[] | .code + " " + .address] | join(" ")'; }
remedy() { json '.problems[0].remedy' | sed 's/[^`]*`\([^`]*\)`.*/\1/'; }
run 0 bind --with-set --name pair $gpu
run 0 status --json
same "a claim's devices are no problem" "" "$(nobodys)"
rm /run/libpcipt/claims/pair.json
run 0 status --json
same "without the record they are" "PCIPT_E_NO_CLAIM $gpu PCIPT_E_NO_CLAIM $audio" "$(nobodys)"
run 0 $(remedy | cut -d' ' -f2-)
run 0 release $gpu
same "what it said to do gives both back" "$gpu_driver $audio_driver" "$(driver_of $gpu) $(driver_of $audio)"
nic_driver=$(driver_of $nic)
for override in vfio-pci pcipt-pinned; do
	echo $override >$device/$nic/driver_override
	run 0 status --json
	has "on its driver with the override $override" "$nic is on $nic_driver, and its override $override" out
	echo $nic >$device/$nic/driver/unbind
	run 0 status
	has "without a driver" "$nic has no driver, and its override $override keeps it from one" err
	run 0 status --json
	same "the one such" "PCIPT_E_NO_CLAIM $nic" "$(nobodys)"
	# The second command that it names, `pcipt recover` being the first.
	sh -c "$(json '.problems[0].remedy' | cut -d'`' -f4)"
	same "what it said to do gives it back" "$nic_driver (null)" "$(driver_of $nic) $(override_of $nic)"
done
run 0 status --json
same "nobody's are no more" "" "$(nobodys)"
finish
