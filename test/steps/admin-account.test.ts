import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { adminAccount } from '../../steps/admin-account.ts';
import {
  checkPasswordPolicy,
  ensureAdminPassword,
  generatePassword,
} from '../../steps/shared/admin-credentials.ts';
import {
  answering,
  answers,
  type Bed,
  type BedOptions,
  documentServer,
  GOOD_PASSWORD,
  repair,
  short,
  startBed,
  verdicts,
} from './admin-bed.ts';

let bed: Bed | undefined;
const start = async (options?: BedOptions) => {
  bed = await startBed(options);
  return bed;
};
afterEach(async () => {
  await bed?.stop();
  bed = undefined;
});

const HELD = {
  'admin.default-login-refused': 'pass',
  'admin.own-login': 'pass',
  'admin.own-rights': 'pass',
  'admin.session-ended': 'pass',
  'admin.password-policy': 'pass',
  'admin.password-file': 'pass',
  'admin.no-default-email': 'pass',
  'admin.others-known': 'pass',
  'admin.not-in-environment': 'pass',
};
const bootstrap = (on: Bed) => {
  const file = { content: 'x', mode: 0o600, uid: 0, kind: 'file' as const };
  on.files.set('.corecube-secure/bootstrap.env', file);
  on.files.set('.corecube-secure/bootstrap.compose.yaml', file);
  on.env.push(`CUBE_ADMIN_EMAIL=${answers.adminEmail}`, `CUBE_ADMIN_PASSWORD=${GOOD_PASSWORD}`);
};

describe('the password', () => {
  it('is generated with every class, from characters that need no quoting', () => {
    for (let i = 0; i < 200; i++) {
      const text = generatePassword((n) => randomBytes(n)).reveal();
      expect(text).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{27}$/);
      expect(checkPasswordPolicy(text)).toEqual([]);
    }
  });

  it.each([
    ['changeme123', ['fewer than 12', 'upper-case', 'special', 'default password']],
    ['ALLUPPERCASE-1', ['lower-case']],
    ['NoDigitsInHere-', ['digit']],
    ['Only Letters 12 3', ['special']],
    [`Aa1-${'x'.repeat(69)}`, ['72 bytes']],
    [`Aa1-${'\u00e4'.repeat(35)}`, ['72 bytes']],
    ['Two-Lines-1\nXxxxx', ['line break']],
    ['', ['fewer than 12', 'upper-case', 'lower-case', 'digit', 'special']],
  ])('%j breaks the rules it breaks', (password, words) => {
    const problems = checkPasswordPolicy(password);
    expect(problems).toHaveLength(words.length);
    for (const [i, word] of words.entries()) expect(problems[i]).toContain(word);
  });

  it('is kept when it exists, and refused when it is weak', async () => {
    const on = await start();
    expect((await ensureAdminPassword(on.host(), { from: 'generate' })).reveal()).toBe(GOOD_PASSWORD);
    on.files.delete('secrets/admin_password');
    const weak = ensureAdminPassword(on.host(), { from: 'env', name: 'BED_PASSWORD' });
    await expect(weak).rejects.toThrow(/not strong enough: It has fewer than 12 characters/);
    await expect(ensureAdminPassword(on.host(), { from: 'file', path: '/none' })).rejects.toThrow(
      /does not exist/,
    );
    expect(on.files.has('secrets/admin_password')).toBe(false);
    await ensureAdminPassword(on.host(), { from: 'generate' });
    expect(on.files.get('secrets/admin_password')).toMatchObject({ mode: 0o600, uid: 0 });
  });
});

describe.each(['v1', 'v2'] as const)('guide %s', (generation) => {
  it('holds on a seeded server, and the plan is empty', async () => {
    const on = await start({ generation });
    expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
    expect(await repair(adminAccount, on)).toEqual([]);
  });

  it('finishes a first boot: the variables leave, the login stays', async () => {
    const on = await start({ generation });
    bootstrap(on);
    expect(short(await verdicts(adminAccount, on))).toEqual({ ...HELD, 'admin.not-in-environment': 'fail' });
    const changes = await repair(adminAccount, on);
    expect(changes.map((change) => change.id)).toEqual(['admin-account.finish-bootstrap']);
    expect(on.ran[0]).toEqual(expect.arrayContaining(['up', '--no-deps', '--wait', 'corecube']));
    expect(on.ran.flat().join(' ')).not.toContain('bootstrap');
    expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
  });

  it('changes the default account through the API where it still logs in', async () => {
    const on = await start({ generation, seeded: false });
    const before = await verdicts(adminAccount, on);
    expect(before['admin.default-login-refused']?.is).toBe('fail');
    const changes = await repair(adminAccount, on);
    expect(changes.map((change) => change.id)).toContain('admin-account.take-over');
    expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
    expect(await repair(adminAccount, on)).toEqual([]);
  });

  it('closes a default account that lives beside the own one', async () => {
    const on = await start({ generation, seeded: false });
    await repair(adminAccount, on);
    await on.addDefault();
    expect(short(await verdicts(adminAccount, on))).toMatchObject({
      'admin.default-login-refused': 'fail',
      'admin.own-login': 'pass',
      'admin.no-default-email': 'fail',
    });
    const changes = await repair(adminAccount, on);
    expect(changes.map((change) => change.id)).toEqual(['admin-account.close-default']);
    expect(short(await verdicts(adminAccount, on))).toEqual({
      ...HELD,
      'admin.no-default-email': 'fail',
      'admin.others-known': 'fail',
    });
  });
});

