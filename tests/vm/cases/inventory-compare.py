#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compare what pcipt says of every device with what lspci, modprobe and the kernel's
own files say, fact by fact. Prints a line for each device, group or question, and one
that begins with FAILED for each difference.

usage: inventory-compare.py BUILD_FOLDER LABEL facts|all [WANTED…]

With "all" also: other users, selectors, single devices, another root. WANTED are facts
that some device must have (serial, children:net), so that none is compared in vain.
"""
import ctypes
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys

BUILD, LABEL, EXTENT, *WANTED = sys.argv[1:]
DEVICES = "/sys/bus/pci/devices"
GROUPS = "/sys/kernel/iommu_groups"
ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

# The program itself where libtool made a script to start it: that costs ten processes.
PCIPT = [os.path.join(BUILD, "pcipt")]
if os.path.exists(os.path.join(BUILD, ".libs", "pcipt")):
    PCIPT = [os.path.join(BUILD, ".libs", "pcipt")]
    os.environ["LD_LIBRARY_PATH"] = os.path.join(BUILD, ".libs")


class Subject:
    """One line of the output: counts what agreed, tells what did not."""

    def __init__(self, name):
        self.name, self.agreed, self.failed = name, 0, 0

    def same(self, fact, source, expected, said):
        if expected == said:
            self.agreed += 1
            return
        self.failed += 1
        # One cause often has many effects.
        if self.failed <= 6:
            expected, said = repr(expected)[:400], repr(said)[:400]
            print(f"FAILED: {LABEL}: {self.name}: {fact}: {source} says {expected}, pcipt {said}")

    def no_problems(self, who, answer):
        said = [p["message"] for p in answer["problems"]]
        self.same(f"{who}'s problems", "nothing", [], said)

    def done(self):
        if not self.failed:
            print(f"ok: {LABEL}: {self.name}: {self.agreed} agree")
        elif self.failed > 6:
            print(f"FAILED: {LABEL}: {self.name}: and {self.failed - 6} more differ")


def output(*command, ok=(0,)):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ok and done.returncode not in ok:
        print(f"FAILED: {LABEL}: {' '.join(command)}: status {done.returncode}: {done.stderr}")
    return done.stdout


def pcipt(*arguments, before=()):
    text = output(*before, *PCIPT, *arguments, "--json")
    return json.loads(text) if text else {"devices": [], "problems": [{"message": "there was no answer"}]}


# --- the kernel's files -------------------------------------------------------------------


def read(path):
    """The attribute's text, or None. The kernel says EINVAL where there is no answer."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read().rstrip("\n")
    except OSError:
        return None


def base(path):
    return os.path.basename(os.readlink(path)) if os.path.islink(path) else None


def number(text, base_=10):
    return int(text, base_) if text is not None else None


def speed(text):
    match = re.match(r"([\d.]+) GT/s", text or "")
    return round(float(match[1]) * 1000) if match else None


def resources(address):
    """BARs and ROM as the kernel keeps them, by include/linux/ioport.h."""
    lines = read(f"{DEVICES}/{address}/resource").split("\n")[:7]
    found = []
    for i, line in enumerate(lines):
        start, end, flags = (int(x, 16) for x in line.split())
        if flags & 0x300:
            found.append(
                {
                    "bar": i,
                    "size": end - start + 1,
                    "io": bool(flags & 0x100),
                    "is_64bit": bool(flags & 0x200 and flags & 0x100000),
                    "prefetchable": bool(flags & 0x200 and flags & 0x2000),
                }
            )
    rom = [r["size"] for r in found if r["bar"] == 6]
    return [r for r in found if r["bar"] < 6], rom[0] if rom else None


def slot_path(address):
    physfn = base(f"{DEVICES}/{address}/physfn")
    if physfn:
        for link in glob.glob(f"{DEVICES}/{physfn}/virtfn*"):
            if base(link) == address:
                return slot_path(physfn) + "/vf" + re.search(r"\d+$", link)[0]
    parts = os.path.realpath(f"{DEVICES}/{address}").split("/")[3:]
    return "/".join(p[-4:] if ADDRESS.match(p) else p for p in parts)


