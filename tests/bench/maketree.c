/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * maketree N FOLDER [classes]: a sysfs-like tree of exactly N PCI functions below
 * FOLDER/sys, named, nested and linked as the kernel does it, for the benchmarks; with
 * `classes` also the class devices below them (disks, interfaces, displays, sound cards).
 *
 * The same N gives the same tree each time. A machine is made of ports, each with
 * one of eight fillings (GPU with its audio, disks, network cards, a card with 32
 * VFs, a switch, …); when a domain has no bus numbers left the next one begins.
 *
 * Every attribute that the programs are compared by is a file of its own. The
 * others are hard links to a few shared ones: on a tmpfs each non-empty file costs
 * a page, and 60,000 devices have two million files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VFS_PER_PF 32
#define MAX_DEPTH  16

/* The order is that of `driver_names`. */
enum driver {
	NO_DRIVER = -1,
	PCIEPORT,
	NVME,
	MLX5,
	ICE,
	IAVF,
	IXGBE,
	NVIDIA,
	SND_HDA,
	XHCI,
	MPT3SAS,
	AHCI,
	VFIO_PCI,
	N_DRIVERS
};

static const char *const driver_names[N_DRIVERS] = {
	"pcieport", "nvme",	     "mlx5_core", "ice",     "iavf", "ixgbe",
	"nvidia",   "snd_hda_intel", "xhci_hcd",  "mpt3sas", "ahci", "vfio-pci",
};

/* What a kind of function has in common. */
struct model {
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class_id;
	uint8_t revision;
	enum driver driver;
	const char *reset_method; /* NULL: the kernel then shows no such attribute */
	bool extended;		  /* 4096 bytes of config space instead of 256 */
};

static const struct model host_bridge = { 0x8086, 0x09a2, 0x8086, 0, 0x060000, 4, NO_DRIVER,
					  NULL, false };
static const struct model root_port = { 0x8086, 0x347a, 0, 0, 0x060400, 4, PCIEPORT, NULL, true };
static const struct model upstream_port = { 0x10b5, 0x9797, 0, 0, 0x060400, 0xaa, PCIEPORT, NULL,
					    true };
static const struct model downstream_port = { 0x10b5, 0x9797, 0, 0, 0x060400, 0xab, PCIEPORT,
					      NULL, true };
static const struct model gpu = { 0x10de, 0x2484, 0x1043, 0x87c1, 0x030000, 0xa1, NVIDIA, "bus",
				  true };
static const struct model gpu_audio = { 0x10de, 0x228b, 0x1043, 0x87c1, 0x040300, 0xa1, SND_HDA,
					"bus", false };
static const struct model disk = { 0x144d, 0xa80a, 0x144d, 0xa801, 0x010802, 0, NVME, "flr bus",
				   false };
static const struct model nic_two = { 0x15b3, 0x101d, 0x15b3, 0x0016, 0x020000, 0, MLX5, "flr bus",
				      true };
static const struct model nic_pf = { 0x8086, 0x1592, 0x8086, 0x0002, 0x020000, 2, ICE, "flr bus",
				     true };
static const struct model nic_vf = { 0x8086, 0x1889, 0x8086, 0, 0x020000, 2, IAVF, "flr", false };
static const struct model nic_four = { 0x8086, 0x1528, 0x8086, 0x0001, 0x020000, 1, IXGBE,
				       "flr pm bus", false };
static const struct model storage = { 0x1000, 0x00e6, 0x1028, 0x2171, 0x010700, 1, MPT3SAS,
				      "flr bus", false };
static const struct model usb = { 0x1022, 0x148c, 0x1022, 0x148c, 0x0c0330, 0, XHCI, "flr bus",
				  false };
static const struct model sata = { 0x1022, 0x7901, 0x1022, 0x7901, 0x010601, 0x51, AHCI,
				   "flr pm bus", false };

struct function {
	const struct model *model;
	unsigned int domain, bus, slot, function;
	int group;
	enum driver driver;
	unsigned int secondary, subordinate; /* of a bridge */
	const char *physfn;		     /* of a VF */
	bool boot_vga, has_vfs;
};

/* Folders that many things are made in, opened once. */
static int at_devices, at_bus_devices, at_groups, at_shared, at_vfio;
static int at_driver[N_DRIVERS];
static int at_class;
static bool with_classes;

static unsigned int wanted, made, n_endpoints;
static int n_groups;

