/** How the proxy answers: redirects, headers, limits. */
import type { HttpResponse } from '../../src/core/host.ts';
import { type Control, fail, pass, skip, unknown, type Verdict } from '../../src/core/step.ts';
import { bodyLimit, publicOrigin, SECURITY_HEADERS } from '../shared/caddy.ts';
import {
  ask,
  because,
  type Context,
  type Endpoint,
  isVerdict,
  outsiders,
  type ProxyAnswers,
  running,
  type Site,
  vantages,
  whenUp,
} from './look.ts';

/** Asks for three targets over plain HTTP: each must lead to the same target of the public origin. */
export async function tryRedirects(site: Site, http: Endpoint): Promise<Verdict> {
  const { host, answers } = site;
  const origin = `http://${answers.domain}${http.port === 80 ? '' : `:${http.port}`}`;
  for (const path of ['/v1/models', '/admin?x=1', '//other-name.invalid/']) {
    const result = await host.http({ method: 'GET', origin, path, connectTo: http, timeoutMs: 5_000 });
    if (!result.ok) return unknown(`plain HTTP got no answer: ${because(result.message)}`);
    const location = result.headers.find(([name]) => name === 'location')?.[1];
    const expected = `${publicOrigin(answers)}${path}`;
    if (![301, 308].includes(result.status) || location !== expected) {
      return fail(
        `GET ${path} answers ${result.status} ${location ?? 'without a location'}`,
        `308 ${expected}`,
      );
    }
  }
  return pass(`308 to ${publicOrigin(answers)}`);
}

const redirects: Control<ProxyAnswers> = {
  id: 'proxy.http-redirects',
  title: 'Plain HTTP is redirected to HTTPS and nothing else',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 9110 section 15.4.9'],
  how: 'Asks for three paths over plain HTTP and compares status and location with the same path over HTTPS.',
  threat: 'API keys and cookies cross the network readable.',
  remedy: 'Apply again.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    whenUp(context, async ({ http }) => {
      if (!http) return unknown('plain HTTP is not published', 'proxy.up');
      return tryRedirects(context, http);
    }),
};

/** One answer whose headers are judged, and what was asked. */
export interface Sample {
  readonly path: string;
  readonly answer: HttpResponse;
}

/** Answers whose headers are judged: public and fenced, refused and (where this host may) let in. */
function samples(context: Context): Promise<readonly Sample[] | Verdict> {
  return context.host.once(`proxy header samples ${context.answers.projectName}`, async () => {
    const proxy = await running(context);
    if (!proxy?.https) return unknown('the proxy is not running', 'proxy.up');
    const up = { ...proxy, https: proxy.https };
    const outside = await outsiders(context, up);
    if (isVerdict(outside)) return outside;
    const { inside } = await vantages(context, up);
    const wanted = [
      ...outside.slice(0, 1).flatMap((v) => ['/v1/models', '/mcp', '/admin'].map((path) => ({ v, path }))),
      ...inside.slice(0, 1).flatMap((v) => ['/', '/admin'].map((path) => ({ v, path }))),
    ];
    const got = await Promise.all(
      wanted.map(async ({ v, path }) => ({ path, answer: await ask(context, v.connectTo, path) })),
    );
    const silent = got.find((g) => !g.answer.ok);
    if (silent && !silent.answer.ok)
      return unknown(`${silent.path} got no answer: ${because(silent.answer.message)}`);
    return got.flatMap(({ path, answer }) =>
      answer.ok ? [{ path: `${path} (${answer.status})`, answer }] : [],
    );
  });
}

const values = (answer: HttpResponse, header: string) =>
  answer.headers.filter(([name]) => name === header).map(([, value]) => value);

/** Judges one header on every sample: once, with this value. */
function once(list: readonly Sample[], header: string, value: string): Verdict | undefined {
  for (const { path, answer } of list) {
    const seen = values(answer, header);
    if (seen.length !== 1 || seen[0] !== value) {
      const shown = seen.length === 0 ? 'absent' : `${seen.length} times: ${seen.join(' | ')}`;
      return fail(`${header} on ${path} is ${shown}`, `once: ${value}`);
    }
  }
  return undefined;
}

/** Every security header exactly once on every sample, and no name of a server. */
export function judgeHeaders(list: readonly Sample[]): Verdict {
  for (const [header, value] of Object.entries(SECURITY_HEADERS)) {
    const wrong = once(list, header, value);
    if (wrong) return wrong;
  }
  const talkative = list.find(({ answer }) => values(answer, 'server').length > 0);
  if (talkative) return fail(`${talkative.path} names its server software`, 'no Server header');
  return pass(
    `${Object.keys(SECURITY_HEADERS).length} headers once on ${list.map((s) => s.path).join(', ')}`,
  );
}

