#!/bin/sh
# Several devices behind a PCIe-to-PCI bridge: one group with bridges in it, which stay.
# run: --topology shared-bridge; kernels 6.12; iommus amd
# all: --topology shared-bridge; kernels 6.1 6.12; iommus intel amd
# takes: 33
. "$(dirname "$0")/lib.sh"

modprobe vfio-pci
bridged=$(find_class 0x0604 | while read -r b; do ls "$device/$b" | grep -E '^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$'; done | sort -u)
first=
for a in $bridged; do
	case $(cat $device/$a/class) in 0x0604*) ;; *) first=${first:-$a} ;; esac
done
group=$(group_of "$first")
members=$(ls /sys/kernel/iommu_groups/$group/devices)
endpoints=$(for a in $members; do case $(cat $device/$a/class) in 0x0604*) ;; *) echo $a ;; esac; done)
bridges=$(for a in $members; do case $(cat $device/$a/class) in 0x0604*) echo $a ;; esac; done)
fingerprint >before

[ "$(echo "$endpoints" | wc -l)" -ge 3 ] && ok "several endpoints: $(echo $endpoints)" || not_ok "too few endpoints in group $group: $members"
[ -n "$bridges" ] && ok "bridges in the group: $(echo $bridges)" || not_ok "no bridge in group $group: $members"
bound=$(for a in $endpoints; do [ -n "$(driver_of $a)" ] && echo $a; done)
run 3 bind "$first"
for a in $bound; do
	[ "$a" = "$first" ] || has "the refusal names $a" "$a" err
done
run 0 plan --with-set --json "$first"
for a in $bridges; do
	same "bridge $a stays" "bridge keep" "$(json ".members[] | select(.address == \"$a\") | .role + \" \" + .action")"
done
run 3 bind "$(echo "$bridges" | head -n 1)"
has "a bridge can't be taken" not-bindable err
run 0 bind --with-set --name bus.1 "$first"
for a in $bound; do same "$a on vfio-pci" vfio-pci "$(driver_of $a)"; done
for a in $bridges; do same "bridge $a keeps its driver" "$(sed -n "s|^$device/$a/driver .*/||p" before)" "$(driver_of $a)"; done
python3 "$(dirname "$0")/open-group.py" "$group" $first && ok "the group opens" || not_ok "the group doesn't open"
# A driverless member that wasn't in the slot asked for is pinned, and unpinned after.
for a in $endpoints; do
	[ -n "$(driver_of $a)" ] || same "$a is pinned" pcipt-pinned "$(override_of $a)"
done
run 0 release bus.1
unchanged "exactly as before" before

# One that is driverless on purpose.
last=$(echo "$bound" | tail -n 1)
if [ "$last" != "$first" ]; then
	echo "$last" >"$device/$last/driver/unbind"
	fingerprint >without
	run 0 plan --with-set --json "$first"
	has "it is told" sibling-unbound out
	same "of whom" "$last warning" "$(json ".findings[] | select(.code == \"sibling-unbound\" and .address == \"$last\") | .address + \" \" + .severity")"
	run 0 bind --with-set "$first"
	same "$last is pinned" pcipt-pinned "$(override_of $last)"
	same "$last has no driver" "" "$(driver_of $last)"
	run 0 release --with-claim "$first"
	unchanged "exactly as before, driverless too" without
	echo "$last" >"/sys/bus/pci/drivers/$(sed -n "s|^$device/$last/driver .*/||p" before)/bind"
	run 0 plan --with-set --json "$first"
	same "with its driver it isn't told" "" "$(json ".findings[] | select(.code == \"sibling-unbound\" and .address == \"$last\") | .code")"
fi

# A bridge whose driver keeps the group for the host. pci-pf-stub takes any device by its override.
modprobe pci-pf-stub
for bridge in $bridges; do [ -n "$(driver_of "$bridge")" ] || break; done
echo pci-pf-stub >"$device/$bridge/driver_override"
echo "$bridge" >/sys/bus/pci/drivers/pci-pf-stub/bind
same "the bridge has a driver of the host's" pci-pf-stub "$(driver_of "$bridge")"
run 3 plan --with-set --json "$first"
same "the group isn't viable" "$bridge hard" "$(json '.findings[] | select(.code == "group-not-viable") | .address + " " + .severity')"
run 2 plan --with-set --allow group-not-viable "$first"
echo "$bridge" >/sys/bus/pci/drivers/pci-pf-stub/unbind
echo >"$device/$bridge/driver_override"
run 0 plan --with-set --json "$first"
same "viable again" "" "$(json '.findings[] | select(.code == "group-not-viable") | .address')"
finish
