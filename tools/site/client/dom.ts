/**
 * What the script uses of a browser. The compiler's own library of the DOM would count for the whole project, in
 * which the runtime's types would then be others.
 */

/** A key, or a press of a pointer. */
export interface UserEvent {
  readonly key: string;
  readonly metaKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly target: PageElement | null;
  preventDefault(): void;
}

/** An element; which members count depends on its kind. */
export interface PageElement {
  id: string;
  className: string;
  textContent: string | null;
  hidden: boolean;
  tabIndex: number;
  type: string;
  value: string;
  href: string;
  readonly hash: string;
  scrollTop: number;
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly dataset: Record<string, string>;
  readonly classList: { toggle(name: string, isOn: boolean): void };
  addEventListener(type: string, listener: (event: UserEvent) => void): void;
  setAttribute(name: string, value: string): void;
  getAttribute(name: string): string | null;
  removeAttribute(name: string): void;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  closest?(selector: string): PageElement | null;
  append(...elements: PageElement[]): void;
  replaceChildren(...elements: PageElement[]): void;
  scrollIntoView(options: { block: "center" | "nearest" }): void;
  getBoundingClientRect(): { readonly top: number };
  focus(): void;
  blur(): void;
  select(): void;
  click(): void;
}

interface PageDocument {
  readonly documentElement: PageElement;
  readonly body: PageElement;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  getElementById(id: string): PageElement | null;
  createElement(tag: string): PageElement;
  addEventListener(
    type: string,
    listener: (event: UserEvent) => void,
    options?: { passive: boolean },
  ): void;
}

interface MediaQuery {
  readonly matches: boolean;
  addEventListener(type: "change", listener: () => void): void;
}

interface SizeObserver {
  observe(element: PageElement): void;
}

interface BrowserWindow {
  readonly document: PageDocument;
  readonly navigator: { readonly clipboard: { writeText(text: string): Promise<void> } };
  readonly ResizeObserver: new (
    callback: (entries: readonly { readonly target: PageElement }[]) => void,
  ) => SizeObserver;
  matchMedia(query: string): MediaQuery;
}

/** The browser's window. */
export const page: BrowserWindow = globalThis as unknown as BrowserWindow;
