import { type Config, readConfig, readGeneration, StartError } from './config.ts';
import { readFaults } from './faults.ts';
import { serveInference } from './inference-server.ts';
import { createLog, type Log, reason } from './log.ts';
import { rotateKey } from './rotate.ts';
import { hideSecrets, start } from './start.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves when the process is told to stop. */
const stopSignal = () =>
  new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });

async function serve(config: Config, env: Environment, log: Log): Promise<number> {
  // Listening for the signal before anything slow starts: as process 1 there is no default action.
  const told = stopSignal();
  const early = told.then(() => 'stopped' as const);
  const running = start(config, readFaults(env, config.dataDir), log);
  const first = await Promise.race([running, early]);
  if (first === 'stopped') {
    running.then((late) => late.stop()).catch(() => {});
    process.exit(0);
  }
  log.info('stopping', { signal: await told });
  await first.stop();
  return 0;
}

/**
 * The program in the image: `serve` (also without a word), `rotate-key` (v1 only) and `inference`.
 * 0 done, 1 failed, 2 no such command in this release.
 */
export async function runCli(argv: readonly string[], env: Environment): Promise<number> {
  const log = createLog();
  try {
    const command = argv[0] ?? 'serve';
    if (command === 'inference') return await serveInference(Number(env.PORT ?? 8080), stopSignal(), log);
    const known = readGeneration(env) === 'v1' ? ['serve', 'rotate-key'] : ['serve'];
    if (!known.includes(command) || argv.length > 1) {
      process.stderr.write(`corecube: unknown command: ${argv.join(' ')}\n`);
      return 2;
    }
    const config = readConfig(env);
    hideSecrets(config, log);
    return command === 'serve' ? await serve(config, env, log) : await rotateKey(config, env, log);
  } catch (error) {
    if (!(error instanceof StartError)) {
      log.error('unexpected failure', { reason: reason(error) });
      return 1;
    }
    for (const line of error.message.split('\n')) log.error(line);
    return 1;
  }
}
