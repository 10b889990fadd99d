"""When the values of a header say the same, by its definition, though they are not the same texts.

What a header is not known to be it is not taken for: order, case and blanks count wherever no standard says that they
don't, and a value that is not what the standard says is the text that it is.
"""

from __future__ import annotations

from . import _header_policies as policy
from . import _header_readers as read
from ._header_grammar import BLANKS, MalformedError, pieces
from ._header_readers import Reader

#: Characters of both sides. Reading takes some microseconds for each element, and servers take heads of 8 to 64 KB:
#: what is longer was not made to be read, and is the text that it is.
LONGEST = 131_072


def same_values(name: str, primary: list[str], shadow: list[str]) -> bool:
    """Do two answers say the same with all their lines of the header of this name (lower-case), each at least one?"""
    ours, theirs = ([line.strip(BLANKS) for line in lines] for lines in (primary, shadow))
    if ours == theirs:
        return True
    if reader := _KNOWN.get(name):
        return read_alike(reader, ours, theirs)
    return _same_if_combined(ours, theirs)


def read_alike(reader: Reader, primary: list[str], shadow: list[str]) -> bool:
    """Can both be read, and say the same?"""
    if sum(map(len, primary)) + sum(map(len, shadow)) > LONGEST:
        return False
    try:
        return reader(primary) == reader(shadow)
    except MalformedError:
        return False


def _same_if_combined(primary: list[str], shadow: list[str]) -> bool:
    """Of a header that nobody knows: any proxy may have made one line of several (RFC 9110 §5.3), and nothing else."""
    if ", ".join(primary) == ", ".join(shadow):
        return True
    return len(primary) != len(shadow) and read_alike(_parts, primary, shadow)


def _parts(lines: list[str]) -> tuple[str, ...]:
    return tuple(piece.strip(BLANKS) for line in lines for piece in pieces(line, ","))


#: Sections are of RFC 9110, unless another one is named.
_READERS: dict[Reader, tuple[str, ...]] = {
    # A validator has no spellings (§8.8.3), and neither has what browsers compare byte for byte (Fetch §3.3, RFC 6455).
    read.exact: (
        *("etag", "content-md5", "access-control-allow-origin", "access-control-allow-credentials"),
        *("sec-websocket-accept", "sec-websocket-protocol"),
    ),
    read.any_case: ("content-range",),  # the name of a unit (§14.1)
    # What browsers take in any case, and once (Fetch §3.6, HTML §7.7).
    read.any_case_once: (
        *("x-content-type-options", "x-frame-options"),
        *("x-dns-prefetch-control", "x-download-options", "x-permitted-cross-domain-policies"),
    ),
    read.number: ("content-length", "age", "access-control-max-age"),  # §8.6; RFC 9111 §5.1; Fetch §3.3
    read.date: ("date", "last-modified", "sunset", "memento-datetime"),  # §5.6.7; RFC 8594 §3; RFC 7089 §2.1
    read.expires: ("expires",),  # RFC 9111 §5.3
    read.date_or_seconds: ("retry-after",),  # §10.2.3
    read.moment: ("deprecation",),  # RFC 9745 §2
    read.uri: ("location", "content-location"),  # §10.2.2, §8.7
    read.in_order: ("via", "warning", "forwarded", "x-forwarded-for"),  # §7.6.3; RFC 7234 §5.5; RFC 7239 §4
    # In order of preference (§7.8), and for browsers the last one that they know.
    read.in_order_any_case: ("upgrade", "referrer-policy"),
    read.robots: ("x-robots-tag",),
    read.codings: ("content-encoding", "transfer-encoding"),  # §8.4; RFC 9112 §6.1
    read.vary: ("vary",),  # §12.5.5
    # Methods are in their case (§9.1, §10.2.1), and so are origins.
    read.in_any_order: (
        *("allow", "public", "access-control-allow-methods"),
        *("timing-allow-origin", "clear-site-data"),
    ),
    # Names of headers (§5.1, §6.6.2), options (§7.6.1), units (§14.3), languages, whose order says nothing (§8.5).
    read.in_any_order_and_case: (
        *("access-control-allow-headers", "access-control-expose-headers", "accept-ch", "critical-ch"),
        *("trailer", "connection", "proxy-connection", "accept-ranges", "content-language"),
    ),
    read.content_type: ("content-type",),  # §8.3.1
    read.preferences: ("accept", "accept-encoding", "accept-language", "accept-charset", "te"),  # §12.5, §10.1.4
    read.media_types: ("accept-patch", "accept-post"),  # RFC 5789 §3.1
    read.disposition: ("content-disposition",),  # RFC 6266 §4.1
    # In order of preference (RFC 7838 §3; RFC 6455 §9.1).
    read.items: ("alt-svc", "sec-websocket-extensions", "server-timing"),
    read.links: ("link",),  # RFC 8288 §3
    read.challenges: ("www-authenticate", "proxy-authenticate"),  # §11.6.1
    read.named_parts: ("prefer", "preference-applied"),  # RFC 7240 §2
    # RFC 9111 §5.2, §5.4; RFC 9213 §2.1; RFC 2068 §19.7.1.1; RFC 9163 §2.1; RFC 3230 §4.3.2
    read.directives: (
        *("cache-control", "pragma", "cdn-cache-control", "surrogate-control"),
        *("keep-alive", "expect-ct", "digest", "authentication-info", "proxy-authentication-info"),
    ),
    read.directives_of_one_line: ("strict-transport-security", "x-xss-protection"),  # RFC 6797 §6.1
    policy.policies: ("content-security-policy", "content-security-policy-report-only", "feature-policy"),
    policy.structured_list: ("cache-status", "proxy-status"),  # RFC 9211 §2; RFC 9209 §2
    # RFC 9218 §5; RFC 9530 §2
    policy.dictionary: (
        *("priority", "content-digest", "repr-digest", "want-content-digest", "want-repr-digest"),
        "reporting-endpoints",
    ),
    policy.dictionary_of_sets: ("permissions-policy", "permissions-policy-report-only", "no-vary-search"),
    policy.json_values: ("report-to", "nel"),  # Reporting API §3.1 of 2018; Network Error Logging §4.1
}
_KNOWN: dict[str, Reader] = {name: reader for reader, names in _READERS.items() for name in names}
