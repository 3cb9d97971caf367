"""Mails and jobs for pages that show them."""

from itertools import count

from config.work.models import CapturedMail, Job

_numbers = count(1)

RAW = b"""From: Tend <tend@tend.example>\r
To: reader@tend.example\r
Subject: Hello\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b"\r
\r
--b\r
Content-Type: text/plain; charset=utf-8\r
\r
Plain words\r
--b\r
Content-Type: text/html; charset=utf-8\r
\r
<html><head></head><body><p style="color:red">Rich words</p><script>steal()</script></body></html>\r
--b--\r
"""


def make_captured_mail(**fields):
    number = next(_numbers)
    defaults = {"recipient": "reader@tend.example", "subject": f"Hello {number}", "raw": RAW}
    return CapturedMail.objects.create(message_id=f"<{number}@tend.example>", **{**defaults, **fields})


def make_job(**fields):
    return Job.objects.create(**{"kind": "work.demo", "title": f"Job {next(_numbers)}", **fields})
