/** One value that can be watched. */
export interface Store<T> {
  get(): T;
  set(next: T): void;
  /** @returns a function that ends the watch */
  subscribe(listener: () => void): () => void;
}

/** A store; listeners hear of a change once it is made. */
export function createStore<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
