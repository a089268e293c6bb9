# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls that are under way: deadlines, cancelling, progress. tests/bindings/as-real.c is preloaded."""
import fcntl
import gc
import os
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import pcipt  # noqa: E402
from machines import RECORD, Machine  # noqa: E402

LONG = 30


class Calls(unittest.TestCase):
    def setUp(self):
        # What a shell starts in the background ignores it, and so do we then.
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.machine = Machine()
        self.addCleanup(self.machine.__exit__)
        self.context = pcipt.Context(self.machine.root, timeout=LONG)
        self.snapshot = self.context.snapshot()
        allow = [finding.code for finding in self.pair().findings
                 if finding.severity == pcipt.Severity.BLOCKER]
        self.wanted = self.pair(allow=allow)

    def pair(self, **how):
        return self.snapshot.set("0000:00:03.0", with_set=True, **how)

    def hold(self):
        """Somebody works on the device, and doesn't come to an end."""
        lock = open(self.machine.path("locks", "0000:00:03.0"), "a",  # pylint: disable=consider-using-with
                    encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600))
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.addCleanup(lock.close)

    def assert_ends(self, kinds, call, **how):
        """A call that would wait for long ends soon, with one of these errors."""
        gc.collect()  # A traceback holds what the call was made with.
        began, open_before = time.monotonic(), os.listdir("/proc/self/fd")
        with self.assertRaises(kinds) as raised:
            call(**how)
        self.assertLess(time.monotonic() - began, LONG / 3)
        gc.collect()
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(open_before))
        return raised.exception

    def calls(self):
        """Each call that can wait, as a function of its options."""
        plan = self.wanted.plan()
        self.machine.claim(state="bound", reason=None, message=None)
        claim = self.context.claim("desktop")
        yield lambda **how: self.context.apply(plan, **how)
        yield lambda **how: self.context.release(claim, **how)
        self.context.forget(claim)
        yield lambda **how: self.context.bind(self.wanted, **how)
        yield lambda **how: self.context.bound(self.wanted, **how).__enter__()
        self.machine.claim(state="binding", reason=None, message=None)
        yield self.context.recover

    def test_timeout(self):
        self.hold()
        for call in self.calls():
            self.assert_ends((pcipt.LockedError, pcipt.TimeoutError, pcipt.StuckError), call, timeout=0.1)

    def test_event(self):
        self.hold()
        for call in self.calls():
            event = threading.Event()
            soon = threading.Timer(0.1, event.set)
            soon.start()
            self.assert_ends(pcipt.CancelledError, call, cancel=event)
            soon.join()
            # One that is set already.
            self.assert_ends(pcipt.CancelledError, call, cancel=event)

    def test_descriptor(self):
        self.hold()
        for call in self.calls():
            reader, writer = os.pipe()
            soon = threading.Timer(0.1, os.write, (writer, b"x"))
            soon.start()
            self.assert_ends(pcipt.CancelledError, call, cancel=reader)
            soon.join()
            with os.fdopen(reader) as file:
                self.assert_ends(pcipt.CancelledError, call, cancel=file)
                self.assertEqual(file.read(1), "x", "it was only looked at")
            os.close(writer)

    def test_interrupt(self):
        self.hold()
        for call in self.calls():
            soon = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
            soon.start()
            raised = self.assert_ends(KeyboardInterrupt, call)
            soon.join()
            self.assertIsInstance(raised.__cause__, pcipt.CancelledError)
            self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)
            self.assertEqual(signal.set_wakeup_fd(-1), -1)

    def test_signals_of_the_programs_own(self):
        """It hears of them as ever, and they end nothing."""
        self.hold()
        heard, reader_writer = [], os.pipe()
        self.addCleanup(os.close, reader_writer[0])
        self.addCleanup(os.close, reader_writer[1])
        os.set_blocking(reader_writer[1], False)
        old = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
        self.addCleanup(signal.signal, signal.SIGUSR1, old)
        signal.set_wakeup_fd(reader_writer[1])
        try:
            soon = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
            soon.start()
            self.assert_ends((pcipt.LockedError, pcipt.TimeoutError), self.context.bind, wanted=self.wanted,
                             timeout=0.5)
            soon.join()
        finally:
            self.assertEqual(signal.set_wakeup_fd(-1), reader_writer[1])
        self.assertEqual((heard, os.read(reader_writer[0], 9)), ([signal.SIGUSR1], bytes([signal.SIGUSR1])))

    def test_another_thread(self):
        """Signals are none of its business."""
        self.hold()
        raised = []

        def work():
            try:
                self.context.bind(self.wanted, timeout=0.1)
            except pcipt.Error as error:
                raised.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        self.assertIsInstance(raised[0], (pcipt.LockedError, pcipt.TimeoutError))

    def test_nobody_cancels(self):
        """The call returns first: its helper ends, too."""
        before = threading.active_count()
        self.assert_ends(pcipt.Error, self.context.bind, wanted=self.wanted, cancel=threading.Event())
        self.assertEqual(threading.active_count(), before)

    def test_what_cant_cancel(self):
        for wrong, kind in ((-1, ValueError), ("now", AttributeError), (object(), AttributeError)):
            with self.assertRaises(kind):
                self.context.bind(self.wanted, cancel=wrong)
        with self.assertRaises(ValueError):
            self.context.bind(self.wanted, timeout=0)

    def test_progress(self):
        told, here = [], threading.get_ident()

        def tell(op, address, how):
            self.assertEqual(threading.get_ident(), here)
            told.append((op, address, how))

        with self.assertRaises(pcipt.Error) as raised:
            self.context.bind(self.wanted, progress=tell)
        self.assertIsNotNone(raised.exception.result)
        self.assertIn((pcipt.Op.OVERRIDE, "0000:00:03.0", pcipt.Progress.BEGUN), told)
        self.assertIn((pcipt.Op.OVERRIDE, "0000:00:03.1", pcipt.Progress.DONE), told)
        self.assertIn((pcipt.Op.UNBIND, "0000:00:03.0", pcipt.Progress.FAILED), told)

    def test_progress_that_fails(self):
        """It ends the call, with whatever may cancel it besides."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        for cancel in (None, threading.Event(), reader):
            self.setUp()  # An undo doesn't come to its end there either.
            told = []

            def fail(*step):
                told.append(step)
                raise ZeroDivisionError

            raised = self.assert_ends(ZeroDivisionError, self.context.bind, wanted=self.wanted,
                                      progress=fail, cancel=cancel)
            self.assertIsInstance(raised.__cause__, pcipt.Error)
            self.assertIsNotNone(raised.__cause__.result)
            self.assertEqual(len(told), 1)

    def test_a_plain_file(self):
        """It is readable."""
        with tempfile.TemporaryFile() as file:
            self.assert_ends(pcipt.CancelledError, self.context.bind, wanted=self.wanted, cancel=file)

    def test_owner(self):
        self.machine.claim(state="bound", reason=None, message=None)
        claim = self.context.claim("desktop")
        with self.assertRaises(pcipt.ClaimedError):
            self.context.release(claim, owner="somebody else")
        self.assertEqual(len(self.context.claims()), 1)

    def test_forget(self):
        self.machine.claim()
        self.context.forget(self.context.claim("desktop"))
        # It is gone, and so it should be.
        with self.assertRaises(pcipt.NoClaimError):
            self.context.claim("desktop")

    def test_reports(self):
        self.machine.claim(state="binding", reason=None, message=None)
        with self.context.recover() as report:
            action, = report
            self.assertEqual((len(report), action.claim, action.before, action.after),
                             (1, "desktop", "binding", "ended"))
            told, = report.to_dict()["actions"]
            self.assertEqual(told, {"claim": action.claim, "from": action.before, "to": action.after,
                                    "reason": action.reason, "message": action.message})

    def test_now(self):
        """A device that isn't there is waited for, and looked for at once only when it shall be."""
        gone = dict(RECORD["devices"][0], address="0000:00:19.0",
                    identity="8086:dead:1af4:1100:00@pci0000:00/19.0")
        self.machine.claim(devices=[gone], deadline_boot_ms=2 ** 50)
        for now, attempts in ((False, 3), (True, 4), (False, 4)):
            action, = self.context.reconcile(now=now)
            self.assertEqual((action.claim, action.after, action.reason), ("desktop", "waiting", "absent"))
            self.assertEqual(self.context.claim("desktop").attempts, attempts)

    def test_a_failure_has_its_report(self):
        self.machine.claim(state="binding", reason=None, message=None)
        self.hold()
        error = self.assert_ends(pcipt.StuckError, self.context.recover, timeout=0.1)
        self.assertEqual([action.reason for action in error.report], ["locked"])


if __name__ == "__main__":
    unittest.main()
