# Takes a lock with python3-etcd3gw: HOST:PORT NAME TTL
import sys
import time

from etcd3gw.client import Etcd3Client
from etcd3gw.lock import Lock

host, port = sys.argv[1].split(":")
client = Etcd3Client(host=host, port=int(port), api_path="/v3/")  # its default is for etcd 3.2
lock = Lock(sys.argv[2], ttl=int(sys.argv[3]), client=client)
print("waiting", flush=True)
while not lock.acquire():
    time.sleep(0.2)
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
