// OpenAI's SDK for Node in a live session, of the major version that is the first argument and by the
// kind of socket that is the second: asked on standard input, what it heard on standard output.
// Knows nothing about what should be heard.

import { readFileSync } from 'node:fs';

const [major, kind] = process.argv.slice(2);
const asked = JSON.parse(readFileSync(0, 'utf8'));
const { OpenAI } = await import(`openai${major}`);
const module = await import(`openai${major}/realtime/${kind === 'ws' ? 'ws' : 'websocket'}`);
const Connection = module.OpenAIRealtimeWS ?? module.OpenAIRealtimeWebSocket;

let key = asked.key;
if (asked.secret) {
  const owner = new OpenAI({ baseURL: asked.base_url, apiKey: key });
  key = (await owner.realtime.clientSecrets.create({ session: asked.session })).value;
}
const isPage = kind === 'page';
const client = new OpenAI({ baseURL: asked.base_url, apiKey: key, dangerouslyAllowBrowser: isPage });
const props = asked.intent && major !== '6' ? { intent: 'transcription' } : { model: asked.model };
const connection = new Connection(isPage ? { ...props, dangerouslyAllowBrowser: true } : props, client);

const heard = { types: [], deltas: '', transcripts: [] };
let nCommitted = 0;
const pcm = readFileSync(asked.path);

await new Promise((resolve, reject) => {
  connection.on('error', reject);
  connection.on('session.created', () => {
    connection.send({ type: 'session.update', session: asked.session });
    for (let i = 0; i < pcm.length; i += 4800) {
      const audio = pcm.subarray(i, i + 4800).toString('base64');
      connection.send({ type: 'input_audio_buffer.append', audio });
    }
    connection.send({ type: 'input_audio_buffer.commit' });
  });
  connection.on('event', (event) => {
    if (!heard.types.includes(event.type)) heard.types.push(event.type);
    if (event.type === 'input_audio_buffer.committed') nCommitted += 1;
    if (event.type.endsWith('transcription.delta')) heard.deltas += event.delta;
    if (event.type.endsWith('transcription.completed')) {
      heard.transcripts.push(event.transcript);
      if (heard.transcripts.length === nCommitted) resolve();
    }
  });
});
connection.close();
process.stdout.write(JSON.stringify(heard), () => process.exit(0));
