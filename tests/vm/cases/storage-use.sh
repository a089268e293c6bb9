#!/bin/sh
# Disks in use without anything stacked on them: what the system runs from, mounts here
# and in other namespaces, swap, an exclusive opener, files that are disks themselves; a
# disk with nothing but data, one with nothing at all, and one that doesn't answer.
# run: --topology storage-net; kernels 6.1; iommus intel
# all: --topology storage-net; kernels 6.1 6.12; iommus intel
# takes: 83
. "$(dirname "$0")/storage.sh"

modprobe -a vfio-pci ext4 vfat loop overlay
mkdir -p /mnt/a /mnt/b /boot/efi

only_data() {
	mkfs.ext4 -q -L "my data" "/dev/$d1"
	idle $one "ext4 \\\"my data\\\" on $d1"
	free $two
	LIBBLKID_DEBUG=all "$pcipt" plan --json $one >out 2>err
	same "nothing is written to stderr" '' "$(cat err)"
	wipe "/dev/$d1"
	part "/dev/$d1"
	idle $one "a partition table (gpt) on $d1"
	mkfs.vfat "/dev/${d1}p1" >/dev/null
	mkswap -q "/dev/${d1}p2"
	idle $one "vfat on ${d1}p1, swap on ${d1}p2"
}

# Goes on with the partitions: a boot partition and swap.
boot_and_swap() {
	mount -t vfat "/dev/${d1}p1" /boot/efi
	refused $one root-disk "/boot/efi is on ${d1}p1 = $one"
	has "it can't be allowed" '"hard"' out
	umount /boot/efi
	# Not mounted, but fstab would: by the link that udev makes, and without one.
	idle $one "vfat on ${d1}p1, swap on ${d1}p2"
	mv /etc/fstab fstab.before 2>/dev/null
	uuid=$(blkid -p -s UUID -o value "/dev/${d1}p1")
	echo "UUID=$uuid /boot/efi vfat noauto,x-systemd.automount 0 1" >/etc/fstab
	refused $one root-disk "/boot/efi is on ${d1}p1 = $one, and isn't mounted now: /etc/fstab names it by UUID=$uuid"
	partuuid=$(sfdisk --part-uuid "/dev/$d1" 1 | tr A-F a-f)
	echo "PARTUUID=$partuuid /boot/efi vfat noauto 0 1" >/etc/fstab
	mkdir -p /dev/disk/by-partuuid
	ln -s "../../${d1}p1" "/dev/disk/by-partuuid/$partuuid"
	refused $one root-disk "/etc/fstab names it by PARTUUID=$partuuid"
	run 2 plan --allow root-disk $one
	swapon "/dev/${d1}p2"
	refused $one root-disk "/etc/fstab names it by PARTUUID=$partuuid"
	swapoff "/dev/${d1}p2"
	rm -r /dev/disk /etc/fstab
	mv fstab.before /etc/fstab 2>/dev/null
	swapon "/dev/${d1}p2"
	refused $one swap "/dev/${d1}p2 is on ${d1}p2 = $one"
	count root-disk 0
	swapoff "/dev/${d1}p2"
	idle $one "vfat on ${d1}p1"
	unpart "/dev/$d1"
	wipe "/dev/$d1"
	free $one
}

# The whole system moves to another root and back; / is on the disk meanwhile.
root_disk() {
	mkfs.ext4 -q "/dev/$d2"
	mkdir -p /mnt/root
	mount -t ext4 "/dev/$d2" /mnt/root
	refused $two mounted-filesystem "/mnt/root is on $d2 = $two"
	mkdir /mnt/root/old
	here=$PWD
	cd /mnt/root && pivot_root . old && cd /old"$here"
	/old/run/pcipt-vm/busybox chroot /old "$pcipt" plan --json $two >out
	status=$?
	cd /old && /old/run/pcipt-vm/busybox pivot_root . mnt/root && cd "$here"
	same "with / on it: exit" 3 $status
	same "root-disk" "/ is on $d2 = $two" "$(json '.findings[] | select(.code == "root-disk").evidence')"
	umount /mnt/root
	idle $two ext4
	wipe "/dev/$d2"
}

