"""What must hold after any harm, judged from plain SQL and the journal of the mail server; imports no code of Tend."""

WAITING = "('planned', 'queued', 'sending', 'retry_wait')"


def check_nobody_got_two(product):
    """V1. Deliveries per address are at most one."""
    doubled = {to: count for to, count in product.sink.deliveries().items() if count > 1}
    assert not doubled, product.about(f"delivered more than once: {doubled}")


def check_every_invitation_is_accounted_for(product, *, invited):
    """V2. `outbox --json` sums up to everybody eligible, and what it calls sent was taken."""
    report = product.json("outbox", codes=(0, 1))
    counts = report["by_class"]["survey"]
    assert sum(counts.values()) == invited, product.about(f"{invited} invited, but {counts}")
    assert [(sum(wave["counts"].values()), wave["eligible"]) for wave in report["waves"]] == [
        (invited, invited)
    ]
    taken = set(product.sink.deliveries())
    stored = dict(
        product.rows(
            "SELECT i.email_norm, m.delivery_state FROM surveys_message m"
            " JOIN surveys_invitation i ON i.id = m.invitation_id"
        )
    )
    sent = {address for address, state in stored.items() if state == "sent"}
    uncertain = {address for address, state in stored.items() if state == "uncertain"}
    assert sent <= taken, product.about(f"called sent, but never taken: {sent - taken}")
    assert taken <= sent | uncertain, product.about(f"taken, but not known: {taken - sent - uncertain}")
    assert counts["uncertain"] == len(uncertain)
    return counts


def check_only_kills_left_doubt(product, counts):
    """V3. A kill leaves at most one uncertain mail."""
    assert counts["uncertain"] <= product.kills, product.about(f"{counts} after {product.kills} kills")


def mails_are_settled(product):
    """V4. Nothing is waiting or on its way."""
    return not product.value(f"SELECT count(*) FROM surveys_message WHERE delivery_state IN {WAITING}")


def leases_are_over(product):
    """Nobody holds a mail or a job any more; what was held comes back with the next tick."""
    return not product.value(
        "SELECT (SELECT count(*) FROM surveys_message WHERE delivery_state = 'sending' AND lease_until > now())"
        " + (SELECT count(*) FROM work_job WHERE state = 'running' AND lease_until > now())"
    )


def work_is_done(product):
    """V8. No job waits or runs, nothing is stale, nobody whose time has come waits for a case."""
    open_jobs = product.value("SELECT count(*) FROM work_job WHERE state IN ('queued', 'running')")
    stale = product.value("SELECT count(*) FROM customers_stalemark")
    unhappy = product.value("SELECT count(*) FROM surveys_response WHERE needs_follow_up_at <= now()")
    return not (open_jobs or stale or unhappy)


def check_no_job_died(product):
    dead = product.rows("SELECT kind, attempts, last_error FROM work_job WHERE state = 'dead'")
    assert not dead, product.about(f"dead jobs: {dead}")


def check_months_close(product):
    """Opening plus movements equals closing in every month, each month opens where the last one closed, and the
    closings are what the lines of the last day sum up to."""
    rows = product.rows(
        "SELECT month, opening, new + reactivation + expansion + contraction + churn + fx, closing, close_on"
        " FROM metrics_companymonth ORDER BY month"
    )
    assert rows, product.about("no months were computed")
    before = 0
    for month, opening, moved, closing, close_on in rows:
        assert (opening, opening + moved) == (before, closing), product.about(f"{month} does not close")
        held = product.value(
            "SELECT coalesce(sum(mrr), 0) FROM customers_lineversion WHERE NOT voids"
            " AND superseded_by_id IS NULL AND from_on <= %s AND (to_on IS NULL OR to_on > %s)",
            close_on,
            close_on,
        )
        assert closing == held, product.about(f"{month} closes at {closing}, the lines say {held}")
        before = closing
