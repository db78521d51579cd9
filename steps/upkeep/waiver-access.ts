/** Who may write the file of waivers: whoever can, can silence a control that fails. */
import type { FileStat, HostReader } from '../../src/core/host.ts';
import { type Control, fail, pass, type Verdict } from '../../src/core/step.ts';
import { PATH } from '../shared/layout.ts';
import { isWrittenByOthers, operators } from '../shared/operators.ts';

/**
 * Passes without a file too, as long as nobody else can make one. Nothing is repaired: a file that strangers could write is
 * believed again as soon as its mode is right, so a person reads it before.
 */
export const waiverAccess: Control<object> = {
  id: 'waivers.file-access',
  title: 'Only root and the operator can write the file of waivers',
  severity: 'required',
  section: 'operation',
  refs: ['CWE-732', 'CWE-59'],
  how: `Reads kind, mode and owner of ${PATH.waivers} and of the directory of the install, in which it can be made or replaced.`,
  threat:
    'Whoever can write it waives a control that fails, and every report then calls the deployment good.',
  remedy: `Read ${PATH.waivers} and remove what its owners have not decided. Then put a plain file there, and run chmod go-w on it and on the directory, and chown them to the user who administers CoreCube.`,
  impact: 'Other users can no longer change the waivers.',
  manual: true,
  unwaivable: true,
  async inspect({ host }) {
    return judge(host, await host.stat('.'), await host.stat(PATH.waivers));
  },
};

async function judge(
  host: HostReader,
  directory: FileStat | undefined,
  file: FileStat | undefined,
): Promise<Verdict> {
  const owners = await operators(host);
  const wrong: string[] = [];
  const check = (name: string, stat: FileStat) => {
    const mode = `0${stat.mode.toString(8).padStart(3, '0')}`;
    if (isWrittenByOthers(stat)) wrong.push(`${name} has mode ${mode}`);
    if (!owners.has(stat.uid)) wrong.push(`${name} belongs to uid ${stat.uid}`);
  };
  if (directory) check('the directory of the install', directory);
  // The mode of a link says nothing: what it leads to is somewhere else, and may be changed to lead elsewhere.
  if (file && file.kind !== 'file') wrong.push(`${PATH.waivers} is a ${file.kind}`);
  else if (file) check(PATH.waivers, file);
  const who = [...owners].join(' or ');
  if (wrong.length > 0)
    return fail(
      wrong.join('; '),
      `a plain file and its directory, owned by uid ${who}, written by nobody else`,
    );
  return pass(
    file
      ? `mode 0${file.mode.toString(8).padStart(3, '0')}, owner ${file.uid}`
      : `there is no ${PATH.waivers}, and only uid ${who} can make one`,
  );
}
