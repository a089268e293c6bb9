# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies of the recorded machine, with claims: what tests may change."""
import json
import os
import shutil
import tempfile

TREE = os.environ["PCIPT_TREE"]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../claim.json"),
          encoding="utf-8") as _file:
    #: A claim on the pair that waits.
    RECORD = json.load(_file)


class Machine:
    """One of them, for a `with` block."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = shutil.copytree(TREE, os.path.join(self._folder.name, "root"), symlinks=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def path(self, *parts):
        """A path of its own runtime folder; the folders are made, as the library would."""
        folder = self.root
        for part in ("run", "libpcipt") + parts[:-1]:
            folder = os.path.join(folder, part)
            os.makedirs(folder, 0o700, exist_ok=True)
        return os.path.join(folder, parts[-1])

    def claim(self, **facts):
        """Write a claim's record; facts are those that differ from claim.json."""
        record = {**RECORD, **facts}
        path = self.path("claims", record["name"] + ".json")
        with open(path + "~", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            json.dump(record, file)
        os.rename(path + "~", path)

    def end_claim(self, name="desktop"):
        """Remove it again."""
        os.unlink(self.path("claims", name + ".json"))
