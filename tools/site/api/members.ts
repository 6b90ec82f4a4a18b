/** The members of what is exported, and their anchors. */

import type { Declaration, Member, TsType } from "./doc_json.ts";
import type { ApiModule, ApiSymbol } from "./model.ts";

/** The members that a declaration has itself. */
export function membersOf({ kind, def }: Declaration): Member[] {
  if (kind === "typeAlias" && def.tsType?.kind === "typeLiteral") {
    const { properties = [], methods = [] } = def.tsType.value;
    return [...properties, ...methods].filter(({ jsDoc }) => jsDoc !== undefined);
  }
  if (kind !== "interface" && kind !== "class") return [];
  const { constructors = [], properties = [], methods = [] } = def;
  return [...constructors, ...properties, ...methods].filter(({ accessibility }) =>
    accessibility !== "private"
  );
}

/** What declares a member of an interface: itself, or one that it extends. */
export function ownerOf(
  symbol: ApiSymbol,
  member: string,
  find: (name: string, module: ApiModule) => ApiSymbol | undefined,
): ApiSymbol | undefined {
  if (symbol.declarations.some((each) => membersOf(each).some(({ name }) => name === member))) {
    return symbol;
  }
  for (const { kind, def } of symbol.declarations) {
    const bases = kind === "interface" ? (def.extends ?? []) as TsType[] : [];
    for (const base of bases) {
      const found = base.kind === "typeRef" ? find(base.value.typeName, symbol.module) : undefined;
      const owner = found === undefined ? undefined : ownerOf(found, member, find);
      if (owner !== undefined) return owner;
    }
  }
  return undefined;
}

/** A member's name, as an anchor and as the end of an address. */
export function memberId(name: string): string {
  return name.replace(/[^\w$-]/g, "_");
}

/** Anchors for names, some of which come more than once. */
export function memberIds(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return count === 0 ? memberId(name) : `${memberId(name)}-${count}`;
  });
}
