"""A worker dies on a job: before its work it is done by the next one, after its commit it is not done again."""

import pytest

from tests.chaos import oracle
from tests.chaos.product import SHORT_LEASES
from tests.chaos.test_outages import CUSTOMER_COLUMNS, ROWS, customers_file

pytestmark = [pytest.mark.chaos, pytest.mark.smoke]


@pytest.mark.parametrize("point", ["after_claim", "after_commit"])
def test_an_import_whose_worker_dies_is_finished_once(install, point):
    product = install(**SHORT_LEASES)
    product.seed("company", customers=1, facts=False)
    product.manage("tick", "--once")
    started = product.seed("import_job", text=customers_file("k"), columns=CUSTOMER_COLUMNS)
    died = product.manage("tick", "--once", CHAOS="1", FAULTS=f"job.{point}=kill")
    assert died.returncode == -9, product.about(died.stdout + died.stderr)

    def done():
        product.manage("tick", "--once")
        return oracle.work_is_done(product)

    product.wait(done, 60, "the job is done")
    state, attempts = product.rows("SELECT state, attempts FROM work_job WHERE id = %s", started["job"])[0]
    assert (state, attempts) == ("done", 2)
    imported = product.rows(
        "SELECT state, created FROM customers_importbatch WHERE id = %s", started["batch"]
    )
    assert imported == [("applied", ROWS)]
    count = product.value("SELECT count(*) FROM customers_externalid WHERE value LIKE %s", "k-%")
    assert count == ROWS
    oracle.check_no_job_died(product)