/** HSTS on every sample, and not over plain HTTP. */
export async function judgeHsts(
  { host, answers }: Site,
  list: readonly Sample[],
  http: Endpoint | undefined,
): Promise<Verdict> {
  const wrong = once(list, 'strict-transport-security', SECURITY_HEADERS['strict-transport-security']);
  if (wrong) return wrong;
  if (http) {
    const origin = `http://${answers.domain}`;
    const bare = await host.http({ method: 'GET', origin, path: '/', connectTo: http, timeoutMs: 5_000 });
    if (!bare.ok) return unknown(`whether it is sent over plain HTTP was not seen: ${because(bare.message)}`);
    if (values(bare, 'strict-transport-security').length > 0)
      return fail('it is sent over plain HTTP too', 'over TLS only (RFC 6797 section 7.2)');
  }
  return pass(SECURITY_HEADERS['strict-transport-security']);
}

const headersOnce: Control<ProxyAnswers> = {
  id: 'proxy.headers-once',
  title: 'Every answer carries each security header exactly once',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 6797 section 8.1', 'RFC 7034', 'OWASP Secure Headers'],
  how: 'Asks for public and fenced paths and counts each security header, and any Server header, in every answer.',
  threat: 'Doubled headers cancel each other out; missing ones allow framing and content sniffing.',
  remedy: "Apply again: the proxy replaces CoreCube's own copies.",
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    whenUp(context, async () => {
      const list = await samples(context);
      if ('is' in list) return list;
      return judgeHeaders(list);
    }),
};

const hsts: Control<ProxyAnswers> = {
  id: 'proxy.hsts',
  title: 'Browsers are told to use HTTPS only (HSTS)',
  severity: 'required',
  section: 'tls',
  refs: ['RFC 6797'],
  how: 'Reads Strict-Transport-Security in answers over HTTPS, and sees that it is absent over plain HTTP.',
  threat: 'The first request of a visit goes out unprotected and can be kept that way.',
  remedy: 'Apply again: the proxy sets the header, because CoreCube does not in every generation.',
  impact: 'Browsers insist on HTTPS for this name for a year. Other names below it are not touched.',
  inspect: (context) =>
    whenUp(context, async ({ http }) => {
      const list = await samples(context);
      if ('is' in list) return list;
      if (!http) return unknown('plain HTTP is not published', 'proxy.up');
      return judgeHsts(context, list, http);
    }),
};

const limit: Control<ProxyAnswers> = {
  id: 'proxy.body-limit',
  title: 'A request that is larger than an upload may be is refused before it is read',
  severity: 'advised',
  section: 'operation',
  refs: ['CWE-770', 'RFC 9110 section 15.5.14'],
  how: 'Announces a body one byte larger than allowed, sends none, and expects 413.',
  threat: 'Anybody can fill memory and disk through the public API.',
  remedy: 'Apply again; raise maxUploadMb when real uploads are refused.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  inspect: (context) =>
    whenUp(context, async ({ https }) => {
      const most = bodyLimit(context.answers.maxUploadMb);
      const result = await ask(context, https, '/v1/chat/completions', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': String(most + 1),
          connection: 'close',
        },
      });
      if (!result.ok)
        return unknown(`the announcement of a large request got no answer: ${because(result.message)}`);
      if (result.status === 413) return pass(`${most + 1} bytes are answered with 413`);
      // The request was passed on, or the proxy itself is in trouble: its limit was not reached.
      if ([502, 503, 504].includes(result.status))
        return unknown(`the announcement of a large request is answered with ${result.status}`);
      return fail(`a request of ${most + 1} bytes is answered with ${result.status}`, '413');
    }),
};

const streams: Control<ProxyAnswers> = {
  id: 'proxy.streams',
  title: 'Answers are passed on while CoreCube writes them',
  severity: 'advised',
  section: 'operation',
  how: 'Looks at nothing: a streamed answer needs an API key, which this tool does not have.',
  threat: 'Chat clients show nothing until the model has finished, and give up before.',
  remedy: 'Apply again; look for another proxy in front that buffers.',
  impact: 'The proxy loads the file without a restart; an open stream may have to connect again.',
  async inspect() {
    return skip(
      'a streamed answer needs an API key, which this tool does not have; try a chat with stream: true',
    );
  },
};

export const answerControls: readonly Control<ProxyAnswers>[] = [
  redirects,
  headersOnce,
  hsts,
  limit,
  streams,
];
