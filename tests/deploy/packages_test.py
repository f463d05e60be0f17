"""The Debian packages and units: what is in them, and hooked under its unit's rules as far as this machine allows."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from house import BIN, SOURCE, PATIENCE_S, House, eventually

BUILD = pathlib.Path(os.environ["HOOKE_BUILD_DIR"])
UNITS = SOURCE / "deploy/systemd"
# systemd-analyze counts exposure from 0 to 100; from here on it no longer says "OK".
MOST_EXPOSURE = 50


def output(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options).stdout


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="hooke-packages-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # Unpacked again at once: the best compression would take most of the time.
        output("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip")
        cls.packages = {output("dpkg-deb", "-f", file, "Package").strip(): file for file in cls.folder.glob("*.deb")}
        cls.root = cls.folder / "root"
        for file in cls.packages.values():
            output("dpkg-deb", "-x", file, cls.root)

    def field(self, package, name):
        return output("dpkg-deb", "-f", self.packages[package], name).strip()

    def files(self, package):
        lines = output("dpkg-deb", "-c", self.packages[package]).splitlines()
        return {line.split()[-1].removeprefix(".") for line in lines if not line.startswith("d")}

    def test_there_is_one_for_each_role(self):
        self.assertEqual(set(self.packages), {"hooked", "hooke-worker", "hooke-trainer", "hooke"})
        programs = {"hooked": "/usr/bin/hooked", "hooke-worker": "/usr/bin/hooke-worker",
                    "hooke-trainer": "/usr/bin/hooke-trainer", "hooke": "/usr/bin/hooke"}
        for package, program in programs.items():
            with self.subTest(package=package):
                self.assertEqual([path for path in self.files(package) if path.startswith("/usr/bin/")], [program])
                self.assertIn(f"/usr/share/man/man1/{package}.1", self.files(package))
                self.assertIn(f"/usr/share/doc/{package}/copyright", self.files(package))
                self.assertIn(f"/usr/share/doc/{package}/{package}.cdx.json", self.files(package))
                self.assertRegex(self.field(package, "Depends"), r"libc6 \(>= ")
                self.assertIn(package, output(self.root / program.lstrip("/"), "--version"))
        for package in ("hooked", "hooke", "hooke-worker"):
            self.assertNotIn("torch", self.field(package, "Depends"), "only the trainer needs LibTorch")
            self.assertIn("libgrpc", self.field(package, "Depends"))
        self.assertIn("torch", self.field("hooke-trainer", "Depends"))
        self.assertNotIn("libgrpc", self.field("hooke-trainer", "Depends"))

    def test_settings_are_kept_over_upgrades(self):
        for package, file in [("hooked", "/etc/hooke/hooked.toml"), ("hooke-worker", "/etc/hooke/worker.conf")]:
            control = self.folder / f"control-{package}"
            output("dpkg-deb", "-e", self.packages[package], control)
            self.assertEqual((control / "conffiles").read_text().split(), [file])
            self.assertIn(file, self.files(package))
            for script in ("postinst", "prerm", "postrm"):
                with self.subTest(package=package, script=script):
                    self.assertTrue(os.access(control / script, os.X_OK))
                    output("sh", "-n", control / script)

    def test_units_start_what_is_installed(self):
        for unit in UNITS.glob("*.service"):
            with self.subTest(unit=unit.name):
                [command] = re.findall(r"^ExecStart=(\S+)", unit.read_text(), re.M)
                self.assertTrue((self.root / command.lstrip("/")).exists(), command)
                for setting in re.findall(r"--config (\S+)", unit.read_text()):
                    self.assertTrue((self.root / setting.lstrip("/")).exists(), setting)
                found = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={self.root}", unit.name],
                                       capture_output=True, text=True)
                self.assertNotRegex(found.stderr, rf"{unit.name}:\d+", "systemd does not understand a line")

    def test_a_node_may_have_several_workers(self):
        units = self.root / "lib/systemd/system"
        self.assertEqual((units / "hooke-worker@.service").read_text(), (units / "hooke-worker.service").read_text())

    def test_units_are_shut(self):
        for unit in UNITS.glob("*.service"):
            with self.subTest(unit=unit.name):
                found = subprocess.run(
                    ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", str(unit)],
                    capture_output=True, text=True)
                self.assertEqual(found.returncode, 0, found.stdout[-500:] + found.stderr)
                self.assertIn("Overall exposure level", found.stdout)

    def test_a_trainer_says_what_the_machine_offers(self):
        data = self.folder / "sets"
        (data / "mnist").mkdir(parents=True)
        facts = json.loads(output(self.root / "usr/bin/hooke-trainer", "--about", "--data-root", data))
        folders = {one["set"]: one["folder"] for one in facts["dataSets"]}
        self.assertEqual(folders["mnist"], str(data / "mnist"))
        self.assertEqual(folders["cifar10"], "")
        self.assertEqual(facts["threads"], os.cpu_count())
        self.assertEqual(facts["blas"]["fast"], "libblas.so" not in facts["blas"]["file"] or "openblas" in facts["blas"]["file"])

    def test_a_worker_takes_its_settings_and_no_others(self):
        house = House()
        self.addCleanup(house.close)
        house.data.mkdir()
        (house.data / "token").touch(mode=0o600)
        (house.data / "token").write_text("0" * 64)
        settings = (self.root / "etc/hooke/worker.conf").read_text().replace("/var/lib/hooke-worker", str(house.folder))
        settings += '\nserver = "127.0.0.1:1"\n'
        for more, code, word in [("", 1, "127.0.0.1:1"), ("sever = 1\n", 2, "sever")]:
            with self.subTest(more=more):
                (house.folder / "worker.conf").write_text(settings + more)
                worker = house.start(BIN / "hooke-worker", "--config", house.folder / "worker.conf", log="worker.log")
                eventually(lambda: word in house.text("worker.log") or worker.poll() is not None, "the worker's word")
                self.assertIn(word, house.text("worker.log"))
                if worker.poll() is None:
                    worker.terminate()
                else:
                    self.assertEqual(worker.wait(), code)

    def test_hooked_answers_under_its_settings(self):
        """As the unit starts it, where /var/lib/hooke is another folder, and ports are any."""
        house = House()
        self.addCleanup(house.close)
        settings = (self.root / "etc/hooke/hooked.toml").read_text()
        for what, by in [("/var/lib/hooke", str(house.data)), ("127.0.0.1:7070", "127.0.0.1:0"), ("127.0.0.1:7071", "127.0.0.1:0")]:
            self.assertIn(what, settings)
            settings = settings.replace(what, by)
        (house.folder / "hooked.toml").write_text(settings)
        notified = house.folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(notified))
            manager.settimeout(PATIENCE_S)
            process = house.start(self.root / "usr/bin/hooked", "--config", house.folder / "hooked.toml",
                                  "--log-format", "json", log="hooked.log", NOTIFY_SOCKET=str(notified))
            self.assertEqual(manager.recv(100), b"READY=1")
            process.terminate()
            self.assertEqual(manager.recv(100), b"STOPPING=1")
        self.assertEqual(process.wait(PATIENCE_S), 0)
        lines = [json.loads(line) for line in house.text("hooked.log").splitlines()]
        self.assertTrue(all(set(line) == {"time", "level", "message"} for line in lines))
        self.assertEqual(lines[-1]["message"], "stopped")

    def test_a_restart_finds_its_ports_free_though_callers_stay(self):
        house = House()
        self.addCleanup(house.close)
        house.start_server()
        house.hooke("submit", "--preset", "hesu2020-two-circles", "-q")
        watch = house.start(BIN / "hooke", "watch", "hesu2020-two-circles", log="watch.log")
        eventually(lambda: "queued" in house.text("watch.log"), "the watch's first line")
        for _ in range(3):
            house.stop_server()
            house.start_server()
        self.assertIsNone(watch.poll(), house.text("watch.log"))
        house.hooke("runs", "cancel", "hesu2020-two-circles")
        self.assertEqual(watch.wait(PATIENCE_S), 3, house.text("watch.log"))


if __name__ == "__main__":
    unittest.main()
