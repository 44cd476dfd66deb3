"""What a browser sees at a FinishUrl: what to do with it. Looking closes nothing."""

import shlex
from html import escape

from provisioner import finish_address
from provisioner.errors import SpecError

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>stackwright</title>
<h1>{title}</h1>
{body}
</html>
"""
_READY = """<p>Nothing is registered by opening this page. Run this in a terminal with stackwright:</p>
<pre>{command}</pre>
<p>The stack is then kept as unverified, until somebody with credentials of its account proves it:
<code>stackwright finish NAME</code>.</p>"""
_BROKEN = "<p>This is no whole FinishUrl. Copy all of it from the stack's Outputs tab.</p>"


def finish(query: str) -> tuple[int, str]:
    """HTTP's status and the page for a query, of which nothing is taken on trust."""
    try:
        finish_address.parse(query)
    except SpecError:
        return 400, _PAGE.format(title="Something is missing", body=_BROKEN)
    command = escape(f"stackwright finish {shlex.quote(query)}")
    return 200, _PAGE.format(title="One more step", body=_READY.format(command=command))
