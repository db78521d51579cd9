import { randomUUID } from 'node:crypto';
import type { App, Call, Route } from './app.ts';
import { type Exchange, HttpError, type Reply, type Schema } from './http.ts';
import type { ApiKey } from './store.ts';

const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;

/** Whom a faulty server lets in without a key that it knows. */
const ANYBODY = { id: randomUUID(), name: 'anybody', type: 'public', scope: ['public'], expires_at: null };

/** True where a fault opens this route to a request with this token, or without one. */
const isOpen = ({ faults }: App, path: string, token: string | undefined): boolean =>
  (faults.has('any-key') && token !== undefined) ||
  (faults.has('chat-without-key') && path === '/v1/chat/completions');

/** The live key of a bearer token; 401 in the shape OpenAI clients know otherwise. */
async function bearerKey(app: App, exchange: Exchange): Promise<ApiKey> {
  const token = /^Bearer (cc_[0-9A-Za-z]+)$/.exec(exchange.request.headers.authorization ?? '')?.[1];
  const known = token === undefined ? undefined : await app.store.useKey(token, exchange.address);
  const key = known ?? (isOpen(app, exchange.path, token) ? (ANYBODY as unknown as ApiKey) : undefined);
  if (key === undefined) {
    throw new HttpError(401, 'INVALID_API_KEY', 'a valid API key is required', {
      'WWW-Authenticate': 'Bearer',
    });
  }
  return key;
}

/** Service keys name their end user per request; the two generations answer an unknown one differently. */
async function endUser(app: App, exchange: Exchange, key: ApiKey): Promise<string> {
  if (key.type !== 'service') return key.type;
  const { headers } = exchange.request;
  const name = String(headers['x-cube-user'] ?? headers['x-openwebui-user-email'] ?? '');
  if (app.config.generation === 'v2' && !EMAIL.test(name)) {
    throw new HttpError(400, 'INVALID_USER_IDENTITY', 'the end user must be an e-mail address');
  }
  if ((await app.store.userByEmail(name)) === undefined) {
    throw new HttpError(app.config.generation === 'v1' ? 403 : 404, 'USER_NOT_FOUND', 'no such end user');
  }
  return name;
}

interface Chat {
  readonly model: string;
  readonly messages: readonly { role: string; content: string }[];
  readonly stream?: boolean;
}
const chatBody: Schema = {
  type: 'object',
  required: ['model', 'messages'],
  properties: {
    model: { type: 'string' },
    messages: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role', 'content'],
        properties: {
          role: { type: 'string', enum: ['system', 'user', 'assistant'] },
          content: { type: 'string' },
        },
      },
    },
    stream: { type: 'boolean' },
    temperature: { type: 'number' },
    max_tokens: { type: 'integer' },
    cube_extended: { type: 'boolean' },
  },
};

async function chat(call: Call<Chat>): Promise<Reply | undefined> {
  const { app, exchange, body } = call;
  const key = await bearerKey(app, exchange);
  const actor = await endUser(app, exchange, key);
  const chunks = await app.store.visibleChunks(key.scope);
  const question = body.messages.at(-1)?.content ?? '';
  const { query_text } = await app.store.auditSettings();
  const kept = query_text === 'full' ? question : query_text === 'truncated' ? question.slice(0, 64) : null;
  await app.store.audit(actor, 'query', exchange.address, { key: key.id, query_text: kept });
  const words = `Found ${chunks.length} passages: ${chunks.map((chunk) => chunk.body).join('; ')}`.split(' ');
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: body.model };
  if (body.stream !== true) {
    const usage = { prompt_tokens: question.length, completion_tokens: words.length };
    return {
      status: 200,
      json: {
        ...head,
        object: 'chat.completion',
        choices: [
          { index: 0, message: { role: 'assistant', content: words.join(' ') }, finish_reason: 'stop' },
        ],
        usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens },
      },
    };
  }
  const { response } = exchange;
  response.writeHead(200, {
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-cache',
  });
  const part = (delta: object, finish: string | null) =>
    response.write(
      `data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
    );
  for (const word of words) {
    part({ content: `${word} ` }, null);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  part({}, 'stop');
  response.end('data: [DONE]\n\n');
  return undefined;
}

interface RpcRequest {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: { readonly name?: string };
}

async function mcp(call: Call<RpcRequest>): Promise<Reply> {
  const { app, exchange, body } = call;
  const isOpen = app.faults.has('mcp-without-key') && body.method !== 'ping';
  const key = isOpen ? (ANYBODY as unknown as ApiKey) : await bearerKey(app, exchange);
  if (body.id === undefined) return { status: 202 };
  const results: Record<string, () => Promise<object>> = {
    initialize: async () => ({
      protocolVersion: '2025-03-26',
      capabilities: { tools: {} },
      serverInfo: { name: 'corecube', version: '1' },
    }),
    ping: async () => ({}),
    'tools/list': async () => ({
      tools: [{ name: 'search', description: 'Search the knowledge base', inputSchema: { type: 'object' } }],
    }),
    'tools/call': async () => ({
      content: (await app.store.visibleChunks(key.scope)).map((chunk) => ({
        type: 'text',
        text: chunk.body,
      })),
    }),
  };
  const run = results[body.method];
  const outcome = run ? { result: await run() } : { error: { code: -32601, message: 'method not found' } };
  return { status: 200, json: { jsonrpc: '2.0', id: body.id, ...outcome } };
}

const unauthorised = { 401: { description: 'No valid API key' } } as const;

/** What clients of the knowledge base use; every operation wants an API key. */
export function clientRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/models',
      id: 'listModels',
      tag: 'Models',
      summary: 'List models',
      guard: 'key',
      answers: { 200: { description: 'Models' }, ...unauthorised },
      async handle({ app, exchange }) {
        await bearerKey(app, exchange);
        const names = app.config.generation === 'v1' ? ['claude-sonnet', 'gpt-large'] : ['CoreCube'];
        const data = names.map((id) => ({ id, object: 'model', created: 0, owned_by: 'corecube' }));
        return { status: 200, json: { object: 'list', data } };
      },
    },
    {
      method: 'POST',
      path: '/v1/chat/completions',
      id: 'createChatCompletion',
      tag: 'Chat',
      summary: 'Answer a question from what the key may see',
      guard: 'key',
      body: chatBody,
      answers: { 200: { description: 'The answer, or a stream of server-sent events' }, ...unauthorised },
      handle: chat,
    },
    {
      method: 'POST',
      path: '/mcp',
      id: 'mcp',
      tag: 'MCP',
      summary: 'Model Context Protocol over HTTP',
      guard: 'key',
      body: { type: 'object', required: ['method'], properties: { method: { type: 'string' } } },
      answers: { 200: { description: 'A JSON-RPC response' }, ...unauthorised },
      handle: mcp,
    },
  ];
}

/** Refuses a caller without a key before its body is read or judged. */
export const demandKey = async (app: App, exchange: Exchange): Promise<void> => {
  // Its fault looks into the body: the route itself asks for the key then.
  if (exchange.path === '/mcp' && app.faults.has('mcp-without-key')) return;
  await bearerKey(app, exchange);
};