describe.each(['v1', 'v2'] as const)('an account without rights, guide %s', (generation) => {
  async function demoted() {
    const on = await start({ generation });
    const at = on.users.findIndex((user) => user.email === answers.adminEmail);
    on.users[at] = { ...on.users[at], role: 'member' } as (typeof on.users)[number];
    return on;
  }

  it('fails although it logs in, and is left to a person', async () => {
    const on = await demoted();
    expect(short(await verdicts(adminAccount, on))).toMatchObject({
      'admin.own-login': 'pass',
      'admin.own-rights': 'fail',
    });
    expect(await repair(adminAccount, on)).toEqual([]);
  });

  it('is no reason to close the default account, which may be the last way in', async () => {
    const on = await demoted();
    await on.addDefault();
    const failing = new Set(['admin.default-login-refused']);
    const signal = new AbortController().signal;
    const plan = await adminAccount.plan?.({ host: on.host(), answers, signal, failing });
    expect(plan?.map((change) => change.id)).not.toContain('admin-account.close-default');
  });

  it('one refused route alone says nothing of them', async () => {
    const path = generation === 'v1' ? '/api/users' : '/admin/api/users';
    const on = answering(await start({ generation }), `GET ${path}`, { status: 403 });
    expect((await verdicts(adminAccount, on))['admin.own-rights']?.is).toBe('pass');
  });
});

