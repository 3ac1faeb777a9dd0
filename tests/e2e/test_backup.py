"""Backups: made while the gateway serves, whole, and put back so that a cap holds whatever was spent in between."""

import json
import sqlite3
from decimal import Decimal

import pytest

from gateway import Gateway
from wire import call, call_many, chat


def served(gateway, key: dict, count: int):
    assert [call(gateway.port, chat(), key["secret"]).status for _ in range(count)] == [200] * count


def spent_until_refused(gateway, key: dict) -> int:
    count = 0
    while (status := call(gateway.port, chat(), key["secret"]).status) == 200:
        count += 1
        assert count < 100
    assert status == 402
    return count


def refuses_to_start(gateway) -> str:
    with pytest.raises(RuntimeError) as refused:
        gateway.start()
    return str(refused.value)


def test_a_backup_is_made_under_load_and_is_whole(own, tmp_path):
    gateway, upstream = own
    key = gateway.key("1000 requests/day")
    served(gateway, key, 5)
    call_many(gateway.port, [chat()] * 50, key["secret"])
    file = tmp_path / "backup.db"
    done = gateway.cli("backup", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("backup.db.*"))
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT spent FROM counters WHERE spent > 0").fetchall() == [(55,)]
    again = gateway.cli("backup", str(file))
    assert again.returncode == 1 and "exists; a backup overwrites nothing" in again.stderr
    assert gateway.stop() == 0
    assert gateway.cli("backup", str(tmp_path / "stopped.db")).returncode == 0


def test_over_the_network_no_file_is_written(own, tmp_path):
    gateway, upstream = own
    status, body = gateway.control.send("POST", "/api/v1/backup", {"file": str(tmp_path / "stolen.db")})
    assert status == 403 and "metergate backup FILE" in body
    assert not (tmp_path / "stolen.db").exists()


def test_a_store_that_was_put_back_starts_only_when_it_is_accepted_and_is_never_over(own, tmp_path):
    gateway, upstream = own
    key = gateway.key("20 requests/day")
    limit = key["limits"][0]["id"]
    served(gateway, key, 3)
    assert gateway.cli("backup", str(tmp_path / "backup.db")).returncode == 0
    served(gateway, key, 9)
    gateway.control.wait_for_records(12)
    gateway.kill()

    done = gateway.cli("restore", str(tmp_path / "backup.db"))
    assert done.returncode == 0, done.stderr
    assert "does not start before 'metergate restore --accept" in done.stdout
    assert (gateway.data / "metergate.db.replaced-1").exists()
    log = refuses_to_start(gateway)
    assert "the store is older than its journals" in log and "metergate restore --accept" in log

    accepted = json.loads(gateway.cli("restore", "--accept", "--json").stdout)["accepted"]
    assert accepted["booked"] == 9 and accepted["gap"] is None
    gateway.start()
    numbers = gateway.control.numbers(limit)
    assert numbers["spent"] == 12, "the journals had what the backup had not"
    spent_until_refused(gateway, key)
    assert upstream.hits <= 20
    assert gateway.cli("doctor").returncode == 0
    assert gateway.cli("restore", "--accept").returncode == 1, "a server has the folder"
    assert gateway.stop() == 0
    again = gateway.cli("restore", "--accept")
    assert again.returncode == 1 and "nothing to accept" in again.stderr


def test_what_the_journals_do_not_have_any_more_is_held_and_an_operator_frees_it(own, tmp_path):
    """The process of the backup is gone, and the one after it discarded its journals: what it spent then is nowhere."""
    gateway, upstream = own
    key = gateway.key("20 requests/day")
    limit = key["limits"][0]["id"]
    served(gateway, key, 3)
    assert gateway.cli("backup", str(tmp_path / "backup.db")).returncode == 0
    served(gateway, key, 5)
    assert gateway.stop() == 0
    gateway.start()
    served(gateway, key, 4)
    gateway.kill()

    restored = json.loads(gateway.cli("restore", str(tmp_path / "backup.db"), "--accept", "--json").stdout)
    assert restored["starts"] and "there are no journals of incarnation 1" in restored["accepted"]["gap"]
    gateway.start()
    numbers = gateway.control.numbers(limit)
    assert (numbers["spent"], numbers["available"]) == (7, 0), "three of the backup, four of the journals"
    assert call(gateway.port, chat(), key["secret"]).status == 402
    assert gateway.cli("doctor").returncode == 0
    held = [item for item in gateway.control.pages("/api/v1/unresolved")
            if item["cause"] == "unaccounted" and item["holds"][0]["limit"] == limit]
    assert sum(Decimal(hold["unresolved"]) for item in held for hold in item["holds"]) == 13
    for item in held:
        assert gateway.cli("unresolved", "release", item["id"], "--reason", "counted by hand").returncode == 0
    assert call(gateway.port, chat(), key["secret"]).status == 200


def test_a_backup_of_this_very_moment_starts_at_once_and_another_folder_takes_one_too(own, tmp_path):
    gateway, upstream = own
    key = gateway.key("20 requests/day")
    served(gateway, key, 3)
    assert gateway.stop() == 0
    assert gateway.cli("backup", str(tmp_path / "backup.db")).returncode == 0
    assert gateway.cli("restore", str(tmp_path / "backup.db")).stdout.endswith("restored\n")
    gateway.start()
    served(gateway, key, 1)

    other = Gateway(tmp_path / "other", upstream.url)
    done = other.cli("restore", str(tmp_path / "backup.db"))
    assert done.returncode == 0, done.stderr
    with other:
        assert other.control.numbers(key["limits"][0]["id"])["spent"] == 3


def test_what_is_no_backup_changes_nothing(own, tmp_path):
    gateway, upstream = own
    key = gateway.key("20 requests/day")
    served(gateway, key, 3)
    assert gateway.stop() == 0
    assert gateway.cli("backup", str(tmp_path / "good.db")).returncode == 0
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("no database at all" * 500)
    with sqlite3.connect(tmp_path / "foreign.db") as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    whole = (tmp_path / "good.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "live.db").write_bytes(whole)
    (tmp_path / "live.db-wal").touch()
    before = (gateway.data / "metergate.db").read_bytes()
    for name, why in [("empty.db", "no backup of Metergate's"), ("text.db", "no database"),
                      ("foreign.db", "no backup of Metergate's"), ("cut.db", ""), ("live.db", "write-ahead log"),
                      ("missing.db", "no file that can be read")]:
        done = gateway.cli("restore", str(tmp_path / name))
        assert done.returncode == 1 and why in done.stderr, (name, done.stderr)
    assert (gateway.data / "metergate.db").read_bytes() == before
    assert not list(gateway.data.glob("*.restoring*")) and not list(gateway.data.glob("*.replaced*"))
    assert gateway.cli("restore").returncode == 2
    gateway.start()
    served(gateway, key, 1)


def test_a_damaged_store_is_replaced_and_kept(own, tmp_path):
    gateway, upstream = own
    key = gateway.key("20 requests/day")
    served(gateway, key, 3)
    assert gateway.cli("backup", str(tmp_path / "backup.db")).returncode == 0
    served(gateway, key, 2)
    gateway.kill()
    (gateway.data / "metergate.db").write_bytes(b"x" * 4096)
    done = gateway.cli("restore", str(tmp_path / "backup.db"), "--accept")
    assert done.returncode == 0, done.stderr
    assert (gateway.data / "metergate.db.replaced-1").read_bytes() == b"x" * 4096
    gateway.start()
    assert gateway.control.numbers(key["limits"][0]["id"])["spent"] == 5
