#!/bin/sh
# One boot of boot.host, which says which: comes up as systemd would bring it up (what the
# units run, in their order), then looks. Runs in the virtual machine, as root.
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"

host_card=0000:00:06.0
list=/etc/libpcipt/boot
record=/var/lib/libpcipt/claims/nic.json

# mark WHAT: when that was, for whoever wonders where the time goes
mark() { echo "$(cut -d ' ' -f 1 /proc/uptime) s: $1"; }

# unit_runs UNIT: what its ExecStart says, done
unit_runs() {
	line=$(sed -n 's/^ExecStart=-\{0,1\}//p' "/usr/local/lib/systemd/system/$1")
	[ -n "$line" ] || { not_ok "$1 runs nothing"; return; }
	$line
}

# The state of the boot before is on a disk whose driver the initramfs has; /var comes later.
come_up() {
	mark begin
	cp -a "$INSTALLED/." /
	PATH=$PATH:/usr/local/bin
	export LD_LIBRARY_PATH=/usr/local/lib
	pcipt=/usr/local/bin/pcipt
	modprobe -a nvme ext4
	mkdir -p /disk /etc/libpcipt /var/lib/libpcipt
	until mount -t ext4 /dev/nvme0n1 /disk 2>/dev/null; do sleep 0.1; done
	mkdir -p /disk/etc /disk/var
	mount --bind /disk/etc /etc/libpcipt
	mark installed
	# As systemd-udevd.service, pcipt-hold.service, systemd-udev-trigger.service.
	/lib/systemd/systemd-udevd --daemon
	[ ! -e $list ] || unit_runs pcipt-hold.service
	mark held
	# All of it takes as long as the rest of the boot under emulation; boot-systemd.sh has it.
	udevadm trigger --type=devices --action=add --subsystem-match=pci
	udevadm settle --timeout=60
	mark drivers
	for name in $before_var; do "$name"; done
	mount --bind /disk/var /var/lib/libpcipt
	unit_runs pcipt-reconcile.service >reconciled 2>&1
	reconciled=$?
	mark reconciled
}

state() { "$pcipt" status --json nic | jq -r '.claims[0] | "\(.state) \(.reason)"'; }
# What a driver's probe says when it has begun with a device.
probed() { dmesg | grep -c "e1000e $1:"; }
serial_of() { "$pcipt" show --json "$1" | jq -r '.devices[0].serial'; }

# never_native ADDRESS: bound, and its native driver hasn't seen it
never_native() {
	same "$1 is on vfio-pci" vfio-pci "$(driver_of "$1")"
	same "e1000e has never probed $1" 0 "$(probed "$1")"
	same "e1000e has the host's card" e1000e "$(driver_of $host_card)"
	holds "and its probe can be seen" [ "$(probed $host_card)" -gt 0 ]
	same "the claim is bound" "bound null" "$(state)"
}

# ---- the boots ----

claims() {
	same "no claim, no list" no "$([ -e $list ] && echo yes || echo no)"
	same "reconciling ended well" 0 "$reconciled"
	same "the native driver has the card" e1000e "$(driver_of 0000:00:04.0)"
	run 0 bind --persistent --name nic 0000:00:04.0
	has "the list names the card" "vfio-pci 8086:10d3:" $list
	has "by its slot, serial number, driver and claim" \
		"04.0 $(serial_of 0000:00:04.0) e1000e nic" $list
	same "the list is root's" "644 root 755 root" "$(stat -c '%a %U' $list /etc/libpcipt | xargs)"
	run 0 release nic
	same "a released claim is in no list" no "$([ -e $list ] && echo yes || echo no)"
	run 0 bind --persistent --name nic 0000:00:04.0
	run 0 bind --name short 0000:00:06.0
	same "a claim of this boot isn't in it" 1 "$(grep -cv '^#' $list)"
	# Whoever else could write there has no say.
	chmod 666 $list
	run_hold 1 0000:00:04.0
	chmod 644 $list
	run_hold 0 0000:00:04.0
	same "what the rule is told" vfio-pci "$(cat out)"
	run_hold 1 $host_card
}

