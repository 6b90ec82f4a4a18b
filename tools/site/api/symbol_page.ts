/** The page of one name that the package exports. */

import { escaped, relativeUrl } from "../html.ts";
import { anchorLink } from "../markdown.ts";
import type { Page, Section } from "../page.ts";
import { Comments, type Workshop } from "./comments.ts";
import type { Declaration, JsDoc, Signature, TsType } from "./doc_json.ts";
import { memberId, memberIds, membersOf } from "./members.ts";
import type { ApiSymbol } from "./model.ts";
import {
  argumentsHtml,
  memberHtml,
  type Resolve,
  signatureHtml,
  typeHtml,
  typeParamsHtml,
  word,
} from "./types.ts";

const KINDS: Readonly<Record<Declaration["kind"], string>> = {
  function: "function",
  interface: "interface",
  class: "class",
  typeAlias: "type",
  variable: "constant",
  namespace: "namespace",
  reference: "",
};

/** The page. */
export function symbolPage(symbol: ApiSymbol, workshop: Workshop): Page {
  const { name, url, module, declarations } = symbol;
  const members = declarations.flatMap(membersOf);
  const names = new Set(members.map((each) => each.name));
  const comments = new Comments(workshop, { url, module, members: names });
  const kind = KINDS[declarations[0]!.kind];
  const isType = kind === "interface" || kind === "type";
  const sections: Section[] = [
    { id: "", level: 1, heading: name, text: plainDoc(declarations[0]!.jsDoc), code: "" },
    ...members.map((member) => ({
      id: memberId(member.name),
      level: 2,
      heading: `${name}.${member.name}`,
      text: plainDoc(member.jsDoc),
      code: "",
    })),
  ];
  const html = [
    `<p class="kind">${kind} of <a href="${relativeUrl(url, module.url)}">${
      escaped(module.specifier)
    }</a></p>`,
    `<h1 class="name">${escaped(name)}</h1>`,
    pre(
      `${word("import")} ${isType ? `${word("type")} ` : ""}{ ${name} } ${
        word("from")
      } <span class="hljs-string">"jsr:${module.specifier}"</span>;`,
    ),
    ...declarations.map((declaration) => declarationHtml(symbol, declaration, workshop, comments)),
  ].join("\n");
  return { url, title: name, kind: "reference", html, sections };
}

/** A docstring without its links' braces, for the search. */
export function plainDoc(doc: JsDoc | undefined): string {
  return (doc?.doc ?? "").replace(/\{@\w+\s+([^}]*)\}/g, "$1").replace(/[`*]|\n?```[^]*?```/g, "");
}

/** The shape of what is exported; its colours are there already. */
export function pre(html: string): string {
  return `<div class="code shape"><pre><code>${html}</code></pre></div>`;
}

function declarationHtml(
  symbol: ApiSymbol,
  declaration: Declaration,
  workshop: Workshop,
  comments: Comments,
): string {
  const { jsDoc, location } = declaration;
  return [
    pre(head(symbol.name, declaration, comments.resolve)),
    `<p class="declared">${comments.source(location)}</p>`,
    comments.whole(jsDoc, 2),
    memberList(declaration, comments),
    inherited(symbol, declaration, workshop, comments),
  ].join("\n");
}

function head(name: string, { kind, def }: Declaration, resolve: Resolve): string {
  const shown = `<span class="hljs-title">${name}</span>`;
  const params = typeParamsHtml(def.typeParams, resolve);
  const of = (types: readonly TsType[], before: string) =>
    types.length === 0
      ? ""
      : `\n  ${word(before)} ${types.map((each) => typeHtml(each, resolve)).join(", ")}`;
  if (kind === "function") {
    return `${word("function")} ${shown}${signatureHtml(def as Signature, resolve)}`;
  }
  if (kind === "typeAlias") {
    return `${word("type")} ${shown}${params} = ${typeHtml(def.tsType, resolve)}`;
  }
  if (kind === "variable") return `${word("const")} ${shown}: ${typeHtml(def.tsType, resolve)}`;
  if (kind === "interface") {
    return `${word("interface")} ${shown}${params}${
      of((def.extends ?? []) as TsType[], "extends")
    }`;
  }
  const base = typeof def.extends === "string"
    ? `\n  ${word("extends")} ${baseHtml(def.extends, resolve)}${
      argumentsHtml(def.superTypeParams, resolve)
    }`
    : "";
  const mark = def.isAbstract ? `${word("abstract")} ` : "";
  return `${mark}${word("class")} ${shown}${params}${base}${
    of(def.implements ?? [], "implements")
  }`;
}

function baseHtml(name: string, resolve: Resolve): string {
  const url = resolve(name);
  return url === undefined ? escaped(name) : `<a href="${url}">${escaped(name)}</a>`;
}

function memberList(declaration: Declaration, comments: Comments): string {
  const members = membersOf(declaration);
  const calls = declaration.def.callSignatures ?? [];
  const ids = memberIds(members.map(({ name }) => name));
  const shownCalls = calls.map((each) =>
    `<section class="member">${pre(signatureHtml(each as Signature, comments.resolve))}${
      comments.whole(each.jsDoc, 4)
    }</section>`
  );
  const shown = members.map((member, i) => {
    const heading = `<div class="heading"><h3 id="${ids[i]}"><code>${
      escaped(member.name)
    }</code></h3>${anchorLink(ids[i]!, escaped(member.name))}</div>`;
    return `<section class="member">${heading}${pre(memberHtml(member, comments.resolve))}${
      comments.whole(member.jsDoc, 4)
    }</section>`;
  });
  const title = (text: string, list: string[]) =>
    list.length === 0 ? "" : `<h2 class="part">${text}</h2>${list.join("\n")}`;
  return title("Calls", shownCalls) + title("Members", shown);
}

/** The members that an interface has from those that it extends, as links. */
function inherited(
  { module }: ApiSymbol,
  { kind, def }: Declaration,
  { find }: Workshop,
  comments: Comments,
): string {
  const bases = kind === "interface" ? (def.extends ?? []) as TsType[] : [];
  const lists = bases.map((base) => {
    const name = base.kind === "typeRef" ? base.value.typeName : "";
    const members = find(name, module)?.declarations.flatMap(membersOf) ?? [];
    const links = members.map((each) =>
      `<a href="${comments.resolve(`${name}.${each.name}`)}"><code>${escaped(each.name)}</code></a>`
    );
    return links.length === 0
      ? ""
      : `<dt>of ${typeHtml(base, comments.resolve)}</dt><dd class="names">${links.join(" ")}</dd>`;
  }).join("");
  return lists === "" ? "" : `<h2 class="part">Inherited members</h2><dl>${lists}</dl>`;
}
