/** docs/cross-checks.md: what the judges make of an install, from their own lists and the list of explanations. */
import { dockerItems } from './docker-cis.ts';
import { explained } from './explained.ts';
import { postgresItems } from './postgres-cis.ts';
import type { Tool } from './types.ts';

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly byHand?: string;
}

const rowsOf = (tool: Tool) => explained.filter((e) => e.tool === tool);

/** What warns, what passes or does not apply, and what only a person can judge. */
function benchmark(tool: Tool, items: readonly Listed[]): readonly string[] {
  const rows = rowsOf(tool);
  const title = (id: string) => items.find((i) => i.id === id)?.title ?? '';
  const judged = items.filter((i) => i.byHand === undefined);
  const good = judged.filter((i) => !rows.some((r) => r.item === i.id));
  return [
    `${judged.length} items are judged, ${good.length} without a warning.`,
    '',
    '| item | about | warns for | why it stays |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      (r) =>
        `| ${r.item} | ${title(r.item)} | ${r.on?.join(', ') ?? (tool === 'CIS Docker' ? 'the host' : 'the server')} | ${r.why} |`,
    ),
    '',
    `Without a warning: ${good.map((i) => `${i.id} ${i.title}`).join('; ')}.`,
    '',
    '| item for a person | about | why |',
    '| --- | --- | --- |',
    ...items.filter((i) => i.byHand).map((i) => `| ${i.id} | ${i.title} | ${i.byHand} |`),
  ];
}

const findings = (tool: Tool): readonly string[] => [
  '| finding | why it stays |',
  '| --- | --- |',
  ...rowsOf(tool).map((r) => `| \`${r.item}\` | ${r.why} |`),
];

/** The whole file. */
export const crossChecksDocument = (): string => `# Cross-checks by others

Judges that know nothing of this tool's own controls look at a real install of the stand-in (generation v2, with
CoreCube Inference, \`tls: files\`) in \`test/e2e/cross-checks.test.ts\`. A warning that is not listed here fails the test;
so does an entry whose warning is gone. This file is made from that list: \`npm run docs\`. What is said about the content of
images (4.1 to 4.12) is said of the test bed's stand-ins; the vendors' own may hold set-uid programs (4.8), which
no_new_privs and the empty bounding set (5.4, 5.26) take the force of.

What these judges asked for and got: the database offers ciphers with forward secrecy only, and logs who connects, from
where and for how long (\`compose.database-server\`, \`pg.sessions-logged\`).

## CIS Docker Benchmark 1.6.0, sections 4 and 5

Judged for each container from \`docker inspect\`, the kernel's record of its first process, its exported file tree, the
registry's digests and every \`docker exec\` during a whole verify. ${benchmark('CIS Docker', dockerItems).join('\n')}

## CIS PostgreSQL Benchmark

By SQL as the superuser and by looks into the container. ${benchmark('CIS PostgreSQL', postgresItems).join('\n')}

## testssl.sh 3.0, from outside against the proxy

Protocols, ciphers, forward secrecy, server preference, certificate, headers, known vulnerabilities; with the authority of
the test's certificate. No finding but these is above INFO.

${findings('testssl.sh, proxy').join('\n')}

## testssl.sh 3.0, against the database

Protocols, ciphers, forward secrecy and the certificate over STARTTLS, from the host, with the install's own authority.

${findings('testssl.sh, database').join('\n')}
`;
