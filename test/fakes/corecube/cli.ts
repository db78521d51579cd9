/** The `corecube` command of the image; the server's bundle takes the same words. */
import { runCli } from './commands.ts';

const argv = process.argv.slice(2);
if (argv.length === 0) {
  process.stderr.write('usage: corecube <command>\n');
  process.exitCode = 2;
} else {
  process.exitCode = await runCli(argv, process.env);
}