run_hold() { # STATUS ADDRESS
	/usr/local/lib/udev/pcipt-hold "$2" >out 2>err
	same "pcipt-hold $2" "$1" $?
}

kept_before_var() {
	same "without /var it has no driver" "" "$(driver_of 0000:00:04.0)"
	same "but vfio-pci's name" vfio-pci "$(override_of 0000:00:04.0)"
}

# replug: the card goes and comes back while its native driver isn't loaded
replug() {
	modprobe -r e1000e
	echo 1 >"$device/0000:00:04.0/remove"
	echo 1 >/sys/bus/pci/rescan
	udevadm settle
	modprobe e1000e
	same "the rule alone keeps it, too" " vfio-pci" \
		"$(driver_of 0000:00:04.0) $(override_of 0000:00:04.0)"
}

finds_it_bound() {
	same "reconciling ended well" 0 "$reconciled"
	never_native 0000:00:04.0
	replug
	run 0 reconcile
	never_native 0000:00:04.0
	# Its record was deleted by hand: nothing may stay without a driver for that.
	replug
	mv $record /root/
	run 0 reconcile --json
	same "what is kept for nobody is let go" "nic ended kept-for-nobody" \
		"$(json '.actions[0] | "\(.claim) \(.to) \(.reason)"')"
	same "to its driver" "e1000e (null)" "$(driver_of 0000:00:04.0) $(override_of 0000:00:04.0)"
	same "and out of the list" no "$([ -e $list ] && echo yes || echo no)"
	mv /root/nic.json $record
	run 0 reconcile
	same "the record is back, so is the claim" "bound null" "$(state)"
	has "and the line" " nic" $list
}

moved() {
	has "it was seen to have moved" moved reconciled
	same "the claim has followed" "bound null" "$(state)"
	same "to vfio-pci at its new address" vfio-pci "$(driver_of 0000:00:05.0)"
	has "the list, too" "/05.0 $(serial_of 0000:00:05.0) e1000e nic" $list
}

same_model() {
	same "it isn't the claim's card" "waiting replaced" "$(state)"
	has "and that is said" "of the same model, with the serial" reconciled
	same "the new card is on its driver" "e1000e (null)" \
		"$(driver_of 0000:00:05.0) $(override_of 0000:00:05.0)"
	same "vfio-pci has never seen it" 0 "$(dmesg | grep -c 'vfio-pci 0000:00:05.0')"
	holds "it has its interface" [ -d "$device/0000:00:05.0/net" ]
}

without() {
	same "it is waited for" "waiting absent" "$(state)"
	has "in a sentence" "is not in this machine" reconciled
	same "the list still has it" 1 "$(grep -cv '^#' $list)"
	# For the next boot.
	cp $record /disk/kept.json
	printf '{"schema": "libpcipt-claim/1", "na' >$record
}

damaged_record() {
	has "the damaged record is told" nic.json reconciled
	same "its card is kept" " vfio-pci" "$(driver_of 0000:00:05.0) $(override_of 0000:00:05.0)"
	cp /disk/kept.json $record
	run 0 reconcile
	never_native 0000:00:05.0
	# For the next boot: cut off in the middle, and a line of rubbish.
	{ echo "vfio-pci ../../x"; head -c 150 $list; } >/disk/list
	cp /disk/list $list
}

damaged_list() {
	holds "the native driver was first" [ "$(probed 0000:00:05.0)" -gt 0 ]
	same "it is converged after" "vfio-pci bound null" "$(driver_of 0000:00:05.0) $(state)"
	same "the list is mended" 1 "$(grep -cv '^#' $list)"
	run_hold 0 0000:00:05.0
	run 0 release nic
	same "released" "e1000e (null)" "$(driver_of 0000:00:05.0) $(override_of 0000:00:05.0)"
	same "no list is left" no "$([ -e $list ] && echo yes || echo no)"
}

released() {
	same "it is the host's again" "e1000e (null)" "$(driver_of 0000:00:05.0) $(override_of 0000:00:05.0)"
	run 4 release nic
}

before_var=''
[ "$1" != finds-it-bound ] || before_var=kept_before_var
come_up
"$(echo "$1" | tr - _)"
sync
finish