def bridges_above(address):
    parts = os.path.realpath(f"{DEVICES}/{address}").split("/")[3:-1]
    return [p for p in reversed(parts) if ADDRESS.match(p)]


def all_children():
    """From the lists of all classes and buses, not from the devices' folders: the one way
    that pcipt doesn't go."""
    found = {}
    for link in glob.glob("/sys/class/*/*") + glob.glob("/sys/bus/*/devices/*"):
        kind = link.split("/")[3]
        if kind in ("pci", "vfio-dev") or not os.path.islink(link):
            continue
        path = os.path.realpath(link)
        above = [p for p in path.split("/")[:-1] if ADDRESS.match(p)]
        if above:
            found.setdefault(above[-1], set()).add((kind, os.path.basename(path)))
    return found


def slot_names():
    return {
        read(path): path.split("/")[-2] for path in sorted(glob.glob("/sys/bus/pci/slots/*/address"))
    }


def override_of(address):
    text = read(f"{DEVICES}/{address}/driver_override")
    return None if text in ("(null)", "") else text


def vfio_node(address, group):
    if not re.search(r"(^|[-_])vfio[-_]pci$", base(f"{DEVICES}/{address}/driver") or ""):
        return None
    for path in glob.glob(f"{DEVICES}/{address}/vfio-dev/vfio*/dev"):
        return "/dev/vfio/devices/" + path.split("/")[-2]
    return f"/dev/vfio/{group}" if os.path.exists(f"/dev/vfio/{group}") else None


def hexadecimal(text, digits):
    return None if text is None else "0x%0*x" % (digits, int(text, 16))


def kernel_says(address, children, slots):
    path = f"{DEVICES}/{address}"
    group = number(base(f"{path}/iommu_group"))
    bars, rom = resources(address)
    above = bridges_above(address)
    ids = [read(f"{path}/{n}") for n in ("vendor", "device", "subsystem_vendor", "subsystem_device")]
    revision = read(f"{path}/revision")
    override = override_of(address)
    node = number(read(f"{path}/numa_node"))
    boot_vga = read(f"{path}/boot_vga")
    link, most = speed(read(f"{path}/current_link_speed")), speed(read(f"{path}/max_link_speed"))
    total = number(read(f"{path}/sriov_totalvfs")) or 0
    slot = slot_path(address)
    virtfns = sorted(glob.glob(f"{path}/virtfn*"), key=lambda p: int(p.split("virtfn")[1]))
    functions = sorted(os.path.basename(p) for p in glob.glob(f"{DEVICES}/{address[:-1]}?"))
    return {
        "address": address,
        "vendor_id": hexadecimal(ids[0], 4),
        "device_id": hexadecimal(ids[1], 4),
        "subsystem_vendor_id": hexadecimal(ids[2], 4),
        "subsystem_device_id": hexadecimal(ids[3], 4),
        "class_id": hexadecimal(read(f"{path}/class"), 6),
        "revision": hexadecimal(revision, 2),
        "driver": base(f"{path}/driver"),
        "driver_override": override,
        "iommu_group": group,
        "iommu_type": read(f"{GROUPS}/{group}/type"),
        "numa_node": node if node is not None and node >= 0 else None,
        "parent": above[0] if above else None,
        "upstream": above,
        "physfn": base(f"{path}/physfn"),
        "virtfns": [base(p) for p in virtfns],
        "sriov_total": total,
        "boot_vga": None if boot_vga is None else boot_vga == "1",
        "reset_methods": (read(f"{path}/reset_method") or "").split(),
        "slot": slot,
        "identity": ":".join(x[2:] for x in ids + [revision]) + "@" + slot,
        "slot_functions": functions,
        "slot_name": slots.get(address.rsplit(".", 1)[0]),
        "vfio_device": vfio_node(address, group),
        "power_state": read(f"{path}/power_state"),
        "runtime_status": read(f"{path}/power/runtime_status"),
        "power_control": read(f"{path}/power/control"),
        "label": read(f"{path}/label"),
        "acpi_path": read(f"{path}/firmware_node/path"),
        "link": {
            "speed_mts": link,
            "width": number(read(f"{path}/current_link_width")) if link else None,
            "max_speed_mts": most,
            "max_width": number(read(f"{path}/max_link_width")) if most else None,
        },
        "bars": bars,
        "rom_size": rom,
        "children": sorted(children.get(address, ())),
    }


