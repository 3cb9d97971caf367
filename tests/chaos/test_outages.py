"""PostgreSQL dies under load, Valkey goes away: nothing doubled, nothing lost that was acknowledged, work resumes."""

import threading
import time
from contextlib import suppress

import psycopg
import pytest

from tests.chaos import oracle
from tests.chaos.person import OUTAGE, Mail, Person
from tests.chaos.product import SHORT_LEASES

pytestmark = [pytest.mark.chaos, pytest.mark.smoke]

DONE_SECONDS = 60  # after everything is back
RESTART_SECONDS = 30
LOAD_SECONDS = 90
ROWS = 300  # of each imported file
CUSTOMER_COLUMNS = ("customer_id", "name", "currency", "csm_email", "created_on")
LINE_COLUMNS = ("subscription_id", "customer_id", "start_date", "product", "amount", "currency", "interval")


def customers_file(mark, rows=ROWS):
    lines = [f"{mark}-{n},Cove {mark} {n},EUR,anna@tend.example,2026-01-01" for n in range(rows)]
    return "\n".join([",".join(CUSTOMER_COLUMNS), *lines]) + "\n"


def lines_file(mark, rows=ROWS):
    lines = [f"L-{mark}-{n},{mark}-{n},2026-01-01,Tend,{n + 1}.50,EUR,month" for n in range(rows)]
    return "\n".join([",".join(LINE_COLUMNS), *lines]) + "\n"


def ask_customers(product, **company):
    """Contacts with a mail each; their mails."""
    product.seed("company", **company, asked=True, sent=True)
    mails = [Mail(*taken) for taken in product.sink.mails]
    assert len(mails) == company["customers"] * company.get("contacts", 1) + 1, product.about("not all asked")
    return mails


