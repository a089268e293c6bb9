# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the power cuts know of claims: what was said of them, and what a folder of records says.

A ledger has lines "WORD NAME": "any" before a call begins that changes the claim, "bound" or
"free" when it has returned.
"""
import glob
import json
import os

NAMES = ("card", "nic", "edu")


def said(lines):
    """The last word on each claim."""
    words = dict.fromkeys(NAMES, "free")
    for line in lines:
        word, name = line.split()
        words[name] = word
    return words


def recorded(folder):
    """The state of each claim by its record, and what is wrong with the others."""
    states, damaged = {}, []
    for path in glob.glob(folder + "/*.json"):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        try:
            states[os.path.basename(path)[:-len(".json")]] = json.loads(text)["state"]
        except (ValueError, KeyError):
            damaged.append(f"{os.path.basename(path)}: {text[:200]!r}")
    return states, damaged


def agrees(states, words):
    """Whether what had returned is there, and what had gone is gone.

    The reconcile at boot makes a bound claim "pending" until it is bound in that boot, too.
    """
    allowed = {"bound": ("bound", "pending"), "free": (None,)}
    return all(word == "any" or states.get(name) in allowed[word] for name, word in words.items())
