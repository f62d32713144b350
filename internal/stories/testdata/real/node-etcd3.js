// Takes a lock, or wins an election, with npm's etcd3: HOST:PORT NAME TTL {lock|election}
const { Etcd3, EtcdLockFailedError } = require('etcd3');
const [address, name, ttl, what] = process.argv.slice(2);
const client = new Etcd3({ hosts: `http://${address}` });
const line = () => new Promise((resolve) => process.stdin.once('data', resolve));

async function lock() {
  for (;;) {
    try {
      return await client.lock(name).ttl(Number(ttl)).acquire();
    } catch (err) {
      if (!(err instanceof EtcdLockFailedError)) throw err;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function main() {
  console.log('waiting');
  let release;
  if (what === 'lock') {
    const held = await lock();
    release = () => held.release();
  } else {
    const campaign = client.election(name, Number(ttl)).campaign(`candidate-${process.pid}`);
    await campaign.wait();
    release = () => campaign.resign();
  }
  console.log('held');
  await line();
  await release();
  console.log('released');
  await line();
  process.exit(0);
}

main().catch((err) => {
  console.log(err);
  process.exit(1);
});
