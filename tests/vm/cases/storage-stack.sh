#!/bin/sh
# ext4 on LVM on dm-crypt on a RAID1 of both NVMe disks, swap beside it; multipath,
# bcache and btrfs over two disks.
# run: --topology storage-net; kernels 6.12; iommus intel
# all: --topology storage-net; kernels 6.1 6.12; iommus intel
# takes: 73
. "$(dirname "$0")/storage.sh"

modprobe -a dm-mod dm-crypt raid1 ext4 btrfs dm-multipath dm-round-robin bcache
mkdir -p /mnt/a /mnt/b

layers() {
	mdadm --quiet --create /dev/md0 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean "/dev/$d1" "/dev/$d2"
	refused $one block-holder "md0 (RAID1) is on $d1 = $one"
	echo secret >key
	cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 /dev/md0 key
	cryptsetup open --type luks1 --key-file key /dev/md0 cryptroot
	pvcreate -q -q /dev/mapper/cryptroot
	vgcreate -q -q vg-a /dev/mapper/cryptroot
	lvcreate -q -q -y -L 20M -n root vg-a
	lvcreate -q -q -y -L 8M -n swap vg-a
	mkfs.ext4 -q /dev/vg-a/root
	mkswap -q /dev/vg-a/swap
	mount -t ext4 /dev/vg-a/root /mnt/a
	swapon /dev/vg-a/swap
	for address in $one $two; do
		disk=$d1
		[ $address = $one ] || disk=$d2
		refused $address mounted-filesystem "/mnt/a is on vg--a-root (LVM) on cryptroot (dm-crypt) on md0 (RAID1) on $disk = $address"
		refused $address swap "is on vg--a-swap (LVM) on cryptroot (dm-crypt) on md0 (RAID1) on $disk = $address"
		refused $address block-holder "md0 (RAID1) is on $disk = $address; on it: cryptroot (dm-crypt), vg--a-"
		count block-holder 1
		count mounted-filesystem 1
	done
	same "a hard finding can't be allowed" 2 "$("$pcipt" plan --allow swap $one >/dev/null 2>&1; echo $?)"
}

layers_down() {
	swapoff /dev/vg-a/swap
	umount /mnt/a
	refused $one block-holder "md0 (RAID1) is on $d1 = $one"
	count mounted-filesystem 0
	count swap 0
	vgchange -q -q -an vg-a
	cryptsetup close cryptroot
	refused $two block-holder "md0 (RAID1) is on $d2 = $two"
	mdadm --quiet --stop /dev/md0
	idle $one "linux_raid_member"
	idle $two "linux_raid_member"
	wipe "/dev/$d1" "/dev/$d2"
	free $one $two
}

# One finding for a volume group, however many volumes it has.
volume_group() {
	pvcreate -q -q "/dev/$d1"
	vgcreate -q -q data "/dev/$d1"
	for n in 1 2 3 4 5 6; do lvcreate -q -q -y -L 4M -n "v$n" data; done
	refused $one block-holder "(LVM) is on $d1 = $one"
	count block-holder 1
	has "the volume group is named" "the LVM volume group data" out
	vgchange -q -q -an data
	idle $one LVM2_member
	wipe "/dev/$d1"
	free $one
}

multipath() {
	size=$(blockdev --getsz $stick)
	dmsetup create mpatha --uuid mpath-test --table "0 $size multipath 0 0 1 1 round-robin 0 1 1 $stick 1000"
	refused $usb block-holder "mpatha (multipath) is on sda = $usb"
	mkfs.ext4 -q /dev/mapper/mpatha
	mount -t ext4 /dev/mapper/mpatha /mnt/b
	refused $usb mounted-filesystem "/mnt/b is on mpatha (multipath) on sda = $usb"
	umount /mnt/b
	dmsetup remove mpatha
	idle $usb ext4
	wipe $stick
	free $usb
}

# A cache that no backing device is attached to has no holder: its folder in sysfs tells.
bcache() {
	make-bcache --bucket 64k -B "/dev/$d1" -C "/dev/$d2" >/dev/null
	echo "/dev/$d1" >/sys/fs/bcache/register
	echo "/dev/$d2" >/sys/fs/bcache/register
	sleep 1
	refused $one block-holder "bcache0 is on $d1 = $one"
	refused $two block-holder "bcache0 is on $d2 = $two"
	echo 1 >/sys/block/bcache0/bcache/stop
	sleep 2
	refused $two block-holder "$d2 = $two is registered with bcache"
	for set in /sys/fs/bcache/*-*; do echo 1 >"$set/stop"; done
	sleep 2
	idle $one bcache
	idle $two bcache
	wipe "/dev/$d1" "/dev/$d2"
	free $one $two
}

# mountinfo names only one of its devices.
btrfs_on_two() {
	mkfs.btrfs -q -M -m raid1 -d raid1 "/dev/$d1" "/dev/$d2"
	mount -t btrfs -o "device=/dev/$d1,device=/dev/$d2" "/dev/$d1" /mnt/a
	uuid=$(blkid -o value -s UUID "/dev/$d1")
	refused $one mounted-filesystem "/mnt/a is on the btrfs file system $uuid on $d1 = $one"
	refused $two mounted-filesystem "/mnt/a is on the btrfs file system $uuid on $d2 = $two"
	mkdir /mnt/a/sub
	mount --bind /mnt/a/sub /mnt/b
	refused $two mounted-filesystem "it is mounted 2 times, also at /mnt/b"
	count mounted-filesystem 1
	umount /mnt/b /mnt/a
	idle $one btrfs
	wipe "/dev/$d1" "/dev/$d2"
	free $one $two
}

free $one $two $usb
layers
layers_down
volume_group
multipath
bcache
btrfs_on_two
finish
