# Takes a lock with python3-etcd3: HOST:PORT NAME TTL
import sys

import etcd3
import etcd3.locks
import tenacity


class Tenacity:
    """tenacity 8, called as python-etcd3 0.12.0 does, which has another idea of what wait is."""

    def __getattr__(self, name):
        return getattr(tenacity, name)

    def retry(self, wait, **options):
        return tenacity.retry(wait=lambda s: wait(s.attempt_number, s.seconds_since_start or 0), **options)


etcd3.locks.tenacity = Tenacity()
host, port = sys.argv[1].split(":")
lock = etcd3.client(host=host, port=int(port)).lock(sys.argv[2], ttl=int(sys.argv[3]))
print("waiting", flush=True)
lock.acquire(timeout=None)
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