describe('what cannot be seen', () => {
  it('is unknown with instructions where the admin routes are missing', async () => {
    const all = await verdicts(adminAccount, await start({ faults: 'admin-routes-missing' }));
    expect(all['admin.default-login-refused']).toMatchObject({
      is: 'unknown',
      because: expect.stringMatching(/By hand: Open the Admin Console/),
    });
    expect(all['admin.own-login']?.is).toBe('unknown');
    expect(all['admin.session-ended']?.is).toBe('unknown');
  });

  it('is unknown on a stopped container, never a failure', async () => {
    const on = await start();
    on.state = 'stopped';
    const all = short(await verdicts(adminAccount, on));
    expect(Object.values(all)).not.toContain('fail');
    expect(all).toMatchObject({ 'admin.own-login': 'unknown', 'admin.not-in-environment': 'unknown' });
  });

  it('awaits the first start on an empty host, where the plan still reads', async () => {
    const on = await start({ seeded: false });
    on.state = 'absent';
    const all = await verdicts(adminAccount, on);
    expect(all['admin.own-login']?.is).toBe('fail');
    for (const [id, verdict] of Object.entries(all)) {
      if (verdict.is === 'unknown') expect(verdict.awaits, id).toBeDefined();
    }
    const failing = new Set(Object.keys(all));
    const signal = new AbortController().signal;
    const plan = await adminAccount.plan?.({ host: on.host(), answers, signal, failing });
    expect(plan?.map((change) => change.id)).toEqual([
      'admin-account.password-file',
      'admin-account.take-over',
      'admin-account.finish-bootstrap',
    ]);
  });

  it('is not seen when the operator keeps the password elsewhere, which leaves no file to look at', async () => {
    const on = await start();
    on.files.delete('secrets/admin_password');
    expect(short(await verdicts(adminAccount, on))).toMatchObject({
      'admin.default-login-refused': 'pass',
      'admin.own-login': 'unknown',
      'admin.session-ended': 'unknown',
      'admin.password-policy': 'unknown',
      'admin.password-file': 'skip',
    });
    // Nor is the account taken over then, unless everybody can.
    expect(await repair(adminAccount, on)).toEqual([]);
  });

  it('takes the account over all the same where everybody can', async () => {
    const on = await start({ seeded: false });
    expect((await repair(adminAccount, on)).map((change) => change.id)).toEqual(['admin-account.take-over']);
  });

  it.each<[string, unknown, [string, string][]]>([
    ['an error in the body of a good answer', { success: false }, []],
    ['the same beside a cookie that everybody gets', { success: false }, [['set-cookie', 'sid=anonymous']]],
    ['a step that is missing', { mfa_required: true, csrf_token: 'x' }, []],
  ])('a login that opens no session is neither in nor refused: %s', async (_, json, headers) => {
    const on = answering(await start(), 'POST /api/auth/login', { status: 200, json, headers });
    expect(short(await verdicts(adminAccount, on))).toMatchObject({
      'admin.default-login-refused': 'unknown',
      'admin.own-login': 'unknown',
    });
  });

  it('a refusal by 403 counts only when the same request lets the own password in', async () => {
    const on = await start();
    on.users.length = 0;
    const all = await verdicts(adminAccount, answering(on, 'POST /api/auth/login', { status: 403 }));
    expect(all['admin.default-login-refused']?.is).toBe('unknown');
  });

  it.each([
    ['an empty list, although somebody is logged in', []],
    ['an address that is null', [{ email: 'a@b.test' }, { email: null }]],
    ['an address of another form', [{ email: { value: 'admin@example.com' } }]],
    ['a first page', { users: [{ email: 'a@b.test' }], total: 2 }],
    ['a list without the account that looks', [{ email: 'a@b.test', role: 'member' }]],
  ])('does not see who has the default address in %s', async (_, json) => {
    const all = await verdicts(adminAccount, answering(await start(), 'GET /api/users', { json }));
    expect(all['admin.no-default-email']?.is).toBe('unknown');
    expect(all['admin.others-known']?.is).toBe('unknown');
  });

  it.each([
    ['another administrator', { email: 'b@b.test', role: 'admin' }, 'fail'],
    ['an administrator by another word', { email: 'b@b.test', role: 'Super Admin' }, 'fail'],
    ['an administrator whose address is not shown', { role: 'admin' }, 'fail'],
    ['an account without the role', { email: 'b@b.test', role: 'member' }, 'pass'],
    ['an administrator who was answered', { email: 'Deputy@Bed.test', role: 'admin' }, 'pass'],
    ['an account whose role is not shown', { email: 'b@b.test' }, 'unknown'],
  ])('judges %s', async (_, other, is) => {
    const json = [{ email: answers.adminEmail, role: 'admin' }, other];
    const on = answering(await start(), 'GET /api/users', { json });
    const known = { ...answers, otherAdmins: ['deputy@bed.test'] };
    const control = adminAccount.controls.find(({ id }) => id === 'admin.others-known');
    const context = { host: on.host(), answers: known, signal: new AbortController().signal };
    expect((await control?.inspect(context as never))?.is).toBe(is);
  });

  it('sees what else there is when one list is cut off, and ends the session', async () => {
    const bed = await start();
    const asked: string[] = [];
    const host = () => {
      const own = bed.host();
      const http: typeof own.http = async (wanted) => {
        asked.push(wanted.path);
        return wanted.path.includes('users')
          ? { ok: false, code: 'ECONNRESET', message: 'the answer was cut off' }
          : own.http(wanted);
      };
      return { ...own, http };
    };
    const all = await verdicts(adminAccount, { ...bed, host });
    expect(all['admin.own-login']?.is).toBe('pass');
    expect(all['admin.session-ended']?.is).toBe('pass');
    expect(all['admin.others-known']?.is).toBe('unknown');
    expect(asked.some((path) => path.includes('logout'))).toBe(true);
  });

  describe('the environment of a container in which nothing can be run', () => {
    const from = async (proc: Record<string, string>) => {
      const on = await start();
      const host = () => ({
        ...on.host(),
        query: async (argv: readonly string[]) =>
          argv[1] === 'exec'
            ? { code: 126, stdout: '', stderr: 'exec failed: "cat": executable file not found in $PATH' }
            : on.host().query(argv),
        readText: async (path: string) => proc[path.replace('/proc/undefined/', '')],
      });
      return (await verdicts(adminAccount, { ...on, host }))['admin.not-in-environment'];
    };
    it('is read from the host, where its process is seen', async () => {
      expect((await from({ cgroup: '1:/docker/c0ffee', environ: 'A=1\0B=2' }))?.is).toBe('pass');
      expect((await from({ cgroup: '1:/docker/c0ffee', environ: 'A=1\0CUBE_ADMIN_EMAIL=x' }))?.is).toBe(
        'fail',
      );
    });
    it('is not seen where it is not', async () => {
      for (const proc of [
        {},
        { cgroup: '1:/docker/another', environ: 'A=1' },
        { cgroup: '1:/docker/c0ffee' },
      ])
        expect(await from(proc)).toMatchObject({
          is: 'unknown',
          because: expect.stringMatching(/not found/),
        });
    });
  });

  it('a refusal by 400 counts only when the same form lets the own password in', async () => {
    const loginBody = { properties: { email: { type: 'string' }, password: { type: 'string' } } };
    const paths = {
      '/login': { post: { requestBody: { content: { 'application/json': { schema: loginBody } } } } },
    };
    const server = documentServer({ openapi: '3.1.0', paths }, [], 400);
    const all = await verdicts(adminAccount, await start({ server }));
    expect(all['admin.default-login-refused']).toMatchObject({ is: 'unknown' });
  });
});

