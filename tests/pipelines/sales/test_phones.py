"""Phones that are signed in, while the disk is slow."""

from __future__ import annotations

import threading

from pipelines.assembly.basis import StoreBasis
from pipelines.assembly.sales import build_desk, sale_file
from pipelines.sales.file import SaleFile
from pipelines.sales.phones import ACTIVE_S, LIFETIME_S, MAX_PHONES, StaffPhones
from tests.fakes.full_disk import FullDisk
from tests.pipelines.settings.store_file import MINIMAL, load


class Disk:
    """Looks, in the middle of each write, at what the page would answer."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, int]] = []
        self.looks = [lambda: None]
        self.seen: list[object] = []

    def load_phones(self):
        return self.kept

    def load_pins(self):
        return {}

    def save_phones(self, phones):
        self.kept = list(phones)
        look = threading.Thread(target=lambda: self.seen.append(self.looks[0]()), daemon=True)
        look.start()
        look.join(120)


def test_nobody_waits_for_the_disk_to_be_known():
    disk = Disk()
    phones = StaffPhones(disk, lambda: 1000)
    tickets = [phones.sign_in("Anna", "1234") for _ in range(MAX_PHONES + 1)]
    disk.looks[0] = lambda: (phones.count("Anna"), phones.knows("Anna", "1234", tickets[1]))
    disk.seen.clear()
    phones.sign_out("Anna", "1234", tickets[2])
    phones.sign_in("Anna", "1234")
    phones.sign_out_all("Anna")
    assert disk.seen == [(MAX_PHONES - 1, True), (MAX_PHONES, True), (0, False)]
    assert not phones.knows("Anna", "1234", tickets[0])
    assert disk.kept == []


def test_a_phone_that_is_gone_is_not_counted_but_can_be_signed_out(tmp_path):
    at = [1000]
    file = SaleFile(tmp_path / "offers.sqlite3", lambda: 0)
    phones = StaffPhones(file, lambda: at[0])
    gone, open_ = phones.sign_in("Anna", "1234"), phones.sign_in("Anna", "1234")
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (2, 2)
    at[0] += ACTIVE_S + 1
    assert phones.knows("Anna", "1234", open_)
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (1, 2)
    phones = StaffPhones(file, lambda: at[0])  # started anew: nobody was heard yet
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (0, 2)
    assert phones.knows("Anna", "1234", gone)  # it is back
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (1, 2)
    phones.sign_out_all("Anna")
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (0, 0)
    file.close()


def test_a_phone_that_is_gone_is_not_counted_longer_because_the_clock_was_set_back():
    utc, steady = [10_000], [10_000]
    phones = StaffPhones(Disk(), lambda: utc[0], lambda: steady[0])
    phones.sign_in("Anna", "1234")
    steady[0] += ACTIVE_S + 1
    utc[0] += ACTIVE_S + 1 - 3600
    assert (phones.count("Anna"), phones.signed_in("Anna")) == (0, 1)
    phones.sign_in("Anna", "1234")
    utc[0] += 7200
    assert phones.count("Anna") == 1


def test_a_sign_in_in_a_wrong_year_signs_nobody_else_out_and_lasts_no_longer(tmp_path):
    utc, steady = [1_800_000_000], [1_800_000_000]

    def pass_(seconds, step=0):
        steady[0] += seconds
        utc[0] += seconds + step

    file = SaleFile(tmp_path / "offers.sqlite3", lambda: 0)
    phones = StaffPhones(file, lambda: utc[0], lambda: steady[0])
    anna = phones.sign_in("Anna", "1234")
    pass_(3600, step=3 * 365 * 86400)
    ben = phones.sign_in("Ben", "1234")
    assert phones.knows("Anna", "1234", anna)
    assert {since for _, _, since in file.load_phones()} == {utc[0] - 3600, utc[0]}
    pass_(60, step=-3 * 365 * 86400)
    phones = StaffPhones(file, lambda: utc[0], lambda: steady[0])  # started anew; the file is of the future
    assert phones.knows("Anna", "1234", anna)
    assert phones.knows("Ben", "1234", ben)
    pass_(LIFETIME_S)
    assert not phones.knows("Anna", "1234", anna)
    assert not phones.knows("Ben", "1234", ben)
    file.close()


def test_one_phone_too_many_signs_out_the_silent_one_where_the_machine_started_in_1970(tmp_path):
    """Sign-ins of before that start have a UTC time, what was heard a time of 1970."""
    utc, steady = [1_800_000_000], [0]
    file = SaleFile(tmp_path / "offers.sqlite3", lambda: 0)
    phones = StaffPhones(file, lambda: utc[0])
    active, *silent = [phones.sign_in("Anna", "1234") for _ in range(MAX_PHONES)]
    utc[0] += 60
    phones = StaffPhones(file, lambda: utc[0], lambda: steady[0])
    steady[0] += 600
    utc[0] += 600
    assert phones.knows("Anna", "1234", active)
    phones.sign_in("Anna", "1234")
    assert phones.knows("Anna", "1234", active)
    assert sum(phones.knows("Anna", "1234", ticket) for ticket in silent) == MAX_PHONES - 2
    file.close()


def test_one_phone_too_many_signs_out_the_one_that_was_silent_longest():
    at = [1000]
    phones = StaffPhones(Disk(), lambda: at[0])
    tickets = [phones.sign_in("Anna", "1234") for _ in range(MAX_PHONES)]
    at[0] += ACTIVE_S
    heard = [ticket for ticket in tickets if ticket != tickets[3]]
    assert all(phones.knows("Anna", "1234", ticket) for ticket in heard)
    assert phones.knows("Anna", "1234", phones.sign_in("Anna", "1234"))
    assert not phones.knows("Anna", "1234", tickets[3])
    assert all(phones.knows("Anna", "1234", ticket) for ticket in heard)


def test_a_store_that_names_no_staff_any_more_forgets_its_pins_and_phones(tmp_path):
    settings = load(tmp_path, MINIMAL)
    path = sale_file(settings, tmp_path)
    file = SaleFile(path, lambda: 0)
    phones = StaffPhones(file, lambda: 1000)
    assert phones.set_pin("Anna", "scrypt:a:b")
    phones.sign_in("Anna", "scrypt:a:b")
    file.close()
    made = build_desk(StoreBasis(settings, "box", None, folder=lambda: tmp_path), None, None)
    file = SaleFile(path, lambda: 0)
    assert (made, file.load_pins(), file.load_phones()) == (None, {}, [])
    file.close()


def test_a_pin_and_phones_whose_removal_met_a_full_disk_do_not_return(tmp_path):
    path = tmp_path / "offers.sqlite3"
    for late in ("save", "close"):
        file = SaleFile(path, lambda: 0)
        phones = StaffPhones(file, lambda: 1000)
        assert phones.set_pin("Anna", "scrypt:a:b")
        phones.sign_in("Anna", "scrypt:a:b")
        file._file.db.close()
        file._file.db = FullDisk()
        phones.keep_only(())
        assert not phones.set_pin("Ben", "scrypt:c:d")
        file._file.open()  # there is room again
        if late == "save":
            assert file.save({}, [])
        else:
            file.close()
        file = SaleFile(path, lambda: 0)
        assert (file.load_pins(), file.load_phones()) == ({"Ben": "scrypt:c:d"}, []), late
        file.close()
