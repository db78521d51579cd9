import { describe, expect, it } from 'vitest';
import { type DockerFacts, dockerItems, type Inspected, judgeDocker } from '../e2e/cross/docker-cis.ts';
import { explained } from '../e2e/cross/explained.ts';
import { judgePostgres, type PostgresFacts, postgresItems } from '../e2e/cross/postgres-cis.ts';
import { judgeTestssl } from '../e2e/cross/testssl.ts';

const inspected: Inspected = {
  Config: { Labels: {}, Env: null, Image: 'x' },
  State: { Pid: 1 },
  AppArmorProfile: 'unconfined',
  Mounts: [
    { Type: 'bind', Source: '/var/run/docker.sock', Destination: '/s', Propagation: 'rshared' },
    { Type: 'bind', Source: '/etc/ssh', Destination: '/e', Propagation: '' },
  ],
  NetworkSettings: { Networks: { bridge: {} }, Ports: { '22/tcp': [{ HostIp: '0.0.0.0', HostPort: '22' }] } },
  HostConfig: {
    Privileged: true,
    NetworkMode: 'host',
    PidMode: 'host',
    IpcMode: 'host',
    UTSMode: 'host',
    UsernsMode: 'host',
    CgroupParent: '/other',
    Memory: 0,
    CpuShares: 1024,
    NanoCpus: 0,
    PidsLimit: 0,
    ReadonlyRootfs: false,
    SecurityOpt: ['label:disable'],
    CapAdd: ['SYS_ADMIN'],
    RestartPolicy: { Name: 'always', MaximumRetryCount: 0 },
    Devices: ['/dev/sda'],
    Ulimits: null,
  },
};
const everythingWrong: DockerFacts = {
  subjects: [
    {
      service: 'corecube',
      inspected,
      status: {
        Uid: '1000 0 1000 1000',
        CapBnd: '000001ffffffffff',
        CapInh: '0',
        CapPrm: '0',
        CapEff: '0',
        CapAmb: '0',
        Seccomp: '0',
        NoNewPrivs: '0',
      },
      processes: ['/usr/sbin/sshd -D'],
      setuid: ['usr/bin/su'],
      image: { healthcheck: false, env: ['API_TOKEN=x'], running: 'sha256:a', newest: 'sha256:b' },
    },
  ],
  swarm: 'active',
  security: ['apparmor', 'selinux', 'seccomp'],
  contentTrust: false,
  execs: [{ user: 'root', privileged: true, command: 'sh' }],
  secrets: [],
};

describe('the judge of containers', () => {
  it('warns about every item where everything is wrong', () => {
    const warned = judgeDocker(everythingWrong).filter((j) => j.result === 'warn');
    expect(warned.map((j) => j.item)).toEqual(dockerItems.filter((i) => !i.byHand).map((i) => i.id));
  });
  it('does not take a verify in which no exec was seen for one without root', () => {
    const judged = judgeDocker({ ...everythingWrong, execs: [] });
    expect(judged.filter((j) => ['5.23', '5.24'].includes(j.item)).map((j) => j.result)).toEqual([
      'warn',
      'warn',
    ]);
  });
});

const role = {
  createrole: true,
  createdb: true,
  replication: true,
  bypassrls: true,
  login: true,
  connections: -1,
  scram: false,
};
const openDatabase: PostgresFacts = {
  // No setting has the value that is asked for; with the collector and syslog everything about them is judged.
  settings: {
    logging_collector: 'neither',
    log_destination: 'not syslog',
    listen_addresses: '*',
    authentication_timeout: '600',
    log_line_prefix: '',
  },
  roles: [{ ...role, name: 'guest', superuser: false, memberOf: ['pg_execute_server_program'] }],
  rules: [
    {
      type: 'host',
      databases: ['all'],
      users: ['all'],
      address: '0.0.0.0',
      netmask: '0.0.0.0',
      method: 'md5',
      error: null,
    },
    {
      type: 'local',
      databases: ['all'],
      users: ['all'],
      address: null,
      netmask: null,
      method: 'trust',
      error: null,
    },
  ],
  extensions: ['dblink'],
  tablespaces: ['fast'],
  definers: ['public.f()'],
  openToPublic: ['documents'],
  publicMayCreate: true,
  policies: [{ table: 'documents', enabled: false, forced: false }],
  plainSessions: 1,
  tlsSessions: 1,
  replicas: 1,
  files: {
    umask: '0022',
    dataMode: '755',
    rulesWritable: true,
    extensionsWritable: true,
    socketDirectoryMode: '1777',
    traces: ['/root/.psql_history', '/root/.pgpass', 'PGPASSWORD in /etc/profile'],
    passwordVariables: ['/proc/1'],
    sudo: true,
    commandLines: ['psql postgresql://a:b@c/d'],
    fips: false,
    backupTool: false,
  },
};

describe('the judge of the database', () => {
  it('warns about every item where everything is wrong', () => {
    const judged = judgePostgres(openDatabase);
    // Any file name pattern will do.
    const never = ['3.1.5'];
    const good = judged.filter((j) => j.result !== 'warn').map((j) => j.item);
    expect(good).toEqual(never);
    expect(judged.length).toBe(postgresItems.filter((i) => i.judge).length);
  });
});

describe('the judge of TLS', () => {
  it('takes everything but OK and INFO for a warning', () => {
    const of = (severity: string) => ({ id: severity, severity, finding: 'x' });
    const judged = judgeTestssl(['OK', 'INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'WARN', 'FATAL'].map(of));
    expect(judged.filter((j) => j.result === 'pass').map((j) => j.item)).toEqual(['OK', 'INFO']);
  });
});

describe('the list of explanations', () => {
  it('names every item once, and only items that are judged', () => {
    const keys = explained.map((e) => `${e.tool} ${e.item}`);
    expect(new Set(keys).size).toBe(keys.length);
    const judged = {
      'CIS Docker': dockerItems.filter((i) => !i.byHand).map((i) => i.id),
      'CIS PostgreSQL': postgresItems.filter((i) => i.judge).map((i) => i.id),
    };
    for (const { tool, item } of explained) {
      if (tool === 'CIS Docker' || tool === 'CIS PostgreSQL') expect(judged[tool], item).toContain(item);
    }
  });
});