# --- lspci ------------------------------------------------------------------------------------


def lspci_short():
    """`lspci -vmmnnk`: one record a device, ids in brackets."""
    found = {}
    for record in output("lspci", "-vmmnnk", "-D").strip().split("\n\n"):
        facts = {}
        for line in record.split("\n"):
            key, value = line.split(":\t", 1)
            facts.setdefault(key, []).append(value)
        found[facts["Slot"][0]] = facts
    return found


def lspci_long():
    """`lspci -vvv`: the text of each device."""
    found = {}
    for record in output("lspci", "-vvv", "-D").strip().split("\n\n"):
        found[record.split(" ", 1)[0]] = record
    return found


def split_name(text):
    """A name and an id; lspci calls what has no name "Vendor", "Device" or "Class"."""
    match = re.match(r"(.*) \[([0-9a-f]{4})\]$", text)
    return (None if match[1] in ("Vendor", "Device", "Class") else match[1]), "0x" + match[2]


def short_says(facts):
    first = {key: values[0] for key, values in facts.items()}
    says = {
        "driver": first.get("Driver"),
        "iommu_group": number(first.get("IOMMUGroup")),
        "numa_node": number(first.get("NUMANode")),
        "slot_name": first.get("PhySlot"),
        "revision": "0x" + first.get("Rev", "00"),
    }
    names = {}
    names["class_name"], class_id = split_name(first["Class"])
    names["vendor_name"], says["vendor_id"] = split_name(first["Vendor"])
    names["device_name"], says["device_id"] = split_name(first["Device"])
    says["class_id"] = class_id + first.get("ProgIf", "00")
    if "SVendor" in first:
        says["subsystem_vendor_id"] = split_name(first["SVendor"])[1]
        says["subsystem_device_id"] = split_name(first["SDevice"])[1]
    return says, names


def size(text):
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]] if text[-1] in "KMG" else int(text)


def long_bars(text):
    found = []
    for bar, kind, details, length in re.findall(
        r"Region (\d): (Memory|I/O ports) at \S+(?: \(([^)]*)\))?.*\[size=(\w+)\]", text
    ):
        found.append(
            {
                "bar": int(bar),
                "size": size(length),
                "io": kind != "Memory",
                "is_64bit": "64-bit" in details,
                "prefetchable": "prefetchable" in details and "non-prefetchable" not in details,
            }
        )
    return found


ACS = {
    "SrcValid": "source-validation",
    "TransBlk": "translation-blocking",
    "ReqRedir": "request-redirect",
    "CmpltRedir": "completion-redirect",
    "UpstreamFwd": "upstream-forwarding",
    "EgressCtrl": "egress-control",
    "DirectTrans": "direct-translated",
}


def long_says(text):
    msi = re.search(r"MSI: Enable. Count=\d+/(\d+)", text)
    msix = re.search(r"MSI-X: Enable. Count=(\d+)", text)
    serial = re.search(r"Device Serial Number ([0-9a-f-]+)", text)
    acs = re.search(r"ACSCtl:\s(.*)", text)
    total = re.search(r"Total VFs: (\d+)", text)
    rom = re.search(r"Expansion ROM at .*\[size=(\w+)\]", text)
    says = {
        "msi_vectors": int(msi[1]) if msi else 0,
        "msix_vectors": int(msix[1]) if msix else 0,
        "serial": serial[1] if serial else None,
        "acs": [ACS[n] for n, on in re.findall(r"(\w+)([-+])", acs[1]) if on == "+"] if acs else None,
        "sriov_total": int(total[1]) if total else 0,
        "bars": long_bars(text),
        "rom_size": size(rom[1]) if rom else None,
    }
    for key, register in (("", "LnkSta"), ("max_", "LnkCap")):
        match = re.search(register + r":.*Speed ([\d.]+)GT/s.* Width x(\d+)", text)
        if match:
            says[key + "speed_mts"] = round(float(match[1]) * 1000)
            says[key + "width"] = int(match[2])
    state = re.search(r"Status: (D\d) NoSoftRst", text)
    if state:
        says["power_state"] = state[1]
    return says


