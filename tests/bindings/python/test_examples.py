# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every public class and every call that is more than a fact has an example, and all of them run."""
import doctest
import importlib
import inspect
import os
import pkgutil
import unittest

import pcipt

TREE = os.environ["PCIPT_TREE"]


def allowed():
    """The findings that stand against the pair as a whole: a newer library may see more."""
    with pcipt.Context(TREE) as context, context.snapshot() as snapshot:
        with snapshot.set("0000:00:03.0", with_set=True) as wanted:
            return [finding.code for finding in wanted.findings
                    if finding.severity == pcipt.Severity.BLOCKER]


def modules():
    yield pcipt
    for found in pkgutil.iter_modules(pcipt.__path__):
        yield importlib.import_module("pcipt." + found.name)


class Examples(unittest.TestCase):
    def test_run(self):
        given = {"tree": TREE, "allowed": allowed(), "Role": pcipt.Role}
        run = 0
        for module in modules():
            result = doctest.testmod(module, extraglobs=given)
            self.assertEqual(result.failed, 0, module.__name__)
            run += result.attempted
        self.assertGreater(run, 50)

    def test_every_class_has_one(self):
        for name in pcipt.__all__:
            thing = getattr(pcipt, name)
            if inspect.isclass(thing):
                self.assertIn(">>>", vars(thing)["__doc__"], name)

    def test_every_call_has_one(self):
        """But those that give the object in another form, or back."""
        plain = {"to_json", "to_dict", "to_dicts", "close", "fileno"}
        for name in pcipt.__all__:
            thing = getattr(pcipt, name)
            if inspect.isfunction(thing):
                self.assertIn(">>>", inspect.getdoc(thing), name)
            elif inspect.isclass(thing) and not issubclass(thing, (BaseException, int)):
                for member, value in vars(thing).items():
                    if callable(value) and not member.startswith("_") and member not in plain:
                        self.assertIn(">>>", inspect.getdoc(value), f"{name}.{member}")

    def test_everything_is_described(self):
        for name in pcipt.__all__:
            thing = getattr(pcipt, name)
            if not inspect.isclass(thing):
                continue
            self.assertTrue(thing.__doc__, name)
            for member, value in vars(thing).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    self.assertTrue(inspect.getdoc(value), f"{name}.{member}")
