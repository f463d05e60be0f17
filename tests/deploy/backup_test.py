"""deploy/backup and deploy/restore against a real hooked."""

import os
import sqlite3
import unittest

from house import SOURCE, House

BACKUP = SOURCE / "deploy/backup"
RESTORE = SOURCE / "deploy/restore"


class Backup(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.addCleanup(self.house.close)
        self.house.start_server()

    def submit(self, name):
        self.house.hooke("submit", "--preset", "hesu2020-two-circles", "--name", name, "-q")


    def names(self):
        lines = self.house.hooke("experiments", "list", "-o", "csv").splitlines()[1:]
        return {line.split(",")[0] for line in lines}

    def back_up(self, **environment):
        result = self.house.run(BACKUP, **environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def copies(self, folder):
        return sorted(path.name for path in folder.glob("timed-*.db"))

    def restore(self, *arguments):
        return self.house.run(RESTORE, "--data", self.house.data, *arguments)

    def test_what_was_there_comes_back_and_what_came_later_is_kept_beside(self):
        self.submit("kept")
        self.back_up()
        self.submit("later")
        self.assertEqual(self.names(), {"kept", "later"})
        [copy] = self.copies(self.house.data / "backups")

        refused = self.restore(self.house.data / "backups" / copy)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("stop it first", refused.stderr)
        self.assertEqual(self.names(), {"kept", "later"})

        self.house.server.kill()  # its log is not folded in
        self.house.server.wait()
        result = self.restore(self.house.data / "backups" / copy)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.house.start_server()
        self.assertEqual(self.names(), {"kept"})
        self.submit("after")
        self.assertEqual(self.names(), {"kept", "after"})
        self.house.stop_server()

        # And back again: what was replaced had the newest in its log.
        [old] = self.house.data.glob("before-restore-*")
        refused = self.restore(old / "hooke.db")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("write-ahead log", refused.stderr)
        with sqlite3.connect(old / "hooke.db") as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        result = self.restore(old / "hooke.db")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.house.start_server()
        self.assertEqual(self.names(), {"kept", "later"})

    def test_a_wrong_file_changes_nothing(self):
        self.submit("kept")
        self.back_up()
        self.house.stop_server()
        [copy] = (self.house.data / "backups").glob("*.db")
        before = (self.house.data / "hooke.db").read_bytes()

        damaged = self.house.folder / "damaged.db"
        pages = bytearray(copy.read_bytes())
        pages[4096:] = os.urandom(len(pages) - 4096)
        damaged.write_bytes(pages)
        cut = self.house.folder / "cut.db"
        cut.write_bytes(copy.read_bytes()[:-4096 * 3])
        other = self.house.folder / "other.db"
        with sqlite3.connect(other) as database:
            database.execute("CREATE TABLE t(x)")
        database.close()
        text = self.house.folder / "text.db"
        text.write_text("no database\n")
        for file, word in [(damaged, "damaged"), (cut, "damaged"), (other, "no database of Hooke"),
                           (text, "no database of Hooke"), (self.house.folder / "nowhere", "is not a file"),
                           (self.house.data, "is not a file")]:
            with self.subTest(file=file.name):
                result = self.restore(file)
                self.assertEqual(result.returncode, 1)
                self.assertIn(word, result.stderr)
                self.assertEqual((self.house.data / "hooke.db").read_bytes(), before)
                self.assertEqual(list(self.house.data.glob("before-restore-*")), [])
        self.assertEqual(self.restore().returncode, 2)
        self.assertEqual(self.restore("--unknown", copy).returncode, 2)

    def test_old_copies_go_and_others_stay(self):
        elsewhere = self.house.folder / "elsewhere"
        elsewhere.mkdir()
        backups = self.house.data / "backups"
        self.house.hooke("server", "backup", "before-upgrade.db")
        old = [f"timed-2026010{day}T000000Z.db" for day in range(1, 6)]
        for name in old:
            (backups / name).write_bytes(b"")
            (elsewhere / name).write_bytes(b"")
        self.back_up(HOOKE_BACKUPS_KEPT="3", HOOKE_BACKUP_FOLDER=str(elsewhere))
        for folder in (backups, elsewhere):
            names = self.copies(folder)
            self.assertEqual(names[:2], old[3:])
            self.assertEqual(len(names), 3)
            self.assertEqual(list(folder.glob(".*part")), [])
        self.assertTrue((backups / "before-upgrade.db").exists())
        self.assertEqual((elsewhere / names[2]).read_bytes(), (backups / names[2]).read_bytes())

    def test_what_fails_deletes_nothing(self):
        backups = self.house.data / "backups"
        backups.mkdir(exist_ok=True)
        (backups / "timed-20260101T000000Z.db").write_bytes(b"")
        for environment, word in [({"HOOKE_BACKUPS_KEPT": "0"}, "HOOKE_BACKUPS_KEPT"),
                                  ({"HOOKE_BACKUP_FOLDER": "/nowhere"}, "/nowhere"),
                                  ({"HOOKE_SERVER": "127.0.0.1:1", "HOOKE_BACKUPS_KEPT": "1"}, "127.0.0.1:1")]:
            with self.subTest(**environment):
                result = self.house.run(BACKUP, **environment)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(word, result.stderr)
                self.assertEqual(self.copies(backups), ["timed-20260101T000000Z.db"])


if __name__ == "__main__":
    unittest.main()
