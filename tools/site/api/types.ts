/** Types of TypeScript as HTML, in which each name of ours is a link. */

import { escaped, textOf } from "../html.ts";
import type { Member, Members, Param, Signature, TsType, TypeParam } from "./doc_json.ts";

/** The address of what has a name, as it stands on the page; undefined for what is not ours. */
export type Resolve = (name: string) => string | undefined;

/** A line that is longer is broken. */
const WIDTH = 72;

/** A type. */
export function typeHtml(type: TsType | undefined, resolve: Resolve): string {
  if (type === undefined) return "";
  const html = (each: TsType | undefined) => typeHtml(each, resolve);
  switch (type.kind) {
    case "keyword":
      return `<span class="hljs-built_in">${type.value}</span>`;
    case "typeQuery":
      return `${word("typeof")} ${linked(type.value, resolve)}`;
    case "literal":
      return literal(type.value, type.repr);
    case "typeRef":
      return linked(type.value.typeName, resolve) + argumentsHtml(type.value.typeParams, resolve);
    case "union":
    case "intersection":
      return joined(type.value.map(html), type.kind === "union" ? "|" : "&amp;");
    case "tuple":
      return `[${type.value.map(html).join(", ")}]`;
    case "array":
      return `${type.value.kind === "union" ? `(${html(type.value)})` : html(type.value)}[]`;
    case "parenthesized":
      return `(${html(type.value)})`;
    case "rest":
      return `...${html(type.value)}`;
    case "optional":
      return `${html(type.value)}?`;
    case "typeOperator":
      return `${word(type.value.operator)} ${html(type.value.tsType)}`;
    case "indexedAccess":
      return `${html(type.value.objType)}[${html(type.value.indexType)}]`;
    case "fnOrConstructor":
      return (type.value.constructor ? `${word("new")} ` : "") +
        signatureHtml(type.value, resolve, " =&gt; ");
    case "typeLiteral":
      return literalHtml(type.value, resolve);
    case "mapped": {
      const { typeParam, tsType, optional, readonly } = type.value;
      const key = `[${typeParam.name} ${word("in")} ${html(typeParam.constraint)}]`;
      return `{ ${readonly ? `${word("readonly")} ` : ""}${key}${optional ? "?" : ""}: ${
        html(tsType)
      } }`;
    }
    case "conditional": {
      const { checkType, extendsType, trueType, falseType } = type.value;
      return `${html(checkType)} ${word("extends")} ${html(extendsType)}\n  ? ${
        html(trueType)
      }\n  : ${html(falseType)}`;
    }
    case "infer":
      return `${word("infer")} ${type.value.typeParam.name}`;
  }
}

/** Parameters and result of a function. */
export function signatureHtml(signature: Signature, resolve: Resolve, arrow = ": "): string {
  const params = signature.params.map((each) => paramHtml(each, resolve));
  const result = signature.returnType ?? signature.tsType;
  const end = result === undefined ? "" : arrow + typeHtml(result, resolve);
  const start = typeParamsHtml(signature.typeParams, resolve);
  const flat = `${start}(${params.join(", ")})${end}`;
  if (textOf(flat).length <= WIDTH || params.length === 0) return flat;
  return `${start}(\n${params.map((each) => `${indented(each)},\n`).join("")})${end}`;
}

/** A member in one line, or in as many as it needs. */
export function memberHtml(member: Member, resolve: Resolve): string {
  const { name, optional, functionDef, kind } = member;
  const modifiers = [
    member.accessibility,
    member.isStatic ? "static" : undefined,
    member.isAbstract ? "abstract" : undefined,
    kind === "getter" ? "get" : kind === "setter" ? "set" : undefined,
    member.readonly ? "readonly" : undefined,
  ].filter((each) => each !== undefined).map((each) => `${word(each)} `).join("");
  const shown = `${modifiers}<span class="hljs-title">${
    escaped(member.computed ? `[${name}]` : name)
  }</span>${optional ? "?" : ""}`;
  const signature = functionDef ?? (member.params === undefined ? undefined : member as Signature);
  if (signature !== undefined) return shown + signatureHtml(signature, resolve);
  return member.tsType === undefined ? shown : `${shown}: ${typeHtml(member.tsType, resolve)}`;
}

/** Type parameters as they are declared. */
export function typeParamsHtml(params: readonly TypeParam[] | undefined, resolve: Resolve): string {
  if (params === undefined || params.length === 0) return "";
  const shown = params.map(({ name, constraint, default: otherwise }) => {
    const bound = constraint === undefined
      ? ""
      : ` ${word("extends")} ${typeHtml(constraint, resolve)}`;
    return name + bound + (otherwise === undefined ? "" : ` = ${typeHtml(otherwise, resolve)}`);
  });
  return `&lt;${shown.join(", ")}&gt;`;
}

/** Type arguments. */
export function argumentsHtml(types: readonly TsType[] | undefined, resolve: Resolve): string {
  if (types === undefined || types.length === 0) return "";
  return `&lt;${types.map((each) => typeHtml(each, resolve)).join(", ")}&gt;`;
}

/** A word of the language. */
export function word(text: string): string {
  return `<span class="hljs-keyword">${text}</span>`;
}

function paramHtml(param: Param, resolve: Resolve): string {
  if (param.kind === "assign") {
    const left = paramHtml(param.left, resolve);
    return left.includes("?:") ? left : left.replace(":", "?:");
  }
  if (param.kind === "rest") {
    const name = param.arg.kind === "identifier" ? param.arg.name : "rest";
    return `...${name}: ${typeHtml(param.tsType, resolve)}`;
  }
  const name = param.kind === "identifier" ? param.name : "{ … }";
  const mark = param.kind === "identifier" && param.optional ? "?" : "";
  return param.tsType === undefined ? name : `${name}${mark}: ${typeHtml(param.tsType, resolve)}`;
}

function literalHtml(
  { properties = [], methods = [], callSignatures = [], indexSignatures = [] }: Members,
  resolve: Resolve,
): string {
  const members = [
    ...callSignatures.map((each) => signatureHtml(each as Signature, resolve)),
    ...indexSignatures.map((each) =>
      `[${each.params.map((param) => paramHtml(param, resolve)).join(", ")}]: ${
        typeHtml(each.tsType, resolve)
      }`
    ),
    ...[...properties, ...methods].map((each) => memberHtml(each, resolve)),
  ];
  const flat = `{ ${members.join("; ")} }`;
  if (members.length === 0) return "{}";
  if (textOf(flat).length <= WIDTH && !flat.includes("\n")) return flat;
  return `{\n${members.map((each) => `${indented(each)};\n`).join("")}}`;
}

function joined(parts: string[], sign: string): string {
  const flat = parts.join(` ${sign} `);
  if (textOf(flat).length <= WIDTH) return flat;
  return parts.map((each) => `\n  ${sign} ${indented(each).trimStart()}`).join("");
}

function literal({ kind, string }: { kind: string; string?: string }, repr = ""): string {
  if (kind === "string") {
    return `<span class="hljs-string">${escaped(JSON.stringify(string ?? repr))}</span>`;
  }
  if (kind === "template") return `<span class="hljs-string">\`${escaped(repr)}\`</span>`;
  return `<span class="hljs-number">${escaped(repr)}</span>`;
}

function linked(name: string, resolve: Resolve): string {
  const url = resolve(name);
  return url === undefined ? escaped(name) : `<a href="${url}">${escaped(name)}</a>`;
}

function indented(html: string): string {
  return html.split("\n").map((line) => `  ${line}`).join("\n");
}
