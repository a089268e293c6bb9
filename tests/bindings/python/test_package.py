# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Python package promises beyond its examples, and how it fails."""
import ctypes
import gc
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest

import pcipt
from pcipt import _abi, _library

TREE = os.environ["PCIPT_TREE"]


# What malloc() keeps for each thread counts as given out.
NO_CACHE = "glibc.malloc.tcache_count=0"
# Prints what Python and what malloc() have given out after some rounds, and after many more. Pages in
# memory would tell less: the kernel counts them roughly.
ROUNDS = """
import ctypes, gc, pcipt, sys

class Mallinfo(ctypes.Structure):
    _fields_ = [(f"field{i}", ctypes.c_size_t) for i in range(10)]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Mallinfo
for i in range(301):
    with pcipt.Context(sys.argv[1]) as context, context.snapshot(["0000:00:03.0"]) as snapshot:
        snapshot.set("0000:00:03.0").findings
        try:
            snapshot.find("ffff:ff:1f.7")
        except pcipt.NoDeviceError:
            pass
    if i in (100, 300):
        gc.collect()
        print(sys.getallocatedblocks(), libc.mallinfo2().field7)
"""


class Library(unittest.TestCase):
    def test_missing(self):
        with self.assertRaises(pcipt.LibraryError) as raised:
            _library._load("libpcipt-nowhere.so.1")
        self.assertIsInstance(raised.exception, ImportError)
        for part in ("libpcipt-nowhere.so.1", "Install libpcipt", "LD_LIBRARY_PATH"):
            self.assertIn(part, str(raised.exception))

    def test_too_old(self):
        newer = dict(_abi.FUNCTIONS, pcipt_of_tomorrow=(None, ()))
        with self.assertRaises(pcipt.LibraryError) as raised:
            _library._load(functions=newer)
        for part in ("pcipt_of_tomorrow", pcipt.library_version(), "Upgrade"):
            self.assertIn(part, str(raised.exception))

    def test_not_ours(self):
        with self.assertRaises(pcipt.LibraryError) as raised:
            _library._load("libc.so.6")
        self.assertIn("too old", str(raised.exception))

    def test_import_without_library(self):
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ, LD_LIBRARY_PATH=folder)
            found = subprocess.run([sys.executable, "-c", "import pcipt"], env=environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if found.returncode == 0:
            self.skipTest("a libpcipt is installed on this machine")
        self.assertIn("LibraryError: the library libpcipt.so.1 can't be loaded", found.stderr)


class Errors(unittest.TestCase):
    def test_a_class_for_each_code(self):
        for code in pcipt.ErrorCode:
            if code is not pcipt.ErrorCode.OK:
                self.assertIs(pcipt.BY_CODE[code].code, code)
                self.assertTrue(issubclass(pcipt.BY_CODE[code], pcipt.Error))
                self.assertEqual(str(code), "PCIPT_E_" + code.name)
        self.assertEqual(len(pcipt.BY_CODE), _library.lib.pcipt_errc_count() - 1)

    def test_all_fields(self):
        context = pcipt.Context(TREE + "/nowhere")
        with self.assertRaises(pcipt.BadRootError) as raised:
            context.snapshot()
        error = raised.exception
        told = json.loads(error.to_json())
        self.assertEqual(told, error.to_dict())
        self.assertEqual(told["code"], error.name)
        self.assertEqual(told["number"], error.code)
        self.assertEqual(told["errno"], "ENOENT")
        self.assertEqual(error.errno, 2)
        for key in ("message", "step", "address", "path", "retryable", "remedy"):
            self.assertEqual(told[key], getattr(error, key), key)
        self.assertEqual(str(error), error.message)
        self.assertEqual(error.exit_status, 2)

    def test_pythons_own(self):
        """What Python has a class for by the same name is that, too."""
        for ours, own in ((pcipt.PermissionError, PermissionError), (pcipt.TimeoutError, TimeoutError)):
            with self.assertRaises(own) as raised:
                raise ours("too late")
            error = pickle.loads(pickle.dumps(raised.exception))
            self.assertEqual((str(error), error.message, error.errno, error.code),
                             ("too late", "too late", None, ours.code))

    def test_causes(self):
        with self.assertRaises(pcipt.RefusedError) as raised:
            pcipt.Context(TREE).snapshot().set("0000:00:03.0").plan()
        self.assertGreater(len(raised.exception.causes), 0)
        for cause in raised.exception.causes:
            self.assertIsInstance(cause, pcipt.RefusedError)

    def test_pickle(self):
        with self.assertRaises(pcipt.RefusedError) as raised:
            pcipt.Context(TREE).snapshot().set("0000:00:03.0").plan()
        error = pickle.loads(pickle.dumps(raised.exception))
        self.assertIs(type(error), pcipt.RefusedError)
        self.assertEqual(error.to_dict(), raised.exception.to_dict())
        self.assertEqual(len(error.causes), len(raised.exception.causes))

    def test_unknown_code(self):
        code = pcipt.ErrorCode(-999)
        self.assertEqual((code.value, str(code)), (-999, "PCIPT_E_UNKNOWN"))
        with self.assertRaises(ValueError):
            pcipt.ErrorCode("bind")


class Texts(unittest.TestCase):
    def test_nul(self):
        context = pcipt.Context(TREE)
        for attempt in (lambda: pcipt.Context("/\0"), lambda: context.claim("a\0b"),
                        lambda: context.snapshot(["0000:00\0"]),
                        lambda: context.snapshot().find("\0")):
            with self.assertRaises(ValueError):
                attempt()

    def test_selector(self):
        snapshot = pcipt.Context(TREE).snapshot()
        with self.assertRaises(pcipt.SyntaxError):
            snapshot.find("0000:zz:00.0")
        with self.assertRaises(pcipt.AmbiguousError):
            snapshot.find("group=2")
        with self.assertRaises(pcipt.NameError):
            pcipt.Context(TREE).bind(snapshot.set("0000:00:03.0"), name="no/name")
        with self.assertRaises(pcipt.InvalidError):
            snapshot.set([])
        with self.assertRaises(pcipt.InvalidError):
            snapshot.set("0000:00:03.0", allow="no-such-code")

    def test_path_is_any_path(self):
        import pathlib
        for root in (TREE, os.fsencode(TREE), pathlib.Path(TREE)):
            self.assertEqual(pcipt.Context(root).root, TREE)
        odd = os.fsdecode(b"/tmp/\xff")
        self.assertEqual(pcipt.Context(odd).root, odd)

    def test_numbers(self):
        for wrong in ({"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"threads": -1}):
            with self.assertRaises(ValueError):
                pcipt.Context(TREE, **wrong)
        self.assertEqual(pcipt.Context(TREE, timeout=0.0001).timeout, 0.001)
        self.assertEqual(pcipt.Context(TREE, timeout=1e12).timeout, 0xffffffff / 1000)


class Lifetime(unittest.TestCase):
    def test_closed(self):
        context = pcipt.Context(TREE)
        snapshot = context.snapshot()
        context.close()
        context.close()
        self.assertTrue(context.closed)
        with self.assertRaises(ValueError):
            context.snapshot()
        snapshot.close()
        with self.assertRaises(ValueError):
            len(snapshot)

    def test_children_outlive_parents(self):
        with pcipt.Context(TREE) as context, context.snapshot() as snapshot:
            device, groups = snapshot.find("0000:00:03.1"), snapshot.groups
            wanted = snapshot.set([device])
        del context, snapshot
        gc.collect()
        self.assertEqual(device.driver, "snd_hda_intel")
        self.assertEqual(device.group.devices[0].slot_functions[1], device)
        self.assertGreater(len(groups), 3)
        self.assertEqual(wanted.members[1].device, device)
        self.assertEqual(len({device, wanted.members[1].device}), 1)

    def test_log_outlives_context(self):
        heard = []
        context = pcipt.Context(TREE, log=lambda level, line: heard.append((level, line)),
                                log_level=pcipt.LogLevel.DEBUG)
        snapshot = context.snapshot()
        del context
        gc.collect()
        snapshot.to_json(full=True)
        for level, line in heard:
            self.assertIsInstance(level, pcipt.LogLevel)
            self.assertNotIn("\n", line)

    def test_one_closes_while_others_read(self):
        for _ in range(20):
            snapshot = pcipt.Context(TREE).snapshot()
            begin, failures = threading.Barrier(3), []

            def read():
                begin.wait()
                try:
                    while True:
                        json.loads(snapshot.to_json())
                except ValueError as error:
                    failures.append(str(error))

            readers = [threading.Thread(target=read) for _ in range(2)]
            for reader in readers:
                reader.start()
            begin.wait()
            snapshot.close()
            for reader in readers:
                reader.join()
            self.assertEqual(failures, ["this Snapshot is closed"] * 2)

    @unittest.skipUnless(hasattr(ctypes.CDLL(None), "mallinfo2"), "this C library doesn't tell")
    def test_memory_is_flat(self):
        """In a process of its own, where nothing else grows."""
        found = subprocess.run([sys.executable, "-c", ROUNDS, TREE], stdout=subprocess.PIPE, text=True,
                               check=True, env=dict(os.environ, GLIBC_TUNABLES=NO_CACHE))
        blocks, given, more_blocks, more_given = map(int, found.stdout.split())
        self.assertLess(more_blocks - blocks, 100)
        self.assertLess(more_given - given, 200 * 20)


class Threads(unittest.TestCase):
    def test_eight_threads_share(self):
        context = pcipt.Context(TREE)
        shared, failures = context.snapshot(), []
        expected = shared.to_json()

        def work():
            try:
                for _ in range(10):
                    self.assertEqual(shared.to_json(), expected)
                    own = context.snapshot().to_json()
                    # On a machine too busy to read a driver_override in its time it is unknown.
                    if "device-busy" not in own + expected:
                        self.assertEqual(own, expected)
                    self.assertEqual([device.identity for device in shared],
                                     [device["identity"] for device in json.loads(expected)["devices"]])
                    shared.set("0000:00:03.0", with_set=True).to_json()
            except BaseException as error:  # pylint: disable=broad-except
                failures.append(error)

        workers = [threading.Thread(target=work) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(failures, [])


class Views(unittest.TestCase):
    def test_sequence(self):
        devices = pcipt.Context(TREE).snapshot().devices
        self.assertEqual(devices[-1], list(devices)[-1])
        self.assertEqual(devices[1:3], list(devices)[1:3])
        self.assertIn(devices[0], devices)
        with self.assertRaises(IndexError):
            devices[len(devices)]

    def test_properties_and_json_agree(self):
        """Every fact of the JSON form, from the property of the same name."""
        def id_of(value, digits):
            return None if value is None else f"0x{value:0{digits}x}"

        snapshot = pcipt.Context(TREE).snapshot()
        seen = set()
        for device, told in zip(snapshot, snapshot.to_dicts(full=True)):
            for key, value in told.items():
                if key in ("claim", "iommu_group", "iommu_type", "upstream", "link", "acs"):
                    continue
                mine = getattr(device, key)
                if key.endswith("_id") or key == "revision":
                    mine = id_of(mine, 6 if key == "class_id" else 2 if key == "revision" else 4)
                elif key in ("parent", "physfn"):
                    mine = mine and mine.address
                elif key in ("virtfns", "slot_functions"):
                    mine = [other.address for other in mine]
                elif key == "bars":
                    mine, value = [bar.number for bar in mine], [bar["bar"] for bar in value]
                elif key == "children":
                    mine = [child._asdict() for child in mine]
                elif isinstance(mine, tuple):
                    mine = list(mine)
                self.assertEqual(mine, value, f"{device} {key}")
                seen.add(key)
            self.assertEqual(device.group and device.group.number, told["iommu_group"])
            self.assertEqual(device.group and device.group.type, told["iommu_type"])
            self.assertEqual(device.link and device.link._asdict() and device.link.speed,
                             told["link"]["speed_mts"])
            self.assertEqual(device.acs is not None, told["acs"] is not None)
        self.assertGreater(len(seen), 35)


if __name__ == "__main__":
    unittest.main()
