# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library's enumerations, and the codes of its findings.

Made by bindings/make-tables from the library's headers and tables; do not edit.
"""
from ._enum import Flags, Number

__all__ = ["ClaimState", "LogLevel", "JsonFlags", "AcsFlags", "BarFlags", "ErrorCode",
           "Viability", "Verdict", "EventType", "Progress", "Op", "Role", "Action", "Severity",
           "Outcome",
           "FindingCode"]


class ClaimState(Number):
    """Where a claim stands. Treat a value that you do not know as "not bound", and print its name.

    >>> import pcipt
    >>> pcipt.ClaimState(5) is pcipt.ClaimState.STUCK
    True
    """

    __namer__ = "pcipt_claim_state_name"

    #: The record is written, the devices are being moved.
    BINDING = 0
    #: Every device is on the claim's driver.
    BOUND = 1
    #: The devices are on their way back; the claim will end.
    RELEASING = 2
    #: It is wanted, and nothing was done for it in this boot yet.
    PENDING = 3
    #: It is wanted and can't be had now: the reason says what it waits for.
    WAITING = 4
    #: A write of it has not returned from the kernel, or an undo could not end.
    STUCK = 5


class LogLevel(Number):
    """How much one wants to hear. A message's level is one of these; print one that you don't know
    as debug.

    >>> import pcipt
    >>> pcipt.LogLevel(4) is pcipt.LogLevel.DEBUG
    True
    """

    __namer__ = "pcipt_log_level_name"

    NONE = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    DEBUG = 4


class JsonFlags(Flags):
    """What a JSON form shall hold; unknown bits are PCIPT_E_INVALID.

    >>> import pcipt
    >>> pcipt.JsonFlags(1 << 0) is pcipt.JsonFlags.FULL
    True
    """

    #: Also what reads the configuration space, which wakes a sleeping device.
    FULL = 1 << 0


class AcsFlags(Flags):
    """Bits of an ACS control register (PCI Express Base 6.0, 7.7.11.3).

    >>> import pcipt
    >>> pcipt.AcsFlags(1 << 6) is pcipt.AcsFlags.DIRECT_TRANSLATED
    True
    """

    SOURCE_VALIDATION = 1 << 0
    TRANSLATION_BLOCKING = 1 << 1
    REQUEST_REDIRECT = 1 << 2
    COMPLETION_REDIRECT = 1 << 3
    UPSTREAM_FORWARDING = 1 << 4
    EGRESS_CONTROL = 1 << 5
    DIRECT_TRANSLATED = 1 << 6


class BarFlags(Flags):
    """What a BAR is.

    >>> import pcipt
    >>> pcipt.BarFlags(1 << 3) is pcipt.BarFlags.RESIZABLE
    True
    """

    IO = 1 << 0
    BITS_64BIT = 1 << 1
    PREFETCHABLE = 1 << 2
    RESIZABLE = 1 << 3


class ErrorCode(Number):
    """What kind of failure it was. The numbers never change and new ones are added at the end.
    Treat a code that you do not know as PCIPT_E_IO and show the message.

    >>> import pcipt
    >>> pcipt.ErrorCode(-30) is pcipt.ErrorCode.LOAD
    True
    """

    __namer__ = "pcipt_errc_name"

    OK = 0
    #: An argument is NULL, out of range, or not allowed here.
    INVALID = -1
    #: Memory ran out.
    NO_MEMORY = -2
    #: A text (address, selector, name) can't be parsed.
    SYNTAX = -3
    #: No device matches.
    NO_DEVICE = -4
    #: More than one device or claim matches.
    AMBIGUOUS = -5
    #: No claim matches.
    NO_CLAIM = -6
    #: The root folder given is not a folder, or can't be opened.
    BAD_ROOT = -7
    #: There is no PCI bus in this tree: /sys is not mounted, or the kernel has none.
    NO_PCI = -8
    #: A change was asked for in a tree that isn't a real sysfs.
    NOT_REAL = -9
    #: The kernel does not let this process do it, or /sys is read-only.
    PERMISSION = -10
    #: Findings that are not allowed stand against it.
    REFUSED = -11
    #: Reading or writing failed for a reason that has no code of its own.
    IO = -12
    #: What stands in a file or attribute can't be what it should be.
    DAMAGED = -13
    #: The driver asked for is neither loaded nor loadable.
    NO_DRIVER = -14
    #: The kernel refused to set driver_override.
    OVERRIDE = -15
    #: The kernel refused to unbind a device from its driver.
    UNBIND = -16
    #: The driver refused the device.
    BIND = -17
    #: The writes succeeded, yet the device isn't in the state asked for.
    VERIFY = -18
    #: The machine changed between plan and act; nothing was touched.
    STALE = -19
    #: Something failed, and not everything could be put back.
    ROLLBACK_INCOMPLETE = -20
    #: A claim of that name exists, or the name can't be one.
    NAME = -21
    #: Another claim holds the device.
    CLAIMED = -22
    #: The device went away meanwhile.
    GONE = -23
    #: The deadline passed.
    TIMEOUT = -24
    #: A device's lock is held, as by an unbind that waits; it can't be read now.
    BUSY = -25
    #: Another process works on the device and didn't come to its end before the deadline.
    LOCKED = -26
    #: The kernel has not returned from a write and the deadline passed. The write goes on; what
    #: is left to do is done by the next call for the same devices, or by pcipt_recover(), when
    #: it has returned.
    STUCK = -27
    #: The caller's cancel descriptor became readable.
    CANCELLED = -28
    #: The driver's module is on a blacklist in modprobe.d.
    BLACKLISTED = -29
    #: The driver's module can't be loaded: the kernel or an "install" line refused.
    LOAD = -30


class Viability(Number):
    """Can user space take the group as it stands? Treat a value that you do not know as
    PCIPT_NOT_VIABLE.

    >>> import pcipt
    >>> pcipt.Viability(-1) is pcipt.Viability.UNKNOWN
    True
    """

    __namer__ = "pcipt_viability_name"

    #: Every device is on a vfio driver, pci-stub, pcieport, or on none.
    VIABLE = 1
    #: Some device is on a driver of its own.
    NOT_VIABLE = 0
    #: There is no group (NULL).
    UNKNOWN = -1


class Verdict(Number):
    """What became of a device. Treat one that you don't know as AMBIGUOUS.

    >>> import pcipt
    >>> pcipt.Verdict(4) is pcipt.Verdict.AMBIGUOUS
    True
    """

    __namer__ = "pcipt_verdict_name"

    #: It is where it was.
    SAME = 0
    #: The same card by its serial number, in another slot.
    MOVED = 1
    #: Another card is in its slot: other ids, or another serial number.
    REPLACED = 2
    #: Its slot is empty, and no serial number proves that it is elsewhere.
    MISSING = 3
    #: More than one device bears its serial number.
    AMBIGUOUS = 4


class EventType(Number):
    """What happened. Pass over one that you don't know.

    >>> import pcipt
    >>> pcipt.EventType(4) is pcipt.EventType.HEALTH
    True
    """

    __namer__ = "pcipt_event_type_name"

    #: A device came: its address, and its driver after.
    DEVICE_ADDED = 0
    #: A device went: its address, and its driver before.
    DEVICE_REMOVED = 1
    #: A device has another driver: before and after.
    DEVICE_CHANGED = 2
    #: A claim began, ended, or is in another state: before and after.
    CLAIM_CHANGED = 3
    #: A bound claim isn't as it should be, or is again (reason "as-claimed"): its name, the
    #: device, the reason's code (doc/catalogue.md) and a sentence; before and after are such
    #: codes. With the reasons "aer-fatal" and "aer-nonfatal", which are told each time that a
    #: device's counter of errors has grown, they are the counter's numbers; with
    #: "recovery-failed", which the kernel says of a device, there are none.
    HEALTH = 4


class Progress(Number):
    """How far a step is. Take a value that you do not know for PCIPT_PROGRESS_BEGUN.

    >>> import pcipt
    >>> pcipt.Progress(2) is pcipt.Progress.FAILED
    True
    """

    __namer__ = "pcipt_progress_name"

    BEGUN = 0
    DONE = 1
    FAILED = 2


class Op(Number):
    """What a step does. Print one that you don't know by its name.

    >>> import pcipt
    >>> pcipt.Op(6) is pcipt.Op.POWER
    True
    """

    __namer__ = "pcipt_op_name"

    #: Make a driver ready: load its module.
    LOAD = 0
    #: Keep a driverless device driverless, by an override that no driver has.
    PIN = 1
    #: Write driver_override.
    OVERRIDE = 2
    #: Unbind a device from the driver it has.
    UNBIND = 3
    #: Bind a device to a driver by its name.
    BIND = 4
    #: Compare what the kernel says with what was asked for.
    VERIFY = 5
    #: Write power/control.
    POWER = 6


class Role(Number):
    """Why a device is in the set. Print one that you don't know by its name.

    >>> import pcipt
    >>> pcipt.Role(5) is pcipt.Role.EXEMPT
    True
    """

    __namer__ = "pcipt_role_name"

    REQUESTED = 0
    GROUP_MEMBER = 1
    RESET_COUPLED = 2
    COMPANION = 3
    BRIDGE = 4
    EXEMPT = 5


class Action(Number):
    """What becomes of it. Treat one that you don't know as a change.

    >>> import pcipt
    >>> pcipt.Action(2) is pcipt.Action.KEEP
    True
    """

    __namer__ = "pcipt_action_name"

    #: It leaves its driver for the set's driver.
    BIND = 0
    #: It has no driver and is kept without one.
    PIN = 1
    #: It stays as it is.
    KEEP = 2


class Severity(Number):
    """What a finding means. Treat one that you don't know as hard.

    >>> import pcipt
    >>> pcipt.Severity(2) is pcipt.Severity.WARNING
    True
    """

    __namer__ = "pcipt_severity_name"

    #: Can't be allowed.
    HARD = 0
    #: Refused unless its code is allowed by name.
    BLOCKER = 1
    #: Told, and goes on.
    WARNING = 2


class Outcome(Number):
    """How a transaction ended. Treat a value that you do not know as PCIPT_OUTCOME_FAILED.

    >>> import pcipt
    >>> pcipt.Outcome(6) is pcipt.Outcome.FAILED
    True
    """

    __namer__ = "pcipt_outcome_name"

    #: Every device is as the plan wants it.
    DONE = 0
    #: There was nothing to do; nothing was written.
    UNCHANGED = 1
    #: Findings stood against it; nothing was written.
    REFUSED = 2
    #: A step failed and every device is exactly as it was.
    ROLLED_BACK = 3
    #: A step failed and some device could not be put back.
    ROLLBACK_INCOMPLETE = 4
    #: The kernel has not returned from a write; what else was done is undone.
    STUCK = 5
    #: It failed before any write.
    FAILED = 6


class FindingCode:
    """The codes of the findings that this version knows. A later library may have more.

    >>> import pcipt
    >>> pcipt.FindingCode.NOT_BINDABLE
    'not-bindable'
    """

    #: Hard: The device can't be given to a driver: it is a bridge, or on the driver's deny
    #: list.
    NOT_BINDABLE = "not-bindable"
    #: Hard: The device is in no IOMMU group, so nothing would confine its DMA.
    NO_IOMMU = "no-iommu"
    #: Hard: A bridge in the IOMMU group has a driver that keeps the group for the host.
    GROUP_NOT_VIABLE = "group-not-viable"
    #: Hard: The system runs or boots from a disk behind the device, or from one on the network
    #: that it leads to.
    ROOT_DISK = "root-disk"
    #: Hard: The system swaps to a disk behind the device.
    SWAP = "swap"
    #: Hard: The firmware reserves memory for the device (a direct reserved region), so
    #: attaching a virtual machine would fail.
    RESERVED_REGION = "reserved-region"
    #: Hard: The device has virtual functions enabled, which need its driver.
    PF_WITH_VFS = "pf-with-vfs"
    #: Hard: The virtual function's physical function isn't on its own driver.
    VF_PF_UNBOUND = "vf-pf-unbound"
    #: Hard: Another claim holds the device.
    CLAIMED = "claimed"
    #: Hard: Another device is in the place of one that a claim has recorded.
    IDENTITY_CHANGED = "identity-changed"
    #: Hard: The device may be the one that a claim has lost sight of, and so may another with
    #: the same serial number.
    IDENTITY_AMBIGUOUS = "identity-ambiguous"
    #: Hard: The driver asked for is neither loaded nor loadable.
    DRIVER_MISSING = "driver-missing"
    #: Blocker: Other devices share the IOMMU group and would have to leave their drivers too.
    SET_INCOMPLETE = "set-incomplete"
    #: Blocker: The device is the display that the firmware used for booting.
    BOOT_VGA = "boot-vga"
    #: Blocker: The text console is drawn on the device's frame buffer.
    CONSOLE_FRAMEBUFFER = "console-framebuffer"
    #: Blocker: A file system on a disk behind the device is mounted.
    MOUNTED_FILESYSTEM = "mounted-filesystem"
    #: Blocker: A disk behind the device is part of LVM, MD, dm-crypt, multipath, bcache or ZFS.
    BLOCK_HOLDER = "block-holder"
    #: Blocker: A process or the kernel has a disk behind the device open.
    BLOCK_OPEN = "block-open"
    #: Blocker: A network interface of the device has an address, or is the one that the caller
    #: is logged in by.
    NET_ADDRESS = "net-address"
    #: Blocker: A default route goes out by a network interface of the device.
    DEFAULT_ROUTE = "default-route"
    #: Blocker: A network interface of the device is part of a bond, team, bridge or another
    #: device.
    NET_ENSLAVED = "net-enslaved"
    #: Blocker: What hangs below the USB controller is in use.
    USB_IN_USE = "usb-in-use"
    #: Blocker: A process, or the kernel itself, has the device open.
    HELD_OPEN = "held-open"
    #: Blocker: Somebody has the device on a passthrough driver, or is configured to take it,
    #: without a claim.
    FOREIGN_OWNER = "foreign-owner"
    #: Blocker: The device is part of the platform (host, ISA or LPC bridge, SMBus, SPI,
    #: security processor, management engine), not a card.
    PLATFORM_FUNCTION = "platform-function"
    #: Blocker: The IOMMU group is one of no-IOMMU mode: nothing confines the device's DMA.
    NOIOMMU = "noiommu"
    #: Blocker: The IOMMU doesn't remap interrupts, so the device's user could forge them.
    UNSAFE_INTERRUPTS = "unsafe-interrupts"
    #: Blocker: A check could not be made (a warning where it protects neither data nor reach).
    UNREADABLE = "unreadable"
    #: Warning: A disk behind the device holds data that is not in use now.
    BLOCK_SIGNATURE = "block-signature"
    #: Warning: The kernel knows no way to reset the device between users.
    NO_RESET = "no-reset"
    #: Warning: The device is only reset together with others.
    RESET_SHARED = "reset-shared"
    #: Warning: The device is in a low power state that it may not leave.
    POWER_STATE = "power-state"
    #: Warning: A device of the IOMMU group has no driver and will be kept without one.
    SIBLING_UNBOUND = "sibling-unbound"
    #: Warning: The device has a driver override already; it is put back at release.
    OVERRIDE_PRESENT = "override-present"
