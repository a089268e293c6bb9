#!/bin/sh
# One more boot of boot.host, in which a real systemd starts the units: are they run, in which
# order, and does what they wait for come first? systemd is the first process of a pid
# namespace, begins with nothing started, and reaches what a boot reaches up to
# sysinit.target. Runs in the virtual machine, as root; the claim is the one of the boots before.
# shellcheck source=tests/vm/cases/lib.sh
. "$(dirname "$0")/lib.sh"

card=0000:00:04.0
units=/run/systemd/system

# What is not of this: units of the host whose files the guest sees.
only_what_a_boot_needs() {
	for dir in /etc/systemd/system /usr/local/lib/systemd/system /etc/systemd/system.conf.d; do
		[ ! -d "$dir" ] || mount -t tmpfs -o mode=0755 none "$dir"
	done
	# The bed's host may be a container, which this machine isn't.
	rm -f /.dockerenv
	: >/etc/fstab
	echo uninitialized >/etc/machine-id
	for unit in systemd-binfmt systemd-hwdb-update systemd-machine-id-commit ldconfig systemd-sysusers \
		systemd-journal-catalog-update systemd-update-done systemd-firstboot systemd-tmpfiles-setup \
		systemd-tmpfiles-setup-dev systemd-random-seed systemd-update-utmp lvm2-monitor mdadm-shutdown; do
		ln -s /dev/null "$units/$unit.service"
	done
}

state_on_disk() {
	modprobe -a nvme ext4
	mkdir -p /disk /etc/libpcipt /var/lib/libpcipt
	until mount -t ext4 /dev/nvme0n1 /disk 2>/dev/null; do sleep 0.1; done
	mount --bind /disk/etc /etc/libpcipt
	# /var is a file system that comes late, on a disk that udev finds: the unit has to wait for it.
	cat >$units/var-slow.service <<-UNIT
		[Unit]
		DefaultDependencies=no
		After=systemd-udev-trigger.service
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/bin/sleep 2
	UNIT
	cat >$units/var-lib-libpcipt.mount <<-UNIT
		[Unit]
		DefaultDependencies=no
		Requires=var-slow.service
		After=var-slow.service
		Before=local-fs.target
		[Mount]
		What=/disk/var
		Where=/var/lib/libpcipt
		Options=bind
	UNIT
}

# What a boot is for in this case, and that it has got there.
target() {
	cat >$units/seen.target <<-UNIT
		[Unit]
		Requires=sysinit.target
		Wants=pcipt-reconcile.service seen.service
		After=sysinit.target
	UNIT
	cat >$units/seen.service <<-UNIT
		[Unit]
		DefaultDependencies=no
		After=sysinit.target pcipt-reconcile.service
		[Service]
		Type=oneshot
		ExecStart=/bin/sh -c 'systemctl --no-pager show pcipt-hold.service systemd-udev-trigger.service pcipt-reconcile.service var-lib-libpcipt.mount -p Id,Result,ConditionResult,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic,ExecMainExitTimestampMonotonic,ActiveState >/run/seen.tmp; journalctl --no-pager -b -o short-monotonic >/run/journal; mv /run/seen.tmp /run/seen'
	UNIT
}

# value UNIT PROPERTY: what systemctl showed; milliseconds for times
value() {
	awk -v unit="$1" -v key="$2" 'BEGIN { RS = ""; FS = "\n" } $0 ~ "Id=" unit "(\n|$)" {
		for (i = 1; i <= NF; i++) if (index($i, key "=") == 1) print substr($i, length(key) + 2) }' /run/seen
}

before() { # WHAT FIRST LATER: times
	if [ "${2:-0}" -gt 0 ] && [ "$2" -le "${3:-0}" ]; then
		ok "$1"
	else
		not_ok "$1: $2, then $3"
	fi
}

mkdir -p $units
only_what_a_boot_needs
cp -a "$INSTALLED/." /
pcipt=/usr/local/bin/pcipt
echo /usr/local/lib >/etc/ld.so.conf.d/pcipt.conf
ldconfig
state_on_disk
target
unshare --pid --fork --mount --propagation slave --mount-proc --kill-child \
	/lib/systemd/systemd --system --unit=seen.target --log-target=journal-or-kmsg >/run/systemd.log 2>&1 &
left=800
until [ -e /run/seen ] || [ $left = 0 ]; do
	left=$((left - 1))
	sleep 0.2
done
if [ ! -e /run/seen ]; then
	not_ok "systemd didn't get there: $(cat /run/systemd.log; dmesg | tail -n 30)"
	finish
	exit 1
fi

hold_began=$(value pcipt-hold.service ExecMainStartTimestampMonotonic)
hold_ended=$(value pcipt-hold.service ExecMainExitTimestampMonotonic)
trigger_began=$(value systemd-udev-trigger.service ExecMainStartTimestampMonotonic)
reconcile_began=$(value pcipt-reconcile.service ExecMainStartTimestampMonotonic)
mounted=$(value var-lib-libpcipt.mount ActiveEnterTimestampMonotonic)
same "pcipt-hold.service has run" success "$(value pcipt-hold.service Result)"
before "and was through before udev's trigger" "$hold_ended" "$trigger_began"
same "pcipt-reconcile.service has run" success "$(value pcipt-reconcile.service Result)"
before "after /var was there" "$mounted" "$reconcile_began"
before "and after the trigger" "$trigger_began" "$reconcile_began"
echo "hold $(((hold_ended - hold_began) / 1000)) ms, reconcile $((($(value pcipt-reconcile.service ExecMainExitTimestampMonotonic) - reconcile_began) / 1000)) ms"
mount --bind /disk/var /var/lib/libpcipt
same "the card is on vfio-pci" vfio-pci "$(driver_of $card)"
same "e1000e has never probed it" 0 "$(dmesg | grep -c "e1000e $card:")"
same "the claim is bound" bound "$("$pcipt" status --json nic | jq -r '.claims[0].state')"
same "no ordering cycle" "" "$(grep -i 'ordering cycle' /run/journal)"
sync
finish
