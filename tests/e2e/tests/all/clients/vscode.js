// Talks to lored as an extension of VS Code would, and prints what it saw.

const net = require('net');
const rpc = require('vscode-jsonrpc/node');

const [path, text] = process.argv.slice(2);
const asked = JSON.parse(text);
const socket = net.connect(path);
const connection = rpc.createMessageConnection(
  new rpc.SocketMessageReader(socket),
  new rpc.SocketMessageWriter(socket),
);

const events = new Map(); // job -> its events
const waiting = new Map(); // job -> who waits for its end
connection.onNotification('jobs.event', ({ result: event }) => {
  const mine = events.get(event.job_id) ?? [];
  events.set(event.job_id, [...mine, event]);
  if (event.kind === 'finished') {
    waiting.get(event.job_id)?.();
  }
});
connection.onError(([error]) => fail(error));
connection.onClose(() => fail(new Error('the daemon hung up')));
connection.listen();

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function follow(job_id) {
  const ended = new Promise((resolve) => waiting.set(job_id, resolve));
  await connection.sendRequest('jobs.subscribe', { job_id });
  await ended;
  return events.get(job_id);
}

async function start(iid) {
  const sync = { project: asked.project, merge_requests: [iid] };
  return (await connection.sendRequest('sync.start', sync)).job_id;
}

async function refusal(method, params) {
  try {
    await connection.sendRequest(method, params);
  } catch (error) {
    return error;
  }
  throw new Error(`${method} was answered`);
}

async function main() {
  const { path, project } = asked;
  const status = await connection.sendRequest('daemon.status');
  const history = await connection.sendRequest('fileHistory.get', { path, project });
  const synced = await follow(await start(asked.merge_request));
  const held = await start(asked.held);
  await connection.sendRequest('jobs.cancel', { job_id: held });
  const cancelled = await follow(held);
  const unknown = await refusal('no.such', {});
  const refused = await refusal('fileHistory.get', { path, project: 'no/such' });
  const seen = {
    version: status.version,
    found: history.data.merge_requests.map((found) => found.iid),
    synced: synced.at(-1).state,
    kinds: synced.map((event) => event.kind),
    cancelled: cancelled.at(-1).state,
    unknown: [unknown.code, unknown.data.code],
    refused: refused.data.code,
  };
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

main().catch(fail);
