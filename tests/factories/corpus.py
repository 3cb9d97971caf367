"""Files as people send them: wrong ones, odd ones and right ones that look odd. Made in memory, the same each time."""

import gzip
import io
import zipfile
from dataclasses import dataclass, field

CUSTOMERS = "customer_id,name\nc1,Larch\nc2,Beech\n"
LINES = "customer_id,start_date,end_date,product,mrr,currency\n"
SUBSCRIPTIONS = LINES + "k1,2025-01-01,2025-02-01,Tend,100,EUR\n"


@dataclass(frozen=True)
class Case:
    """A file and what must come of it: words of the problem and where it is, or how many rows are taken."""

    name: str
    kind: str
    data: bytes
    says: str = ""
    row: int | None = None
    column: str | None = None
    taken: int = 0
    options: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)
    columns: dict | None = None

    def __str__(self):
        return self.name


def text(name, kind, content, **more):
    return Case(name, kind, content.encode("utf-8"), **more)


def line(name, cells, **more):
    """A subscriptions file with one row; `cells` are end of line after customer and start."""
    return text(name, "subscriptions", LINES + cells + "\n", **more)


def workbook():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


WRONG_FILES = [
    Case("workbook", "customers", workbook(), says="Excel workbook", row=0),
    Case("old workbook", "customers", b"\xd0\xcf\x11\xe0" + bytes(600), says="old Excel workbook", row=0),
    Case("pdf", "customers", b"%PDF-1.7 ...", says="a PDF", row=0),
    Case("picture", "customers", b"\x89PNG\r\n\x1a\n" + bytes(20), says="a picture", row=0),
    Case("binary", "customers", bytes(range(256)) * 4, says="binary data", row=0),
    Case("empty", "customers", b"", says="empty", row=0),
    Case("spaces only", "customers", b"  \n \n", says="empty", row=0),
    Case("mark only", "customers", b"\xef\xbb\xbf", says="empty", row=0),
    Case("header only", "customers", b"customer_id,name\n", says="no rows", row=0),
    Case("cut gzip", "customers", gzip.compress(CUSTOMERS.encode() * 500)[:40], says="gzip", row=0),
    Case("latin-1", "customers", "customer_id,name\nc1,Bäcker\n".encode("latin-1"), says="UTF-8", row=2),
    Case("shift-jis", "customers", "customer_id,name\nc1,日本\n".encode("shift_jis"), says="UTF-8", row=2),
    Case("cut character", "customers", "customer_id,name\nc1,Bä".encode()[:-1], says="UTF-8", row=2),
    Case("utf-16 without mark", "customers", CUSTOMERS.encode("utf-16-le"), says="binary data", row=0),
    text("unclosed quote", "customers", 'customer_id,name\nc1,"Larch\nc2,Beech\n', says="cannot be read as CSV"),
    text("quote inside", "customers", 'customer_id,name\nc1,"La"rch"\n', says="cannot be read as CSV"),
    text("semicolons", "customers", "customer_id;name\nc1;Larch\n", says="separated by semicolon", row=1),
    text("tabs", "customers", "customer_id\tname\nc1\tLarch\n", says="separated by tab", row=1),
    text("twin headers", "customers", "customer_id,name,name\nc1,a,b\n", says="stands twice", row=1, column="name"),
    text("unknown column", "customers", "customer_id,nmae\nc1,a\n", says="Did you mean name", row=1, column="nmae"),
    text("far column", "customers", "customer_id,shoe\nc1,a\n", says="is no field", row=1, column="shoe"),
    text("no id column", "customers", "name\nLarch\n", says="is missing", row=1, column="customer_id"),
    text("no amount", "subscriptions", "customer_id,start_date,currency\nk1,2025-01-01,EUR\n", says="is missing", row=1, column="amount or mrr"),
    text("amount alone", "subscriptions", "customer_id,start_date,currency,amount\nk1,2025-01-01,EUR,5\n", says="amount needs it", row=1, column="interval"),
    text("amount and mrr", "subscriptions", "customer_id,start_date,currency,amount,interval,mrr\nk1,2025-01-01,EUR,5,month,5\n", says="together", row=1, column="mrr"),
    text("too many columns", "customers", ",".join(f"c{n}" for n in range(10_000)) + "\n1\n", says="columns", row=1),
    text("map to no column", "customers", CUSTOMERS, columns={"name": "titel"}, says="no such column", row=1, column="titel"),
    text("map of no field", "customers", CUSTOMERS, columns={"shoe": "name"}, says="is no field", row=1, column="shoe"),
    text("constant and column", "customers", CUSTOMERS, constants={"name": "x"}, says="a column too", row=1, column="name"),
    text("bad constant", "customers", CUSTOMERS, constants={"currency": "EURO"}, says="no currency", row=0, column="currency"),
    text("bad encoding", "customers", CUSTOMERS, options={"encoding": "klingon"}, says="no encoding", row=0),
    text("bad date format", "customers", "customer_id,created_on\nc1,2025-01-01\n", options={"date_format": "DD"}, says="no date format", row=2, column="created_on"),
    text("bad option", "customers", CUSTOMERS, options={"encodng": "utf-8"}, says="no option", row=0, column="encodng"),
]  # fmt: skip

