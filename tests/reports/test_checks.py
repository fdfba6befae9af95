import io

from mosaico_ingest.hooks.specs import CheckResult
from mosaico_ingest.reports.checks import check_blocks, checks_to_json
from mosaico_ingest.reports.text import print_blocks

CHECKS = (
    CheckResult(name="server", ok=True, detail="It answers."),
    CheckResult(name="key", ok=False, detail="It ended."),
)


def test_table():
    """Each check has a row with its state, and the last line counts those that failed."""
    stream = io.StringIO()
    print_blocks(check_blocks(CHECKS), stream)

    assert (
        "check   state   detail\n"
        "------  ------  -----------\n"
        "server  ok      It answers.\n"
        "key     FAILED  It ended.\n"
        "1 of 2 checks failed.\n"
    ) == stream.getvalue()


def test_json():
    """The object says whether all is well, and holds every check."""
    assert {
        "ok": False,
        "checks": [
            {"name": "server", "ok": True, "detail": "It answers."},
            {"name": "key", "ok": False, "detail": "It ended."},
        ],
    } == checks_to_json(CHECKS)
    assert checks_to_json(CHECKS[:1])["ok"]
