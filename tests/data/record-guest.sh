#!/bin/sh
# The part of tests/data/record that runs in the virtual machine, as root.
set -eu

here=$1 name=$2
pcipt=$PCIPT_BUILD/pcipt
devices=/sys/bus/pci/devices

# States that a machine has only after somebody worked with it.
case $name in
gpu-pair)
	modprobe vfio-pci
	"$pcipt" bind --with-set 00:03.0
	;;
sriov)
	# The NVMe controller's VFs have no queues; no driver must try them.
	echo 0 >$devices/0000:02:00.0/sriov_drivers_autoprobe
	echo 2 >$devices/0000:02:00.0/sriov_numvfs
	echo 3 >$devices/0000:01:00.0/sriov_numvfs
	;;
storage-net)
	# One disk in use in two ways, the other without any data; a card with a link and no
	# address; a USB controller whose stick nobody uses.
	disk=$(ls /sys/class/nvme-subsystem/*/ | grep '^nvme[0-9]*n1$' | head -n 1)
	printf 'label: gpt\nsize=30M\nsize=30M\n' | sfdisk -q "/dev/$disk"
	mkfs.ext4 -q "/dev/${disk}p1"
	mkswap -q "/dev/${disk}p2"
	mkdir -p /srv
	modprobe -a ext4 vfio-pci
	mount -t ext4 "/dev/${disk}p1" /srv
	swapon "/dev/${disk}p2"
	ip link set eth0 up
	;;
esac
# An asynchronous probe, or a link that is just coming up, would change things between the two.
sleep 3

"$pcipt" list --json --full >live.json
"$here/../../tools/pcipt-record" --mask-serials -o "$name.tar.gz"
# What a plan for each device alone says, to be compared with what the tree says of it.
# (Of hundreds that are all alike it would only take long.)
for file in "$devices"/*; do
	[ "$name" = many ] || "$pcipt" plan --json "${file##*/}" || :
done >plans.json
python3 "$here/mask.py" /etc/machine-id live.json plans.json >"$PCIPT_VM_OUT/$name.json"

# The whole of modules.alias is too much to keep: the lines for the makers of these devices do.
release=$(uname -r)
alias=pcipt-record/lib/modules/$release/modules.alias
tar -xzf "$name.tar.gz"
mkdir -p "${alias%/*}"
vendors=$(cat "$devices"/*/vendor | sort -u | sed 's/^0x/0000/' | tr a-f A-F | tr '\n' '|')
grep -E "^alias (vfio_pci:|pci:v(${vendors}\*))" "/lib/modules/$release/modules.alias" |
	grep -v '^alias pci:v00008086' >"$alias"
# Of Intel's there are thousands: those whose ids begin as one of these does.
for file in "$devices"/*/device; do
	tr a-f A-F <"$file" | sed 's/^0x\(...\).$/^alias pci:v00008086d0000\1/'
done | sort -u >patterns
grep -f patterns "/lib/modules/$release/modules.alias" >>"$alias"
# Files of one name beside each other compress to half of what they do in the tree's order.
find pcipt-record -printf '%d/%f\t%p\n' | sort | cut -f 2 >files
tar -c -f - --no-recursion -T files --format=gnu --mtime=@0 --owner=root:0 --group=root:0 |
	gzip -n -9 >"$PCIPT_VM_OUT/$name.tar.gz"
ls -l "$PCIPT_VM_OUT/$name".*