describe('sins', () => {
  it('a password of the operator is one also when root looks at it', async () => {
    const on = await start();
    const mine = { content: `${GOOD_PASSWORD}\n`, mode: 0o600, uid: 1001, kind: 'file' as const };
    on.files.set('secrets/admin_password', mine);
    on.files.set('.', { ...mine, mode: 0o755 });
    expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
  });
  it.each([
    ['a password others can read', { mode: 0o644 }],
    ['a password of another user', { uid: 1000 }],
    ['a link', { kind: 'symlink' as const }],
  ])('%s fails its control', async (_, sin) => {
    const on = await start();
    const file = on.files.get('secrets/admin_password');
    if (file) on.files.set('secrets/admin_password', { ...file, ...sin });
    const all = short(await verdicts(adminAccount, on));
    expect(all).toEqual({ ...HELD, 'admin.password-file': 'fail' });
    if ('kind' in sin) await expect(repair(adminAccount, on)).rejects.toThrow(/symlink/);
    else {
      await repair(adminAccount, on);
      expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
    }
  });

  it('waits longer for a server that has just been started, or whose first boot is not finished', async () => {
    const on = await start();
    on.slowness = 40_000;
    const late = await verdicts(adminAccount, on);
    for (const id of ['admin.default-login-refused', 'admin.own-login'])
      expect(late[id]).toMatchObject({ is: 'unknown', because: expect.stringMatching(/within 10 s$/) });
    on.startedAt = new Date(on.now.getTime() - 170_000);
    expect(short(await verdicts(adminAccount, on))).toEqual(HELD);
    on.isPaused = true;
    expect((await verdicts(adminAccount, on))['admin.own-login']?.is).toBe('unknown');
    on.isPaused = false;
    on.startedAt = new Date(on.now.getTime() - 600_000);
    expect((await verdicts(adminAccount, on))['admin.own-login']?.is).toBe('unknown');
    bootstrap(on);
    expect((await verdicts(adminAccount, on))['admin.own-login']?.is).toBe('pass');
  });

  it('says how long it waited for a server that has just been started, and calls nothing refused', async () => {
    const on = await start();
    on.startedAt = new Date(on.now.getTime() - 20_000);
    on.slowness = 60_000;
    const all = await verdicts(adminAccount, on);
    expect(all['admin.default-login-refused']).toEqual({
      is: 'unknown',
      because: expect.stringMatching(
        /no answer within 45 s; it was started 20 s ago and is given 45 s instead of 10 s\. Look at the load/,
      ),
    });
    on.startedAt = new Date(on.now.getTime() + 3_600_000);
    expect((await verdicts(adminAccount, on))['admin.own-login']).toMatchObject({
      because: expect.stringMatching(/within 10 s$/),
    });
  });

  it('a password that was changed elsewhere fails the login and is not guessed', async () => {
    const on = await start();
    on.files.set('secrets/admin_password', {
      content: 'Not-The-Right-One-1',
      mode: 0o600,
      uid: 0,
      kind: 'file',
    });
    const all = await verdicts(adminAccount, on);
    expect(all['admin.own-login']).toMatchObject({ is: 'fail', observed: expect.stringContaining('401') });
    await expect(repair(adminAccount, on)).rejects.toThrow(/refuses the stored password/);
  });

  it('a weak stored password fails the policy and is left to a person', async () => {
    const on = await start();
    on.files.set('secrets/admin_password', { content: 'weak', mode: 0o600, uid: 0, kind: 'file' });
    expect((await verdicts(adminAccount, on))['admin.password-policy']?.is).toBe('fail');
    expect(adminAccount.controls.find((c) => c.id === 'admin.password-policy')?.manual).toBe(true);
  });
});
