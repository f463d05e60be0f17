"""The bills of materials: CycloneDX in shape, and true of the programs."""

import json
import re
import subprocess
import sys
import unittest

from house import BIN, SOURCE

LOCK = SOURCE / "server/web/package-lock.json"


def bill(program, *options):
    return subprocess.run([sys.executable, SOURCE / "deploy/sbom", BIN / program, *options], check=True,
                          capture_output=True, text=True).stdout


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = {"hooked": bill("hooked", "--npm", LOCK), **{one: bill(one) for one in ("hooke", "hooke-worker", "hooke-trainer")}}
        cls.bills = {program: json.loads(text) for program, text in cls.texts.items()}

    def names(self, program):
        return {one["name"] for one in self.bills[program]["components"]}

    def test_its_shape_is_that_of_cyclonedx(self):
        for program, found in self.bills.items():
            with self.subTest(program=program):
                self.assertEqual((found["bomFormat"], found["specVersion"], found["version"]), ("CycloneDX", "1.5", 1))
                about = found["metadata"]["component"]
                self.assertEqual((about["type"], about["name"]), ("application", program))
                self.assertRegex(about["version"], r"^\d+\.\d+\.\d+$")
                references = [one["bom-ref"] for one in found["components"]]
                self.assertEqual(len(set(references)), len(references), "each is there once")
                [dependencies] = found["dependencies"]
                self.assertEqual((dependencies["ref"], dependencies["dependsOn"]), (about["bom-ref"], references))
                for one in found["components"]:
                    self.assertEqual(one["type"], "library", "every library is of a package")
                    self.assertRegex(one["purl"], r"^pkg:(deb/debian|npm)/[^@ ]+@[^@ ]+$")
                    self.assertTrue(one["version"])
                    for licence in one["licenses"]:
                        self.assertIn(list(licence), (["license"], ["expression"]))

    def test_versions_are_those_that_are_installed(self):
        for one in self.bills["hooked"]["components"]:
            if one["purl"].startswith("pkg:deb/"):
                found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", one["name"]], check=True, capture_output=True, text=True)
                self.assertEqual(found.stdout, one["version"], one["name"])

    def test_what_is_linked_and_compiled_in_is_there_and_nothing_that_only_builds(self):
        linked = {"libsqlite3-0", "libssl3", "libsystemd0", "libc6", "nlohmann-json3-dev", "libboost1.74-dev"}
        self.assertLessEqual(linked, self.names("hooked"))
        self.assertTrue(any(re.match(r"libgrpc\+\+", name) for name in self.names("hooked")))
        self.assertLessEqual({"preact", "uplot", "@connectrpc/connect"}, self.names("hooked"))
        self.assertFalse({"vite", "typescript"} & self.names("hooked"))
        self.assertTrue(any("torch" in name for name in self.names("hooke-trainer")))
        self.assertFalse(any("torch" in name for name in self.names("hooke-worker")))

    def test_licences_are_named_where_they_can_be_read(self):
        licences = {one["name"]: [next(iter(x.values())) for x in one["licenses"]] for one in self.bills["hooked"]["components"]}
        self.assertIn({"name": "Apache-2.0"}, next(found for name, found in licences.items() if name.startswith("libgrpc++")))
        self.assertIn("MIT", licences["uplot"])
        self.assertGreater(sum(1 for found in licences.values() if found), len(licences) / 2)

    def test_the_same_input_gives_the_same_bytes(self):
        self.assertEqual(bill("hooke"), self.texts["hooke"])


if __name__ == "__main__":
    unittest.main()
