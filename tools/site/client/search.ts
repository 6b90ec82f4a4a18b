/** The search of a page: a combobox, whose index is loaded when it is first used. */

import MiniSearch from "npm:minisearch@7";
import { type Document, type Hit, OPTIONS, search } from "../search/settings.ts";
import { page, type PageElement } from "./dom.ts";

const { document } = page;

type Index = MiniSearch<Document>;

/** Gives the search its keys. */
export function startSearch(): void {
  const input = document.querySelector("#search")!;
  const list = document.querySelector("#hits")!;
  const status = document.querySelector(".search [role=status]")!;
  const root = document.body.dataset["root"] ?? "";
  let loading: Promise<Index> | undefined;
  let at = -1;

  const load = () => loading ??= loadIndex(`${root}assets/index.json`);
  const options = () => [...list.querySelectorAll("[role=option]")];
  const choose = (next: number) => {
    const all = options();
    at = all.length === 0 ? -1 : (next + all.length) % all.length;
    for (const [i, option] of all.entries()) option.setAttribute("aria-selected", String(i === at));
    all[at]?.scrollIntoView({ block: "nearest" });
    if (at < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", all[at]!.id);
  };
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
    input.removeAttribute("aria-activedescendant");
  };
  const show = async () => {
    const text = input.value;
    if (text.trim() === "") {
      status.textContent = "";
      return close();
    }
    const index = await load();
    if (input.value !== text) return;
    const hits = search(index, text);
    list.replaceChildren(...hits.map((hit, i) => optionOf(hit, i, root)));
    if (hits.length === 0) list.append(nothing());
    status.textContent = hits.length === 1 ? "1 hit" : `${hits.length} hits`;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    choose(0);
  };

  input.addEventListener("focus", () => void load());
  input.addEventListener("input", () => void show());
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(at + 1);
    else if (event.key === "ArrowUp") choose(at - 1);
    else if (event.key === "Enter") options()[at]?.click();
    else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      close();
    } else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = isIn(event.target, "input, textarea, select");
    const isShortcut = event.key === "/" || (event.key === "k" && (event.metaKey || event.ctrlKey));
    if (isTyping || !isShortcut || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!isIn(event.target, ".search")) close();
  });
  list.addEventListener("click", () => close());
}

/** Whether an event came to something inside of what a selector names; the document itself has no surroundings. */
function isIn(target: PageElement | null, selector: string): boolean {
  return (target?.closest?.(selector) ?? null) !== null;
}

async function loadIndex(url: string): Promise<Index> {
  const answer = await fetch(url);
  return MiniSearch.loadJSON<Document>(await answer.text(), OPTIONS);
}

function optionOf(
  { url, page: title, heading, excerpt }: Hit,
  i: number,
  root: string,
): PageElement {
  const option = document.createElement("a");
  option.id = `hit-${i}`;
  option.href = root + url;
  option.tabIndex = -1;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  const parts = [["strong", heading], ["small", title === heading ? "" : title.split(":")[0]!], [
    "span",
    excerpt,
  ]];
  for (const [tag, text] of parts) {
    if (text === "") continue;
    const part = document.createElement(tag!);
    part.textContent = text!;
    option.append(part);
  }
  return option;
}

function nothing(): PageElement {
  const text = document.createElement("p");
  text.textContent = "Nothing has these words.";
  return text;
}
