// An example of a client of lored for an extension of VS Code, or for node:
//
//   npm install                          # vscode-jsonrpc
//   node lore.js history src/main.rs     # merge requests that touched the file
//   node lore.js sync 123                # fetch !123 anew; Ctrl+C cancels
//
// An extension calls `connect` in `activate`, shows what `fileHistory` gives in
// a view, and hands `sync` the progress and token of `window.withProgress`.
const { execFileSync } = require('child_process');
const { EventEmitter } = require('events');
const net = require('net');
const path = require('path');
const rpc = require('vscode-jsonrpc/node');

// Where the daemon listens; `lore` looks there too.
function socketPath(env = process.env) {
  if (env.LORE_SOCKET) return env.LORE_SOCKET;
  if (env.LORE_DATA_DIR) return path.join(env.LORE_DATA_DIR, 'lored.sock');
  const folder = env.XDG_RUNTIME_DIR || env.XDG_DATA_HOME || path.join(env.HOME, '.local/share');
  return path.join(folder, 'lore', 'lored.sock');
}

// Starts the daemon where none runs, and shakes hands.
async function connect() {
  execFileSync('lore', ['daemon', 'start'], { stdio: 'ignore' });
  const socket = net.connect(socketPath());
  const connection = rpc.createMessageConnection(
    new rpc.SocketMessageReader(socket),
    new rpc.SocketMessageWriter(socket),
  );
  connection.jobs = new EventEmitter(); // a job's number -> its events
  connection.onNotification('jobs.event', ({ result: event }) => {
    connection.jobs.emit(String(event.job_id), event);
  });
  connection.listen();
  await connection.sendRequest('daemon.hello', { protocol: 1, client_version: 'lore.js' });
  return connection;
}

// Merge requests that touched a file of the repository that `remotes` name.
async function fileHistory(connection, file, remotes) {
  const { data } = await connection.sendRequest('fileHistory.get', { path: file, remotes });
  return data.merge_requests;
}

// Fetches a merge request anew; `progress` is told of each event. Gives the
// last one: its state, and its error if it failed. A token that is cancelled cancels the job,
// unless others asked for it too.
async function sync(connection, iid, remotes, progress, token) {
  const request = { merge_requests: [iid], remotes };
  const { job_id, asker } = await connection.sendRequest('sync.start', request);
  const ended = new Promise((resolve, reject) => {
    token?.onCancellationRequested(async () => {
      const { left } = await connection.sendRequest('jobs.cancel', { job_id, asker });
      if (left) reject(new Error('left; others asked for this sync too, and it goes on'));
    });
    connection.onClose(() => reject(new Error('the daemon hung up')));
    connection.jobs.on(String(job_id), (event) => {
      progress(event);
      if (event.kind === 'finished') resolve(event);
    });
  });
  await connection.sendRequest('jobs.subscribe', { job_id });
  return ended;
}

async function main([command, argument]) {
  const git = (...words) => execFileSync('git', words, { encoding: 'utf8' }).trim();
  const remotes = [git('remote', 'get-url', 'origin').replace(/\/\/[^/]*@/, '//')];
  const connection = await connect();
  try {
    if (command === 'history') {
      const file = git('rev-parse', '--show-prefix') + argument;
      for (const { iid, state, title } of await fileHistory(connection, file, remotes)) {
        // Written by anybody: what a terminal would obey is left out.
        console.log(`!${iid}\t${state}\t${title.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')}`);
      }
    } else {
      const source = new rpc.CancellationTokenSource();
      process.once('SIGINT', () => source.cancel());
      const tell = (event) => console.log(event.kind, event.phase ?? event.stage ?? event.state ?? '');
      const { error } = await sync(connection, Number(argument), remotes, tell, source.token);
      if (error) throw Object.assign(new Error(error.message), { data: error });
    }
  } finally {
    connection.end();
  }
}

module.exports = { connect, fileHistory, sync, socketPath };
if (require.main === module) {
  main(process.argv.slice(2)).catch((error) => {
    const { code, actions } = error.data ?? {};
    console.error([`${code ?? 'error'}: ${error.message}`, ...(actions ?? [])].join('\n  next: '));
    process.exitCode = 1;
  });
}
