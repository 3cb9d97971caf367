"""A worker dies on a job: before its work the next one does it, after its commit it is not done again."""

import pytest

from tests.chaos import oracle
from tests.chaos.product import SHORT_LEASES
from tests.chaos.test_outages import CUSTOMER_COLUMNS, ROWS, customers_file

pytestmark = [pytest.mark.chaos, pytest.mark.smoke]


def test_an_import_whose_worker_dies_is_finished_once(install):
    product = install(**SHORT_LEASES)
    product.seed("company", customers=1, facts=False)
    for mark, point in (("k", "after_claim"), ("l", "after_commit")):
        started = product.seed("import_job", text=customers_file(mark), columns=CUSTOMER_COLUMNS)
        died = product.manage("tick", "--once", CHAOS="1", FAULTS=f"job.{point}=kill")
        assert died.returncode == -9, product.about(died.stdout + died.stderr)
        product.tick_until(oracle.work_is_done, 60, f"the job killed {point} is done")
        job = product.rows("SELECT state, attempts FROM work_job WHERE id = %s", started["job"])
        batch = product.rows(
            "SELECT state, created FROM customers_importbatch WHERE id = %s", started["batch"]
        )
        assert (job, batch) == ([("done", 2)], [("applied", ROWS)])
        count = product.value("SELECT count(*) FROM customers_externalid WHERE value LIKE %s", f"{mark}-%")
        assert count == ROWS
    oracle.check_no_job_died(product)