# --- modules --------------------------------------------------------------------------------------


def modules_for(modalias):
    """As kmod answers, each once; it says nothing where nothing matches."""
    found = []
    for name in output("modprobe", "-R", modalias, ok=()).split():
        if name not in found:
            found.append(name)
    return found


def vfio_aliases():
    with open(f"/lib/modules/{os.uname().release}/modules.alias", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("alias vfio_pci:")]
    return [(pattern[len("vfio_pci:") :], module) for _, pattern, module in lines]


def vfio_module_for(modalias, aliases):
    ids = modalias[len("pci:") :]
    matching = [(p.count("*") + p.count("?") + p.count("["), m) for p, m in aliases if fnmatch.fnmatchcase(ids, p)]
    return min(matching, key=lambda m: m[0])[1] if matching else None


# --- the comparisons ----------------------------------------------------------------------------------


def plain_bars(device):
    return [{key: bar[key] for key in bar if key != "resizable"} for bar in device["bars"]]


def compare_device(device, kernel, short, long, names_come_from_pci_ids, aliases):
    subject = Subject(device["address"])
    for key, expected in kernel.items():
        said = device[key]
        if key == "bars":
            said = plain_bars(device)
        elif key == "children":
            said = sorted((c["subsystem"], c["name"]) for c in device["children"])
        subject.same(key, "the kernel", expected, said)

    facts, names = short_says(short)
    for key, expected in facts.items():
        subject.same(key, "lspci", expected, device[key])
    if names_come_from_pci_ids:
        for key, expected in names.items():
            subject.same(key, "lspci", expected, device[key])

    for key, expected in long_says(long).items():
        if key == "bars":
            subject.same(key, "lspci", expected, plain_bars(device))
        elif key in device["link"]:
            subject.same(key, "lspci", expected, device["link"][key])
        elif key == "sriov_total":
            # The register; a driver may make fewer of them (igb: 7 of 8).
            subject.same(key + " > 0", "lspci", expected > 0, device[key] > 0)
            subject.same(key + " at most", "lspci", True, device[key] <= expected)
        elif key == "power_state":
            # It knows no difference between D3hot and D3cold, and the kernel's state may be "unknown".
            if device[key] != "unknown":
                subject.same(key, "lspci", expected, device[key][:2])
        else:
            subject.same(key, "lspci", expected, device[key])

    modalias = read(f"{DEVICES}/{device['address']}/modalias")
    modules = modules_for(modalias)
    subject.same("modules", "modprobe", modules, device["modules"])
    subject.same("vfio_module", "modules.alias", vfio_module_for(modalias, aliases), device["vfio_module"])
    native = kernel["driver"] if kernel["driver"] and not kernel["driver"].endswith("vfio-pci") else None
    expected = kernel["driver_override"] or native or (modules[0] if modules else None)
    subject.same("expected_driver", "the kernel", expected, device["expected_driver"])
    subject.done()


def compare_wanted(full):
    subject = Subject("what there must be")
    for wanted in WANTED:
        key, _, kind = wanted.partition(":")
        values = [device[key] for device in full.values()]
        if kind:
            there = any(child["subsystem"] == kind for value in values for child in value)
        elif key == "link":
            there = any(value["speed_mts"] for value in values)
        else:
            there = any(values)
        subject.same(wanted, "the topology", True, there)
    subject.done()


