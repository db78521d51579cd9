/**
 * Keeps what Node itself wants to say (`process.emitWarning`) off a screen that is being drawn on: a foreign line moves
 * everything below it, and Ink then erases the wrong rows. Nothing is lost: it is told when the screen is given back.
 * @returns gives warnings their usual way again and writes the held ones with `write`
 */
export function holdWarnings(write: (text: string) => void): () => void {
  const usual = process.listeners('warning');
  const held: Error[] = [];
  const hold = (warning: Error) => void held.push(warning);
  process.removeAllListeners('warning');
  process.on('warning', hold);
  return () => {
    process.off('warning', hold);
    for (const listener of usual.splice(0)) process.on('warning', listener);
    for (const warning of held.splice(0)) write(`${warning.name}: ${warning.message}\n`);
  };
}