/* The way from sys/devices to where the next device goes. */
static struct {
	int fd[MAX_DEPTH];
	char path[1024];
	int depth; /* of the device: 2 on a root bus */
} here;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "maketree: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static int enter(int at, const char *name)
{
	int fd;

	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		die("mkdir", name);
	fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("open", name);
	return fd;
}

static void folder(int at, const char *name)
{
	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		die("mkdir", name);
}

static void bytes(int at, const char *name, const void *data, size_t n)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		die("write", name);
	close(fd);
}

static void __attribute__((format(printf, 3, 4))) text(int at, const char *name, const char *fmt,
							...)
{
	char buf[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	bytes(at, name, buf, (size_t)n);
}

static void __attribute__((format(printf, 3, 4))) link_to(int at, const char *name,
							   const char *fmt, ...)
{
	char buf[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (symlinkat(buf, at, name) < 0)
		die("symlink", name);
}

/* An attribute that no comparison reads: `as` names the shared file. */
static void shared(int at, const char *name, const char *as)
{
	if (linkat(at_shared, as, at, name, 0) < 0)
		die("link", name);
}

/* "../" as often as leads from the present device's folder to sys/. */
static const char *up(void)
{
	static char buf[3 * (MAX_DEPTH + 1) + 1];

	for (int i = 0; i <= here.depth; i++)
		memcpy(buf + 3 * i, "../", 4);
	return buf;
}

/* ---- what a device's folder holds ---- */

static void put(uint8_t *config, int at, int n, uint32_t value)
{
	for (int i = 0; i < n; i++)
		config[at + i] = (uint8_t)(value >> (8 * i));
}

/* A header that lspci can show, with a power management capability. */
static void make_config(int at, const struct function *f)
{
	const struct model *m = f->model;
	uint8_t config[4096] = { 0 };

	put(config, 0x00, 2, m->vendor);
	put(config, 0x02, 2, m->device);
	put(config, 0x04, 2, 0x0406); /* memory, bus master, no INTx */
	put(config, 0x06, 2, 0x0010); /* has capabilities */
	put(config, 0x08, 1, m->revision);
	put(config, 0x09, 3, m->class_id);
	config[0x0e] = f->secondary ? 0x01 : 0x00;
	if (f->secondary) {
		put(config, 0x18, 1, f->bus);
		put(config, 0x19, 1, f->secondary);
		put(config, 0x1a, 1, f->subordinate);
	} else {
		put(config, 0x10, 4, 0xf0000000 | (made << 16 & 0x0fff0000));
		put(config, 0x2c, 2, m->subvendor);
		put(config, 0x2e, 2, m->subdevice);
	}
	put(config, 0x34, 1, 0x40);
	put(config, 0x40, 4, 0x00030001);
	/* A VF reads all ones where its PF has the ids. */
	if (f->physfn)
		put(config, 0x00, 4, 0xffffffff);
	bytes(at, "config", config, m->extended ? 4096 : 256);
}

/* A bridge has lines for its windows too, a PF for the BARs of its VFs. */
static void make_resource(int at, const struct function *f)
{
	char buf[2048];
	int n = 0, lines = f->secondary ? 17 : f->has_vfs ? 13 : 7;

	for (int i = 0; i < lines; i++) {
		unsigned long long begin = 0x4000000000ull + (unsigned long long)made * 0x100000;

		if (i == 0 && !f->secondary)
			n += sprintf(buf + n, "0x%016llx 0x%016llx 0x%016x\n", begin,
				     begin + 0xffff, 0x140204);
		else
			n += sprintf(buf + n, "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
	}
	bytes(at, "resource", buf, (size_t)n);
}

static void make_ids(int at, const struct function *f, const char *address)
{
	const struct model *m = f->model;
	char alias[96], driver[64] = "";

	snprintf(alias, sizeof(alias), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", m->vendor,
		 m->device, m->subvendor, m->subdevice, m->class_id >> 16,
		 m->class_id >> 8 & 0xff, m->class_id & 0xff);
	if (f->driver != NO_DRIVER)
		snprintf(driver, sizeof(driver), "DRIVER=%s\n", driver_names[f->driver]);
	text(at, "vendor", "0x%04x\n", m->vendor);
	text(at, "device", "0x%04x\n", m->device);
	text(at, "subsystem_vendor", "0x%04x\n", m->subvendor);
	text(at, "subsystem_device", "0x%04x\n", m->subdevice);
	text(at, "class", "0x%06x\n", m->class_id);
	text(at, "revision", "0x%02x\n", m->revision);
	text(at, "modalias", "%s\n", alias);
	text(at, "uevent", "%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
	     "PCI_SLOT_NAME=%s\nMODALIAS=%s\n", driver, m->class_id, m->vendor, m->device,
	     m->subvendor, m->subdevice, address, alias);
}

static void make_attributes(int at, const struct function *f)
{
	static const char *const numbers[] = {
		"ari_enabled", "broken_parity_status", "consistent_dma_mask_bits", "d3cold_allowed",
		"dma_mask_bits", "enable", "local_cpulist", "local_cpus", "msi_bus",
	};
	static const char *const actions[] = { "remove", "rescan" };
	int power = enter(at, "power");

	text(at, "irq", "%u\n", 16 + made % 200);
	text(at, "numa_node", "%d\n", f->domain % 4 == 3 ? -1 : (int)(f->domain % 2));
	text(at, "driver_override", "%s\n", f->driver == VFIO_PCI ? "vfio-pci" : "(null)");
	text(at, "power_state", "D0\n");
	text(power, "control", "%s\n", made % 3 ? "on" : "auto");
	if (f->model->reset_method) {
		text(at, "reset_method", "%s\n", f->model->reset_method);
		shared(at, "reset", "nothing");
	}
	if (f->model->class_id == 0x030000)
		text(at, "boot_vga", "%d\n", f->boot_vga);
	if (f->model != &host_bridge && !f->physfn) {
		text(at, "current_link_speed", "16.0 GT/s PCIe\n");
		text(at, "current_link_width", "8\n");
		shared(at, "max_link_speed", "speed");
		shared(at, "max_link_width", "number");
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		shared(at, numbers[i], "number");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		shared(at, actions[i], "nothing");
	shared(power, "runtime_status", "active");
	shared(power, "runtime_active_time", "number");
	shared(power, "runtime_suspended_time", "number");
	shared(power, "autosuspend_delay_ms", "nothing");
	if (!f->secondary)
		shared(at, "resource0", "nothing");
	close(power);
}

static void make_vf_attributes(int at)
{
	text(at, "sriov_numvfs", "%d\n", VFS_PER_PF);
	shared(at, "sriov_totalvfs", "number");
	shared(at, "sriov_drivers_autoprobe", "number");
	shared(at, "sriov_offset", "number");
	shared(at, "sriov_stride", "number");
	shared(at, "sriov_vf_device", "number");
}

static void make_links(int at, const struct function *f, const char *address)
{
	char name[32];
	int group, devices;

	link_to(at, "subsystem", "%sbus/pci", up());
	link_to(at_bus_devices, address, "../../../devices/%s", here.path);
	if (f->driver != NO_DRIVER) {
		link_to(at, "driver", "%sbus/pci/drivers/%s", up(), driver_names[f->driver]);
		link_to(at_driver[f->driver], address, "../../../../devices/%s", here.path);
	}
	snprintf(name, sizeof(name), "%d", f->group);
	link_to(at, "iommu_group", "%skernel/iommu_groups/%s", up(), name);
	group = enter(at_groups, name);
	devices = enter(group, "devices");
	link_to(devices, address, "../../../../devices/%s", here.path);
	if (faccessat(group, "type", F_OK, 0) < 0) {
		shared(group, "type", "dma");
		shared(group, "reserved_regions", "regions");
	}
	close(devices);
	close(group);
	if (f->driver == VFIO_PCI) {
		int vfio = enter(at, "vfio-dev");

		snprintf(name, sizeof(name), "vfio%u", made);
		folder(vfio, name);
		close(vfio);
		snprintf(name, sizeof(name), "%d", f->group);
		folder(at_vfio, name);
	}
	if (f->physfn)
		link_to(at, "physfn", "../%s", f->physfn);
}

/* ---- class devices ---- */

/* A folder below the device of `at`, whose path from there is `path`, so many names deep. */
static int class_device(int at, const char *path, int names, const char *class)
{
	char text[64] = "";
	int device, folder = enter(at_class, class);

	if (mkdirat(at, path, 0755) < 0 && errno != EEXIST)
		die("mkdir", path);
	device = openat(at, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (device < 0)
		die("open", path);
	while (names-- > 0)
		strcat(text, "../");
	link_to(device, "subsystem", "%s%sclass/%s", text, up(), class);
	link_to(folder, strrchr(path, '/') + 1, "../../devices/%s/%s", here.path, path);
	close(folder);
	return device;
}

static void make_numbered(int at, const char *path, int names, const char *class,
			  unsigned int major, unsigned int minor)
{
	int device = class_device(at, path, names, class);

	text(device, "dev", "%u:%u\n", major, minor);
	close(device);
}

/* A disk with three partitions, at `path` below the device. */
static void make_disk(int at, const char *path, int names, const char *between,
		      unsigned int major)
{
	static unsigned int minor;
	char part[128];

	for (int i = 0; i < 4; i++) {
		int device;

		if (i == 0)
			snprintf(part, sizeof(part), "%s", path);
		else
			snprintf(part, sizeof(part), "%s/%s%s%d", path, strrchr(path, '/') + 1,
				 between, i);
		device = class_device(at, part, names + (i > 0), "block");
		text(device, "dev", "%u:%u\n", major, minor++);
		shared(device, "size", "number");
		shared(device, "ro", "number");
		folder(device, "holders");
		close(device);
	}
}

static void make_nvme(int at, unsigned int n)
{
	char path[64];

	folder(at, "nvme");
	snprintf(path, sizeof(path), "nvme/nvme%u", n);
	make_numbered(at, path, 2, "nvme", 240, n);
	snprintf(path, sizeof(path), "nvme/nvme%u/nvme%un1", n, n);
	make_disk(at, path, 3, "p", 259);
}

static void make_scsi(int at, unsigned int disks)
{
	static unsigned int hosts, names;
	char path[128];
	int n = snprintf(path, sizeof(path), "host%u", hosts++);

	folder(at, path);
	for (unsigned int i = 0; i < disks; i++, names++) {
		int length = n + snprintf(path + n, sizeof(path) - (size_t)n, "/%u:0:%u:0", hosts - 1, i);

		folder(at, path);
		strcpy(path + length, "/block");
		folder(at, path);
		snprintf(path + length, sizeof(path) - (size_t)length, "/block/sd%u_", names);
		make_disk(at, path, 4, "", 8);
	}
}

static void make_net(int at, bool has_clock)
{
	static unsigned int n, clocks;
	char path[64];
	int device;

	folder(at, "net");
	snprintf(path, sizeof(path), "net/eth%u", n++);
	device = class_device(at, path, 2, "net");
	text(device, "ifindex", "%u\n", n + 1);
	text(device, "flags", "0x1002\n");
	close(device);
	if (!has_clock)
		return;
	folder(at, "ptp");
	snprintf(path, sizeof(path), "ptp/ptp%u", clocks);
	make_numbered(at, path, 2, "ptp", 248, clocks++);
}

static void make_display(int at)
{
	static unsigned int n;
	char path[64];

	folder(at, "drm");
	snprintf(path, sizeof(path), "drm/card%u", n);
	make_numbered(at, path, 2, "drm", 226, n);
	snprintf(path, sizeof(path), "drm/renderD%u", 128 + n);
	make_numbered(at, path, 2, "drm", 226, 128 + n++);
}

static void make_sound(int at)
{
	static const char *const names[] = { "controlC%u", "hwC%uD0", "pcmC%uD3p" };
	static unsigned int n, minor;
	char path[64];

	folder(at, "sound");
	snprintf(path, sizeof(path), "sound/card%u", n);
	close(class_device(at, path, 2, "sound"));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char name[32];

		snprintf(name, sizeof(name), names[i], n);
		snprintf(path, sizeof(path), "sound/card%u/%s", n, name);
		make_numbered(at, path, 3, "sound", 116, minor++);
	}
	n++;
}

static void make_classes(int at, enum driver driver)
{
	static unsigned int nvmes;

	switch (driver) {
	case NVME: make_nvme(at, nvmes++); break;
	case MPT3SAS: make_scsi(at, 8); break;
	case AHCI: make_scsi(at, 2); break;
	case MLX5:
	case ICE:
	case IXGBE: make_net(at, true); break;
	case IAVF: make_net(at, false); break;
	case NVIDIA: make_display(at); break;
	case SND_HDA: make_sound(at); break;
	default: break;
	}
}

/* False when there are as many as were asked for. A bridge's folder is entered. */
static bool make(struct function f)
{
	char address[32];
	size_t length = strlen(here.path);
	int at;

	if (made == wanted)
		return false;
	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", f.domain, f.bus, f.slot,
		 f.function);
	snprintf(here.path + length, sizeof(here.path) - length, "/%s", address);
	here.depth++;
	at = enter(here.fd[here.depth - 2], address);
	made++;
	make_ids(at, &f, address);
	make_config(at, &f);
	make_resource(at, &f);
	make_attributes(at, &f);
	if (f.has_vfs)
		make_vf_attributes(at);
	make_links(at, &f, address);
	if (with_classes)
		make_classes(at, f.driver);
	if (f.secondary) {
		char bus[32];
		int buses = enter(at, "pci_bus");

		snprintf(bus, sizeof(bus), "%04x:%02x", f.domain, f.secondary);
		folder(buses, bus);
		close(buses);
		here.fd[here.depth - 1] = at;
		return true;
	}
	close(at);
	here.path[length] = '\0';
	here.depth--;
	return true;
}

static void leave(void)
{
	close(here.fd[here.depth - 1]);
	*strrchr(here.path, '/') = '\0';
	here.depth--;
}

/* ---- what a machine is made of ---- */

static enum driver driver_of(const struct model *model)
{
	n_endpoints++;
	if (n_endpoints % 10 == 3)
		return NO_DRIVER;
	if (n_endpoints % 25 == 7)
		return VFIO_PCI;
	return model->driver;
}

static bool endpoint(const struct model *model, unsigned int domain, unsigned int bus,
		     unsigned int function, int group)
{
	return make((struct function){ .model = model,
				       .domain = domain,
				       .bus = bus,
				       .function = function,
				       .group = group,
				       .driver = driver_of(model),
				       .boot_vga = domain == 0 && bus == 1 });
}

static bool bridge(const struct model *model, unsigned int domain, unsigned int bus,
		   unsigned int slot, unsigned int function, unsigned int secondary,
		   unsigned int subordinate)
{
	return make((struct function){ .model = model,
				       .domain = domain,
				       .bus = bus,
				       .slot = slot,
				       .function = function,
				       .group = n_groups++,
				       .driver = model->driver,
				       .secondary = secondary,
				       .subordinate = subordinate });
}

static bool make_pf(unsigned int domain, unsigned int bus)
{
	char pf[32], name[32], vf[32];
	struct function f = { .model = &nic_pf, .domain = domain, .bus = bus, .has_vfs = true };
	unsigned int i;
	int at;

	f.group = n_groups++;
	f.driver = nic_pf.driver; /* a PF with VFs is bound */
	if (!make(f))
		return false;
	snprintf(pf, sizeof(pf), "%04x:%02x:00.0", domain, bus);
	at = openat(here.fd[here.depth - 1], pf, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < VFS_PER_PF; i++) {
		f = (struct function){ .model = &nic_vf, .domain = domain, .bus = bus };
		f.slot = 1 + i / 8;
		f.function = i % 8;
		f.group = n_groups++;
		f.driver = driver_of(&nic_vf);
		f.physfn = pf;
		if (!make(f))
			break;
		snprintf(name, sizeof(name), "virtfn%u", i);
		snprintf(vf, sizeof(vf), "%04x:%02x:%02x.%x", domain, bus, f.slot, f.function);
		link_to(at, name, "../%s", vf);
	}
	close(at);
	return i == VFS_PER_PF;
}

static bool make_switch(unsigned int domain, unsigned int bus)
{
	bool more = bridge(&upstream_port, domain, bus, 0, 0, bus + 1, bus + 3);

	for (unsigned int i = 0; more && i < 2; i++) {
		more = bridge(&downstream_port, domain, bus + 1, 4 * i, 0, bus + 2 + i,
			      bus + 2 + i) &&
		       endpoint(&disk, domain, bus + 2 + i, 0, n_groups++);
		if (more)
			leave();
	}
	if (more)
		leave();
	return more;
}

static bool several(const struct model *model, unsigned int n, unsigned int domain,
		    unsigned int bus)
{
	for (unsigned int i = 0; i < n; i++)
		if (!endpoint(model, domain, bus, i, n_groups++))
			return false;
	return true;
}

static bool fill_port(unsigned int which, unsigned int domain, unsigned int bus)
{
	int pair;

	switch (which % 8) {
	case 0:
		pair = n_groups++;
		return endpoint(&gpu, domain, bus, 0, pair) &&
		       endpoint(&gpu_audio, domain, bus, 1, pair);
	case 1:
		return several(&disk, 1, domain, bus);
	case 2:
		return several(&nic_two, 2, domain, bus);
	case 3:
		return make_pf(domain, bus);
	case 4:
		return make_switch(domain, bus);
	case 5:
		return several(&storage, 1, domain, bus);
	case 6:
		return several(&usb, 1, domain, bus) && endpoint(&sata, domain, bus, 1, n_groups++);
	default:
		return several(&nic_four, 4, domain, bus);
	}
}

/* False when there are as many as were asked for. */
static bool make_domain(unsigned int domain)
{
	unsigned int bus = 1, ports = 0;
	bool more;

	snprintf(here.path, sizeof(here.path), "pci%04x:00", domain);
	here.depth = 1;
	here.fd[0] = enter(at_devices, here.path);
	text(here.fd[0], "uevent", "%s", "");
	more = make((struct function){ .model = &host_bridge,
				       .domain = domain,
				       .group = n_groups++,
				       .driver = NO_DRIVER });
	/* A switch needs four buses. */
	for (; more && ports < 31 * 8 && bus + 3 < 256; ports++) {
		unsigned int buses = ports % 8 == 4 ? 4 : 1;

		more = bridge(&root_port, domain, 0, 1 + ports / 8, ports % 8, bus,
			      bus + buses - 1) &&
		       fill_port(ports, domain, bus);
		bus += buses;
		if (more)
			leave();
	}
	return more;
}

/* ---- the rest of sys/ ---- */

/* A module that nothing holds but so many others that need it. */
static void make_module(int modules, const char *name, int holders)
{
	int at = enter(modules, name), by;

	text(at, "refcnt", "%d\n", holders);
	text(at, "taint", "\n");
	by = enter(at, "holders");
	while (holders-- > 0)
		link_to(by, driver_names[NVME], "../../%s", driver_names[NVME]);
	close(by);
	close(at);
}

static void make_driver(int drivers, int modules, int number)
{
	static const char *const actions[] = { "bind", "unbind", "new_id", "remove_id", "uevent" };
	const char *name = driver_names[number];
	int at = enter(drivers, name);

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		shared(at, actions[i], "nothing");
	if (with_classes)
		make_module(modules, name, 0);
	else
		folder(modules, name);
	link_to(at, "module", "../../../../module/%s", name);
	at_driver[number] = at;
}

/* The C library looks here for how many threads pay. */
static void make_processors(void)
{
	int system = enter(at_devices, "system"), cpu = enter(system, "cpu");
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	text(cpu, "online", "0-%ld\n", n > 1 ? n - 1 : 0);
	text(cpu, "possible", "0-%ld\n", n > 1 ? n - 1 : 0);
	close(cpu);
	close(system);
}

static void make_places(const char *where)
{
	int root, sys, bus, pci, drivers, modules, kernel, class;

	if (mkdir(where, 0755) < 0 && errno != EEXIST)
		die("mkdir", where);
	root = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die("open", where);
	sys = enter(root, "sys");
	at_shared = enter(root, "shared");
	text(at_shared, "number", "1\n");
	text(at_shared, "nothing", "%s", "");
	text(at_shared, "active", "active\n");
	text(at_shared, "speed", "16.0 GT/s PCIe\n");
	text(at_shared, "dma", "DMA-FQ\n");
	text(at_shared, "regions", "0x00000000fee00000 0x00000000feefffff msi\n");
	at_devices = enter(sys, "devices");
	bus = enter(sys, "bus");
	pci = enter(bus, "pci");
	at_bus_devices = enter(pci, "devices");
	drivers = enter(pci, "drivers");
	folder(pci, "slots");
	shared(pci, "drivers_probe", "nothing");
	shared(pci, "rescan", "nothing");
	shared(pci, "uevent", "nothing");
	modules = enter(sys, "module");
	kernel = enter(sys, "kernel");
	at_groups = enter(kernel, "iommu_groups");
	class = enter(sys, "class");
	at_vfio = enter(class, "vfio");
	at_class = class;
	for (int i = 0; i < N_DRIVERS; i++)
		make_driver(drivers, modules, i);
	if (with_classes)
		make_module(modules, "nvme_core", 1);
	make_processors();
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long n = argc > 2 ? strtoul(argv[1], &end, 10) : 0;

	with_classes = argc == 4 && strcmp(argv[3], "classes") == 0;
	if (argc < 3 || argc > 3 + with_classes || end == argv[1] || *end || n > 10000000) {
		fprintf(stderr, "usage: maketree N FOLDER [classes]\n");
		return 2;
	}
	wanted = (unsigned int)n;
	umask(022);
	make_places(argv[2]);
	for (unsigned int domain = 0; made < wanted; domain++)
		if (!make_domain(domain))
			break;
	return 0;
}