files_as_disks() {
	mkfs.ext4 -q $stick
	mount -t ext4 $stick /mnt/a
	dd if=/dev/zero of=/mnt/a/swapfile bs=1M count=8 status=none
	chmod 600 /mnt/a/swapfile
	mkswap -q /mnt/a/swapfile
	swapon /mnt/a/swapfile
	refused $usb swap "/mnt/a/swapfile is on sda = $usb"
	swapoff /mnt/a/swapfile
	dd if=/dev/zero of=/mnt/a/image bs=1M count=8 status=none
	loop=$(losetup -f)
	losetup "$loop" /mnt/a/image
	mkfs.ext4 -q "$loop"
	mount -t ext4 "$loop" /boot
	refused $usb root-disk "/boot is on ${loop#/dev/} (the file /mnt/a/image) on sda = $usb"
	umount /boot
	losetup -d "$loop"
	mkdir /mnt/a/up /mnt/a/work
	mount -t overlay -o lowerdir=/mnt/b,upperdir=/mnt/a/up,workdir=/mnt/a/work overlay /boot
	refused $usb root-disk "/boot is on sda = $usb"
	umount /boot
	refused $usb mounted-filesystem "/mnt/a is on sda = $usb"
	count root-disk 0
	# As containers do it: one finding, not hundreds.
	n=0
	while [ $n -lt 100 ]; do
		mkdir "/mnt/b/$n" && mount --bind /mnt/a "/mnt/b/$n"
		n=$((n + 1))
	done
	refused $usb mounted-filesystem "it is mounted 101 times"
	count mounted-filesystem 1
	umount /mnt/b/*
	umount /mnt/a
	idle $usb ext4
	wipe $stick
	free $usb
}

# Two users who have the disk open without holding it, in the kernel: no exclusive open
# and no process tells of them.
open_in_the_kernel() {
	mkfs.ext4 -q "/dev/$d2"
	loop=$(losetup -f)
	losetup "$loop" "/dev/$d2"
	refused $two block-holder "${loop#/dev/} (loop device) is on $d2 = $two"
	mount -t ext4 "$loop" /mnt/a
	refused $two mounted-filesystem "/mnt/a is on ${loop#/dev/} (loop device) on $d2 = $two"
	umount /mnt/a
	losetup -d "$loop"
	idle $two ext4
	modprobe nvmet
	mount -t configfs configfs /sys/kernel/config 2>/dev/null
	target=/sys/kernel/config/nvmet/subsystems/nqn.test
	mkdir -p $target/namespaces/1
	printf %s "/dev/$d2" >$target/namespaces/1/device_path
	echo 1 >$target/namespaces/1/enable
	refused $two block-open "the NVMe target subsystem nqn.test exports $d2 = $two"
	echo 0 >$target/namespaces/1/enable
	rmdir $target/namespaces/1 $target
	idle $two ext4
	wipe "/dev/$d2"
	free $two
}

# Until the file is there.
wait_for_file() {
	while [ ! -e "$1" ]; do sleep 0.2; done
}

other_namespaces() {
	mkfs.ext4 -q "/dev/$d2"
	unshare -m sh -c "mount -t ext4 /dev/$d2 /mnt/b && touch $PWD/mounted && exec sleep 1000" &
	wait_for_file mounted
	refused $two mounted-filesystem "/mnt/b is on $d2 = $two; seen in the mount namespace of process"
	has "who it is" "(sleep)" out
	kill $! && wait $!
	sleep 0.5
	idle $two ext4
	# No process is in this one: a file keeps it. The kernel still tells of the user.
	mkdir -p /run/spaces && mount --bind /run/spaces /run/spaces && mount --make-private /run/spaces
	touch /run/spaces/kept
	unshare --mount=/run/spaces/kept mount -t ext4 "/dev/$d2" /mnt/b
	refused $two block-open "an exclusive open of /dev/$d2 is refused as busy"
	umount /run/spaces/kept
	sleep 0.5
	idle $two ext4
	wipe "/dev/$d2"
	free $two
}

exclusive_opener() {
	part "/dev/$d1"
	mkfifo hold
	python3 -c "import os
fd = os.open('/dev/${d1}p2', os.O_RDWR | os.O_EXCL)
open('held', 'w').close()
open('hold').read()" &
	wait_for_file held
	refused $one block-open "(python3) has /dev/${d1}p2 open, and an exclusive open is refused as busy"
	has "its process" "${d1}p2, by $!" out
	count block-open 1
	count held-open 0
	echo >hold
	wait $!
	idle $one "a partition table (gpt) on $d1"
	unpart "/dev/$d1"
	wipe "/dev/$d1"
	free $one
}

# Whoever may not look, or has no node to look at, can't know.
cannot_see() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$pcipt" plan --json $one >out 2>err
	same "an ordinary user can't tell: exit" 3 $?
	same "what stands against it" unreadable "$(json '[.findings[].code | select(. != "no-reset")] | unique | join(" ")')"
	has "what can't be read" "can't be opened" out
	has "who else" "what process " out
	mv "/dev/$d1" /dev/elsewhere
	refused $one unreadable "/dev/$d1 can't be opened (its node isn't in /dev)"
	# A node of that name, but of another device: that one is left alone.
	mknod "/dev/$d1" b 1 99
	refused $one unreadable "/dev/$d1 can't be opened (its node isn't in /dev)"
	rm "/dev/$d1"
	# By the link that udev makes.
	mkdir -p /dev/block && ln -s ../elsewhere "/dev/block/$(cat "/sys/class/block/$d1/dev")"
	free $one
	rm -r /dev/block
	mv /dev/elsewhere "/dev/$d1"
	free $one
}

# As a container sees the host that it has below a folder of its own.
another_root() {
	mkdir -p root/sys root/proc root/dev
	for folder in sys proc dev; do mount --rbind /$folder root/$folder; done
	mkfs.ext4 -q "/dev/$d1"
	run 0 plan --root "$PWD/root" --json $one
	has "data is seen" "ext4 on $d1" out
	mount -t ext4 "/dev/$d1" /mnt/a
	run 3 plan --root "$PWD/root" --json $one
	has "its mount is seen" "/mnt/a is on $d1 = $one" out
	umount /mnt/a
	wipe "/dev/$d1"
	for folder in sys proc dev; do umount -R root/$folder || umount -l root/$folder; done
}

# A disk that takes for ever to answer: a byte at a time, by the cgroup's limit.
never_answers() {
	cg=/sys/fs/cgroup/slow
	echo +io >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $cg
	echo "$(cat "/sys/class/block/$d1/dev") rbps=64" >$cg/io.max
	echo 3 >/proc/sys/vm/drop_caches
	mkfs.ext4 -q -L other "/dev/$d2"
	before=$(date +%s)
	sh -c "echo \$\$ >$cg/cgroup.procs && exec $pcipt plan --json $one $two" >out 2>err
	same "a disk that doesn't answer: exit" 3 $?
	has "it is told" "/dev/$d1 can't be opened (it doesn't answer)" out
	has "the disk beside it was asked all the same" "ext4 \\\"other\\\" on $d2" out
	took=$(($(date +%s) - before))
	[ $took -lt 25 ] && ok "it took $took s" || not_ok "it took $took s"
	echo "$(cat "/sys/class/block/$d1/dev") rbps=max" >$cg/io.max
	wipe "/dev/$d2"
}

free $one $two $usb
only_data
boot_and_swap
root_disk
files_as_disks
open_in_the_kernel
other_namespaces
exclusive_opener
cannot_see
another_root
never_answers
finish