def compare_groups(kernel):
    subject = Subject("groups")
    said = {group["number"]: group for group in pcipt("groups")["groups"]}
    numbers = sorted(int(os.path.basename(path)) for path in glob.glob(f"{GROUPS}/*"))
    subject.same("numbers", "the kernel", numbers, list(said))
    for n in numbers:
        members = sorted(os.listdir(f"{GROUPS}/{n}/devices"))
        drivers = {kernel[a]["driver"] for a in members}
        vfio = {d for d in drivers if d and re.search(r"vfio[-_]pci$", d)}
        group = said.get(n, {"devices": [], "type": None, "viable": None})
        subject.same(f"members of {n}", "the kernel", members, [d["address"] for d in group["devices"]])
        subject.same(f"type of {n}", "the kernel", read(f"{GROUPS}/{n}/type"), group["type"])
        viable = drivers <= {None, "pci-stub", "pcieport"} | vfio
        subject.same(f"viability of {n}", "the drivers", viable, group["viable"])
    subject.done()


class Library:
    """What the program has no answer for, or would need too many processes for."""

    def __init__(self):
        pointer, size = ctypes.c_void_p, ctypes.c_size_t
        self.lib = ctypes.CDLL(os.path.join(BUILD, ".libs", "libpcipt.so"))
        for name, result, *arguments in (
            ("snapshot_group_count", size, pointer),
            ("snapshot_group_at", pointer, pointer, size),
            ("group_get_number", ctypes.c_int, pointer),
            ("group_reserved_region_count", size, pointer),
            ("group_reserved_region_at", ctypes.c_char_p, pointer, size),
            ("device_get_address", ctypes.c_char_p, pointer),
            ("free", None, pointer),
        ):
            function = getattr(self.lib, "pcipt_" + name)
            function.restype, function.argtypes = result, arguments
        context, self.snapshot = pointer(), pointer()
        self.lib.pcipt_context_new(ctypes.byref(context), None)
        self.lib.pcipt_snapshot_new(context, ctypes.byref(self.snapshot), None)

    def regions(self):
        found = {}
        for i in range(self.lib.pcipt_snapshot_group_count(self.snapshot)):
            group = self.lib.pcipt_snapshot_group_at(self.snapshot, i)
            found[self.lib.pcipt_group_get_number(group)] = [
                self.lib.pcipt_group_reserved_region_at(group, j).decode()
                for j in range(self.lib.pcipt_group_reserved_region_count(group))
            ]
        return found

    def find(self, selector):
        devices, n = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_size_t()
        self.lib.pcipt_snapshot_find_all(
            self.snapshot, selector.encode(), ctypes.byref(devices), ctypes.byref(n), None
        )
        found = [self.lib.pcipt_device_get_address(devices[i]).decode() for i in range(n.value)]
        self.lib.pcipt_free(devices)
        return found


def open_library():
    try:
        return Library()
    except OSError as error:
        print(f"{LABEL}: the library can't be loaded: {error}")
        return None


def compare_regions(library):
    subject = Subject("reserved regions")
    said = library.regions()
    for path in glob.glob(f"{GROUPS}/*"):
        text = read(f"{path}/reserved_regions")
        n = int(os.path.basename(path))
        subject.same(f"of group {n}", "the kernel", text.split("\n") if text else [], said.get(n))
    subject.done()


def without(device, *keys):
    return {key: value for key, value in device.items() if key not in keys}


def compare_users(full):
    """Another user may not read the configuration space, and must see all the rest as root does."""
    subject = Subject("uid 65534")
    hidden = "serial", "msi_vectors", "msix_vectors", "acs"
    listed = {d["address"]: d for d in pcipt("list", before=NOBODY)["devices"]}
    theirs = pcipt("list", "--full", before=NOBODY)
    subject.no_problems("the user", theirs)
    for address, device in full.items():
        for key in "identity", "slot":
            subject.same(f"{address} {key}", "root", device[key], listed[address][key])
    for device in theirs["devices"]:
        ours = full[device["address"]]
        for key, value in without(ours, *hidden, "claim").items():
            subject.same(f"{device['address']} {key}", "root", value, device[key])
        for key in hidden:
            if device[key] is not None:
                subject.same(f"{device['address']} {key}", "root", ours[key], device[key])
    subject.done()


