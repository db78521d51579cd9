/** Milliseconds between two signs of life. */
const EVERY = 30_000;

/** Says that something is still being waited for. There is a timer only while there is something to wait for. */
export class Heartbeat {
  readonly #say: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** @param what a noun phrase: what is being waited for */
  start(what: string): void {
    this.stop();
    let seconds = 0;
    this.#timer = setInterval(() => {
      seconds += EVERY / 1000;
      this.#say(`Still working on ${what}: ${seconds} s so far.`);
    }, EVERY);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
