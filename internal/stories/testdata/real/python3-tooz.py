# Takes a lock with python3-tooz: HOST:PORT NAME TTL
import sys

import tooz.drivers.etcd3gw as driver
from etcd3gw.client import Etcd3Client
from tooz import coordination

driver.etcd3gw.client = Etcd3Client  # the function of that name does not take all that tooz gives it
url = "etcd3+http://%s?api_version=v3&timeout=%s" % (sys.argv[1], sys.argv[3])
coordinator = coordination.get_coordinator(url, b"member")
coordinator.start(start_heart=True)
lock = coordinator.get_lock(sys.argv[2].encode())
print("waiting", flush=True)
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
