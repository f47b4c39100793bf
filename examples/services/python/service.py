"""A service behind the gateway, with nothing but Python's standard library.

    python3 service.py PORT GATEWAY...

GATEWAY is an address or a CIDR range. See docs/GUARD.md for what a service must do, and why.
"""

import ipaddress
import json
import re
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

# Printable ASCII without a comma and without a blank at either end: all that the gateway writes for one value.
ENCODED = re.compile(r"(?! )(?:[\x20-\x24\x26-\x2b\x2d-\x7e]|%[0-9A-Fa-f]{2})+(?<! )")


class Refusal(Exception):
    def __init__(self, status, code, detail):
        super().__init__(code)
        self.status, self.code, self.detail = HTTPStatus(status), code, detail


def decode(value):
    if not ENCODED.fullmatch(value):
        raise ValueError("not as the gateway writes it")
    return unquote(value, errors="strict")


def read_identity(headers):
    """Returns the caller, or None when the gateway verified nobody."""
    malformed = Refusal(400, "identity_malformed", "The identity headers are malformed.")

    def line(name):
        lines = headers.get_all(name, [])
        if len(lines) > 1:
            raise malformed
        return lines[0] if lines else None

    user, roles = line("X-User-ID"), line("X-User-Roles")
    if user is None:
        if roles is not None:
            raise malformed
        return None
    try:
        # Split first, then decode: an item may hold an encoded comma.
        return {"id": decode(user), "roles": [] if roles is None else [decode(role) for role in roles.split(",")]}
    except ValueError:
        raise malformed from None


def is_gateway(address, networks):
    peer = ipaddress.ip_address(address)
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in networks)


class Service(BaseHTTPRequestHandler):
    networks = []

    def do_GET(self):
        try:
            # The connection's other end. Never X-Forwarded-For, which anybody can write.
            if not is_gateway(self.client_address[0], self.networks):
                raise Refusal(403, "not_from_gateway", "This service is called through its gateway.")
            identity = read_identity(self.headers)
            if self.path == "/admin":
                if identity is None:
                    raise Refusal(401, "token_missing", "A bearer token is required.")
                if "admin" not in identity["roles"]:
                    raise Refusal(403, "forbidden", "The caller may not perform this request.")
            self.answer(HTTPStatus.OK, "application/json", identity)
        except Refusal as refusal:
            status = refusal.status
            problem = {"type": "about:blank", "title": status.phrase, "status": status, "detail": refusal.detail}
            self.answer(status, "application/problem+json", {**problem, "code": refusal.code})

    def answer(self, status, content_type, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Bearer realm="service"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Service.networks = [ipaddress.ip_network(gateway) for gateway in sys.argv[2:]]
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
