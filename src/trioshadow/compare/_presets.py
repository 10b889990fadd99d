"""Rules that most services need, each with its reason."""

from __future__ import annotations

from ._rules import IgnoreHeader


def _headers(reason: str, *names: str) -> tuple[IgnoreHeader, ...]:
    return tuple(IgnoreHeader(name, reason=reason) for name in names)


#: Headers that differ between two answers of one and the same service, or say who answered and not what.
VOLATILE_HEADERS: tuple[IgnoreHeader, ...] = (
    *_headers("the clock when the answer was made (RFC 9110 §6.6.1)", "date"),
    *_headers("how long a cache has held the answer (RFC 9111 §5.1)", "age"),
    *_headers("a point in time, counted from the clock (RFC 9111 §5.3)", "expires"),
    *_headers("names the software that answers (RFC 9110 §10.2.4), which is what is replaced", "server"),
    *_headers("names the software that answers", "x-powered-by", "x-aspnet-version", "x-generator"),
    *_headers("the proxies on the way (RFC 9110 §7.6.3)", "via", "x-served-by", "x-forwarded-*"),
    *_headers("whether a cache had it", "x-cache", "x-cache-*", "cf-cache-status", "cache-status"),
    *_headers("how long it took", "server-timing", "x-runtime", "x-response-time", "x-process-time"),
    *_headers("made for each request", "x-request-id", "x-correlation-id", "request-id", "cf-ray", "x-amz-cf-id"),
    *_headers("a trace (W3C Trace Context)", "traceparent", "tracestate", "traceresponse"),
    *_headers(
        "a trace", "b3", "x-b3-*", "x-trace-id", "x-span-id", "x-amzn-*id", "x-cloud-trace-context", "uber-trace-id"
    ),
    *_headers("hop by hop: about the connection (RFC 9110 §7.6.1)", "connection", "keep-alive", "proxy-connection"),
    *_headers("hop by hop", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate"),
    *_headers("other ways to reach the service (RFC 7838)", "alt-svc"),
    *_headers("where browsers report to", "nel", "report-to", "reporting-endpoints"),
)
