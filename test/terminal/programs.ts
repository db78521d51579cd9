/** Small real programs that the terminal's own tests run. */
import { Terminal, type TerminalOptions } from './terminal.ts';

/** A script of bash's. */
export const bash = (script: string, options: TerminalOptions = {}) =>
  Terminal.start(['bash', '-c', script], options);
const RAW_READER = `
  process.stdin.setRawMode(true);
  process.stdin.on('data', (d) => { console.log('got', JSON.stringify(String(d)).replace('\\x7f', 'DEL')); if (String(d) === 'q') process.exit(7); });
  process.stdout.write(process.argv[1] + 'ready\\n');`;
/** A program in raw mode that writes `first`, shows each arrival of input as JSON, and ends with q. */
export const reader = (first = '') => Terminal.start([process.execPath, '-e', RAW_READER, first]);