def compare_list(full):
    """A plain list has the same facts, but none that wakes a device."""
    subject = Subject("a plain list")
    said = pcipt("list")
    subject.same("devices", "the full list", list(full), [d["address"] for d in said["devices"]])
    for device in said["devices"]:
        for key, value in without(device, "serial").items():
            subject.same(f"{device['address']} {key}", "the full list", full[device["address"]][key], value)
        subject.same(f"{device['address']} serial", "a plain list", None, device["serial"])
    subject.done()


def compare_show(full):
    """One device alone is looked at through a snapshot of what belongs to it."""
    subject = Subject("show ADDRESS")
    for address, device in full.items():
        said = pcipt("show", address)
        shown = said["devices"][0] if said["devices"] else {}
        subject.no_problems(address, said)
        for key in sorted(set(device) | set(shown)):
            subject.same(f"{address} {key}", "the full list", device.get(key, "nothing"), shown.get(key, "nothing"))
    subject.done()


def selectors_of(device):
    """Each kind of selector that names this device; some of them name others too."""
    class_id = device["class_id"]
    yield from (device["address"], device["address"].upper())
    yield "slot=" + device["slot"]
    yield "identity=" + device["identity"]
    yield device["vendor_id"][2:] + ":" + device["device_id"][2:]
    if device["iommu_group"] is not None:
        yield "group=%s" % device["iommu_group"]
    yield from ("class=" + class_id[:n] for n in (4, 6, 8))
    yield from ("class=" + class_id[2:n] for n in (4, 6, 8))
    if device["address"].startswith("0000:"):
        yield device["address"][5:]
    if device["serial"]:
        yield "serial=" + device["serial"]


def compare_selectors(full, library):
    subject = Subject("selectors")
    expected = {}
    for address, device in full.items():
        for selector in set(selectors_of(device)):
            expected.setdefault(selector, []).append(address)
    asked = set()
    for selector, addresses in expected.items():
        if library:
            subject.same(selector, "the full list", addresses, library.find(selector))
        # The program, once for each kind: "class=0x######", "0000:##:##.#".
        kind = selector.split("=")[0] if selector[:4] in ("slot", "iden", "seri") else re.sub("[0-9a-fA-F]", "#", selector)
        if kind not in asked or not library:
            asked.add(kind)
            said = [d["address"] for d in pcipt("show", selector)["devices"]]
            subject.same("show " + selector, "the full list", addresses, said)
    subject.done()


def compare_root(full):
    """The same machine through another root, as a program in a container sees it."""
    subject = Subject("--root")
    os.makedirs("other-root", exist_ok=True)
    output("mount", "--rbind", "/", "other-root")
    said = pcipt("list", "--full", "--root", os.path.abspath("other-root"))
    output("umount", "-l", "other-root")
    subject.no_problems("the tree", said)
    for device in said["devices"]:
        for key, value in without(full[device["address"]], "claim").items():
            subject.same(f"{device['address']} {key}", "the full list", value, device[key])
    subject.done()


def main():
    answer = pcipt("list", "--full")
    full = {device["address"]: device for device in answer["devices"]}
    children, slots = all_children(), slot_names()
    short, long, aliases = lspci_short(), lspci_long(), vfio_aliases()
    addresses = sorted(os.listdir(DEVICES), key=lambda a: (len(a), a))
    kernel = {address: kernel_says(address, children, slots) for address in addresses}
    names = "NAMES_REQUIRES = libpci\n" in open(os.path.join(BUILD, "Makefile"), encoding="utf-8")

    subject = Subject("devices")
    subject.same("addresses", "the kernel", addresses, list(full))
    subject.same("addresses", "lspci", sorted(short), sorted(full))
    subject.no_problems("the list", answer)
    subject.done()
    for address, device in full.items():
        compare_device(device, kernel[address], short[address], long[address], names, aliases)
    compare_wanted(full)
    compare_groups(kernel)
    library = open_library()
    if library:
        compare_regions(library)
    if EXTENT == "all":
        compare_list(full)
        compare_users(full)
        compare_show(full)
        compare_selectors(full, library)
        compare_root(full)


main()
