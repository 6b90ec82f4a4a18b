/** Event handler attributes such as `onopen` (HTML section 8.1.8.1). */

/** A handler, and the listener that stands for it among the others. */
interface Slot {
  value: unknown;
  readonly listener: (event: Event) => void;
}

/**
 * The handlers of one event target. One that is set takes its place among the listeners then, and keeps it
 * when another function is set; null gives the place up.
 */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #slots = new Map<string, Slot>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** What was set: a function, another object, which is never called, or null. */
  get(type: string): unknown {
    return this.#slots.get(type)?.value ?? null;
  }

  /** What is no object counts as null. */
  set(type: string, value: unknown): void {
    const isObject = typeof value === "function" || (typeof value === "object" && value !== null);
    const slot = this.#slots.get(type);
    if (!isObject) {
      if (slot === undefined) return;
      this.#slots.delete(type);
      this.#target.removeEventListener(type, slot.listener);
    } else if (slot !== undefined) slot.value = value;
    else this.#add(type, value);
  }

  #add(type: string, value: unknown): void {
    const slot: Slot = {
      value,
      listener: (event) => {
        if (typeof slot.value !== "function") return;
        if (slot.value.call(event.currentTarget, event) === false) event.preventDefault();
      },
    };
    this.#slots.set(type, slot);
    this.#target.addEventListener(type, slot.listener);
  }
}
