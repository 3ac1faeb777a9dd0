"""What the benchmark compares: each target is a process pinned to one core that passes requests on to the backend."""

import http.client
import json
import os
import socket
import subprocess
import time
from pathlib import Path

ADMIN_KEY = "bench-admin-key-of-its-own"

NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx_body; proxy_temp_path {folder}/nginx_proxy; fastcgi_temp_path {folder}/nginx_f;
  uwsgi_temp_path {folder}/nginx_u; scgi_temp_path {folder}/nginx_s;
  keepalive_requests 1000000000;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering {buffering};
    }}
  }}
}}
"""

# Without http-no-delay HAProxy holds small chunks of a stream back: no comparison would be fair.
HAPROXY = """
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:{port}
  default_backend out
backend out
  server backend 127.0.0.1:{backend}
"""

METERGATE = """
listen: 127.0.0.1:{port}
control: {{ listen: 127.0.0.1:{control} }}
threads: 1
upstreams:
  openai: {{ url: "http://127.0.0.1:{backend}/v1", provider: {provider}, key: sk-bench }}
routes:
  - {{ name: openai, prefix: /v1, upstream: openai{calls} }}
"""
# The same calls passed through as those of any API: what a stream costs where nothing of it is read.
UNREAD_CALLS = ", calls: [ { name: any, path: /**, meter: requests } ]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen, name: str):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{name} does not listen on port {port}")


def process_tree(pid: int) -> list[int]:
    """The process and its descendants."""
    pids = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            pids += process_tree(int(child))
    return pids


class Target:
    """A running proxy (or the backend itself): where it listens and what it costs."""

    def __init__(self, name: str, command: list[str], port: int, cpu: int, log: Path, key: str = "none", env=None):
        self.name, self.port, self.key = name, port, key
        with log.open("wb") as out:
            self.process = subprocess.Popen(["taskset", "-c", str(cpu), *command], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, env={**os.environ, **(env or {})})
        wait_for_port(port, self.process, name)

    def cpu_ns(self) -> int:
        """Nanoseconds on a processor so far, over all threads and child processes."""
        return sum(int(path.read_text().split()[0]) for pid in process_tree(self.process.pid)
                   for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))

    def rss_mb(self) -> float:
        lines = [line for pid in process_tree(self.process.pid)
                 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
        return sum(int(line.split()[1]) for line in lines) / 1024

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def control_call(port: int, path: str, body: dict | None = None) -> str:
    """A POST of the body, or a GET; the reply's text."""
    method = "GET" if body is None else "POST"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body and json.dumps(body),
                       {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"})
    reply = connection.getresponse()
    text = reply.read().decode()
    if reply.status >= 300:
        raise RuntimeError(f"{method} {path}: {reply.status} {text}")
    return text


def create_key(control: int, name: str, limits: list[str]) -> str:
    """The secret of a key of an account of its own."""
    account = json.loads(control_call(control, "/api/v1/accounts", {"name": name}))
    key = control_call(control, "/api/v1/keys", {"account": account["id"], "name": name, "limits": limits})
    return json.loads(key)["secret"]


def start_backend(folder: Path, cpu: int) -> Target:
    source = Path(__file__).with_name("backend.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", folder / "backend", source], check=True)
    port = free_port()
    return Target("direct", [str(folder / "backend"), str(port)], port, cpu, folder / "backend.log")


def start_nginx(folder: Path, cpu: int, backend: int, sse: bool) -> Target:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, backend=backend, port=port, buffering="off" if sse else "on"))
    return Target("nginx", ["/usr/sbin/nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "nginx.err")],
                  port, cpu, folder / "nginx.log")


def start_haproxy(folder: Path, cpu: int, backend: int) -> Target:
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(backend=backend, port=port))
    return Target("haproxy", ["/usr/sbin/haproxy", "-f", str(config), "-db"], port, cpu, folder / "haproxy.log")


def start_metergate(binary: Path, folder: Path, cpu: int, backend: int, limits: int, *, unread: bool = False) -> Target:
    """With authentication, prices, durable leases, flush and `limits` hard dollar limits on the key: all is on.

    `unread`: but its route is that of an API without a dialect, so no byte of a reply is looked at."""
    name = "unread" if unread else "metergate"
    port, control = free_port(), free_port()
    config = folder / f"{name}.yaml"
    config.write_text(METERGATE.format(port=port, control=control, backend=backend,
                                       provider="other" if unread else "openai", calls=UNREAD_CALLS if unread else ""))
    command = [str(binary), "serve", "--config", str(config), "--data", str(folder / f"data-{name}")]
    target = Target(name, command, port, cpu, folder / f"{name}.log", env={"METERGATE_ADMIN_KEY": ADMIN_KEY})
    try:
        wait_for_port(control, target.process, "metergate's control plane")
        texts = [f"{1_000_000 + i} usd/{'month' if i % 2 else 'day'}" for i in range(limits)]
        target.control, target.key = control, create_key(control, "bench", texts)
    except Exception:
        target.stop()
        raise
    return target
