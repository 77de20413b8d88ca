"""What every answer tells browsers; our own pages say what they load, too: nothing of others."""

SAFE = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
# Swagger UI starts itself by a script in the page and paints by styles in it.
REFERENCE = (
    CLOSED + "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self'"
)
REPORT = CLOSED + "style-src 'unsafe-inline'; img-src data:"
_REFERENCE = (*SAFE, (b"content-security-policy", REFERENCE.encode()))
_REPORT = (*SAFE, (b"content-security-policy", REPORT.encode()))


def headers_of(path: str) -> tuple[tuple[bytes, bytes], ...]:
    """Those of an answer at this path."""
    if path.startswith("/schema"):
        return _REFERENCE
    return _REPORT if path.endswith("/report") else SAFE
