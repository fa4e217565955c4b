// Uses the example as an extension would, and prints what it saw.

const lore = require(require('path').resolve(process.argv[2]));
const { execFileSync } = require('child_process');
const { CancellationTokenSource } = require('vscode-jsonrpc/node');

const asked = JSON.parse(process.env.LORE_ASKED);

async function main() {
  const words = [process.argv[2], 'history', 'src/net/client.rs'];
  const history = execFileSync('node', words, { encoding: 'utf8', timeout: 60000 });
  const remotes = [execFileSync('git', ['remote', 'get-url', 'origin'], { encoding: 'utf8' }).trim()];
  const connection = await lore.connect();
  const steps = [];
  const step = (event) => steps.push(event.phase ?? event.state ?? event.kind);
  await lore.sync(connection, asked.merge_request, remotes, step);
  const source = new CancellationTokenSource();
  const begun = (event) => event.kind === 'started' && source.cancel();
  const held = await lore.sync(connection, asked.held, remotes, begun, source.token);
  const gone = await lore.sync(connection, 99999, remotes, () => {});
  const missing = await lore
    .fileHistory(connection, 'src/no-such.rs', remotes)
    .then(JSON.stringify, (error) => `${error.data.code}: ${error.message}`);
  process.stdout.write(JSON.stringify({ history, steps, cancelled: held.state, refused: gone.error.message, missing }), () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