WRONG_ROWS = [
    text("short row", "customers", "customer_id,name\nc1\n", says="1 cells, the header 2", row=2),
    text("long row", "customers", "customer_id,name\nc1,a,b\n", says="3 cells, the header 2", row=2),
    text("empty id", "customers", "customer_id,name\n,Larch\n", says="is empty", row=2, column="customer_id"),
    text("twin ids", "customers", "customer_id,name\nc1,a\nc1,b\n", says="first is row 2", row=3, column="customer_id"),
    text("control character", "customers", "customer_id,name\nc1,a\x07b\n", says="control character", row=2, column="name"),
    text("nul", "customers", "customer_id,name\nc1,a\x00b\n", says="binary data", row=0),
    text("line break in a name", "customers", 'customer_id,name\nc1,"a\nb"\n', says="line break", row=2, column="name"),
    text("long name", "customers", "customer_id,name\nc1," + "x" * 201 + "\n", says="longer than 200", row=2, column="name"),
    text("huge cell", "customers", "customer_id,name\nc1," + "x" * 140_000 + "\n", says="cannot be read as CSV"),
    text("country UK", "customers", "customer_id,country\nc1,UK\n", says="Use GB", row=2, column="country"),
    text("country word", "customers", "customer_id,country\nc1,Germany\n", says="no country code", row=2, column="country"),
    text("zone", "customers", "customer_id,time_zone\nc1,Mars/Base\n", says="no time zone", row=2, column="time_zone"),
    text("phase", "customers", "customer_id,lifecycle_phase\nc1,dreaming\n", says="onboarding", row=2, column="lifecycle_phase"),
    text("csm unknown", "customers", "customer_id,csm_email\nc1,who@tend.example\n", says="no active user", row=2, column="csm_email"),
    text("parent unknown", "customers", "customer_id,parent_id\nc1,c9\n", says="no customer has this id", row=2, column="parent_id"),
    text("parent itself", "customers", "customer_id,parent_id\nc1,c1\n", says="above itself", row=2, column="parent_id"),
    text("parent circle", "customers", "customer_id,parent_id\nc1,c2\nc2,c3\nc3,c1\n", says="above itself", row=2, column="parent_id"),
    text("custom unknown", "customers", "customer_id,cf_shoe\nc1,44\n", says="no custom field", row=2, column="cf_shoe"),
    text("date ambiguous", "customers", "customer_id,created_on\nc1,01/02/2025\n", says="Set date_format", row=2, column="created_on"),
    text("date day first", "customers", "customer_id,created_on\nc1,31.01.2025\n", says="Set date_format to DD.MM.YYYY", row=2, column="created_on"),
    text("date impossible", "customers", "customer_id,created_on\nc1,2025-02-31\n", says="no day of the calendar", row=2, column="created_on"),
    text("date no leap year", "customers", "customer_id,created_on\nc1,2023-02-29\n", says="no day of the calendar", row=2, column="created_on"),
    text("date zero", "customers", "customer_id,created_on\nc1,0000-00-00\n", says="no day of the calendar", row=2, column="created_on"),
    text("date far", "customers", "customer_id,created_on\nc1,9999-12-31\n", says="outside 1900", row=2, column="created_on"),
    text("date year of five", "customers", "customer_id,created_on\nc1,12025-01-01\n", says="is no day", row=2, column="created_on"),
    text("date two digits", "customers", "customer_id,created_on\nc1,01/02/25\n", says="four digits", row=2, column="created_on"),
    text("date serial", "customers", "customer_id,created_on\nc1,45688\n", says="spreadsheet's day number", row=2, column="created_on"),
    text("date arabic", "customers", "customer_id,created_on\nc1,٢٠٢٥-٠١-٠١\n", says="is no day", row=2, column="created_on"),
    text("date words", "customers", "customer_id,created_on\nc1,yesterday\n", says="is no day", row=2, column="created_on"),
    text("31/02 by format", "customers", "customer_id,created_on\nc1,31/02/2025\n", options={"date_format": "DD/MM/YYYY"}, says="no day of the calendar", row=2, column="created_on"),
    line("amount negative", "k1,2025-01-01,,Tend,-5,EUR", says="is negative", row=2, column="mrr"),
    line("amount unicode minus", "k1,2025-01-01,,Tend,−5,EUR", says="no plain number", row=2, column="mrr"),
    line("amount in brackets", "k1,2025-01-01,,Tend,(5.00),EUR", says="no plain number", row=2, column="mrr"),
    line("amount NaN", "k1,2025-01-01,,Tend,NaN,EUR", says="no plain number", row=2, column="mrr"),
    line("amount Infinity", "k1,2025-01-01,,Tend,Infinity,EUR", says="no plain number", row=2, column="mrr"),
    line("amount 1e9", "k1,2025-01-01,,Tend,1e9,EUR", says="no plain number", row=2, column="mrr"),
    line("amount 1_000", "k1,2025-01-01,,Tend,1_000,EUR", says="no plain number", row=2, column="mrr"),
    line("amount arabic", "k1,2025-01-01,,Tend,١٢,EUR", says="no plain number", row=2, column="mrr"),
    line("amount full width", "k1,2025-01-01,,Tend,１２,EUR", says="no plain number", row=2, column="mrr"),
    line("amount 10^15", "k1,2025-01-01,,Tend,1000000000000000,EUR", says="too large", row=2, column="mrr"),
    line("amount with $", "k1,2025-01-01,,Tend,$12,EUR", says="holds a currency", row=2, column="mrr"),
    line("amount with EUR", "k1,2025-01-01,,Tend,12 EUR,EUR", says="holds a currency", row=2, column="mrr"),
    line("amount 1.234,56", 'k1,2025-01-01,,Tend,"1.234,56",EUR', says="Set decimal and thousands", row=2, column="mrr"),
    line("amount 1,234.56", 'k1,2025-01-01,,Tend,"1,234.56",EUR', says="Set decimal and thousands", row=2, column="mrr"),
    line("amount blank", "k1,2025-01-01,,Tend,,EUR", says="is empty", row=2, column="mrr"),
    line("currency unknown", "k1,2025-01-01,,Tend,5,EURO", says="no currency", row=2, column="currency"),
    line("currency XXX", "k1,2025-01-01,,Tend,5,XXX", says="no currency", row=2, column="currency"),
    line("currency small", "k1,2025-01-01,,Tend,5,eur", says="Write EUR", row=2, column="currency"),
    line("currency blank", "k1,2025-01-01,,Tend,5,", says="is empty", row=2, column="currency"),
    line("end before start", "k1,2025-02-01,2025-01-01,Tend,5,EUR", says="on or before its start", row=2, column="end_date"),
    line("end on start", "k1,2025-02-01,2025-02-01,Tend,5,EUR", says="on or before its start", row=2, column="end_date"),
    line("unknown customer", "k9,2025-01-01,,Tend,5,EUR", says="Import the customers first", row=2, column="customer_id"),
    line("overlap in the file", "k1,2025-01-01,2025-03-01,Tend,5,EUR\nk1,2025-02-28,,Tend,6,EUR", says="overlaps row 2", row=3, column="start_date"),
    line("nested in the file", "k1,2025-01-01,,Tend,5,EUR\nk1,2025-02-01,2025-03-01,Tend,6,EUR", says="overlaps row 2", row=3, column="start_date"),
    line("same start", "k1,2025-01-01,,Tend,5,EUR\nk1,2025-01-01,,Tend,6,EUR", says="first is row 2", row=3, column="start_date"),
    line("overlap with the stored", "k1,2024-06-15,,Stored,5,EUR", says="stored already", row=2, column="start_date"),
    text("term without end", "subscriptions", "customer_id,start_date,end_date,amount,interval,currency\nk1,2025-01-01,,5,term,EUR\n", says="whole term", row=2, column="end_date"),
    text("interval blank", "subscriptions", "customer_id,start_date,amount,interval,currency\nk1,2025-01-01,5,,EUR\n", says="needs its interval", row=2, column="interval"),
    text("interval word", "subscriptions", "customer_id,start_date,amount,interval,currency\nk1,2025-01-01,5,fortnight,EUR\n", says="Use one of day", row=2, column="interval"),
    text("status word", "subscriptions", "customer_id,start_date,mrr,status,currency\nk1,2025-01-01,5,happy,EUR\n", says="Use one of active", row=2, column="status"),
    text("percent over 100", "subscriptions", "customer_id,start_date,amount,interval,discount_percent,currency\nk1,2025-01-01,5,month,101,EUR\n", says="too large", row=2, column="discount_percent"),
    text("discount on mrr", "subscriptions", "customer_id,start_date,mrr,discount_percent,currency\nk1,2025-01-01,5,10,EUR\n", says="count twice", row=2, column="mrr"),
    text("address", "contacts", "contact_id,customer_id,email\np1,k1,ada at example.com\n", says="no e-mail address", row=2, column="email"),
    text("address localhost", "contacts", "contact_id,customer_id,email\np1,k1,a@localhost\n", says="no e-mail address", row=2, column="email"),
    text("address number", "contacts", "contact_id,customer_id,email\np1,k1,a@[127.0.0.1]\n", says="no e-mail address", row=2, column="email"),
    text("address list", "contacts", "contact_id,customer_id,email\np1,k1,a@b.example;c@d.example\n", says="no e-mail address", row=2, column="email"),
    text("address with name", "contacts", "contact_id,customer_id,email\np1,k1,Ada <ada@example.com>\n", says="no e-mail address", row=2, column="email"),
    text("address long", "contacts", "contact_id,customer_id,email\np1,k1," + "a" * 65 + "@example.com\n", says="no e-mail address", row=2, column="email"),
    text("address twice", "contacts", "contact_id,customer_id,email\np1,k1,a@b.example\np2,k1,A@b.example\n", says="address of row 2", row=3, column="email"),
    text("contact of nobody", "contacts", "contact_id,customer_id,email\np1,k9,a@b.example\n", says="Import the customers first", row=2, column="customer_id"),
    text("yes or no", "contacts", "contact_id,customer_id,email,do_not_survey\np1,k1,a@b.example,maybe\n", says="neither yes nor no", row=2, column="do_not_survey"),
    text("moment epoch", "usage", "customer_id,occurred_at\nk1,1735689600\n", says="seconds since 1970", row=2, column="occurred_at"),
    text("moment 24:00", "usage", "customer_id,occurred_at\nk1,2025-01-01T24:00:00Z\n", says="no time of day", row=2, column="occurred_at"),
    text("moment ambiguous", "usage", "customer_id,occurred_at\nk1,01/02/2025 10:00\n", says="Set date_format", row=2, column="occurred_at"),
    text("moment to come", "usage", "customer_id,occurred_at\nk1,2031-01-01T00:00:00Z\n", says="in the future", row=2, column="occurred_at"),
    text("two totals", "usage", "customer_id,day,count\nk1,2025-01-01,3\nk1,2025-01-01,4\n", says="another total", row=3, column="day"),
    text("twin message ids", "usage", "customer_id,occurred_at,message_id,event\nk1,2025-01-01T00:00:00Z,m,a\nk1,2025-01-01T00:00:00Z,m,b\n", says="same id and other content", row=3, column="message_id"),
    text("count negative", "usage", "customer_id,day,count\nk1,2025-01-01,-1\n", says="no whole number", row=2, column="count"),
    text("count large", "usage", "customer_id,day,count\nk1,2025-01-01,3000000000\n", says="too large", row=2, column="count"),
    text("usage of nobody", "usage", "customer_id,day\nk9,2025-01-01\n", says="Import the customers first", row=2, column="customer_id"),
    text("solved before opened", "tickets", "ticket_id,customer_id,opened_at,solved_at\nt1,k1,2025-01-02T00:00:00Z,2025-01-01T00:00:00Z\n", says="before it was opened", row=2, column="solved_at"),
    text("csat of six", "tickets", "ticket_id,customer_id,opened_at,csat\nt1,k1,2025-01-02T00:00:00Z,6\n", says="outside 1 to 5", row=2, column="csat"),
    text("touchpoint to come", "touchpoints", "customer_id,occurred_at\nk1,2031-01-01T00:00:00Z\n", says="in the future", row=2, column="occurred_at"),
    text("touchpoint with a stranger", "touchpoints", "customer_id,occurred_at,contact_email\nk1,2025-01-01T00:00:00Z,x@y.example\n", says="no contact of this customer", row=2, column="contact_email"),
    text("author unknown", "touchpoints", "customer_id,occurred_at,author_email\nk1,2025-01-01T00:00:00Z,x@y.example\n", says="no active user", row=2, column="author_email"),
    text("cost of no month", "costs", "period,kind,amount,currency\n2026-01-01,retention,1,EUR\n", says="is no month", row=2, column="period"),
    text("order of nobody", "orders", "order_id,customer_id,day,amount\no1,k9,2026-01-05,1\n", says="has this id", row=2, column="customer_id"),
    text("order of minus one", "orders", "order_id,customer_id,day,amount\no1,k1,2026-01-05,-1\n", says="negative", row=2, column="amount"),
    text("score off its scale", "responses", "answered_at,kind,score\n2026-01-05,nps,11\n", says="outside the scale 0 to 10", row=2, column="score"),
    text("answer of tomorrow", "responses", "answered_at,kind,score\n2199-01-05,nps,9\n", says="in the future", row=2, column="answered_at"),
    text("rate zero", "rates", "day,currency,rate\n2025-01-01,USD,0\n", says="is zero", row=2, column="rate"),
]  # fmt: skip