class Load:
    """People who answer and who import, each patient enough to try again until the page says yes."""

    def __init__(self, product, mails):
        self.product, self.mails = product, mails
        self.recorded = {}  # recipient: score, as acknowledged
        self.imported = []
        self.errors = []
        self.people = []
        self.threads = []
        self.ends = time.monotonic() + LOAD_SECONDS

    def begin(self, *tasks):
        for task in tasks:
            thread = threading.Thread(target=self._run, args=[task], daemon=True)
            thread.start()
            self.threads.append(thread)

    def _run(self, task):
        try:
            task(self._person())
        except Exception as error:  # noqa: BLE001 - shown by the test
            self.errors.append(repr(error))

    def _person(self):
        person = Person(self.product.url)
        self.people.append(person)
        return person

    def finish(self):
        for thread in self.threads:
            thread.join(max(1, self.ends - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), self.product.about("load did not end")
        assert not self.errors, self.product.about(str(self.errors))
        faults = [fault for person in self.people for fault in person.faults()]
        assert not faults, self.product.about(f"server errors: {faults}")

    def until_yes(self, act):
        while time.monotonic() < self.ends:
            if found := act():
                return found
            time.sleep(0.2)
        raise TimeoutError

    def answer_all(self, _person):
        for place, mail in enumerate(self.mails):
            person, score = self._person(), place % 11
            self.until_yes(
                lambda person=person, mail=mail, score=score: (
                    person.answer(mail.ratings[0], score).status == 303
                )
            )
            self.recorded[mail.recipient] = score

    def import_all(self, person):
        self.until_yes(lambda: self._signed_in(person))
        for mark in ("a", "b"):
            self._import(person, "customers", mark, customers_file(mark), CUSTOMER_COLUMNS)
            self._import(person, "subscriptions", mark, lines_file(mark), LINE_COLUMNS)
            self.imported.append(mark)

    def _signed_in(self, person):
        person.submit("/login/", login="vera@tend.example", password="a quiet orchard in spring")
        return person.ask("/imports/").status == 200

    def _import(self, person, kind, mark, text, columns):
        batch = self.until_yes(lambda: person.upload(kind, f"{kind}-{mark}.csv", text))
        pk = int(batch.rstrip("/").rpartition("/")[2])
        self.until_yes(lambda: person.match_columns(batch, columns))
        self.until_yes(lambda: self._state(pk) == "checked")
        self.until_yes(lambda: person.commit(batch))
        self.until_yes(lambda: self._state(pk) == "applied")

    def _state(self, pk):
        with suppress(psycopg.OperationalError):
            return self.product.value("SELECT state FROM customers_importbatch WHERE id = %s", pk)
        return None


def check_answers(product, load):
    """Everything acknowledged is there, once, as it was said."""
    stored = product.rows(
        "SELECT i.email_norm, r.score FROM surveys_response r JOIN surveys_invitation i ON i.id = r.invitation_id"
    )
    assert len(stored) == len(dict(stored)), product.about("an answer is stored twice")
    lost = dict(load.recorded).items() - dict(stored).items()
    assert not lost, product.about(f"acknowledged and lost: {lost}")
    revisions = product.value("SELECT count(*) FROM surveys_responserevision")
    assert revisions == len(stored), product.about(f"{revisions} revisions of {len(stored)} answers")


def check_imports(product, marks):
    for mark in marks:
        customers, ids = product.rows(
            "SELECT count(*), count(DISTINCT value) FROM customers_externalid WHERE value LIKE %s",
            f"{mark}-%",
        )[0]
        assert (customers, ids) == (ROWS, ROWS), product.about(f"customers of file {mark}: {customers}")
        lines, total = product.rows(
            "SELECT count(*), sum(v.mrr) FROM customers_lineversion v JOIN customers_customer c"
            " ON c.id = v.customer_id WHERE c.name LIKE %s AND v.superseded_by_id IS NULL AND NOT v.voids",
            f"Cove {mark} %",
        )[0]
        expected = ROWS * (ROWS + 1) / 2 + ROWS / 2
        assert (lines, total) == (ROWS, expected), product.about(f"lines of file {mark}: {lines}, {total}")


def restart_after_kill(product, *, everything):
    product.note("kill -9 postgres", everything=everything)
    product.kills += 1
    product.cluster.kill(everything=everything)
    began = time.monotonic()
    product.cluster.postgres.start()
    took = time.monotonic() - began
    product.note("postgres is back", seconds=round(took, 2))
    assert took < RESTART_SECONDS, product.about(f"PostgreSQL took {took:.1f} s to come back")


def months_are_filled(product):
    return not product.value("SELECT count(*) FROM metrics_dirtymonth")


def test_a_database_killed_under_load_loses_nothing_acknowledged_and_doubles_nothing(install):
    product = install(**SHORT_LEASES)
    mails = ask_customers(product, customers=12, contacts=5, facts=False)
    product.start()
    load = Load(product, mails)
    load.begin(load.answer_all, load.import_all)
    for goal, everything in ((5, False), (25, True)):
        product.wait(lambda goal=goal: len(load.recorded) >= goal, LOAD_SECONDS, f"{goal} answers recorded")
        restart_after_kill(product, everything=everything)
    load.finish()
    assert load.imported == ["a", "b"]
    product.wait(lambda: oracle.work_is_done(product), DONE_SECONDS, "all work is done")
    product.tick_until(
        months_are_filled, DONE_SECONDS, "the months are filled"
    )  # a ticker's turn may be a minute away
    check_answers(product, load)
    check_imports(product, load.imported)
    oracle.check_no_job_died(product)
    oracle.check_months_close(product)
    verified = product.manage("verify_metrics")
    assert verified.returncode == 0, product.about(verified.stdout)
    _ten_minutes_later(product)
    low = sum(score <= 6 for score in load.recorded.values())
    assert product.rows(
        "SELECT count(*), count(DISTINCT contact_id), count(DISTINCT follow_up_id) FROM surveys_case"
    ) == [(low, low, low)]


def _ten_minutes_later(product):
    """A low score without words waits for a late comment before somebody is called."""
    product.rows(
        "UPDATE surveys_response SET needs_follow_up_at = now() WHERE needs_follow_up_at IS NOT NULL"
    )
    waiting = "SELECT count(*) FROM surveys_response WHERE needs_follow_up_at IS NOT NULL"
    product.tick_until(
        lambda made: made.value(waiting) == 0, DONE_SECONDS, "every unhappy answer has its case"
    )


def test_positive_control_a_database_that_does_not_wait_for_its_disk_is_found_out(install):
    """The guard is off: commits are acknowledged before they are safe."""
    product = install()
    mails = ask_customers(product, customers=6, contacts=1, facts=False)
    product.cluster.run(f"ALTER DATABASE {product.database} SET synchronous_commit = off")
    product.cluster.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
    product.cluster.run("SELECT pg_reload_conf()")
    try:
        product.start_web()
        product.wait_for_web()
        load = Load(product, mails)
        load.begin(load.answer_all)
        load.finish()
        restart_after_kill(product, everything=True)
        with pytest.raises(AssertionError, match="acknowledged and lost"):
            check_answers(product, load)
    finally:
        product.cluster.run("ALTER SYSTEM RESET ALL")
        product.cluster.run("SELECT pg_reload_conf()")


def work_without_a_broker(product, mails, *, mark):
    """Sign in, look, answer, import; returns the slowest answer in seconds."""
    vera, guest = Person(product.url), Person(product.url)
    vera.sign_in("vera@tend.example")
    anna = Person(product.url).sign_in("anna@tend.example")
    assert "Harbour 0" in anna.ask("/portfolio/").text
    assert guest.answer(mails[0].ratings[0], 3, comment="It was down.").status == 303
    batch = vera.upload("customers", "customers.csv", customers_file(mark, rows=20))
    assert batch, product.about("the upload was refused")
    assert vera.match_columns(batch, CUSTOMER_COLUMNS)
    assert vera.ask(batch).status == 200
    people = (vera, anna, guest)
    assert not [fault for person in people for fault in person.faults()]
    assert not [row for person in people for row in person.seen if row[0] in OUTAGE]
    return max(row[1] for person in people for row in person.seen)


def test_without_valkey_pages_work_and_the_work_is_done_within_a_minute_of_its_return(install):
    product = install(**SHORT_LEASES)
    mails = ask_customers(product, customers=4, contacts=1)
    product.start()
    product.wait(lambda: oracle.work_is_done(product), DONE_SECONDS, "the first figures are there")
    product.stop_valkey()
    slowest = work_without_a_broker(product, mails, mark="v")
    assert slowest < 5, product.about(f"a page took {slowest:.1f} s without Valkey")
    assert not oracle.work_is_done(product), product.about("work was done without a broker")
    product.start_valkey()
    product.wait(lambda: oracle.work_is_done(product), DONE_SECONDS, "all work is done")
    product.note("everything in Valkey is lost")
    flush(product)
    mails.pop(0)
    work_without_a_broker(product, mails, mark="w")
    flush(product)
    product.wait(lambda: oracle.work_is_done(product), DONE_SECONDS, "all work is done once more")
    oracle.check_no_job_died(product)
    checked = product.value("SELECT count(*) FROM customers_importbatch WHERE state = 'checked'")
    assert checked == 2, product.about(f"{checked} files checked")


def flush(product):
    assert product.valkey._ask(b"FLUSHALL\r\n").startswith(b"+OK")


def test_positive_control_without_tickers_the_work_is_not_done(install):
    """The guard is off: nothing but nudges, and those were rung while nobody could hear them."""
    product = install()
    mails = ask_customers(product, customers=2, contacts=1)
    product.start_web()
    product.wait_for_web()
    work_without_a_broker(product, mails, mark="v")
    product.start_valkey()
    product.start_worker()
    product.wait(lambda: product.children_of("worker0"), DONE_SECONDS, "the worker runs")
    with pytest.raises(AssertionError, match="not yet"):
        product.wait(lambda: oracle.work_is_done(product), 10, "all work is done")
