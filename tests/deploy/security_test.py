"""Certificates, tokens and who may reach hooked, with the real programs and deploy/tls."""

import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

from house import BIN, SOURCE, House, eventually

MAKE_CA = SOURCE / "deploy/tls/make-ca"
NOBODY = 65534


class Tls(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        self.folder = self.house.folder / "tls"
        self.make("server", "localhost,127.0.0.1")

    def make(self, kind, name, folder=None):
        result = self.house.run(MAKE_CA, folder or self.folder, kind, name)
        self.assertEqual(result.returncode, 0, result.stderr)

    def start(self, *options):
        self.house.start_server("--tls-cert", self.folder / "server.pem", "--tls-key", self.folder / "server.key", *options)

    def hooke(self, *arguments, ca=None, cert=None, **environment):
        authority = {"HOOKE_CA": str(ca or self.folder / "ca.pem")}
        if cert:
            authority |= {"HOOKE_CERT": str(self.folder / f"{cert}.pem"), "HOOKE_KEY": str(self.folder / f"{cert}.key")}
        return self.house.run(BIN / "hooke", *arguments, **(authority | environment))

    def http(self, cert=None, token=None):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        if cert:
            context.load_cert_chain(self.folder / f"{cert}.pem", self.folder / f"{cert}.key")
        request = urllib.request.Request(
            f"https://localhost:{self.house.ports[1]}/hooke.v1.AccessService/WhoAmI", b"{}",
            {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}))
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def serial(self, port):
        """Of the certificate that is shown on a port."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", port)) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.getpeercert()["serialNumber"]

    def test_the_right_authority_leads_in_and_another_does_not(self):
        self.start()
        self.assertEqual(self.hooke("runs", "list").returncode, 0)
        other = self.house.folder / "other"
        self.make("server", "localhost", other)
        refused = self.hooke("runs", "list", ca=other / "ca.pem")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("certificate", refused.stderr)
        plain = self.hooke("runs", "list", HOOKE_CA="")
        self.assertNotEqual(plain.returncode, 0)

    def test_old_versions_of_tls_are_refused(self):
        self.start()
        for port in self.house.ports:
            for version, spoken in [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True)]:
                with self.subTest(port=port, version=version.name):
                    found = self.house.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2",
                                           "-cipher", "DEFAULT@SECLEVEL=0",
                                           "-tls1_2" if spoken else "-tls1_1", "-CAfile", self.folder / "ca.pem")
                    self.assertEqual("Verify return code: 0 (ok)" in found.stdout and "Cipher is (NONE)" not in found.stdout,
                                     spoken, found.stdout[-800:])

    def test_ciphers_without_forward_secrecy_or_authentication_are_refused(self):
        self.start()
        for port in self.house.ports:
            for cipher, spoken in [("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", True), ("AES128-GCM-SHA256", False),
                                   ("AES128-SHA", False), ("ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA", False), ("NULL", False)]:
                with self.subTest(port=port, cipher=cipher):
                    found = self.house.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "h2", "-tls1_2",
                                           "-cipher", f"{cipher}:@SECLEVEL=0", "-CAfile", self.folder / "ca.pem")
                    self.assertEqual("Verify return code: 0 (ok)" in found.stdout and "Cipher is (NONE)" not in found.stdout,
                                     spoken, found.stdout[-800:] + found.stderr[-800:])

    def test_certificates_of_callers(self):
        self.make("client", "gpu-node-1")
        self.make("client", "stranger")
        self.start("--tls-client-ca", self.folder / "ca.pem", "--tls-client-role", "gpu-node-1=read")
        token = (self.house.data / "token").read_text().strip()
        alone = {"HOOKE_TOKEN_FILE": ""}
        self.assertEqual(self.hooke("runs", "list", cert="gpu-node-1", **alone).returncode, 0)
        refused = self.hooke("server", "backup", "x.db", cert="gpu-node-1", **alone)
        self.assertEqual(refused.returncode, 4)
        self.assertIn("gpu-node-1", refused.stderr)
        refused = self.hooke("runs", "list", cert="stranger", **alone)
        self.assertEqual(refused.returncode, 4)
        self.assertIn("'stranger' was given no role", refused.stderr)
        self.assertEqual(self.hooke("runs", "list", cert="stranger").returncode, 0, "the token counts")
        self.assertNotEqual(self.hooke("runs", "list").returncode, 0, "no certificate at all")
        # Over HTTP a certificate alone is refused, with the reason.
        status, text = self.http("gpu-node-1")
        self.assertEqual(status, 401)
        self.assertIn("a certificate alone is not enough", text)
        self.assertEqual(self.http("gpu-node-1", token)[0], 200)
        with self.assertRaises((ssl.SSLError, urllib.error.URLError, ConnectionError)):
            self.http(None, token)

    def test_a_hangup_reads_certificates_and_token_again_and_cuts_nobody_off_but_the_old_token(self):
        self.start()
        self.house.run(BIN / "hooke", "submit", "--preset", "hesu2020-two-circles", "-q", HOOKE_CA=str(self.folder / "ca.pem"))
        reader = self.house.folder / "reader.token"
        self.assertEqual(self.hooke("tokens", "create", "ada", "--role", "read", "--out", reader).returncode, 0)
        start = lambda log, **token: self.house.start(BIN / "hooke", "watch", "hesu2020-two-circles", log=log,
                                                      HOOKE_CA=str(self.folder / "ca.pem"), **token)
        watch, admins = start("watch.log", HOOKE_TOKEN_FILE=str(reader)), start("admins.log")
        for log in ("watch.log", "admins.log"):
            eventually(lambda: "queued" in self.house.text(log), "the first line")
        before = self.serial(self.house.ports[1])
        self.assertEqual(self.serial(self.house.ports[0]), before)
        self.make("server", "localhost,127.0.0.1")
        (self.house.data / "token").write_text("0123456789abcdef" * 4)
        self.house.server.send_signal(signal.SIGHUP)
        for port in self.house.ports:
            eventually(lambda: self.serial(port) != before, "the new certificate")
        self.assertEqual(self.hooke("runs", "list").returncode, 0, "the file's new token")
        self.assertEqual(admins.wait(60), 4, "who goes on with the old one")

        # What does not fit changes nothing.
        now = self.serial(self.house.ports[1])
        (self.folder / "server.key").write_text("no key\n")
        (self.house.data / "token").unlink()
        self.house.server.send_signal(signal.SIGHUP)
        eventually(lambda: self.house.text("hooked.log").count("stay as they were") == 2, "the log's word")
        self.assertEqual(self.serial(self.house.ports[1]), now)
        (self.house.data / "token").touch(mode=0o600)
        (self.house.data / "token").write_text("0123456789abcdef" * 4)
        self.assertEqual(self.hooke("runs", "list").returncode, 0)
        self.assertIsNone(watch.poll(), self.house.text("watch.log"))
        self.assertNotIn("away", self.house.text("watch.log"))

    def test_wrong_files_are_named(self):
        self.make("client", "other")
        for options, word in [(["--tls-key", self.folder / "other.key"], "is not the key of the certificate"),
                              (["--tls-key", self.folder / "server.pem"], "holds no private key"),
                              (["--tls-cert", self.folder / "server.key"], "holds no certificate"),
                              (["--tls-cert", "/nowhere"], "/nowhere cannot be read"),
                              (["--tls-client-role", "a=read"], "needs --tls-client-ca"),
                              (["--tls-client-ca", self.folder / "ca.pem", "--tls-client-role", "a=boss"], "'a=boss'")]:
            with self.subTest(options=options):
                found = self.house.run(BIN / "hooked", "--data", self.house.data, "--listen", "127.0.0.1:0", "--http",
                                       "127.0.0.1:0", *self.with_defaults(options))
                self.assertIn(found.returncode, (1, 2))
                self.assertIn(word, found.stderr)

    def with_defaults(self, options):
        given = {"--tls-cert": self.folder / "server.pem", "--tls-key": self.folder / "server.key"}
        return [part for name, value in (given | dict(zip(options[::2], options[1::2]))).items() for part in (name, value)]


class Tokens(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        self.house.start_server(TMPDIR=str(self.house.folder))

    def hooke(self, *arguments, **environment):
        return self.house.run(BIN / "hooke", *arguments, **environment)

    def test_from_making_to_revoking(self):
        file = self.house.folder / "ada.token"
        made = self.hooke("tokens", "create", "ada", "--role", "read", "--expires-in", "90d", "--out", file)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(made.stdout, "")
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        secret = file.read_text().strip()
        again = self.hooke("tokens", "create", "ada", "--role", "read", "--out", file)
        self.assertEqual(again.returncode, 2)
        self.assertIn("is there already", again.stderr)
        self.assertEqual(file.read_text().strip(), secret)
        shown = self.hooke("tokens", "create", "bob", "--role", "submit")
        self.assertRegex(shown.stdout, r"^hooke_[0-9a-f]{64}\n$")

        reader = {"HOOKE_TOKEN_FILE": str(file)}
        self.assertEqual(self.hooke("runs", "list", **reader).returncode, 0)
        refused = self.hooke("submit", "--preset", "hesu2020-two-circles", **reader)
        self.assertEqual(refused.returncode, 4)
        self.assertIn("needs submit", refused.stderr)
        self.assertEqual(self.hooke("tokens", "list", **reader).returncode, 4)

        rows = [line.split(",") for line in self.hooke("tokens", "list", "-o", "csv").stdout.splitlines()]
        self.assertEqual([row[1:4] for row in rows[1:]], [["ada", "read", "valid"], ["bob", "submit", "valid"]])
        self.assertNotIn(secret, self.hooke("tokens", "list", "-o", "json").stdout)

        # It outlives a restart, and so does its end.
        self.house.stop_server()
        self.house.start_server()
        self.assertEqual(self.hooke("runs", "list", **reader).returncode, 0)
        self.assertEqual(self.hooke("tokens", "revoke", rows[1][0]).returncode, 0)
        self.assertEqual(self.hooke("runs", "list", **reader).returncode, 4)
        self.house.stop_server()
        self.house.start_server()
        self.assertEqual(self.hooke("runs", "list", **reader).returncode, 4)
        self.assertNotIn(secret, self.house.text("hooked.log"))

    def test_a_worker_with_its_token_runs_a_job(self):
        token = self.house.folder / "node.token"
        self.assertEqual(self.hooke("tokens", "create", "node", "--role", "worker", "--out", token).returncode, 0)
        config = self.house.folder / "small.yaml"
        config.write_text("name: small\ndata: {set: gaussians, classes: [0, 1], train_per_class: 50, test_per_class: 10, dimension: 4}\n"
                          "model: {type: linear}\ntraining: {lr: 0.1, batch: 10, epochs: 1}\nprobes: {per_class: 2, every: 5}\nmeasures: [l2]\n")
        run = self.house.hooke("submit", config, "-q").strip()
        self.house.start(BIN / "hooke-worker", "--once", "--threads", "1", "--spool", self.house.folder / "spool",
                         "--data-root", self.house.folder, log="worker.log", HOOKE_TOKEN_FILE=str(token))
        done = self.hooke("wait", run)
        self.assertEqual(done.returncode, 0, done.stderr + self.house.text("worker.log"))

    def test_wrong_input_makes_nothing(self):
        for arguments, word in [(["ada"], "--role"), (["ada", "--role", "boss"], "boss"), (["a b", "--role", "read"], "'a b'"),
                                (["ada", "--role", "read", "--expires-in", "5"], "--expires-in"),
                                (["ada", "--role", "read", "--expires-in", "-5d"], "--expires-in"),
                                (["ada", "--role", "read", "--out", "/nowhere/x"], "/nowhere/x")]:
            with self.subTest(arguments=arguments):
                result = self.hooke("tokens", "create", *arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(word, result.stderr)
        # What a caller names cannot forge a line of the log, nor play on the terminal that shows it.
        self.assertEqual(self.hooke("tokens", "revoke", "x\n2026 info forged\x1b[2J\x9b").returncode, 2)
        self.assertIn(r"x\x0a2026 info forged\x1b[2J\xc2\x9b", self.house.text("hooked.log"))
        self.assertEqual(len(self.hooke("tokens", "list", "-o", "csv").stdout.splitlines()), 1)
        self.assertEqual(self.hooke("tokens", "revoke", "nobody").returncode, 2)

    @unittest.skipUnless(os.geteuid() == 0, "only root can play another user")
    def test_another_user_of_this_machine_gets_nowhere(self):
        """Neither the token, nor the data, nor the sockets."""
        self.house.folder.chmod(0o755)
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        for command in (["cat", self.house.data / "token"], ["cat", self.house.data / "hooke.db"], ["ls", self.house.data]):
            with self.subTest(command=command):
                self.assertNotEqual(self.house.run(*as_nobody, *command).returncode, 0)
                self.assertEqual(self.house.run(*command).returncode, 0, "the owner can")
        refused = self.house.run(*as_nobody, BIN / "hooke", "runs", "list", HOOKE_TOKEN_FILE="")
        self.assertEqual(refused.returncode, 4, refused.stderr)
        [own] = self.house.folder.glob("hooked-*/grpc")
        probe = f"import socket; socket.socket(socket.AF_UNIX).connect({str(own)!r})"
        self.assertIn("PermissionError", self.house.run(*as_nobody, sys.executable, "-c", probe).stderr)
        self.assertEqual(self.house.run(sys.executable, "-c", probe).returncode, 0, "the owner can")

    def test_beyond_loopback_it_needs_tls_or_plain_words(self):
        self.house.stop_server()
        for options, word in [(["--listen", "0.0.0.0:0"], "--tls-cert"), (["--http", "0.0.0.0:0"], "--tls-cert"),
                              (["--listen", "0.0.0.0:0", "--no-auth"], "--no-auth"),
                              (["--listen", "0.0.0.0:0", "--no-auth", "--insecure-without-tls"], "--no-auth")]:
            with self.subTest(options=options):
                result = self.house.run(BIN / "hooked", "--data", self.house.data, *options)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(word, result.stderr)


class Costs(unittest.TestCase):
    """What callers without a token may take."""

    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)

    def connect(self, port, count):
        sockets = []
        for _ in range(count):
            one = socket.socket()
            self.addCleanup(one.close)
            one.settimeout(1)
            try:
                one.connect(("127.0.0.1", port))
            except OSError:
                break
            sockets.append(one)
        return sockets

    def test_more_connections_than_descriptors_leave_it_answering(self):
        """gRPC's own listener is deaf for good after the first connection without a descriptor."""
        self.house.start_server(under=["prlimit", "--nofile=200:200"])
        sockets = self.connect(self.house.ports[0], 300)
        self.assertGreater(len(sockets), 150)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.house.ports[1]}/healthz") as answer:
            self.assertEqual(answer.read(), b"ok\n", "the database and HTTP have theirs")
        for one in sockets:
            one.close()
        self.assertEqual(self.house.run(BIN / "hooke", "runs", "list").returncode, 0)

    def test_a_connection_that_says_nothing_is_closed(self):
        self.house.start_server()
        [silent] = self.connect(self.house.ports[0], 1)
        silent.settimeout(60)
        while silent.recv(1000):
            pass
        self.assertEqual(self.house.run(BIN / "hooke", "runs", "list").returncode, 0)


