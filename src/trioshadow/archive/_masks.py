"""What stands in place of a secret, and what is a secret wherever it is found: in the query and the user part of a URL,
and behind the name of a scheme of authentication, as exceptions quote headers. Pure text.
"""

from __future__ import annotations

import re

#: In place of what is not told, ...
MASK = "***"
#: ... and in place of what the shadow has there, where that is not the same.
ANOTHER = "*** (another)"

#: Of these words one must be in a parameter's name. Too many are masked (`postcode`) rather than too few.
#: ASCII, since keys come as Latin-1, where a byte of a UTF-8 character may be a blank.
_WORDS = "token|key|secret|pass|pwd|signature|sig|code|auth|session|sid|credential|bearer|jwt|otp"
#: A value ends where another parameter begins, and not at what may stand in a password.
_IN_QUERY = re.compile(
    rf"""([?&;#][^\s?&;=#"'<>]{{0,80}}?(?:{_WORDS})[^\s?&;=#"'<>]{{0,80}}=)[^\s&#"<>]+""", re.IGNORECASE | re.ASCII
)
#: How one is told that was masked.
MASKED_PARAMETER = re.compile(rf"[?&;#][^\s?&;=#]*={re.escape(MASK)}(?![^&;#])")
_USER = re.compile(r"(//)[^/@\s?#\"<>]{1,1000}@", re.ASCII)
#: RFC 9110 §11.4; of words without a digit, a capital or a sign it is none ("basic authentication").
_SCHEME = re.compile(
    r"\b((?i:bearer|basic|dpop|negotiate|token) +)(?=[\w.~+/-]*[\dA-Z.~+/=_-])[\w.~+/-]{6,}=*", re.ASCII
)


def mask_secrets(text: str) -> str:
    """A text with the secrets in it masked that can be told by what is around them.

    >>> mask_secrets("GET https://ada:pw@api.test/v1?page=2&access_token=eyJh")
    'GET https://***@api.test/v1?page=2&access_token=***'
    """
    # Each looks only where it can find something: most texts have none of these, and a record has many texts.
    if "=" in text:
        text = _IN_QUERY.sub(rf"\1{MASK}", text)
    if "@" in text:
        text = _USER.sub(rf"\1{MASK}@", text)
    if " " in text:
        text = _SCHEME.sub(rf"\1{MASK}", text)
    return text