RIGHT = [
    text("plain", "customers", CUSTOMERS, taken=2),
    Case("with mark", "customers", b"\xef\xbb\xbf" + CUSTOMERS.encode(), taken=2),
    Case("utf-16 with mark", "customers", CUSTOMERS.encode("utf-16"), taken=2),
    Case("utf-16 big endian", "customers", b"\xfe\xff" + CUSTOMERS.encode("utf-16-be"), taken=2),
    Case("gzip", "customers", gzip.compress(CUSTOMERS.encode()), taken=2),
    Case("cp1252 as said", "customers", "customer_id,name\nc1,“Bäcker”\n".encode("cp1252"), options={"encoding": "cp1252"}, taken=1),
    text("carriage returns", "customers", CUSTOMERS.replace("\n", "\r"), taken=2),
    text("windows lines", "customers", CUSTOMERS.replace("\n", "\r\n"), taken=2),
    text("mixed lines, none at the end", "customers", "customer_id,name\r\nc1,a\nc2,b", taken=2),
    text("empty lines", "customers", "customer_id,name\n\nc1,a\n\n\nc2,b\n\n", taken=2),
    text("sep line", "customers", "sep=;\ncustomer_id;name\nc1;a\n", taken=1),
    text("semicolons as said", "customers", "customer_id;name\nc1;a\n", options={"delimiter": "semicolon"}, taken=1),
    text("other order", "customers", "name,customer_id\na,c1\n", taken=1),
    text("invisible signs", "customers", "\u200bcustomer_id\u00a0,name\n\u200bc1\u00a0,a\n", taken=1),
    text("equal twins", "customers", "customer_id,name\nc1,a\nc1,a\n", taken=1),
    text("ids as text", "customers", "customer_id,name\n007,a\n7,b\n1E5,c\n12345678901234567890,d\n", taken=4),
    text("formulas stay text", "customers", "customer_id,name\nc1,=1+1\nc2,@SUM(A1)\nc3,-2+3\nc4,＝cmd\n", taken=4),
    text("names of the world", "customers", "customer_id,name\nc1,👩‍👩‍👧 & Söhne\nc2,שלום\nc3,{{7*7}} %s ${x}\nc4,<script>alert(1)</script>\n", taken=4),
    text("parents in any order", "customers", "customer_id,parent_id\nc1,c2\nc2,\nc3,c1\n", taken=3),
    text("day first as said", "customers", "customer_id,created_on\nc1,31/01/2025\n", options={"date_format": "DD/MM/YYYY"}, taken=1),
    text("leap day", "customers", "customer_id,created_on\nc1,2024-02-29\n", taken=1),
    line("touching periods", "k1,2025-01-01,2025-02-01,Tend,5,EUR\nk1,2025-02-01,,Tend,6,EUR", taken=2),
    line("gap of a day", "k1,2025-01-01,2025-02-01,Tend,5,EUR\nk1,2025-02-02,,Tend,6,EUR", taken=2),
    line("parallel products", "k1,2025-01-01,,Tend,5,EUR\nk1,2025-01-01,,Seats,6,EUR", taken=2),
    line("currency change", "k1,2025-01-01,2025-02-01,Tend,5,EUR\nk1,2025-02-01,,Tend,6,USD", taken=2),
    line("yen and dinar with decimals", "k1,2025-01-01,,Tend,5.5,JPY\nk2,2025-01-01,,Tend,1.234,KWD", taken=2),
    line("long fraction is rounded once", "k1,2025-01-01,,Tend,33.333333333333336,EUR", taken=1),
    line("zero", "k1,2025-01-01,,Tend,0,EUR", taken=1),
    line("decimal comma as said", 'k1,2025-01-01,,Tend,"1.234,56",EUR', options={"decimal": ",", "thousands": "."}, taken=1),
    text("currency for all rows", "subscriptions", "customer_id,start_date,mrr\nk1,2025-01-01,5\n", constants={"currency": "USD"}, taken=1),
    text("mapped with columns left out", "customers", "acc,label,shoe\nc1,a,44\n", columns={"customer_id": "acc", "name": "label"}, taken=1),
    text("international address", "contacts", "contact_id,customer_id,email\np1,k1,ada+x@bücher.example\n", taken=1),
    text("moments of three kinds", "usage", "customer_id,occurred_at\nk1,2025-01-01 10:00:00\nk1,2025-01-01T10:00:00+01:00\nk1,2025-01-01T10:00:00.5Z\n", taken=3),
    text("equal events are two events", "usage", "customer_id,occurred_at,event\nk1,2025-01-01T10:00:00Z,a\nk1,2025-01-01T10:00:00Z,a\n", taken=2),
    text("costs", "costs", "period,kind,amount,currency\n2026-01,retention,1,EUR\n2026-01,retention,1,EUR\n", taken=2),
    text("orders", "orders", "order_id,customer_id,day,amount,refunded\n007,k1,2026-01-05,0,\n7,k1,2026-01-05,1.5,yes\n", taken=2),
    text("answers", "responses", "answered_at,kind,score,customer_id,scale_max\n2026-01-05,nps,0,,\n2026-01-05,csat,10,k1,10\n", taken=2),
    text("ecb table", "rates", "Date,USD,JPY,ISK,\n2025-01-02,1.0321,162.2,N/A,\n", taken=2),
]  # fmt: skip