class Secrets(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        self.house.start_server()
        self.token = (self.house.data / "token").read_text().strip()

    def start_worker(self, *options, **environment):
        return self.house.start(BIN / "hooke-worker", "--threads", "1", "--spool", self.house.folder / "spool", "--data-root",
                                self.house.folder, *options, log="worker.log", **environment)

    def test_no_core_dump_holds_a_token(self):
        """Nor may another process of the same user look into them."""
        worker = self.start_worker()
        eventually(lambda: "worker" in self.house.text("worker.log"), "the worker's first word")
        shell = subprocess.Popen(["sleep", "60"], cwd=self.house.folder)
        self.house.processes.append(shell)
        dumped = {}
        for name, process in [("any", shell), ("hooked", self.house.server), ("hooke-worker", worker)]:
            subprocess.run(["prlimit", f"--pid={process.pid}", "--core=unlimited:unlimited"], check=False, capture_output=True)
            process.send_signal(signal.SIGSEGV)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -os.WTERMSIG(status)
            dumped[name] = os.WCOREDUMP(status)
        self.assertEqual((dumped["hooked"], dumped["hooke-worker"]), (False, False))
        if not dumped["any"]:
            self.skipTest("no program leaves core dumps here")

    def test_a_token_on_the_command_line_is_hidden(self):
        self.house.hooke("submit", "--preset", "hesu2020-two-circles", "-q")
        for number, token in enumerate((["--token", self.token], [f"--token={self.token}"])):
            watch = self.house.start(BIN / "hooke", "watch", "hesu2020-two-circles", *token, log=f"watch{number}.log")
            eventually(lambda: "queued" in self.house.text(f"watch{number}.log"), "the first line")
            arguments = pathlib.Path(f"/proc/{watch.pid}/cmdline").read_text()
            self.assertIn("--token", arguments)
            self.assertNotIn(self.token, arguments)

    def test_programs_that_a_worker_starts_get_no_token(self):
        seen = self.house.folder / "seen"
        trainer = self.house.folder / "trainer"
        trainer.write_text(f"#!/bin/sh\n[ \"$1\" = --about ] || {{ env; tr '\\0' ' ' </proc/$PPID/cmdline; echo end; }} >>{seen}\nexit 1\n")
        trainer.chmod(0o755)
        config = self.house.folder / "small.yaml"
        config.write_text("name: small\ndata: {set: gaussians, points: 20, dimension: 2}\nmodel: {type: linear}\n")
        self.house.hooke("submit", config, "-q")
        worker = self.start_worker("--once", "--trainer", trainer, HOOKE_TOKEN=self.token, HOOKE_TOKEN_FILE="")
        eventually(lambda: seen.exists() and "end" in seen.read_text(), "the trainer's start")
        self.assertIn("PATH=", seen.read_text())
        self.assertIn("hooke-worker", seen.read_text(), "its command line")
        self.assertNotIn(self.token, seen.read_text())
        worker.terminate()
        worker.wait()
        for log in ("worker.log", "hooked.log"):
            self.assertNotIn(self.token, self.house.text(log))


if __name__ == "__main__":
    unittest.main()
