/** The optional CoreCube Inference service as a program of its own. */
import { runCli } from './commands.ts';

process.exitCode = await runCli(['inference'], process.env);
