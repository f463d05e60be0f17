"""A real Prometheus asks a real hooked; what the alerts and the dashboard ask for is there."""

import json
import re
import socket
import unittest
import urllib.parse
import urllib.request

from house import SOURCE, House, eventually

MONITORING = SOURCE / "deploy/monitoring"
NAMES = re.compile(r"\b(?:hooke|process)_[a-z0-9_]+")


def queries():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$instance", ".*")
    for line in (MONITORING / "alerts.yml").read_text().splitlines():
        if line.strip().startswith("expr: "):
            yield "alert", line.strip().removeprefix("expr: ")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Monitoring(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)

    def test_the_rules_are_accepted_and_fire(self):
        for command in (["check", "rules", MONITORING / "alerts.yml"],
                        ["test", "rules", SOURCE / "tests/deploy/alerts_test.yml"]):
            result = self.house.run("promtool", *command)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_prometheus_has_every_metric_that_is_asked_for(self):
        self.house.start_server()
        self.house.hooke("submit", "--preset", "hesu2020-two-circles")
        config = (MONITORING / "prometheus.yml").read_text()
        for what, by in [("127.0.0.1:7071", f"127.0.0.1:{self.house.ports[1]}"), ("scrape_interval: 15s", "scrape_interval: 1s"),
                         ("/etc/prometheus/hooke.token", str(self.house.data / "token")),
                         ("- alerts.yml", f"- {MONITORING / 'alerts.yml'}")]:
            self.assertIn(what, config)
            config = config.replace(what, by)
        (self.house.folder / "prometheus.yml").write_text(config)
        checked = self.house.run("promtool", "check", "config", self.house.folder / "prometheus.yml")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        port = free_port()
        self.house.start("prometheus", f"--config.file={self.house.folder}/prometheus.yml",
                         f"--storage.tsdb.path={self.house.folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}",
                         log="prometheus.log")

        def ask(query):
            url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
            try:
                with urllib.request.urlopen(url) as answer:
                    return json.load(answer)["data"]["result"]
            except (urllib.error.URLError, ConnectionError) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code != 503:  # it is starting
                    raise AssertionError(f"{query}: {error.read().decode()}") from error
                return []

        eventually(lambda: ask('up{job="hooke"} == 1'), "Prometheus' first scrape")
        [queued] = ask('hooke_runs{state="queued"}')
        self.assertEqual(queued["value"][1], "1")
        asked = 0
        for title, query in queries():
            ask(query)  # is understood
            for name in NAMES.findall(query):
                asked += 1
                with self.subTest(title=title, name=name):
                    self.assertTrue(ask(name), f"nobody gives {name}")
        self.assertGreater(asked, 20)

    def test_a_wrong_token_is_no_scrape(self):
        self.house.start_server()
        self.assertIn("hooke_info", self.house.metrics())
        (self.house.data / "token").write_text("0" * 64)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.house.metrics()
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()


if __name__ == "__main__":
    unittest.main()
