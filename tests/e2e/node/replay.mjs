// Sends requests through the vendors' official Node clients and writes the replies' bytes as they came.
// In: lines {"name", "vendor", "base_url", "key", "body"}, the vendor "openai" or "anthropic".
// Out: lines {"name", "status", "id", "body"} with the body in base64;
// status 0: the client could not read the reply, and the body says why.
import { createInterface } from 'node:readline';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

async function send({ name, vendor, base_url, key, body }) {
  const Client = vendor === 'anthropic' ? Anthropic : OpenAI;
  let status = 0;
  let id = null;
  let bytes = Buffer.alloc(0);
  const listeningFetch = async (...request) => {
    const reply = await fetch(...request);
    status = reply.status;
    id = reply.headers.get('x-request-id');
    bytes = Buffer.from(await reply.clone().arrayBuffer());
    return reply;
  };
  const defaultHeaders = { 'x-replay': name };
  const client = new Client({ apiKey: key, baseURL: base_url, maxRetries: 0, defaultHeaders, fetch: listeningFetch });
  try {
    const reply = await (client.messages ?? client.chat.completions).create(body);
    if (body.stream) for await (const _ of reply); // the client itself reads the stream to its end
  } catch (error) {
    if (status === 0) bytes = Buffer.from(`${error} ${error.cause}`);
    else if (!(error instanceof Client.APIError) || error.status !== status) throw error;
  }
  return { name, status, id, body: bytes.toString('base64') };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await send(JSON.parse(line))) + '\n');
}
