# SPDX-License-Identifier: LGPL-2.1-or-later
"""Claims that are there, what is told of them, and the monitor."""
import asyncio
import gc
import os
import select
import threading
import time
import unittest

import pcipt
from machines import Machine


def lines(events):
    """What became of claims. A claim that says "bound" is none that is well on a recorded machine, and
    the moment when that is told is anybody's."""
    return [(str(event.type), event.claim, event.before, event.after, event.reason) for event in events
            if event.type != pcipt.EventType.HEALTH]


ADDED = ("claim-changed", "desktop", None, "waiting", "absent")
BOUND = ("claim-changed", "desktop", "waiting", "bound", None)
ENDED = ("claim-changed", "desktop", "bound", None, None)


class Claims(unittest.TestCase):
    def test_what_is_told(self):
        with Machine() as machine, pcipt.Context(machine.root) as context:
            machine.claim()
            claim = context.claim("0000:00:03.1")
            self.assertEqual(claim.name, "desktop")
            self.assertIs(claim.is_persistent, False)
            self.assertEqual(claim.state, pcipt.ClaimState.WAITING)
            self.assertEqual(claim.attempts, 3)
            told = claim.to_dict()
            for key in ("reason", "message", "deadline", "attempts", "owner", "since"):
                self.assertEqual(told[key], getattr(claim, key), key)
            self.assertEqual(claim.reason, "absent")
            self.assertEqual(claim.deadline, "2026-01-02T03:05:05Z")

    def test_nothing_to_say(self):
        with Machine() as machine, pcipt.Context(machine.root) as context:
            machine.claim(state="bound", reason=None, message=None, deadline=None, attempts=0)
            claim, = context.claims()
            self.assertEqual((claim.reason, claim.message, claim.deadline, claim.attempts),
                             (None, None, None, 0))

    def test_persistent(self):
        with Machine() as machine, pcipt.Context(machine.root) as context:
            machine.claim()
            os.makedirs(context.state_dir, 0o700)
            os.rename(machine.path("claims"), os.path.join(context.state_dir, "claims"))
            self.assertIs(context.claim("desktop").is_persistent, True)

    def test_forget_needs_a_real_machine(self):
        with Machine() as machine, pcipt.Context(machine.root) as context:
            machine.claim()
            with self.assertRaises(pcipt.NotRealError):
                context.forget(context.claim("desktop"))
            self.assertEqual(len(context.claims()), 1)

    def test_recover_and_reconcile_need_a_real_machine(self):
        with Machine() as machine, pcipt.Context(machine.root) as context:
            machine.claim(state="binding", reason=None, message=None)
            for call in (context.recover, context.reconcile):
                with self.assertRaises(pcipt.NotRealError) as raised:
                    call(timeout=1)
                self.assertIsNone(raised.exception.result)


class Monitors(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.context = pcipt.Context(self.machine.root)
        self.addCleanup(self.machine.__exit__)

    def happen_next(self, event):
        """What comes after an event; the next one only then, or two would be told as one. Whether it
        was the last."""
        if event.type == pcipt.EventType.HEALTH:
            return False
        if event.after == "waiting":
            self.machine.claim(state="bound", reason=None, message=None)
        elif event.after == "bound":
            self.machine.end_claim()
        return event.after is None

    def later(self):
        worker = threading.Timer(0.05, self.machine.claim)
        worker.start()
        self.addCleanup(worker.join)

    def test_nothing_of_what_was_there(self):
        self.machine.claim()
        with self.context.monitor() as monitor:
            self.assertIsNone(monitor.next(timeout=0))
            began = time.monotonic()
            self.assertIsNone(monitor.next(timeout=0.05))
            self.assertGreater(time.monotonic() - began, 0.04)

    def test_iterate(self):
        seen = []
        with self.context.monitor() as monitor:
            self.later()
            for event in monitor:
                seen.append(event)
                if self.happen_next(event):
                    break
        self.assertEqual(lines(seen), [ADDED, BOUND, ENDED])
        told = seen[0].to_dict()
        self.assertEqual(told.pop("event"), str(seen[0].type))
        for key, value in told.items():
            self.assertEqual(value, getattr(seen[0], key), key)
        self.assertIn("is not in this machine", seen[0].message)
        self.assertEqual(repr(seen[-1]), "<pcipt.Event claim-changed: desktop bound -> None>")

    def test_poll(self):
        monitor = self.context.monitor()
        self.assertEqual(select.select([monitor], [], [], 0)[0], [])
        self.machine.claim()
        self.assertEqual(select.select([monitor], [], [], 10)[0], [monitor])
        self.assertEqual(lines([monitor.next(timeout=0)]), [ADDED])
        # Nobody else needs the context, or the monitor; what it gave stays.
        event = None
        self.machine.end_claim()
        event = monitor.next(timeout=10)
        del self.context, monitor
        gc.collect()
        self.assertEqual(event.before, "waiting")

    def test_closed(self):
        monitor = self.context.monitor()
        monitor.close()
        for call in (monitor.fileno, monitor.next):
            with self.assertRaises(ValueError):
                call()
        self.assertEqual(list(monitor), [])

    def test_no_descriptor_is_left(self):
        self.context.monitor().close()  # the context opens what it keeps
        before = os.listdir("/proc/self/fd")
        for _ in range(50):
            with self.context.monitor() as monitor:
                monitor.next(timeout=0)
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_async(self):
        async def follow(monitor):
            seen = []
            async for event in monitor:
                seen.append(event)
                if self.happen_next(event):
                    return seen

        async def main():
            with self.context.monitor() as monitor:
                self.later()
                return await asyncio.wait_for(follow(monitor), 10)

        self.assertEqual(lines(asyncio.run(main())), [ADDED, BOUND, ENDED])

    def test_async_cancelled_and_asked_again(self):
        async def main():
            with self.context.monitor() as monitor:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(monitor.__anext__(), 0.02)
                self.machine.claim()
                return await asyncio.wait_for(monitor.__anext__(), 10)

        self.assertEqual(lines([asyncio.run(main())]), [ADDED])

    def test_async_ends_with_close(self):
        async def follow(monitor):
            return [event async for event in monitor]

        async def main():
            monitor = self.context.monitor()
            task = asyncio.ensure_future(follow(monitor))
            await asyncio.sleep(0.02)
            with self.assertRaises(RuntimeError):
                await monitor.__anext__()
            monitor.close()
            return await asyncio.wait_for(task, 10)

        self.assertEqual(asyncio.run(main()), [])


if __name__ == "__main__":
    unittest.main()
