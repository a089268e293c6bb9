/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What disks are used for, on a tree that looks like a machine's: raised with the whole
 * way down as evidence, and not raised any more once the use is over.
 */
#include "storage.h"
#include "usage/efi-boot.h"

static void mounts(const char *mountinfo)
{
	storage_process(1, 1, mountinfo);
}

static void swaps(const char *lines)
{
	char *text = test_format("Filename\tType\tSize\tUsed\tPriority\n%s", lines);
	char *path = tree_path(storage.tree, "proc/swaps");

	test_write(path, text, strlen(text));
	free(path);
	free(text);
}

/* ext4 on LVM on dm-crypt on a RAID1 of both disks: what the issue is about. */
static void stack(void)
{
	storage_two_disks();
	storage_on_top("md0", "9:0", "nvme0n1p2", "nvme1n1", NULL);
	storage_attribute("md0", "md/level", "raid1");
	storage_on_top("dm-0", "253:0", "md0", NULL);
	storage_dm("dm-0", "cryptroot", "CRYPT-LUKS2-0-cryptroot");
	storage_on_top("dm-1", "253:1", "dm-0", NULL);
	storage_dm("dm-1", "vg-root", "LVM-abc");
}

START_TEST(nothing_is_used)
{
	storage_two_disks();
	mounts("22 1 0:20 / /proc rw - proc proc rw\n23 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	storage_ask(ONE, TWO, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

START_TEST(a_mount)
{
	storage_two_disks();
	mounts("30 1 259:1 / /srv/my\\040data rw,noatime shared:1 - ext4 /dev/nvme0n1p1 rw\n");
	storage_ask(ONE, TWO, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_MOUNT, ONE, "/srv/my data", "/srv/my data is on nvme0n1p1 = " ONE);
	mounts("");
	storage_ask(ONE, TWO, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

START_TEST(root_on_everything)
{
	stack();
	mounts("30 1 253:1 / / rw - ext4 /dev/mapper/vg-root rw\n");
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/",
		   "/ is on vg-root (LVM) on cryptroot (dm-crypt) on md0 (RAID1) on nvme0n1p2 = " ONE);
	assert_use(PCIPT_USE_ROOT, TWO, "/",
		   "/ is on vg-root (LVM) on cryptroot (dm-crypt) on md0 (RAID1) on nvme1n1 = " TWO);
	assert_use(PCIPT_USE_STACKED, ONE, "md0 (RAID1)",
		   "md0 (RAID1) is on nvme0n1p2 = " ONE "; on it: cryptroot (dm-crypt), vg-root (LVM)");
	ck_assert_uint_eq(storage.uses.n, 4);
	mounts("");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_int_eq(storage.uses.items[0].kind, PCIPT_USE_STACKED);
}
END_TEST

START_TEST(what_the_system_runs_from)
{
	static const struct {
		const char *point;
		bool root;
	} table[] = { { "/", true },	  { "/boot", true },	{ "/boot/efi", true },
		      { "/efi", true },	  { "/usr", true },	{ "/var", true },
		      { "/var/lib", false }, { "/home", false }, { "/bootx", false } };
	char *text = test_format("30 1 259:2 / %s rw - vfat /dev/nvme0n1p2 rw\n", table[_i].point);

	storage_two_disks();
	mounts(text);
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_int_eq(storage.uses.items[0].kind,
			 table[_i].root ? PCIPT_USE_ROOT : PCIPT_USE_MOUNT);
	ck_assert_str_eq(storage.uses.items[0].what, table[_i].point);
	free(text);
}
END_TEST

/* In a container's namespace "/" isn't what the system runs from. */
START_TEST(another_namespace)
{
	storage_two_disks();
	storage_process(4711, 2, "30 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n");
	tree_file(storage.tree, "proc/4711/comm", "containerd-shim");
	/* In the same one: read once only. */
	storage_process(4712, 2, "30 1 260:0 / /not/read rw - ext4 /dev/nvme1n1 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_MOUNT, ONE, "/",
		   "/ is on nvme0n1p1 = " ONE
		   "; seen in the mount namespace of process 4711 (containerd-shim)");
	ck_assert_ptr_nonnull(strstr(storage.uses.items[0].remedy, "nsenter -t 4711 -m"));
}
END_TEST

/* Hundreds of containers have it mounted: one finding, the first process's mounts first. */
START_TEST(many_mounts)
{
	storage_two_disks();
	for (int i = 0; i < 300; i++)
		storage_process(1000 + i, 2 + (unsigned int)i,
				"30 1 259:1 /x /data rw - ext4 /dev/nvme0n1p1 rw\n");
	mounts("30 1 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_MOUNT, ONE, "/srv and 300 more",
		   "/srv is on nvme0n1p1 = " ONE
		   "; it is mounted 301 times, also at /data");
}
END_TEST

START_TEST(swap_spaces)
{
	stack();
	swaps("/dev/nvme0n1p1 partition 1 0 -2\n/dev/mapper/vg-root partition 1 0 -3\n"
	      "/dev/sdz1 partition 1 0 -3\n/swap\\040file\\040(deleted) file 1 0 -4\n");
	mounts("30 1 260:0 / / rw - ext4 /dev/nvme1n1 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage_count(PCIPT_USE_SWAP), 4);
	assert_use(PCIPT_USE_SWAP, ONE, "/dev/nvme0n1p1", "/dev/nvme0n1p1 is on nvme0n1p1 = " ONE);
	assert_use(PCIPT_USE_SWAP, TWO, "/swap file", "/swap file is on nvme1n1 = " TWO);
	ck_assert_uint_eq(storage_count(PCIPT_USE_UNKNOWN), 0);
	swaps("");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage_count(PCIPT_USE_SWAP), 0);
}
END_TEST

START_TEST(a_volume_group_is_one)
{
	storage_two_disks();
	storage_on_top("dm-1", "253:1", "nvme0n1p1", NULL);
	storage_dm("dm-1", "my--data-a--b", "LVM-1");
	storage_on_top("dm-2", "253:2", "nvme0n1p1", "nvme0n1p2", NULL);
	storage_dm("dm-2", "my--data-c", "LVM-2");
	storage_on_top("dm-3", "253:3", "nvme0n1p1", NULL);
	storage_dm("dm-3", "other-c", "LVM-3");
	storage_on_top("dm-4", "253:4", "nvme0n1p2", NULL);
	storage_dm("dm-4", "mpatha", "mpath-4");
	storage_on_top("dm-5", "253:5", "nvme0n1p2", NULL);
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 4);
	assert_use(PCIPT_USE_STACKED, ONE, "the LVM volume group my-data",
		   "my--data-a--b (LVM) is on nvme0n1p1 = " ONE);
	ck_assert_str_eq(storage.uses.items[1].what, "the LVM volume group other");
	ck_assert_str_eq(storage.uses.items[2].what, "mpatha (multipath)");
	ck_assert_str_eq(storage.uses.items[3].what, "dm-5");
}
END_TEST

/* ---- where disks hang ---- */

/* With multipath the disk is in the subsystem; what is below the controller is a path. */
START_TEST(nvme_head)
{
	storage_disk("pci0000:03/" ONE "/nvme/nvme1/nvme0c1n2", NULL);
	storage_disk("virtual/nvme-subsystem/nvme-subsys0/nvme0n2", "259:5");
	storage_disk("virtual/nvme-subsystem/nvme-subsys0/nvme0n2/nvme0n2p1", "259:6");
	storage_disk("virtual/nvme-subsystem/nvme-subsys0/nvme0n3", "259:7");
	tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys0/nvme1");
	tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys0/nvme0n2");
	tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys0/nvme0n3");
	tree_folder(storage.tree, "sys/class/nvme-subsystem/nvme-subsys4/nvme4");
	mounts("30 1 259:6 / / rw - ext4 /dev/nvme0n2p1 rw\n"
	       "30 1 259:7 / /elsewhere rw - ext4 /dev/nvme0n3 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_ROOT, ONE, "/", "/ is on nvme0n2p1 = " ONE);
}
END_TEST

START_TEST(nvme_path_without_a_head)
{
	storage_disk("pci0000:03/" ONE "/nvme/nvme1/nvme0c1n2", NULL);
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_UNKNOWN, ONE, "whether its disks are in use",
		   "nvme0c1n2 is a path to an NVMe disk that isn't found");
	ck_assert_uint_eq(storage.uses.n, 1);
}
END_TEST

/* SATA, SAS, USB, virtio, another PCI domain behind the device: the path has its address. */
START_TEST(any_controller)
{
	static const struct {
		const char *path;
		bool below;
	} table[] = {
		{ "pci0000:03/" ONE "/ata1/host0/target0:0:0/0:0:0:0/block/sda", true },
		{ "pci0000:03/" ONE "/usb2/2-1/2-1.4/2-1.4:1.0/host0/target0:0:0/0:0:0:0/block/sda", true },
		{ "pci0000:03/" ONE "/virtio2/block/sda", true },
		{ "pci0000:03/" ONE "/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/sda", true },
		{ "pci0000:03/x" ONE "/virtio2/block/sda", false },
		{ "pci0000:03/" ONE "x/virtio2/block/sda", false },
		{ "pci0000:03/" TWO "/virtio2/block/sda", false },
		{ "virtual/block/sda", false },
	};

	storage_disk(table[_i].path, "8:0");
	mounts("30 1 8:0 / /mnt rw - ext4 /dev/sda rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, table[_i].below);
	if (table[_i].below)
		assert_use(PCIPT_USE_MOUNT, ONE, "/mnt", "/mnt is on sda = " ONE);
}
END_TEST

/* ---- file systems without a device number ---- */

#define UUID "12345678-1234-1234-1234-123456789abc"

static void btrfs(void)
{
	storage_two_disks();
	storage_on_top("dm-7", "253:7", "nvme1n1", NULL);
	storage_dm("dm-7", "luks", "CRYPT-LUKS2-7");
	tree_folder(storage.tree, "sys/fs/btrfs/features");
	tree_link(storage.tree, "sys/fs/btrfs/" UUID "/devices/nvme0n1p1", "../nowhere");
	tree_link(storage.tree, "sys/fs/btrfs/" UUID "/devices/dm-7", "../nowhere");
	tree_link(storage.tree, "sys/fs/btrfs/" UUID "/devices/sdq", "../nowhere");
}

/* The table names one device, here one that isn't even asked about; all of them carry it. */
START_TEST(btrfs_on_several)
{
	static const char *const sources[] = { "/dev/nvme0n1p1", "/dev/mapper/luks", "/dev/sdq",
					       "/dev/root" };
	char *text = test_format("30 1 0:40 /@ / rw - btrfs %s rw\n", sources[_i]);

	btrfs();
	mounts(text);
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/",
		   "/ is on the btrfs file system " UUID " on nvme0n1p1 = " ONE);
	assert_use(PCIPT_USE_ROOT, TWO, "/",
		   "/ is on the btrfs file system " UUID " on luks (dm-crypt) on nvme1n1 = " TWO);
	free(text);
}
END_TEST

START_TEST(btrfs_mounted_out_of_sight)
{
	btrfs();
	mounts("30 1 0:41 / /other rw - btrfs /dev/sdz rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_int_eq(storage.uses.items[0].kind, PCIPT_USE_MOUNT);
	ck_assert_str_eq(storage.uses.items[0].what, "the btrfs file system " UUID);
}
END_TEST

START_TEST(a_source_of_several_names)
{
	storage_two_disks();
	mounts("30 1 0:41 / /big rw - bcachefs /dev/sdz:/dev/nvme0n1p2 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_MOUNT, ONE, "/big", "/big is on nvme0n1p2 = " ONE);
}
END_TEST

/* ---- files that are disks, and layers ---- */

START_TEST(root_on_a_loop_device)
{
	storage_two_disks();
	storage_on_top("loop0", "7:0", NULL);
	storage_attribute("loop0", "loop/backing_file", "/live/medium/fs.img");
	storage_on_top("loop1", "7:1", NULL);
	storage_attribute("loop1", "loop/backing_file", "/live/one/inner.img");
	storage_on_top("loop2", "7:2", NULL);
	storage_attribute("loop2", "loop/backing_file", "/elsewhere/x.img");
	mounts("30 1 0:1 / / rw - tmpfs tmpfs rw\n"
	       "31 1 259:1 / /live/medium rw - vfat /dev/nvme0n1p1 rw\n"
	       "32 1 7:0 / /live/one rw - ext4 /dev/loop0 rw\n"
	       "33 1 7:1 / /usr rw - squashfs /dev/loop1 rw\n"
	       "34 1 7:2 / /no rw - squashfs /dev/loop2 rw\n");
	storage_ask(ONE, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/usr",
		   "/usr is on loop1 (the file /live/one/inner.img) on "
		   "loop0 (the file /live/medium/fs.img) on nvme0n1p1 = " ONE);
	ck_assert_uint_eq(storage.uses.n, 3);
}
END_TEST

START_TEST(root_is_an_overlay)
{
	storage_two_disks();
	mounts("30 1 259:1 / /run/medium rw - ext4 /dev/nvme0n1p1 rw\n"
	       "31 1 0:50 / / rw - overlay overlay rw,lowerdir=/nowhere:/run/medium/fs,upperdir=/run/up\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_ROOT, ONE, "/",
		   "/ is on nvme0n1p1 = " ONE "; it is mounted 2 times, also at /");
	/* Over itself: told once. */
	mounts("30 1 259:1 / / rw - ext4 x rw\n31 1 259:1 / / rw - ext4 x rw\n"
	       "32 1 259:1 / /usr rw - ext4 x rw\n");
	storage_ask(ONE, NULL);
	assert_use(PCIPT_USE_ROOT, ONE, "/, /usr",
		   "/, /usr is on nvme0n1p1 = " ONE "; it is mounted 3 times, also at /usr");
}
END_TEST

/* Then the disk isn't held exclusively: nothing else would tell. */
START_TEST(a_loop_device_on_a_disk)
{
	storage_two_disks();
	storage_on_top("loop0", "7:0", NULL);
	storage_attribute("loop0", "loop/backing_file", "/dev/nvme1n1");
	mounts("30 1 0:5 / /dev rw - devtmpfs dev rw\n31 1 7:0 / /srv rw - ext4 /dev/loop0 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage_count(PCIPT_USE_MOUNT), 1);
	assert_use(PCIPT_USE_MOUNT, TWO, "/srv",
		   "/srv is on loop0 (loop device) on nvme1n1 = " TWO);
	mounts("");
	storage_ask(ONE, TWO, NULL);
	assert_use(PCIPT_USE_STACKED, TWO, "loop0 (loop device)",
		   "loop0 (loop device) is on nvme1n1 = " TWO);
}
END_TEST

START_TEST(an_nvme_target)
{
	storage_two_disks();
	tree_file(storage.tree, "sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/1/device_path",
		  "/dev/nvme1n1");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_DISK_OPEN, TWO, "nvme1n1, given to others over the network",
		   "the NVMe target subsystem nqn.x exports nvme1n1 = " TWO);
}
END_TEST

/* The file is on what is mounted last at the longest path to it. */
START_TEST(which_mount_a_file_is_on)
{
	storage_two_disks();
	swaps("/a/b/swapfile file 1 0 -4\n");
	mounts("30 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n"
	       "31 1 259:2 / /a rw - ext4 /dev/nvme0n1p2 rw\n"
	       "32 1 8:1 / /a/b rw - ext4 /dev/sda1 rw\n"
	       "33 1 260:0 / /a/b rw - ext4 /dev/nvme1n1 rw\n"
	       "34 1 8:2 / /a/bc rw - ext4 /dev/sda2 rw\n");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage_count(PCIPT_USE_SWAP), 1);
	assert_use(PCIPT_USE_SWAP, TWO, "/a/b/swapfile", "/a/b/swapfile is on nvme1n1 = " TWO);
}
END_TEST

START_TEST(bcache_without_a_holder)
{
	storage_two_disks();
	storage_attribute("nvme1n1", "bcache/set", "");
	storage_ask(TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_STACKED, TWO, "bcache", "nvme1n1 = " TWO " is registered with bcache");
	/* Partitions that were there before say nothing of it. */
	storage_attribute("nvme0n1", "bcache/set", "");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_STACKED, ONE, "bcache", "nvme0n1 = " ONE " is registered with bcache");
}
END_TEST

/* A guest's own root, in a folder of its hypervisor's. */
START_TEST(a_folder_of_the_hypervisor)
{
	static const struct {
		const char *driver, *tag, *mount;
		bool root;
	} table[] = { { "9pnet_virtio", "host", "30 1 0:20 / / rw - 9p host rw,trans=virtio\n", true },
		      { "9pnet_virtio", "host", "30 1 0:20 / / rw - 9p other rw,trans=virtio\n", false },
		      { "9pnet_virtio", NULL, "30 1 0:20 / / rw - 9p other rw,trans=virtio\n", true },
		      { "virtiofs", NULL, "30 1 0:20 / / rw - virtiofs tag rw\n", true },
		      { "virtiofs", NULL, "30 1 0:20 / / rw - 9p host rw\n", false },
		      { "virtio_net", "host", "30 1 0:20 / / rw - 9p host rw\n", false } };
	char *driver = test_format("../../../../bus/virtio/drivers/%s", table[_i].driver);

	tree_set_link(storage.tree, USB, "virtio3/subsystem", "../../../bus/virtio");
	tree_set_link(storage.tree, USB, "virtio3/driver", driver);
	if (table[_i].tag)
		tree_set(storage.tree, USB, "virtio3/mount_tag", table[_i].tag);
	mounts(table[_i].mount);
	storage_ask(USB, NULL);
	ck_assert_uint_eq(storage.uses.n, table[_i].root);
	if (table[_i].root)
		ck_assert_int_eq(storage.uses.items[0].kind, PCIPT_USE_ROOT);
	if (_i == 0)
		assert_use(PCIPT_USE_ROOT, USB, "/", "/ is on host (9p) = " USB);
	free(driver);
}
END_TEST

/* ---- what the system boots from without having it mounted ---- */

#define EFI_UUID "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

static void assert_boot(const char *what, const char *why)
{
	char *evidence = test_format("%s is on nvme0n1p1 = " ONE ", and isn't mounted now: %s", what,
				     why);

	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_ROOT, ONE, what, evidence);
	ck_assert_ptr_nonnull(storage.uses.items[0].remedy);
	free(evidence);
}

/* By whatever name: udev's links lead to it. */
START_TEST(fstab_names_it)
{
	static const struct {
		const char *line, *link, *point, *why;
	} table[] = {
		{ "UUID=AB-12 /boot/efi vfat umask=0077,noauto 0 1", "by-uuid/AB-12", "/boot/efi",
		  "UUID=AB-12" },
		{ "UUID=\"AB-12\" /boot/efi vfat x-systemd.automount 0 1", "by-uuid/AB-12",
		  "/boot/efi", "UUID=AB-12" },
		{ "PARTUUID='ABCD-EF' /efi vfat noauto", "by-partuuid/abcd-ef", "/efi",
		  "PARTUUID=ABCD-EF" },
		{ "LABEL=my\\040boot\t/boot ext4 noauto 0 0", "by-label/my\\x20boot", "/boot",
		  "LABEL=my boot" },
		{ "PARTLABEL=EFI /boot/efi vfat noauto", "by-partlabel/EFI", "/boot/efi",
		  "PARTLABEL=EFI" },
		{ "# comment\n\n  /dev/nvme0n1p1 /boot/efi auto noauto", "x", "/boot/efi",
		  "/dev/nvme0n1p1" },
		{ "/dev/disk/by-id/a-part1 /usr ext4 ro", "by-id/a-part1", "/usr",
		  "/dev/disk/by-id/a-part1" },
	};
	char *link = test_format("dev/disk/%s", table[_i].link);
	char *why = test_format("/etc/fstab names it by %s", table[_i].why);

	storage_two_disks();
	tree_link(storage.tree, link, "../../nvme0n1p1");
	tree_file(storage.tree, "etc/fstab", table[_i].line);
	assert_boot(table[_i].point, why);
	/* Mounted it is told as what it is, and once. */
	mounts("30 1 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw\n");
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	assert_use(PCIPT_USE_ROOT, ONE, "/boot/efi", "/boot/efi is on nvme0n1p1 = " ONE);
	mounts("");
	tree_file(storage.tree, "etc/fstab", "# nothing");
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
	free(link);
	free(why);
}
END_TEST

/* Data that isn't there at boot, swap, other machines' disks: none of it is what boots. */
START_TEST(fstab_names_other_things)
{
	static const char *const lines[] = {
		"/dev/nvme0n1p1 /srv/data ext4 noauto 0 0", "/dev/nvme0n1p1 none swap sw 0 0",
		"UUID=AB-12 /boot/efi vfat noauto", "#/dev/nvme0n1p1 /boot/efi vfat noauto",
		"/dev/sda1 /boot/efi vfat noauto", "/dev/nvme0n1p1", "", "\"", "UUID= /boot x",
		"LABEL=\" /boot x",
	};

	storage_two_disks();
	tree_link(storage.tree, "dev/disk/by-uuid/AB-12", "../../sda1");
	tree_file(storage.tree, "etc/fstab", lines[_i]);
	storage_ask(ONE, TWO, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

START_TEST(fstab_can_not_be_read)
{
	storage_two_disks();
	tree_folder(storage.tree, "etc/fstab");
	storage_ask(ONE, USB, NULL);
	ck_assert_uint_eq(storage.uses.n, 1);
	ck_assert_ptr_nonnull(storage_use(PCIPT_USE_UNKNOWN, ONE));
	ck_assert_ptr_nonnull(strstr(storage.uses.items[0].evidence, "/etc/fstab can't be read"));
}
END_TEST

/* An automount that systemd made by itself stands in no fstab. */
START_TEST(a_unit_names_it)
{
	storage_two_disks();
	tree_link(storage.tree, "dev/disk/by-partuuid/" EFI_UUID, "../../nvme0n1p1");
	tree_file(storage.tree, "run/systemd/generator.late/efi.mount",
		  "[Unit]\nDescription=EFI\n[Mount]\nWhat=/dev/disk/by-partuuid/" EFI_UUID
		  "\nWhere=/efi\n");
	mounts("30 1 0:50 / /efi rw - autofs systemd-1 rw,fd=50,direct\n");
	assert_boot("/efi", "systemd's mount unit names it by /dev/disk/by-partuuid/" EFI_UUID);
}
END_TEST

START_TEST(proxmox_names_it)
{
	storage_two_disks();
	tree_link(storage.tree, "dev/disk/by-uuid/AB-12", "../../nvme0n1p1");
	tree_file(storage.tree, "etc/kernel/proxmox-boot-uuids", "CD-34\nAB-12");
	assert_boot("an EFI system partition",
		    "/etc/kernel/proxmox-boot-uuids names it by UUID=AB-12");
}
END_TEST

/* ---- firmware ---- */

static void variable(const char *name, const void *value, size_t n)
{
	char *path = test_format("sys/firmware/efi/efivars/%s", name), *whole;
	char bytes[512] = { 7 };

	memcpy(bytes + 4, value, n);
	tree_file(storage.tree, path, "");
	whole = tree_path(storage.tree, path);
	test_write(whole, bytes, n + 4);
	free(whole);
	free(path);
}

/* A boot entry: flags, the length of its path, its name, a controller, a partition, a file. */
static size_t make_entry(uint8_t *out, uint8_t kind)
{
	static const uint8_t head[] = { 1, 0, 0, 0, 6 + 42 + 4, 0, 'd', 0, 'e', 0, 0, 0 };
	static const uint8_t before[] = { 1, 1, 6, 0, 0, 3 }, after[] = { 0x7f, 0xff, 4, 0 };
	static const uint8_t guid[] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
					0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };
	uint8_t *p = out;

	p = (uint8_t *)memcpy(p, head, sizeof(head)) + sizeof(head);
	p = (uint8_t *)memcpy(p, before, sizeof(before)) + sizeof(before);
	memset(p, 0, 42);
	p[0] = 4, p[1] = 1, p[2] = 42, p[4] = 15, p[40] = 2, p[41] = kind;
	memcpy(p + 24, guid, sizeof(guid));
	p += 42;
	p = (uint8_t *)memcpy(p, after, sizeof(after)) + sizeof(after);
	return (size_t)(p - out);
}

START_TEST(the_firmware_names_it)
{
	uint8_t entry[128];

	storage_two_disks();
	tree_link(storage.tree, "dev/disk/by-partuuid/" EFI_UUID, "../../nvme0n1p1");
	variable("BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\x0a\x00", 2);
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
	variable("Boot000A-8be4df61-93ca-11d2-aa0d-00e098032b8c", entry, make_entry(entry, 2));
	assert_boot("the partition that the boot loader was started from",
		    "the firmware's boot entry names it by PARTUUID=" EFI_UUID);
}
END_TEST

START_TEST(the_loader_names_it)
{
	char value[2 * 36 + 2] = "";

	for (size_t i = 0; i < 36; i++)
		value[2 * i] = EFI_UUID[i];
	storage_two_disks();
	tree_link(storage.tree, "dev/disk/by-partuuid/" EFI_UUID, "../../nvme0n1p1");
	variable("LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", value, sizeof(value));
	assert_boot("the partition that the boot loader was started from",
		    "the boot loader names it by PARTUUID=" EFI_UUID);
	value[1] = 'x';
	variable("LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f", value, sizeof(value));
	storage_ask(ONE, NULL);
	ck_assert_uint_eq(storage.uses.n, 0);
}
END_TEST

/* Whatever the firmware gives: cut short anywhere, every byte another. */
START_TEST(damaged_boot_entries)
{
	uint8_t entry[128], *copy;
	char uuid[PCIPT_PARTUUID_SIZE];
	size_t n = make_entry(entry, 1);

	ck_assert(pcipt_efi_parse_entry(entry, n, uuid));
	ck_assert_str_eq(uuid, "c12a7328-0f");
	for (size_t i = 0; i < n; i++) {
		copy = malloc(i + 1);
		memcpy(copy, entry, i);
		pcipt_efi_parse_entry(copy, i, uuid);
		free(copy);
	}
	for (size_t i = 0; i < n * 256; i++) {
		copy = malloc(n);
		memcpy(copy, entry, n);
		copy[i / 256] = (uint8_t)i;
		pcipt_efi_parse_entry(copy, n, uuid);
		free(copy);
	}
	make_entry(entry, 0);
	ck_assert(!pcipt_efi_parse_entry(entry, n, uuid));
}
END_TEST

Suite *suite_block(void)
{
	Suite *suite = suite_create("block");
	TCase *tc = tcase_create("uses");

	tcase_add_checked_fixture(tc, storage_begin, storage_end);
	tcase_add_test(tc, nothing_is_used);
	tcase_add_test(tc, a_mount);
	tcase_add_test(tc, root_on_everything);
	tcase_add_loop_test(tc, what_the_system_runs_from, 0, 9);
	tcase_add_test(tc, another_namespace);
	tcase_add_test(tc, many_mounts);
	tcase_add_test(tc, swap_spaces);
	tcase_add_test(tc, a_volume_group_is_one);
	tcase_add_test(tc, nvme_head);
	tcase_add_test(tc, nvme_path_without_a_head);
	tcase_add_loop_test(tc, any_controller, 0, 8);
	tcase_add_loop_test(tc, btrfs_on_several, 0, 4);
	tcase_add_test(tc, btrfs_mounted_out_of_sight);
	tcase_add_test(tc, a_source_of_several_names);
	tcase_add_test(tc, root_on_a_loop_device);
	tcase_add_test(tc, root_is_an_overlay);
	tcase_add_test(tc, a_loop_device_on_a_disk);
	tcase_add_test(tc, an_nvme_target);
	tcase_add_test(tc, which_mount_a_file_is_on);
	tcase_add_test(tc, bcache_without_a_holder);
	tcase_add_loop_test(tc, a_folder_of_the_hypervisor, 0, 6);
	tcase_add_loop_test(tc, fstab_names_it, 0, 7);
	tcase_add_loop_test(tc, fstab_names_other_things, 0, 10);
	tcase_add_test(tc, fstab_can_not_be_read);
	tcase_add_test(tc, a_unit_names_it);
	tcase_add_test(tc, proxmox_names_it);
	tcase_add_test(tc, the_firmware_names_it);
	tcase_add_test(tc, the_loader_names_it);
	tcase_add_test(tc, damaged_boot_entries);
	suite_add_tcase(suite, tc);
	return suite;
}
